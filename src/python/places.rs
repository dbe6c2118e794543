//! Positions of plain ids among the evaluated images or categories.

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::items::items;
use super::listed::AnnotationIndex;
use super::number::{Kind, number};
use crate::columns::{Codebook, Key};

/// The position of what is not evaluated.
pub const NOWHERE: u32 = u32::MAX;

/// Adds this file's function to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(positions, module)?)
}

/// Where each of `ids` stands among ids that are sorted and distinct; [`NOWHERE`] for one that does not.
#[pyfunction]
fn positions<'py>(
    py: Python<'py>,
    ids: PyReadonlyArray1<'py, i64>,
    among: PyReadonlyArray1<'py, i64>,
) -> PyResult<Bound<'py, PyArray1<u32>>> {
    let (ids, among) = (ids.as_slice()?, among.as_slice()?);
    let of = |id| among.binary_search(id).map_or(NOWHERE, |place| place as u32);
    Ok(PyArray1::from_iter(py, ids.iter().map(of)))
}

/// Positions of ids.
pub struct Places {
    known: Codebook,
    positions: Vec<u32>,
}

impl Places {
    /// From a dictionary of id to position; None where an id is no integer, which may equal one all the same.
    pub fn new(given: &Bound<'_, PyDict>) -> PyResult<Option<Places>> {
        let mut places = Places { known: Codebook::default(), positions: Vec::with_capacity(given.len()) };
        for item in items(given) {
            let (id, position) = item?;
            let id = number(&id)?.filter(|id| id.kind == Kind::Integer);
            let (Some(id), Ok(position)) = (id, position.extract()) else { return Ok(None) };
            // Unequal keys of one dictionary get one code each, in order.
            places.known.code(&Key::Number(id.value as i64));
            places.positions.push(position);
        }
        Ok(Some(places))
    }

    /// The position of an id.
    #[inline]
    pub fn of(&self, id: i64) -> u32 {
        self.known.find(&Key::Number(id)).map_or(NOWHERE, |code| self.positions[code as usize])
    }
}

/// Positions of images, and what the annotations' ids were when they were indexed, if they were.
pub struct ImagePlaces<'a> {
    places: Places,
    indexed: Option<(&'a AnnotationIndex, Vec<u32>)>,
}

impl<'a> ImagePlaces<'a> {
    /// With the positions of the index's images looked up once.
    pub fn new(places: Places, index: Option<&'a AnnotationIndex>) -> Self {
        let indexed = index.map(|index| (index, index.images.ids.iter().map(|&id| places.of(id)).collect()));
        ImagePlaces { places, indexed }
    }

    /// The position of the image of the annotation at `record`; None if either id is not what was indexed.
    #[inline]
    pub fn of(&self, record: usize, image: i64, id: Option<i64>) -> Option<u32> {
        let Some((index, positions)) = &self.indexed else { return Some(self.places.of(image)) };
        let code = index.images.codes[record] as usize;
        (index.images.ids[code] == image && id == Some(index.id(record))).then(|| positions[code])
    }
}
