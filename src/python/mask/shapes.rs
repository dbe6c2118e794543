//! Masks of boxes and polygons.

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use rayon::prelude::*;

use super::input::{self, Whole};
use super::written::{Written, dictionaries};
use super::{MANY_MERGED, MANY_PIXELS};
use crate::error::{Result, collect_blocks, with_capacity};
use crate::progress::Progress;
use crate::python::interruptible::interruptible;
use crate::python::labels::{column, pairs};
use crate::rle::Rasterizer;
use crate::threads;

/// Polygons of one call from which on several threads rasterise them.
const MANY_POLYGONS: usize = 256;

/// Adds everything here to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(mask_from_boxes, module)?)?;
    module.add_function(wrap_pyfunction!(mask_from_polygons, module)?)?;
    Ok(())
}

/// Masks of boxes `x, y, width, height`, as dictionaries.
#[pyfunction]
fn mask_from_boxes<'py>(
    py: Python<'py>,
    boxes: PyReadonlyArray2<'py, f64>,
    h: Whole<u64>,
    w: Whole<u64>,
) -> PyResult<Bound<'py, PyList>> {
    let given = input::boxes(&boxes)?;
    let (h, w) = (h.0, w.0);
    let written = interruptible(py, given.len() > MANY_MERGED, |progress| {
        rasterize(
            given.len(),
            |index| format!("box {index}"),
            progress,
            |rasterizer, counts, index| rasterizer.rectangle(&given[index], h, w, counts).map(|()| [h, w]),
        )
    })?;
    dictionaries(py, written)
}

/// Masks of polygons `x, y, x, y, …`, as dictionaries.
#[pyfunction]
fn mask_from_polygons<'py>(
    py: Python<'py>,
    polygons: &Bound<'py, PyAny>,
    h: Whole<u64>,
    w: Whole<u64>,
) -> PyResult<Bound<'py, PyList>> {
    let (points, ends) = input::polygons(polygons)?;
    rasterize_polygons(py, &points, ends.len(), |index| ends[index], |_| [h.0, w.0])
}

/// Masks of polygons, one for each, in images of these heights and widths `(N, 2)`: the numbers `x, y, x, y, …` of
/// polygon `i` end before `ends[i]`.
#[pyfunction]
pub(in crate::python) fn masks_of_polygons<'py>(
    py: Python<'py>,
    points: PyReadonlyArray1<'py, f64>,
    ends: PyReadonlyArray1<'py, u64>,
    sizes: PyReadonlyArray2<'py, i64>,
) -> PyResult<Bound<'py, PyList>> {
    let (points, ends) = (column(&points)?, column(&ends)?);
    let sizes = pairs(&sizes, ends.len(), "sizes")?;
    let rising = ends.is_sorted() && ends.last().is_none_or(|&end| end <= points.len() as u64);
    if !rising {
        return Err(PyValueError::new_err("ends: expected rising positions in points"));
    }
    let size = |index: usize| sizes[index].map(u64::from);
    rasterize_polygons(py, &points, ends.len(), |index| ends[index] as usize, size)
}

/// Dictionaries of the masks of `count` polygons, whose numbers end before `end(index)`, in images of these heights and
/// widths.
fn rasterize_polygons<'py>(
    py: Python<'py>,
    points: &[f64],
    count: usize,
    end: impl Fn(usize) -> usize + Sync,
    size: impl Fn(usize) -> [u64; 2] + Sync,
) -> PyResult<Bound<'py, PyList>> {
    let written = interruptible(py, points.len() > MANY_PIXELS >> 6, |progress| {
        rasterize(
            count,
            |index| format!("polygon {index}"),
            progress,
            |rasterizer, counts, index| {
                let start = if index == 0 { 0 } else { end(index - 1) };
                let [h, w] = size(index);
                rasterizer.polygon(&points[start..end(index)], h, w, counts).map(|()| [h, w])
            },
        )
    })?;
    dictionaries(py, written)
}

/// The masks of `count` shapes, made with working memory, from several threads if there are many. `draw` leaves the counts
/// of one and gives the size of its image; errors call it `shape(index)`.
fn rasterize(
    count: usize,
    shape: impl Fn(usize) -> String + Sync,
    progress: &Progress,
    draw: impl Fn(&mut Rasterizer, &mut Vec<u32>, usize) -> Result<[u64; 2]> + Sync,
) -> Result<Vec<Written>> {
    let scratch = || (Rasterizer::default(), Vec::new());
    let make = |(rasterizer, counts): &mut (_, _), index| {
        progress.check()?;
        let size = draw(rasterizer, counts, index);
        Written::from_counts(size.map_err(|error| error.within(shape(index)))?, counts)
    };
    if count >= MANY_POLYGONS {
        let shapes = (0..count).into_par_iter().with_min_len(64);
        threads::run(|| {
            collect_blocks(shapes.map_init(scratch, |scratch, index| make(scratch, index).map(Some)))
        })
    } else {
        let (mut scratch, mut made) = (scratch(), with_capacity(count)?);
        for index in 0..count {
            made.push(make(&mut scratch, index)?);
        }
        Ok(made)
    }
}
