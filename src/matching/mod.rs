//! Matching, cell by cell, and the match table, optionally with partners.
//!
//! ```
//! use meanap::matching::{Candidates, CellPairs, Matcher};
//!
//! // Two detections, best first, and two ground truths: (D, G).
//! let (similarity, thresholds) = ([0.9, 0.6, 0.8, 0.7], [0.5, 0.75]);
//! let mut candidates = Candidates::default();
//! candidates.collect(&similarity, 2, &thresholds)?;
//! let (ignored, crowd) = (&[false; 2], &[false; 2]);
//! let cell = CellPairs { candidates: &candidates, thresholds: &thresholds, ignored, crowd, uncounted: &[], claims: &|_| true };
//!
//! let mut matches = Vec::new();
//! let greedy = <dyn Matcher>::named("greedy")?;
//! greedy.match_cell(&cell, &mut Vec::new(), &mut |_word, at, d, g, _| matches.push((at, d, g)));
//! // The first detection matches at both thresholds, the second one at the lower one.
//! assert_eq!(matches, [(0b11, 0, 0), (0b01, 1, 1)]);
//! # Ok::<(), meanap::Error>(())
//! ```

mod argmax;
mod cells;
mod counting;
mod greedy;
mod greedy_first;
mod group_of;
mod kitti;
mod log;
mod matcher;
mod pair;
mod partners;
mod single;
mod subset;
mod table;

pub use argmax::Argmax;
pub use cells::{
    CellGrid, Cells, InImage, NOT_EVALUATED, Positions, SharedCell, end_of_cell, end_of_image, shared_cells,
};
pub use greedy::{Candidates, Greedy, lowest_threshold};
pub use group_of::GroupOf;
pub use kitti::added_values;
pub use log::{ImageKeys, LogColumns, LogIds, MatchLog};
pub use matcher::{CellPairs, MATCHERS, MatchKind, Matcher, OnMatch};
pub use pair::{ErrorType, Pair};
pub use partners::{NO_PARTNER, Partners};
pub use table::{
    AreaRange, CountedThresholds, MOST_AREA_RANGES, MatchTable, Outcome, OutcomeLayout, Row, Truth, each_bit,
};
