//! Object keypoint similarity (OKS).

use std::sync::Arc;

use super::Similarity;
use crate::columns::{Column, Geometry, Keypoints, Objects};
use crate::error::{Error, Result};

/// The exponential, element by element, in place.
///
/// Handed in and not called from the standard library: the reference's numbers are NumPy's, whose vectorised `exp`
/// differs from the C library's in the last bits.
pub type Exp = Arc<dyn Fn(&mut [f64]) + Send + Sync>;

/// Object keypoint similarity over columns: the mean over visible keypoints of
/// `exp(-distance² / variance / area / 2)`.
///
/// With no visible keypoint the distance is that to the ground truth's box, doubled about its centre, and all
/// keypoints count. Source: `computeOks` of the COCO API.
pub struct Oks {
    detections: Arc<Keypoints>,
    ground_truths: Arc<Keypoints>,
    area: Column<f64>,
    variances: Vec<f64>,
    exp: Exp,
}

impl Oks {
    /// `variances` has one entry for each keypoint: `(2 sigma)²`.
    pub fn new(detections: &Objects, ground_truths: &Objects, variances: Vec<f64>, exp: Exp) -> Result<Self> {
        let (Geometry::Keypoints(d), Geometry::Keypoints(g)) =
            (&detections.geometry, &ground_truths.geometry)
        else {
            return Err(Error::wrong_type("keypoint similarity needs keypoints on both sides"));
        };
        for (side, objects, keypoints) in [("detections", detections, d), ("ground truth", ground_truths, g)]
        {
            if !objects.is_empty() && keypoints.per_object != variances.len() {
                return Err(Error::value(format!(
                    "{side}: an object has {} keypoints, but there are {} sigmas",
                    keypoints.per_object,
                    variances.len()
                )));
            }
        }
        let area = ground_truths.area.clone();
        Ok(Oks { detections: d.clone(), ground_truths: g.clone(), area, variances, exp })
    }

    /// Appends the exponents of one pair; the order of the divisions is the reference's.
    fn exponents(&self, d: usize, g: usize, visible: usize, out: &mut Vec<f64>) {
        let truth = self.ground_truths.of(g).chunks_exact(3);
        let detection = self.detections.of(d).chunks_exact(3);
        let area = self.area[g] + f64::EPSILON;
        let exponent = |dx: f64, dy: f64, variance: f64| -((dx * dx + dy * dy) / variance / area / 2.0);
        let each = truth.zip(detection).zip(&self.variances);
        if visible > 0 {
            let seen = each.filter(|((t, _), _)| t[2] > 0.0);
            out.extend(seen.map(|((t, d), &variance)| exponent(d[0] - t[0], d[1] - t[1], variance)));
        } else {
            let [x, y, w, h] = self.ground_truths.boxes[g];
            let (x0, x1, y0, y1) = (x - w, x + w * 2.0, y - h, y + h * 2.0);
            let outside = |low: f64, high: f64, at: f64| not_below_zero(low - at) + not_below_zero(at - high);
            out.extend(
                each.map(|((_, d), &variance)| {
                    exponent(outside(x0, x1, d[0]), outside(y0, y1, d[1]), variance)
                }),
            );
        }
    }
}

/// NumPy's `max(0, x)`: a NaN stays one.
fn not_below_zero(x: f64) -> f64 {
    if x.is_nan() || x > 0.0 { x } else { 0.0 }
}

/// NumPy's sum of a contiguous array of doubles: pairwise in blocks of 128, eight running sums within a block.
fn pairwise_sum(values: &[f64]) -> f64 {
    match values.len() {
        0..8 => values.iter().fold(-0.0, |sum, value| sum + value),
        8..=128 => {
            let mut chunks = values.chunks_exact(8);
            let mut sums = [0.0; 8];
            sums.copy_from_slice(chunks.next().expect("eight values or more"));
            for chunk in chunks.by_ref() {
                for (sum, value) in sums.iter_mut().zip(chunk) {
                    *sum += value;
                }
            }
            let [a, b, c, d, e, f, g, h] = sums;
            let whole = ((a + b) + (c + d)) + ((e + f) + (g + h));
            chunks.remainder().iter().fold(whole, |sum, value| sum + value)
        }
        n => {
            let half = n / 2 / 8 * 8;
            pairwise_sum(&values[..half]) + pairwise_sum(&values[half..])
        }
    }
}

/// Exponents of all pairs of a cell, and where each pair's end.
#[derive(Default)]
pub struct OksScratch {
    values: Vec<f64>,
    ends: Vec<usize>,
}

impl Similarity for Oks {
    type Scratch = OksScratch;

    fn fill(
        &self,
        scratch: &mut OksScratch,
        detections: &[u32],
        ground_truths: &[u32],
        _: f64,
        out: &mut [f64],
    ) -> Result<()> {
        scratch.values.clear();
        scratch.ends.clear();
        for &g in ground_truths {
            let g = g as usize;
            let visible = self.ground_truths.of(g).chunks_exact(3).filter(|t| t[2] > 0.0).count();
            for &d in detections {
                self.exponents(d as usize, g, visible, &mut scratch.values);
                scratch.ends.push(scratch.values.len());
            }
        }
        (self.exp)(&mut scratch.values);
        let mut start = 0;
        let mut ends = scratch.ends.iter();
        for g in 0..ground_truths.len() {
            for (d, &end) in ends.by_ref().take(detections.len()).enumerate() {
                let values = &scratch.values[start..end];
                out[d * ground_truths.len() + g] = pairwise_sum(values) / values.len() as f64;
                start = end;
            }
        }
        Ok(())
    }
}
