//! The mask column from `segmentation` values: polygons, compressed and plain run lengths.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyString};

use super::number::{exact, number, numbers};
use crate::columns::Masks;
use crate::error::push;
use crate::python::once::intern;

/// Collects the masks of annotations; sizes come from their images, as in the reference's `annToRLE`.
pub(super) struct MaskReader<'a, 'py> {
    images: &'a Bound<'py, PyDict>,
    masks: Masks,
    numbers: Vec<f64>,
    counts: Vec<u32>,
    /// The last image seen and its size: annotations mostly come image by image.
    last: Option<(Bound<'py, PyAny>, [u32; 2])>,
}

impl<'a, 'py> MaskReader<'a, 'py> {
    /// No masks yet; `images` maps ids to image dictionaries with `height` and `width`.
    pub(super) fn new(images: &'a Bound<'py, PyDict>) -> Self {
        MaskReader { images, masks: Masks::default(), numbers: Vec::new(), counts: Vec::new(), last: None }
    }

    /// All masks.
    pub(super) fn finish(self) -> Masks {
        self.masks
    }

    /// Adds the mask of one annotation; None where it is not what the columns can hold.
    pub(super) fn push(&mut self, annotation: &Bound<'py, PyDict>) -> PyResult<Option<()>> {
        let py = annotation.py();
        let image = exact!(annotation.get_item(intern!(py, "image_id"))?);
        let size = exact!(self.image_size(image)?);
        let segmentation = exact!(annotation.get_item(intern!(py, "segmentation"))?);
        if let Ok(rings) = segmentation.cast_exact::<PyList>() {
            return self.push_polygons(size, rings);
        }
        match segmentation.cast_exact::<PyDict>() {
            Ok(runs) => self.push_runs(runs),
            Err(_) => Ok(None),
        }
    }

    /// Height and width of the image: read whatever the segmentation is, as in the reference.
    fn image_size(&mut self, id: Bound<'py, PyAny>) -> PyResult<Option<[u32; 2]>> {
        if let Some((last, size)) = &self.last
            && last.is(&id)
        {
            return Ok(Some(*size));
        }
        let py = id.py();
        let image = exact!(self.images.get_item(&id)?);
        let Ok(image) = image.cast_into_exact::<PyDict>() else { return Ok(None) };
        let height = exact!(pixels(&exact!(image.get_item(intern!(py, "height"))?))?);
        let width = exact!(pixels(&exact!(image.get_item(intern!(py, "width"))?))?);
        self.last = Some((id, [height, width]));
        Ok(Some([height, width]))
    }

    fn push_polygons(&mut self, size: [u32; 2], rings: &Bound<'py, PyList>) -> PyResult<Option<()>> {
        for (index, ring) in rings.iter().enumerate() {
            self.numbers.clear();
            exact!(numbers(&ring, &mut self.numbers)?);
            let length = self.numbers.len();
            // The reference distinguishes polygons from boxes by the first ring alone.
            let too_short = length < if index == 0 { 5 } else { 2 };
            if too_short || !self.numbers.iter().all(|coordinate| coordinate.is_finite()) {
                return Ok(None);
            }
            // It rounds the number of points down.
            self.masks.push_ring(self.numbers[..length / 2 * 2].iter().copied())?;
        }
        let count = exact!(u32::try_from(rings.len()).ok());
        if count == 0 || u32::try_from(self.masks.rings.len()).is_err() {
            return Ok(None);
        }
        self.masks.push_polygons(size, count)?;
        Ok(Some(()))
    }

    fn push_runs(&mut self, runs: &Bound<'py, PyDict>) -> PyResult<Option<()>> {
        let py = runs.py();
        let size = exact!(runs.get_item(intern!(py, "size"))?);
        let (Ok(height), Ok(width)) = (size.get_item(0), size.get_item(1)) else { return Ok(None) };
        let size = [exact!(pixels(&height)?), exact!(pixels(&width)?)];
        let counts = exact!(runs.get_item(intern!(py, "counts"))?);
        if let Ok(text) = counts.cast_exact::<PyString>() {
            self.push_compressed(size, exact!(text.to_str().ok()).as_bytes())
        } else if let Ok(bytes) = counts.cast_exact::<PyBytes>() {
            self.push_compressed(size, bytes.as_bytes())
        } else if let Ok(list) = counts.cast_exact::<PyList>() {
            self.push_counts(size, list)
        } else {
            Ok(None)
        }
    }

    fn push_compressed(&mut self, size: [u32; 2], text: &[u8]) -> PyResult<Option<()>> {
        // The reference reads a C string.
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        exact!(u32::try_from(text.len()).ok());
        self.masks.push_compressed(size, text)?;
        Ok(Some(()))
    }

    fn push_counts(&mut self, size: [u32; 2], list: &Bound<'py, PyList>) -> PyResult<Option<()>> {
        self.counts.clear();
        for count in list.iter() {
            push(&mut self.counts, exact!(pixels(&count)?))?;
        }
        exact!(u32::try_from(self.counts.len()).ok());
        self.masks.push_counts(size, &self.counts)?;
        Ok(Some(()))
    }
}

/// A number of pixels, truncated as the reference's conversion does: not negative, below 2^32.
fn pixels(object: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
    if object.is_exact_instance_of::<PyInt>() {
        return Ok(object.extract().ok());
    }
    let value = exact!(number(object)?).value;
    let fits = (0.0..=f64::from(u32::MAX)).contains(&value);
    Ok(fits.then_some(value as u32))
}
