//! The ids of a list of annotations as they were when it was indexed: enough to make the indices that a user sees,
//! later and only on first access.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList};

use super::items::{check_signals, list};
use super::record::{AnnotationField, DictReader, PlainValue, prefetch};
use crate::columns::InternedIds;
use crate::error::{Result, can_allocate, copied, push, with_capacity};

/// Adds what this file defines to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<AnnotationIndex>()?;
    module.add_function(wrap_pyfunction!(plain_image_ids, module)?)?;
    module.add_function(wrap_pyfunction!(index_plain, module)?)
}

/// Ids of annotations that were plain integers, no annotation id twice.
#[pyclass(frozen, module = "meanap._core")]
pub(super) struct AnnotationIndex {
    /// Annotation ids; none if they are 1, 2, 3, …
    pub ids: Option<Vec<i64>>,
    /// Image ids.
    pub images: InternedIds,
    /// Category ids; none if no category index was requested.
    pub categories: Option<InternedIds>,
}

impl AnnotationIndex {
    /// The id of the annotation at this place.
    pub(super) fn id(&self, record: usize) -> i64 {
        self.ids.as_ref().map_or(record as i64 + 1, |ids| ids[record])
    }

    /// The number of annotations.
    pub(super) fn len(&self) -> usize {
        self.images.codes.len()
    }
}

#[pymethods]
impl AnnotationIndex {
    fn __len__(&self) -> usize {
        self.len()
    }

    /// Fills `anns` (id -> annotation), `img_to_anns` (image id -> annotations) and `cat_to_imgs` (category id -> image
    /// ids, one for each annotation) from the annotations that were indexed.
    fn fill(
        &self,
        annotations: &Bound<'_, PyList>,
        anns: &Bound<'_, PyDict>,
        img_to_anns: &Bound<'_, PyDict>,
        cat_to_imgs: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let py = annotations.py();
        if annotations.len() != self.len() {
            let message = format!("annotations: {} of the {} indexed", annotations.len(), self.len());
            return Err(PyValueError::new_err(message));
        }
        can_allocate(self.images.ids.len().saturating_mul(OF_AN_ID))?;
        let images: Vec<_> = self.images.ids.iter().map(|&id| PyInt::new(py, id)).collect();
        let lists = |ids: &[Bound<'_, PyInt>], index: &Bound<'_, PyDict>| -> PyResult<Vec<_>> {
            let list = |id| {
                let list = PyList::empty(py).unbind();
                index.set_item(id, &list).map(|()| list.into_bound(py))
            };
            ids.iter().map(list).collect()
        };
        let by_image = lists(&images, img_to_anns)?;
        for (record, annotation) in annotations.iter().take(self.len()).enumerate() {
            check_signals(py, record)?;
            by_image[self.images.codes[record] as usize].append(&annotation)?;
            anns.set_item(self.id(record), annotation)?;
        }
        if let Some(categories) = &self.categories {
            let ids: Vec<_> = categories.ids.iter().map(|&id| PyInt::new(py, id)).collect();
            let by_category = lists(&ids, cat_to_imgs)?;
            for (&category, &image) in categories.codes.iter().zip(&self.images.codes) {
                by_category[category as usize].append(&images[image as usize])?;
            }
        }
        Ok(())
    }
}

/// The distinct image ids of annotations in order of appearance, or None if one is no plain integer.
#[pyfunction]
pub(super) fn plain_image_ids<'py>(annotations: &Bound<'py, PyList>) -> PyResult<Option<Bound<'py, PyList>>> {
    let mut reader = DictReader::new(&[AnnotationField::Image]);
    let mut images = InternedIds::default();
    let mut last = None;
    for (record, annotation) in annotations.iter().enumerate() {
        prefetch(annotations, record);
        check_signals(annotations.py(), record)?;
        let Some(read) = annotation.cast_exact::<PyDict>().ok().and_then(|dict| reader.read(dict)) else {
            return Ok(None);
        };
        let PlainValue::Integer(id) = read.image else { return Ok(None) };
        // Annotations mostly come image by image.
        if last != Some(id) {
            images.push(id)?;
            last = Some(id);
        }
    }
    Ok(Some(list(annotations.py(), images.ids.iter())?))
}

/// The index of annotations, with `categories` of their categories too; None if an id is no plain integer or if an
/// annotation id occurs twice.
#[pyfunction]
pub(super) fn index_plain(
    annotations: &Bound<'_, PyList>,
    categories: bool,
) -> PyResult<Option<AnnotationIndex>> {
    let mut reader =
        DictReader::new(&[AnnotationField::Id, AnnotationField::Image, AnnotationField::Category]);
    let mut builder = IndexBuilder::new(annotations.len(), categories)?;
    for (record, annotation) in annotations.iter().enumerate() {
        prefetch(annotations, record);
        check_signals(annotations.py(), record)?;
        let read = annotation.cast_exact::<PyDict>().ok().and_then(|dict| reader.read(dict));
        let Some((id, read)) = read.and_then(|read| Some((read.id.integer()?, read))) else {
            return Ok(None);
        };
        if builder.push(id, read.image, read.category)?.is_none() {
            return Ok(None);
        }
    }
    Ok(builder.finish()?)
}

/// Bytes that the objects of an id take: the number, its list and their places.
const OF_AN_ID: usize = 256;

/// An index under construction.
pub(super) struct IndexBuilder {
    ids: Option<Vec<i64>>,
    images: InternedIds,
    categories: Option<InternedIds>,
}

impl IndexBuilder {
    /// An index of so many annotations, perhaps of their categories too.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, here as in all that follows.
    pub(super) fn new(annotations: usize, categories: bool) -> Result<Self> {
        let codes = || -> Result<InternedIds> {
            let mut codes = InternedIds::default();
            codes.codes = with_capacity(annotations)?;
            Ok(codes)
        };
        Ok(IndexBuilder { ids: None, images: codes()?, categories: categories.then(codes).transpose()? })
    }

    /// Adds an annotation; None if its ids are not plain.
    pub(super) fn push(&mut self, id: i64, image: PlainValue, category: PlainValue) -> Result<Option<()>> {
        let record = self.images.codes.len();
        if self.ids.is_none() && id != record as i64 + 1 {
            let mut ids = with_capacity(self.images.codes.capacity())?;
            ids.extend(1..=record as i64);
            self.ids = Some(ids);
        }
        if let Some(ids) = &mut self.ids {
            push(ids, id)?;
        }
        let Some(image) = image.integer() else { return Ok(None) };
        self.images.push(image)?;
        if let Some(categories) = &mut self.categories {
            let Some(category) = category.integer() else { return Ok(None) };
            categories.push(category)?;
        }
        Ok(Some(()))
    }

    /// The index; None if an annotation id occurs twice: then the last annotation stands for all.
    pub(super) fn finish(self) -> Result<Option<AnnotationIndex>> {
        if let Some(ids) = &self.ids
            && !ids.is_sorted_by(|a, b| a < b)
        {
            let mut sorted = copied(ids)?;
            sorted.sort_unstable();
            if !sorted.is_sorted_by(|a, b| a < b) {
                return Ok(None);
            }
        }
        Ok(Some(AnnotationIndex { ids: self.ids, images: self.images, categories: self.categories }))
    }
}
