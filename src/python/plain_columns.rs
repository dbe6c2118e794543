//! Columns from the dictionaries of COCO's annotations and results, whose required fields are plain numbers.

use numpy::PyArrayMethods;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::arrays::vector;
use super::items::check_signals;
use super::record::{AnnotationField, AnnotationRecord, DictReader, PlainValue, prefetch};
use crate::error::can_allocate;

/// Adds the function of this file to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(plain_columns, module)?)
}

/// Columns `image_id`, `category_id` `(N,) int64`, `bbox` `(N, 4)` if `boxes`; of detections `score`, of ground truth
/// `area` (NaN where there is none), `iscrowd` and, if all are there, `id`.
///
/// None where a record is not a dictionary, or a field is not plain integers and floats or not what such a field can
/// be: the caller then reads each.
#[pyfunction]
pub(super) fn plain_columns<'py>(
    records: &Bound<'py, PyList>,
    detections: bool,
    boxes: bool,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let py = records.py();
    let mut wanted = vec![AnnotationField::Image, AnnotationField::Category];
    wanted.extend_from_slice(if detections {
        &[AnnotationField::Score]
    } else {
        &[AnnotationField::Area, AnnotationField::Crowd, AnnotationField::Id]
    });
    wanted.extend(boxes.then_some(AnnotationField::Box));
    // PlainColumns that grow take up to three times their size for a moment.
    can_allocate(records.len().saturating_mul(3 * OF_A_RECORD))?;
    let mut columns = PlainColumns::default();
    let mut reader = DictReader::new(&wanted);
    for (row, record) in records.iter().enumerate() {
        prefetch(records, row);
        check_signals(py, row)?;
        let Ok(record) = record.cast_exact::<PyDict>() else { return Ok(None) };
        if reader.read(record).and_then(|read| columns.push(&read, detections, boxes)).is_none() {
            return Ok(None);
        }
    }
    let out = PyDict::new(py);
    out.set_item("image_id", vector(py, columns.image)?)?;
    out.set_item("category_id", vector(py, columns.category)?)?;
    if boxes {
        let flat = vector(py, columns.bbox.into_flattened())?;
        out.set_item("bbox", flat.reshape([records.len(), 4])?)?;
    }
    if detections {
        out.set_item("score", vector(py, columns.score)?)?;
    } else {
        out.set_item("area", vector(py, columns.area)?)?;
        out.set_item("iscrowd", vector(py, columns.crowd)?)?;
        if columns.id.len() == records.len() {
            out.set_item("id", vector(py, columns.id)?)?;
        }
    }
    Ok(Some(out))
}

/// Bytes of a record in all columns.
const OF_A_RECORD: usize = 80;

#[derive(Default)]
struct PlainColumns {
    image: Vec<i64>,
    category: Vec<i64>,
    bbox: Vec<[f64; 4]>,
    score: Vec<f64>,
    area: Vec<f64>,
    crowd: Vec<bool>,
    id: Vec<f64>,
}

impl PlainColumns {
    #[inline]
    fn push(&mut self, read: &AnnotationRecord, detections: bool, boxes: bool) -> Option<()> {
        self.image.push(read.image.integer()?);
        self.category.push(read.category.integer()?);
        if boxes {
            self.bbox.push(read.bbox?);
        }
        if detections {
            self.score.push(read.score.exact().filter(|score| !score.is_nan())?);
            return Some(());
        }
        self.area.push(match read.area {
            PlainValue::Missing => f64::NAN,
            area => area.exact().filter(|area| (0.0..f64::INFINITY).contains(area))?,
        });
        self.crowd.push(match read.crowd {
            PlainValue::Missing => false,
            crowd => crowd.exact().filter(|crowd| [0.0, 1.0].contains(crowd))? == 1.0,
        });
        match read.id {
            PlainValue::Integer(id) => self.id.push(id as f64),
            // An integer too large for 64 bits would be one all the same.
            PlainValue::Other => return None,
            _ => {}
        }
        Some(())
    }
}
