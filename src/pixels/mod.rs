//! Measures over pixels: semantic and panoptic segmentation.
//!
//! Every measure here is derived from counts that are added up image by image and never grow with their number: a
//! confusion matrix, boundary pixels, panoptic matches, histograms of scores. Two halves of a data set, counted
//! separately and added, give what counting the whole gives.
//!
//! | file | question |
//! |---|---|
//! | [`labels`] | What does a label mean: a class, ignored, or invalid? |
//! | [`confusion`] | How many pixels of class i were predicted as class j? |
//! | [`contour`] | Which pixels lie near the edge of their region? |
//! | [`semantic`] | The counts of all of that over maps and files. |
//! | [`scores`] | Which class has the highest score in each pixel? |
//! | [`regions`] | Which pixels of a class hang together, and what are their runs? |
//! | [`average_precision`] | How well do pixel scores rank the pixels of a class? |
//! | [`histogram`] | The same for more pixels than memory holds, with an error bound. |
//! | [`panoptic`] | Which segments are found, missed, or made up? |
//! | [`pairs`] | How many pixels have each pair of ids? |
//! | [`rows`] | What are the rows of a colour PNG, without the image being whole? |
//! | [`png`] | What numbers does a PNG file hold? |
//!
//! ```
//! use meanap::pixels::{Confusion, LabelRule, Labels};
//!
//! let rule = LabelRule::new(2, Some(255), false)?;
//! let (target, prediction) = ([0, 0, 1, 255], [0, 1, 1, 1]);
//! let confusion = Confusion::of(Labels::U8(&target), Labels::U8(&prediction), &rule, 4)?;
//! // Rows are classes of the target; the last column counts predictions of no class.
//! assert_eq!(confusion.counts, [1, 1, 0, 0, 1, 0]);
//! # Ok::<(), meanap::Error>(())
//! ```

pub mod average_precision;
pub mod confusion;
pub mod contour;
pub mod histogram;
pub mod labels;
pub mod pairs;
pub mod panoptic;
pub mod png;
pub mod regions;
pub mod rows;
pub mod scores;
pub mod semantic;

pub use confusion::Confusion;
pub use labels::{LabelRule, Labels};
