//! The mean precision at recall points of several curves side by side, one for each resample.
//!
//! A curve's envelope is the highest precision from a recall point on. So each precision is entered at the last recall
//! point that it reaches, the higher one where there are two; then a single pass over the recall points, from the last
//! to the first, raises all curves at once. No curve needs to be laid out, and no true positive is looked for.

use std::sync::OnceLock;

use super::sample_weights::{SAMPLES, SampleWeights};
use crate::curve::{Reached, precision, reached};
use crate::error::{Result, collect, copied, filled, push, zeros};

/// Up to so many ground truths tables are stored for all groups and resamples: a megabyte in all.
const STORED: usize = 1024;

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
pub(super) struct GroupPoints<'a> {
    tables: [&'a [u16]; SAMPLES],
}

impl<'a> GroupPoints<'a> {
    /// `own` is memory for tables that are not stored.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(super) fn new(
        points: &'a RecallPoints,
        positives: &SampleWeights,
        own: &'a mut Vec<PointsReached>,
    ) -> Result<GroupPoints<'a>> {
        own.clear();
        for count in positives.iter().map(|&count| count as usize) {
            match points.stored.get(count) {
                // Another thread may have stored the same one.
                Some(table) if table.get().is_none() => drop(table.set(points.count(count)?)),
                Some(_) => {}
                None => push(own, points.count(count)?)?,
            }
        }
        let mut own = own.iter();
        let tables = positives.map(|count| match points.stored.get(count as usize) {
            Some(table) => table.get().map_or(&[][..], |table| table),
            None => own.next().map_or(&[][..], |table| table),
        });
        Ok(GroupPoints { tables })
    }

    /// How many recall points a resample's true positives reach.
    #[inline(always)]
    fn reached(&self, right: &SampleWeights, sample: usize) -> usize {
        let table = self.tables[sample];
        usize::from(table[(right[sample] as usize).min(table.len() - 1)])
    }
}

/// The precisions of one threshold's curves.
#[derive(Default)]
pub(super) struct PrecisionAtPoints {
    /// The highest precision that reaches so many recall points and no more, from none to all.
    highest: Vec<[f64; SAMPLES]>,
}

impl PrecisionAtPoints {
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(super) fn new(points: &RecallPoints) -> Result<PrecisionAtPoints> {
        Ok(PrecisionAtPoints { highest: filled(points.points.len() + 1, [0.0; SAMPLES])? })
    }

    /// Takes in the precision after so many true positives among so many rows.
    #[inline(always)]
    pub(super) fn enter(&mut self, points: &GroupPoints<'_>, right: &SampleWeights, rows: &SampleWeights) {
        let mut precisions = [0.0; SAMPLES];
        for sample in 0..SAMPLES {
            let (right, rows) = (right[sample] as i32, rows[sample] as i32);
            precisions[sample] = precision(f64::from(right), f64::from(rows - right));
        }
        for (sample, precision) in precisions.into_iter().enumerate() {
            let highest = &mut self.highest[points.reached(right, sample)][sample];
            *highest = if precision > *highest { precision } else { *highest };
        }
    }

    /// The mean over the recall points of each curve, given all its true positives; begins the next curves.
    #[inline(always)]
    pub(super) fn means(&mut self, points: &GroupPoints<'_>, right: &SampleWeights) -> [f64; SAMPLES] {
        let most = (0..SAMPLES).map(|sample| points.reached(right, sample)).max().unwrap_or(0);
        let reached = &mut self.highest[1..=most];
        let mut best = [0.0; SAMPLES];
        for highest in reached.iter_mut().rev() {
            for sample in 0..SAMPLES {
                best[sample] = if highest[sample] > best[sample] { highest[sample] } else { best[sample] };
            }
            *highest = best;
        }
        let mut sums = [0.0; SAMPLES];
        for highest in reached {
            for sample in 0..SAMPLES {
                sums[sample] += highest[sample];
            }
            *highest = [0.0; SAMPLES];
        }
        self.highest[0] = [0.0; SAMPLES];
        let points = (self.highest.len() - 1) as f64;
        sums.map(|sum| sum / points)
    }
}
