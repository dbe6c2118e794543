//! COCO JSON into columns: the only place that knows JSON.
//!
//! | file | question |
//! |---|---|
//! | [`scanner`] | What is a token of JSON? |
//! | [`number`], [`power`] | Which double is a number? |

pub mod number;
pub mod power;
pub mod scanner;
