//! A similarity that only the tests know: what adding one takes is this file and its lines in `mod.rs` and
//! `registry.rs`.

use std::sync::Arc;

use super::{Comparer, Similarity, SimilarityKind};
use crate::columns::{Boxes, Geometry, GeometryKind};
use crate::error::Error;

pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "centres",
    geometry: GeometryKind::Boxes,
    parameters: &[],
    compare: |detections, ground_truths, _| match (&detections.geometry, &ground_truths.geometry) {
        (Geometry::Boxes(d), Geometry::Boxes(g)) => {
            Ok(Box::new(Centres { detections: d.clone(), ground_truths: g.clone() }))
        }
        _ => Err(Error::wrong_type("centres needs boxes on both sides")),
    },
};

/// `1 / (1 + distance)` of the boxes' centres, the distance being the sum of those along both axes.
struct Centres {
    detections: Arc<Boxes>,
    ground_truths: Arc<Boxes>,
}

fn similarity([dx, dy, dw, dh]: [f64; 4], [gx, gy, gw, gh]: [f64; 4]) -> f64 {
    let distance = (dx + dw / 2.0 - gx - gw / 2.0).abs() + (dy + dh / 2.0 - gy - gh / 2.0).abs();
    1.0 / (1.0 + distance)
}

impl Similarity for Centres {
    fn comparer(&self) -> Comparer<'_> {
        Box::new(|detections, ground_truths, _, out| {
            for (row, &d) in out.chunks_exact_mut(ground_truths.len()).zip(detections) {
                for (cell, &g) in row.iter_mut().zip(ground_truths) {
                    *cell = similarity(self.detections.get(d as usize), self.ground_truths.get(g as usize));
                }
            }
            Ok(())
        })
    }
}
