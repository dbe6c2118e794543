//! How near the centres of boxes in space are, as they are seen from above.

use std::sync::Arc;

use super::rotated::sides_in_space;
use super::{Comparer, Side, Similarity, SimilarityKind};
use crate::columns::{GeometryKind, RotatedBox, RotatedBoxes};

/// One over one plus the distance on the ground: 1 of the same centre, 1/2 at one metre, 1/3 at two.
///
/// Source: the distance is `center_distance` of nuScenes' development kit.
pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "centre-distance",
    geometry: GeometryKind::Boxes3d,
    parameters: &[],
    compare: |detections, ground_truths, _| {
        let (detections, ground_truths, _) = sides_in_space(detections, ground_truths)?;
        Ok(Box::new(CentreDistance { detections, ground_truths }))
    },
};

struct CentreDistance {
    detections: Arc<RotatedBoxes>,
    ground_truths: Arc<RotatedBoxes>,
}

fn centre(given: &RotatedBox) -> [f64; 2] {
    let numbers = given.numbers();
    [numbers[0], numbers[1]]
}

fn nearness([x, y]: [f64; 2], [a, b]: [f64; 2]) -> f64 {
    let (right, down) = (x - a, y - b);
    1.0 / (1.0 + (right * right + down * down).sqrt())
}

impl Similarity for CentreDistance {
    fn comparer(&self) -> Comparer<'_> {
        Box::new(move |detections, ground_truths, _, out| {
            for (row, &d) in out.chunks_exact_mut(ground_truths.len()).zip(detections) {
                let detection = centre(&self.detections.get(d as usize));
                for (cell, &g) in row.iter_mut().zip(ground_truths) {
                    *cell = nearness(detection, centre(&self.ground_truths.get(g as usize)));
                }
            }
            Ok(())
        })
    }

    fn prefetch(&self, side: Side, objects: &[u32]) {
        let boxes = if side == Side::Detections { &self.detections } else { &self.ground_truths };
        boxes.prefetch(objects);
    }
}

#[cfg(test)]
mod tests {
    use super::nearness;

    #[test]
    fn metres_are_parts_of_one() {
        assert_eq!(nearness([1.0, 2.0], [1.0, 2.0]), 1.0);
        assert_eq!(nearness([0.0, 0.0], [3.0, 4.0]), 1.0 / 6.0);
    }
}
