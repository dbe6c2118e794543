"""How each tool is asked to do the work: the fastest way that its own documentation shows."""
