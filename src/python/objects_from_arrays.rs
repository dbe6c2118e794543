//! Columns of one side from arrays.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::codes;
use super::batch::{Options, SideColumns};
use super::objects::{CodeIds, PyObjects};
use crate::columns::Interner;

/// Columns of one side from arrays: keywords as the fields of a per-image dictionary. `records`: they were made of
/// COCO's records, which errors name.
#[pyfunction]
#[pyo3(signature = (
    image_ids, category_ids, *, detections, similarity, box_format, size, score_range, match_crowds, records, fields
))]
#[expect(clippy::too_many_arguments, reason = "keywords of one call")]
pub(super) fn objects_from_arrays(
    image_ids: &Bound<'_, PyAny>,
    category_ids: &Bound<'_, PyAny>,
    detections: bool,
    similarity: &str,
    box_format: &str,
    size: &str,
    score_range: Option<(f64, f64)>,
    match_crowds: bool,
    records: bool,
    fields: &Bound<'_, PyDict>,
) -> PyResult<PyObjects> {
    let options = Options::new(similarity, box_format, size, score_range, match_crowds)?;
    let (mut images, mut categories) = (Interner::default(), Interner::default());
    let (mut image, mut category) = (Vec::new(), Vec::new());
    codes(image_ids, &mut images, &mut image, || "image_ids".to_owned())?;
    codes(category_ids, &mut categories, &mut category, || "category_ids".to_owned())?;
    let mut side = SideColumns::default();
    side.read_columns(fields, image, category, &options, (detections, records))?;
    Ok(PyObjects {
        columns: side.objects(options.similarity.geometry),
        image_ids: CodeIds::Keys(images.keys().to_vec()),
        category_ids: CodeIds::Keys(categories.keys().to_vec()),
    })
}
