//! Label files and image headers as Python reads them.

use std::path::PathBuf;

use numpy::{PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rayon::prelude::*;

use super::arrays::{array, vector};
use super::interruptible::interruptible;
use super::items::{Extracted, list, list_of};
use super::mask::{mask_beside, masks_of_polygons};
use crate::error::{Error, ErrorKind, Result, can_allocate, collect, collect_blocks, collect_growing};
use crate::labels::yolo::{self, Confidence, YoloLayout};
use crate::labels::{Fault, image, table};
use crate::similarity;
use crate::threads;

/// Files from which on reading them may be cancelled.
const MANY_FILES: usize = 4096;

/// Adds the functions of this file to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(image_sizes, module)?)?;
    module.add_function(wrap_pyfunction!(read_yolo, module)?)?;
    module.add_function(wrap_pyfunction!(read_label_table, module)?)?;
    module.add_function(wrap_pyfunction!(masks_of_polygons, module)?)?;
    module.add_function(wrap_pyfunction!(mask_beside, module)?)?;
    Ok(())
}

/// Heights and widths `(I, 2)` of the images in files, from their headers; 0 where none can be read, and why.
#[pyfunction]
fn image_sizes<'py>(
    py: Python<'py>,
    paths: Extracted<PathBuf>,
) -> PyResult<(Bound<'py, PyArray2<i64>>, Bound<'py, PyList>)> {
    let found = interruptible(py, paths.len() > MANY_FILES, |progress| {
        let size = |path: &PathBuf| match progress.check().map(|()| image::size(path)) {
            Ok(Err(error)) if error.kind() == ErrorKind::OutOfMemory => Err(error),
            found => found,
        };
        let one = |path| size(path).map(|size| [size]);
        threads::run(|| collect_blocks(paths.par_iter().with_min_len(16).map(one)))
    })?;
    let sides = |size: &Result<[u32; 2]>| size.as_ref().map_or([0; 2], |size| size.map(i64::from));
    let sizes = collect(found.iter().map(sides))?.into_flattened();
    let fault = |(file, size): (usize, Result<[u32; 2]>)| {
        size.err().map(|error| Fault { file, code: image::UNREADABLE, error })
    };
    let faults = collect_growing(found.into_iter().enumerate().filter_map(fault))?;
    Ok((array(py, sizes, [paths.len(), 2])?, listed(py, faults)?))
}

/// The columns of YOLO's label files, and what is wrong in them.
#[pyfunction]
#[pyo3(signature = (paths, sizes, similarity, confidence=None, keypoints=None))]
fn read_yolo<'py>(
    py: Python<'py>,
    paths: Extracted<PathBuf>,
    sizes: PyReadonlyArray2<'py, i64>,
    similarity: &str,
    confidence: Option<&str>,
    keypoints: Option<[usize; 2]>,
) -> PyResult<Bound<'py, PyDict>> {
    let layout = YoloLayout {
        geometry: similarity::SimilarityKind::named(similarity)?.geometry,
        confidence: match confidence {
            None => None,
            Some("last") => Some(Confidence::Last),
            Some("second") => Some(Confidence::Second),
            Some(other) => return Err(PyValueError::new_err(format!("confidence: {other:?}"))),
        },
        keypoints,
    };
    let sizes = pairs(&sizes, paths.len(), "sizes")?;
    let rows =
        interruptible(py, paths.len() > MANY_FILES, |progress| yolo::read(&paths, &sizes, layout, progress))?;
    let columns = PyDict::new(py);
    columns.set_item("file", vector(py, rows.file)?)?;
    columns.set_item("line", vector(py, rows.line)?)?;
    columns.set_item("class", vector(py, rows.class)?)?;
    if confidence.is_some() {
        columns.set_item("score", vector(py, rows.score)?)?;
    }
    let count = rows.boxes.len();
    columns.set_item("boxes", array(py, rows.boxes.into_flattened(), [count, 4])?)?;
    columns.set_item("points", vector(py, rows.points)?)?;
    columns.set_item("ends", vector(py, rows.ends)?)?;
    columns.set_item("polygons", rows.polygons)?;
    columns.set_item("outside", rows.outside)?;
    columns.set_item("scored_boxes", rows.scored_boxes)?;
    columns.set_item("faults", listed(py, rows.faults)?)?;
    columns.set_item("left_out", rows.left_out)?;
    Ok(columns)
}

/// The columns of text files with an object on each line, and what is wrong in them. `columns`: name of each, and whether
/// it holds a word; of the last ones `optional` may be missing. Lines that begin as one of `skipped` are passed over.
#[pyfunction]
#[pyo3(signature = (paths, columns, optional=0, skipped=Vec::new()))]
fn read_label_table(
    py: Python<'_>,
    paths: Extracted<PathBuf>,
    columns: Vec<(String, bool)>,
    optional: usize,
    skipped: Vec<String>,
) -> PyResult<Bound<'_, PyDict>> {
    if optional > columns.len() {
        return Err(PyValueError::new_err("optional: more than there are columns"));
    }
    let words = columns.iter().filter(|(_, is_word)| *is_word).count();
    let numbers = columns.len() - words;
    let layout = table::LineLayout { columns, optional, skipped };
    let rows = interruptible(py, true, |progress| table::read(&paths, &layout, progress))?;
    let count = rows.file.len();
    let found = PyDict::new(py);
    found.set_item("file", vector(py, rows.file)?)?;
    found.set_item("line", vector(py, rows.line)?)?;
    found.set_item("words", array(py, rows.words, [count, words])?)?;
    found.set_item("numbers", array(py, rows.numbers, [count, numbers])?)?;
    can_allocate(rows.texts.iter().map(String::len).sum())?;
    found.set_item("texts", list(py, rows.texts.iter())?)?;
    found.set_item("faults", listed(py, rows.faults)?)?;
    found.set_item("left_out", rows.left_out)?;
    Ok(found)
}

/// Objects of a fault: the tuple, its items, and what the exception has.
const OF_A_FAULT: usize = 16;

/// File, code and error of each fault.
fn listed(py: Python<'_>, faults: Vec<Fault>) -> PyResult<Bound<'_, PyList>> {
    let error = |error: Error| PyErr::from(error).into_value(py);
    list_of(py, faults.into_iter().map(|fault| (fault.file, fault.code, error(fault.error))), OF_A_FAULT)
}

/// Rows of height and width; a size that is not known, or too large, is 0.
pub(super) fn pairs(array: &PyReadonlyArray2<'_, i64>, count: usize, name: &str) -> PyResult<Vec<[u32; 2]>> {
    if array.shape() != [count, 2] {
        return Err(PyValueError::new_err(format!("{name}: expected shape ({count}, 2)")));
    }
    let side = |&side: &i64| u32::try_from(side).unwrap_or(0);
    Ok(collect(array.as_array().outer_iter().map(|pair| [side(&pair[0]), side(&pair[1])]))?)
}

/// A contiguous column.
pub(super) fn column<T: numpy::Element + Copy>(array: &PyReadonlyArray1<'_, T>) -> Result<Vec<T>> {
    collect(array.as_array().iter().copied())
}
