//! Bootstrap, paired tests, Holm's correction.

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::python::arrays::array;
use crate::python::interruptible::interruptible;
use crate::ranking::statistics;
use crate::threads;

/// Fewer draws of a value are made without checks for Ctrl-C.
const LONG: usize = 10_000_000;

/// The means of bootstrap samples, ascending.
#[pyfunction]
pub(super) fn bootstrap_means<'py>(
    py: Python<'py>,
    values: PyReadonlyArray1<'py, f64>,
    samples: usize,
    seed: u64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let values = values.as_slice()?;
    let long = values.len().saturating_mul(samples) > LONG;
    let work = |progress: &_| threads::run(|| statistics::bootstrap_means(values, samples, seed, progress));
    array(py, interruptible(py, long, work)?, [samples])
}

/// The p-value of the paired randomisation test.
#[pyfunction]
pub(super) fn randomisation_test(
    py: Python<'_>,
    differences: PyReadonlyArray1<f64>,
    samples: usize,
    seed: u64,
) -> PyResult<f64> {
    let differences = differences.as_slice()?;
    let long = differences.len().saturating_mul(samples) > LONG;
    interruptible(py, long, |progress| {
        threads::run(|| statistics::randomisation_test(differences, samples, seed, progress))
    })
}

/// The statistic and p-value of the paired t test.
#[pyfunction]
pub(super) fn paired_t_test(differences: PyReadonlyArray1<f64>) -> PyResult<(f64, f64)> {
    Ok(statistics::paired_t_test(differences.as_slice()?))
}

/// p-values corrected as Holm does.
#[pyfunction]
pub(super) fn holm(p_values: Vec<f64>) -> PyResult<Vec<f64>> {
    Ok(statistics::holm(&p_values)?)
}
