//! The columns as Python carries them: opaque, with the ids that their codes stand for.

use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::columns::{Geometry, Objects};
use crate::similarity::{Measures, measure};

/// Areas `(N,)`, boxes `(N, 4)` and image sizes `(N, 2)` of masks.
type MaskColumns<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>);

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

    /// The first row whose box or score no evaluation can use, and what is wrong; None if all are well.
    fn first_bad(&self) -> Option<(usize, String)> {
        let of_box = match &self.columns.geometry {
            Geometry::Boxes(boxes) => boxes.iter().enumerate().find_map(|(row, b)| {
                let complaint = if !b.iter().all(|x| x.is_finite()) {
                    "NaN or infinite"
                } else if b[2] < 0.0 || b[3] < 0.0 {
                    "a negative size"
                } else {
                    return None;
                };
                Some((row, format!("\"bbox\" is ({}, {}, {}, {}): {complaint}", b[0], b[1], b[2], b[3])))
            }),
            _ => None,
        };
        let score = self.columns.score.iter().position(|score| score.is_nan());
        let of_score = score.map(|row| (row, "\"score\" is NaN".to_owned()));
        of_box.into_iter().chain(of_score).min_by_key(|&(row, _)| row)
    }

    /// The first row of an image (or a category) code.
    fn first_row(&self, kind: &str, code: u32) -> Option<usize> {
        let column = if kind == "image" { &self.columns.image } else { &self.columns.category };
        column.iter().position(|&of_row| of_row == code)
    }

    /// Keypoints of each object; None for boxes and masks.
    #[getter]
    fn keypoints(&self) -> Option<usize> {
        match &self.columns.geometry {
            Geometry::Keypoints(keypoints) => Some(keypoints.per_object),
            _ => None,
        }
    }

    /// Of masks: the number of pixels, the box around them (of polygons around their corners) and height and width of
    /// their images; NaN for a mask that cannot be decoded. None for boxes and keypoints.
    fn mask_measures<'py>(&self, py: Python<'py>) -> PyResult<Option<MaskColumns<'py>>> {
        let Geometry::Masks(masks) = &self.columns.geometry else { return Ok(None) };
        let found = py.detach(|| measure(masks));
        let nothing = Measures { area: f64::NAN, bounds: [f64::NAN; 4], size: [0; 2] };
        let each = || found.iter().map(|found| found.unwrap_or(nothing));
        Ok(Some((
            PyArray1::from_iter(py, each().map(|found| found.area)),
            PyArray1::from_iter(py, each().flat_map(|found| found.bounds)).reshape([found.len(), 4])?,
            PyArray1::from_iter(py, each().flat_map(|found| found.size.map(f64::from)))
                .reshape([found.len(), 2])?,
        )))
    }

    /// Boxes as N x 7 rows: image id, x, y, width, height, score, category id.
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let columns = &self.columns;
        let ids = |ids: &Py<PyList>| ids.bind(py).extract::<Vec<f64>>();
        let (images, categories) = (ids(&self.image_ids)?, ids(&self.category_ids)?);
        let Geometry::Boxes(boxes) = &columns.geometry else {
            return Err(PyTypeError::new_err("rows: of boxes only"));
        };
        let numbers = boxes.iter().enumerate().flat_map(|(i, [x, y, width, height])| {
            let image = images[columns.image[i] as usize];
            [image, x, y, width, height, columns.score[i], categories[columns.category[i] as usize]]
        });
        PyArray1::from_iter(py, numbers).reshape([boxes.len(), 7])
    }
}
