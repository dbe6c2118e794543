//! Average precision and curves of classifiers.

use numpy::{PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::error::can_allocate;
use crate::python::bad_value;
use crate::ranking::classification::Scored;
use crate::ranking::partition;
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

/// Bytes that an example takes while examples are sorted, at most.
const MOST_OF_AN_EXAMPLE: usize = 32;

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
    can_allocate(truth.len().saturating_mul(MOST_OF_AN_EXAMPLE))?;
    let positives = truth.iter().filter(|&&positive| positive).count();
    Ok(py.detach(|| threads::run(|| Scored::new(truth.len(), positives, |i| (wide(scores[i]), truth[i])))))
}

/// Labels of one class: 1 for a positive, and for the others 0 or, all of them, -1.
#[derive(FromPyObject)]
pub enum ClassLabels<'py> {
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
pub fn average_precision(py: Python<'_>, truth: ClassLabels, scores: ClassScores) -> PyResult<(f64, usize)> {
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
    can_allocate(n.saturating_mul(MOST_OF_AN_EXAMPLE))?;
    let example = |i: usize| (wide(scores[i]), positive(labels[i]));
    let found = py.detach(|| {
        threads::run(|| {
            if (partition::MANY..u32::MAX as usize).contains(&n) {
                return partition::average_precision(n, example);
            }
            if let Some(i) = (0..n).find(|&i| example(i).0.is_nan()) {
                return Err(i);
            }
            let positives = (0..n).filter(|&i| example(i).1).count();
            Ok((Scored::new(n, positives, example).average_precision(), positives))
        })
    });
    found.map_err(|i| bad_value(format!("y_score[{i}] is NaN")))
}

fn lengths_differ(labels: usize, scores: usize) -> PyErr {
    bad_value(format!("y_true has {labels} examples and y_score has {scores}"))
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
        return Err(bad_value("y_true and y_score have different shapes"));
    }
    let (n, classes) = truth.dim();
    if let Some((place, _)) = scores.indexed_iter().find(|(_, score)| score.is_nan()) {
        return Err(bad_value(format!("y_score[{}, {}] is NaN", place.0, place.1)));
    }
    can_allocate(n.saturating_mul(MOST_OF_AN_EXAMPLE).saturating_mul(classes.min(threads::count())))?;
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
