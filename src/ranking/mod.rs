//! Measures over ranked lists: read, place the judged documents, measure.
//!
//! ```text
//! qrels + run  ->  hits (judged documents that were retrieved, with what lies above them)  ->  measures
//! ```
//!
//! A list is never sorted as a whole. Each measure depends only on the ranks of the judged documents, and a rank is
//! one more than the number of documents that score higher: counting is enough, and only ties need an order.
//!
//! Imports run downwards here too: a file may use those declared above it (`compare` knows the `Hit` of `hits`).

pub mod sum;

pub mod conventions;
pub mod measure;

pub mod ids;
pub mod qrels;
pub mod trec;

mod compare;
pub mod expected;
pub mod hits;
pub mod score;
mod sieve;

pub mod evaluate;

pub mod at_k;
pub mod classification;
pub mod dense;
pub mod partition;

pub mod statistics;
