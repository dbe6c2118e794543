//! What the reference's evaluation leaves in the annotations that it loads: `ignore` and `_ignore` of ground truth, run
//! lengths in place of other masks.

use pyo3::exceptions::PyKeyError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyList};

use super::positions::{IdPositions, NOWHERE};
use super::record::{AnnotationField, AnnotationRecord, DictReader, PlainValue, prefetch};
use super::segmentation::MaskReader;
use crate::similarity::compress;

/// Adds this file's function to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(mark_annotations, module)?)
}

/// Writes into annotations what an evaluation of these images and categories (ids to positions) writes.
///
/// `loaded` says that they are those that it loads, in any order; else they are looked for: of the images, and with
/// `by_category` of the categories (of all, where there are none). `area_range` is that of the last evaluation of
/// ground truth, None for detections; `keypoints` counts those without any as ignored. `image_records` (id -> image
/// dictionary) are given where masks are compared.
#[pyfunction]
#[pyo3(signature = (
    annotations, images, categories, *, by_category, loaded, area_range=None, keypoints=false, image_records=None
))]
#[expect(clippy::too_many_arguments, reason = "keywords of one call")]
pub(super) fn mark_annotations<'py>(
    py: Python<'py>,
    annotations: &Bound<'py, PyList>,
    images: &Bound<'py, PyDict>,
    categories: &Bound<'py, PyDict>,
    by_category: bool,
    loaded: bool,
    area_range: Option<[f64; 2]>,
    keypoints: bool,
    image_records: Option<&Bound<'py, PyDict>>,
) -> PyResult<()> {
    let evaluation = Evaluated::new(images, categories)?;
    let mut reader = DictReader::new(&[
        AnnotationField::Image,
        AnnotationField::Category,
        AnnotationField::Area,
        AnnotationField::Crowd,
    ]);
    let mut masks = image_records.map(|images| (MaskReader::new(images), Vec::new()));
    for (record, annotation) in annotations.iter().enumerate() {
        prefetch(annotations, record);
        let Ok(annotation) = annotation.cast_into_exact::<PyDict>() else { continue };
        let read = reader.read(&annotation);
        let [image, category] = evaluation.has(&annotation, read.as_ref())?;
        let chosen =
            loaded || ((image || images.is_empty()) && (category || !by_category || categories.is_empty()));
        if !chosen {
            continue;
        }
        if let Some(range) = area_range {
            let range = (image && category).then_some(range);
            mark(&annotation, read.as_ref(), range, keypoints)?;
        }
        if let Some((reader, marked)) = &mut masks
            && !is_compressed(&annotation)?
            && reader.push(&annotation)?.is_some()
        {
            marked.push(annotation);
        }
    }
    let Some((reader, marked)) = masks else { return Ok(()) };
    let masks = reader.finish();
    let texts = py.detach(|| compress(&masks))?;
    for ((annotation, text), size) in marked.iter().zip(&texts).zip(&masks.size) {
        let Some(text) = text else { continue };
        let runs = PyDict::new(py);
        runs.set_item(intern!(py, "size"), PyList::new(py, size)?)?;
        runs.set_item(intern!(py, "counts"), PyBytes::new(py, text))?;
        annotation.set_item(intern!(py, "segmentation"), runs)?;
    }
    Ok(())
}

/// Ids of evaluated images and categories.
struct Evaluated<'a, 'py> {
    /// The images and categories.
    ids: [&'a Bound<'py, PyDict>; 2],
    /// The same, where all are plain.
    places: Option<[IdPositions; 2]>,
}

impl<'a, 'py> Evaluated<'a, 'py> {
    fn new(images: &'a Bound<'py, PyDict>, categories: &'a Bound<'py, PyDict>) -> PyResult<Self> {
        let places = match (IdPositions::new(images)?, IdPositions::new(categories)?) {
            (Some(images), Some(categories)) => Some([images, categories]),
            _ => None,
        };
        Ok(Evaluated { ids: [images, categories], places })
    }

    /// Whether an annotation's image, and its category, are evaluated.
    fn has(&self, annotation: &Bound<'py, PyDict>, read: Option<&AnnotationRecord>) -> PyResult<[bool; 2]> {
        if let (Some([images, categories]), Some(read)) = (&self.places, read)
            && let (PlainValue::Integer(image), PlainValue::Integer(category)) = (read.image, read.category)
        {
            return Ok([images.of(image) != NOWHERE, categories.of(category) != NOWHERE]);
        }
        let py = annotation.py();
        let has = |ids: &Bound<'py, PyDict>, name| ids.contains(required(annotation, name)?);
        Ok([has(self.ids[0], intern!(py, "image_id"))?, has(self.ids[1], intern!(py, "category_id"))?])
    }
}

/// Sets `ignore` of a ground truth, and with the last area range that it was evaluated in `_ignore`.
fn mark<'py>(
    annotation: &Bound<'py, PyDict>,
    read: Option<&AnnotationRecord>,
    area_range: Option<[f64; 2]>,
    keypoints: bool,
) -> PyResult<()> {
    let py = annotation.py();
    let plain = read.map_or(PlainValue::Other, |read| read.crowd);
    let mut ignore = match plain {
        PlainValue::Integer(crowd @ 0..=1) => PyInt::new(py, crowd).into_any(),
        _ => match annotation.get_item(intern!(py, "iscrowd"))? {
            Some(crowd) => crowd,
            None => PyBool::new(py, false).to_owned().into_any(),
        },
    };
    if keypoints {
        let unlabelled = required(annotation, intern!(py, "num_keypoints"))?
            .rich_compare(0, pyo3::basic::CompareOp::Eq)?;
        if unlabelled.is_truthy()? {
            ignore = unlabelled;
        }
    }
    annotation.set_item(intern!(py, "ignore"), &ignore)?;
    let Some([low, high]) = area_range else { return Ok(()) };
    let area = match read.and_then(|read| read.area.exact()) {
        Some(area) => area,
        None => required(annotation, intern!(py, "area"))?.extract()?,
    };
    let ignored = ignore.is_truthy()? || area < low || area > high;
    annotation.set_item(intern!(py, "_ignore"), i32::from(ignored))
}

/// Whether an annotation's mask is in compressed run lengths, which stay the object that they are.
fn is_compressed(annotation: &Bound<'_, PyDict>) -> PyResult<bool> {
    let py = annotation.py();
    let segmentation = required(annotation, intern!(py, "segmentation"))?;
    let Ok(runs) = segmentation.cast_exact::<PyDict>() else { return Ok(false) };
    let counts = runs.get_item(intern!(py, "counts"))?;
    Ok(!counts.is_some_and(|counts| counts.is_exact_instance_of::<PyList>()))
}

fn required<'py>(
    annotation: &Bound<'py, PyDict>,
    name: &Bound<'py, pyo3::types::PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    annotation.get_item(name)?.ok_or_else(|| PyKeyError::new_err(name.to_string()))
}
