//! Columns of one side from arrays.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::arrays::keys;
use super::batch::{Options, SideColumns};
use super::objects::{CodeIds, PyObjects};
use crate::columns::{Interner, Key};
use crate::error::with_capacity;

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
    let image = codes(image_ids, &mut images, "image_ids")?;
    let category = keys(category_ids, || "category_ids".to_owned())?;
    let codes = categories.codes(&category)?;
    let mut side = SideColumns::default();
    side.read_columns(fields, image, category, &options, (detections, records))?;
    Ok(PyObjects {
        columns: side.objects(codes, options.similarity.geometry),
        image_ids: CodeIds::Keys(images.keys().to_vec()),
        category_ids: CodeIds::Keys(categories.keys().to_vec()),
    })
}

/// The code of each id. Objects of one image often follow each other with the very same text: it is read once.
fn codes(ids: &Bound<'_, PyAny>, book: &mut Interner, name: &str) -> PyResult<Vec<u32>> {
    let texts =
        ids.cast::<PyList>().ok().filter(|list| list.iter().all(|id| id.is_instance_of::<PyString>()));
    let Some(texts) = texts else {
        return Ok(book.codes(&keys(ids, || name.to_owned())?)?);
    };
    let mut codes = with_capacity(texts.len())?;
    let mut last: Option<(Bound<'_, PyAny>, u32)> = None;
    for id in texts.iter() {
        let code = match &last {
            Some((text, code)) if text.is(&id) => *code,
            _ => book.code(&Key::Text(id.cast::<PyString>()?.to_str()?.into()))?,
        };
        codes.push(code);
        last = Some((id, code));
    }
    Ok(codes)
}
