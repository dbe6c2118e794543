//! Average precision and the precision-recall curve of a binary classifier.
//!
//! Each distinct score is a threshold; examples that share a score enter together, so ties need no order. The scores
//! of positives and of negatives are sorted separately and merged: two arrays of keys are all the memory it takes.
//!
//! Source: scikit-learn, `average_precision_score` and `precision_recall_curve`, same bits.

use std::ops::Range;

use crate::error::{Result, extend, push, with_capacity};
use crate::progress::{Progress, STRETCH, stretches};
use crate::sort::par_sort_unstable_by;
use crate::sum::pairwise_of;

/// The scores of both classes as integers that sort as the scores do, ascending.
pub struct Scored {
    positives: Vec<u64>,
    negatives: Vec<u64>,
}

/// Score and class of each example, true for a positive: fills a slice with those from an index on. So the code that
/// sorts does not depend on how a caller holds them, and is not called for each of them.
pub type Examples<'a> = dyn Fn(usize, &mut [(f64, bool)]) + Sync + 'a;

/// Gives `each` the examples of a range, one block after the other.
#[inline]
pub(super) fn each_block(examples: &Examples<'_>, range: Range<usize>, mut each: impl FnMut(&[(f64, bool)])) {
    let mut block = [(0.0, false); 256];
    for first in range.clone().step_by(block.len()) {
        let block = &mut block[..(range.end - first).min(256)];
        examples(first, block);
        each(block);
    }
}

/// How many examples have one score.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub score: f64,
    pub positives: usize,
    pub negatives: usize,
}

/// An integer that sorts as the float does; -0.0 becomes 0.0.
#[inline]
pub(super) fn key(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn from_key(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

/// The distinct keys of both, ascending, with how many examples have each.
pub(super) fn steps(positives: &[u64], negatives: &[u64]) -> impl Iterator<Item = Step> {
    let (mut p, mut n) = (0, 0);
    std::iter::from_fn(move || {
        let next = match (positives.get(p), negatives.get(n)) {
            (Some(&a), Some(&b)) => a.min(b),
            (Some(&a), None) | (None, Some(&a)) => a,
            (None, None) => return None,
        };
        let run = |keys: &[u64]| keys.iter().take_while(|&&key| key == next).count();
        let step = (run(&positives[p..]), run(&negatives[n..]));
        p += step.0;
        n += step.1;
        Some(Step { score: from_key(next), positives: step.0, negatives: step.1 })
    })
}

/// A curve: one row for each threshold, ascending, and one more that has precision 1 and recall 0.
pub struct Curve {
    /// Precision among examples that score at least the threshold; one longer than `thresholds`.
    pub precision: Vec<f64>,
    /// Share of the positives among them; one longer than `thresholds`. All 1 if there are no positives.
    pub recall: Vec<f64>,
    /// The distinct scores, ascending.
    pub thresholds: Vec<f64>,
}

impl Scored {
    /// Sorts `n` examples, of which `positives` are positive. No score is NaN.
    ///
    /// Runs on the current pool.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn new(n: usize, positives: usize, examples: &Examples<'_>, progress: &Progress) -> Result<Self> {
        let mut scored = Scored {
            positives: with_capacity(positives)?,
            negatives: with_capacity(n.saturating_sub(positives))?,
        };
        for stretch in stretches(n) {
            progress.check()?;
            each_block(examples, stretch, |block| {
                for &(score, positive) in block {
                    if positive { &mut scored.positives } else { &mut scored.negatives }.push(key(score));
                }
            });
        }
        par_sort_unstable_by(&mut scored.positives, progress, Ord::cmp)?;
        par_sort_unstable_by(&mut scored.negatives, progress, Ord::cmp)?;
        Ok(scored)
    }

    /// The distinct scores, ascending, with how many examples have each.
    fn steps(&self) -> impl Iterator<Item = Step> {
        steps(&self.positives, &self.negatives)
    }

    /// `sum over thresholds of (recall - recall at the next higher threshold) * precision`; 0 without positives.
    pub fn average_precision(&self) -> f64 {
        self.average_precision_of(self.positives.len())
    }

    /// The same where `relevant` positives exist, perhaps more than were scored.
    pub fn average_precision_of(&self, relevant: usize) -> f64 {
        let total = relevant as f64;
        if self.positives.is_empty() {
            return 0.0;
        }
        let thresholds = self.steps().count();
        let mut steps = self.steps();
        let mut true_positives = self.positives.len();
        let mut false_positives = self.negatives.len();
        let sum = pairwise_of(thresholds, &mut || {
            let Some(step) = steps.next() else { return 0.0 };
            let precision = true_positives as f64 / (true_positives + false_positives) as f64;
            let next = true_positives - step.positives;
            let term = (next as f64 / total - true_positives as f64 / total) * precision;
            true_positives = next;
            false_positives -= step.negatives;
            term
        });
        (-sum).max(0.0)
    }

    /// The curve; with `drop_intermediate` without the thresholds at which the number of true positives is that of
    /// both neighbours.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn curve(&self, drop_intermediate: bool, progress: &Progress) -> Result<Curve> {
        let total = self.positives.len() as f64;
        let mut steps: Vec<Step> = Vec::new();
        extend(&mut steps, self.steps())?;
        let mut true_positives = self.positives.len();
        let mut false_positives = self.negatives.len();
        let (mut precision, mut recall, mut thresholds) = (Vec::new(), Vec::new(), Vec::new());
        for (i, step) in steps.iter().enumerate() {
            if i.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            // True positives change towards the higher threshold here if this step has positives, and towards the
            // lower one if the step before has.
            let last = i + 1 == steps.len();
            let keep = !drop_intermediate
                || steps.len() <= 2
                || i == 0
                || last
                || step.positives > 0
                || steps[i - 1].positives > 0;
            if keep {
                push(&mut precision, true_positives as f64 / (true_positives + false_positives) as f64)?;
                push(&mut recall, if total > 0.0 { true_positives as f64 / total } else { 1.0 })?;
                push(&mut thresholds, step.score)?;
            }
            true_positives -= step.positives;
            false_positives -= step.negatives;
        }
        push(&mut precision, 1.0)?;
        push(&mut recall, 0.0)?;
        Ok(Curve { precision, recall, thresholds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(examples: &[(f64, bool)]) -> Scored {
        let positives = examples.iter().filter(|(_, positive)| *positive).count();
        Scored::new(
            examples.len(),
            positives,
            &|first, block| block.copy_from_slice(&examples[first..first + block.len()]),
            &Progress::default(),
        )
        .unwrap()
    }

    #[test]
    fn scikit_learns_own_example() {
        let scored = scored(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]);
        assert!((scored.average_precision() - 5.0 / 6.0).abs() < 1e-15);
        let curve = scored.curve(false, &Progress::default()).unwrap();
        assert_eq!(curve.precision, [0.5, 2.0 / 3.0, 0.5, 1.0, 1.0]);
        assert_eq!(curve.recall, [1.0, 1.0, 0.5, 0.5, 0.0]);
        assert_eq!(curve.thresholds, [0.1, 0.35, 0.4, 0.8]);
    }

    #[test]
    fn ties_enter_together() {
        let scored = scored(&[(0.0, true), (-0.0, false), (1.0, false), (1.0, true)]);
        assert_eq!(scored.average_precision(), 0.5);
        assert_eq!(scored.curve(false, &Progress::default()).unwrap().thresholds, [0.0, 1.0]);
    }

    #[test]
    fn no_positives_and_nothing_at_all() {
        assert_eq!(scored(&[(0.5, false)]).average_precision(), 0.0);
        assert_eq!(scored(&[(0.5, false)]).curve(false, &Progress::default()).unwrap().recall, [1.0, 0.0]);
        assert_eq!(scored(&[]).average_precision(), 0.0);
        assert_eq!(scored(&[]).curve(false, &Progress::default()).unwrap().precision, [1.0]);
    }

    #[test]
    fn keys_sort_as_scores() {
        let scores = [f64::NEG_INFINITY, -1.5, -f64::MIN_POSITIVE, 0.0, 1e-300, 2.0, f64::INFINITY];
        assert!(scores.is_sorted_by_key(|&score| key(score)));
        assert!(scores.iter().all(|&score| from_key(key(score)) == score));
        assert_eq!(key(-0.0), key(0.0));
    }
}
