//! Compares two runs with each other.

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use super::qrels::{LONG, PyRun};
use crate::error::collect;
use crate::python::arrays::column;
use crate::python::bad_value;
use crate::python::interruptible::interruptible;
use crate::ranking::overlap;
use crate::threads;

/// Rank-biased overlap of the queries `first[i]` of one run and `second[i]` of the other (or -1: an empty list), float64.
#[pyfunction]
pub(super) fn rank_biased_overlap<'py>(
    py: Python<'py>,
    runs: [PyRef<'py, PyRun>; 2],
    first: PyReadonlyArray1<'py, i64>,
    second: PyReadonlyArray1<'py, i64>,
    persistence: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let pairs = first.as_slice()?.iter().zip(second.as_slice()?);
    let pairs = collect(pairs.map(|(&a, &b)| [a, b].map(|group| usize::try_from(group).ok())))?;
    let missing = |group: &Option<usize>, run: &PyRun| group.is_some_and(|group| group >= run.groups.len());
    if pairs.iter().any(|pair| pair.iter().zip(&runs).any(|(group, run)| missing(group, run))) {
        return Err(bad_value("no such query in the run"));
    }
    let values = runs[0].with_columns(py, |a| {
        runs[1].with_columns(py, |b| {
            interruptible(py, a.scores.len() + b.scores.len() > LONG, |progress| {
                Ok(threads::run(|| overlap::rank_biased_overlap([a, b], &pairs, persistence, progress)))
            })
        })
    })?;
    let values = values.map_err(|(place, error)| -> PyErr {
        let Some([pair, side]) = place else { return error.into() };
        match pairs[pair][side].map(|group| runs[side].query_id(py, group)) {
            Some(Ok(name)) => error.within(format!("query {name}")).at(["run_a", "run_b"][side]).into(),
            Some(Err(error)) => error,
            None => error.into(),
        }
    })?;
    column(py, values)
}
