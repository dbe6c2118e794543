//! Object keypoint similarity (OKS).

use std::sync::Arc;

use super::{Comparer, Side, Similarity, SimilarityKind};
use crate::columns::{Areas, Geometry, GeometryKind, Keypoints, Objects};
use crate::error::{Error, Result};
use crate::sum::pairwise;

/// Object keypoint similarity.
pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "keypoints",
    geometry: GeometryKind::Keypoints,
    parameters: &["sigmas"],
    compare: |detections, ground_truths, parameters| {
        let exp = parameters.exp.clone().unwrap_or_else(|| {
            Arc::new(|values: &mut [f64]| values.iter_mut().for_each(|value| *value = value.exp()))
        });
        Ok(Box::new(Oks::new(detections, ground_truths, parameters.variances.clone(), exp)?))
    },
};

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
pub(super) struct Oks {
    detections: Arc<Keypoints>,
    ground_truths: Arc<Keypoints>,
    area: Areas,
    variances: Vec<f64>,
    /// `1 / (2 variance)` of each, but for rounding.
    slopes: Vec<f64>,
    exp: Exp,
}

impl Oks {
    /// `variances` has one entry for each keypoint: `(2 sigma)²`.
    pub(super) fn new(
        detections: &Objects,
        ground_truths: &Objects,
        variances: Vec<f64>,
        exp: Exp,
    ) -> Result<Self> {
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
        let slopes = variances.iter().map(|variance| normal(0.5 / variance)).collect();
        Ok(Oks { detections: d.clone(), ground_truths: g.clone(), area, variances, slopes, exp })
    }

    /// Writes the similarities of a cell; those that cannot reach `floor` are 0.
    fn fill_from(
        &self,
        floor: f64,
        scratch: &mut OksScratch,
        detections: &[u32],
        ground_truths: &[u32],
        out: &mut [f64],
    ) {
        let least = LeastSimilarity::of(floor);
        scratch.values.clear();
        scratch.pairs.clear();
        out.fill(0.0);
        scratch.poses.clear();
        detections.iter().for_each(|&d| self.detections.read(d as usize, &mut scratch.poses));
        let poses = scratch.poses.chunks_exact(2 * self.variances.len().max(1));
        scratch.around.clear();
        scratch.around.extend(poses.map(|pose| PointBounds::around(pose.as_chunks().0.iter().copied())));
        for (column, &g) in ground_truths.iter().enumerate() {
            let g = g as usize;
            let labels = self.ground_truths.labels(g);
            scratch.truth.clear();
            self.ground_truths.read(g, &mut scratch.truth);
            let area = self.area.get(g) + f64::EPSILON;
            let per_area = normal(1.0 / area);
            let points = scratch.truth.as_chunks().0.iter().zip(&self.variances).zip(&self.slopes);
            let targets = points.enumerate().map(|(k, ((&[x, y], &variance), slope))| Target {
                place: 2 * k,
                x,
                y,
                variance,
                scale: slope * per_area,
            });
            let labelled =
                targets.clone().zip(labels).filter_map(|(target, &labelled)| labelled.then_some(target));
            scratch.targets.clear();
            scratch.targets.extend(labelled);
            if !scratch.targets.is_empty() {
                let around = PointBounds::around(scratch.targets.iter().map(|target| [target.x, target.y]));
                let truth =
                    ComparedTruth { area, around, inside: None, column, columns: ground_truths.len() };
                self.compare(scratch, &truth, &least, out, |pose, at| {
                    let (dx, dy) = (pose[at.place] - at.x, pose[at.place + 1] - at.y);
                    dx * dx + dy * dy
                });
            } else {
                scratch.targets.extend(targets);
                let [x, y, w, h] = self.ground_truths.boxes.get(g);
                let (x0, x1, y0, y1) = (x - w, x + w * 2.0, y - h, y + h * 2.0);
                let outside =
                    |low: f64, high: f64, at: f64| not_below_zero(low - at) + not_below_zero(at - high);
                let around = PointBounds::around([[x0, y0], [x1, y1]].into_iter());
                // All that is inside lies at no distance, which is a similarity of 1.
                let inside = (x0 <= x1 && y0 <= y1).then_some(1.0);
                let truth = ComparedTruth { area, around, inside, column, columns: ground_truths.len() };
                self.compare(scratch, &truth, &least, out, |pose, at| {
                    let (dx, dy) = (outside(x0, x1, pose[at.place]), outside(y0, y1, pose[at.place + 1]));
                    dx * dx + dy * dy
                });
            }
        }
        (self.exp)(&mut scratch.values);
        let mut start = 0;
        for &(place, end) in &scratch.pairs {
            let values = &scratch.values[start..end];
            out[place] = pairwise(values) / values.len() as f64;
            start = end;
        }
    }

    /// Compares one ground truth with all detections of its cell: those that cannot reach the least mean are left as
    /// they are in `out`, the exponents of most others in `scratch`.
    fn compare(
        &self,
        scratch: &mut OksScratch,
        truth: &ComparedTruth,
        least: &LeastSimilarity,
        out: &mut [f64],
        squared: impl Fn(&[f64], &Target) -> f64,
    ) {
        let OksScratch { poses, around, targets, squares, values, pairs, .. } = scratch;
        let least_sum = least.mean * targets.len() as f64;
        let scales = targets.iter().map(|target| target.scale);
        let (flattest, sum) = scales.fold((f64::INFINITY, 0.0), |(least, sum), scale| {
            (if scale < least { scale } else { least }, sum + scale)
        });
        // Positive, all of them, and neither NaN nor infinite.
        let comparable = flattest >= f64::MIN_POSITIVE && sum < f64::INFINITY;
        let place = |row: usize| row * truth.columns + truth.column;
        for (row, pose) in poses.chunks_exact(2 * self.variances.len().max(1)).enumerate() {
            if let (true, Some(ours), Some(theirs)) = (comparable, &truth.around, &around[row]) {
                if ours.squared_gap(theirs) * flattest > least.exponent {
                    continue;
                }
                if let Some(similarity) = truth.inside
                    && ours.hold(theirs)
                {
                    out[place(row)] = similarity;
                    continue;
                }
            }
            squares.clear();
            squares.extend(targets.iter().map(|target| squared(pose, target)));
            let (mut highest, mut sum) = (0.0, 0.0);
            for (square, target) in squares.iter().zip(&*targets) {
                let exponent = square * target.scale;
                highest += ceiling(exponent);
                sum += exponent;
            }
            // A NaN is in the sum.
            if comparable && sum >= 0.0 && highest * MARGIN < least_sum {
                continue;
            }
            // The order of the divisions is the reference's.
            let exponents = squares
                .iter()
                .zip(&*targets)
                .map(|(square, target)| -(square / target.variance / truth.area / 2.0));
            values.extend(exponents);
            pairs.push((place(row), values.len()));
        }
    }
}

/// The least similarity that has to be exact.
struct LeastSimilarity {
    mean: f64,
    /// Where all exponents are greater than this, the mean is less.
    exponent: f64,
}

impl LeastSimilarity {
    fn of(floor: f64) -> LeastSimilarity {
        // Above 1 a threshold is met by what is all but equal.
        let mean = floor.min(1.0);
        LeastSimilarity { mean, exponent: if mean > 0.0 { (MARGIN / mean).ln() } else { f64::INFINITY } }
    }
}

/// A ground truth that is compared with the detections of its cell.
struct ComparedTruth {
    area: f64,
    /// Around what detections are compared with; `None` if not all of it is finite.
    around: Option<PointBounds>,
    /// The similarity of detections that lie within.
    inside: Option<f64>,
    column: usize,
    columns: usize,
}

/// The smallest box around points.
struct PointBounds {
    low: [f64; 2],
    high: [f64; 2],
}

impl PointBounds {
    /// `None` if one of the points is not finite.
    #[inline(always)]
    fn around(points: impl Iterator<Item = [f64; 2]>) -> Option<PointBounds> {
        let mut bounds = PointBounds { low: [f64::INFINITY; 2], high: [f64::NEG_INFINITY; 2] };
        let mut zeros = [0.0; 2];
        for point in points {
            for axis in 0..2 {
                let at = point[axis];
                bounds.low[axis] = if at < bounds.low[axis] { at } else { bounds.low[axis] };
                bounds.high[axis] = if at > bounds.high[axis] { at } else { bounds.high[axis] };
                // NaN of what is not finite.
                zeros[axis] += at * 0.0;
            }
        }
        (zeros == [0.0; 2]).then_some(bounds)
    }

    /// The squared distance between the boxes: points of one and of the other are not closer, however it is rounded.
    #[inline(always)]
    fn squared_gap(&self, other: &PointBounds) -> f64 {
        let gap = |axis: usize| {
            let (before, behind) = (self.low[axis] - other.high[axis], other.low[axis] - self.high[axis]);
            before.max(behind).max(0.0)
        };
        let (dx, dy) = (gap(0), gap(1));
        dx * dx + dy * dy
    }

    /// Whether the other one lies within.
    #[inline(always)]
    fn hold(&self, other: &PointBounds) -> bool {
        (0..2).all(|axis| self.low[axis] <= other.low[axis] && other.high[axis] <= self.high[axis])
    }
}

/// A keypoint of a ground truth that counts.
struct Target {
    /// Where its `x` is in a pose.
    place: usize,
    x: f64,
    y: f64,
    variance: f64,
    /// `1 / (2 variance area)`, but for rounding.
    scale: f64,
}

/// How much less than the lowest threshold a sum must be that is to stay below it with all that rounding may add, and
/// below the reference's "all but equal" (1 - 1e-10).
const MARGIN: f64 = 1.0 + 1e-9;

/// No less than `exp(-x)` for `x >= 0`, as the series of `exp(x)` is cut: it decides most pairs whose boxes overlap.
#[inline(always)]
fn ceiling(x: f64) -> f64 {
    1.0 / (1.0 + x * (1.0 + x * (1.0 / 2.0 + x * (1.0 / 6.0))))
}

/// A factor that has all its bits; NaN is none.
fn normal(x: f64) -> f64 {
    if x.is_normal() { x } else { f64::NAN }
}

/// NumPy's `max(0, x)`: a NaN stays one.
fn not_below_zero(x: f64) -> f64 {
    if x.is_nan() || x > 0.0 { x } else { 0.0 }
}

/// Working memory for one cell.
#[derive(Default)]
struct OksScratch {
    /// The detections.
    poses: Vec<f64>,
    /// Where each of them lies, if that is somewhere.
    around: Vec<Option<PointBounds>>,
    /// A ground truth.
    truth: Vec<f64>,
    /// The keypoints of one ground truth.
    targets: Vec<Target>,
    /// Their squared distances from those of a detection.
    squares: Vec<f64>,
    /// Exponents of the pairs that may reach the lowest threshold.
    values: Vec<f64>,
    /// Where the similarity of each of them goes, and where its exponents end.
    pairs: Vec<(usize, usize)>,
}

impl Similarity for Oks {
    fn comparer(&self) -> Comparer<'_> {
        let mut scratch = OksScratch::default();
        Box::new(move |detections, ground_truths, floor, out| {
            self.fill(&mut scratch, detections, ground_truths, floor, out);
            Ok(())
        })
    }

    fn prefetch(&self, side: Side, objects: &[u32]) {
        side.of(&self.detections, &self.ground_truths).prefetch(objects);
    }
}

impl Oks {
    fn fill(
        &self,
        scratch: &mut OksScratch,
        detections: &[u32],
        ground_truths: &[u32],
        floor: f64,
        out: &mut [f64],
    ) {
        self.fill_from(floor, scratch, detections, ground_truths, out);
        // In the reference nothing is less than a NaN: beside one, what is far below the thresholds can match.
        if floor > f64::NEG_INFINITY && out.iter().any(|similarity| similarity.is_nan()) {
            self.fill_from(f64::NEG_INFINITY, scratch, detections, ground_truths, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{AnnotationIds, CompactDoubles, SharedColumn};
    use crate::random::Random;

    fn side(
        points: &[f64],
        per_object: usize,
        labelled: Vec<bool>,
        area: Vec<f64>,
        surrounding: [f64; 4],
    ) -> Objects {
        let count = points.len() / 2 / per_object;
        let mut reals = CompactDoubles::default();
        reals.extend(points).unwrap();
        let boxes = vec![surrounding; if labelled.is_empty() { 0 } else { count }];
        Objects {
            image: Arc::new(vec![0; count]),
            category: Arc::new(vec![0; count]),
            id: AnnotationIds::Counted,
            area: Areas::Given(Arc::new(area.into())),
            score: Arc::default(),
            crowd: SharedColumn::default(),
            ignore: SharedColumn::default(),
            geometry: Geometry::Keypoints(Arc::new(Keypoints {
                per_object,
                points: reals,
                labelled,
                boxes: Arc::new(boxes.into()),
            })),
        }
    }

    /// Similarities of all detections to all ground truths.
    fn all(oks: &Oks, d: u32, g: u32, floor: f64) -> Vec<f64> {
        let mut out = vec![f64::NAN; (d * g) as usize];
        let (d, g): (Vec<u32>, Vec<u32>) = ((0..d).collect(), (0..g).collect());
        oks.comparer()(&d, &g, floor, &mut out).unwrap();
        out
    }

    #[test]
    fn the_ceiling_is_nowhere_below_the_exponential() {
        for i in 0..100_000 {
            let x = f64::from(i) * 1e-3;
            let (high, exp) = (ceiling(x), (-x).exp());
            assert!(high * MARGIN >= exp && high < exp + 0.04, "{x}: {high}, {exp}");
        }
        assert_eq!((ceiling(0.0), ceiling(f64::INFINITY)), (1.0, 0.0));
    }

    #[test]
    fn what_reaches_the_floor_is_exact_and_the_rest_stays_below() {
        let mut random = Random::new(5);
        let mut roll = || random.unit();
        let exp: Exp = Arc::new(|values| values.iter_mut().for_each(|value| *value = value.exp()));
        let (mut reached, mut missed) = (0, 0);
        for round in 0..300 {
            // Some of the poses do not overlap.
            let apart = [0.0, 90.0][round / 9 % 2];
            let truths: Vec<f64> = (0..4 * 17 * 2).map(|i| 60.0 * roll() + (i / 34) as f64 * apart).collect();
            let spread = [2.0, 8.0, 40.0][round % 3];
            let found: Vec<f64> = truths.iter().map(|at| at + spread * (roll() - 0.5)).collect();
            // Of the last ground truth nothing is labelled.
            let labelled = (0..4 * 17).map(|k| k < 3 * 17 && roll() < 0.7).collect();
            let surrounding = [[20.0, 20.0, 40.0, 40.0], [10.0, 10.0, 20.0, 30.0], [40.0, 30.0, -20.0, 30.0]];
            let d = side(&found, 17, Vec::new(), vec![1.0; 4], [0.0; 4]);
            let area = (0..4).map(|_| 4000.0 * roll()).collect();
            let g = side(&truths, 17, labelled, area, surrounding[round / 3 % 3]);
            let variances = (0..17).map(|_| 0.01 + 0.04 * roll()).collect();
            let oks = Oks::new(&d, &g, variances, exp.clone()).unwrap();
            let exact = all(&oks, 4, 4, f64::NEG_INFINITY);
            for floor in [0.1, 0.5, 0.95, 1.0, 2.0] {
                for (value, exact) in all(&oks, 4, 4, floor).into_iter().zip(&exact) {
                    if value.to_bits() == exact.to_bits() {
                        reached += 1;
                    } else {
                        missed += 1;
                        assert!(value == 0.0 && *exact < floor.min(1.0 - 1e-10), "{value}, {exact}, {floor}");
                    }
                }
            }
        }
        assert!(reached > 1000 && missed > 1000, "{reached}, {missed}");
    }

    #[test]
    fn beside_a_nan_all_is_exact() {
        let exp: Exp = Arc::new(|values| values.iter_mut().for_each(|value| *value = value.exp()));
        let d = side(&[0.0, 0.0], 1, Vec::new(), vec![1.0], [0.0; 4]);
        for (area, x) in [(f64::NAN, 0.0), (100.0, f64::NAN)] {
            let g = side(&[x, 0.0, 30.0, 0.0], 1, vec![true; 2], vec![area, 100.0], [0.0; 4]);
            let oks = Oks::new(&d, &g, vec![1.0], exp.clone()).unwrap();
            let similarity = all(&oks, 1, 2, 0.5);
            assert!(similarity[0].is_nan() && similarity[1] > 0.0 && similarity[1] < 0.5, "{similarity:?}");
        }
    }
}
