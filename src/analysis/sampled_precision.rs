//! The mean precision at recall points of several curves side by side, one for each resample.
//!
//! A curve's envelope is the highest precision from a recall point on. So each precision is entered at the last recall
//! point that it reaches, the higher one where there are two; then a single pass over the recall points, from the last
//! to the first, raises all curves at once. No curve needs to be laid out, and no true positive is looked for.

use std::sync::OnceLock;

use super::sample_weights::{SAMPLES, SampleCounts};
use super::sampled_rows::ReadCurve;
use crate::curve::{Reached, precision, reached};
use crate::error::{Result, collect, copied, extend, filled, zeros};

/// Up to so many ground truths tables are stored for all groups and resamples: a megabyte in all.
const STORED: usize = 1024;

/// So many precisions are divided at once.
const AT_ONCE: usize = 32;

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

    fn count(&self, positives: usize) -> Result<PointsReached> {
        let index = |reached: Reached| match reached {
            Reached::AtOnce => 0,
            Reached::By(index) => index,
        };
        let indices = reached(&self.points, positives)?.into_iter().map(index);
        let mut table: Vec<u16> = zeros(positives + 2)?;
        let (mut count, mut from) = (0, 0);
        for index in indices {
            let to = index.saturating_add(1).clamp(from, table.len());
            table[from..to].fill(count);
            (count, from) = (count + 1, to);
        }
        table[from..].fill(count);
        Ok(table)
    }
}

/// The tables for the ground truths of one group in each resample.
#[derive(Default)]
struct GroupPoints {
    /// One after the other.
    reached: Vec<u16>,
    /// Where each begins, and its last index.
    starts: SampleCounts,
    last: SampleCounts,
}

impl GroupPoints {
    /// Makes them those of so many ground truths.
    fn set(&mut self, points: &RecallPoints, positives: &SampleCounts) -> Result<()> {
        self.reached.clear();
        for (sample, count) in positives.iter().map(|&count| count as usize).enumerate() {
            self.starts[sample] = self.reached.len() as u32;
            self.last[sample] = count as u32 + 1;
            match points.stored.get(count) {
                Some(table) => match table.get() {
                    Some(table) => extend(&mut self.reached, table.iter().copied())?,
                    None => {
                        let counted = points.count(count)?;
                        extend(&mut self.reached, counted.iter().copied())?;
                        // Another thread may have stored the same one.
                        let _ = table.set(counted);
                    }
                },
                None => extend(&mut self.reached, points.count(count)?)?,
            }
        }
        Ok(())
    }

    /// Where the tables say how many recall points each resample's true positives reach.
    #[inline(always)]
    fn places(&self, right: &SampleCounts) -> SampleCounts {
        let mut places = [0; SAMPLES];
        for sample in 0..SAMPLES {
            places[sample] = self.starts[sample] + right[sample].min(self.last[sample]);
        }
        places
    }
}

/// The precisions of one threshold's curves.
pub(super) struct PrecisionAtPoints<'a> {
    points: &'a RecallPoints,
    tables: GroupPoints,
    /// The highest precision that reaches so many recall points and no more, from none to all.
    highest: Vec<[f64; SAMPLES]>,
    /// The highest that reaches each recall point.
    raised: Vec<[f64; SAMPLES]>,
    /// True positives and rows that are not entered yet, and how many.
    right: [SampleCounts; AT_ONCE],
    rows: [SampleCounts; AT_ONCE],
    waiting: usize,
    /// What is computed of those that are entered: memory that need not be zeroed each time.
    precisions: [[f64; SAMPLES]; AT_ONCE],
    places: [SampleCounts; AT_ONCE],
}

impl<'a> PrecisionAtPoints<'a> {
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(super) fn new(points: &'a RecallPoints) -> Result<PrecisionAtPoints<'a>> {
        let none = [[0; SAMPLES]; AT_ONCE];
        Ok(PrecisionAtPoints {
            points,
            tables: GroupPoints::default(),
            highest: filled(points.points.len() + 1, [0.0; SAMPLES])?,
            raised: filled(points.points.len(), [0.0; SAMPLES])?,
            right: none,
            rows: none,
            waiting: 0,
            precisions: [[0.0; SAMPLES]; AT_ONCE],
            places: none,
        })
    }

    /// Begins the curves of a group with so many ground truths to find.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(super) fn begin(&mut self, positives: &SampleCounts) -> Result<()> {
        self.tables.set(self.points, positives)
    }

    /// Takes in what waits, step by step for all of it.
    #[inline(always)]
    fn enter_waiting(&mut self) {
        let tables = &self.tables;
        let (precisions, places) = (&mut self.precisions, &mut self.places);
        let (right, rows) = (&self.right[..self.waiting], &self.rows[..self.waiting]);
        let counts = right.as_flattened().iter().zip(rows.as_flattened());
        for (precision_at, (&right, &rows)) in precisions.as_flattened_mut().iter_mut().zip(counts) {
            let (right, rows) = (right as i32, rows as i32);
            *precision_at = precision(f64::from(right), f64::from(rows - right));
        }
        for (places, right) in places.iter_mut().zip(right) {
            *places = tables.places(right);
        }
        let (reached, highest) = (tables.reached.as_slice(), self.highest.as_mut_slice());
        for (precisions, places) in precisions.iter().zip(&*places).take(self.waiting) {
            for sample in 0..SAMPLES {
                let at = usize::from(reached[places[sample] as usize]);
                let highest = &mut highest[at][sample];
                *highest = if precisions[sample] > *highest { precisions[sample] } else { *highest };
            }
        }
        self.waiting = 0;
    }

    /// The mean over the recall points of each curve, given all its true positives; begins the next curves.
    #[inline(always)]
    pub(super) fn means(&mut self, right: &SampleCounts) -> [f64; SAMPLES] {
        self.enter_waiting();
        let reached = self.tables.places(right).into_iter().map(|place| self.tables.reached[place as usize]);
        let most = reached.max().map_or(0, usize::from);
        let (highest, raised) = (&mut self.highest[1..=most], &mut self.raised[..most]);
        let mut best = [0.0; SAMPLES];
        for (highest, raised) in highest.iter_mut().zip(&mut *raised).rev() {
            for sample in 0..SAMPLES {
                best[sample] = if highest[sample] > best[sample] { highest[sample] } else { best[sample] };
            }
            *raised = best;
            *highest = [0.0; SAMPLES];
        }
        let mut sums = [0.0; SAMPLES];
        for raised in raised {
            for sample in 0..SAMPLES {
                sums[sample] += raised[sample];
            }
        }
        self.highest[0] = [0.0; SAMPLES];
        let points = (self.highest.len() - 1) as f64;
        sums.map(|sum| sum / points)
    }
}

impl ReadCurve for PrecisionAtPoints<'_> {
    #[inline(always)]
    fn enter(&mut self, right: &SampleCounts, rows: &SampleCounts) -> Result<()> {
        self.right[self.waiting] = *right;
        self.rows[self.waiting] = *rows;
        self.waiting += 1;
        if self.waiting == AT_ONCE {
            self.enter_waiting();
        }
        Ok(())
    }
}
