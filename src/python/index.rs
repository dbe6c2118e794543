//! The walks over a user's annotation dictionaries that `COCO` makes: index, select, prepare.
//!
//! The dictionaries are read and written through Python's own item protocol, so that subclasses behave as they
//! would in a Python loop; what a loop would raise is raised here, in a sentence that names record and field.

use pyo3::exceptions::{PyIndexError, PyKeyError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::annotation_index::{AnnotationIndex, IndexBuilder};
use super::number::{NumberKind, PyNumber, number};
use super::record::{AnnotationField, BoxResult, DictReader, prefetch};
use crate::python::kind_of;
use crate::python::once::intern;

/// Adds the functions of this file to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(index_annotations, module)?)?;
    module.add_function(wrap_pyfunction!(load_annotations, module)?)?;
    module.add_function(wrap_pyfunction!(prepare_boxes, module)?)?;
    module.add_function(wrap_pyfunction!(keypoint_extent, module)?)?;
    Ok(())
}

/// Fills `anns` (id -> annotation), `img_to_anns` (image id -> annotations) and, if given, `cat_to_imgs` (category
/// id -> image ids, one for each annotation) in the order of `annotations`.
#[pyfunction]
#[pyo3(signature = (annotations, anns, img_to_anns, cat_to_imgs=None))]
pub(super) fn index_annotations(
    annotations: &Bound<'_, PyAny>,
    anns: &Bound<'_, PyDict>,
    img_to_anns: &Bound<'_, PyDict>,
    cat_to_imgs: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let py = annotations.py();
    let (image_id, id, category_id) =
        (intern!(py, "image_id"), intern!(py, "id"), intern!(py, "category_id"));
    for (record, annotation) in annotations.try_iter()?.enumerate() {
        let annotation = annotation?;
        let place = || format!("annotations: record {record}");
        let image = field(&annotation, image_id, place)?;
        add(img_to_anns, &image, &annotation).map_err(|error| named(py, error, place, image_id))?;
        let key = field(&annotation, id, place)?;
        anns.set_item(&key, &annotation).map_err(|error| named(py, error, place, id))?;
        if let Some(cat_to_imgs) = cat_to_imgs {
            let category = field(&annotation, category_id, place)?;
            add(cat_to_imgs, &category, &image).map_err(|error| named(py, error, place, category_id))?;
        }
    }
    Ok(())
}

/// Appends `value` to the list at `key`, which is made where there is none.
fn add(lists: &Bound<'_, PyDict>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    match lists.get_item(key)? {
        Some(list) => list.cast::<PyList>()?.append(value),
        None => lists.set_item(key, PyList::new(value.py(), [value])?),
    }
}

/// What `loadAnns(getAnnIds(img_ids, cat_ids))` gives: the annotations of the images, in that order, in one of the
/// categories (any, if `cat_ids` is empty). An id that occurs twice stands for its last annotation both times.
///
/// Without image ids `all_annotations` are looked through.
#[pyfunction]
#[pyo3(signature = (img_to_anns, anns, img_ids, cat_ids, all_annotations))]
pub(super) fn load_annotations<'py>(
    img_to_anns: &Bound<'py, PyDict>,
    anns: &Bound<'py, PyDict>,
    img_ids: &Bound<'py, PyList>,
    cat_ids: &Bound<'py, PyList>,
    all_annotations: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let py = img_to_anns.py();
    let (id, category_id) = (intern!(py, "id"), intern!(py, "category_id"));
    let wanted = IdSet::new(cat_ids)?;
    let loaded = PyList::empty(py);
    let load = |annotation: Bound<'py, PyAny>| -> PyResult<()> {
        let place = || match annotation.get_item(id) {
            Ok(id) => format!("the annotation with id {id}"),
            Err(_) => "an annotation".to_owned(),
        };
        if !cat_ids.is_empty() && !wanted.has(&field(&annotation, category_id, place)?)? {
            return Ok(());
        }
        let key = field(&annotation, id, || "an annotation".to_owned())?;
        loaded.append(anns.get_item(&key)?.ok_or_else(|| PyKeyError::new_err(key.unbind()))?)
    };
    if img_ids.is_empty() {
        let Some(all) = all_annotations else { return Err(PyKeyError::new_err("annotations")) };
        for annotation in all.try_iter()? {
            load(annotation?)?;
        }
    } else {
        for image in img_ids.iter() {
            if let Some(list) = img_to_anns.get_item(image)? {
                for annotation in list.try_iter()? {
                    load(annotation?)?;
                }
            }
        }
    }
    Ok(loaded)
}

/// Membership in a list of ids as `in` decides it.
struct IdSet<'a, 'py> {
    list: &'a Bound<'py, PyList>,
    /// The same ids, where equality and hash are known to agree.
    set: Option<Bound<'py, PyDict>>,
}

impl<'a, 'py> IdSet<'a, 'py> {
    fn new(list: &'a Bound<'py, PyList>) -> PyResult<Self> {
        let set = PyDict::new(list.py());
        for id in list.iter() {
            if !plain(&id)? {
                return Ok(IdSet { list, set: None });
            }
            set.set_item(id, true)?;
        }
        Ok(IdSet { list, set: Some(set) })
    }

    fn has(&self, id: &Bound<'py, PyAny>) -> PyResult<bool> {
        match &self.set {
            Some(set) if plain(id)? => set.contains(id),
            _ => self.list.contains(id),
        }
    }
}

/// Whether equality and hash agree between `id` and any other such id: strings and integers. Floats are left
/// out (`numpy.float32(0.1) == 0.1`, with different hashes).
fn plain(id: &Bound<'_, PyAny>) -> PyResult<bool> {
    if id.is_exact_instance_of::<PyInt>() || id.is_exact_instance_of::<PyString>() {
        return Ok(true);
    }
    Ok(matches!(number(id)?, Some(number) if number.kind == NumberKind::Integer))
}

/// `loadRes` for boxes: gives each annotation `segmentation` (the box's corners, unless it has one), `area`, `id`
/// (1, 2, 3, …) and `iscrowd` 0, in that order. `place` begins the sentences of errors.
///
/// Gives their index, or None where it cannot hold their ids.
#[pyfunction]
pub(super) fn prepare_boxes(
    annotations: &Bound<'_, PyList>,
    place: &str,
) -> PyResult<Option<AnnotationIndex>> {
    let py = annotations.py();
    let (bbox, segmentation, area) = (intern!(py, "bbox"), intern!(py, "segmentation"), intern!(py, "area"));
    let (id, iscrowd) = (intern!(py, "id"), intern!(py, "iscrowd"));
    let zero = PyInt::new(py, 0);
    let mut reader = DictReader::new(&[
        AnnotationField::Box,
        AnnotationField::Segmentation,
        AnnotationField::Id,
        AnnotationField::Image,
        AnnotationField::Category,
    ]);
    let (mut builder, mut whole) = (IndexBuilder::new(annotations.len(), true)?, true);
    for (record, annotation) in annotations.iter().enumerate() {
        prefetch(annotations, record);
        let plain = annotation.cast_exact::<PyDict>().ok().and_then(|annotation| {
            let result = reader.box_result(annotation)?;
            Some((annotation, result))
        });
        if let Some((annotation, result)) = plain {
            if !result.segmented {
                annotation.set_item(segmentation, PyList::new(py, [ring_of_box(py, &result)?])?)?;
            }
            annotation.set_item(area, result.sides[2] * result.sides[3])?;
            annotation.set_item(id, record + 1)?;
            annotation.set_item(iscrowd, &zero)?;
            // A dictionary that is in the list twice has the number of its first place.
            let again = result.id.integer().is_some_and(|id| (1..=record as i64).contains(&id));
            whole &= !again && builder.push(record as i64 + 1, result.image, result.category)?.is_some();
            continue;
        }
        whole = false;
        let place = || format!("{place}: record {record}");
        let at_field = |error| named(py, error, place, bbox);
        let bb = field(&annotation, bbox, place)?;
        let ring = corners(&bb).map_err(at_field)?;
        if !annotation.contains(segmentation)? {
            annotation.set_item(segmentation, PyList::new(py, [ring])?)?;
        }
        // Where this fails the reference has set the corners already.
        annotation.set_item(area, area_of(&bb).map_err(at_field)?)?;
        annotation.set_item(id, record + 1)?;
        annotation.set_item(iscrowd, &zero)?;
    }
    Ok(if whole { builder.finish()? } else { None })
}

/// The corners of a result's box as a ring, in its own objects where the numbers are the same.
fn ring_of_box<'py>(py: Python<'py>, result: &BoxResult<'py>) -> PyResult<Bound<'py, PyList>> {
    let ([x, y, width, height], [x1, y1]) = (result.sides, &result.corner);
    let [x2, y2] = [x + width, y + height].map(|value| PyFloat::new(py, value).into_any());
    PyList::new(py, [x1, y1, x1, &y2, &x2, &y2, &x2, y1])
}

/// The corners of the box `x, y, width, height` as a ring.
fn corners<'py>(bb: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    let (x1, y1, w, h) = (side(bb, 0)?, side(bb, 1)?, side(bb, 2)?, side(bb, 3)?);
    let (x2, y2) = (x1.add(&w)?, y1.add(&h)?);
    PyList::new(bb.py(), [&x1, &y1, &x1, &y2, &x2, &y2, &x2, &y1])
}

/// The area of the box `x, y, width, height`.
fn area_of<'py>(bb: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    side(bb, 2)?.mul(side(bb, 3)?)
}

fn side<'py>(bb: &Bound<'py, PyAny>, index: usize) -> PyResult<Bound<'py, PyAny>> {
    match bb.cast_exact::<PyList>() {
        Ok(list) => list.get_item(index),
        Err(_) => bb.get_item(index),
    }
}

/// The smallest and largest x and y of a result's keypoints: `(x0, x1, y0, y1)` as Python numbers of the kind that
/// NumPy would find in the list, or None where it has to be called.
#[pyfunction]
pub(super) fn keypoint_extent<'py>(keypoints: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let py = keypoints.py();
    let Ok(list) = keypoints.cast_exact::<PyList>() else { return Ok(None) };
    let mut extent = [(f64::INFINITY, f64::NEG_INFINITY, false); 2];
    if list.len() < 2 {
        return Ok(None);
    }
    for (index, item) in list.iter().enumerate() {
        let axis = index % 3;
        if axis == 2 {
            continue;
        }
        let (least, most, double) = &mut extent[axis];
        match number(&item)? {
            // Which zero is the least, and which NaN the result, is left to NumPy.
            Some(PyNumber { value, .. }) if value.is_nan() || (value == 0.0 && value.is_sign_negative()) => {
                return Ok(None);
            }
            Some(PyNumber { value, kind: NumberKind::Double }) => {
                (*least, *most, *double) = (least.min(value), most.max(value), true);
            }
            Some(PyNumber { value, kind: NumberKind::Integer }) if value.abs() <= f64::from(1 << 30) => {
                (*least, *most) = (least.min(value), most.max(value));
            }
            _ => return Ok(None),
        }
    }
    let boxed = |value: f64, double: bool| -> PyResult<Bound<'py, PyAny>> {
        Ok(if double {
            PyFloat::new(py, value).into_any()
        } else {
            (value as i64).into_pyobject(py)?.into_any()
        })
    };
    let [(x0, x1, x), (y0, y1, y)] = extent;
    Ok(Some(PyTuple::new(py, [boxed(x0, x)?, boxed(x1, x)?, boxed(y0, y)?, boxed(y1, y)?])?))
}

/// `annotation[key]`, or an error that says where it is missing.
fn field<'py>(
    annotation: &Bound<'py, PyAny>,
    key: &Bound<'py, PyString>,
    place: impl Fn() -> String,
) -> PyResult<Bound<'py, PyAny>> {
    let py = annotation.py();
    annotation.get_item(key).map_err(|error| {
        let sentence = if error.is_instance_of::<PyKeyError>(py) {
            format!("{}: \"{key}\" is missing", place())
        } else {
            format!("{} is {}, expected a dict", place(), kind_of(annotation))
        };
        same_kind(py, error, sentence)
    })
}

/// The same error with a sentence that names record and field.
fn named(py: Python<'_>, error: PyErr, place: impl Fn() -> String, key: &Bound<'_, PyString>) -> PyErr {
    let sentence = format!("{}: \"{key}\": {}", place(), error.value(py));
    same_kind(py, error, sentence)
}

/// An error of the same class as a built-in `error`, with another sentence; any other error as it is.
pub(super) fn same_kind(py: Python<'_>, error: PyErr, sentence: String) -> PyErr {
    let class = error.get_type(py);
    let built_in = class.is(py.get_type::<PyKeyError>())
        || class.is(py.get_type::<PyTypeError>())
        || class.is(py.get_type::<PyIndexError>())
        || class.is(py.get_type::<PyValueError>())
        || class.is(py.get_type::<PyOverflowError>());
    if !built_in {
        return error;
    }
    let described = PyErr::from_type(class, sentence);
    described.set_cause(py, Some(error));
    described
}
