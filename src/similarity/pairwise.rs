//! Similarities of boxes that are a function of two of them.

use std::sync::Arc;

use super::{Comparer, Side, Similarity};
use crate::columns::{Boxes, Geometry, Objects, SharedColumn};
use crate::error::{Error, Result};

/// The similarity of a detection and a ground truth, which may be a crowd; boxes are `x, y, width, height`.
type Compare = fn(&[f64; 4], &[f64; 4], bool) -> f64;

/// Such a function over columns.
pub(super) struct PairwiseBoxes {
    detections: Arc<Boxes>,
    ground_truths: Arc<Boxes>,
    crowd: SharedColumn<bool>,
    compare: Compare,
}

impl PairwiseBoxes {
    /// Both sides must hold boxes.
    pub(super) fn boxed(
        detections: &Objects,
        ground_truths: &Objects,
        compare: Compare,
    ) -> Result<Box<dyn Similarity>> {
        match (&detections.geometry, &ground_truths.geometry) {
            (Geometry::Boxes(d), Geometry::Boxes(g)) => Ok(Box::new(PairwiseBoxes {
                detections: d.clone(),
                ground_truths: g.clone(),
                crowd: ground_truths.crowd.clone(),
                compare,
            })),
            _ => Err(Error::wrong_type("this similarity needs boxes on both sides")),
        }
    }
}

impl Similarity for PairwiseBoxes {
    fn comparer(&self) -> Comparer<'_> {
        Box::new(move |detections, ground_truths, _, out| {
            for (row, &d) in out.chunks_exact_mut(ground_truths.len()).zip(detections) {
                let detection = self.detections.get(d as usize);
                for (cell, &g) in row.iter_mut().zip(ground_truths) {
                    let ground_truth = self.ground_truths.get(g as usize);
                    *cell = (self.compare)(&detection, &ground_truth, self.crowd[g as usize]);
                }
            }
            Ok(())
        })
    }

    fn prefetch(&self, side: Side, objects: &[u32]) {
        side.of(&self.detections, &self.ground_truths).prefetch(objects);
    }
}
