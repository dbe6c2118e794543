//! The measures of one list whose ranks are known.

use super::conventions::{Conventions, Divisor};
use super::hits::Hit;
use super::measure::{Measure, MeasureKind};
use crate::sum::Compensated;

/// What the judgements of one query say, whatever was retrieved.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The grades, in any order.
    pub grades: &'a [i64],
    /// The grades, greatest first, for measures that need them so.
    pub descending: &'a [i64],
    /// How many grades are at least the level.
    pub relevant: usize,
    /// How many are at least 0 and below the level.
    pub not_relevant: usize,
    /// The greatest grade of all queries.
    pub greatest: i64,
}

/// Whether a document is relevant to a measure.
pub fn is_relevant(hit: &Hit, measure: &Measure, conventions: &Conventions) -> bool {
    let any_score = !conventions.positive_scores_only || !measure.may_need_positive_scores();
    hit.grade >= conventions.level && (any_score || hit.score > 0.0)
}

impl<'a> Judged<'a> {
    /// Counts grades in any order.
    pub fn new(grades: &'a [i64], level: i64, greatest: i64, descending: &'a [i64]) -> Self {
        let at_least = |least| grades.iter().filter(|&&grade| grade >= least).count();
        let relevant = at_least(level);
        Judged { grades, descending, relevant, not_relevant: at_least(0).saturating_sub(relevant), greatest }
    }

    /// The same with another level of relevance.
    pub fn at_level(self, level: i64) -> Self {
        Judged::new(self.grades, level, self.greatest, self.descending)
    }
}

/// One list: the hits by rank, and how many documents it holds.
#[derive(Clone, Copy, Debug)]
pub struct RankedList<'a> {
    /// The judged documents that were retrieved, by rank.
    pub hits: &'a [Hit],
    /// How many documents were retrieved.
    pub retrieved: usize,
    /// The judgements.
    pub judged: Judged<'a>,
}

/// trec_eval's smoothing of inferred average precision.
const INFERRED_EPSILON: f64 = 0.00001;

impl RankedList<'_> {
    /// The value of a measure.
    pub fn measure(&self, measure: &Measure, conventions: &Conventions) -> f64 {
        let depth = measure.depth();
        match &measure.kind {
            MeasureKind::AveragePrecision => self.average_precision(measure, conventions),
            MeasureKind::LogAveragePrecision => logarithm(self.average_precision(measure, conventions)),
            MeasureKind::LogBpref => logarithm(self.bpref(conventions)),
            MeasureKind::Ndcg => self.ndcg(depth, conventions),
            MeasureKind::Dcg => self.dcg(depth, conventions),
            MeasureKind::NdcgAtRelevant => self.ndcg_at_relevant(conventions),
            MeasureKind::NdcgAtLevels => self.ndcg_at_levels(conventions),
            MeasureKind::Gain => self.gain(conventions),
            MeasureKind::BinaryGain => self.binary_gain(measure, conventions),
            MeasureKind::ReciprocalRank => self
                .relevant_ranks(measure, depth, conventions)
                .next()
                .map_or(0.0, |rank| 1.0 / (f64::from(rank) + 1.0)),
            MeasureKind::Precision => {
                let length = measure.cutoff.map_or(self.retrieved, |k| k as usize);
                ratio(self.found(measure, depth, conventions), length)
            }
            MeasureKind::RelativePrecision => {
                let length = measure.cutoff.map_or(self.retrieved, |k| k as usize);
                ratio(self.found(measure, depth, conventions), length.min(self.judged.relevant))
            }
            MeasureKind::Recall => ratio(self.found(measure, depth, conventions), self.judged.relevant),
            MeasureKind::Hit => f64::from(u8::from(self.found(measure, depth, conventions) > 0)),
            MeasureKind::Hits => self.found(measure, depth, conventions) as f64,
            MeasureKind::JudgedRate => {
                let judged = self.hits.iter().take_while(|hit| hit.rank < depth).count();
                ratio(judged, self.retrieved.min(depth as usize))
            }
            MeasureKind::UnjudgedRate => {
                let judged = self.hits.iter().filter(|hit| hit.grade >= 0 && hit.rank < depth).count();
                ratio(self.retrieved.min(depth as usize) - judged, depth as usize)
            }
            MeasureKind::RankBiasedResidual(p) => self.rank_biased_residual(*p),
            MeasureKind::Compatibility(persistence, normalize) => {
                self.compatibility(*persistence, *normalize)
            }
            MeasureKind::Cwl(cwl) => self.expected_gain(cwl, depth),
            MeasureKind::RPrecision => {
                let relevant = self.judged.relevant;
                ratio(self.found(measure, u32::try_from(relevant).unwrap_or(u32::MAX), conventions), relevant)
            }
            MeasureKind::PrecisionAtMultiple(multiple) => {
                let rank = self.relevant_at(*multiple);
                ratio(self.found(measure, u32::try_from(rank).unwrap_or(u32::MAX), conventions), rank)
            }
            MeasureKind::InterpolatedPrecision(recall) => {
                self.interpolated_precision(*recall, measure, conventions)
            }
            MeasureKind::InterpolatedAverage(recalls) => {
                let precision = |recall: &f64| self.interpolated_precision(*recall, measure, conventions);
                divide(recalls.iter().rev().map(precision).sum(), recalls.len() as f64)
            }
            MeasureKind::SetAveragePrecision => {
                let found = self.found(measure, depth, conventions) as f64;
                divide(found * found, self.retrieved as f64 * self.judged.relevant as f64)
            }
            MeasureKind::F(x) => self.f(*x, measure, conventions),
            MeasureKind::RankBiasedPrecision(p) => self.rank_biased_precision(measure, *p, conventions),
            MeasureKind::ExpectedReciprocalRank(greatest) => self.expected_reciprocal_rank(depth, *greatest),
            MeasureKind::Bpref => self.bpref(conventions),
            MeasureKind::InferredAp => self.inferred_average_precision(conventions),
            MeasureKind::Utility(worths) => {
                let found = self.found(measure, depth, conventions) as f64;
                let (retrieved, relevant) = (self.retrieved as f64, self.judged.relevant as f64);
                let counts = [found, retrieved - found, relevant - found, found - retrieved - relevant];
                // trec_eval's documents beyond the judged ones: it knows of none.
                worths[0] * counts[0] + worths[1] * counts[1] + worths[2] * counts[2] + worths[3] * counts[3]
            }
            MeasureKind::Queries => 1.0,
            MeasureKind::Text(_) => 0.0,
            // The plan, which has the subtopics, measures it.
            MeasureKind::Diversity(_) => f64::NAN,
            MeasureKind::NotRelevantRetrieved => {
                let not_relevant = |hit: &&Hit| (0..conventions.level).contains(&hit.grade);
                self.hits.iter().filter(not_relevant).count() as f64
            }
            MeasureKind::Retrieved => self.retrieved as f64,
            MeasureKind::Relevant => self.judged.relevant as f64,
            MeasureKind::RelevantRetrieved => self.found(measure, u32::MAX, conventions) as f64,
        }
    }

    /// The ranks of the relevant hits above the depth, ascending.
    pub(super) fn relevant_ranks(
        &self,
        measure: &Measure,
        depth: u32,
        conventions: &Conventions,
    ) -> impl Iterator<Item = u32> {
        self.hits
            .iter()
            .take_while(move |hit| hit.rank < depth)
            .filter(move |hit| is_relevant(hit, measure, conventions))
            .map(|hit| hit.rank)
    }

    /// How many relevant documents stand above the depth.
    fn found(&self, measure: &Measure, depth: u32, conventions: &Conventions) -> usize {
        self.relevant_ranks(measure, depth, conventions).count()
    }

    /// `sum over relevant documents of (relevant documents down to it) / rank`, divided as the convention says.
    fn average_precision(&self, measure: &Measure, conventions: &Conventions) -> f64 {
        let depth = measure.depth();
        let mut found = 0.0;
        let mut total = 0.0;
        let mut compensated = Compensated::default();
        for hit in self.hits.iter().take_while(|hit| hit.rank < depth) {
            if !is_relevant(hit, measure, conventions) {
                continue;
            }
            found += 1.0;
            let precision = found / (f64::from(hit.rank) + 1.0);
            total += precision;
            compensated.add(precision);
        }
        let total = if conventions.compensated { compensated.total() } else { total };
        divide(total, average_precision_divisor(conventions.divisor, self.judged.relevant, found, measure))
    }

    fn ndcg(&self, depth: u32, conventions: &Conventions) -> f64 {
        divide(self.dcg(depth, conventions), ideal(self.judged.descending, depth, conventions))
    }

    /// `sum over documents of gain / log2(rank + 1)`.
    fn dcg(&self, depth: u32, conventions: &Conventions) -> f64 {
        let gain = |grade: i64| gain_of(grade, conventions);
        let mut total = 0.0;
        for hit in self.hits.iter().take_while(|hit| hit.rank < depth) {
            if gain(hit.grade) != 0.0 {
                total += gain(hit.grade) / discount(hit.rank);
            }
        }
        total
    }

    /// `(x + 1) P R / (x P + R)`.
    fn f(&self, x: f64, measure: &Measure, conventions: &Conventions) -> f64 {
        let found = self.found(measure, measure.depth(), conventions);
        if found == 0 {
            return 0.0;
        }
        let length = measure.cutoff.map_or(self.retrieved, |k| k as usize);
        let precision = ratio(found, length);
        let recall = ratio(found, self.judged.relevant);
        (x + 1.0) * precision * recall / (x * precision + recall)
    }

    /// `(1 - p) * sum over relevant documents of p^(rank - 1)` (Moffat and Zobel 2008).
    fn rank_biased_precision(&self, measure: &Measure, p: f64, conventions: &Conventions) -> f64 {
        let mut total = 0.0;
        for rank in self.relevant_ranks(measure, measure.depth(), conventions) {
            total += p.powf(f64::from(rank));
        }
        (1.0 - p) * total
    }

    /// What all ranks weigh in rank-biased precision but those of judged documents; 0 if all that were retrieved are
    /// judged, as in trec_eval 10.
    fn rank_biased_residual(&self, p: f64) -> f64 {
        let judged = || self.hits.iter().filter(|hit| hit.grade >= 0);
        if judged().count() == self.retrieved {
            return 0.0;
        }
        1.0 - (1.0 - p) * judged().map(|hit| p.powf(f64::from(hit.rank))).sum::<f64>()
    }

    /// `sum over ranks of (chance to stop here) * (chance to have come this far) / rank` (Chapelle et al. 2009).
    fn expected_reciprocal_rank(&self, depth: u32, greatest: Option<u32>) -> f64 {
        let greatest = greatest.map_or(self.judged.greatest, i64::from);
        let mut reached = 1.0;
        let mut total = 0.0;
        for hit in self.hits.iter().take_while(|hit| hit.rank < depth) {
            let stop = stopping_chance(hit.grade, greatest);
            total += reached * stop / (f64::from(hit.rank) + 1.0);
            reached *= 1.0 - stop;
        }
        total
    }

    /// Buckley and Voorhees 2004, as trec_eval computes it.
    fn bpref(&self, conventions: &Conventions) -> f64 {
        let Judged { relevant, not_relevant, .. } = self.judged;
        let mut not_relevant_above = 0usize;
        let mut total = 0.0;
        for hit in self.hits.iter().filter(|hit| hit.grade >= 0) {
            if hit.grade < conventions.level {
                not_relevant_above += 1;
            } else if not_relevant_above > 0 {
                total += 1.0 - not_relevant_above.min(relevant) as f64 / not_relevant.min(relevant) as f64;
            } else {
                total += 1.0;
            }
        }
        divide(total, relevant as f64)
    }

    /// Yilmaz and Aslam 2006, as trec_eval computes it: a negative grade says "in the pool, not judged".
    fn inferred_average_precision(&self, conventions: &Conventions) -> f64 {
        let (mut relevant, mut not_relevant, mut not_judged) = (0u32, 0u32, 0u32);
        let mut total = 0.0;
        for hit in self.hits {
            if hit.grade < 0 {
                not_judged += 1;
            } else if hit.grade < conventions.level {
                not_relevant += 1;
            } else if hit.rank == 0 {
                relevant += 1;
                total += 1.0;
            } else {
                let above = f64::from(hit.rank);
                let pool = f64::from(relevant + not_relevant + not_judged) / above;
                let precision = (f64::from(relevant) + INFERRED_EPSILON)
                    / (f64::from(relevant + not_relevant) + 2.0 * INFERRED_EPSILON);
                total += 1.0 / (above + 1.0) + above / (above + 1.0) * pool * precision;
                relevant += 1;
            }
        }
        divide(total, self.judged.relevant as f64)
    }
}

/// What average precision divides by.
pub fn average_precision_divisor(divisor: Divisor, relevant: usize, found: f64, measure: &Measure) -> f64 {
    match divisor {
        Divisor::Relevant => relevant as f64,
        Divisor::RelevantUpToCutoff => relevant.min(measure.depth() as usize) as f64,
        Divisor::Found => found,
    }
}

/// What a document at this rank (from 0) has its gain divided by.
pub fn discount(rank: u32) -> f64 {
    (f64::from(rank) + 2.0).log2()
}

/// What a grade is worth under the conventions.
pub fn gain_of(grade: i64, conventions: &Conventions) -> f64 {
    if grade < conventions.level && !conventions.graded_below_level {
        return 0.0;
    }
    conventions.gain.of(grade)
}

/// The discounted gain of the best possible list.
pub fn ideal(grades: &[i64], depth: u32, conventions: &Conventions) -> f64 {
    let mut total = 0.0;
    for (rank, &grade) in (0..depth).zip(grades) {
        let gain = gain_of(grade, conventions);
        if gain <= 0.0 {
            break;
        }
        total += gain / discount(rank);
    }
    total
}

/// How likely a reader is to be satisfied by a document of this grade: `(2^grade - 1) / 2^greatest`.
pub fn stopping_chance(grade: i64, greatest: i64) -> f64 {
    if grade <= 0 {
        return 0.0;
    }
    ((grade as f64).exp2() - 1.0) / (greatest as f64).exp2()
}

/// 0 where there is nothing to divide by.
pub fn divide(total: f64, by: f64) -> f64 {
    if by > 0.0 { total / by } else { 0.0 }
}

/// The logarithm of a measure, of which trec_eval takes at least 0.00001.
fn logarithm(value: f64) -> f64 {
    value.max(0.00001).ln()
}

fn ratio(part: usize, whole: usize) -> f64 {
    divide(part as f64, whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(rank: u32, grade: i64) -> Hit {
        Hit { rank, ..Hit::new(rank, grade, -f64::from(rank)) }
    }

    fn value(name: &str, hits: &[Hit], retrieved: usize, grades: &[i64], conventions: &Conventions) -> f64 {
        let judged = Judged::new(grades, conventions.level, grades[0], grades);
        RankedList { hits, retrieved, judged }.measure(&Measure::parse(name).unwrap(), conventions)
    }

    #[test]
    fn by_hand() {
        // Relevant documents at ranks 1 and 3 of five; a third was not retrieved; rank 2 is judged not relevant.
        let hits = [hit(0, 2), hit(1, 0), hit(2, 1)];
        let grades = [2, 1, 1, 0];
        let c = Conventions::default();
        let third = 1.0 / 3.0;
        for (name, expected) in [
            ("map", (1.0 + 2.0 / 3.0) / 3.0),
            ("map@1", third),
            ("rr", 1.0),
            ("p", 2.0 / 5.0),
            ("p@10", 2.0 / 10.0),
            ("recall", 2.0 / 3.0),
            ("recall@1", third),
            ("hit@1", 1.0),
            ("rprec", 2.0 / 3.0),
            ("f1@5", 2.0 * 0.4 * (2.0 / 3.0) / (0.4 + 2.0 / 3.0)),
            ("bpref", (1.0 + (1.0 - 1.0)) / 3.0),
            ("rbp(p=0.5)", 0.5 * (1.0 + 0.25)),
            ("num_ret", 5.0),
            ("num_rel", 3.0),
            ("num_rel_ret", 2.0),
            ("err@20", 0.75 + 0.25 * 0.25 / 3.0),
        ] {
            let got = value(name, &hits, 5, &grades, &c);
            assert!((got - expected).abs() < 1e-15, "{name}: {got} {expected}");
        }
        let ndcg = (2.0 + 1.0 / 2.0) / (2.0 + 1.0 / 3f64.log2() + 1.0 / 2.0);
        assert!((value("ndcg", &hits, 5, &grades, &c) - ndcg).abs() < 1e-15);
    }

    #[test]
    fn inferred_precision_is_smoothed() {
        // Above the only relevant document two are judged not relevant: without smoothing precision there is 0.
        let hits = [hit(0, 0), hit(1, 0), hit(2, 1)];
        let expected = 1.0 / 3.0 + 2.0 / 3.0 * (0.00001 / 2.00002);
        let got = value("infap", &hits, 3, &[1, 0, 0], &Conventions::default());
        assert!((got - expected).abs() < 1e-15, "{got} {expected}");
    }

    #[test]
    fn divisors() {
        let hits = [hit(0, 1), hit(3, 1)];
        let grades = [1, 1, 1, 1];
        for (divisor, at_two, whole) in [
            (Divisor::Relevant, 1.0 / 4.0, 1.5 / 4.0),
            (Divisor::RelevantUpToCutoff, 1.0 / 2.0, 1.5 / 4.0),
            (Divisor::Found, 1.0, 1.5 / 2.0),
        ] {
            let c = Conventions { divisor, ..Conventions::default() };
            assert_eq!(value("map@2", &hits, 9, &grades, &c), at_two, "{divisor:?}");
            assert_eq!(value("map", &hits, 9, &grades, &c), whole, "{divisor:?}");
        }
    }

    #[test]
    fn nothing_found_and_nothing_to_find_give_zero() {
        let c = Conventions::default();
        for name in
            ["map", "ndcg", "rr", "p", "recall", "hit", "rprec", "f1", "bpref", "rbp", "err@5", "infap"]
        {
            assert_eq!(value(name, &[], 0, &[1], &c), 0.0, "{name}");
            assert_eq!(value(name, &[], 0, &[0], &c), 0.0, "{name}");
        }
    }
}
