//! Measures of many lists: each list is matched with its judgements, placed and measured on its own.

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::error::{Error, Result};

use super::classification::Scored;
use super::conventions::{Conventions, Duplicates, Ties};
use super::hits::{Hit, count, needs_documents, rank};
use super::ids::{Ids, Lookup, Texts};
use super::measure::{Kind, Measure};
use super::qrels::{Documents, Groups, Qrels};
use super::score::{Judged, List};
use super::sieve::Sieve;

/// What is to be computed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The measures.
    pub measures: Vec<Measure>,
    /// The conventions.
    pub conventions: Conventions,
}

impl Plan {
    /// Checks that each measure is defined under the conventions.
    pub fn new(measures: Vec<Measure>, conventions: Conventions) -> Result<Self> {
        for measure in &measures {
            if conventions.ties == Ties::Grouped
                && measure.kind == Kind::AveragePrecision
                && measure.cutoff.is_some()
            {
                return Err(Error::value(format!(
                    "{} is not defined with ties=\"grouped\": a tie is one step, and a cut-off may fall within it",
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
        Ok(Plan { measures, conventions })
    }

    /// Whether a document with this grade has to be placed.
    pub fn places(&self, grade: i64) -> bool {
        grade > 0 || self.measures.iter().any(Measure::needs_all_judged)
    }

    /// What the judgements of a query say.
    pub fn judged<'a>(&self, qrels: &'a Qrels, query: usize) -> Judged<'a> {
        Judged::new(qrels.sorted(query), self.conventions.level, qrels.greatest)
    }

    /// Counts what lies above each hit; says whether `measure_list` will ask about documents.
    pub fn count(&self, scores: &[f64], hits: &mut [Hit]) -> bool {
        count(scores, self.conventions.single, hits);
        needs_documents(self.conventions.ties, hits) && self.conventions.ties != Ties::Stable
    }

    /// Measures one list whose hits are counted, one value for each measure into `out`. `document` compares two rows
    /// by document id.
    pub fn measure_list(
        &self,
        scores: &[f64],
        hits: &mut [Hit],
        judged: Judged,
        document: impl Fn(u32, u32) -> Ordering,
        out: &mut [f64],
    ) -> Result<()> {
        let conventions = &self.conventions;
        rank(scores, hits, conventions.ties, document);
        let list = List { hits, retrieved: scores.len(), judged };
        for (measure, out) in self.measures.iter().zip(out) {
            *out = match conventions.ties {
                Ties::Grouped if measure.kind == Kind::AveragePrecision => {
                    grouped_average_precision(scores, &list, conventions)
                }
                Ties::Expected | Ties::Grouped => list.expected(measure, conventions)?,
                _ => list.measure(measure, conventions),
            };
        }
        Ok(())
    }
}

/// Average precision with a tie as one step: scikit-learn's, with the judgements' count of relevant documents.
fn grouped_average_precision(scores: &[f64], list: &List, conventions: &Conventions) -> f64 {
    let mut relevant = vec![false; scores.len()];
    let mut found = 0;
    for hit in list.hits.iter().filter(|hit| hit.grade >= conventions.level) {
        if hit.score > 0.0 || !conventions.positive_scores_only {
            relevant[hit.row as usize] = true;
            found += 1;
        }
    }
    Scored::new(scores.len(), found, |i| (scores[i], relevant[i])).average_precision_of(list.judged.relevant)
}

/// Scores of either precision.
#[derive(Clone, Copy, Debug)]
pub enum Scores<'a> {
    /// Double.
    F64(&'a [f64]),
    /// Single.
    F32(&'a [f32]),
}

impl Scores<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Scores::F64(scores) => scores.len(),
            Scores::F32(scores) => scores.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts the scores of a group into `into`.
    fn copy(&self, range: std::ops::Range<usize>, rows: Option<&[u32]>, into: &mut Vec<f64>) {
        into.clear();
        match (self, rows) {
            (Scores::F64(scores), None) => into.extend_from_slice(&scores[range]),
            (Scores::F32(scores), None) => into.extend(scores[range].iter().map(|&score| f64::from(score))),
            (Scores::F64(scores), Some(rows)) => {
                into.extend(rows[range].iter().map(|&row| scores[row as usize]))
            }
            (Scores::F32(scores), Some(rows)) => {
                into.extend(rows[range].iter().map(|&row| f64::from(scores[row as usize])));
            }
        }
    }
}

/// The document column of a run.
#[derive(Clone, Copy, Debug)]
pub enum DocumentColumn<'a> {
    /// 64-bit integers.
    I64(&'a [i64]),
    /// 32-bit integers.
    I32(&'a [i32]),
    /// Text.
    Texts(&'a Texts<'a>),
}

impl DocumentColumn<'_> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            DocumentColumn::I64(ids) => ids.len(),
            DocumentColumn::I32(ids) => ids.len(),
            DocumentColumn::Texts(texts) => Ids::len(*texts),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A run as columns.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The retrieved documents.
    pub documents: DocumentColumn<'a>,
    /// Their scores.
    pub scores: Scores<'a>,
    /// The rows of each query.
    pub groups: &'a Groups,
}

/// What one thread reuses from list to list.
#[derive(Default)]
struct Scratch {
    sieve: Sieve,
    table: Lookup,
    /// For each judged document, its row plus one once it was seen.
    seen: Vec<u32>,
    integers: Vec<i64>,
    scores: Vec<f64>,
    /// The place in the group of each row that counts, where some do not.
    kept: Option<Vec<u32>>,
    hits: Vec<Hit>,
}

/// Measures lists of a run: `pairs` gives the group and the query of each, or no group for an empty list. Returns one
/// row of values for each pair; or the number of the first pair that cannot be measured, and why. Runs on the
/// current pool.
pub fn evaluate(
    qrels: &Qrels,
    run: &Run,
    pairs: &[(Option<usize>, usize)],
    plan: &Plan,
) -> std::result::Result<Vec<f64>, (usize, Error)> {
    let wide = plan.measures.len();
    let mut values = vec![0.0; pairs.len() * wide];
    if wide == 0 {
        return Ok(values);
    }
    let failed = values
        .par_chunks_mut(wide)
        .enumerate()
        .map_init(Scratch::default, |scratch, (i, out)| {
            let (group, query) = pairs[i];
            let done = match group {
                Some(group) => scratch.list(qrels, run, group, query, plan, out),
                None => {
                    plan.measure_list(&[], &mut [], plan.judged(qrels, query), |_, _| Ordering::Equal, out)
                }
            };
            done.err().map(|error| (i, error))
        })
        .find_map_first(|failed| failed);
    match failed {
        Some(failed) => Err(failed),
        None => Ok(values),
    }
}

impl Scratch {
    fn list(
        &mut self,
        qrels: &Qrels,
        run: &Run,
        group: usize,
        query: usize,
        plan: &Plan,
        out: &mut [f64],
    ) -> Result<()> {
        let range = run.groups.offsets[group]..run.groups.offsets[group + 1];
        let (start, n) = (range.start, range.len());
        let rows = run.groups.rows.as_deref();
        let at = |i: usize| rows.map_or(start + i, |rows| rows[start + i] as usize);
        run.scores.copy(range.clone(), rows, &mut self.scores);
        if plan.conventions.single {
            self.scores.iter_mut().for_each(|score| *score = f64::from(*score as f32));
        }
        // Counted first, because that is quicker than searching and there is hardly ever one.
        let count = self.scores.iter().filter(|score| score.is_nan()).count();
        if count > 0
            && let Some(i) = self.scores.iter().position(|score| score.is_nan())
        {
            let document = match run.documents {
                DocumentColumn::I64(ids) => ids[at(i)].to_string(),
                DocumentColumn::I32(ids) => ids[at(i)].to_string(),
                DocumentColumn::Texts(texts) => texts.id(at(i)).to_string(),
            };
            return Err(Error::value(format!("the score of document {document} is NaN")));
        }
        let judged = qrels.rows(query);
        match (&qrels.documents, run.documents) {
            (Documents::Integers(known), DocumentColumn::I64(ids)) if rows.is_none() => {
                self.measure(&known[judged], &ids[range], |i| i, qrels, query, plan, out)
            }
            (Documents::Integers(known), DocumentColumn::I64(ids)) => {
                self.with_integers(&known[judged], (0..n).map(|i| ids[at(i)]), qrels, query, plan, out)
            }
            (Documents::Integers(known), DocumentColumn::I32(ids)) if rows.is_none() => {
                let ids = ids[range].iter().map(|&id| i64::from(id));
                self.with_integers(&known[judged], ids, qrels, query, plan, out)
            }
            (Documents::Integers(known), DocumentColumn::I32(ids)) => self.with_integers(
                &known[judged],
                (0..n).map(|i| i64::from(ids[at(i)])),
                qrels,
                query,
                plan,
                out,
            ),
            (Documents::Texts(known), DocumentColumn::Texts(texts)) => {
                let known = Texts {
                    offsets: known.offsets[judged.start..=judged.end].to_vec(),
                    bytes: (&*known.bytes).into(),
                    codes: None,
                };
                self.measure(&known, texts, at, qrels, query, plan, out)
            }
            (Documents::Integers(_), _) => {
                Err(Error::wrong_type("the qrels' documents are integers and the run's are text"))
            }
            (Documents::Texts(_), _) => {
                Err(Error::wrong_type("the qrels' documents are text and the run's are integers"))
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn with_integers(
        &mut self,
        known: &[i64],
        ids: impl Iterator<Item = i64>,
        qrels: &Qrels,
        query: usize,
        plan: &Plan,
        out: &mut [f64],
    ) -> Result<()> {
        let mut integers = std::mem::take(&mut self.integers);
        integers.clear();
        integers.extend(ids);
        let done = self.measure(known, &integers[..], |i| i, qrels, query, plan, out);
        self.integers = integers;
        done
    }

    /// Matches a list's documents with the judged ones and measures it. `known` are the judged documents, `at(i)`
    /// the row in `documents` of the list's i-th.
    #[allow(clippy::too_many_arguments)]
    fn measure<I: Ids + ?Sized>(
        &mut self,
        known: &I,
        documents: &I,
        at: impl Fn(usize) -> usize,
        qrels: &Qrels,
        query: usize,
        plan: &Plan,
        out: &mut [f64],
    ) -> Result<()> {
        self.find_hits(known, documents, &at, &qrels.grades[qrels.rows(query)], plan)?;
        let Scratch { kept, scores, hits, .. } = self;
        let place = |row: u32| at(kept.as_ref().map_or(row, |kept| kept[row as usize]) as usize);
        plan.count(scores, hits);
        let by_document = |a: u32, b: u32| documents.id(place(a)).cmp(&documents.id(place(b)));
        plan.measure_list(scores, hits, plan.judged(qrels, query), by_document, out)
    }

    /// Fills `hits`, and drops repeated documents from `scores` as the convention says.
    fn find_hits<I: Ids + ?Sized>(
        &mut self,
        known: &I,
        documents: &I,
        at: &impl Fn(usize) -> usize,
        grades: &[i64],
        plan: &Plan,
    ) -> Result<()> {
        let Scratch { sieve, table, seen, scores, kept, hits, .. } = self;
        *kept = None;
        hits.clear();
        let hit = |i: u32, row: u32| {
            if plan.places(grades[row as usize]) {
                hits.push(Hit::new(i, grades[row as usize], scores[i as usize]));
            }
        };
        if sieve.find(known, scores.len(), documents, at, hit) {
            return Ok(());
        }
        let duplicates = plan.conventions.duplicates;
        let judged = known.len() as u32;
        table.clear(known.len() + scores.len());
        seen.clear();
        seen.resize(known.len(), 0);
        for row in 0..judged {
            let id = known.id(row as usize);
            table.find_or_insert(I::hash(id), row, |held| known.id(held as usize) == id);
        }
        // Until a document comes twice, rows are places.
        let mut clean = scores.len();
        for (i, &score) in scores.iter().enumerate() {
            let id = documents.id(at(i));
            let same = |held: u32| match held.checked_sub(judged) {
                None => known.id(held as usize) == id,
                Some(row) => documents.id(at(row as usize)) == id,
            };
            let Some(held) = table.find_or_insert(I::hash(id), judged + i as u32, same) else { continue };
            if held >= judged || seen[held as usize] > 0 {
                clean = i;
                break;
            }
            seen[held as usize] = i as u32 + 1;
            if plan.places(grades[held as usize]) {
                hits.push(Hit::new(i as u32, grades[held as usize], score));
            }
        }
        let mut length = clean as u32;
        for i in clean..scores.len() {
            let id = documents.id(at(i));
            let same = |held: u32| match held.checked_sub(judged) {
                None => known.id(held as usize) == id,
                Some(row) => documents.id(at(row as usize)) == id,
            };
            let found = table.find_or_insert(I::hash(id), judged + i as u32, same);
            let earlier = match found {
                None => None,
                Some(held) if held >= judged => Some(held - judged),
                Some(held) => {
                    let earlier = seen[held as usize].checked_sub(1);
                    if earlier.is_none() {
                        seen[held as usize] = i as u32 + 1;
                    }
                    if (earlier.is_none() || duplicates == Duplicates::All)
                        && plan.places(grades[held as usize])
                    {
                        hits.push(Hit::new(length, grades[held as usize], scores[i]));
                    }
                    if let Some(earlier) = earlier
                        && duplicates == Duplicates::Once
                    {
                        // No row is dropped, so a row is its place.
                        let better = |hit: &&mut Hit| hit.row == earlier && hit.score < scores[i];
                        if let Some(hit) = hits.iter_mut().find(better) {
                            (hit.row, hit.score) = (i as u32, scores[i]);
                            seen[held as usize] = i as u32 + 1;
                        }
                    }
                    earlier
                }
            };
            match (earlier, duplicates) {
                (None, _) | (Some(_), Duplicates::All | Duplicates::Once) => {
                    scores[length as usize] = scores[i];
                    if let Some(kept) = kept {
                        kept.push(i as u32);
                    }
                    length += 1;
                }
                (Some(_), Duplicates::Error) => {
                    return Err(Error::value(format!("the run has document {id} twice")));
                }
                (Some(earlier), _) => {
                    let kept = kept.get_or_insert_with(|| (0..i as u32).collect());
                    if duplicates == Duplicates::Last {
                        // Rows that count are in ascending order of their place.
                        let row = kept.partition_point(|&place| place < earlier);
                        scores[row] = scores[i];
                        if let Ok(hit) = hits.binary_search_by_key(&(row as u32), |hit| hit.row) {
                            hits[hit].score = scores[i];
                        }
                    }
                }
            }
        }
        scores.truncate(length as usize);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(
        documents: &[i64],
        scores: &[f64],
        conventions: Conventions,
    ) -> std::result::Result<Vec<f64>, String> {
        let qrels = Qrels::new(Documents::Integers(vec![1, 2, 3]), vec![0, 3], vec![1, 0, 2]).unwrap();
        let names = ["map", "p@2", "num_ret"];
        let plan = Plan::new(names.map(|name| Measure::parse(name).unwrap()).to_vec(), conventions).unwrap();
        let groups = Groups { first: vec![0], offsets: vec![0, documents.len()], rows: None };
        let run =
            Run { documents: DocumentColumn::I64(documents), scores: Scores::F64(scores), groups: &groups };
        evaluate(&qrels, &run, &[(Some(0), 0)], &plan).map_err(|(_, error)| error.to_string())
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
        assert_eq!(with(Duplicates::Error), Err("the run has document 1 twice".into()));
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
