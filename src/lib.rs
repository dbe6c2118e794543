//! Mean average precision and related metrics.
//!
//! ```text
//! json  ->  columns  ->  similarity  ->  matching  ->  MatchTable  ->  curve
//! ```
//!
//! Each stage takes values and returns values; `ARCHITECTURE.md` describes the modules. Imports run downwards
//! only: a module may use those declared above it here, never those below.
//!
//! Letters, as in the reference: T thresholds, R recall points, K categories, A area ranges, M maximum detections,
//! D detections and G ground truths of one cell (one category in one image), I images.

mod random;

mod allocator;
pub mod error;
pub mod progress;
pub mod score;
pub mod simd;
pub mod sum;
pub mod threads;

#[cfg(test)]
mod test_files;

pub mod sort;

pub mod arrow;

pub mod columns;
pub mod rle;

pub mod json;

pub mod labels;

pub mod similarity;

pub mod matching;

pub mod curve;

pub mod evaluate;

pub mod analysis;

pub mod batch;

pub mod pixels;

pub mod ranking;

#[cfg(feature = "python")]
mod python;

pub use error::{Error, ErrorKind, Result};
