//! The columns as Python carries them: opaque, with the ids that their codes stand for.

use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::columns::{Geometry, Objects};

/// One side of an evaluation as columns.
#[pyclass(frozen, module = "meanap._core", name = "Objects")]
pub struct PyObjects {
    /// The columns.
    pub columns: Objects,
    /// The id that each image code stands for.
    #[pyo3(get)]
    pub image_ids: Py<PyList>,
    /// The id that each category code stands for.
    #[pyo3(get)]
    pub category_ids: Py<PyList>,
}

#[pymethods]
impl PyObjects {
    fn __len__(&self) -> usize {
        self.columns.len()
    }

    /// Keypoints of each object; None for boxes and masks.
    #[getter]
    fn keypoints(&self) -> Option<usize> {
        match &self.columns.geometry {
            Geometry::Keypoints(keypoints) => Some(keypoints.per_object),
            _ => None,
        }
    }
}
