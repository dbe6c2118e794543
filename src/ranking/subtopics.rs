//! Judgements by subtopic, and the measures of diversity of one list.
//!
//! A judged document's grade is the number of its row, from 1, in a table of the subtopics that it is about; 0 or less
//! is about none. So a list is matched and placed as any other. Within a query, greater ids of documents have greater numbers.

use crate::error::{Error, Result, collect, filled};

use super::diversity::{Diversity, DiversityKind};
use super::score::{RankedList, discount, divide};

/// The subtopics of documents, numbered from 0 within each query, and how much each document is about them.
#[derive(Debug)]
pub struct Subtopics {
    offsets: Vec<usize>,
    /// Subtopic and grade.
    subtopics: Vec<(u32, i64)>,
}

impl Subtopics {
    /// The subtopics of row `i` are those from `offsets[i]` to `offsets[i + 1]`, each with the document's grade.
    ///
    /// # Errors
    ///
    /// The offsets are no such positions.
    pub fn new(offsets: Vec<usize>, subtopics: Vec<(u32, i64)>) -> Result<Self> {
        if offsets.first() != Some(&0) || !offsets.is_sorted() || offsets.last() != Some(&subtopics.len()) {
            return Err(Error::value("the offsets of subtopics do not ascend from 0 to their number"));
        }
        Ok(Subtopics { offsets, subtopics })
    }

    /// Those of which a document has at least this grade.
    pub fn at_level(&self, level: i64) -> RelevantSubtopics<'_> {
        RelevantSubtopics { table: self, level }
    }
}

/// The subtopics that documents are relevant to.
#[derive(Clone, Copy, Debug)]
pub struct RelevantSubtopics<'a> {
    table: &'a Subtopics,
    level: i64,
}

impl<'a> RelevantSubtopics<'a> {
    /// Those of the document in a row of the table, counted from 1.
    fn of(self, row: i64) -> impl Iterator<Item = usize> + 'a {
        let Subtopics { offsets, subtopics } = self.table;
        let place = usize::try_from(row - 1).ok();
        let range = place.and_then(|place| Some(*offsets.get(place)?..*offsets.get(place + 1)?));
        let held = range.map_or(&[][..], |range| &subtopics[range]);
        held.iter().filter(move |(_, grade)| *grade >= self.level).map(|&(subtopic, _)| subtopic as usize)
    }
}

/// What further documents about each subtopic gain: `(1 - alpha)^n` after n others, as ndeval computes it, so that equal
/// gains are equal to the last bit.
struct Novelty<'a> {
    table: RelevantSubtopics<'a>,
    taken: Vec<u32>,
    kept: f64,
}

impl<'a> Novelty<'a> {
    fn new(table: RelevantSubtopics<'a>, subtopics: usize, alpha: f64) -> Result<Self> {
        Ok(Novelty { table, taken: filled(subtopics, 0)?, kept: 1.0 - alpha })
    }

    fn gain(&self, grade: i64) -> f64 {
        self.table.of(grade).map(|subtopic| self.kept.powf(f64::from(self.taken[subtopic]))).sum()
    }

    /// The gain of a document, after which its subtopics gain less.
    fn take(&mut self, grade: i64) -> f64 {
        let gain = self.gain(grade);
        for subtopic in self.table.of(grade) {
            self.taken[subtopic] += 1;
        }
        gain
    }
}

impl RankedList<'_> {
    /// The value of a measure of diversity; 0 without a relevant document.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn diversity(&self, measure: &Diversity, depth: u32, table: RelevantSubtopics) -> Result<f64> {
        let all = || self.judged.grades.iter().flat_map(|&row| table.of(row));
        let Some(count) = all().max().map(|last| last + 1) else { return Ok(0.0) };
        let mut relevant = filled(count, false)?;
        all().for_each(|subtopic| relevant[subtopic] = true);
        let hits = || self.hits.iter().take_while(|hit| hit.rank < depth);
        let subtopics = relevant.iter().filter(|&&relevant| relevant).count() as f64;
        let weight = |rank: u32| match measure.kind {
            DiversityKind::Dcg | DiversityKind::Ndcg => 1.0 / discount(rank),
            DiversityKind::Nrbp | DiversityKind::NormalizedNrbp => measure.beta.powf(f64::from(rank)),
            _ => 1.0 / (f64::from(rank) + 1.0),
        };
        let gained = || -> Result<f64> {
            let mut novelty = Novelty::new(table, count, measure.alpha)?;
            Ok(hits().map(|hit| novelty.take(hit.grade) * weight(hit.rank)).sum())
        };
        Ok(match measure.kind {
            DiversityKind::Precision => {
                let found: usize = hits().map(|hit| table.of(hit.grade).count()).sum();
                found as f64 / f64::from(depth) / subtopics
            }
            DiversityKind::Recall => {
                let mut found = filled(count, false)?;
                for subtopic in hits().flat_map(|hit| table.of(hit.grade)) {
                    found[subtopic] = true;
                }
                found.iter().filter(|&&found| found).count() as f64 / subtopics
            }
            DiversityKind::AveragePrecision => self.average_precisions(table, count)? / subtopics,
            DiversityKind::Nrbp => gained()? * (1.0 - (1.0 - measure.alpha) * measure.beta) / subtopics,
            DiversityKind::Dcg | DiversityKind::Err => {
                let kept = |rank: u32| (1.0 - measure.alpha).powf(f64::from(rank)) * weight(rank);
                gained()? / (subtopics * (0..depth).map(kept).sum::<f64>())
            }
            DiversityKind::Ndcg | DiversityKind::NormalizedErr | DiversityKind::NormalizedNrbp => {
                let novelty = Novelty::new(table, count, measure.alpha)?;
                divide(gained()?, self.ideal_diversity(novelty, depth, weight)?)
            }
        })
    }

    /// What the list gains that has at each rank the document with the greatest gain, of equal ones that with the
    /// greatest id, as in ndeval.
    fn ideal_diversity(&self, mut novelty: Novelty, depth: u32, weight: impl Fn(u32) -> f64) -> Result<f64> {
        let mut rest = collect(self.judged.grades.iter().copied())?;
        rest.retain(|&grade| grade > 0);
        rest.sort_unstable_by(|a, b| b.cmp(a));
        let mut total = 0.0;
        for rank in 0..depth {
            let mut best: Option<(usize, f64)> = None;
            for (place, &grade) in rest.iter().enumerate() {
                let gain = novelty.gain(grade);
                if best.is_none_or(|(_, greatest)| gain > greatest) {
                    best = Some((place, gain));
                }
            }
            let Some((place, _)) = best else { break };
            total += novelty.take(rest.remove(place)) * weight(rank);
        }
        Ok(total)
    }

    /// The sum of the average precisions of the subtopics.
    fn average_precisions(&self, table: RelevantSubtopics, count: usize) -> Result<f64> {
        let (mut relevant, mut found) = (filled(count, 0u32)?, filled(count, 0u32)?);
        let mut sums = filled(count, 0.0)?;
        for subtopic in self.judged.grades.iter().flat_map(|&grade| table.of(grade)) {
            relevant[subtopic] += 1;
        }
        for hit in self.hits {
            for subtopic in table.of(hit.grade) {
                found[subtopic] += 1;
                sums[subtopic] += f64::from(found[subtopic]) / (f64::from(hit.rank) + 1.0);
            }
        }
        let average = |subtopic: usize| divide(sums[subtopic], f64::from(relevant[subtopic]));
        Ok((0..count).map(average).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::super::hits::Hit;
    use super::super::score::Judged;
    use super::*;

    /// Documents 1 to 4 about subtopics {0}, {0, 1}, {1}, {}; the list has 2, one that is not judged, 1.
    #[test]
    fn by_hand() {
        let about = [(0, 1), (0, 1), (1, 1), (1, 1)].to_vec();
        let table = Subtopics::new(vec![0, 1, 3, 4, 4], about).unwrap();
        assert_eq!(table.at_level(2).of(2).count(), 0);
        let grades = [1, 2, 3, 0];
        let hits = [(0, 2), (2, 1)].map(|(rank, grade)| Hit { rank, ..Hit::new(rank, grade, 0.0) });
        let list = RankedList { hits: &hits, retrieved: 3, judged: Judged::new(&grades, 1, 3, &[]) };
        let value = |kind, depth| list.diversity(&Diversity::of(kind), depth, table.at_level(1)).unwrap();
        let gained = 2.0 + 0.5 / 4.0f64.log2();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-15, "{a} {b}");
        close(value(DiversityKind::Dcg, 1), 1.0);
        close(value(DiversityKind::Ndcg, 3), gained / (2.0 + 0.5 / 3.0f64.log2() + 0.5 / 2.0));
        close(value(DiversityKind::Err, 1), 1.0);
        close(value(DiversityKind::NormalizedErr, 3), (2.0 + 0.5 / 3.0) / (2.0 + 0.5 / 2.0 + 0.5 / 3.0));
        close(value(DiversityKind::Nrbp, u32::MAX), (2.0 + 0.5 / 4.0) * 0.75 / 2.0);
        close(value(DiversityKind::Precision, 3), 3.0 / 3.0 / 2.0);
        close(value(DiversityKind::Recall, 1), 1.0);
        close(value(DiversityKind::AveragePrecision, u32::MAX), ((1.0 + 2.0 / 3.0) / 2.0 + 1.0 / 2.0) / 2.0);
    }

    #[test]
    fn offsets_that_are_none() {
        for (offsets, subtopics) in [(vec![], 0), (vec![0, 2], 1), (vec![0, 2, 1], 1)] {
            assert!(Subtopics::new(offsets, vec![(0, 1); subtopics]).is_err());
        }
    }
}
