//! What a match table tells beyond the curves: one question, one file. Nothing here looks at boxes again.
//!
//! | file | question |
//! |---|---|
//! | [`resample`] | What would the numbers be on other images like these? |
//! | [`counts`] | How many are right, how many wrong, above each score? |
//! | [`ties`] | How much do equal scores leave to chance? |
//! | [`pooled`] | What if all categories were ranked together? |

pub mod counts;
pub mod pooled;
mod ranked;
pub mod resample;
pub mod ties;

pub use ranked::Reading;
