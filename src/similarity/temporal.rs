//! Intersection over union of segments of time.

use super::SimilarityKind;
use super::pairwise::PairwiseBoxes;
use crate::columns::GeometryKind;

/// Intersection over union along the first axis: a segment from `x` on, as long as its box is wide.
pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "temporal",
    geometry: GeometryKind::Boxes,
    parameters: &[],
    compare: |detections, ground_truths, _| PairwiseBoxes::boxed(detections, ground_truths, temporal_iou),
};

/// Intersection over union of two segments; for a crowd, over the detection's length alone.
///
/// Source: `segment_iou` of ActivityNet's evaluation kit.
fn temporal_iou(
    &[start, _, length, _]: &[f64; 4],
    &[other, _, other_length, _]: &[f64; 4],
    crowd: bool,
) -> f64 {
    let intersection = (start + length).min(other + other_length) - start.max(other);
    if intersection <= 0.0 {
        return 0.0;
    }
    intersection / if crowd { length } else { other_length + length - intersection }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_overlaps() {
        let iou = |[a, b]: [f64; 2], [c, d]: [f64; 2], crowd| {
            temporal_iou(&[a, 9.0, b, 1.0], &[c, 0.0, d, 2.0], crowd)
        };
        assert_eq!(iou([0.0, 4.0], [2.0, 4.0], false), 2.0 / 6.0);
        assert_eq!(iou([0.0, 4.0], [2.0, 4.0], true), 0.5);
        assert_eq!(iou([0.0, 2.0], [2.0, 4.0], false), 0.0);
        assert_eq!(iou([1.0, 0.0], [1.0, 0.0], false), 0.0);
    }
}
