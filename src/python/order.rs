//! The order of scores, found so that Ctrl-C stops it: NumPy's sort has no ear for it.

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use super::arrays::column;
use super::interruptible::interruptible;
use super::matches::LONG_TABLE;
use crate::error::collect;
use crate::python::bad_value;
use crate::score::descending_key;
use crate::sort::sort_by_integer;

/// The places of the scores `(N,) float64` from the highest on: equal ones as they stand, NaN last.
#[pyfunction]
pub(super) fn descending_order<'py>(
    py: Python<'py>,
    scores: PyReadonlyArray1<'py, f64>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let scores = scores.as_slice()?;
    let Ok(count) = u32::try_from(scores.len()) else {
        return Err(bad_value(format!("{} scores are too many (at most 4,294,967,295)", scores.len())));
    };
    let order = interruptible(py, scores.len() >= LONG_TABLE, |progress| {
        let mut order: Vec<u32> = collect(0..count)?;
        sort_by_integer(&mut order, &mut Vec::new(), progress, |&place| {
            descending_key(scores[place as usize])
        })?;
        Ok(order)
    })?;
    column(py, order.into_iter().map(i64::from))
}
