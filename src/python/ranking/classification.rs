//! Average precision and curves of classifiers.

use numpy::{PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use rayon::prelude::*;

use super::qrels::LONG;
use crate::error::zeros;
use crate::python::arrays::array;
use crate::python::bad_value;
use crate::python::interruptible::interruptible;
use crate::ranking::classification::Scored;
use crate::ranking::partition::average_precision_of;
use crate::threads;

/// Scores of one class.
#[derive(FromPyObject)]
pub(super) enum ClassScores<'py> {
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
        return Err(lengths_differ(truth.len(), scores.len()));
    }
    if let Some(i) = scores.iter().position(|&score| wide(score).is_nan()) {
        return Err(bad_value(format!("y_score[{i}] is NaN")));
    }
    let positives = truth.iter().filter(|&&positive| positive).count();
    let n = truth.len();
    interruptible(py, n > LONG, |progress| {
        threads::run(|| Scored::new(n, positives, |i| (wide(scores[i]), truth[i]), progress))
    })
}

/// Labels of one class: 1 for a positive, and for the others 0 or, all of them, -1.
#[derive(FromPyObject)]
pub(super) enum ClassLabels<'py> {
    /// Flags.
    Bool(PyReadonlyArray1<'py, bool>),
    /// Bytes.
    U8(PyReadonlyArray1<'py, u8>),
    /// The same with a sign.
    I8(PyReadonlyArray1<'py, i8>),
    /// 32-bit integers.
    I32(PyReadonlyArray1<'py, i32>),
    /// 64-bit integers.
    I64(PyReadonlyArray1<'py, i64>),
    /// Single precision.
    F32(PyReadonlyArray1<'py, f32>),
    /// Double precision.
    F64(PyReadonlyArray1<'py, f64>),
}

/// Average precision of one class, and how many examples are positive. Takes labels as they are: a copy of ten million
/// would take as long as the sorting.
#[pyfunction]
pub(super) fn average_precision(
    py: Python<'_>,
    truth: ClassLabels,
    scores: ClassScores,
) -> PyResult<(f64, usize)> {
    macro_rules! with_labels {
        ($($kind:ident: $number:expr),*) => {
            match &truth {
                $(ClassLabels::$kind(labels) => {
                    let (labels, number) = (labels.as_slice()?, $number);
                    check_binary(py, labels, number)?;
                    match &scores {
                        ClassScores::F32(scores) => one_class(
                            py, labels, scores.as_slice()?, |label| number(label) == 1.0, f64::from,
                        ),
                        ClassScores::F64(scores) => one_class(
                            py, labels, scores.as_slice()?, |label| number(label) == 1.0, |score| score,
                        ),
                    }
                })*
            }
        };
    }
    with_labels!(
        Bool: |x: bool| f64::from(u8::from(x)),
        U8: |x: u8| f64::from(x),
        I8: |x: i8| f64::from(x),
        I32: |x: i32| f64::from(x),
        // What is beyond 2^53 rounds, but to neither of -1, 0 and 1.
        I64: |x: i64| x as f64,
        F32: |x: f32| f64::from(x),
        F64: |x: f64| x
    )
}

fn check_binary<L: Copy + Sync>(
    py: Python<'_>,
    labels: &[L],
    number: impl Fn(L) -> f64 + Sync,
) -> PyResult<()> {
    let count = |part: &[L]| {
        part.iter().fold((0, 0, 0), |(ones, zeros, others): (usize, usize, usize), &label| {
            let x = number(label);
            (ones + usize::from(x == 1.0), zeros + usize::from(x == 0.0), others + usize::from(x == -1.0))
        })
    };
    let both = |a: (usize, usize, usize), b: (usize, usize, usize)| (a.0 + b.0, a.1 + b.1, a.2 + b.2);
    let (ones, zeros, minus) =
        py.detach(|| threads::run(|| labels.par_chunks(1 << 14).map(count).reduce(Default::default, both)));
    if ones + zeros == labels.len() || ones + minus == labels.len() {
        return Ok(());
    }
    Err(bad_value("y_true is not binary: expected 0 and 1 or -1 and 1, or pos_label"))
}

fn one_class<L: Copy + Sync, S: Copy + Sync>(
    py: Python<'_>,
    labels: &[L],
    scores: &[S],
    positive: impl Fn(L) -> bool + Sync,
    wide: impl Fn(S) -> f64 + Sync,
) -> PyResult<(f64, usize)> {
    let n = labels.len();
    if n != scores.len() {
        return Err(lengths_differ(n, scores.len()));
    }
    let example = |i: usize| (wide(scores[i]), positive(labels[i]));
    let found =
        interruptible(py, n > LONG, |progress| threads::run(|| average_precision_of(n, example, progress)))?;
    found.map_err(|i| bad_value(format!("y_score[{i}] is NaN")))
}

fn lengths_differ(labels: usize, scores: usize) -> PyErr {
    bad_value(format!("y_true has {labels} examples and y_score has {scores}"))
}

/// Average precision of each column of `(N, C)` truth and float64 scores, as a float64 array.
#[pyfunction]
pub(super) fn average_precision_of_columns<'py>(
    py: Python<'py>,
    truth: PyReadonlyArray2<'py, bool>,
    scores: PyReadonlyArray2<'py, f64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (truth, scores) = (truth.as_array(), scores.as_array());
    if truth.dim() != scores.dim() {
        return Err(bad_value("y_true and y_score have different shapes"));
    }
    let (n, classes) = truth.dim();
    if let Some((place, _)) = scores.indexed_iter().find(|(_, score)| score.is_nan()) {
        return Err(bad_value(format!("y_score[{}, {}] is NaN", place.0, place.1)));
    }
    let values = interruptible(py, n.saturating_mul(classes) > LONG, |progress| {
        let mut values: Vec<f64> = zeros(classes)?;
        threads::run(|| {
            values.par_iter_mut().enumerate().try_for_each(|(c, value)| {
                progress.check()?;
                let positives = truth.column(c).iter().filter(|&&positive| positive).count();
                let scored = Scored::new(n, positives, |i| (scores[(i, c)], truth[(i, c)]), progress)?;
                *value = scored.average_precision();
                Ok(())
            })
        })?;
        Ok(values)
    })?;
    array(py, values, [classes])
}

/// Precision, recall and thresholds, ascending by threshold, as float64 arrays.
type CurveArrays<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);

/// The precision-recall curve of one class.
#[pyfunction]
pub(super) fn precision_recall<'py>(
    py: Python<'py>,
    truth: PyReadonlyArray1<'py, bool>,
    scores: ClassScores<'py>,
    drop_intermediate: bool,
) -> PyResult<CurveArrays<'py>> {
    let scored = scores.sort(py, &truth)?;
    let curve = interruptible(py, truth.len()? > LONG, |progress| scored.curve(drop_intermediate, progress))?;
    let array = |values: Vec<f64>| {
        let length = values.len();
        array(py, values, [length])
    };
    Ok((array(curve.precision)?, array(curve.recall)?, array(curve.thresholds)?))
}
