//! Greedy matching and the table of its outcomes.
