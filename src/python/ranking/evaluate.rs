//! Evaluates a run, from columns or straight from dictionaries.

use numpy::{PyArray2, PyReadonlyArray1};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString};

use super::plan::PyPlan;
use super::qrels::{LONG, PyQrels, PyRun, document_id};
use crate::error::{Error, can_allocate, collect, extend, with_capacity, zeros};
use crate::progress::Progress;
use crate::python::arrays::array;
use crate::python::bad_value;
use crate::python::interruptible::interruptible;
use crate::python::items::{check_signals, items};
use crate::ranking::evaluate::evaluate;
use crate::ranking::looked_up::{ListBatch, ListState};
use crate::ranking::plan::Plan;
use crate::ranking::qrels::Documents;
use crate::threads;

/// One row of values for each measured list: `(P, M)` float64.
type Values<'py> = Bound<'py, PyArray2<f64>>;

/// Measures the lists of a run. `groups[i]` is the number of the run's query (or -1: an empty list) that is measured
/// against the judgements of query `queries[i]`.
#[pyfunction]
pub(super) fn evaluate_run<'py>(
    py: Python<'py>,
    qrels: &PyQrels,
    run: &PyRun,
    groups: PyReadonlyArray1<'py, i64>,
    queries: PyReadonlyArray1<'py, i64>,
    plan: &PyPlan,
) -> PyResult<Values<'py>> {
    let pairs = groups.as_slice()?.iter().zip(queries.as_slice()?);
    let pairs = collect(pairs.map(|(&group, &query)| (usize::try_from(group).ok(), query as usize)))?;
    for &(group, query) in &pairs {
        check_query(qrels, query)?;
        if group.is_some_and(|group| group >= run.groups.len()) {
            return Err(bad_value("no such query in the run"));
        }
    }
    let values = run.with_columns(py, |columns| {
        interruptible(py, columns.scores.len() > LONG, |progress| {
            Ok(threads::run(|| evaluate(&qrels.core, columns, &pairs, &plan.plan, progress)))
        })
    })?;
    let values = values.map_err(|(pair, error)| match pair {
        Some(pair) => at_query(py, qrels, pairs[pair].1, error),
        None => error.into(),
    })?;
    array(py, values, [pairs.len(), plan.plan.measures.len()])
}

/// Measures lists that are dictionaries from document to score (or None: an empty list), each against the
/// judgements of query `queries[i]`.
///
/// Only scores are copied out of a dictionary, and each judged document is looked up in it; the other documents' ids
/// are not even read, unless scores tie.
#[pyfunction]
pub(super) fn evaluate_dicts<'py>(
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
    let (mut now, mut next) = (ListBatch::default(), ListBatch::default());
    let mut first = 0;
    walker.fill(first, &mut now)?;
    while !now.is_empty() {
        let end = first + now.len();
        let out = &mut values[first * wide..end * wide];
        let long = now.scores() > LONG;
        let (batch, core) = (&mut now, &qrels.core);
        let mut measure = |progress: &_| batch.measure(core, &queries[first..end], &plan.plan, progress, out);
        if long {
            // One list that takes its time: nothing is to be done beside it but to wait for Ctrl-C.
            interruptible(py, true, |progress| {
                threads::run(|| measure(progress));
                Ok(())
            })?;
            walker.fill(end, &mut next)?;
        } else {
            threads::beside(|scope| {
                scope.spawn(|_| measure(&Progress::default()));
                walker.fill(end, &mut next)
            })?;
        }
        walker.settle(first, &mut now, &mut values)?;
        std::mem::swap(&mut now, &mut next);
        first = end;
    }
    array(py, values, [queries.len(), wide])
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
    fn fill(&self, first: usize, batch: &mut ListBatch) -> PyResult<()> {
        batch.clear();
        self.lists.py().check_signals()?;
        for i in first..self.queries.len() {
            if batch.is_full() {
                break;
            }
            let list = self.lists.get_item(i)?;
            if !list.is_none() {
                self.walk(i, &list, batch)?;
            }
            batch.end_list(self.plan)?;
        }
        Ok(())
    }

    fn walk(&self, i: usize, list: &Bound<'py, PyAny>, batch: &mut ListBatch) -> PyResult<()> {
        let query = self.queries[i] as usize;
        let Ok(list) = list.cast::<PyDict>() else {
            let message = format!("run[{}] is not a dictionary of scores", self.query_repr(query)?);
            return Err(PyTypeError::new_err(message));
        };
        self.check_kind(query, list)?;
        can_allocate(list.len().saturating_mul(size_of::<usize>()))?;
        let values = list.values();
        if values.len() >= u32::MAX as usize {
            return Err(bad_value(format!("run[{}] is too long", self.query_repr(query)?)));
        }
        batch.reserve(values.len())?;
        for (row, value) in values.iter().enumerate() {
            check_signals(list.py(), row)?;
            match value.extract::<f64>() {
                Ok(score) if !score.is_nan() => batch.add_score(self.plan, score)?,
                _ => return Err(self.bad_score(query, list, row, &value)),
            }
        }
        let grades = &self.qrels.core.grades;
        for row in self.qrels.core.rows(query).filter(|&row| self.plan.looks_up(grades[row])) {
            check_signals(list.py(), row)?;
            if let Some(score) = list.get_item(self.documents.get_item(row)?)? {
                batch.add_judged(self.plan, row, grades[row], score.extract()?)?;
            }
        }
        Ok(())
    }

    /// Refuses text where the judged documents are integers, and the other way round: nothing would ever be found.
    fn check_kind(&self, query: usize, list: &Bound<PyDict>) -> PyResult<()> {
        let Some((document, _)) = items(list).next().transpose()? else { return Ok(()) };
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
    fn settle(&self, first: usize, batch: &mut ListBatch, values: &mut [f64]) -> PyResult<()> {
        let wide = self.plan.measures.len();
        for i in 0..batch.len() {
            let place = first + i;
            let done = match batch.state(i) {
                ListState::Measured => Ok(()),
                ListState::Failed(error) => Err(error),
                ListState::Tied => {
                    let out = &mut values[place * wide..(place + 1) * wide];
                    self.measure_tied(i, place, batch, out)?
                }
            };
            let query = self.queries[place] as usize;
            done.map_err(|error| at_query(self.documents.py(), self.qrels, query, error))?;
        }
        Ok(())
    }

    fn measure_tied(
        &self,
        i: usize,
        place: usize,
        batch: &mut ListBatch,
        out: &mut [f64],
    ) -> PyResult<crate::Result<()>> {
        let list = self.lists.get_item(place)?.cast_into::<PyDict>()?;
        can_allocate(list.len().saturating_mul(size_of::<usize>()))?;
        let mut objects: Vec<Bound<PyAny>> = Vec::new();
        extend(&mut objects, list.keys().iter())?;
        let mut ids = with_capacity(objects.len())?;
        for (i, object) in objects.iter().enumerate() {
            check_signals(object.py(), i)?;
            ids.push(document_id(object)?);
        }
        let query = self.queries[place] as usize;
        let (core, plan) = (&self.qrels.core, self.plan);
        interruptible(list.py(), ids.len() > LONG, |progress| {
            Ok(threads::run(|| batch.measure_tied(i, (core, query), plan, &ids, progress, out)))
        })
    }
}
