//! Generalised intersection over union of boxes.

use super::pairwise::PairwiseBoxes;
use super::{SimilarityKind, box_iou};
use crate::columns::GeometryKind;

/// Intersection over union, less the fraction of the smallest box around both that neither covers; from -1 to 1.
pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "giou",
    geometry: GeometryKind::Boxes,
    parameters: &[],
    compare: |detections, ground_truths, _| PairwiseBoxes::boxed(detections, ground_truths, giou),
};

/// Source: Rezatofighi et al., "Generalized intersection over union", CVPR 2019. A crowd is compared by its overlap.
fn giou(detection: &[f64; 4], ground_truth: &[f64; 4], crowd: bool) -> f64 {
    let iou = box_iou(detection, ground_truth, crowd);
    let [width, height] = enclosing(detection, ground_truth);
    let (enclosed, [_, _, w, h], [_, _, other_w, other_h]) = (width * height, *detection, *ground_truth);
    if crowd || enclosed <= 0.0 {
        return iou;
    }
    // The union by the overlap, which is exact where there is none.
    let union = (w * h + other_w * other_h) / (1.0 + iou);
    iou - (enclosed - union) / enclosed
}

/// Width and height of the smallest box around both.
pub(super) fn enclosing(&[x, y, w, h]: &[f64; 4], &[a, b, c, d]: &[f64; 4]) -> [f64; 2] {
    [(x + w).max(a + c) - x.min(a), (y + h).max(b + d) - y.min(b)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_neither_covers_counts_against_it() {
        assert_eq!(giou(&[0.0, 0.0, 2.0, 2.0], &[0.0, 0.0, 2.0, 2.0], false), 1.0);
        assert_eq!(giou(&[0.0, 0.0, 1.0, 1.0], &[3.0, 0.0, 1.0, 1.0], false), -0.5);
        assert_eq!(giou(&[0.0, 0.0, 2.0, 1.0], &[1.0, 0.0, 2.0, 1.0], false), 1.0 / 3.0);
        assert_eq!(giou(&[0.0, 0.0, 2.0, 1.0], &[1.0, 0.0, 9.0, 1.0], true), 0.5);
        assert_eq!(giou(&[1.0, 1.0, 0.0, 0.0], &[1.0, 1.0, 0.0, 0.0], false), 0.0);
    }
}
