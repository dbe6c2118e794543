//! The mean of a measure over all orders of the documents that tie.
//!
//! Source: McSherry and Najork, "Computing Information Retrieval Performance Measures Efficiently in the Presence of
//! Tied Scores", ECIR 2008. They give precision, recall, F1, reciprocal rank, average precision and nDCG in closed
//! form; rank-biased precision is linear in the same way, and expected reciprocal rank and binary preference follow
//! from the probability that a prefix of a tie holds none, or so many, of its documents.

use crate::error::{Error, Result, with_capacity, zeros};

use super::conventions::{Conventions, Divisor};
use super::hits::Hit;
use super::measure::{Measure, MeasureKind};
use super::score::{Judged, RankedList};
use super::score::{
    average_precision_divisor, discount, divide, gain_of, ideal, is_relevant, stopping_chance,
};

/// Documents of one score.
struct Tie<'a> {
    /// Those that are judged.
    hits: &'a [Hit],
    /// How many documents stand above.
    above: u32,
    /// How many tie.
    size: u32,
}

impl Tie<'_> {
    /// How many of its documents stand above the depth.
    fn within(&self, depth: u32) -> u32 {
        depth.saturating_sub(self.above).min(self.size)
    }

    fn relevant(&self, measure: &Measure, conventions: &Conventions) -> f64 {
        self.hits.iter().filter(|hit| is_relevant(hit, measure, conventions)).count() as f64
    }

    /// The ranks (from 0) of its places above the depth.
    fn ranks(&self, depth: u32) -> impl Iterator<Item = u32> + use<> {
        self.above..self.above + self.within(depth)
    }
}

impl RankedList<'_> {
    /// The mean value of a measure over all orders of the tied documents; `hits` are sorted by `above`.
    ///
    /// # Errors
    ///
    /// The measure has no expected value under these conventions.
    pub fn expected(&self, measure: &Measure, conventions: &Conventions) -> Result<f64> {
        if self.hits.iter().all(|hit| hit.tied == 1) {
            return Ok(self.measure(measure, conventions));
        }
        let depth = measure.depth();
        Ok(match &measure.kind {
            MeasureKind::AveragePrecision => self.expected_average_precision(measure, conventions),
            MeasureKind::Ndcg => divide(
                self.expected_dcg(depth, conventions),
                ideal(self.judged.descending, depth, conventions),
            ),
            MeasureKind::Dcg => self.expected_dcg(depth, conventions),
            MeasureKind::Hits => self.expected_found(measure, depth, conventions),
            MeasureKind::JudgedRate => {
                let share =
                    |tie: Tie| tie.hits.len() as f64 * f64::from(tie.within(depth)) / f64::from(tie.size);
                divide(self.ties().map(share).sum(), self.retrieved.min(depth as usize) as f64)
            }
            MeasureKind::UnjudgedRate => {
                let judged = |tie: Tie| {
                    let judged = tie.hits.iter().filter(|hit| hit.grade >= 0).count() as f64;
                    judged * f64::from(tie.within(depth)) / f64::from(tie.size)
                };
                let first = self.retrieved.min(depth as usize) as f64;
                divide(first - self.ties().map(judged).sum::<f64>(), f64::from(depth))
            }
            MeasureKind::ReciprocalRank => {
                self.expected_stop(depth, |hit| f64::from(u8::from(is_relevant(hit, measure, conventions))))?
            }
            MeasureKind::RelativePrecision => {
                let length = measure.cutoff.map_or(self.retrieved as f64, f64::from);
                divide(
                    self.expected_found(measure, depth, conventions),
                    length.min(self.judged.relevant as f64),
                )
            }
            MeasureKind::PrecisionAtMultiple(multiple) => {
                let rank = self.relevant_at(*multiple);
                let depth = u32::try_from(rank).unwrap_or(u32::MAX);
                divide(self.expected_found(measure, depth, conventions), rank as f64)
            }
            MeasureKind::ExpectedReciprocalRank(greatest) => {
                let greatest = greatest.map_or(self.judged.greatest, i64::from);
                self.expected_stop(depth, |hit| stopping_chance(hit.grade, greatest))?
            }
            MeasureKind::Hit => self.expected_hit(measure, conventions)?,
            MeasureKind::Precision => {
                let length = measure.cutoff.map_or(self.retrieved as f64, f64::from);
                divide(self.expected_found(measure, depth, conventions), length)
            }
            MeasureKind::Recall => {
                divide(self.expected_found(measure, depth, conventions), self.judged.relevant as f64)
            }
            MeasureKind::RPrecision => {
                let relevant = self.judged.relevant;
                let depth = u32::try_from(relevant).unwrap_or(u32::MAX);
                divide(self.expected_found(measure, depth, conventions), relevant as f64)
            }
            // (x + 1)PR / (xP + R) = (x + 1) * found / (length + x * relevant) is linear in what was found.
            MeasureKind::F(x) => {
                let length = measure.cutoff.map_or(self.retrieved as f64, f64::from);
                let found = self.expected_found(measure, depth, conventions);
                (x + 1.0) * divide(found, length + x * self.judged.relevant as f64)
            }
            MeasureKind::RankBiasedPrecision(p) => {
                self.expected_rank_biased_precision(measure, *p, conventions)
            }
            MeasureKind::Bpref => self.expected_bpref(measure, conventions),
            MeasureKind::InferredAp
            | MeasureKind::LogAveragePrecision
            | MeasureKind::LogBpref
            | MeasureKind::NdcgAtRelevant
            | MeasureKind::NdcgAtLevels
            | MeasureKind::Gain
            | MeasureKind::BinaryGain
            | MeasureKind::Compatibility(..)
            | MeasureKind::RankBiasedResidual(_)
            | MeasureKind::Cwl(_)
            | MeasureKind::Diversity(_)
            | MeasureKind::InterpolatedPrecision(_)
            | MeasureKind::InterpolatedAverage(_) => {
                return Err(Error::value(format!(
                    "{} has no closed form over ties: choose another way to break them than \"expected\"",
                    measure.name()
                )));
            }
            MeasureKind::SetAveragePrecision
            | MeasureKind::Utility(_)
            | MeasureKind::Queries
            | MeasureKind::Retrieved
            | MeasureKind::Relevant
            | MeasureKind::RelevantRetrieved
            | MeasureKind::NotRelevantRetrieved
            | MeasureKind::Text(_) => self.measure(measure, conventions),
        })
    }

    fn ties(&self) -> impl Iterator<Item = Tie<'_>> {
        self.hits.chunk_by(|a, b| a.above == b.above).map(|hits| Tie {
            hits,
            above: hits[0].above,
            size: hits[0].tied,
        })
    }

    fn expected_found(&self, measure: &Measure, depth: u32, conventions: &Conventions) -> f64 {
        let share = |tie: Tie| {
            tie.relevant(measure, conventions) * f64::from(tie.within(depth)) / f64::from(tie.size)
        };
        self.ties().map(share).sum()
    }

    fn expected_average_precision(&self, measure: &Measure, conventions: &Conventions) -> f64 {
        let depth = measure.depth();
        let mut total = 0.0;
        let mut before = 0.0;
        for tie in self.ties() {
            let relevant = tie.relevant(measure, conventions);
            let places = tie.within(depth);
            if conventions.divisor == Divisor::Found {
                // The divisor depends on how many relevant documents of the tie that straddles the depth are within.
                if places < tie.size {
                    return expected_over_found(total, before, relevant, &tie, places);
                }
            }
            total += precisions(before, relevant, f64::from(tie.size), &tie, places);
            before += relevant;
        }
        divide(total, average_precision_divisor(conventions.divisor, self.judged.relevant, before, measure))
    }

    fn expected_dcg(&self, depth: u32, conventions: &Conventions) -> f64 {
        let mut total = 0.0;
        for tie in self.ties() {
            let gain: f64 = tie.hits.iter().map(|hit| gain_of(hit.grade, conventions)).sum();
            if gain != 0.0 {
                let discounts: f64 = tie.ranks(depth).map(|rank| 1.0 / discount(rank)).sum();
                total += gain / f64::from(tie.size) * discounts;
            }
        }
        total
    }

    fn expected_rank_biased_precision(&self, measure: &Measure, p: f64, conventions: &Conventions) -> f64 {
        let mut total = 0.0;
        for tie in self.ties() {
            let weights: f64 = tie.ranks(measure.depth()).map(|rank| p.powf(f64::from(rank))).sum();
            total += tie.relevant(measure, conventions) / f64::from(tie.size) * weights;
        }
        (1.0 - p) * total
    }

    /// The mean of `1 / rank` where a reader stops, who stops at each document with a probability that depends on its
    /// grade. Reciprocal rank is the case where that probability is 0 or 1.
    fn expected_stop(&self, depth: u32, stop: impl Fn(&Hit) -> f64) -> Result<f64> {
        let mut reached = 1.0;
        let mut total = 0.0;
        for tie in self.ties() {
            let places = tie.within(depth) as usize;
            let passed = passing_chances(&tie, places, &stop)?;
            for (i, pair) in passed.windows(2).enumerate() {
                // Who stops at place i + 1 has passed i documents and not i + 1.
                total += reached * (pair[0] - pair[1]) / (f64::from(tie.above) + i as f64 + 1.0);
            }
            reached *= passed[passed.len() - 1];
            if tie.within(depth) < tie.size {
                break;
            }
        }
        Ok(total)
    }

    fn expected_hit(&self, measure: &Measure, conventions: &Conventions) -> Result<f64> {
        let mut none = 1.0;
        for tie in self.ties() {
            let places = tie.within(measure.depth()) as usize;
            let relevant = |hit: &Hit| f64::from(u8::from(is_relevant(hit, measure, conventions)));
            let passed = passing_chances(&tie, places, relevant)?;
            none *= passed[passed.len() - 1];
        }
        Ok(1.0 - none)
    }

    /// The number of a tie's irrelevant documents that precede one of its relevant ones is uniform from 0 to all.
    fn expected_bpref(&self, measure: &Measure, conventions: &Conventions) -> f64 {
        let Judged { relevant, not_relevant, .. } = self.judged;
        let bound = not_relevant.min(relevant) as f64;
        let mut not_relevant_above = 0usize;
        let mut total = 0.0;
        for tie in self.ties() {
            let relevant_in_tie = tie.relevant(measure, conventions);
            let not_relevant_in_tie =
                tie.hits.iter().filter(|hit| (0..conventions.level).contains(&hit.grade)).count();
            if relevant_in_tie > 0.0 {
                let lost =
                    |preceding: usize| divide((not_relevant_above + preceding).min(relevant) as f64, bound);
                let mean = (0..=not_relevant_in_tie).map(|preceding| 1.0 - lost(preceding)).sum::<f64>()
                    / (not_relevant_in_tie as f64 + 1.0);
                total += relevant_in_tie * mean;
            }
            not_relevant_above += not_relevant_in_tie;
        }
        divide(total, relevant as f64)
    }
}

/// The expected sum of precisions at the relevant documents in the first places of a tie, of which `relevant` in
/// `size` are; `before` relevant documents stand above it.
fn precisions(before: f64, relevant: f64, size: f64, tie: &Tie, places: u32) -> f64 {
    if relevant == 0.0 {
        return 0.0;
    }
    // Given that a place holds a relevant document, each other place does with this probability.
    let other = if size > 1.0 { (relevant - 1.0) / (size - 1.0) } else { 0.0 };
    let at = |i: u32| (before + 1.0 + f64::from(i) * other) / (f64::from(tie.above + i) + 1.0);
    relevant / size * (0..places).map(at).sum::<f64>()
}

/// The expectation of `sum of precisions / documents found` where the last tie is cut off after some places.
fn expected_over_found(total: f64, before: f64, relevant: f64, tie: &Tie, places: u32) -> f64 {
    let (size, n) = (f64::from(tie.size), f64::from(places));
    let least = (relevant + n - size).max(0.0);
    let most = relevant.min(n);
    // The hypergeometric chances of `least`, `least + 1`, … by their ratios, then scaled to add up to one.
    let mut chances = vec![1.0];
    let mut found = least;
    while found < most {
        let ratio = (relevant - found) * (n - found) / ((found + 1.0) * (size - relevant - n + found + 1.0));
        chances.push(chances[chances.len() - 1] * ratio);
        let largest = chances[chances.len() - 1];
        if largest > 1e200 {
            chances.iter_mut().for_each(|chance| *chance /= largest);
        }
        found += 1.0;
    }
    let whole: f64 = chances.iter().sum();
    // `precisions` of so many found is linear in these two sums over the places.
    let reciprocal = |i: u32| 1.0 / (f64::from(tie.above + i) + 1.0);
    let reciprocals: f64 = (0..places).map(reciprocal).sum();
    let weighted: f64 = (0..places).map(|i| f64::from(i) * reciprocal(i)).sum();
    let mut mean = 0.0;
    for (i, chance) in chances.iter().enumerate() {
        let found = least + i as f64;
        let other = if n > 1.0 { (found - 1.0) / (n - 1.0) } else { 0.0 };
        let within =
            if found > 0.0 { found / n * ((before + 1.0) * reciprocals + other * weighted) } else { 0.0 };
        let sum = total + within;
        mean += chance / whole * divide(sum, before + found);
    }
    mean
}

/// `passed[j]`: the probability that a reader passes the first `j` places of a tie, for `j` up to `places`, or up to
/// where it no longer changes the last bit of a sum.
///
/// Of documents with probabilities of 0 or 1 to stop it is a product; the others are added one at a time: the mean over
/// all choices of `j` of `n + 1` documents is a mixture of those with and without the new one. All terms are
/// probabilities, so nothing cancels.
fn passing_chances(tie: &Tie, places: usize, stop: impl Fn(&Hit) -> f64) -> Result<Vec<f64>> {
    let mut stops: Vec<f64> = with_capacity(tie.hits.len())?;
    stops.extend(tie.hits.iter().map(&stop).filter(|&chance| chance > 0.0));
    let size = tie.size as usize;
    let places = places.min(negligible_from(&stops, size));
    let mut passed = zeros(places + 1)?;
    passed[0] = 1.0;
    let passing = size - stops.len();
    stops.retain(|&chance| chance != 1.0);
    let mut known = size - stops.len();
    for j in 0..places.min(known) {
        passed[j + 1] = passed[j] * (passing.saturating_sub(j) as f64 / (known - j) as f64);
    }
    for stop in stops {
        for j in (1..=places.min(known + 1)).rev() {
            let with = j as f64 / (known as f64 + 1.0);
            // If all known + 1 are taken, the new one is among them, and passed[j] of those known does not exist.
            let without = if j <= known { (1.0 - with) * passed[j] } else { 0.0 };
            passed[j] = without + with * (1.0 - stop) * passed[j - 1];
        }
        known += 1;
    }
    Ok(passed)
}

/// The place from which on the probability to have passed is below half of the last bit of that to stop at the first.
///
/// By Maclaurin's inequality `passed[j] <= (1 - mean probability to stop)^j`.
fn negligible_from(stops: &[f64], size: usize) -> usize {
    let mean = stops.iter().sum::<f64>() / size as f64;
    if stops.iter().any(|&chance| chance > 1.0) || mean <= 0.0 {
        return usize::MAX;
    }
    let digits = f64::from(f64::MANTISSA_DIGITS + 1);
    ((mean.log2() - digits) / (-mean).ln_1p() * std::f64::consts::LN_2).ceil().max(1.0) as usize
}

#[cfg(test)]
mod tests {
    use super::super::conventions::Ties;
    use super::super::hits::{count, rank};
    use super::*;
    use crate::progress::Progress;

    /// Calls `visit` with every order of `items`.
    fn orders(items: &mut Vec<u32>, start: usize, visit: &mut impl FnMut(&[u32])) {
        if start == items.len() {
            return visit(items);
        }
        for i in start..items.len() {
            items.swap(start, i);
            orders(items, start + 1, visit);
            items.swap(start, i);
        }
    }

    /// Each document added in turn, to the last place.
    fn passed_by_mixtures(stops: &[f64], size: usize) -> Vec<f64> {
        let mut passed = vec![1.0; size + 1];
        for (n, stop) in (size - stops.len()..).zip(stops) {
            for j in (1..=n + 1).rev() {
                let with = j as f64 / (n as f64 + 1.0);
                let without = if j <= n { (1.0 - with) * passed[j] } else { 0.0 };
                passed[j] = without + with * (1.0 - stop) * passed[j - 1];
            }
        }
        passed
    }

    #[test]
    fn chances_to_pass_are_those_of_mixtures() {
        for (size, stops) in [
            (1, vec![1.0]),
            (3, vec![1.0; 3]),
            (400, vec![1.0; 7]),
            (300, [0.25; 40].into_iter().chain([1.0; 3]).chain([0.875; 20]).collect()),
            (500, vec![0.5]),
            (50, vec![3.5, 0.5]),
            (5, vec![]),
        ] {
            let hits: Vec<Hit> = stops.iter().map(|&stop| Hit::new(0, 1, stop)).collect();
            let tie = Tie { hits: &hits, above: 0, size: size as u32 };
            let expected = passed_by_mixtures(&stops, size);
            let passed = passing_chances(&tie, size, |hit| hit.score).unwrap();
            for (j, chance) in expected.iter().enumerate() {
                let found = passed.get(j).copied().unwrap_or(0.0);
                assert!((found - chance).abs() < 1e-13, "{size} {stops:?} {j}: {found} {chance}");
            }
            assert!(passed.len() == size + 1 || passed[passed.len() - 1] < 1e-16);
        }
    }

    #[test]
    fn one_huge_tie_takes_no_longer_than_its_places() {
        let hits: Vec<Hit> = (0..200_000).map(|row| Hit::new(row, 1 + i64::from(row % 3), 1.0)).collect();
        let tie = Tie { hits: &hits, above: 0, size: 1_000_000 };
        let relevant = passing_chances(&tie, 1_000_000, |_| 1.0).unwrap();
        let graded = passing_chances(&tie, 1_000_000, |hit| stopping_chance(hit.grade, 3)).unwrap();
        assert!(relevant.len() < 1000 && graded.len() < 1000);
        assert!((relevant[1] - 0.8).abs() < 1e-15 && relevant[1] < graded[1]);
    }

    #[test]
    fn the_mean_over_all_orders() {
        // Rows, grades and scores with ties of three, two and one; row 6 is not judged.
        type Case<'a> = (&'a [f64], &'a [(u32, i64)]);
        let cases: [Case; 4] = [
            (&[2.0, 2.0, 2.0, 1.0, 1.0, 0.5, 2.0], &[(0, 1), (1, 2), (2, 0), (3, 1), (4, -1), (5, 1)]),
            (&[1.0; 6], &[(0, 3), (1, 1), (2, 0), (3, 0)]),
            (&[3.0, 1.0, 1.0, 1.0, 1.0], &[(0, 0), (2, 1), (3, 1)]),
            (&[1.0, 1.0, 0.0, 0.0, -1.0, -1.0], &[(0, 2), (1, 1), (2, 1), (3, 2), (4, 1), (5, 0)]),
        ];
        let names = [
            "map",
            "map@1",
            "map@2",
            "map@4",
            "ndcg",
            "ndcg@3",
            "rr",
            "rr@2",
            "p@3",
            "recall@2",
            "hit@1",
            "hit@3",
            "rprec",
            "bpref",
            "rbp(p=0.7)",
            "f1@2",
            "err@3",
            "err@20",
            "p",
            "f1",
        ];
        for (scores, judged) in cases {
            let mut grades: Vec<i64> = judged.iter().map(|&(_, grade)| grade).chain([1, 0]).collect();
            grades.sort_unstable_by(|a, b| b.cmp(a));
            for divisor in [Divisor::Relevant, Divisor::RelevantUpToCutoff, Divisor::Found] {
                let conventions =
                    Conventions { divisor, positive_scores_only: true, ..Conventions::default() };
                let mut hits: Vec<Hit> =
                    judged.iter().map(|&(row, grade)| Hit::new(row, grade, scores[row as usize])).collect();
                count(scores, &mut hits, &Progress::default()).unwrap();
                let any_order = |_: u32, _: u32| std::cmp::Ordering::Equal;
                let place_hits = |hits: &mut [Hit], ties, order: &dyn Fn(u32, u32) -> std::cmp::Ordering| {
                    rank(scores, hits, ties, &order, &Progress::default()).unwrap();
                };
                let counts = Judged::new(&grades, 1, grades[0], &grades);
                for name in names {
                    let measure = Measure::parse(name).unwrap();
                    let (mut total, mut n) = (0.0, 0.0);
                    let (mut least, mut greatest) = (f64::INFINITY, f64::NEG_INFINITY);
                    let mut rows: Vec<u32> = (0..scores.len() as u32).collect();
                    orders(&mut rows, 0, &mut |order| {
                        let mut place = [0u32; 8];
                        for (i, &row) in order.iter().enumerate() {
                            place[row as usize] = i as u32;
                        }
                        let order = |a: u32, b: u32| place[a as usize].cmp(&place[b as usize]);
                        place_hits(&mut hits, Ties::DocumentAscending, &order);
                        let list = RankedList { hits: &hits, retrieved: scores.len(), judged: counts };
                        let value = list.measure(&measure, &conventions);
                        total += value;
                        n += 1.0;
                        least = least.min(value);
                        greatest = greatest.max(value);
                    });
                    place_hits(&mut hits, Ties::Expected, &any_order);
                    let list = RankedList { hits: &hits, retrieved: scores.len(), judged: counts };
                    let expected = list.expected(&measure, &conventions).unwrap();
                    assert!(
                        (expected - total / n).abs() < 1e-12,
                        "{name} {divisor:?}: {expected} {}",
                        total / n
                    );
                    if divisor != Divisor::Found {
                        for (ties, bound) in [(Ties::Pessimistic, least), (Ties::Optimistic, greatest)] {
                            place_hits(&mut hits, ties, &any_order);
                            let list = RankedList { hits: &hits, retrieved: scores.len(), judged: counts };
                            let value = list.measure(&measure, &conventions);
                            assert!((value - bound).abs() < 1e-12, "{name} {ties:?}: {value} {bound}");
                        }
                    }
                }
            }
        }
    }
}
