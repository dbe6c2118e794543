//! What is to be computed of a list whose judged documents are found.

use std::sync::Arc;

use crate::error::{Error, Result, collect, filled};
use crate::progress::Progress;
use crate::score::Score;

use super::classification::Scored;
use super::conventions::{Conventions, Ties};
use super::hits::{Hit, Order, count, needs_documents, rank};
use super::measure::{Measure, MeasureKind};
use super::qrels::Qrels;
use super::score::{Judged, RankedList, gain_of, is_relevant};
use super::subtopics::Subtopics;

/// What is to be computed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The measures.
    pub measures: Vec<Measure>,
    /// The conventions.
    pub conventions: Conventions,
    /// Those of each measure.
    own: Vec<Conventions>,
    /// What grades stand for, where the judgements are by subtopic.
    pub subtopics: Option<Arc<Subtopics>>,
}

impl Plan {
    /// Checks that each measure is defined under the conventions.
    ///
    /// # Errors
    ///
    /// A measure is not defined under the conventions.
    pub fn new(measures: Vec<Measure>, conventions: Conventions) -> Result<Self> {
        for measure in &measures {
            if conventions.ties == Ties::Grouped
                && measure.kind == MeasureKind::AveragePrecision
                && measure.cutoff.is_some()
            {
                return Err(Error::value(format!(
                    "{} is not defined with ties=\"grouped\": a tie is one step, and a cut-off may fall within it",
                    measure.name()
                )));
            }
            if matches!(conventions.ties, Ties::Optimistic | Ties::Pessimistic)
                && measure.gain.as_ref().is_some_and(|gain| !gain.ascends())
            {
                return Err(Error::value(format!(
                    "{} is not defined with this order of ties: a greater grade has a lower gain",
                    measure.name()
                )));
            }
        }
        if conventions.level < 1 {
            return Err(Error::value(format!(
                "the relevance level is {}, expected at least 1",
                conventions.level
            )));
        }
        let own = measures.iter().map(|measure| measure.conventions(&conventions)).collect();
        Ok(Plan { measures, conventions, own, subtopics: None })
    }

    /// Whether a document with this grade has to be placed.
    pub fn places(&self, grade: i64) -> bool {
        grade > 0 || self.conventions.judged_only || self.measures.iter().any(Measure::needs_all_judged)
    }

    /// Whether a document with this grade is to be looked up in a list that is given without the other documents' ids.
    pub fn looks_up(&self, grade: i64) -> bool {
        self.places(grade) && !(self.conventions.judged_only && grade < 0)
    }

    /// What the judgements of a query say.
    pub fn judged<'a>(&self, qrels: &'a Qrels, query: usize) -> Judged<'a> {
        let descending =
            if self.measures.iter().any(Measure::needs_ideal) { qrels.descending(query) } else { &[] };
        Judged::new(&qrels.grades[qrels.rows(query)], self.conventions.level, qrels.greatest, descending)
    }

    /// Counts what lies above each hit; says whether `measure_list` will ask about documents.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn count<S: Score>(&self, scores: &[S], hits: &mut [Hit], progress: &Progress) -> Result<bool> {
        count(scores, hits, progress)?;
        Ok(needs_documents(self.conventions.ties, hits) && self.conventions.ties != Ties::Stable)
    }

    /// Measures one list whose hits are counted, one value for each measure into `out`. `documents` is the order
    /// of their ids.
    ///
    /// # Errors
    ///
    /// A measure has no value for this list under the conventions; `OutOfMemory`; the work is cancelled.
    pub fn measure_list<S: Score>(
        &self,
        scores: &[S],
        hits: &mut [Hit],
        judged: Judged,
        documents: &dyn Order,
        progress: &Progress,
        out: &mut [f64],
    ) -> Result<()> {
        rank(scores, hits, self.conventions.ties, documents, progress)?;
        let list = RankedList { hits, retrieved: scores.len(), judged };
        let score = |row: usize| scores[row].into();
        self.measure_ranked(&list, &score, progress, out)
    }

    fn measure_ranked(
        &self,
        all: &RankedList,
        score: &(dyn Fn(usize) -> f64 + Sync),
        progress: &Progress,
        out: &mut [f64],
    ) -> Result<()> {
        for ((measure, own), out) in self.measures.iter().zip(&self.own).zip(out) {
            progress.check()?;
            if let (MeasureKind::Diversity(diversity), Some(table)) = (&measure.kind, &self.subtopics) {
                *out = all.diversity(diversity, measure.depth(), table.at_level(own.level))?;
                continue;
            }
            let mut judged = measure.level.map_or(all.judged, |level| all.judged.at_level(level));
            let by_gain;
            if own.gain.given().is_some() {
                by_gain = by_falling_gain(judged.grades, own)?;
                judged.descending = &by_gain;
            }
            let (conventions, list) = (own, RankedList { judged, ..*all });
            *out = match conventions.ties {
                Ties::Grouped if measure.kind == MeasureKind::AveragePrecision => {
                    grouped_average_precision(score, &list, measure, conventions, progress)?
                }
                Ties::Expected | Ties::Grouped => list.expected(measure, conventions)?,
                _ => list.measure(measure, conventions),
            };
        }
        Ok(())
    }
}

/// The grades in the order of the ideal list where a greater grade may have a lower gain.
///
/// DIFFERENCE: trec_eval compares gains that differ by less than 1 as equal, and leaves the order of their grades to the
/// C library's `qsort`.
fn by_falling_gain(grades: &[i64], conventions: &Conventions) -> Result<Vec<i64>> {
    let mut ordered = collect(grades.iter().copied())?;
    ordered.sort_by(|&a, &b| gain_of(b, conventions).total_cmp(&gain_of(a, conventions)));
    Ok(ordered)
}

/// Average precision with a tie as one step: scikit-learn's, with the judgements' count of relevant documents.
fn grouped_average_precision(
    score: &(dyn Fn(usize) -> f64 + Sync),
    list: &RankedList,
    measure: &Measure,
    conventions: &Conventions,
    progress: &Progress,
) -> Result<f64> {
    let mut relevant = filled(list.retrieved, false)?;
    let mut found = 0;
    for hit in list.hits.iter().filter(|hit| is_relevant(hit, measure, conventions)) {
        relevant[hit.row as usize] = true;
        found += 1;
    }
    let examples = |first: usize, block: &mut [(f64, bool)]| {
        (first..).zip(block).for_each(|(row, example)| *example = (score(row), relevant[row]));
    };
    let scored = Scored::new(list.retrieved, found, &examples, progress)?;
    Ok(scored.average_precision_of(list.judged.relevant))
}
