//! Greedy matching of the detections of one cell, best score first.
//!
//! Source: `evaluateImg` of the COCO API. A detection takes the ground truth it is most similar to among those
//! still free (a crowd is always free), a later one on a tie; one that is ignored only if no other reaches the
//! threshold.
//!
//! The reference does this once for each threshold. Here 64 thresholds are processed at once: what a pair reaches, and
//! what is taken, are words with one bit for each.

use std::cmp::Ordering;

use super::matcher::{CellPairs, MatchKind, Matcher, OnMatch};
use crate::error::{Result, reserve};

/// A pair that can match.
#[derive(Clone, Copy, Debug)]
struct CandidatePair {
    ground_truth: u32,
    value: f64,
}

/// The pairs of one cell that can match at all, detection by detection.
#[derive(Default)]
pub struct Candidates {
    pairs: Vec<CandidatePair>,
    /// For each pair the thresholds that it reaches, in words of 64.
    reached: Vec<u64>,
    ends: Vec<u32>,
    words: usize,
    any_nan: bool,
}

impl Candidates {
    /// Removes all pairs.
    pub fn clear(&mut self) {
        self.pairs.clear();
        self.reached.clear();
        self.ends.clear();
        self.any_nan = false;
    }

    /// Reserves memory for so many pairs.
    pub fn reserve(&mut self, pairs: usize) {
        self.pairs.reserve(pairs);
        self.reached.reserve(pairs);
        self.ends.reserve(pairs);
    }

    /// Keeps the pairs of `similarity` (`(D, G)`, row by row, not empty) that reach some threshold. A NaN reaches all:
    /// it is not below any, and for the reference nothing that follows it is below it.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn collect(&mut self, similarity: &[f64], ground_truths: usize, thresholds: &[f64]) -> Result<()> {
        self.clear();
        self.words = thresholds.len().div_ceil(64);
        let lowest_threshold = lowest_threshold(thresholds);
        for row in similarity.chunks_exact(ground_truths) {
            let start = self.pairs.len();
            reserve(&mut self.pairs, row.len())?;
            let mut nan = false;
            let mut keep = |values: &[f64], first: usize| {
                for (&value, ground_truth) in values.iter().zip(first as u32..) {
                    if !(value < lowest_threshold) {
                        nan |= value.is_nan();
                        self.pairs.push(CandidatePair { ground_truth, value });
                    }
                }
            };
            let (eights, rest) = row.as_chunks::<8>();
            for (i, eight) in eights.iter().enumerate() {
                // Mostly none of them.
                if eight.iter().fold(false, |any, &value| any | !(value < lowest_threshold)) {
                    keep(eight, 8 * i);
                }
            }
            keep(rest, 8 * eights.len());
            if nan {
                self.any_nan = true;
                self.pairs.truncate(start);
                let pair = |(g, &value): (usize, &f64)| CandidatePair { ground_truth: g as u32, value };
                self.pairs.extend(row.iter().enumerate().map(pair));
            } else if self.pairs.len() > start + 1 {
                // Most similar first, of equals the later one: the order in which the reference would rather have them.
                self.pairs[start..].sort_by(|a, b| match b.value.partial_cmp(&a.value) {
                    Some(Ordering::Equal) | None => b.ground_truth.cmp(&a.ground_truth),
                    Some(order) => order,
                });
            }
            self.ends.push(self.pairs.len() as u32);
        }
        self.any_nan |= lowest_threshold == f64::NEG_INFINITY;
        if self.pairs.is_empty() {
            return Ok(());
        }
        reserve(&mut self.reached, self.pairs.len() * self.words)?;
        let rising = thresholds.is_sorted();
        for &CandidatePair { value, .. } in &self.pairs {
            let reaches = |&threshold: &f64| !(value < threshold);
            for thresholds in thresholds.chunks(64) {
                self.reached.push(if rising {
                    let count = thresholds.partition_point(reaches);
                    1u64.checked_shl(count as u32).map_or(u64::MAX, |bit| bit - 1)
                } else {
                    thresholds.iter().zip(0..).fold(0, |word, (at, t)| word | u64::from(reaches(at)) << t)
                });
            }
        }
        Ok(())
    }

    /// Whether no pair can match.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The places of detection `d`'s pairs.
    fn row(&self, d: usize) -> std::ops::Range<usize> {
        let end = |d: usize| self.ends.get(d).copied().unwrap_or(0) as usize;
        if d == 0 { 0..end(0) } else { end(d - 1)..end(d) }
    }

    /// Detection `d`'s pairs: ground truth, similarity, and the place of the pair.
    pub fn pairs_of(&self, d: usize) -> impl Iterator<Item = (usize, f64, usize)> + '_ {
        self.row(d).map(|place| (self.pairs[place].ground_truth as usize, self.pairs[place].value, place))
    }

    /// The ground truth that detection `d` is most similar to, the first of equals, and the place of that pair.
    pub fn best(&self, d: usize) -> Option<(usize, usize)> {
        self.best_of(d, |_| true)
    }

    /// The same among some ground truths.
    pub fn best_of(&self, d: usize, among: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
        let better = |best: Option<(usize, CandidatePair)>, place: usize| {
            let pair = self.pairs[place];
            let wins = best.is_none_or(|(_, held)| {
                pair.value > held.value || (pair.value == held.value && pair.ground_truth < held.ground_truth)
            });
            if wins { Some((place, pair)) } else { best }
        };
        let row = self.row(d).filter(|&place| among(self.pairs[place].ground_truth as usize));
        row.fold(None, better).map(|(place, pair)| (pair.ground_truth as usize, place))
    }

    /// The thresholds of the `word`-th 64 that the pair at `place` reaches.
    pub fn reached(&self, place: usize, word: usize) -> u64 {
        self.reached[place * self.words + word]
    }

    /// The number of detections.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

/// The lowest of the thresholds: below it nothing matches. With a NaN among them everything can.
pub fn lowest_threshold(thresholds: &[f64]) -> f64 {
    if thresholds.iter().any(|t| t.is_nan()) {
        return f64::NEG_INFINITY;
    }
    thresholds.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The best that is still free; of two as good the later one. What is ignored is matched only if nothing else can be.
#[derive(Debug)]
pub struct Greedy;

impl Matcher for Greedy {
    fn name(&self) -> &'static str {
        "greedy"
    }

    fn match_cell(&self, pairs: &CellPairs<'_>, taken: &mut Vec<u64>, on_match: OnMatch<'_>) {
        let CellPairs { candidates, thresholds, ignored, crowd, claims, .. } = *pairs;
        // What is ignored comes after what is not, if there are both.
        let passes: &[bool] = match (ignored.contains(&false), ignored.contains(&true)) {
            (true, true) => &[false, true],
            (_, any) => &[any],
        };
        for (word, thresholds) in thresholds.chunks(64).enumerate() {
            taken.clear();
            taken.resize(ignored.len(), 0);
            let mut make = |taken: &mut [u64], bits: u64, d: usize, g: usize| {
                on_match(word, bits, d, g, MatchKind::Counted);
                // The last match decides, as in the reference, where it may also free what an earlier one took.
                if claims(d) {
                    taken[g] |= bits;
                } else {
                    taken[g] &= !bits;
                }
            };
            if candidates.any_nan {
                match_with_nan(candidates, thresholds, ignored, crowd, taken, make);
                continue;
            }
            let mut end = 0;
            for (d, &next) in candidates.ends.iter().enumerate() {
                let row = end..next as usize;
                end = row.end;
                if row.is_empty() {
                    continue;
                }
                let mut open = u64::MAX;
                for &wanted in passes {
                    for place in row.clone() {
                        let g = candidates.pairs[place].ground_truth as usize;
                        if ignored[g] != wanted || open == 0 {
                            continue;
                        }
                        let free = if crowd[g] { u64::MAX } else { !taken[g] };
                        let bits = candidates.reached[place * candidates.words + word] & free & open;
                        if bits != 0 {
                            make(taken, bits, d, g);
                            open &= !bits;
                        }
                    }
                }
            }
        }
    }

    fn all_ignored_is_none_ignored(&self) -> bool {
        true
    }
}

/// The reference's loops, one threshold at a time: after a NaN, which nothing is below, each later ground truth is
/// taken to be better, which no order of preference expresses.
fn match_with_nan(
    candidates: &Candidates,
    thresholds: &[f64],
    ignored: &[bool],
    crowd: &[bool],
    taken: &mut [u64],
    mut make: impl FnMut(&mut [u64], u64, usize, usize),
) {
    let mut pairs = Vec::new();
    for (t, &threshold) in thresholds.iter().enumerate() {
        for d in 0..candidates.ends.len() {
            pairs.clear();
            pairs.extend_from_slice(&candidates.pairs[candidates.row(d)]);
            pairs.sort_by_key(|pair| pair.ground_truth);
            let best_of = |wanted: bool| {
                let (mut best, mut found) = (threshold, None);
                for pair in &pairs {
                    let g = pair.ground_truth as usize;
                    let is_taken = taken[g] >> t & 1 == 1;
                    if ignored[g] != wanted || (is_taken && !crowd[g]) || pair.value < best {
                        continue;
                    }
                    (best, found) = (pair.value, Some(g));
                }
                found
            };
            if let Some(g) = best_of(false).or_else(|| best_of(true)) {
                make(taken, 1 << t, d, g);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::matcher::tests::matches_of;
    use super::*;
    use crate::random::Random;

    /// `(threshold, detection, ground truth)` of each match.
    fn matches_if(
        similarity: &[f64],
        thresholds: &[f64],
        ignored: &[bool],
        crowd: &[bool],
        claims: impl Fn(usize) -> bool,
    ) -> Vec<(usize, usize, usize)> {
        let of_matches = matches_of(&Greedy, similarity, thresholds, [ignored, crowd], &claims);
        let one =
            |word: usize, bits: u64| (0..64).filter(move |t| bits >> t & 1 == 1).map(move |t| 64 * word + t);
        let mut made: Vec<_> = of_matches
            .into_iter()
            .flat_map(|(word, bits, d, g, _)| one(word, bits).map(move |t| (t, d, g)))
            .collect();
        made.sort_unstable();
        made
    }

    fn matches(
        similarity: &[f64],
        thresholds: &[f64],
        ignored: &[bool],
        crowd: &[bool],
    ) -> Vec<(usize, usize, usize)> {
        matches_if(similarity, thresholds, ignored, crowd, |_| true)
    }

    #[test]
    fn the_best_free_one_is_taken_and_a_later_one_wins_a_tie() {
        assert_eq!(matches(&[0.6, 0.7, 0.7, 0.8], &[0.5], &[false; 2], &[false; 2]), [(0, 0, 1), (0, 1, 0)]);
        assert_eq!(matches(&[0.6, 0.6], &[0.5], &[false; 2], &[false; 2]), [(0, 0, 1)]);
    }

    #[test]
    fn an_ignored_one_only_if_no_other_reaches() {
        assert_eq!(matches(&[0.9, 0.5], &[0.5, 0.6], &[true, false], &[false; 2]), [(0, 0, 1), (1, 0, 0)]);
    }

    #[test]
    fn a_crowd_stays_free() {
        assert_eq!(matches(&[0.9, 0.9], &[0.5], &[true], &[true]), [(0, 0, 0), (0, 1, 0)]);
        assert_eq!(matches(&[0.9, 0.9], &[0.5], &[true], &[false]), [(0, 0, 0)]);
    }

    #[test]
    fn a_nan_matches_anything() {
        assert_eq!(matches(&[f64::NAN], &[0.5], &[false], &[false]), [(0, 0, 0)]);
        assert_eq!(matches(&[0.9, f64::NAN, 0.1, 0.6], &[0.5], &[false; 4], &[false; 4]), [(0, 0, 3)]);
        assert_eq!(matches(&[0.9, f64::NAN, 0.1], &[0.5], &[false; 3], &[false; 3]), [(0, 0, 2)]);
        let many: Vec<f64> =
            (0..50).map(|g| if g % 7 == 3 { f64::NAN } else { f64::from(g * 37 % 50) }).collect();
        assert_eq!(matches(&many, &[0.5], &[false; 50], &[false; 50]).len(), 1);
    }

    #[test]
    fn one_that_does_not_claim_leaves_its_match_free() {
        let made = matches_if(&[0.9, 0.9], &[0.5], &[false], &[false], |d| d > 0);
        assert_eq!(made, [(0, 0, 0), (0, 1, 0)]);
    }

    #[test]
    fn more_thresholds_than_bits_in_a_word() {
        let thresholds: Vec<f64> = (0..100).map(|t| f64::from(t) / 100.0).collect();
        assert_eq!(matches(&[0.805], &thresholds, &[false], &[false]).len(), 81);
    }

    /// The reference's loops are right whether or not there is a NaN.
    #[test]
    fn all_thresholds_at_once_is_each_by_itself() {
        let mut random = Random::new(1);
        let mut roll = |sides: u64| random.below(sides);
        for _ in 0..if cfg!(miri) { 30 } else { 3000 } {
            let (d, g) = (1 + roll(6) as usize, 1 + roll(6) as usize);
            let similarity: Vec<f64> = (0..d * g).map(|_| roll(12) as f64 / 10.0).collect();
            let flags =
                |roll: &mut dyn FnMut(u64) -> u64| (0..g).map(|_| roll(4) == 0).collect::<Vec<bool>>();
            let (ignored, crowd) = (flags(&mut roll), flags(&mut roll));
            let claims: Vec<bool> = (0..d).map(|_| roll(5) > 0).collect();
            let thresholds = [0.5, 0.3, 0.75, 0.5, 1.1];
            let (mut candidates, mut expected) = (Candidates::default(), Vec::new());
            candidates.collect(&similarity, g, &thresholds).unwrap();
            candidates.any_nan = true;
            let claims = |d: usize| claims[d];
            let pairs = CellPairs {
                candidates: &candidates,
                thresholds: &thresholds,
                ignored: &ignored,
                uncounted: &[],
                crowd: &crowd,
                claims: &claims,
            };
            let mut each = |_, bits: u64, d, g, _| expected.push((bits.trailing_zeros() as usize, d, g));
            Greedy.match_cell(&pairs, &mut Vec::new(), &mut each);
            expected.sort_unstable();
            assert_eq!(matches_if(&similarity, &thresholds, &ignored, &crowd, claims), expected);
        }
    }
}
