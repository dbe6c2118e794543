//! Intersection over union of boxes whose corners are pixels.

use std::sync::Arc;

use super::{Comparer, Similarity};
use crate::columns::{Boxes, Geometry, Objects};
use crate::error::{Error, Result};

/// Intersection over union where a box reaches from its first to its last pixel, both inside: a box from 3 to 3 is one
/// pixel wide. Boxes are `x, y, width, height` with `width = last - first`.
///
/// Source: `VOCevaldet.m` of the PASCAL VOC development kit (`bi(3) - bi(1) + 1`).
#[inline]
pub fn pixel_iou(detection: &[f64; 4], ground_truth: &[f64; 4]) -> f64 {
    let [dx, dy, dw, dh] = *detection;
    let [gx, gy, gw, gh] = *ground_truth;
    let width = (dx + dw).min(gx + gw) - dx.max(gx) + 1.0;
    let height = (dy + dh).min(gy + gh) - dy.max(gy) + 1.0;
    if width <= 0.0 || height <= 0.0 {
        return 0.0;
    }
    let intersection = width * height;
    intersection / ((dw + 1.0) * (dh + 1.0) + (gw + 1.0) * (gh + 1.0) - intersection)
}

/// [`pixel_iou`] over columns.
pub(super) struct PixelIou {
    detections: Arc<Boxes>,
    ground_truths: Arc<Boxes>,
}

impl PixelIou {
    /// Both sides must hold boxes.
    pub(super) fn new(detections: &Objects, ground_truths: &Objects) -> Result<Self> {
        match (&detections.geometry, &ground_truths.geometry) {
            (Geometry::Boxes(d), Geometry::Boxes(g)) => {
                Ok(PixelIou { detections: d.clone(), ground_truths: g.clone() })
            }
            _ => Err(Error::wrong_type("box similarity needs boxes on both sides")),
        }
    }
}

impl Similarity for PixelIou {
    fn comparer(&self) -> Comparer<'_> {
        Box::new(|detections, ground_truths, _, out| {
            for (row, &d) in out.chunks_exact_mut(ground_truths.len()).zip(detections) {
                let detection = self.detections.get(d as usize);
                for (cell, &g) in row.iter_mut().zip(ground_truths) {
                    *cell = pixel_iou(&detection, &self.ground_truths.get(g as usize));
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::pixel_iou;

    #[test]
    fn the_last_pixel_is_inside() {
        assert_eq!(pixel_iou(&[0.0; 4], &[0.0; 4]), 1.0);
        assert_eq!(pixel_iou(&[0.0, 0.0, 1.0, 0.0], &[1.0, 0.0, 1.0, 0.0]), 1.0 / 3.0);
        assert_eq!(pixel_iou(&[0.0, 0.0, 1.0, 0.0], &[2.0, 0.0, 1.0, 0.0]), 0.0);
        // Half a pixel lies between them, and none of either axis overlaps less than not at all.
        assert_eq!(pixel_iou(&[0.0, 0.0, 1.0, 3.0], &[2.5, 0.0, 1.0, 3.0]), 0.0);
        assert_eq!(pixel_iou(&[0.0, 0.0, 3.0, 1.0], &[0.0, 2.5, 3.0, 1.0]), 0.0);
    }
}
