//! Analyses of a match table beyond the curves, a file each. Partners are read from the table; only
//! [`error_types`] compares objects, those that did not match.
//!
//! | file | question |
//! |---|---|
//! | [`resample`] | What would the numbers be on other images like these? |
//! | [`counts`] | How many true and false positives score at least so much? |
//! | [`ties`] | How much can the order of equal scores change AP? |
//! | [`operating`] | Which score threshold meets a target, and what is its confidence interval? |
//! | [`pooled`] | What if all categories were ranked together? |
//! | [`cell_outcomes`] | What became of the objects of one image and category? |
//! | [`confusion`] | Which categories are confused? |
//! | [`error_types`] | Why are detections wrong, and about which ground truth? |
//! | [`states`] | What became of each ground truth? |
//! | [`corrected`] | What if errors of one type were corrected? |
//! | [`jaccard`] | How much of what is there and what is found belongs together, image by image? |
//! | [`orientation`] | How well do orientations agree, by KITTI's average over recalls? |
//! | [`lrp`] | How well are objects found and placed at the best threshold? |
//!
//! ```
//! use meanap::analysis::{Ranking, cumulative_counts};
//! use meanap::matching::{Cells, MatchTable, OutcomeLayout, Row, Truth};
//! use meanap::progress::Progress;
//!
//! // One false positive and one ground truth, in one area range and at one threshold.
//! let table = MatchTable::new(
//!     OutcomeLayout { areas: 1, thresholds: 1, samples: false },
//!     Cells { groups: vec![0, 1], items: vec![Row::unmatched(0.5, 0, 0, 0, 0)] },
//!     Cells { groups: vec![0, 1], items: vec![Truth { image: 0, object: 0, areas: 1 }] },
//!     Vec::new(),
//! );
//! let ranking = Ranking::new(&table, 0..1, 0, 100, &Progress::default())?;
//! let counts = cumulative_counts(ranking.of(&table), 0, &Progress::default())?;
//! assert_eq!((counts.true_positives, counts.false_positives, counts.positives), (vec![0], vec![1], 1));
//! # Ok::<(), meanap::Error>(())
//! ```

mod assignment;
mod cell_outcomes;
mod confusion;
mod corrected;
mod counts;
mod error_types;
mod jaccard;
mod lrp;
mod operating;
mod orientation;
mod pooled;
mod ranked;
mod resample;
mod sample_weights;
mod sampled_precision;
mod sampled_recall;
mod sampled_rows;
mod states;
mod ties;

pub use cell_outcomes::{CellOutcomes, all_cells, evaluated_rows};
pub use confusion::{ConfusionCounts, confusion_counts, confusion_table};
pub use corrected::{Correction, corrected};
pub use counts::{CumulativeCounts, cumulative_counts};
pub use error_types::{error_table, leave_out_the_unconfident};
pub use jaccard::{JaccardCounts, jaccard_counts};
pub use lrp::{OptimalLrp, optimal_lrp};
pub use operating::{NO_POINT, OperatingPoint, OperatingPoints, OperatingRule};
pub use orientation::orientation_similarities;
pub use pooled::pooled;
pub use ranked::{Averaging, Ranked, Ranking};
pub use resample::{Resampled, Resampler};
pub use sample_weights::ImageWeights;
pub use states::{States, TruthState};
pub use ties::{TieBounds, tie_bounds};
