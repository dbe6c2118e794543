//! Intersection over union of axis-aligned boxes.

use std::sync::Arc;

use super::pixel::PixelIou;
use super::{Comparer, Side, Similarity, SimilarityKind};
use crate::columns::{Boxes, Geometry, GeometryKind, Objects, SharedColumn};
use crate::error::{Error, Result};

/// Intersection over union of boxes, whose corners are points or pixels.
pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "bbox",
    geometry: GeometryKind::Boxes,
    parameters: &["inclusive_boxes"],
    compare: |detections, ground_truths, parameters| {
        Ok(match parameters.inclusive_boxes {
            true => Box::new(PixelIou::new(detections, ground_truths)?),
            false => Box::new(BoxIou::new(detections, ground_truths)?),
        })
    },
};

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
pub(super) struct BoxIou {
    detections: Arc<Boxes>,
    ground_truths: Arc<Boxes>,
    crowd: SharedColumn<bool>,
}

impl BoxIou {
    /// Both sides must hold boxes.
    pub(super) fn new(detections: &Objects, ground_truths: &Objects) -> Result<Self> {
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

/// The ground truths of one cell, side by side: their edges, and what a union adds to a detection's area.
#[derive(Default)]
struct Edges {
    left: Vec<f64>,
    top: Vec<f64>,
    right: Vec<f64>,
    bottom: Vec<f64>,
    area: Vec<f64>,
    any_crowd: bool,
    /// Whether all edges are finite.
    finite: bool,
}

impl Edges {
    fn gather(&mut self, boxes: &Boxes, crowd: &[bool], objects: &[u32]) {
        let Edges { left, top, right, bottom, area, any_crowd, finite } = self;
        // NaN of what is not finite.
        let mut zero = 0.0;
        [&mut *left, top, right, bottom, area].into_iter().for_each(Vec::clear);
        for &object in objects {
            let [x, y, width, height] = boxes.get(object as usize);
            left.push(x);
            top.push(y);
            right.push(width + x);
            bottom.push(height + y);
            area.push(width * height);
            zero += (x + y + (width + x) + (height + y)) * 0.0;
        }
        *any_crowd = objects.iter().any(|&object| crowd[object as usize]);
        *finite = zero == 0.0;
    }
}

impl BoxIou {
    fn fill(&self, edges: &mut Edges, detections: &[u32], ground_truths: &[u32], out: &mut [f64]) {
        edges.gather(&self.ground_truths, &self.crowd, ground_truths);
        let Edges { left, top, right, bottom, area, any_crowd, finite } = edges;
        let count = ground_truths.len();
        let (left, top, right) = (&left[..count], &top[..count], &right[..count]);
        let (bottom, area) = (&bottom[..count], &area[..count]);
        for (row, &d) in out.chunks_exact_mut(count).zip(detections) {
            let detection = self.detections.get(d as usize);
            let [x, y, w, h] = detection;
            let (far_x, far_y, own) = (w + x, h + y, w * h);
            if *any_crowd || !*finite || far_x.is_nan() || far_y.is_nan() {
                for (cell, &g) in row.iter_mut().zip(ground_truths) {
                    *cell = box_iou(&detection, &self.ground_truths.get(g as usize), self.crowd[g as usize]);
                }
                continue;
            }
            // `box_iou` without its early ends and the care for NaN, so that several are had at once.
            let lower = |a: f64, b: f64| if a < b { a } else { b };
            let upper = |a: f64, b: f64| if a > b { a } else { b };
            for (g, cell) in row.iter_mut().enumerate() {
                let width = lower(far_x, right[g]) - upper(x, left[g]);
                let height = lower(far_y, bottom[g]) - upper(y, top[g]);
                let intersection = width * height;
                let iou = intersection / (own + area[g] - intersection);
                *cell = if (width <= 0.0) | (height <= 0.0) { 0.0 } else { iou };
            }
        }
    }
}

impl Similarity for BoxIou {
    fn comparer(&self) -> Comparer<'_> {
        let mut edges = Edges::default();
        Box::new(move |detections, ground_truths, _, out| {
            self.fill(&mut edges, detections, ground_truths, out);
            Ok(())
        })
    }

    fn prefetch(&self, side: Side, objects: &[u32]) {
        side.of(&self.detections, &self.ground_truths).prefetch(objects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_cell_is_its_pairs() {
        let mut random = Random::new(1);
        let mut roll = |sides: u64| random.below(sides);
        let mut number = || [f64::NAN, f64::INFINITY, -3.0, 0.0][roll(4) as usize];
        let mut boxes = |nasty: u64| -> Vec<[f64; 4]> {
            (0..50)
                .map(|i| [0; 4].map(|_| if i % nasty == 0 { number() } else { (i * 7 % 11) as f64 / 3.0 }))
                .collect()
        };
        for nasty in [2, 100] {
            for crowds in [false, true] {
                let similarity = BoxIou {
                    detections: Arc::new(Boxes::collect(boxes(nasty)).unwrap()),
                    ground_truths: Arc::new(Boxes::collect(boxes(nasty)).unwrap()),
                    crowd: Arc::new((0..50).map(|i| crowds && i % 3 == 0).collect()),
                };
                let objects: Vec<u32> = (0..50).rev().collect();
                let mut out = vec![0.0; 2500];
                similarity.comparer()(&objects, &objects, 0.5, &mut out).unwrap();
                for (place, value) in out.into_iter().enumerate() {
                    let (d, g) = (objects[place / 50] as usize, objects[place % 50] as usize);
                    let (d, crowd) = (similarity.detections.get(d), similarity.crowd[g]);
                    let expected = box_iou(&d, &similarity.ground_truths.get(g), crowd);
                    assert!(value == expected || (value.is_nan() && expected.is_nan()), "{value} {expected}");
                }
            }
        }
    }

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
