//! Intersection over union of boxes, less the distance of their centres and the difference of their shapes.

use std::f64::consts::PI;

use super::diou::diou;
use super::pairwise::PairwiseBoxes;
use super::{SimilarityKind, box_iou};
use crate::columns::GeometryKind;

/// As "diou", less the difference of the ratios of width to height.
pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "ciou",
    geometry: GeometryKind::Boxes,
    parameters: &[],
    compare: |detections, ground_truths, _| PairwiseBoxes::boxed(detections, ground_truths, ciou),
};

/// Source: Zheng et al., "Distance-IoU loss", AAAI 2020, equations 9 to 11. A crowd is compared by its overlap.
fn ciou(detection: &[f64; 4], ground_truth: &[f64; 4], crowd: bool) -> f64 {
    let value = diou(detection, ground_truth, crowd);
    if crowd {
        return value;
    }
    let angle = |[_, _, width, height]: &[f64; 4]| width.atan2(*height);
    let shape = 4.0 / (PI * PI) * (angle(ground_truth) - angle(detection)).powi(2);
    let unlike = 1.0 - box_iou(detection, ground_truth, false) + shape;
    if unlike > 0.0 { value - shape * shape / unlike } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_shape_counts_against_it() {
        assert_eq!(ciou(&[0.0, 0.0, 2.0, 1.0], &[0.0, 0.0, 2.0, 1.0], false), 1.0);
        assert_eq!(ciou(&[0.0, 0.0, 1.0, 1.0], &[2.0, 2.0, 1.0, 1.0], false), -8.0 / 18.0);
        let wide = ciou(&[0.0, 0.0, 4.0, 1.0], &[1.5, -1.5, 1.0, 4.0], false);
        assert!(wide < diou(&[0.0, 0.0, 4.0, 1.0], &[1.5, -1.5, 1.0, 4.0], false));
        assert_eq!(ciou(&[0.0, 0.0, 2.0, 1.0], &[1.0, 0.0, 9.0, 1.0], true), 0.5);
    }
}
