//! How alike two objects are: a file for each kind of similarity, and the registry that lists them.
//!
//! The rest of the program looks a similarity up in the [registry](SimilarityKind::named) by name and holds a
//! `Box<dyn Similarity>`. A similarity is dispatched dynamically once for each cell, so adding one costs nothing where
//! it is not used.
//!
//! ```
//! use meanap::similarity::box_iou;
//!
//! let (detection, ground_truth) = ([0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 2.0, 2.0]);
//! assert_eq!(box_iou(&detection, &ground_truth, false), 2.0 / 6.0);
//! assert_eq!(box_iou(&detection, &ground_truth, true), 2.0 / 4.0);
//! ```

mod bbox;
mod boundary;
mod centre_distance;
#[cfg(test)]
mod centres;
mod ciou;
mod diou;
mod giou;
mod keypoint;
mod mask;
mod pairwise;
mod pixel;
mod polygon;
mod region;
mod registry;
mod rotated;
mod temporal;

use crate::error::Result;

pub use bbox::box_iou;
pub use boundary::{DILATION_RATIO, distance};
pub use keypoint::Exp;
pub use mask::{Measures, compress, measure};
pub use pixel::pixel_iou;
pub use region::{Region, area_within, ignore_within};
pub use registry::{KINDS, Parameters, SimilarityKind};
pub use rotated::{AngleConvention, RotatedIou, rotated_corners, rotated_similarity};

/// A similarity that has been given the columns of both sides.
pub trait Similarity: Send + Sync {
    /// What compares the objects of a cell, with working memory that one thread reuses from cell to cell.
    fn comparer(&self) -> Comparer<'_>;

    /// That these objects of one side will be compared soon. Cells lie elsewhere in memory than their objects.
    fn prefetch(&self, _side: Side, _objects: &[u32]) {}
}

/// Compares the objects of one cell: `compare(detections, ground_truths, floor, out)`.
///
/// Fills `out`, `(D, G)` row by row: `out[d * G + g]` is the similarity of detection `detections[d]` to ground truth
/// `ground_truths[g]` (indices into the columns).
///
/// A value below `floor` need not be exact, as long as what is written is below `floor` too; with a `floor` of negative
/// infinity every value is exact.
///
/// # Errors
///
/// A mask that cannot be decoded, and masks that cannot be compared.
pub type Comparer<'a> = Box<dyn FnMut(&[u32], &[u32], f64, &mut [f64]) -> Result<()> + Send + 'a>;

/// One of the two sides of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The detections.
    Detections,
    /// The ground truth.
    GroundTruth,
}

impl Side {
    /// The value that belongs to this side.
    fn of<T>(self, detections: T, ground_truths: T) -> T {
        match self {
            Side::Detections => detections,
            Side::GroundTruth => ground_truths,
        }
    }
}
