//! What a match table tells beyond the curves: one question, one file. Nothing here looks at boxes again.
//!
//! | file | question |
//! |---|---|
//! | [`resample`] | What would the numbers be on other images like these? |
//! | [`counts`] | How many are right, how many wrong, above each score? |
//! | [`ties`] | How much do equal scores leave to chance? |
//! | [`operating`] | Which score to act on, and how sure is that? |
//! | [`pooled`] | What if all categories were ranked together? |
//! | [`mistakes`] | What does a table of mistakes hold? |
//! | [`repaired`] | What if errors of one kind were put right? |
//! | [`lrp`] | How well are objects found and placed at the best threshold? |

pub mod counts;
pub mod lrp;
pub mod mistakes;
pub mod operating;
pub mod pooled;
mod ranked;
pub mod repaired;
pub mod resample;
pub mod ties;

pub use ranked::Reading;
