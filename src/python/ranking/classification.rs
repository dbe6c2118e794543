//! Average precision and curves of classifiers.

use numpy::{PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::ranking::classification::Scored;
use crate::threads;

/// Scores of one class.
#[derive(FromPyObject)]
pub enum ClassScores<'py> {
    /// Single.
    F32(PyReadonlyArray1<'py, f32>),
    /// Double.
    F64(PyReadonlyArray1<'py, f64>),
}

impl ClassScores<'_> {
    /// Sorts the examples with the interpreter released.
    fn sort(&self, py: Python<'_>, truth: &PyReadonlyArray1<bool>) -> PyResult<Scored> {
        let truth = truth.as_slice()?;
        match self {
            ClassScores::F32(scores) => sort(py, truth, scores.as_slice()?, f64::from),
            ClassScores::F64(scores) => sort(py, truth, scores.as_slice()?, |score| score),
        }
    }
}

fn sort<S: Copy + Sync>(
    py: Python<'_>,
    truth: &[bool],
    scores: &[S],
    wide: impl Fn(S) -> f64 + Sync,
) -> PyResult<Scored> {
    if truth.len() != scores.len() {
        let message = format!("y_true has {} examples and y_score has {}", truth.len(), scores.len());
        return Err(PyValueError::new_err(message));
    }
    if let Some(i) = scores.iter().position(|&score| wide(score).is_nan()) {
        return Err(PyValueError::new_err(format!("y_score[{i}] is NaN")));
    }
    let positives = truth.iter().filter(|&&positive| positive).count();
    Ok(py.detach(|| threads::run(|| Scored::new(truth.len(), positives, |i| (wide(scores[i]), truth[i])))))
}

/// Average precision of one class.
#[pyfunction]
pub fn average_precision(
    py: Python<'_>,
    truth: PyReadonlyArray1<bool>,
    scores: ClassScores,
) -> PyResult<f64> {
    let scored = scores.sort(py, &truth)?;
    Ok(py.detach(|| scored.average_precision()))
}

/// Average precision of each column of `(N, C)` truth and float64 scores, as a float64 array.
#[pyfunction]
pub fn average_precision_of_columns<'py>(
    py: Python<'py>,
    truth: PyReadonlyArray2<'py, bool>,
    scores: PyReadonlyArray2<'py, f64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (truth, scores) = (truth.as_array(), scores.as_array());
    if truth.dim() != scores.dim() {
        return Err(PyValueError::new_err("y_true and y_score have different shapes"));
    }
    let (n, classes) = truth.dim();
    if let Some((place, _)) = scores.indexed_iter().find(|(_, score)| score.is_nan()) {
        return Err(PyValueError::new_err(format!("y_score[{}, {}] is NaN", place.0, place.1)));
    }
    let values: Vec<f64> = py.detach(|| {
        threads::run(|| {
            let column = |c: usize| {
                let positives = truth.column(c).iter().filter(|&&positive| positive).count();
                Scored::new(n, positives, |i| (scores[(i, c)], truth[(i, c)])).average_precision()
            };
            (0..classes).into_par_iter().map(column).collect()
        })
    });
    Ok(PyArray1::from_vec(py, values))
}

/// Precision, recall and thresholds, ascending by threshold, as float64 arrays.
type CurveArrays<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);

/// The precision-recall curve of one class.
#[pyfunction]
pub fn precision_recall<'py>(
    py: Python<'py>,
    truth: PyReadonlyArray1<'py, bool>,
    scores: ClassScores<'py>,
    drop_intermediate: bool,
) -> PyResult<CurveArrays<'py>> {
    let scored = scores.sort(py, &truth)?;
    let curve = py.detach(|| scored.curve(drop_intermediate));
    Ok((
        PyArray1::from_vec(py, curve.precision),
        PyArray1::from_vec(py, curve.recall),
        PyArray1::from_vec(py, curve.thresholds),
    ))
}
