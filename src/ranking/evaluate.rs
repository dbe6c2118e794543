//! Measures of many lists: each list is matched with its judgements, placed and measured on its own.

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::error::{Error, Result, collect, zeros};
use crate::progress::Progress;
use crate::score::Score;
use crate::simd::any_nan;
use crate::sort::sort_unstable_by_key;

use super::hits::{ById, Hit};
use super::ids::{IdSlice, Ids};
use super::matching::{Counted, Known, Matching};
use super::plan::Plan;
use super::qrels::{Documents, Qrels};
use super::run::{ListRows, Run, Scores};
use super::trec::places;

/// Measures lists of a run: `pairs` gives the group and the query of each, or no group for an empty list. Returns one
/// row of values for each pair; or why there are none, and for which pair, if for one. Runs on the current
/// pool.
///
/// # Errors
///
/// The first pair that cannot be measured; `OutOfMemory`; the work is cancelled.
pub fn evaluate(
    qrels: &Qrels,
    run: &Run,
    pairs: &[(Option<usize>, usize)],
    plan: &Plan,
    progress: &Progress,
) -> std::result::Result<Vec<f64>, (Option<usize>, Error)> {
    let wide = plan.measures.len();
    let mut values = zeros(pairs.len().saturating_mul(wide)).map_err(|error| (None, error))?;
    if wide == 0 {
        return Ok(values);
    }
    let failed = values
        .par_chunks_mut(wide)
        .enumerate()
        .map_init(Scratch::default, |scratch, (i, out)| {
            let (group, query) = pairs[i];
            let judged = plan.judged(qrels, query);
            let done = match group {
                Some(group) => scratch
                    .list(&JudgedList { qrels, run, rows: run.rows(group), query, plan, progress }, out),
                None => plan.measure_list::<f64>(
                    &[],
                    &mut [],
                    judged,
                    &|_: u32, _: u32| Ordering::Equal,
                    progress,
                    out,
                ),
            };
            progress.check().and(done).err().map(|error| (Some(i), error))
        })
        .find_map_first(|failed| failed);
    match failed {
        Some(failed) => Err(failed),
        None => Ok(values),
    }
}

/// A list and the query that judges it.
struct JudgedList<'a> {
    qrels: &'a Qrels,
    run: &'a Run<'a>,
    rows: ListRows<'a>,
    query: usize,
    plan: &'a Plan,
    progress: &'a Progress,
}

/// What one thread reuses from list to list.
#[derive(Default)]
struct Scratch {
    single: Vec<f32>,
    double: Vec<f64>,
    matching: Matching,
}

impl Scratch {
    fn list(&mut self, pair: &JudgedList, out: &mut [f64]) -> Result<()> {
        let Scratch { single, double, matching } = self;
        let JudgedList { run, rows, plan, .. } = pair;
        match (run.scores, plan.conventions.single) {
            (Scores::F64(column), true) => pair.measure(rows.rounded(column, single)?, matching, out),
            (Scores::F64(column), false) => pair.measure(rows.scores(column, double)?, matching, out),
            (Scores::F32(column), true) => pair.measure(rows.scores(column, single)?, matching, out),
            (Scores::F32(column), false) => pair.measure(rows.widened(column, double)?, matching, out),
        }
    }
}

impl<'a> JudgedList<'a> {
    fn measure<S: Score>(&self, scores: &[S], matching: &mut Matching, out: &mut [f64]) -> Result<()> {
        if any_nan(scores) {
            let first = scores.iter().position(|score| score.is_nan()).unwrap_or(0);
            let document = self.run.documents.name(self.rows.at(first));
            return Err(Error::value(format!("the score of document {document} is NaN")));
        }
        match (&self.qrels.documents, self.run.documents) {
            (Documents::Integers(known), IdSlice::I64(ids)) => {
                self.match_and_measure(|row| known[row], ids, scores, matching, out)
            }
            (Documents::Integers(known), IdSlice::I32(ids)) => {
                self.match_and_measure(|row| known[row], ids, scores, matching, out)
            }
            (Documents::Texts(known), IdSlice::Texts(texts)) => {
                self.match_and_measure(|row| known.id(row), texts, scores, matching, out)
            }
            (Documents::Integers(_), _) => {
                Err(Error::wrong_type("the qrels' documents are integers and the run's are text"))
            }
            (Documents::Texts(_), _) => {
                Err(Error::wrong_type("the qrels' documents are text and the run's are integers"))
            }
        }
    }

    /// `known(row)` is the judged document in a row of the judgements.
    fn match_and_measure<D: Ids + ?Sized, S: Score>(
        &self,
        known: impl Fn(usize) -> D::Id<'a>,
        documents: &'a D,
        scores: &[S],
        matching: &mut Matching,
        out: &mut [f64],
    ) -> Result<()> {
        let JudgedList { qrels, run, rows, query, plan, progress } = self;
        let judged = qrels.rows(*query);
        let known = Known {
            document: |row: u32| known(judged.start + row as usize),
            grades: &qrels.grades[judged.clone()],
            places: |grade| plan.places(grade),
            repeated: qrels.repeated,
        };
        let document = |i: usize| documents.id(rows.at(i));
        rows.tags(documents, &mut matching.sieve.tags)?;
        let counted = matching.find(&known, document, scores, plan.conventions.duplicates, progress)?;
        let scores = match &counted {
            Counted::All => scores,
            Counted::Some(left) => left,
            &Counted::Twice(first, second) => {
                let places = places(run.source, rows.at(first), rows.at(second));
                let document = document(second);
                let problem = format!("the run has document {document} twice ({places})");
                return Err(Error::value(problem).coded("duplicate-document"));
            }
        };
        let Matching { hits, kept, .. } = matching;
        let place = |row: u32| kept.as_ref().map_or(row, |kept| kept[row as usize]) as usize;
        if plan.conventions.judged_only {
            hits.retain(|hit| hit.grade >= 0);
            let places = keep_judged(hits, progress)?;
            let scores = collect(places.iter().map(|&row| scores[row as usize]))?;
            plan.count(&scores, hits, progress)?;
            let document = |row: u32| document(place(places[row as usize]));
            let judged = plan.judged(qrels, *query);
            return plan.measure_list(&scores, hits, judged, &ById(document), progress, out);
        }
        plan.count(scores, hits, progress)?;
        let documents = ById(|row: u32| document(place(row)));
        plan.measure_list(scores, hits, plan.judged(qrels, *query), &documents, progress, out)
    }
}

/// Makes a list of the hits alone, in the order of their rows: gives them the rows of that list, and returns those that
/// they had.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn keep_judged(hits: &mut [Hit], progress: &Progress) -> Result<Vec<u32>> {
    sort_unstable_by_key(hits, progress, |hit| hit.row)?;
    let rows = collect(hits.iter().map(|hit| hit.row))?;
    for (row, hit) in hits.iter_mut().enumerate() {
        hit.row = row as u32;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::super::conventions::{Conventions, Duplicates};
    use super::super::measure::Measure;
    use super::super::qrels::Groups;
    use super::*;

    fn run(
        documents: &[i64],
        scores: &[f64],
        conventions: Conventions,
    ) -> std::result::Result<Vec<f64>, String> {
        let judged = Documents::Integers(vec![1, 2, 3]);
        let qrels = Qrels::new(judged, vec![0, 3], vec![1, 0, 2], false, &Progress::default()).unwrap();
        let names = ["map", "p@2", "num_ret"];
        let plan = Plan::new(names.map(|name| Measure::parse(name).unwrap()).to_vec(), conventions).unwrap();
        let groups = Groups { first: vec![0], offsets: vec![0, documents.len()], rows: None };
        let run = Run {
            documents: IdSlice::I64(documents),
            scores: Scores::F64(scores),
            groups: &groups,
            source: None,
        };
        evaluate(&qrels, &run, &[(Some(0), 0)], &plan, &Progress::default())
            .map_err(|(_, error)| error.to_string())
    }

    #[test]
    fn a_list() {
        let got = run(&[9, 1, 2, 3], &[4.0, 3.0, 2.0, 1.0], Conventions::default());
        assert_eq!(got, Ok(vec![(1.0 / 2.0 + 2.0 / 4.0) / 2.0, 0.5, 4.0]));
    }

    #[test]
    fn what_a_repeated_document_gives() {
        let documents = [1, 7, 1, 7, 3];
        let scores = [5.0, 4.0, 3.0, 2.0, 1.0];
        let with =
            |duplicates| run(&documents, &scores, Conventions { duplicates, ..Conventions::default() });
        assert_eq!(with(Duplicates::Error), Err("the run has document 1 twice (rows 0 and 2)".into()));
        // 1, 7, 3.
        assert_eq!(with(Duplicates::First), Ok(vec![(1.0 + 2.0 / 3.0) / 2.0, 0.5, 3.0]));
        // 1 with score 3, 7 with score 2, 3.
        assert_eq!(with(Duplicates::Last), Ok(vec![(1.0 + 2.0 / 3.0) / 2.0, 0.5, 3.0]));
        // 1, 7, (1), (7), 3.
        assert_eq!(with(Duplicates::Once), Ok(vec![(1.0 + 2.0 / 5.0) / 2.0, 0.5, 5.0]));
        // 1, 7, 1, 7, 3: found thrice.
        assert_eq!(with(Duplicates::All), Ok(vec![(1.0 + 2.0 / 3.0 + 3.0 / 5.0) / 2.0, 0.5, 5.0]));
    }

    #[test]
    fn the_last_score_of_a_document_moves_it() {
        let conventions = Conventions { duplicates: Duplicates::Last, ..Conventions::default() };
        let got = run(&[1, 7, 8, 1], &[5.0, 4.0, 3.0, 1.0], conventions).unwrap();
        assert_eq!(got, [1.0 / 3.0 / 2.0, 0.0, 3.0]);
    }

    #[test]
    fn the_best_placed_of_repeated_documents_counts() {
        let conventions = Conventions { duplicates: Duplicates::Once, ..Conventions::default() };
        let got = run(&[1, 7, 8, 1], &[1.0, 4.0, 3.0, 5.0], conventions).unwrap();
        assert_eq!(got, [1.0 / 2.0, 0.5, 4.0]);
    }

    #[test]
    fn nan_is_named() {
        let got = run(&[1, 7], &[5.0, f64::NAN], Conventions::default());
        assert_eq!(got, Err("the score of document 7 is NaN".into()));
    }

    #[test]
    fn single_precision_makes_ties() {
        let documents = [1, 9];
        let scores = [1.0 + 1e-12, 1.0];
        assert_eq!(run(&documents, &scores, Conventions::default()).unwrap()[0], 0.5);
        let single = Conventions { single: true, ..Conventions::default() };
        assert_eq!(run(&documents, &scores, single).unwrap()[0], 0.25, "the greater id goes first");
    }
}
