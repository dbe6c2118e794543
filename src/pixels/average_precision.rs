//! Exact average precision of pixel scores.
//!
//! AP is the mean over the pixels of a class of the precision at their score, tied pixels taken together: the step
//! integral of scikit-learn's `average_precision_score`. Only the pixels of the class are sorted; of the others
//! only the number at or above each of those scores is needed.

use rayon::prelude::*;

use super::labels::{LabelRule, Labels, MapSide, place};
use crate::error::{Error, Result, push, with_capacity, zeros};
use crate::progress::Progress;
use crate::score::Score;
use crate::threads;

/// A label map and the scores `(C, P)` of its pixels.
pub struct ScoredMap<'a, S> {
    /// The target of each pixel.
    pub target: Labels<'a>,
    /// Scores, class by class.
    pub scores: &'a [S],
    /// Pixels in a row, for messages.
    pub width: usize,
}

impl<S: Score> ScoredMap<'_, S> {
    /// The codes of the target's pixels, each known to be good.
    ///
    /// # Errors
    ///
    /// A label of the target is neither a class nor ignored.
    pub fn codes(&self, rule: &LabelRule) -> Result<Vec<u16>> {
        let mut codes = vec![0; self.target.len()];
        self.target.encode(rule, MapSide::Target, &mut codes);
        match self.target.refuse(rule, MapSide::Target, self.width) {
            Some(error) => Err(error.at("target")),
            None => Ok(codes),
        }
    }

    /// The scores of one class.
    pub fn of_class(&self, class: usize) -> &[S] {
        let pixels = self.target.len();
        &self.scores[class * pixels..(class + 1) * pixels]
    }

    /// The error that the pixel at `index` deserves for its score of `class`.
    pub fn refuse(&self, index: usize, class: usize, expected: &str) -> Error {
        let (row, column) = place(index, self.width);
        let score: f64 = self.scores[class * self.target.len() + index].into();
        Error::value(format!(
            "prediction: row {row}, column {column}: the score of class {class} is {score}; expected {expected}"
        ))
    }
}

/// Average precision of each class over the pixels of all maps; NaN for a class without a pixel.
///
/// Pixels that the target leaves out are left out.
///
/// # Errors
///
/// A score is NaN, a label is neither a class nor ignored, or sizes differ; `OutOfMemory`; the work is cancelled.
pub fn average_precision<S: Score>(
    maps: &[ScoredMap<S>],
    rule: &LabelRule,
    progress: &Progress,
) -> Result<Vec<f64>> {
    let mut codes = with_capacity(maps.len())?;
    for map in maps {
        progress.check()?;
        codes.push(map.codes(rule)?);
    }
    let of_class = |class: usize| -> Result<f64> {
        let mut positives = Vec::new();
        for (map, codes) in maps.iter().zip(&codes) {
            progress.check()?;
            for (index, (&score, &code)) in map.of_class(class).iter().zip(codes).enumerate() {
                let score: f64 = score.into();
                if code == class as u16 && !score.is_nan() {
                    push(&mut positives, score)?;
                } else if code != rule.nothing() && score.is_nan() {
                    return Err(map.refuse(index, class, "a number"));
                }
            }
        }
        let others =
            maps.iter().zip(&codes).take_while(|_| progress.check().is_ok()).flat_map(|(map, codes)| {
                let pairs = map.of_class(class).iter().zip(codes);
                pairs
                    .filter(|&(_, &code)| code != class as u16 && code != rule.nothing())
                    .map(|(&score, _)| score.into())
            });
        let value = of_scores(positives, others)?;
        progress.check()?;
        Ok(value)
    };
    let mut values: Vec<f64> = zeros(rule.classes())?;
    threads::run(|| {
        values.par_iter_mut().enumerate().try_for_each(|(class, value)| {
            *value = of_class(class)?;
            Ok(())
        })
    })?;
    Ok(values)
}

/// Average precision of positive scores among negative ones; NaN if there is no positive.
fn of_scores(mut positives: Vec<f64>, negatives: impl Iterator<Item = f64>) -> Result<f64> {
    // Minus zero is zero: adding zero makes them the same number.
    positives.iter_mut().for_each(|score| *score += 0.0);
    positives.par_sort_unstable_by(|a, b| b.total_cmp(a));
    // Distinct scores from the highest, with how many positives have each, and how many negatives lie between it and
    // the one above.
    let mut scores: Vec<f64> = Vec::new();
    let mut here: Vec<u64> = Vec::new();
    for group in positives.chunk_by(|a, b| a == b) {
        push(&mut scores, group[0])?;
        push(&mut here, group.len() as u64)?;
    }
    let Some(&lowest) = scores.last() else { return Ok(f64::NAN) };
    let mut between: Vec<u64> = zeros(scores.len())?;
    for negative in negatives.filter(|&negative| negative >= lowest) {
        between[scores.partition_point(|&score| score > negative)] += 1;
    }
    let (mut true_positives, mut false_positives, mut sum) = (0_u64, 0_u64, 0.0);
    for (&here, &between) in here.iter().zip(&between) {
        true_positives += here;
        false_positives += between;
        sum += here as f64 * (true_positives as f64 / (true_positives + false_positives) as f64);
    }
    Ok(sum / positives.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_taken_together() {
        // At 0.9 one of one; at 0.5 two of three and the tie; at 0.1 four of six.
        let ap = of_scores(vec![0.9, 0.5, 0.5, 0.1], [0.5, 0.3, 0.05].into_iter()).unwrap();
        assert_eq!(ap, (1.0 + 2.0 * 0.75 + 4.0 / 6.0) / 4.0);
        assert!(of_scores(vec![], [0.5].into_iter()).unwrap().is_nan());
        assert_eq!(of_scores(vec![0.0], [-0.0].into_iter()).unwrap(), 0.5);
        assert_eq!(of_scores(vec![-0.0], [0.0].into_iter()).unwrap(), 0.5);
        assert_eq!(of_scores(vec![f64::INFINITY], [1.0].into_iter()).unwrap(), 1.0);
    }
}
