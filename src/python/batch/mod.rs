//! Boxes, masks and keypoints as users have them, checked, and turned into columns.
//!
//! Two kinds of input share the checks: lists of one dictionary for each image (what training loops have), and columns
//! of a whole data set.

mod given;
mod options;
mod place;
mod shapes;
mod side;
mod sizes;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::arrays::key;
use crate::columns::{Interner, Key};
use crate::error::Place;
use crate::python::once::intern;
use crate::python::{bad_value, kind_of};

use given::{DictFields, Fields};
pub(super) use options::{Options, angle_convention};
pub(super) use place::ArrayPlace;
pub(super) use shapes::{complaint_of_runs, listed, read_rotated_boxes};
pub(super) use side::SideColumns;

/// A batch: both sides, and the ids of its images if the user gives them.
pub(super) struct Batch {
    /// Ground truth.
    pub ground_truth: SideColumns,
    /// Detections.
    pub detections: SideColumns,
    /// What the codes of categories stand for.
    pub categories: Interner,
    /// The images' ids, all or none.
    pub image_ids: Option<Vec<Key>>,
    /// The number of images.
    pub images: usize,
}

/// Images between two checks for Ctrl-C.
const IMAGES_BETWEEN_CHECKS: usize = 1024;

/// Reads lists of one dictionary for each image, detections and ground truth, which errors call by these names;
/// `first` is the number of the first image there.
pub(super) fn read_batch(
    (preds, targets): (&Bound<'_, PyAny>, &Bound<'_, PyAny>),
    (of_preds, of_targets): (&str, &str),
    options: &Options,
    first: usize,
) -> PyResult<Batch> {
    let (preds, targets) = (list(preds, of_preds)?, list(targets, of_targets)?);
    if preds.len() != targets.len() {
        let (p, t) = (preds.len(), targets.len());
        return Err(bad_value(format!("{of_preds} has {p} images, {of_targets} has {t}")));
    }
    let mut batch = Batch {
        ground_truth: SideColumns::of(preds.len()),
        detections: SideColumns::of(preds.len()),
        categories: Interner::default(),
        image_ids: None,
        images: preds.len(),
    };
    let mut ids = Vec::new();
    let name = intern!(preds.py(), "image_id");
    for (i, (pred, target)) in preds.iter().zip(targets.iter()).enumerate() {
        if i % IMAGES_BETWEEN_CHECKS == IMAGES_BETWEEN_CHECKS - 1 {
            preds.py().check_signals()?;
        }
        let number = first + i;
        let (of_pred, of_target) = (|| format!("{of_preds}[{number}]"), || format!("{of_targets}[{number}]"));
        let before = [&batch.detections, &batch.ground_truth].map(|side| side.mask_sizes().len());
        let Batch { ground_truth, detections, categories, .. } = &mut batch;
        detections.read_image(&pred, &of_pred, (i as u32, categories), options, true)?;
        ground_truth.read_image(&target, &of_target, (i as u32, categories), options, false)?;
        let masks =
            (&batch.detections.mask_sizes()[before[0]..], &batch.ground_truth.mask_sizes()[before[1]..]);
        check_sizes(masks.0, masks.1, &of_pred, &of_target)?;
        let read = |item: &Bound<'_, PyAny>, place: &dyn Fn() -> String| {
            let id = DictFields(item).get(name)?;
            id.map(|id| key(&id, || Place::of(format!("{}[\"image_id\"]", place())))).transpose()
        };
        match (read(&target, &of_target)?, read(&pred, &of_pred)?) {
            (Some(a), Some(b)) if a != b => {
                let message =
                    format!("{}[\"image_id\"] is {b}, {}[\"image_id\"] is {a}", of_pred(), of_target());
                return Err(bad_value(message));
            }
            (a, b) => ids.extend(a.or(b)),
        }
    }
    match ids.len() {
        0 => {}
        given if given == batch.images => batch.image_ids = Some(ids),
        given => {
            let message =
                format!("image_id: {given} of {} images have one, expected all or none", batch.images);
            return Err(bad_value(message));
        }
    }
    Ok(batch)
}

/// DIFFERENCE: in the reference masks of two sizes merely do not overlap, so that predictions that were resized look as
/// if all were wrong.
fn check_sizes(
    detections: &[[u32; 2]],
    ground_truth: &[[u32; 2]],
    of_pred: &dyn Fn() -> String,
    of_target: &dyn Fn() -> String,
) -> PyResult<()> {
    let Some(&[h, w]) = ground_truth.first().or(detections.first()) else { return Ok(()) };
    for (sizes, place) in [(ground_truth, of_target), (detections, of_pred)] {
        if let Some(row) = sizes.iter().position(|&size| size != [h, w]) {
            let [height, width] = sizes[row];
            let found = format!("has {height} x {width} pixels, others of the image {h} x {w}");
            return Err(Place::row(format!("{}[\"masks\"]", place()), row).found(found).into());
        }
    }
    Ok(())
}

fn list<'py>(value: &Bound<'py, PyAny>, name: &str) -> PyResult<Bound<'py, PyList>> {
    if let Ok(list) = value.cast::<PyList>() {
        return Ok(list.clone());
    }
    let iterable = value.try_iter();
    if value.is_instance_of::<PyDict>() || value.is_instance_of::<PyString>() || iterable.is_err() {
        let found = kind_of(value);
        let message = format!("{name}: expected a list of one dictionary for each image, found {found}");
        return Err(PyTypeError::new_err(message));
    }
    PyList::new(value.py(), iterable?.collect::<PyResult<Vec<_>>>()?)
}
