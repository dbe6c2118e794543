//! Intersection over union of polygons as they are drawn, not of their pixels.
//!
//! Both are cut into horizontal slabs at each height at which a side begins, ends, or crosses another one. Within a slab
//! no two sides cross, so that the area of each, and of what both cover, is the width at half its height times its
//! height: exactly, but for rounding. Polygons may be concave, cross themselves, and be of several rings, which are
//! united; a point within a ring is one around which the ring goes an odd number of times. Run lengths are the squares
//! of their pixels.

use std::sync::Arc;

use super::{Comparer, Similarity, SimilarityKind};
use crate::columns::{Geometry, GeometryKind, MaskShape, Masks, SharedColumn};
use crate::error::{Error, Result, extend, push};
use crate::rle::codec;

/// Intersection over union of the areas within the rings; for a crowd, over the detection's area.
pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "polygon",
    geometry: GeometryKind::Masks,
    parameters: &[],
    compare: |detections, ground_truths, _| match (&detections.geometry, &ground_truths.geometry) {
        (Geometry::Masks(d), Geometry::Masks(g)) => Ok(Box::new(PolygonIou {
            detections: d.clone(),
            ground_truths: g.clone(),
            crowd: ground_truths.crowd.clone(),
        })),
        _ => Err(Error::wrong_type("polygon similarity needs polygons on both sides")),
    },
};

struct PolygonIou {
    detections: Arc<Masks>,
    ground_truths: Arc<Masks>,
    crowd: SharedColumn<bool>,
}

impl Similarity for PolygonIou {
    fn comparer(&self) -> Comparer<'_> {
        let mut truths: Vec<Outline> = Vec::new();
        let mut slabs = Slabs::default();
        Box::new(move |detections, ground_truths, floor, out| {
            truths.clear();
            for &g in ground_truths {
                push(&mut truths, Outline::of(&self.ground_truths, g, "ground truth", &mut slabs)?)?;
            }
            for (row, &d) in out.chunks_exact_mut(ground_truths.len()).zip(detections) {
                let detection = Outline::of(&self.detections, d, "detections", &mut slabs)?;
                for ((cell, truth), &g) in row.iter_mut().zip(&truths).zip(ground_truths) {
                    *cell = detection.iou(truth, self.crowd[g as usize], floor, &mut slabs)?;
                }
            }
            Ok(())
        })
    }
}

/// A side of a ring that is not level: from its lower end in y to its higher one.
#[derive(Clone, Copy, Debug)]
struct Side {
    low: [f64; 2],
    high: [f64; 2],
    /// Which ring it is of.
    ring: u32,
}

impl Side {
    fn at(&self, y: f64) -> f64 {
        let part = (y - self.low[1]) / (self.high[1] - self.low[1]);
        self.low[0] + part * (self.high[0] - self.low[0])
    }

    /// The height at which two sides cross, if they do within both.
    fn crossing(&self, other: &Side) -> Option<f64> {
        let (low, high) = (self.low[1].max(other.low[1]), self.high[1].min(other.high[1]));
        if low >= high || self.low[0].max(self.high[0]) < other.low[0].min(other.high[0]) {
            return None;
        }
        let (below, above) = (self.at(low) - other.at(low), self.at(high) - other.at(high));
        ((below < 0.0 && above > 0.0) || (below > 0.0 && above < 0.0))
            .then(|| low + (high - low) * (below / (below - above)))
    }
}

/// The sides of an object, the heights at which it has to be cut, and what is known of it without them.
#[derive(Clone, Debug, Default)]
struct Outline {
    sides: Vec<Side>,
    cuts: Vec<f64>,
    area: f64,
    /// Least x, least y, most x, most y.
    bounds: [f64; 4],
}

/// Working memory.
#[derive(Default)]
struct Slabs {
    cuts: Vec<f64>,
    places: Vec<(f64, u32)>,
    spans: [Vec<[f64; 2]>; 2],
}

impl Outline {
    fn of(masks: &Masks, index: u32, place: &str, slabs: &mut Slabs) -> Result<Outline> {
        let mut outline = Outline::default();
        outline
            .add(masks, index as usize)
            .map_err(|error| error.in_record(index as usize).field("segmentation").at(place))?;
        outline.bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        for [x, y] in outline.sides.iter().flat_map(|side| [side.low, side.high]) {
            let [left, top, right, bottom] = &mut outline.bounds;
            (*left, *top, *right, *bottom) = (left.min(x), top.min(y), right.max(x), bottom.max(y));
        }
        let rows =
            matches!(masks.shape[index as usize], MaskShape::Compressed { .. } | MaskShape::Counts { .. });
        for (at, side) in outline.sides.iter().enumerate() {
            extend(&mut outline.cuts, [side.low[1], side.high[1]])?;
            // Squares of pixels do not cross each other.
            for other in outline.sides[at + 1..].iter().filter(|_| !rows) {
                if let Some(y) = side.crossing(other) {
                    push(&mut outline.cuts, y)?;
                }
            }
        }
        outline.cuts.sort_unstable_by(f64::total_cmp);
        outline.cuts.dedup();
        let mut area = 0.0;
        for cut in outline.cuts.windows(2) {
            spans(&outline.sides, middle(cut), &mut slabs.places, &mut slabs.spans[0])?;
            area += width(&slabs.spans[0]) * (cut[1] - cut[0]);
        }
        outline.area = area;
        Ok(outline)
    }

    fn add(&mut self, masks: &Masks, index: usize) -> Result<()> {
        let [height, _] = masks.size[index];
        match masks.shape[index] {
            MaskShape::Polygons { first, count } => (0..count).try_for_each(|ring| {
                let (corners, _) = masks.ring(first + ring).as_chunks::<2>();
                self.add_ring(corners.iter().copied(), ring)
            }),
            MaskShape::Compressed { piece, start, len } => {
                self.add_runs(codec::read(codec::checked(masks.text(piece, start, len))?), height)
            }
            MaskShape::Counts { start, len } => {
                let start = start as usize;
                self.add_runs(masks.counts[start..start + len as usize].iter().copied(), height)
            }
        }
    }

    fn add_ring(&mut self, corners: impl Iterator<Item = [f64; 2]> + Clone, ring: u32) -> Result<()> {
        let following = corners.clone().skip(1).chain(corners.clone().take(1));
        for (start, end) in corners.zip(following) {
            if !start.iter().chain(&end).all(|x| x.is_finite()) {
                return Err(Error::value("a polygon has a NaN or infinite number"));
            }
            if start[1] != end[1] {
                let (low, high) = if start[1] < end[1] { (start, end) } else { (end, start) };
                push(&mut self.sides, Side { low, high, ring })?;
            }
        }
        Ok(())
    }

    /// Pixels are counted down the columns, from the background on.
    fn add_runs(&mut self, counts: impl Iterator<Item = u32>, height: u32) -> Result<()> {
        let (height, mut at) = (u64::from(height.max(1)), 0_u64);
        for (number, count) in counts.enumerate() {
            let end = at + u64::from(count);
            while number % 2 == 1 && at < end {
                let (column, row) = (at / height, at % height);
                let stop = end.min((column + 1) * height);
                let [left, right] = [column as f64, (column + 1) as f64];
                let [top, bottom] = [row as f64, (row + stop - at) as f64];
                for x in [left, right] {
                    // All squares are one ring: each is gone around once.
                    push(&mut self.sides, Side { low: [x, top], high: [x, bottom], ring: 0 })?;
                }
                at = stop;
            }
            at = end;
        }
        Ok(())
    }

    /// Intersection over union; where it is below `floor` it may be any number that is.
    fn iou(&self, truth: &Outline, crowd: bool, floor: f64, slabs: &mut Slabs) -> Result<f64> {
        let [left, top] = [0, 1].map(|axis| self.bounds[axis].max(truth.bounds[axis]));
        let [right, bottom] = [2, 3].map(|axis| self.bounds[axis].min(truth.bounds[axis]));
        let most = ((right - left) * (bottom - top)).min(self.area).min(truth.area);
        let least = if crowd { self.area } else { self.area + truth.area - most };
        if !(left < right && top < bottom) || most < floor * least * (1.0 - 1e-9) {
            return Ok(0.0);
        }
        let both = self.intersection(truth, [top, bottom], slabs)?.min(self.area).min(truth.area);
        let union = if crowd { self.area } else { self.area + truth.area - both };
        Ok(if both > 0.0 { both / union } else { 0.0 })
    }

    fn intersection(&self, other: &Outline, [top, bottom]: [f64; 2], slabs: &mut Slabs) -> Result<f64> {
        let Slabs { cuts, places, spans: [ours, theirs] } = slabs;
        cuts.clear();
        let inside = |y: &f64| (top..=bottom).contains(y);
        extend(cuts, self.cuts.iter().chain(&other.cuts).copied().filter(inside))?;
        for side in &self.sides {
            extend(cuts, other.sides.iter().filter_map(|other| side.crossing(other)).filter(inside))?;
        }
        cuts.sort_unstable_by(f64::total_cmp);
        cuts.dedup();
        let mut area = 0.0;
        for cut in cuts.windows(2) {
            spans(&self.sides, middle(cut), places, ours)?;
            spans(&other.sides, middle(cut), places, theirs)?;
            area += shared_width(ours, theirs) * (cut[1] - cut[0]);
        }
        Ok(area)
    }
}

fn middle(cut: &[f64]) -> f64 {
    cut[0] + (cut[1] - cut[0]) / 2.0
}

/// Where a level line is within some ring, as intervals that rise and do not overlap.
fn spans(sides: &[Side], y: f64, places: &mut Vec<(f64, u32)>, out: &mut Vec<[f64; 2]>) -> Result<()> {
    places.clear();
    let crossed = sides.iter().filter(|side| side.low[1] < y && y < side.high[1]);
    extend(places, crossed.map(|side| (side.at(y), side.ring)))?;
    // Ring by ring, each from left to right: every second interval is within.
    places.sort_unstable_by(|a, b| a.1.cmp(&b.1).then(a.0.total_cmp(&b.0)));
    out.clear();
    extend(out, places.chunks_exact(2).map(|pair| [pair[0].0, pair[1].0]))?;
    out.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
    let mut kept: usize = 0;
    for at in 0..out.len() {
        let [start, end] = out[at];
        match kept.checked_sub(1).map(|last| &mut out[last]) {
            Some(last) if start <= last[1] => last[1] = last[1].max(end),
            _ => {
                out[kept] = [start, end];
                kept += 1;
            }
        }
    }
    out.truncate(kept);
    Ok(())
}

fn width(spans: &[[f64; 2]]) -> f64 {
    spans.iter().map(|[start, end]| end - start).sum()
}

fn shared_width(ours: &[[f64; 2]], theirs: &[[f64; 2]]) -> f64 {
    let (mut a, mut b, mut sum) = (0, 0, 0.0);
    while let (Some(one), Some(other)) = (ours.get(a), theirs.get(b)) {
        sum += (one[1].min(other[1]) - one[0].max(other[0])).max(0.0);
        if one[1] < other[1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn outline(rings: &[&[[f64; 2]]]) -> Outline {
        let mut masks = Masks::default();
        for ring in rings {
            masks.push_ring(ring.as_flattened().iter().copied()).unwrap();
        }
        masks.push_polygons([100, 100], rings.len() as u32).unwrap();
        Outline::of(&masks, 0, "", &mut Slabs::default()).unwrap()
    }

    fn iou(a: &Outline, b: &Outline) -> f64 {
        a.iou(b, false, f64::NEG_INFINITY, &mut Slabs::default()).unwrap()
    }

    const SQUARE: [[f64; 2]; 4] = [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]];

    #[test]
    fn concave_crossing_and_several_rings() {
        let letter =
            [[0.0, 0.0], [1.0, 0.0], [1.0, 3.0], [3.0, 3.0], [3.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]];
        let (square, letter) = (outline(&[&SQUARE]), outline(&[&letter]));
        assert_eq!((square.area, letter.area, iou(&square, &letter)), (16.0, 10.0, 10.0 / 16.0));
        // A bow tie is two triangles.
        let bow = outline(&[&[[0.0, 0.0], [4.0, 4.0], [4.0, 0.0], [0.0, 4.0]]]);
        assert!((bow.area - 8.0).abs() < 1e-12 && (iou(&bow, &square) - 0.5).abs() < 1e-12);
        // What two rings share counts once.
        let shifted = SQUARE.map(|[x, y]| [x + 2.0, y]);
        let both = outline(&[&SQUARE, &shifted]);
        assert_eq!((both.area, iou(&both, &square)), (24.0, 16.0 / 24.0));
    }

    #[test]
    fn nothing_overlaps_without_an_area_or_beside() {
        let square = outline(&[&SQUARE]);
        let line = outline(&[&[[0.0, 0.0], [4.0, 4.0], [2.0, 2.0]]]);
        let beside = outline(&[&SQUARE.map(|[x, y]| [x + 4.0, y])]);
        assert_eq!([iou(&square, &line), iou(&line, &line), iou(&square, &beside)], [0.0; 3]);
        assert_eq!(iou(&square, &square), 1.0);
    }

    #[test]
    fn run_lengths_are_the_squares_of_their_pixels() {
        let mut masks = Masks::default();
        // Of 4 rows: columns 0 to 3 but for the pixel in the first row of the second column.
        masks.push_counts([4, 6], &[0, 4, 1, 11, 8]).unwrap();
        let pixels = Outline::of(&masks, 0, "", &mut Slabs::default()).unwrap();
        assert_eq!((pixels.area, iou(&pixels, &outline(&[&SQUARE]))), (15.0, 15.0 / 16.0));
    }

    #[test]
    fn a_polygon_and_itself_give_one_and_below_the_floor_a_value_is_below_it() {
        let mut random = Random::new(3);
        let mut any = |corners: usize| {
            let ring: Vec<[f64; 2]> =
                (0..corners).map(|_| [random.unit() * 9.0, random.unit() * 9.0]).collect();
            outline(&[&ring])
        };
        for corners in [3, 4, 5, 9, 20] {
            for _ in 0..40 {
                let (a, b) = (any(corners), any(corners));
                assert!((iou(&a, &a) - 1.0).abs() < 1e-12);
                let exact = iou(&a, &b);
                assert!((exact - iou(&b, &a)).abs() < 1e-12 && (0.0..=1.0).contains(&exact));
                let found = a.iou(&b, false, 0.3, &mut Slabs::default()).unwrap();
                assert!(if exact >= 0.3 { found == exact } else { found < 0.3 });
            }
        }
    }
}
