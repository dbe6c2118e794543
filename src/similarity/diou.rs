//! Intersection over union of boxes, less the distance of their centres.

use super::giou::enclosing;
use super::pairwise::PairwiseBoxes;
use super::{SimilarityKind, box_iou};
use crate::columns::GeometryKind;

/// Intersection over union, less the squared distance of the centres by that of the corners of the smallest box around
/// both; from -1 to 1.
pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "diou",
    geometry: GeometryKind::Boxes,
    parameters: &[],
    compare: |detections, ground_truths, _| PairwiseBoxes::boxed(detections, ground_truths, diou),
};

/// Source: Zheng et al., "Distance-IoU loss", AAAI 2020. A crowd is compared by its overlap.
pub(super) fn diou(detection: &[f64; 4], ground_truth: &[f64; 4], crowd: bool) -> f64 {
    let iou = box_iou(detection, ground_truth, crowd);
    let [width, height] = enclosing(detection, ground_truth);
    let diagonal = width * width + height * height;
    if crowd || diagonal <= 0.0 {
        return iou;
    }
    let ([x, y, w, h], [a, b, c, d]) = (*detection, *ground_truth);
    let (across, down) = (x + w / 2.0 - a - c / 2.0, y + h / 2.0 - b - d / 2.0);
    iou - (across * across + down * down) / diagonal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_the_centres_counts_against_it() {
        assert_eq!(diou(&[0.0, 0.0, 2.0, 2.0], &[0.0, 0.0, 2.0, 2.0], false), 1.0);
        assert_eq!(diou(&[0.0, 0.0, 1.0, 1.0], &[2.0, 2.0, 1.0, 1.0], false), -8.0 / 18.0);
        assert_eq!(diou(&[0.0, 0.0, 2.0, 1.0], &[1.0, 0.0, 9.0, 1.0], true), 0.5);
        assert_eq!(diou(&[1.0, 1.0, 0.0, 0.0], &[1.0, 1.0, 0.0, 0.0], false), 0.0);
    }
}
