//! Measures of lists that are no columns: the caller copies out their scores and looks up the judged documents in them.
//!
//! The ids of other documents are not needed, unless they share their score with a judged one and the order is theirs.

use std::cmp::Ordering;
use std::ops::Range;

use rayon::prelude::*;

use crate::error::{Error, Result, collect, extend, filled, push, reserve, with_capacity};
use crate::progress::{Progress, STRETCH, stretches};
use crate::score::Score;
use crate::simd;
use crate::sort::sort_unstable_by;

use super::conventions::Ties;
use super::evaluate::keep_judged;
use super::hits::{ById, Hit};
use super::ids::{AnyId, Id, Ids, Lookup};
use super::plan::Plan;
use super::qrels::{Documents, Qrels};

/// So many scores make a batch that is worth the thread pool.
const FULL: usize = 1 << 17;

/// Some lists, one after the other.
#[derive(Default)]
pub struct ListBatch {
    lists: Vec<BatchedList>,
    scores: Vec<f64>,
    /// `row` is that of the judged document in the judgements.
    hits: Vec<Hit>,
}

/// Where one list lies in its batch.
struct BatchedList {
    scores: Range<usize>,
    hits: Range<usize>,
    state: ListState,
}

/// What became of a list.
#[derive(Debug)]
pub enum ListState {
    /// It is measured.
    Measured,
    /// The order of documents with the same score is needed: see `measure_tied`.
    Tied,
    /// It cannot be measured.
    Failed(Error),
}

impl ListBatch {
    /// Empties the batch.
    pub fn clear(&mut self) {
        self.lists.clear();
        self.scores.clear();
        self.hits.clear();
    }

    /// How many lists there are.
    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// How many scores they have together.
    pub fn scores(&self) -> usize {
        self.scores.len()
    }

    /// Whether it is worth the thread pool.
    pub fn is_full(&self) -> bool {
        self.scores.len() >= FULL
    }

    /// Reserves memory for the scores of a list.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn reserve(&mut self, scores: usize) -> Result<()> {
        reserve(&mut self.scores, scores)
    }

    /// The score of the next document of the list that is not ended yet.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn add_score(&mut self, plan: &Plan, score: f64) -> Result<()> {
        push(&mut self.scores, plan.conventions.rounded(score))
    }

    /// The score of the document that is judged in this row, which is in the list that is not ended yet.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn add_judged(&mut self, plan: &Plan, row: usize, grade: i64, score: f64) -> Result<()> {
        push(&mut self.hits, Hit::new(row as u32, grade, plan.conventions.rounded(score)))
    }

    /// Ends a list: what was added since the one before is in it.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn end_list(&mut self, plan: &Plan) -> Result<()> {
        let (first_score, first_hit) =
            self.lists.last().map_or((0, 0), |list| (list.scores.end, list.hits.end));
        if plan.conventions.judged_only {
            // The list is that of the judged documents alone.
            self.scores.truncate(first_score);
            extend(&mut self.scores, self.hits[first_hit..].iter().map(|hit| hit.score))?;
        }
        let (scores, hits) = (first_score..self.scores.len(), first_hit..self.hits.len());
        push(&mut self.lists, BatchedList { scores, hits, state: ListState::Measured })
    }

    /// Measures each list against the judgements of its query, into a row of `out`; `state` says of which lists the
    /// values are there. Runs on the current pool.
    pub fn measure(
        &mut self,
        qrels: &Qrels,
        queries: &[i64],
        plan: &Plan,
        progress: &Progress,
        out: &mut [f64],
    ) {
        let wide = plan.measures.len();
        if wide == 0 {
            return;
        }
        let ListBatch { lists, scores, hits } = self;
        let scores = &scores[..];
        // Each list's own hits.
        let mut rest = &mut hits[..];
        let mut work = Vec::new();
        for ((list, &query), out) in lists.iter_mut().zip(queries).zip(out.chunks_mut(wide)) {
            let (own, after) = std::mem::take(&mut rest).split_at_mut(list.hits.len());
            rest = after;
            if let Err(error) = push(&mut work, (query as usize, &mut *list, own, out)) {
                list.state = ListState::Failed(error);
                return;
            }
        }
        work.into_par_iter().with_min_len(8).for_each_init(Vec::new, |narrow, (query, list, hits, out)| {
            let scores = &scores[list.scores.clone()];
            let state = if plan.conventions.single {
                // They are in single precision already; twice as many are compared at once.
                reserve(narrow, scores.len()).and_then(|()| {
                    simd::to_single(scores, narrow);
                    measured(qrels, query, plan, narrow, hits, progress, out)
                })
            } else {
                measured(qrels, query, plan, scores, hits, progress, out)
            };
            list.state = state.unwrap_or_else(ListState::Failed);
        });
    }

    /// What became of a list; to be asked once.
    pub fn state(&mut self, list: usize) -> ListState {
        std::mem::replace(&mut self.lists[list].state, ListState::Measured)
    }

    /// Measures a list in which ties go by document: `ids` are those of its documents in order.
    ///
    /// # Errors
    ///
    /// The ids have no order; these are not the documents of the list; `OutOfMemory`; the work is cancelled.
    pub fn measure_tied(
        &mut self,
        list: usize,
        (qrels, query): (&Qrels, usize),
        plan: &Plan,
        ids: &[AnyId],
        progress: &Progress,
        out: &mut [f64],
    ) -> Result<()> {
        let BatchedList { scores, hits, .. } = &self.lists[list];
        let (scores, hits) = (&self.scores[scores.clone()], &mut self.hits[hits.clone()]);
        let judged_only = plan.conventions.judged_only;
        let length = if judged_only { hits.len() } else { ids.len() };
        if ids.iter().any(|id| id.is_text() != ids[0].is_text()) {
            return Err(Error::wrong_type("documents are text and integers at once, which have no order"));
        }
        let found = match &qrels.documents {
            Documents::Integers(known) => {
                find_rows(hits, |row| AnyId::Integer(known[row as usize]), ids, progress)?
            }
            Documents::Texts(known) => {
                find_rows(hits, |row| AnyId::Text(known.id(row as usize)), ids, progress)?
            }
        };
        if length != scores.len() || !found {
            return Err(Error::value("a dictionary of the run has changed while it was read"));
        }
        let judged = plan.judged(qrels, query);
        if judged_only {
            // In the order of the dictionary, which the judgements do not know.
            let rows = keep_judged(hits, progress)?;
            let scores = collect(hits.iter().map(|hit| hit.score))?;
            let documents = ById(|row: u32| ids[rows[row as usize] as usize]);
            return plan.measure_list(&scores, hits, judged, &documents, progress, out);
        }
        plan.measure_list(scores, hits, judged, &ById(|row: u32| ids[row as usize]), progress, out)
    }
}

fn measured<S: Score>(
    qrels: &Qrels,
    query: usize,
    plan: &Plan,
    scores: &[S],
    hits: &mut [Hit],
    progress: &Progress,
    out: &mut [f64],
) -> Result<ListState> {
    let tied = plan.count(scores, hits, progress)?;
    let ties = plan.conventions.ties;
    if tied || ties == Ties::Stable && hits.iter().any(|hit| hit.tied > 1) {
        return Ok(ListState::Tied);
    }
    if ties == Ties::Grouped {
        // Any row with the same score will do, as long as no two hits take the same.
        place_hits(scores, hits, progress)?;
    }
    let any_order = |_: u32, _: u32| Ordering::Equal;
    plan.measure_list(scores, hits, plan.judged(qrels, query), &any_order, progress, out)?;
    Ok(ListState::Measured)
}

/// Gives each hit its row among `ids` instead of that in the judgements, whose document is `known(row)`; says whether all
/// were found. No document stands twice.
fn find_rows<'a>(
    hits: &mut [Hit],
    known: impl Fn(u32) -> AnyId<'a>,
    ids: &[AnyId],
    progress: &Progress,
) -> Result<bool> {
    let mut table = Lookup::default();
    table.clear(hits.len())?;
    // A tag that differs spares reading the id, which is far away in memory.
    let mut tags: Vec<u32> = with_capacity(hits.len())?;
    for (number, hit) in (0..).zip(&*hits) {
        if (number as usize).is_multiple_of(STRETCH) {
            progress.check()?;
        }
        let id = known(hit.row);
        tags.push(id.tag());
        table.find_or_insert(id.hash(), number, |_| false);
    }
    let mut rows = filled(hits.len(), None)?;
    for (row, &id) in (0..).zip(ids) {
        if (row as usize).is_multiple_of(STRETCH) {
            progress.check()?;
        }
        let (hash, tag) = (id.hash(), id.tag());
        let same = |number: u32| tags[number as usize] == tag && known(hits[number as usize].row) == id;
        if let Some(number) = table.find(hash, same) {
            rows[number as usize] = Some(row);
        }
    }
    for (hit, &row) in hits.iter_mut().zip(&rows) {
        hit.row = row.unwrap_or(0);
    }
    Ok(!rows.contains(&None))
}

/// Gives each hit a row that has its score: of equal ones the first hit the first row.
fn place_hits<S: Score>(scores: &[S], hits: &mut [Hit], progress: &Progress) -> Result<()> {
    let (order, mut steps) = ascending(hits, progress)?;
    for rows in stretches(scores.len()) {
        progress.check()?;
        for row in rows {
            let of_row: f64 = scores[row].into();
            let step = steps.partition_point(|step| step.0 < of_row);
            let Some((score, place)) = steps.get_mut(step) else { continue };
            if let Some(&next) = order.get(*place)
                && *score == of_row
                && hits[next as usize].score == of_row
            {
                hits[next as usize].row = row as u32;
                *place += 1;
            }
        }
    }
    Ok(())
}

/// Scores, each with the place in an order at which it begins.
type Steps = Vec<(f64, usize)>;

/// The hits by ascending score, and where in this order each score begins.
fn ascending(hits: &[Hit], progress: &Progress) -> Result<(Vec<u32>, Steps)> {
    // Minus zero is zero: adding zero makes them the same number.
    let score = |hit: &Hit| hit.score + 0.0;
    let mut order: Vec<u32> = collect(0..hits.len() as u32)?;
    sort_unstable_by(&mut order, progress, |&a, &b| {
        score(&hits[a as usize]).total_cmp(&score(&hits[b as usize])).then(a.cmp(&b))
    })?;
    let mut steps: Steps = with_capacity(order.len())?;
    for (place, &hit) in order.iter().enumerate() {
        let score = score(&hits[hit as usize]);
        if steps.last().is_none_or(|step| step.0 != score) {
            steps.push((score, place));
        }
    }
    Ok((order, steps))
}

#[cfg(test)]
mod tests {
    use super::super::conventions::Conventions;
    use super::super::measure::Measure;
    use super::*;

    /// Documents 1, 2 and 3 are judged, with these grades.
    fn qrels() -> Qrels {
        Qrels::new(Documents::Integers(vec![1, 2, 3]), vec![0, 3], vec![1, 0, 2], false, &Progress::default())
            .unwrap()
    }

    fn plan(conventions: Conventions) -> Plan {
        let measures = ["map", "num_ret"].map(|name| Measure::parse(name).unwrap());
        Plan::new(measures.to_vec(), conventions).unwrap()
    }

    fn batch(plan: &Plan, lists: &[&[(i64, f64)]]) -> ListBatch {
        let (mut batch, qrels) = (ListBatch::default(), qrels());
        for list in lists {
            list.iter().for_each(|&(_, score)| batch.add_score(plan, score).unwrap());
            for (row, id) in
                [1, 2, 3].into_iter().enumerate().filter(|&(row, _)| plan.looks_up(qrels.grades[row]))
            {
                if let Some(&(_, score)) = list.iter().find(|document| document.0 == id) {
                    batch.add_judged(plan, row, qrels.grades[row], score).unwrap();
                }
            }
            batch.end_list(plan).unwrap();
        }
        batch
    }

    #[test]
    fn lists_are_measured_each_on_its_own() {
        let plan = plan(Conventions::default());
        let mut batch = batch(&plan, &[&[(9, 4.0), (1, 3.0), (3, 1.0)], &[], &[(3, 2.0)]]);
        let mut out = [9.0; 6];
        batch.measure(&qrels(), &[0, 0, 0], &plan, &Progress::default(), &mut out);
        assert!((0..3).all(|list| matches!(batch.state(list), ListState::Measured)));
        assert_eq!(out, [(1.0 / 2.0 + 2.0 / 3.0) / 2.0, 3.0, 0.0, 0.0, 0.5, 1.0]);
        batch.clear();
        assert!(batch.is_empty() && !batch.is_full());
    }

    #[test]
    fn ties_need_the_documents() {
        let plan = plan(Conventions::default());
        let list: &[(i64, f64)] = &[(9, 1.0), (1, 1.0), (3, 0.5)];
        let mut batch = batch(&plan, &[list]);
        let mut out = [0.0; 2];
        batch.measure(&qrels(), &[0], &plan, &Progress::default(), &mut out);
        assert!(matches!(batch.state(0), ListState::Tied));
        let ids = [9, 1, 3].map(AnyId::Integer);
        batch.measure_tied(0, (&qrels(), 0), &plan, &ids, &Progress::default(), &mut out).unwrap();
        assert_eq!(out, [(1.0 / 2.0 + 2.0 / 3.0) / 2.0, 3.0], "the greater id goes first");
    }

    #[test]
    fn documents_that_do_not_fit_the_list_are_an_error() {
        let plan = plan(Conventions::default());
        let problem = |ids: &[AnyId]| {
            let mut batch = batch(&plan, &[&[(9, 1.0), (1, 1.0)]]);
            let done = batch.measure_tied(0, (&qrels(), 0), &plan, ids, &Progress::default(), &mut [0.0; 2]);
            done.unwrap_err().to_string()
        };
        assert!(problem(&[1].map(AnyId::Integer)).contains("has changed"));
        assert!(problem(&[9, 2].map(AnyId::Integer)).contains("has changed"));
        let mixed = [AnyId::Integer(9), AnyId::Text(super::super::ids::TextId(b"1"))];
        assert!(problem(&mixed).contains("no order"));
    }

    #[test]
    fn a_list_of_the_judged_documents_alone() {
        let plan = plan(Conventions { judged_only: true, ..Conventions::default() });
        let mut batch = batch(&plan, &[&[(9, 4.0), (2, 2.0), (1, 1.0)]]);
        let mut out = [0.0; 2];
        batch.measure(&qrels(), &[0], &plan, &Progress::default(), &mut out);
        assert_eq!(out, [0.5 / 2.0, 2.0]);
    }

    #[test]
    fn grouped_hits_get_rows_of_their_scores() {
        let mut hits: Vec<Hit> =
            [(1, 0.5), (2, -0.0), (3, 0.5), (4, 7.0)].map(|(row, score)| Hit::new(row, 1, score)).to_vec();
        place_hits(&[0.0, 0.5, 0.25, 0.5, 0.0, 7.0], &mut hits, &Progress::default()).unwrap();
        assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), [1, 0, 3, 5]);
    }
}
