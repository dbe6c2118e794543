//! Average precision at k of dense scores: one score for each class, a few labels in each row.
//!
//! No top k is taken. The rank of a label is the number of classes that score higher, plus those with the same score
//! and a lower index; one pass over the row for each label.
//!
//! Source: TensorFlow, `tf.compat.v1.metrics.average_precision_at_k`.

use rayon::prelude::*;

use crate::error::{Error, Result, collect_parallel, extend, reserve};
use crate::progress::Progress;
use crate::score::Score;
use crate::simd;

/// The sum of average precisions, exact: sums of shards added together are the sum of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// The sum, in units of `2^-96`.
    pub units: u128,
    /// Rows that have a label.
    pub rows: u64,
    /// Rows that have none.
    pub skipped: u64,
}

impl Total {
    /// One unit of the sum.
    const UNIT: f64 = 1.0 / (1u128 << 96) as f64;

    /// Adds a row's average precision, at most 1.
    fn add(&mut self, average_precision: f64) {
        // A value has 53 significant bits and is 0 or at least 1 / k^2, so with k up to 2 million no bit is lost.
        self.units += (average_precision / Self::UNIT) as u128;
        self.rows += 1;
    }

    /// Both together.
    pub fn merge(self, other: Total) -> Total {
        Total {
            units: self.units.saturating_add(other.units),
            rows: self.rows + other.rows,
            skipped: self.skipped + other.skipped,
        }
    }

    /// The mean over the rows that have a label; NaN if there are none.
    pub fn mean(&self) -> f64 {
        self.units as f64 * Self::UNIT / self.rows as f64
    }
}

/// Adds up the average precision at k of all rows.
///
/// `labels(row)` gives the labels of a row; those that are not a class (negative, or too great) are left out. With
/// `repeats_count`, a label that stands twice counts twice in the divisor, as in TensorFlow's dense labels; without,
/// once, as in its sparse ones. Runs on the current pool.
///
/// # Errors
///
/// The first row with a NaN score; `OutOfMemory`; the work is cancelled.
pub fn average_precision_at_k<'a, S: Score, L: Iterator<Item = i64> + 'a>(
    scores: &[S],
    classes: usize,
    k: usize,
    repeats_count: bool,
    labels: impl Fn(usize) -> L + Sync,
    progress: &Progress,
) -> Result<Total> {
    if classes > u32::MAX as usize {
        return Err(Error::value(format!("{classes} classes are more than a row can hold (4,294,967,295)")));
    }
    let rows = scores.len().checked_div(classes).unwrap_or(0);
    let chunk = rows.div_ceil(64).clamp(1, 1024);
    let of_chunk = |part| {
        let mut total = Total::default();
        let (mut held, mut ranks) = (Vec::new(), Vec::new());
        for row in part * chunk..rows.min((part + 1) * chunk) {
            progress.check()?;
            let scores = &scores[row * classes..(row + 1) * classes];
            held.clear();
            extend(&mut held, labels(row).filter(|&label| label >= 0 && (label as u64) < classes as u64))?;
            let repeats = held.len();
            held.sort_unstable();
            held.dedup();
            reserve(&mut ranks, held.len())?;
            if !simd::ranks_of_labels(scores, &held, &mut ranks) {
                return Err(Error::value(format!("row {row} of the scores has a NaN")));
            }
            if held.is_empty() {
                total.skipped += 1;
                continue;
            }
            let relevant = if repeats_count { repeats } else { held.len() };
            ranks.retain(|&rank| rank < k);
            ranks.sort_unstable();
            let mut sum = 0.0;
            for (found, &rank) in ranks.iter().enumerate() {
                sum += (found as f64 + 1.0) / (rank as f64 + 1.0);
            }
            total.add(sum / relevant.min(k) as f64);
        }
        Ok(total)
    };
    let totals = collect_parallel((0..rows.div_ceil(chunk)).into_par_iter().map(of_chunk))?;
    totals.into_iter().try_fold(Total::default(), |sum, part| Ok(sum.merge(part?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(scores: &[f64], classes: usize, k: usize, labels: &[&[i64]]) -> f64 {
        let labels = |row: usize| labels[row].iter().copied();
        average_precision_at_k(scores, classes, k, true, labels, &Progress::default()).unwrap().mean()
    }

    #[test]
    fn by_hand() {
        let scores = [0.1, 0.4, 0.3, 0.2];
        assert_eq!(mean(&scores, 4, 2, &[&[1]]), 1.0);
        assert_eq!(mean(&scores, 4, 2, &[&[2]]), 0.5);
        assert_eq!(mean(&scores, 4, 2, &[&[0]]), 0.0);
        assert_eq!(mean(&scores, 4, 4, &[&[1, 0, -1]]), (1.0 + 0.5) / 2.0);
        assert_eq!(mean(&scores, 4, 4, &[&[1, 1]]), 0.5, "a repeated dense label inflates the divisor");
        assert!(mean(&scores, 4, 4, &[&[-1, 4]]).is_nan());
    }

    #[test]
    fn the_lower_index_wins_a_tie() {
        let scores = [1.0, 1.0, 1.0];
        for (label, expected) in [(0, 1.0), (1, 1.0 / 2.0), (2, 1.0 / 3.0)] {
            assert_eq!(mean(&scores, 3, 3, &[&[label]]), expected);
        }
    }

    #[test]
    fn the_first_nan_is_named() {
        let scores = [1.0, 2.0, f64::NAN, 1.0, f64::NAN, 1.0];
        let labels = |_| std::iter::empty();
        let error = average_precision_at_k(&scores, 2, 1, true, labels, &Progress::default()).unwrap_err();
        assert_eq!(error.to_string(), "row 1 of the scores has a NaN");
    }

    #[test]
    fn shards_add_up_to_the_whole() {
        let values = [1.0 / 3.0, 0.7, 1e-9, 1.0, 2.0 / 7.0];
        let mut whole = Total::default();
        values.iter().for_each(|&value| whole.add(value));
        let mut parts = [Total::default(); 2];
        values.iter().enumerate().for_each(|(i, &value)| parts[i % 2].add(value));
        assert_eq!(parts[1].merge(parts[0]), whole);
    }
}
