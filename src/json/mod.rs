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
//! | [`failure`] | Why could it not be read? |

pub mod annotations;
pub mod blocks;
pub mod dataset;
pub mod eager;
pub mod encoding;
pub mod failure;
pub mod fast;
pub mod growth;
pub mod id_table;
pub mod number;
pub mod objects;
pub mod partition;
pub mod pose;
pub mod powers_of_five;
pub mod record;
pub mod regions;
pub mod scanner;
pub mod segmentation;
pub mod skip_numbers;
pub mod source;
pub mod window;

pub use dataset::{Dataset, FileKind};
pub use failure::Failure;
pub use objects::Role;
pub use partition::{Bins, RecordList, bin_of};
pub use source::Source;
