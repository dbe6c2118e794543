//! Analyses of a match table beyond the curves, a file each. Partners are read from the table; only
//! [`error_types`] compares objects, those that did not match.
//!
//! | file | question |
//! |---|---|
//! | [`resample`] | What would the numbers be on other images like these? |
//! | [`counts`] | How many are right, how many wrong, above each score? |
//! | [`ties`] | How much can the order of equal scores change AP? |
//! | [`operating`] | Which score threshold meets a target, and what is its confidence interval? |
//! | [`pooled`] | What if all categories were ranked together? |
//! | [`confusion`] | Which categories are confused? |
//! | [`error_types`] | Why are detections wrong, and about which ground truth? |
//! | [`states`] | What became of each ground truth? |
//! | [`corrected`] | What if errors of one type were corrected? |
//! | [`lrp`] | How well are objects found and placed at the best threshold? |

pub mod confusion;
pub mod corrected;
pub mod counts;
pub mod error_types;
pub mod lrp;
pub mod operating;
pub mod pooled;
mod ranked;
pub mod resample;
pub mod states;
pub mod ties;

pub use ranked::Reading;
