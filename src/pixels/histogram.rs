//! Average precision of more pixels than memory holds, with an error bound.
//!
//! Scores from 0 to 1 fall into bins that are finer towards both ends, as a classifier's certainty is: 64 bins for
//! each halving of the distance to 0 or to 1, down to 2⁻³¹. What is lost is the order within a bin. So the exact
//! value lies between that of all positives of a bin before all of its negatives, tied, and that of all negatives
//! first; both follow from the counts.

use rayon::prelude::*;

use super::average_precision::ScoredMap;
use super::labels::LabelRule;
use crate::error::{Result, collect_parallel, zeros};
use crate::progress::Progress;
use crate::score::Score;
use crate::threads;

/// Bits of the mantissa in the index of a bin: 64 bins for each halving.
const FINENESS: u32 = 6;
const SHIFT: u32 = 23 - FINENESS;
/// The bits of 2⁻³¹, and how many bins there are from there to one half.
const LOWEST: u32 = ((127 - 31) << 23) >> SHIFT;
const HALF: u32 = (((127 - 1) << 23) >> SHIFT) - LOWEST;

/// The number of bins.
pub const BINS: usize = 2 * HALF as usize + 1;

/// The bin of a score; it never falls as the score rises. Nothing for what is not within 0 to 1.
#[inline]
pub fn bin(score: f64) -> Option<usize> {
    if !(0.0..=1.0).contains(&score) {
        return None;
    }
    let score = score as f32;
    // From one half on, 1 - score is exact.
    let from_end = if score < 0.5 { score } else { 1.0 - score };
    let steps = (from_end.to_bits() >> SHIFT).max(LOWEST) - LOWEST;
    Some(if score < 0.5 { steps } else { 2 * HALF - steps } as usize)
}

/// Adds the pixels of a map to `counts`, `(C, 2, BINS)`: of each class the pixels that have it, and those that have
/// not. On an error nothing is added.
///
/// # Errors
///
/// A score is not within 0 to 1, or a label is neither a class nor ignored; the work is cancelled.
pub fn add<S: Score>(
    map: &ScoredMap<S>,
    rule: &LabelRule,
    counts: &mut [u64],
    progress: &Progress,
) -> Result<()> {
    let codes = map.codes(rule)?;
    let of_class = |class: usize| -> Result<Vec<u64>> {
        progress.check()?;
        let mut counts: Vec<u64> = zeros(2 * BINS)?;
        for (index, (&score, &code)) in map.of_class(class).iter().zip(&codes).enumerate() {
            if code == rule.nothing() {
                continue;
            }
            match bin(score.into()) {
                Some(bin) => counts[usize::from(code != class as u16) * BINS + bin] += 1,
                None => return Err(map.refuse(index, class, "0 to 1")),
            }
        }
        Ok(counts)
    };
    let new = threads::run(|| collect_parallel((0..rule.classes()).into_par_iter().map(of_class)))?;
    let new = new.into_iter().collect::<Result<Vec<_>>>()?;
    for (counts, new) in counts.chunks_exact_mut(2 * BINS).zip(new) {
        counts.iter_mut().zip(new).for_each(|(all, new)| *all += new);
    }
    Ok(())
}

/// Average precision with each bin as one tie, and the bounds between which the exact value lies; NaN if there is no
/// positive.
pub fn average_precision(positives: &[u64], negatives: &[u64]) -> [f64; 3] {
    let all: u64 = positives.iter().sum();
    let (mut true_positives, mut false_positives) = (0.0, 0.0);
    let [mut tied, mut low, mut high] = [0.0; 3];
    for (&here, &against) in positives.iter().zip(negatives).rev() {
        let (here, against) = (here as f64, against as f64);
        if here > 0.0 {
            tied += here * ((true_positives + here) / (true_positives + here + false_positives + against));
            high += here * ((true_positives + here) / (true_positives + here + false_positives));
            // With t true positives, the sum of (t + i) / (t + i + w) for i from 1 to here is here - w times a sum of
            // reciprocals, which an integral bounds from above.
            let (w, before) = (false_positives + against, true_positives + false_positives + against);
            low += if w > 0.0 { here - w * (here / before).ln_1p().min(here / (before + 1.0)) } else { here };
        }
        true_positives += here;
        false_positives += against;
    }
    let all = all as f64;
    [tied / all, (low / all).min(tied / all), (high / all).max(tied / all)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_rise_with_the_score() {
        let scores = [0.0, 1e-30, 1e-9, 1e-5, 0.1, 0.49, 0.4999999, 0.5, 0.5000001, 0.51, 0.9, 0.99999, 1.0];
        let bins: Vec<usize> = scores.iter().map(|&score| bin(score).unwrap()).collect();
        assert!(bins.is_sorted(), "{bins:?}");
        assert_eq!((bins[0], bins[7], bins[12]), (0, HALF as usize, BINS - 1));
        let fine: Vec<usize> = (0..=100_000).map(|i| bin(f64::from(i) / 1e5).unwrap()).collect();
        assert!(fine.is_sorted());
        for bad in [-1e-9, 1.0000001, f64::NAN, f64::INFINITY] {
            assert_eq!(bin(bad), None);
        }
    }

    #[test]
    fn each_halving_of_the_distance_to_an_end_has_64_bins() {
        for halvings in [1, 2, 7, 30] {
            let upper = 0.5_f64.powi(halvings);
            let within: std::collections::BTreeSet<_> =
                (0..4096).map(|i| bin(upper / 2.0 * (1.0 + f64::from(i) / 4096.0)).unwrap()).collect();
            assert_eq!(within.len(), 64, "{halvings}");
        }
    }

    #[test]
    fn bounds_hold_for_every_order_within_a_bin() {
        // Positives and negatives of two bins in every order: the exact value never leaves the bounds.
        let (positives, negatives) = ([2, 3], [3, 2]);
        let [tied, low, high] = average_precision(&positives, &negatives);
        assert!(low <= tied && tied <= high);
        for upper in 0_u32..32 {
            for lower in 0_u32..32 {
                if upper.count_ones() != 3 || lower.count_ones() != 2 {
                    continue;
                }
                let order = (0..5).map(|i| upper >> i & 1).chain((0..5).map(|i| lower >> i & 1));
                let (mut true_positives, mut sum) = (0.0, 0.0);
                for (rank, positive) in order.enumerate() {
                    if positive == 1 {
                        true_positives += 1.0;
                        sum += true_positives / (rank as f64 + 1.0);
                    }
                }
                assert!(low <= sum / 5.0 && sum / 5.0 <= high, "{low} {} {high}", sum / 5.0);
            }
        }
    }
}
