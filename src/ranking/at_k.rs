//! Average precision at k of recommendation lists, with ml_metrics' rules.
//!
//! ```text
//! AP@k = sum over ranks i <= k of [predicted_i is relevant and new] * (hits up to i) / i   /   min(len(actual), k)
//! ```
//!
//! Source: ml_metrics (Ben Hamner), `average_precision.py`, the scorer of the Kaggle competitions.

use rayon::prelude::*;

use crate::error::{Result, reserve};
use crate::progress::{Progress, STRETCH};

use super::ids::{Lookup, spread};

/// What one thread reuses from list to list.
#[derive(Default)]
pub struct Scratch {
    table: Lookup,
    predictions: Vec<Prediction>,
}

/// What is known of one predicted item.
#[derive(Clone, Copy, PartialEq)]
enum Prediction {
    /// Not in `actual` as far as is known.
    Unseen,
    /// In `actual`.
    Relevant,
    /// Predicted before: it counts once.
    Repeated,
}

impl Scratch {
    /// AP@k of one list. Empty `actual` gives 0.
    ///
    /// `hash` and `same` say when two items are equal. Neither list is sorted: the predictions go into a small
    /// table and `actual` is walked once.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; those of `check`, which is called now and then.
    pub fn average_precision<T: Copy>(
        &mut self,
        actual: impl ExactSizeIterator<Item = T>,
        predicted: &[T],
        k: usize,
        hash: impl Fn(T) -> u64,
        same: impl Fn(T, T) -> bool,
        check: impl Fn() -> Result<()>,
    ) -> Result<f64> {
        let relevant = actual.len();
        let predicted = &predicted[..predicted.len().min(k)];
        if relevant == 0 {
            return Ok(0.0);
        }
        self.table.clear(predicted.len())?;
        self.predictions.clear();
        reserve(&mut self.predictions, predicted.len())?;
        for (row, &item) in predicted.iter().enumerate() {
            if row.is_multiple_of(STRETCH) {
                check()?;
            }
            let known = self
                .table
                .find_or_insert(hash(item), row as u32, |held| same(predicted[held as usize], item));
            self.predictions.push(if known.is_some() { Prediction::Repeated } else { Prediction::Unseen });
        }
        for (done, item) in actual.enumerate() {
            if done.is_multiple_of(STRETCH) {
                check()?;
            }
            if let Some(row) = self.table.find(hash(item), |held| same(predicted[held as usize], item)) {
                self.predictions[row as usize] = Prediction::Relevant;
            }
        }
        let mut hits = 0.0;
        let mut total = 0.0;
        for (row, &predictions) in self.predictions.iter().enumerate() {
            if predictions == Prediction::Relevant {
                hits += 1.0;
                total += hits / (row as f64 + 1.0);
            }
        }
        Ok(total / relevant.min(k) as f64)
    }

    /// AP@k of lists of integers.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn of_integers(
        &mut self,
        actual: &[i64],
        predicted: &[i64],
        k: usize,
        progress: &Progress,
    ) -> Result<f64> {
        let hash = |item: i64| spread(item as u64);
        let check = || progress.check();
        self.average_precision(actual.iter().copied(), predicted, k, hash, |a, b| a == b, check)
    }
}

/// Lists of integers, one after the other.
#[derive(Clone, Copy)]
pub struct Lists<'a> {
    /// Where each list begins in `values`, and where the last one ends.
    pub offsets: &'a [usize],
    /// The items of all lists.
    pub values: &'a [i64],
}

impl<'a> Lists<'a> {
    /// How many lists there are.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One list.
    pub fn list(&self, row: usize) -> &'a [i64] {
        &self.values[self.offsets[row]..self.offsets[row + 1]]
    }
}

/// AP@k of each pair of lists. Both sides have the same number of lists. Runs on the current pool.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn average_precision_at_k(
    actual: Lists,
    predicted: Lists,
    k: usize,
    progress: &Progress,
    out: &mut [f64],
) -> Result<()> {
    out.par_iter_mut().enumerate().with_min_len(256).try_for_each_init(
        Scratch::default,
        |scratch, (row, out)| {
            progress.check()?;
            *out = scratch.of_integers(actual.list(row), predicted.list(row), k, progress)?;
            Ok(())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ap(actual: &[i64], predicted: &[i64], k: usize) -> f64 {
        Scratch::default().of_integers(actual, predicted, k, &Progress::default()).unwrap()
    }

    #[test]
    fn the_rules() {
        assert_eq!(ap(&[1, 2, 3], &[1, 2, 3], 10), 1.0);
        assert_eq!(ap(&[1, 2], &[3, 1, 4, 2], 10), (1.0 / 2.0 + 2.0 / 4.0) / 2.0);
        assert_eq!(ap(&[1], &[2, 1], 1), 0.0, "only the first k predictions count");
        assert_eq!(ap(&[], &[1], 5), 0.0, "nothing to find gives 0");
        assert_eq!(ap(&[1], &[], 5), 0.0);
        assert_eq!(ap(&[1], &[1, 1, 1], 3), 1.0, "a repeated prediction counts once");
        assert_eq!(ap(&[1, 1], &[1], 3), 0.5, "a repeated relevant item inflates the divisor");
        assert_eq!(ap(&[1, 2, 3, 4], &[1, 2], 2), 1.0, "the divisor is at most k");
    }

    #[test]
    fn lists_are_independent() {
        let actual = Lists { offsets: &[0, 2, 2, 3], values: &[1, 2, 9] };
        let predicted = Lists { offsets: &[0, 1, 2, 4], values: &[1, 5, 7, 9] };
        let mut out = [9.0; 3];
        average_precision_at_k(actual, predicted, 3, &Progress::default(), &mut out).unwrap();
        assert_eq!(out, [0.5, 0.0, 0.5]);
    }
}
