//! COCO JSON into columns: the only place that knows JSON.
//!
//! A file is never held whole: workers slide small windows over it and parse records straight into columns.
//! Input that the columns cannot represent exactly is not converted ([`Dataset::fallback`]).
//!
//! | file | question |
//! |---|---|
//! | [`source`] | Where do the bytes come from? |
//! | [`encoding`] | How is their text stored? |
//! | [`window`] | Which of them are in memory? |
//! | [`scanner`] | What is a token of JSON? |
//! | [`number`], [`powers_of_five`] | Which double is a number? |
//! | [`fast`] | What is a value, in the form that most files write? |
//! | [`skip_numbers`] | How long is this array of numbers? |
//! | [`record`] | What does a record hold, and in which order? |
//! | [`annotations`], [`id_table`] | What becomes a column? |
//! | [`growth`] | How does a column grow? |
//! | [`eager`] | Which geometry is decoded eagerly? |
//! | [`blocks`] | Who reads which part of the file? |
//! | [`dataset`] | What does the whole file say? |
//! | [`partition`] | Which records of it are about which images? |
//! | [`regions`], [`segmentation`], [`pose`] | What was passed over when the file was read? |
//! | [`objects`] | What does an evaluation need of it? |
//! | [`error`] | Why could it not be read, or not as columns? |
//!
//! ```
//! use std::path::Path;
//!
//! use meanap::json::{Dataset, FileKind, Source};
//!
//! let text = br#"[{"image_id": 7, "category_id": 1, "bbox": [0, 0, 2, 2], "score": 0.5}]"#;
//! let results = Dataset::read_open(Path::new("results.json"), Source::from(text.to_vec()), FileKind::Results);
//! assert_eq!(results.expect("valid results").len(), 1);
//! ```

pub(crate) mod annotations;
pub(crate) mod blocks;
pub(crate) mod dataset;
pub(crate) mod eager;
pub(crate) mod encoding;
pub(crate) mod error;
pub(crate) mod fast;
pub(crate) mod growth;
pub(crate) mod id_table;
pub mod number;
pub(crate) mod objects;
pub(crate) mod partition;
pub(crate) mod pose;
pub(crate) mod powers_of_five;
pub(crate) mod record;
pub(crate) mod regions;
mod rounded;
pub(crate) mod scanner;
pub(crate) mod segmentation;
pub(crate) mod skip_numbers;
pub(crate) mod source;
pub(crate) mod window;

pub use annotations::{Annotations, Spans};
pub use blocks::BlockPlan;
pub use dataset::{Dataset, FileKind, SharedColumns};
pub use error::{Fallback, NotColumnar};
pub use id_table::IdTable;
pub use objects::Role;
pub use partition::{Bins, RecordList, bin_of};
pub use pose::bounding_box;
pub use source::{Piece, Source};
