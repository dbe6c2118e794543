//! What a match table is sorted into once for many resamples of the images.

use numpy::{PyArray3, PyReadonlyArray2};
use pyo3::prelude::*;

use super::LONG_TABLE;
use crate::analysis::{ImageWeights, Resampler};
use crate::python::arrays::{array, values};
use crate::python::bad_value;
use crate::python::interruptible::interruptible;

/// How often each image is in each resample, for all resamplers of the same images.
#[pyclass(frozen, module = "meanap._core", name = "ImageWeights")]
pub(super) struct PyImageWeights(ImageWeights);

#[pymethods]
impl PyImageWeights {
    /// Of weights `(B, I) uint32`, at most 255 each.
    #[new]
    fn new(py: Python<'_>, weights: PyReadonlyArray2<'_, u32>) -> PyResult<PyImageWeights> {
        let weights = weights.as_array();
        let (samples, images) = weights.dim();
        let weights = values(weights)?;
        let long = weights.len() >= LONG_TABLE;
        interruptible(py, long, |progress| ImageWeights::new(&weights, [samples, images], progress))
            .map(PyImageWeights)
    }
}

/// A match table's rows, sorted for many samples of images.
#[pyclass(frozen, module = "meanap._core", name = "Resampler")]
pub(super) struct PyResampler(pub(super) Resampler);

#[pymethods]
impl PyResampler {
    /// Average precision (None if only recall was requested) and recall `(B, T, K)` under the weights of `B` resamples;
    /// NaN where there is none.
    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn resample<'py>(
        &self,
        py: Python<'py>,
        weights: &PyImageWeights,
    ) -> PyResult<(Option<Bound<'py, PyArray3<f64>>>, Bound<'py, PyArray3<f64>>)> {
        let (weights, images) = (&weights.0, self.0.images());
        let samples = weights.samples();
        if weights.images() != images {
            let found = weights.images();
            let message = format!("weights: expected shape (B, {images}), found ({samples}, {found})");
            return Err(bad_value(message));
        }
        let long = samples.saturating_mul(images) >= LONG_TABLE;
        let out = interruptible(py, long, |progress| self.0.resample(weights, progress))?;
        let [thresholds, groups] = self.0.shape();
        let shape = [samples, thresholds, groups];
        let precision = self.0.has_precision().then(|| array(py, out.precision, shape)).transpose()?;
        Ok((precision, array(py, out.recall, shape)?))
    }
}
