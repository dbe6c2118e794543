//! A similarity that is a function of Python's: one call for each cell, with the GIL.

use std::sync::{Arc, Mutex};

use numpy::{PyArrayDescrMethods, PyReadonlyArray2, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

use super::arrays::array;
use super::bad_value;
use crate::batch::BuildSimilarity;
use crate::columns::{Boxes, Geometry, Key, SharedColumn};
use crate::error::{Error, Result, with_capacity};
use crate::python::kind_of;
use crate::similarity::{Comparer, Similarity};

/// The function, and what it has raised first.
pub(super) struct OwnFunction {
    function: Py<PyAny>,
    raised: Mutex<Option<PyErr>>,
}

impl OwnFunction {
    pub(super) fn new(function: Py<PyAny>) -> OwnFunction {
        OwnFunction { function, raised: Mutex::new(None) }
    }

    /// What work with the function gave, or else what the function has raised.
    ///
    /// # Errors
    ///
    /// Those of the work.
    pub(super) fn checked<T>(&self, done: PyResult<T>) -> PyResult<T> {
        let raised = self.raised.lock().ok().and_then(|mut raised| raised.take());
        done.map_err(|error| raised.unwrap_or(error))
    }
}

/// The function over columns of boxes.
pub(super) struct OwnSimilarity {
    function: Arc<OwnFunction>,
    detections: Arc<Boxes>,
    ground_truths: Arc<Boxes>,
    /// What a cell is called in errors: the codes of its detections, and the ids that these stand for.
    image: SharedColumn<u32>,
    category: SharedColumn<u32>,
    positions: Vec<u32>,
    images: Vec<Key>,
    categories: Vec<Key>,
}

impl OwnSimilarity {
    /// What makes it for each batch. A side that is not of boxes is an error.
    pub(super) fn of_batches(function: Arc<OwnFunction>) -> Arc<BuildSimilarity> {
        Arc::new(move |detections, ground_truths, positions, ids| {
            let (Geometry::Boxes(of_detections), Geometry::Boxes(of_truths)) =
                (&detections.geometry, &ground_truths.geometry)
            else {
                return Err(Error::wrong_type("a function compares boxes"));
            };
            Ok(Box::new(OwnSimilarity {
                function: function.clone(),
                detections: of_detections.clone(),
                ground_truths: of_truths.clone(),
                image: detections.image.clone(),
                category: detections.category.clone(),
                positions: positions.of_image.clone(),
                images: ids.image_ids.clone(),
                categories: ids.categories.keys().to_vec(),
            }))
        })
    }

    fn fill(
        &self,
        py: Python<'_>,
        detections: &[u32],
        ground_truths: &[u32],
        out: &mut [f64],
    ) -> PyResult<()> {
        let boxes = |boxes: &Boxes, objects: &[u32]| -> Result<Vec<f64>> {
            let mut numbers = with_capacity(4 * objects.len())?;
            objects.iter().for_each(|&object| numbers.extend(boxes.get(object as usize)));
            Ok(numbers)
        };
        let (d, g) = (detections.len(), ground_truths.len());
        let sides = (
            array(py, boxes(&self.detections, detections)?, [d, 4])?,
            array(py, boxes(&self.ground_truths, ground_truths)?, [g, 4])?,
        );
        let found = self.function.function.bind(py).call1(sides)?;
        let wrong =
            |what: String| Err(bad_value(format!("similarity: {}: {what}", self.cell(detections[0]))));
        let Ok(values) = found.cast::<PyUntypedArray>() else {
            return wrong(format!("expected an array ({d}, {g}), found {}", kind_of(&found)));
        };
        if values.shape() != [d, g] {
            let shape: Vec<String> = values.shape().iter().map(ToString::to_string).collect();
            return wrong(format!("expected shape ({d}, {g}), found ({})", shape.join(", ")));
        }
        if values.dtype().kind() != b'f' {
            return wrong(format!("expected floats, found {}", values.dtype()));
        }
        let values = found.call_method1("astype", ("float64",))?.extract::<PyReadonlyArray2<'_, f64>>()?;
        for (place, &value) in out.iter_mut().zip(values.as_array()) {
            *place = value;
        }
        match out.iter().position(|value| value.is_nan()) {
            Some(place) => wrong(format!("[{}, {}] is NaN", place / g, place % g)),
            None => Ok(()),
        }
    }

    /// The image and the category of a detection.
    fn cell(&self, detection: u32) -> String {
        let position =
            self.positions.get(self.image[detection as usize] as usize).copied().unwrap_or_default();
        let category = self.categories.get(self.category[detection as usize] as usize);
        let named = |key: Option<&Key>| key.map_or_else(|| position.to_string(), ToString::to_string);
        format!("image {}, category {}", named(self.images.get(position as usize)), named(category))
    }
}

impl Similarity for OwnSimilarity {
    fn comparer(&self) -> Comparer<'_> {
        Box::new(move |detections, ground_truths, _, out| {
            Python::attach(|py| self.fill(py, detections, ground_truths, out)).map_err(|error| {
                if let Ok(mut raised) = self.function.raised.lock() {
                    raised.get_or_insert(error);
                }
                Error::cancelled()
            })
        })
    }
}
