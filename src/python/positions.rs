//! Positions of plain ids among the evaluated images or categories.

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::annotation_index::AnnotationIndex;
use super::arrays::column;
use super::items::items;
use super::number::{NumberKind, number};
use crate::columns::{Interner, Key};
use crate::error::{collect, with_capacity};

/// The position of what is not evaluated.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Adds this file's function to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
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
    column(py, ids.iter().map(of))
}

/// Positions of ids.
pub(super) struct IdPositions {
    known: Interner,
    positions: Vec<u32>,
}

impl IdPositions {
    /// From a dictionary of id to position; None where an id is no integer, which may equal one all the same.
    pub(super) fn new(given: &Bound<'_, PyDict>) -> PyResult<Option<IdPositions>> {
        let mut positions =
            IdPositions { known: Interner::default(), positions: with_capacity(given.len())? };
        for item in items(given) {
            let (id, position) = item?;
            let id = number(&id)?.filter(|id| id.kind == NumberKind::Integer);
            let (Some(id), Ok(position)) = (id, position.extract()) else { return Ok(None) };
            // Unequal keys of one dictionary get one code each, in order.
            positions.known.code(&Key::Number(id.value as i64))?;
            positions.positions.push(position);
        }
        Ok(Some(positions))
    }

    /// The position of an id.
    #[inline]
    pub(super) fn of(&self, id: i64) -> u32 {
        self.known.find(&Key::Number(id)).map_or(NOWHERE, |code| self.positions[code as usize])
    }
}

/// Positions of images, and what the annotations' ids were when they were indexed, if they were.
pub(super) struct ImagePositions<'a> {
    positions: IdPositions,
    indexed: Option<(&'a AnnotationIndex, Vec<u32>)>,
}

impl<'a> ImagePositions<'a> {
    /// With the positions of the index's images looked up once.
    pub(super) fn new(positions: IdPositions, index: Option<&'a AnnotationIndex>) -> PyResult<Self> {
        let found = |index: &'a AnnotationIndex| -> PyResult<_> {
            Ok((index, collect(index.images.ids.iter().map(|&id| positions.of(id)))?))
        };
        let indexed = index.map(found).transpose()?;
        Ok(ImagePositions { positions, indexed })
    }

    /// The position of the image of the annotation at `record`; None if either id is not what was indexed.
    #[inline]
    pub(super) fn of(&self, record: usize, image: i64, id: Option<i64>) -> Option<u32> {
        let Some((index, positions)) = &self.indexed else { return Some(self.positions.of(image)) };
        let code = index.images.codes[record] as usize;
        (index.images.ids[code] == image && id == Some(index.id(record))).then(|| positions[code])
    }
}
