//! Measures over ranked lists: read, place the judged documents, measure.
//!
//! ```text
//! qrels + run  ->  hits (judged documents that were retrieved, with what lies above them)  ->  measures
//! ```
//!
//! A list is never sorted as a whole. Each measure depends only on the ranks of the judged documents, and a rank is
//! one more than the number of documents that score higher: counting is enough, and only ties need an order.
//!
//! Imports run downwards here too: a file may use those declared above it.
//!
//! ```
//! use meanap::progress::Progress;
//! use meanap::ranking::at_k::{Lists, average_precision_at_k};
//!
//! let actual = Lists { offsets: &[0, 2], values: &[1, 3] };
//! let predicted = Lists { offsets: &[0, 3], values: &[1, 2, 3] };
//! let mut values = [0.0];
//! average_precision_at_k(actual, predicted, 10, &Progress::default(), &mut values)?;
//! assert_eq!(values, [(1.0 + 2.0 / 3.0) / 2.0]);
//! # Ok::<(), meanap::Error>(())
//! ```

pub mod conventions;

pub mod classification;
pub mod ids;

pub mod cwl;
pub mod diversity;
pub mod measure;
pub mod trec_eval;

pub mod sieve;

pub mod trec;

pub mod judgements;
pub mod qrels;
pub mod run;

pub mod hits;

pub mod matching;
pub mod score;

pub mod compatibility;
pub mod expected_gain;
pub mod gains;
pub mod subtopics;

pub mod expected;

pub mod plan;

pub mod evaluate;
pub mod looked_up;
pub mod overlap;

pub mod at_k;
pub mod dense;
pub mod partition;

pub mod statistics;
