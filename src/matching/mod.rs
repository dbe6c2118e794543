//! Matching, cell by cell, and the match table, optionally with partners.

mod argmax;
mod cells;
mod counting;
mod greedy;
mod log;
mod matcher;
mod pair;
mod partners;
mod radix;
mod table;

pub use argmax::Argmax;
pub use cells::{
    Cells, Extent, InImage, Meeting, NOT_EVALUATED, Positions, end_of_cell, end_of_image, meetings,
};
pub use greedy::{Candidates, Greedy, floor};
pub use log::{Columns, ImageKeys, Legend, MatchLog};
pub use matcher::{MATCHERS, Matcher, OnMatch, Pairs};
pub use pair::{ErrorType, Pair};
pub use partners::{NO_PARTNER, Partners};
pub use radix::sort_by_integer;
pub use table::{AreaRange, Bits, MOST_AREA_RANGES, MatchTable, Outcome, Row, Truth, Verdict, each_bit};
