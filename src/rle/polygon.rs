//! Polygon rasteriser: the pixels that a polygon covers.
//!
//! The reference enlarges the polygon five times, rounds its corners to whole numbers and walks the whole boundary
//! sample by sample. Of all samples only those matter where the boundary crosses the centre line of a pixel column,
//! from `5c + 2` to `5c + 3`: the smaller `y` of the two, scaled back, is where column `c` changes between
//! background and foreground. Here only those are computed, for each edge and each column it crosses, with the
//! reference's own expressions. The tests compare with the naive walk.

use std::ops::Range;

use crate::error::{Error, Result, push, reserve};

/// Most crossings of one polygon.
///
/// DIFFERENCE: the reference would need more than 10 GB for its samples; here that is an error.
const MOST_CROSSINGS: u64 = 1 << 27;

/// Enlarged coordinates below this are *near*: no rounding can make one sample lie two columns from the next.
///
/// The `x` of two neighbouring samples of a steep edge differ by at most `1 - 2⁻²⁴`, and each is computed with an
/// error below `2⁻²⁷`.
const NEAR: i32 = 1 << 22;

/// Turns polygons into runs. Holds the working memory, to be used for many polygons.
#[derive(Clone, Debug, Default)]
pub struct Rasterizer {
    edges: Vec<Edge>,
    /// For each column the end of its crossings in `crossings`; before that, the differences of their numbers.
    ends: Vec<u32>,
    /// Positions in the mask where the value changes.
    crossings: Vec<u32>,
}

impl Rasterizer {
    /// Replaces `counts` by the runs of the polygon `ring` (`x, y, x, y, …`; an odd last number is ignored) in a
    /// mask of height `h` and width `w`.
    ///
    /// No corner gives an empty mask. With `h * w` of 2³² and more, or with `w` of 0, positions wrap around as they
    /// do in the reference.
    ///
    /// DIFFERENCE: where a corner is NaN, infinite, or so far away that five times its place is no 32-bit number, the
    /// reference's conversion is undefined (it may never return); here that is an error.
    ///
    /// # Errors
    ///
    /// A corner is no place in an image, the boundary crosses too many pixel columns, or memory cannot be had.
    pub fn polygon(&mut self, ring: &[f64], h: u64, w: u64, counts: &mut Vec<u32>) -> Result<()> {
        // The reference's bound is w - 1, unsigned: without a width there is none.
        let columns = if w == 0 { u32::MAX } else { w.min(u64::from(u32::MAX)) as u32 };
        let near = self.find_edges(ring, columns)?;
        let total: u64 = self.edges.iter().map(|edge| edge.columns.len() as u64).sum();
        if total > MOST_CROSSINGS {
            return Err(Error::value(format!("invalid polygon: it crosses {total} pixel columns, too many")));
        }
        let pixels = h.checked_mul(w).and_then(|pixels| u32::try_from(pixels).ok());
        match pixels {
            Some(pixels) if near && w > 0 && h <= i32::MAX as u64 => {
                self.cross_by_column(h as u32, total as usize)?;
                push(&mut self.crossings, pixels)?;
            }
            _ => self.cross_and_sort(h, h.wrapping_mul(w) as u32, total as usize)?,
        }
        to_runs(&self.crossings, counts)
    }

    /// Replaces `counts` by the runs of the box `x, y, width, height`.
    ///
    /// # Errors
    ///
    /// As of [`Rasterizer::polygon`].
    pub fn rectangle(&mut self, bounds: &[f64; 4], h: u64, w: u64, counts: &mut Vec<u32>) -> Result<()> {
        let [left, top, width, height] = *bounds;
        let (right, bottom) = (left + width, top + height);
        self.polygon(&[left, top, left, bottom, right, bottom, right, top], h, w, counts)
    }

    /// Collects the edges that cross columns below `columns`. Returns whether all corners are near.
    fn find_edges(&mut self, ring: &[f64], columns: u32) -> Result<bool> {
        self.edges.clear();
        let mut corners = ring.chunks_exact(2).map(|corner| Ok([enlarge(corner[0])?, enlarge(corner[1])?]));
        let Some(first) = corners.next().transpose()? else { return Ok(true) };
        let is_near = |corner: [i32; 2]| corner.iter().all(|place| place.unsigned_abs() < NEAR as u32);
        let mut near = is_near(first);
        let mut from = first;
        for to in corners.chain([Ok(first)]) {
            let to: [i32; 2] = to?;
            near &= is_near(to);
            if let Some(edge) = Edge::new(from, to, columns)? {
                push(&mut self.edges, edge)?;
            }
            from = to;
        }
        Ok(near)
    }

    /// Fills `crossings` in order, without comparing more than the few of one column.
    fn cross_by_column(&mut self, h: u32, total: usize) -> Result<()> {
        let first = self.edges.iter().map(|edge| edge.columns.start).min().unwrap_or(0);
        let end = self.edges.iter().map(|edge| edge.columns.end).max().unwrap_or(0);
        let columns = (end - first) as usize + 1;
        self.ends.clear();
        reserve(&mut self.ends, columns)?;
        self.ends.resize(columns, 0);
        for edge in &self.edges {
            let (from, to) = ((edge.columns.start - first) as usize, (edge.columns.end - first) as usize);
            self.ends[from] = self.ends[from].wrapping_add(1);
            self.ends[to] = self.ends[to].wrapping_sub(1);
        }
        let (mut number, mut place) = (0u32, 0);
        for end in &mut self.ends {
            number = number.wrapping_add(*end);
            // Where the column begins; each crossing put down moves it on, until it is where the column ends.
            *end = place;
            place += number;
        }
        self.crossings.clear();
        reserve(&mut self.crossings, total)?;
        self.crossings.resize(total, 0);
        for edge in &self.edges {
            edge.cross(h, |column, y| {
                let place = &mut self.ends[(column - first) as usize];
                self.crossings[*place as usize] = column * h + y;
                *place += 1;
            });
        }
        let mut begin = 0;
        for &end in &self.ends {
            match &mut self.crossings[begin..end as usize] {
                [a, b] => (*a, *b) = ((*a).min(*b), (*a).max(*b)),
                column => column.sort_unstable(),
            }
            begin = end as usize;
        }
        Ok(())
    }

    /// Fills `crossings` in order, `pixels` among them, where positions wrap around or corners are far away.
    fn cross_and_sort(&mut self, h: u64, pixels: u32, total: usize) -> Result<()> {
        let highest = h.min(u64::from(u32::MAX)) as u32;
        self.crossings.clear();
        reserve(&mut self.crossings, total + 1)?;
        for edge in &self.edges {
            edge.cross(highest, |column, y| {
                if edge.is_seen(column) {
                    self.crossings.push(column.wrapping_mul(h as u32).wrapping_add(y));
                }
            });
        }
        self.crossings.push(pixels);
        self.crossings.sort_unstable();
        Ok(())
    }
}

/// Whether a polygon may have the coordinate: enlarged, an integer of 32 bits holds it.
#[inline]
pub(crate) fn is_coordinate(place: f64) -> bool {
    let large = 5.0 * place + 0.5;
    large > -2147483649.0 && large < 2147483648.0
}

/// Five times `place`, rounded as the reference rounds: half up, then towards zero.
#[inline]
fn enlarge(place: f64) -> Result<i32> {
    if is_coordinate(place) {
        Ok((5.0 * place + 0.5) as i32)
    } else {
        Err(Error::value(format!("invalid polygon: the coordinate {place} is not a place in an image")))
    }
}

/// One edge, enlarged, its long side running upwards from `t = 0`.
#[derive(Clone, Debug)]
struct Edge {
    /// At least as wide as high: `x = x0 + t`; else `y = y0 + t`.
    flat: bool,
    /// Whether the walk goes from large `t` to small.
    flip: bool,
    x0: i32,
    y0: i32,
    /// Change of the short side with `t`, and its inverse.
    slope: f64,
    inverse: f64,
    /// Samples after the first.
    steps: i32,
    /// Columns whose centre line it crosses.
    columns: Range<u32>,
}

impl Edge {
    /// `None` if it crosses no column.
    #[inline]
    fn new([xs, ys]: [i32; 2], [xe, ye]: [i32; 2], columns: u32) -> Result<Option<Edge>> {
        let (Some(dx), Some(dy)) = (distance(xs, xe), distance(ys, ye)) else {
            return Err(Error::value(
                "invalid polygon: the distance of two consecutive corners is too large",
            ));
        };
        // Column c is crossed if 5c + 2 and 5c + 3 both lie between the ends.
        let column = |x: i32| (x.max(0) as u32 + 2) / 5;
        let columns = column(xs.min(xe)).min(columns)..column(xs.max(xe)).min(columns);
        if columns.is_empty() {
            return Ok(None);
        }
        let flat = dx >= dy;
        let flip = if flat { xs > xe } else { ys > ye };
        let ([x0, y0], [x1, y1]) = if flip { ([xe, ye], [xs, ys]) } else { ([xs, ys], [xe, ye]) };
        let (short, long) = if flat { (y1 - y0, dx) } else { (x1 - x0, dy) };
        Ok(Some(Edge {
            flat,
            flip,
            x0,
            y0,
            slope: f64::from(short) / f64::from(long),
            inverse: f64::from(long) / f64::from(short),
            steps: long,
            columns,
        }))
    }

    /// The reference's sample of the short side, before it is cut to a whole number.
    #[inline]
    fn short_side(&self, start: i32, t: i32) -> f64 {
        f64::from(start) + self.slope * f64::from(t) + 0.5
    }

    /// Calls `found` with each column and the `y` of the crossing in it, at most `h`.
    #[inline]
    fn cross(&self, h: u32, mut found: impl FnMut(u32, u32)) {
        let scale = |v: i32| ((v.max(0) as u32 + 2) / 5).min(h);
        if self.flat {
            // The short side only grows or only falls: its sign says which of the two samples is smaller.
            let smaller = if self.slope < 0.0 { 3 } else { 2 };
            for column in self.columns.clone() {
                let t = 5 * column as i32 + smaller - self.x0;
                found(column, scale(self.short_side(self.y0, t) as i32));
            }
        } else {
            for column in self.columns.clone() {
                found(column, scale(self.y0 + self.first_beyond(column) - 1));
            }
        }
    }

    /// For a steep edge, the first `t` on the other side of the column's centre line than `t = 0`.
    #[inline]
    fn first_beyond(&self, column: u32) -> i32 {
        let line = f64::from(5 * column + 3);
        let grows = self.slope > 0.0;
        // Positive values are cut downwards, so the line is reached before cutting where it is reached after.
        let is_beyond = |t: i32| (self.short_side(self.x0, t) >= line) == grows;
        // The true crossing; rounding moves it by a sample at most, unless coordinates are huge.
        let mut t = ((line - 0.5 - f64::from(self.x0)) * self.inverse) as i32;
        t = t.saturating_add(1).clamp(1, self.steps);
        while t < self.steps && !is_beyond(t) {
            t += 1;
        }
        while t > 1 && is_beyond(t - 1) {
            t -= 1;
        }
        t
    }

    /// Whether the walk, which reads one sample and assumes that the other is adjacent to it, detects the crossing.
    ///
    /// Far from the origin a steep edge can jump over a whole column of samples.
    fn is_seen(&self, column: u32) -> bool {
        if self.flat {
            return true;
        }
        let grows = self.slope > 0.0;
        let t = self.first_beyond(column);
        let (high, low) = if grows { (t, t - 1) } else { (t - 1, t) };
        let line = 5 * column as i32 + 3;
        if grows != self.flip {
            self.short_side(self.x0, high) as i32 == line
        } else {
            self.short_side(self.x0, low) as i32 == line - 1
        }
    }
}

/// The distance of two numbers, if that is a 32-bit number.
#[inline]
fn distance(a: i32, b: i32) -> Option<i32> {
    i32::try_from(a.abs_diff(b)).ok()
}

/// Replaces `counts` by the differences between consecutive `places`; places that come twice cancel out.
fn to_runs(places: &[u32], counts: &mut Vec<u32>) -> Result<()> {
    counts.clear();
    // The last run, too: without places there is one.
    reserve(counts, places.len() + 1)?;
    let mut before = 0;
    // The run is not written until it is known not to be joined to the next.
    let (mut run, mut joined) = (0u32, true);
    for &place in places {
        let difference = place.wrapping_sub(before);
        before = place;
        if joined {
            run = run.wrapping_add(difference);
            joined = false;
        } else if difference == 0 {
            joined = true;
        } else {
            counts.push(run);
            run = difference;
        }
    }
    counts.push(run);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Rasterizer;
    use crate::random::{Random, tries};

    /// The walk over every sample.
    fn naive(ring: &[f64], h: u64, w: u64) -> Vec<u32> {
        let corners: Vec<[i32; 2]> =
            ring.chunks_exact(2).map(|c| [(5.0 * c[0] + 0.5) as i32, (5.0 * c[1] + 0.5) as i32]).collect();
        let mut samples = Vec::new();
        for (j, &start) in corners.iter().enumerate() {
            let end = corners[(j + 1) % corners.len()];
            let (dx, dy) = ((end[0] - start[0]).abs(), (end[1] - start[1]).abs());
            let flat = dx >= dy;
            let flip = if flat { start[0] > end[0] } else { start[1] > end[1] };
            let (a, b) = if flip { (end, start) } else { (start, end) };
            let steps = dx.max(dy);
            for d in 0..=steps {
                let t = if flip { steps - d } else { d };
                let short = |from: i32, to: i32| {
                    (f64::from(from) + f64::from(to - from) / f64::from(steps) * f64::from(t) + 0.5) as i32
                };
                samples.push(if flat {
                    [t + a[0], short(a[1], b[1])]
                } else {
                    [short(a[0], b[0]), t + a[1]]
                });
            }
        }
        let mut places = Vec::new();
        for pair in samples.windows(2) {
            let ([u0, v0], [u1, v1]) = (pair[0], pair[1]);
            if u0 == u1 {
                continue;
            }
            let x = (f64::from(if u1 < u0 { u1 } else { u1 - 1 }) + 0.5) / 5.0 - 0.5;
            if x.floor() != x || x < 0.0 || x > w.wrapping_sub(1) as f64 {
                continue;
            }
            let y = ((f64::from(v0.min(v1)) + 0.5) / 5.0 - 0.5).max(0.0).min(h as f64).ceil();
            places.push((x as i32).wrapping_mul(h as i32).wrapping_add(y as i32) as u32);
        }
        places.push(h.wrapping_mul(w) as u32);
        places.sort_unstable();
        let mut before = 0;
        let differences: Vec<u32> =
            places.iter().map(|&p| p.wrapping_sub(std::mem::replace(&mut before, p))).collect();
        let mut counts = vec![differences[0]];
        let mut j = 1;
        while j < differences.len() {
            if differences[j] > 0 {
                counts.push(differences[j]);
            } else {
                j += 1;
                if j < differences.len() {
                    let last = counts.last_mut().unwrap();
                    *last = last.wrapping_add(differences[j]);
                }
            }
            j += 1;
        }
        counts
    }

    fn fast(ring: &[f64], h: u64, w: u64) -> Vec<u32> {
        let mut counts = vec![7];
        Rasterizer::default().polygon(ring, h, w, &mut counts).unwrap();
        counts
    }

    fn random_ring(random: &mut Random) -> (Vec<f64>, u64, u64) {
        let extent = [0.3, 3.0, 20.0, 60.0, 500.0][random.below(5) as usize];
        let grid = [0.0, 1.0, 0.5, 0.1, 0.2][random.below(5) as usize];
        let offset = [0.0, 0.0, -10.0, 30.0, -0.5][random.below(5) as usize];
        let mut ring: Vec<f64> = Vec::new();
        for _ in 0..random.below(14) {
            let mut corner = [0, 1].map(|_| {
                let place = offset + extent * random.unit();
                if grid > 0.0 { (place / grid).round() * grid } else { place }
            });
            if ring.len() >= 2 {
                let last = [ring[ring.len() - 2], ring[ring.len() - 1]];
                match random.below(8) {
                    0 => corner = last,
                    1 => corner[0] = last[0],
                    2 => corner[1] = last[1],
                    _ => {}
                }
            }
            ring.extend(corner);
        }
        let mut side = || [0, 1, 2, 17, 40, 60, 100, 300, 480][random.below(9) as usize];
        (ring, side(), side())
    }

    #[test]
    fn like_the_naive_walk() {
        let mut random = Random::new(3);
        let mut rasterizer = Rasterizer::default();
        let mut counts = Vec::new();
        let mut foreground = 0;
        for _ in 0..tries(30_000) {
            let (ring, h, w) = random_ring(&mut random);
            rasterizer.polygon(&ring, h, w, &mut counts).unwrap();
            assert_eq!(counts, naive(&ring, h, w), "{ring:?} in {h} x {w}");
            foreground += usize::from(counts.len() > 1);
        }
        assert!(foreground > tries(5_000), "{foreground}");
    }

    #[test]
    fn far_away_and_wrapped() {
        let mut random = Random::new(5);
        for _ in 0..tries(20) {
            let ring: Vec<f64> = (0..6).map(|_| 1e5 * (random.unit() - 0.4)).collect();
            for (h, w) in [(300, 400), (1 << 20, 1 << 20), (3, 1 << 40), (1 << 40, 3), (7, 0)] {
                assert_eq!(fast(&ring, h, w), naive(&ring, h, w), "{ring:?} in {h} x {w}");
            }
        }
        // As far as 32-bit numbers go: rounding makes neighbouring samples jump.
        for shift in 0..tries(20) {
            let base = 429_000_000.0 + shift as f64 * 0.2;
            let ring = [base - 3.0, 0.0, base - 1.8, 30_000.4, base - 2.0, 30_003.0];
            assert_eq!(fast(&ring, 1 << 19, 1 << 31), naive(&ring, 1 << 19, 1 << 31), "{ring:?}");
        }
    }

    #[test]
    fn small_cases() {
        let square = [1.0, 1.0, 3.0, 1.0, 3.0, 3.0, 1.0, 3.0];
        assert_eq!(fast(&square, 4, 5), [5, 2, 2, 2, 9]);
        assert_eq!(fast(&square[..7], 4, 5), naive(&square[..6], 4, 5));
        assert_eq!(fast(&[], 4, 5), [20]);
        assert_eq!(fast(&[1.0], 4, 5), [20]);
        assert_eq!(fast(&[1.0, 1.0], 4, 5), [20]);
        assert_eq!(fast(&square, 0, 5), [0]);
        let mut counts = Vec::new();
        Rasterizer::default().rectangle(&[1.0, 1.0, 2.0, 2.0], 4, 5, &mut counts).unwrap();
        assert_eq!(counts, [5, 2, 2, 2, 9]);
    }

    #[test]
    fn no_place_in_an_image() {
        for place in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e10, 4.3e8, 429496729.5] {
            let ring = [0.0, 0.0, 5.0, place, 5.0, 5.0];
            assert!(Rasterizer::default().polygon(&ring, 4, 5, &mut Vec::new()).is_err(), "{place}");
        }
        // Each is a valid position, but their distance is too large.
        let ring = [-4e8, 0.0, 4e8, 0.0, 0.0, 5.0];
        assert!(Rasterizer::default().polygon(&ring, 4, 5, &mut Vec::new()).is_err());
    }

    #[test]
    fn corners_reach_as_far_as_32_bit_numbers() {
        // What is cut towards zero is one from -2^31 to 2^31 - 1.
        for (large, fits) in [
            (-2147483649.0, false),
            (-2147483648.5, true),
            (-2147483648.0, true),
            (2147483647.5, true),
            (2147483648.0, false),
        ] {
            let place: f64 = (large - 0.5) / 5.0;
            assert_eq!(5.0 * place + 0.5, large);
            assert_eq!(super::enlarge(place).is_ok(), fits, "{large}");
        }
    }

    #[test]
    fn an_edge_that_jumps_over_a_column_is_not_near() {
        // Nearly as wide as high, and rounded to multiples twice as large from 2^29 on: there x grows by two at once.
        let (left, height) = (503_316_477, 1 << 26);
        let place = |enlarged: i32| f64::from(enlarged) / 5.0;
        let ring = [place(left + height - 1), place(height), place(left), 0.0];
        let mut rasterizer = Rasterizer::default();
        assert!(!rasterizer.find_edges(&ring, u32::MAX).unwrap());
        let column = ((1 << 29) - 2) / 5;
        let seen: Vec<bool> = rasterizer.edges.iter().map(|edge| edge.is_seen(column)).collect();
        assert_eq!(seen, [false, true], "the walk downwards reads the sample that is not there");
    }

    #[test]
    fn a_huge_polygon_costs_no_more_than_its_image() {
        let counts = fast(&[0.0, 0.0, 4e8, 0.0, 4e8, 4e8, 0.0, 4e8], 4, 5);
        assert_eq!(counts, [0, 20]);
        let error =
            Rasterizer::default().polygon(&[0.0, 0.0, 4e8, 1.0, 4e8, 5.0], 4, 1 << 31, &mut Vec::new());
        assert!(error.unwrap_err().to_string().contains("too many"));
    }
}
