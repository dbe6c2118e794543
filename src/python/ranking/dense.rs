//! Streaming average precision at k of dense scores.

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use super::qrels::LONG;
use crate::error::{Error, Result};
use crate::python::interruptible::interruptible;
use crate::ranking::dense::{Total, average_precision_at_k};
use crate::score::Score;
use crate::threads;

/// Labels of each row.
#[derive(FromPyObject)]
pub(super) enum Labels<'py> {
    /// `(N, L)`, filled up with -1.
    Dense(PyReadonlyArray2<'py, i64>),
    /// Row offsets and labels.
    Sparse(PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i64>),
}

/// The same without Python.
#[derive(Clone, Copy)]
enum LabelView<'a> {
    Dense(&'a [i64], usize),
    Sparse(&'a [i64], &'a [i64]),
}

impl LabelView<'_> {
    fn of(&self, row: usize) -> &[i64] {
        match *self {
            LabelView::Dense(labels, width) => &labels[row * width..(row + 1) * width],
            LabelView::Sparse(offsets, labels) => &labels[offsets[row] as usize..offsets[row + 1] as usize],
        }
    }

    fn check(&self, rows: usize, labelled: usize) -> Result<()> {
        if rows != labelled {
            return Err(Error::value(format!(
                "labels have {labelled} rows and scores have {rows}, expected as many"
            )));
        }
        if let LabelView::Sparse(offsets, labels) = self {
            let ascending = offsets.is_sorted() && offsets.first().is_none_or(|&first| first >= 0);
            if !ascending || offsets.last().is_some_and(|&last| last as u64 > labels.len() as u64) {
                return Err(Error::value("the row offsets of the labels must ascend from 0 to their number"));
            }
        }
        Ok(())
    }
}

/// The scores of either precision.
#[derive(FromPyObject)]
pub(super) enum DenseScores<'py> {
    /// Single.
    F32(PyReadonlyArray2<'py, f32>),
    /// Double.
    F64(PyReadonlyArray2<'py, f64>),
}

/// The exact sum of the rows' average precisions in units of 2^-96, the number of rows with a label, and of those
/// without.
#[pyfunction]
pub(super) fn dense_average_precision(
    py: Python<'_>,
    scores: DenseScores<'_>,
    labels: Labels<'_>,
    k: usize,
) -> PyResult<(u128, u64, u64)> {
    let (view, labelled) = match &labels {
        Labels::Dense(array) => {
            let (rows, width) = array.as_array().dim();
            (LabelView::Dense(array.as_slice()?, width), rows)
        }
        Labels::Sparse(offsets, items) => {
            let offsets = offsets.as_slice()?;
            (LabelView::Sparse(offsets, items.as_slice()?), offsets.len().saturating_sub(1))
        }
    };
    let total = match &scores {
        DenseScores::F32(array) => add_up(py, array.as_slice()?, array.as_array().dim(), view, labelled, k),
        DenseScores::F64(array) => add_up(py, array.as_slice()?, array.as_array().dim(), view, labelled, k),
    }?;
    Ok((total.units, total.rows, total.skipped))
}

fn add_up<S: Score>(
    py: Python<'_>,
    scores: &[S],
    (rows, classes): (usize, usize),
    labels: LabelView<'_>,
    labelled: usize,
    k: usize,
) -> PyResult<Total> {
    labels.check(rows, labelled)?;
    if k > classes && rows > 0 {
        let problem = format!("k is {k} and there are {classes} classes, expected at least k");
        return Err(Error::value(problem).into());
    }
    let repeats = matches!(labels, LabelView::Dense(..));
    let labels = |row: usize| labels.of(row).iter().copied();
    interruptible(py, scores.len() > LONG, |progress| {
        threads::run(|| average_precision_at_k(scores, classes, k, repeats, labels, progress))
    })
}

/// The mean of such a sum over `rows`.
#[pyfunction]
pub(super) fn dense_mean(units: u128, rows: u64) -> f64 {
    Total { units, rows, skipped: 0 }.mean()
}
