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
//! | [`number`], [`power`] | Which double is a number? |
//! | [`usual`] | What is a value, as most files write it? |
//! | [`marks`] | How long is this array of numbers? |
//! | [`record`] | What does a record hold, and in which order? |
//! | [`annotations`], [`listed`], [`codes`] | What becomes a column? |
//! | [`growing`] | How does a column grow? |
//! | [`kept`] | Which geometry is decoded eagerly? |
//! | [`blocks`] | Who reads which part of the file? |
//! | [`dataset`] | What does the whole file say? |
//! | [`apart`] | Which part of it is about which images? |
//! | [`regions`], [`segmentation`], [`pose`] | What was passed over when the file was read? |
//! | [`objects`] | What does an evaluation need of it? |
//! | [`failure`] | Why could it not be read? |

pub mod annotations;
pub mod apart;
pub mod blocks;
pub mod codes;
pub mod dataset;
pub mod encoding;
pub mod failure;
pub mod growing;
pub mod kept;
pub mod listed;
pub mod marks;
pub mod number;
pub mod objects;
pub mod pose;
pub mod power;
pub mod record;
pub mod regions;
pub mod scanner;
pub mod segmentation;
pub mod source;
pub mod usual;
pub mod window;

pub use apart::{Bins, Table, bin_of};
pub use dataset::{Dataset, Kind};
pub use failure::Failure;
pub use objects::Role;
pub use source::Source;
