//! Intersection over union of axis-aligned boxes.

use super::Similarity;
use crate::columns::{Column, Geometry, Objects};
use crate::error::{Error, Result};

/// Intersection over union of two boxes `x, y, width, height`; for a crowd, over the detection's area alone.
///
/// Source: `bbIou` of the COCO API, operation by operation: the bits depend on the order of the sums, and a NaN
/// coordinate loses against a number, as in C's `fmin` and `fmax`.
#[inline]
pub fn box_iou(detection: &[f64; 4], ground_truth: &[f64; 4], crowd: bool) -> f64 {
    let [dx, dy, dw, dh] = *detection;
    let [gx, gy, gw, gh] = *ground_truth;
    let width = (dw + dx).min(gw + gx) - dx.max(gx);
    if width <= 0.0 {
        return 0.0;
    }
    let height = (dh + dy).min(gh + gy) - dy.max(gy);
    if height <= 0.0 {
        return 0.0;
    }
    let intersection = width * height;
    let area = dw * dh;
    let union = if crowd { area } else { area + gw * gh - intersection };
    intersection / union
}

/// [`box_iou`] over columns.
pub struct BoxIou {
    detections: Column<[f64; 4]>,
    ground_truths: Column<[f64; 4]>,
    crowd: Column<bool>,
}

impl BoxIou {
    /// Both sides must hold boxes.
    pub fn new(detections: &Objects, ground_truths: &Objects) -> Result<Self> {
        match (&detections.geometry, &ground_truths.geometry) {
            (Geometry::Boxes(d), Geometry::Boxes(g)) => Ok(BoxIou {
                detections: d.clone(),
                ground_truths: g.clone(),
                crowd: ground_truths.crowd.clone(),
            }),
            _ => Err(Error::wrong_type("box similarity needs boxes on both sides")),
        }
    }
}

impl Similarity for BoxIou {
    type Scratch = ();

    fn fill(
        &self,
        _: &mut (),
        detections: &[u32],
        ground_truths: &[u32],
        _: f64,
        out: &mut [f64],
    ) -> Result<()> {
        for (row, &d) in out.chunks_exact_mut(ground_truths.len()).zip(detections) {
            let detection = &self.detections[d as usize];
            for (cell, &g) in row.iter_mut().zip(ground_truths) {
                *cell = box_iou(detection, &self.ground_truths[g as usize], self.crowd[g as usize]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::box_iou;

    #[test]
    fn half_overlap() {
        assert_eq!(box_iou(&[0.0, 0.0, 2.0, 1.0], &[1.0, 0.0, 2.0, 1.0], false), 1.0 / 3.0);
        assert_eq!(box_iou(&[0.0, 0.0, 2.0, 1.0], &[1.0, 0.0, 2.0, 1.0], true), 0.5);
    }

    #[test]
    fn touching_boxes_do_not_overlap() {
        assert_eq!(box_iou(&[0.0, 0.0, 1.0, 1.0], &[1.0, 0.0, 1.0, 1.0], false), 0.0);
    }

    #[test]
    fn a_nan_corner_gives_way_to_the_other_box() {
        let iou = box_iou(&[f64::NAN, 0.0, 1.0, 1.0], &[0.0, 0.0, 1.0, 1.0], false);
        assert!(iou > 0.0);
    }
}
