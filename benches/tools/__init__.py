"""How each tool does the work: in the fastest way that its own documentation shows."""
