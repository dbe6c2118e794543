//! Precision-recall curves from the match table.
