//! How alike two objects are: one file for each geometry.

mod bbox;
mod boundary;
mod keypoint;
mod mask;
mod pixel;

use crate::error::Result;

pub use bbox::{BoxIou, box_iou};
pub use boundary::{BoundaryIou, DILATION_RATIO, distance};
pub use keypoint::{Exp, Oks};
pub use mask::{MaskIou, MaskScratch, Measures, compress, measure};
pub use pixel::{PixelIou, pixel_iou};

/// Similarity of the detections and ground truths of one cell.
pub trait Similarity: Sync {
    /// Working memory that one thread reuses from cell to cell.
    type Scratch: Default + Send;

    /// Fills `out`, `(D, G)` row by row: `out[d * G + g]` is the similarity of detection `detections[d]` to ground
    /// truth `ground_truths[g]` (indices into the columns).
    ///
    /// A value below `floor` need not be exact, as long as what is written is below `floor` too; with a `floor`
    /// of negative infinity every value is exact.
    fn fill(
        &self,
        scratch: &mut Self::Scratch,
        detections: &[u32],
        ground_truths: &[u32],
        floor: f64,
        out: &mut [f64],
    ) -> Result<()>;

    /// That a detection will be compared soon. Cells lie elsewhere in memory than their objects.
    fn prefetch_detection(&self, _object: u32) {}

    /// Likewise a ground truth.
    fn prefetch_ground_truth(&self, _object: u32) {}
}
