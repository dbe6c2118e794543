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

pub mod conventions;
pub mod sum;

pub mod classification;
pub mod ids;

pub mod cwl;
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

pub mod expected;

pub mod plan;

pub mod evaluate;
pub mod looked_up;

pub mod at_k;
pub mod dense;
pub mod partition;

pub mod statistics;
