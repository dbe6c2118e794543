//! Greedy matching, cell by cell, and the table of its outcomes.

mod cells;
mod greedy;
mod score;
mod table;

pub use cells::{
    Cells, Extent, InImage, Meeting, NOT_EVALUATED, Positions, end_of_cell, end_of_image, meetings,
};
pub use greedy::{Candidates, floor, match_greedily};
pub use score::descending_key;
pub use table::{AreaRange, Bits, MOST_AREA_RANGES, MatchTable, Outcome, Part, Row, Truth, each_bit};
