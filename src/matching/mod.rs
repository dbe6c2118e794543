//! Greedy matching, cell by cell, and the table of its outcomes.

mod cells;
mod greedy;
mod score;
mod table;

pub use cells::{Cells, Extent, Meeting, NOT_EVALUATED, Positions, meetings, shares};
pub use greedy::{Candidates, floor, match_greedily};
pub use score::{best_first, descending_key};
pub use table::{AreaRange, Bits, MOST_AREA_RANGES, MatchTable, Outcome, Rows};
