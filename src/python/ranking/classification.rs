//! Average precision and curves of classifiers.

use std::ops::Range;

use numpy::{PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use rayon::prelude::*;

use super::qrels::LONG;
use crate::error::zeros;
use crate::python::arrays::array;
use crate::python::bad_value;
use crate::python::interruptible::interruptible;
use crate::ranking::classification::{Examples, Scored};
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
    let examples = examples(truth, scores, |positive| positive, wide);
    interruptible(py, n > LONG, |progress| threads::run(|| Scored::new(n, positives, &examples, progress)))
}

/// The examples of both arrays, by blocks.
fn examples<L: Copy + Sync, S: Copy + Sync>(
    labels: &[L],
    scores: &[S],
    positive: impl Fn(L) -> bool + Sync,
    wide: impl Fn(S) -> f64 + Sync,
) -> impl Fn(usize, &mut [(f64, bool)]) + Sync {
    move |first, block| {
        for ((example, &score), &label) in block.iter_mut().zip(&scores[first..]).zip(&labels[first..]) {
            *example = (wide(score), positive(label));
        }
    }
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
                    check_binary(py, labels.len(), &|range| count_labels(&labels[range], number))?;
                    let positive = |label| number(label) == 1.0;
                    match &scores {
                        ClassScores::F32(scores) => {
                            let scores = scores.as_slice()?;
                            let examples = examples(labels, scores, positive, f64::from);
                            one_class(py, labels.len(), scores.len(), &examples)
                        }
                        ClassScores::F64(scores) => {
                            let scores = scores.as_slice()?;
                            let examples = examples(labels, scores, positive, |score| score);
                            one_class(py, labels.len(), scores.len(), &examples)
                        }
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

/// How many labels are 1, 0 and -1.
fn count_labels<L: Copy>(labels: &[L], number: impl Fn(L) -> f64) -> [usize; 3] {
    labels.iter().fold([0; 3], |[ones, zeros, minus], &label| {
        let x = number(label);
        [ones + usize::from(x == 1.0), zeros + usize::from(x == 0.0), minus + usize::from(x == -1.0)]
    })
}

fn check_binary(
    py: Python<'_>,
    n: usize,
    count: &(dyn Fn(Range<usize>) -> [usize; 3] + Sync),
) -> PyResult<()> {
    let part = |i: usize| count(i << 14..n.min((i + 1) << 14));
    let both = |a: [usize; 3], b: [usize; 3]| [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
    let [ones, zeros, minus] = py.detach(|| {
        threads::run(|| (0..n.div_ceil(1 << 14)).into_par_iter().map(part).reduce(Default::default, both))
    });
    if ones + zeros == n || ones + minus == n {
        return Ok(());
    }
    Err(bad_value("y_true is not binary: expected 0 and 1 or -1 and 1, or pos_label"))
}

fn one_class(
    py: Python<'_>,
    labels: usize,
    scores: usize,
    examples: &Examples<'_>,
) -> PyResult<(f64, usize)> {
    if labels != scores {
        return Err(lengths_differ(labels, scores));
    }
    let found = interruptible(py, labels > LONG, |progress| {
        threads::run(|| average_precision_of(labels, examples, progress))
    })?;
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
                let examples = |first: usize, block: &mut [(f64, bool)]| {
                    (first..).zip(block).for_each(|(i, example)| *example = (scores[(i, c)], truth[(i, c)]));
                };
                let scored = Scored::new(n, positives, &examples, progress)?;
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
