//! Evaluates a run, from columns or straight from dictionaries.

use std::cmp::Ordering;

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString};
use rayon::prelude::*;

use super::plan::PyPlan;
use super::qrels::{HeldDocuments, HeldScores, Key, PyQrels, PyRun, borrowed};
use crate::error::{Error, Result, can_allocate, zeros};
use crate::python::bad_value;
use crate::ranking::conventions::Ties;
use crate::ranking::evaluate::{evaluate, keep_judged};
use crate::ranking::hits::{ById, Hit};
use crate::ranking::plan::Plan;
use crate::ranking::qrels::Documents;
use crate::ranking::run::{DocumentColumn, Run, Scores};
use crate::score::Score;
use crate::simd;
use crate::threads;

/// One row of values for each measured list: `(P, M)` float64.
type Values<'py> = Bound<'py, PyArray2<f64>>;

/// Measures the lists of a run. `groups[i]` is the number of the run's query (or -1: an empty list) that is measured
/// against the judgements of query `queries[i]`.
#[pyfunction]
pub fn evaluate_run<'py>(
    py: Python<'py>,
    qrels: &PyQrels,
    run: &PyRun,
    groups: PyReadonlyArray1<'py, i64>,
    queries: PyReadonlyArray1<'py, i64>,
    plan: &PyPlan,
) -> PyResult<Values<'py>> {
    let pairs: Vec<(Option<usize>, usize)> = groups
        .as_slice()?
        .iter()
        .zip(queries.as_slice()?)
        .map(|(&group, &query)| (usize::try_from(group).ok(), query as usize))
        .collect();
    for &(group, query) in &pairs {
        check_query(qrels, query)?;
        if group.is_some_and(|group| group >= run.groups.len()) {
            return Err(bad_value("no such query in the run"));
        }
    }
    let (wide, narrow);
    let documents = match &run.documents {
        HeldDocuments::I64(array) => {
            wide = borrowed(py, array)?;
            DocumentColumn::I64(wide.as_slice()?)
        }
        HeldDocuments::I32(array) => {
            narrow = borrowed(py, array)?;
            DocumentColumn::I32(narrow.as_slice()?)
        }
        HeldDocuments::Integers(ids) => DocumentColumn::I64(ids),
        HeldDocuments::Texts(texts) => DocumentColumn::Texts(texts),
    };
    let (double, single);
    let scores = match &run.scores {
        HeldScores::F64(array) => {
            double = borrowed(py, array)?;
            Scores::F64(double.as_slice()?)
        }
        HeldScores::F32(array) => {
            single = borrowed(py, array)?;
            Scores::F32(single.as_slice()?)
        }
        HeldScores::Read(scores) => Scores::F64(scores),
    };
    if documents.len() != scores.len() || run.groups.offsets.last() != Some(&scores.len()) {
        return Err(bad_value("the run's columns have changed their length"));
    }
    can_allocate(pairs.len().saturating_mul(plan.plan.measures.len()).saturating_mul(size_of::<f64>()))?;
    let columns = Run { documents, scores, groups: &run.groups, source: run.source.as_ref() };
    let values = py.detach(|| threads::run(|| evaluate(&qrels.core, &columns, &pairs, &plan.plan)));
    let values = values.map_err(|(pair, error)| at_query(py, qrels, pairs[pair].1, error))?;
    into_table(py, values, pairs.len(), plan)
}

/// Measures lists that are dictionaries from document to score (or None: an empty list), each against the
/// judgements of query `queries[i]`.
///
/// Only scores are copied out of a dictionary, and each judged document is looked up in it; the other documents' ids
/// are not even read, unless scores tie.
#[pyfunction]
pub fn evaluate_dicts<'py>(
    py: Python<'py>,
    qrels: &PyQrels,
    lists: &Bound<'py, PyList>,
    queries: PyReadonlyArray1<'py, i64>,
    plan: &PyPlan,
) -> PyResult<Values<'py>> {
    let queries = queries.as_slice()?;
    if lists.len() != queries.len() {
        return Err(bad_value("as many lists as queries are expected"));
    }
    for &query in queries {
        check_query(qrels, query as usize)?;
    }
    let wide = plan.plan.measures.len();
    let mut values: Vec<f64> = zeros(queries.len().saturating_mul(wide))?;
    let walker = Walker { qrels, documents: qrels.documents(py)?, lists, queries, plan: &plan.plan };
    let (mut now, mut next) = (Batch::default(), Batch::default());
    walker.fill(0, &mut now)?;
    while !now.lists.is_empty() {
        let end = now.first + now.lists.len();
        let out = &mut values[now.first * wide..end * wide];
        threads::beside(|scope| {
            let batch = &mut now;
            scope.spawn(|_| batch.measure(&walker_core(qrels, queries, &plan.plan), out));
            walker.fill(end, &mut next)
        })?;
        walker.settle(&mut now, &mut values)?;
        std::mem::swap(&mut now, &mut next);
    }
    into_table(py, values, queries.len(), plan)
}

fn check_query(qrels: &PyQrels, query: usize) -> PyResult<()> {
    if query >= qrels.core.queries() {
        return Err(bad_value("no such query in the qrels"));
    }
    Ok(())
}

fn at_query(py: Python<'_>, qrels: &PyQrels, query: usize, error: Error) -> PyErr {
    let id = qrels.query_ids(py).get_item(query).and_then(|id| id.repr());
    id.map_or_else(|error| error, |id| error.within(format_args!("query {id}")).into())
}

fn into_table<'py>(py: Python<'py>, values: Vec<f64>, rows: usize, plan: &PyPlan) -> PyResult<Values<'py>> {
    PyArray1::from_vec(py, values).reshape([rows, plan.plan.measures.len()])
}

/// What the pool needs to know; nothing of Python.
struct Core<'a> {
    qrels: &'a crate::ranking::qrels::Qrels,
    queries: &'a [i64],
    plan: &'a Plan,
}

fn walker_core<'a>(qrels: &'a PyQrels, queries: &'a [i64], plan: &'a Plan) -> Core<'a> {
    Core { qrels: &qrels.core, queries, plan }
}

/// Lists that were copied out of their dictionaries.
#[derive(Default)]
struct Batch {
    /// The number of the first list.
    first: usize,
    lists: Vec<Walked>,
    scores: Vec<f64>,
    /// `row` is the number of the judged document among those of its query, for want of the row in the list.
    hits: Vec<Hit>,
}

/// Where one list lies in its batch.
struct Walked {
    scores: std::ops::Range<usize>,
    hits: std::ops::Range<usize>,
    state: State,
}

enum State {
    Measured,
    /// Its rank needs the order of documents with the same score.
    Tied,
    Failed(Error),
}

/// So many scores are copied out before the pool is called.
const BATCH: usize = 1 << 17;

impl Batch {
    fn measure(&mut self, core: &Core, out: &mut [f64]) {
        let wide = core.plan.measures.len();
        if wide == 0 {
            return;
        }
        let Batch { first, lists, scores, hits } = self;
        // Hand each list its own hits.
        let mut rest = &mut hits[..];
        let mut work = Vec::with_capacity(lists.len());
        for (i, (list, out)) in lists.iter_mut().zip(out.chunks_mut(wide)).enumerate() {
            let (own, after) = rest.split_at_mut(list.hits.len());
            rest = after;
            work.push((core.queries[*first + i] as usize, list, own, out));
        }
        let scores = &scores[..];
        let measure = |narrow: &mut Vec<f32>,
                       (query, list, hits, out): (usize, &mut Walked, _, &mut [f64])| {
            let scores = &scores[list.scores.clone()];
            list.state = if core.plan.conventions.single {
                // They are in single precision already; twice as many are compared at once.
                simd::to_single(scores, narrow);
                core.measure(query, narrow, hits, out)
            } else {
                core.measure(query, scores, hits, out)
            };
        };
        work.into_par_iter().with_min_len(8).for_each_init(Vec::new, measure);
    }
}

impl Core<'_> {
    fn measure<S: Score>(&self, query: usize, scores: &[S], hits: &mut [Hit], out: &mut [f64]) -> State {
        let tied = self.plan.count(scores, hits);
        if tied || self.plan.conventions.ties == Ties::Stable && hits.iter().any(|hit| hit.tied > 1) {
            return State::Tied;
        }
        if self.plan.conventions.ties == Ties::Grouped {
            // Any row with the same score will do, as long as no two hits take the same.
            place_hits(scores, hits);
        }
        let judged = self.plan.judged(self.qrels, query);
        match self.plan.measure_list(scores, hits, judged, |_: u32, _: u32| Ordering::Equal, out) {
            Ok(()) => State::Measured,
            Err(error) => State::Failed(error),
        }
    }
}

/// Gives each hit a row that has its score.
fn place_hits<S: Score>(scores: &[S], hits: &mut [Hit]) {
    let mut taken = vec![false; scores.len()];
    for hit in hits {
        let row = (0..scores.len()).find(|&row| !taken[row] && scores[row].into() == hit.score);
        if let Some(row) = row {
            taken[row] = true;
            hit.row = row as u32;
        }
    }
}

/// Walks the dictionaries; holds the interpreter.
struct Walker<'a, 'py> {
    qrels: &'a PyQrels,
    documents: Bound<'py, PyList>,
    lists: &'a Bound<'py, PyList>,
    queries: &'a [i64],
    plan: &'a Plan,
}

impl<'py> Walker<'_, 'py> {
    /// Copies out lists from the given one on.
    fn fill(&self, first: usize, batch: &mut Batch) -> PyResult<()> {
        batch.first = first;
        batch.lists.clear();
        batch.scores.clear();
        batch.hits.clear();
        for i in first..self.queries.len() {
            if batch.scores.len() >= BATCH {
                break;
            }
            let (scores, hits) = (batch.scores.len(), batch.hits.len());
            let list = self.lists.get_item(i)?;
            if !list.is_none() {
                self.walk(i, &list, batch)?;
            }
            batch.lists.push(Walked {
                scores: scores..batch.scores.len(),
                hits: hits..batch.hits.len(),
                state: State::Measured,
            });
        }
        Ok(())
    }

    fn walk(&self, i: usize, list: &Bound<'py, PyAny>, batch: &mut Batch) -> PyResult<()> {
        let query = self.queries[i] as usize;
        let Ok(list) = list.cast::<PyDict>() else {
            let message = format!("run[{}] is not a dictionary of scores", self.query_repr(query)?);
            return Err(PyTypeError::new_err(message));
        };
        self.check_kind(query, list)?;
        let single = self.plan.conventions.single;
        let (start, first_hit) = (batch.scores.len(), batch.hits.len());
        let grades = &self.qrels.core.grades;
        let values = list.values();
        if values.len() >= u32::MAX as usize {
            return Err(bad_value(format!("run[{}] is too long", self.query_repr(query)?)));
        }
        for value in values.iter() {
            match value.extract::<f64>() {
                Ok(score) if !score.is_nan() => {
                    batch.scores.push(if single { f64::from(score as f32) } else { score });
                }
                _ => return Err(self.bad_score(query, list, batch.scores.len() - start, &value)),
            }
        }
        let judged_only = self.plan.conventions.judged_only;
        for row in self.qrels.core.rows(query) {
            if !self.plan.places(grades[row]) || judged_only && grades[row] < 0 {
                continue;
            }
            if let Some(score) = list.get_item(self.documents.get_item(row)?)? {
                let score: f64 = score.extract()?;
                let score = if single { f64::from(score as f32) } else { score };
                batch.hits.push(Hit::new(row as u32, grades[row], score));
            }
        }
        if judged_only {
            // The list is that of the judged documents alone.
            batch.scores.truncate(start);
            batch.scores.extend(batch.hits[first_hit..].iter().map(|hit| hit.score));
        }
        Ok(())
    }

    /// Refuses text where the judged documents are integers, and the other way round: nothing would ever be found.
    fn check_kind(&self, query: usize, list: &Bound<PyDict>) -> PyResult<()> {
        let Some((document, _)) = list.iter().next() else { return Ok(()) };
        let is_text = document.is_instance_of::<PyString>();
        let (known, other) = match self.qrels.core.documents {
            Documents::Integers(_) if is_text => ("integers", "text"),
            Documents::Texts(_) if !is_text && document.is_instance_of::<PyInt>() => ("text", "integers"),
            _ => return Ok(()),
        };
        if self.qrels.core.grades.is_empty() {
            return Ok(());
        }
        let query = self.query_repr(query)?;
        let message = format!("query {query}: the qrels' documents are {known} and the run's are {other}");
        Err(PyTypeError::new_err(message))
    }

    fn query_repr(&self, query: usize) -> PyResult<String> {
        let py = self.documents.py();
        Ok(self.qrels.query_ids(py).get_item(query)?.repr()?.to_string())
    }

    fn bad_score(&self, query: usize, list: &Bound<PyDict>, row: usize, value: &Bound<PyAny>) -> PyErr {
        let describe = || -> PyResult<PyErr> {
            let query = self.query_repr(query)?;
            let document = list.keys().get_item(row)?.repr()?.to_string();
            if value.extract::<f64>().is_ok() {
                let message = format!("query {query}: the score of document {document} is NaN");
                return Ok(bad_value(message));
            }
            let message = format!("run[{query}][{document}] is {}, expected a number", value.repr()?);
            Ok(PyTypeError::new_err(message))
        };
        describe().unwrap_or_else(|error| error)
    }

    /// Measures the lists whose ties go by document, and raises the first error.
    fn settle(&self, batch: &mut Batch, values: &mut [f64]) -> PyResult<()> {
        let wide = self.plan.measures.len();
        let Batch { first, lists, scores, hits } = batch;
        for (i, list) in lists.iter_mut().enumerate() {
            let place = *first + i;
            let query = self.queries[place] as usize;
            match std::mem::replace(&mut list.state, State::Measured) {
                State::Measured => {}
                State::Failed(error) => {
                    return Err(at_query(self.documents.py(), self.qrels, query, error));
                }
                State::Tied => {
                    let out = &mut values[place * wide..(place + 1) * wide];
                    let (scores, hits) = (&scores[list.scores.clone()], &mut hits[list.hits.clone()]);
                    self.measure_tied(place, query, scores, hits, out)?;
                }
            }
        }
        Ok(())
    }

    fn measure_tied(
        &self,
        place: usize,
        query: usize,
        scores: &[f64],
        hits: &mut [Hit],
        out: &mut [f64],
    ) -> PyResult<()> {
        let py = self.documents.py();
        let list = self.lists.get_item(place)?.cast_into::<PyDict>()?;
        let ids: Vec<Bound<PyAny>> = list.keys().iter().collect();
        let keys = ids.iter().map(Key::new).collect::<PyResult<Vec<_>>>()?;
        let places = PyDict::new(py);
        for (i, hit) in hits.iter().enumerate() {
            places.set_item(self.documents.get_item(hit.row as usize)?, i)?;
        }
        let mut found = 0;
        for (row, id) in (0u32..).zip(&ids) {
            if let Some(i) = places.get_item(id)? {
                hits[i.extract::<usize>()?].row = row;
                found += 1;
            }
        }
        let judged_only = self.plan.conventions.judged_only;
        let length = if judged_only { hits.len() } else { keys.len() };
        if length != scores.len() || found != hits.len() {
            return Err(bad_value("a dictionary of the run has changed while it was read"));
        }
        if keys.iter().any(|key| key.is_text() != keys[0].is_text()) {
            let message = "documents are text and integers at once, which have no order";
            return Err(at_query(py, self.qrels, query, Error::wrong_type(message)));
        }
        let document = |row: u32| keys[row as usize];
        let judged = self.plan.judged(&self.qrels.core, query);
        let done: Result<()> = if judged_only {
            // In the order of the dictionary, which the judgements do not know.
            let rows = keep_judged(hits);
            let scores: Vec<f64> = hits.iter().map(|hit| hit.score).collect();
            let documents = ById(|row: u32| document(rows[row as usize]));
            self.plan.measure_list(&scores, hits, judged, documents, out)
        } else {
            self.plan.measure_list(scores, hits, judged, ById(document), out)
        };
        done.map_err(|error| at_query(py, self.qrels, query, error))
    }
}
