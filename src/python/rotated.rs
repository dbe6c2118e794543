//! Rotated boxes as arrays: their corners, and the similarity of all pairs.

use numpy::{PyArray2, PyArray3};
use pyo3::prelude::*;

use super::arrays::{array, numbers};
use super::batch::{ArrayPlace, angle_convention, read_rotated_boxes};
use super::interruptible::interruptible;
use crate::columns::{GeometryKind, RotatedBoxes};
use crate::error::with_capacity;
use crate::similarity::{Parameters, RotatedIou, rotated_corners, rotated_similarity};

/// Pairs in one step between two checks for Ctrl-C.
const LONG: usize = 100_000;

/// Adds the functions of this file to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(rotated_iou, module)?)?;
    module.add_function(wrap_pyfunction!(corners_of_rotated_boxes, module)?)
}

fn rotated_boxes(value: &Bound<'_, PyAny>, name: &str, widths: &[usize]) -> PyResult<RotatedBoxes> {
    let mut boxes = RotatedBoxes::default();
    let array = numbers(value, || name.to_owned())?;
    read_rotated_boxes(&array, &ArrayPlace::Argument(name), widths, &mut boxes)?;
    Ok(boxes)
}

/// Intersection over union of rotated boxes, `(D, G) float64`.
#[pyfunction]
fn rotated_iou<'py>(
    py: Python<'py>,
    detections: &Bound<'py, PyAny>,
    ground_truths: &Bound<'py, PyAny>,
    angle: &str,
    clockwise: bool,
    arithmetic: &str,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let rotated_iou = RotatedIou::named(arithmetic).map_err(|error| error.at("rotated_iou"))?;
    let angles = angle_convention(angle, clockwise)?;
    let parameters = Parameters { angles, rotated_iou, ..Parameters::default() };
    let widths = GeometryKind::RotatedBoxes.rotated_widths();
    let dt = rotated_boxes(detections, "detections", widths)?;
    let gt = rotated_boxes(ground_truths, "ground_truths", widths)?;
    let shape = [dt.len(), gt.len()];
    let long = shape[0].saturating_mul(shape[1]) > LONG;
    let values = interruptible(py, long, |progress| rotated_similarity(dt, gt, &parameters, progress))?;
    array(py, values, shape)
}

/// The corners of rotated boxes, of boxes in space as seen from above, `(N, 4, 2) float64`, in the order in which they
/// follow each other.
#[pyfunction]
fn corners_of_rotated_boxes<'py>(
    py: Python<'py>,
    boxes: &Bound<'py, PyAny>,
    angle: &str,
    clockwise: bool,
) -> PyResult<Bound<'py, PyArray3<f64>>> {
    let convention = angle_convention(angle, clockwise)?;
    let boxes = rotated_boxes(boxes, "boxes", &[5, 7, 8])?;
    let mut corners = with_capacity(8 * boxes.len())?;
    (0..boxes.len())
        .for_each(|row| corners.extend(rotated_corners(&boxes.get(row), convention).as_flattened()));
    array(py, corners, [boxes.len(), 4, 2])
}
