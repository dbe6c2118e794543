//! Intersection over union of segments of time.

use std::sync::Arc;

use super::{Comparer, Side, Similarity, SimilarityKind};
use crate::columns::{Boxes, Geometry, GeometryKind, Objects, SharedColumn};
use crate::error::{Error, Result};

/// Intersection over union along the first axis: a segment from `x` on, as long as its box is wide.
pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "temporal",
    geometry: GeometryKind::Boxes,
    parameters: &[],
    compare: |detections, ground_truths, _| Ok(Box::new(TemporalIou::new(detections, ground_truths)?)),
};

/// Intersection over union of two segments, start and length; for a crowd, over the detection's length alone.
///
/// Source: `segment_iou` of ActivityNet's evaluation kit.
#[inline]
fn temporal_iou([start, length]: [f64; 2], [other, other_length]: [f64; 2], crowd: bool) -> f64 {
    let intersection = (start + length).min(other + other_length) - start.max(other);
    if intersection <= 0.0 {
        return 0.0;
    }
    intersection / if crowd { length } else { other_length + length - intersection }
}

struct TemporalIou {
    detections: Arc<Boxes>,
    ground_truths: Arc<Boxes>,
    crowd: SharedColumn<bool>,
}

impl TemporalIou {
    /// Both sides must hold boxes.
    fn new(detections: &Objects, ground_truths: &Objects) -> Result<Self> {
        match (&detections.geometry, &ground_truths.geometry) {
            (Geometry::Boxes(d), Geometry::Boxes(g)) => Ok(TemporalIou {
                detections: d.clone(),
                ground_truths: g.clone(),
                crowd: ground_truths.crowd.clone(),
            }),
            _ => Err(Error::wrong_type("temporal similarity needs boxes on both sides")),
        }
    }
}

impl Similarity for TemporalIou {
    fn comparer(&self) -> Comparer<'_> {
        let segment = |boxes: &Boxes, object: u32| {
            let [x, _, width, _] = boxes.get(object as usize);
            [x, width]
        };
        Box::new(move |detections, ground_truths, _, out| {
            for (row, &d) in out.chunks_exact_mut(ground_truths.len()).zip(detections) {
                let detection = segment(&self.detections, d);
                for (cell, &g) in row.iter_mut().zip(ground_truths) {
                    *cell = temporal_iou(detection, segment(&self.ground_truths, g), self.crowd[g as usize]);
                }
            }
            Ok(())
        })
    }

    fn prefetch(&self, side: Side, objects: &[u32]) {
        let boxes = match side {
            Side::Detections => &self.detections,
            Side::GroundTruth => &self.ground_truths,
        };
        boxes.prefetch(objects);
    }
}

#[cfg(test)]
mod tests {
    use super::temporal_iou;

    #[test]
    fn only_what_overlaps() {
        assert_eq!(temporal_iou([0.0, 4.0], [2.0, 4.0], false), 2.0 / 6.0);
        assert_eq!(temporal_iou([0.0, 4.0], [2.0, 4.0], true), 0.5);
        assert_eq!(temporal_iou([0.0, 2.0], [2.0, 4.0], false), 0.0);
        assert_eq!(temporal_iou([1.0, 0.0], [1.0, 0.0], false), 0.0);
    }
}
