//! The mean precision at recall points of several curves side by side, one for each resample.
//!
//! A curve's envelope is the highest precision from a recall point on. So each precision is entered at the last recall
//! point that it reaches, the higher one where there are two; then a single pass over the recall points, from the last
//! to the first, raises all curves at once. No curve needs to be laid out, and no true positive is looked for.

use std::sync::OnceLock;

use super::sample_weights::{SAMPLES, SampleCounts};
use super::sampled_rows::ReadCurve;
use crate::curve::{Reached, precision, reached};
use crate::error::{Result, collect, copied, extend, filled, reserve};

/// Up to so many ground truths tables are stored for all groups and resamples: a megabyte in all.
const STORED: usize = 1024;

/// So many curves are read side by side: what is entered of them stays in the fastest cache.
const CURVES: usize = 16;

/// One number for each of these curves.
type CurveCounts = [u32; CURVES];

/// So many precisions of each are divided at once.
const AT_ONCE: usize = 16;

/// For so many true positives, from none to one more than there are ground truths, how many recall points they reach.
type PointsReached = Vec<u16>;

/// Recall points in ascending order, and how soon each is reached.
pub(super) struct RecallPoints {
    points: Vec<f64>,
    stored: Vec<OnceLock<PointsReached>>,
}

impl RecallPoints {
    /// None if the points do not rise, so that one may be missed and a later one reached, or are too many.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(super) fn new(points: &[f64]) -> Result<Option<RecallPoints>> {
        if !points.is_sorted() || points.len() > usize::from(u16::MAX) {
            return Ok(None);
        }
        let stored = collect((0..STORED + 1).map(|_| OnceLock::new()))?;
        Ok(Some(RecallPoints { points: copied(points)?, stored }))
    }

    /// Appends the table for so many ground truths.
    fn append(&self, positives: usize, tables: &mut PointsReached) -> Result<()> {
        let (start, length) = (tables.len(), positives + 2);
        reserve(tables, length)?;
        tables.resize(start + length, self.points.len() as u16);
        let table = &mut tables[start..];
        let mut from = 0;
        for (points, needed) in self.needed(positives)?.into_iter().enumerate() {
            let to = needed.clamp(from, length);
            table[from..to].fill(points as u16);
            from = to;
        }
        Ok(())
    }

    /// How many true positives reach each recall point; at least one.
    fn needed(&self, positives: usize) -> Result<Vec<usize>> {
        // An estimate, which a division for it and for one less mostly confirms.
        let all = positives as i32;
        let recall = |count: i32| f64::from(count) / f64::from(all);
        let mut confirmed = true;
        let mut estimates = filled(self.points.len(), 0)?;
        for (estimate, &point) in estimates.iter_mut().zip(&self.points) {
            let exact = point * f64::from(all);
            let below = exact as i32;
            let count = below.saturating_add((f64::from(below) < exact).into()).max(1);
            confirmed &= recall(count) >= point && (count == 1 || recall(count - 1) < point);
            *estimate = count as usize;
        }
        if confirmed {
            return Ok(estimates);
        }
        let needed = |reached| match reached {
            Reached::AtOnce => 1,
            Reached::By(index) => index.saturating_add(1),
        };
        collect(reached(&self.points, positives)?.into_iter().map(needed))
    }
}

/// The tables for the ground truths of one group in each recurve.
#[derive(Default)]
struct GroupPoints {
    /// One after the other.
    reached: Vec<u16>,
    /// Where each begins, and its last index.
    starts: CurveCounts,
    last: CurveCounts,
}

impl GroupPoints {
    /// Makes them those of so many ground truths.
    fn set(&mut self, points: &RecallPoints, positives: &CurveCounts) -> Result<()> {
        self.reached.clear();
        for (curve, count) in positives.iter().map(|&count| count as usize).enumerate() {
            self.starts[curve] = self.reached.len() as u32;
            self.last[curve] = count as u32 + 1;
            match points.stored.get(count) {
                Some(table) => match table.get() {
                    Some(table) => extend(&mut self.reached, table.iter().copied())?,
                    None => {
                        let mut counted = Vec::new();
                        points.append(count, &mut counted)?;
                        extend(&mut self.reached, counted.iter().copied())?;
                        // Another thread may have stored the same one.
                        let _ = table.set(counted);
                    }
                },
                None => points.append(count, &mut self.reached)?,
            }
        }
        Ok(())
    }

    /// Where the tables say how many recall points each recurve's true positives reach.
    #[inline(always)]
    fn places(&self, true_positives: &CurveCounts) -> CurveCounts {
        let mut places = [0; CURVES];
        for curve in 0..CURVES {
            places[curve] = self.starts[curve] + true_positives[curve].min(self.last[curve]);
        }
        places
    }
}

/// The precisions of some of these curves.
struct CurvesAtPoints<'a> {
    points: &'a RecallPoints,
    tables: GroupPoints,
    /// The highest precision that reaches so many recall points and no more, from none to all.
    highest: Vec<[f64; CURVES]>,
    /// The highest that reaches each recall point.
    raised: Vec<[f64; CURVES]>,
    /// True positives and rows that are not entered yet, and how many.
    true_positives: [CurveCounts; AT_ONCE],
    rows: [CurveCounts; AT_ONCE],
    waiting: usize,
    /// What is computed of those that are entered: memory that need not be zeroed each time.
    precisions: [[f64; CURVES]; AT_ONCE],
    places: [CurveCounts; AT_ONCE],
}

impl<'a> CurvesAtPoints<'a> {
    /// # Errors
    ///
    /// `OutOfMemory`
    fn new(points: &'a RecallPoints) -> Result<CurvesAtPoints<'a>> {
        let none = [[0; CURVES]; AT_ONCE];
        Ok(CurvesAtPoints {
            points,
            tables: GroupPoints::default(),
            highest: filled(points.points.len() + 1, [0.0; CURVES])?,
            raised: filled(points.points.len(), [0.0; CURVES])?,
            true_positives: none,
            rows: none,
            waiting: 0,
            precisions: [[0.0; CURVES]; AT_ONCE],
            places: none,
        })
    }

    /// Begins the curves of a group with so many ground truths to find.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    fn begin(&mut self, positives: &CurveCounts) -> Result<()> {
        self.tables.set(self.points, positives)
    }

    /// Takes in what waits, step by step for all of it.
    #[inline(always)]
    fn enter_waiting(&mut self) {
        let tables = &self.tables;
        let (precisions, places) = (&mut self.precisions, &mut self.places);
        let (true_positives, rows) = (&self.true_positives[..self.waiting], &self.rows[..self.waiting]);
        let counts = true_positives.as_flattened().iter().zip(rows.as_flattened());
        for (precision_at, (&true_positives, &rows)) in precisions.as_flattened_mut().iter_mut().zip(counts) {
            let (true_positives, rows) = (true_positives as i32, rows as i32);
            *precision_at = precision(f64::from(true_positives), f64::from(rows - true_positives));
        }
        for (places, true_positives) in places.iter_mut().zip(true_positives) {
            *places = tables.places(true_positives);
        }
        let (reached, highest) = (tables.reached.as_slice(), self.highest.as_mut_slice());
        for (precisions, places) in precisions.iter().zip(&*places).take(self.waiting) {
            for curve in 0..CURVES {
                let at = usize::from(reached[places[curve] as usize]);
                let highest = &mut highest[at][curve];
                *highest = if precisions[curve] > *highest { precisions[curve] } else { *highest };
            }
        }
        self.waiting = 0;
    }

    /// Takes in true positives and rows.
    #[inline(always)]
    fn enter(&mut self, true_positives: &CurveCounts, rows: &CurveCounts) {
        self.true_positives[self.waiting] = *true_positives;
        self.rows[self.waiting] = *rows;
        self.waiting += 1;
        if self.waiting == AT_ONCE {
            self.enter_waiting();
        }
    }

    /// The mean over the recall points of each curve, given all its true positives; begins the next curves.
    #[inline(always)]
    fn means(&mut self, true_positives: &CurveCounts) -> [f64; CURVES] {
        self.enter_waiting();
        let reached =
            self.tables.places(true_positives).into_iter().map(|place| self.tables.reached[place as usize]);
        let most = reached.max().map_or(0, usize::from);
        let (highest, raised) = (&mut self.highest[1..=most], &mut self.raised[..most]);
        let mut best = [0.0; CURVES];
        for (highest, raised) in highest.iter_mut().zip(&mut *raised).rev() {
            for curve in 0..CURVES {
                best[curve] = if highest[curve] > best[curve] { highest[curve] } else { best[curve] };
            }
            *raised = best;
            *highest = [0.0; CURVES];
        }
        let mut sums = [0.0; CURVES];
        for raised in raised {
            for curve in 0..CURVES {
                sums[curve] += raised[curve];
            }
        }
        self.highest[0] = [0.0; CURVES];
        let points = (self.highest.len() - 1) as f64;
        sums.map(|sum| sum / points)
    }
}

/// The precisions of one threshold's curves.
pub(super) struct PrecisionAtPoints<'a>([CurvesAtPoints<'a>; SAMPLES / CURVES]);

impl<'a> PrecisionAtPoints<'a> {
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(super) fn new(points: &'a RecallPoints) -> Result<PrecisionAtPoints<'a>> {
        Ok(PrecisionAtPoints([CurvesAtPoints::new(points)?, CurvesAtPoints::new(points)?]))
    }

    /// Begins the curves of a group with so many ground truths to find.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(super) fn begin(&mut self, positives: &SampleCounts) -> Result<()> {
        self.0
            .iter_mut()
            .zip(positives.as_chunks().0)
            .try_for_each(|(curves, positives)| curves.begin(positives))
    }

    /// The mean over the recall points of each curve, given all its true positives; begins the next curves.
    #[inline(always)]
    pub(super) fn means(&mut self, true_positives: &SampleCounts) -> [f64; SAMPLES] {
        let mut means = [0.0; SAMPLES];
        let of_curves = means.as_chunks_mut().0.iter_mut().zip(true_positives.as_chunks().0);
        for (curves, (means, true_positives)) in self.0.iter_mut().zip(of_curves) {
            *means = curves.means(true_positives);
        }
        means
    }
}

impl ReadCurve for PrecisionAtPoints<'_> {
    #[inline(always)]
    fn enter(&mut self, true_positives: &SampleCounts, rows: &SampleCounts) -> Result<()> {
        let counts = true_positives.as_chunks().0.iter().zip(rows.as_chunks().0);
        for (curves, (true_positives, rows)) in self.0.iter_mut().zip(counts) {
            curves.enter(true_positives, rows);
        }
        Ok(())
    }
}
