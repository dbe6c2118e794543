//! Run-length masks as Python calls them.

mod input;

use numpy::{
    PyArray1, PyArray2, PyArray3, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyUntypedArray, PyUntypedArrayMethods, dtype,
};
use pyo3::exceptions::{PyMemoryError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rayon::prelude::*;

use crate::error::{Error, Result, can_allocate, collect_blocks, copied, filled, with_capacity, zeros};
use crate::progress::Progress;
use crate::python::arrays::vector;
use crate::python::interruptible::interruptible;
use crate::python::items::{bytes, check_signals};
use crate::python::labels::{column, pairs};
use crate::python::once::{Once, intern};
use crate::rle::{Foreground, Rasterizer, Rle, codec, combine, measure, pixels};
use crate::similarity::box_iou;
use crate::threads;
use input::{Encoded, Whole, encoded};

/// Polygons of one call from which on several threads rasterise them.
const MANY_POLYGONS: usize = 256;
/// Pairs of one call from which on several threads compare them.
const MANY_PAIRS: usize = 4096;

/// What one call may work on before it is worth another thread to listen to the keyboard meanwhile: pixels, masks that are
/// merged or rasterised, steps along runs.
const MANY_PIXELS: usize = 1 << 26;
const MANY_MERGED: usize = 1 << 14;
const MANY_STEPS: usize = 1 << 25;

/// Adds everything here to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Rles>()?;
    module.add_class::<PyForeground>()?;
    module.add_function(wrap_pyfunction!(mask_from_string, module)?)?;
    module.add_function(wrap_pyfunction!(mask_to_string, module)?)?;
    module.add_function(wrap_pyfunction!(mask_encode, module)?)?;
    module.add_function(wrap_pyfunction!(mask_decode, module)?)?;
    module.add_function(wrap_pyfunction!(mask_merge, module)?)?;
    module.add_function(wrap_pyfunction!(mask_area, module)?)?;
    module.add_function(wrap_pyfunction!(mask_to_bbox, module)?)?;
    module.add_function(wrap_pyfunction!(mask_iou, module)?)?;
    module.add_function(wrap_pyfunction!(mask_box_iou, module)?)?;
    module.add_function(wrap_pyfunction!(mask_from_boxes, module)?)?;
    module.add_function(wrap_pyfunction!(mask_from_polygons, module)?)?;
    module.add_function(wrap_pyfunction!(mask_from_counts, module)?)?;
    Ok(())
}

/// Decoded masks, opaque: what `_frString` makes and `_toString` takes.
#[pyclass(frozen, module = "meanap.compat.pycocotools._mask", name = "RLEs")]
pub(super) struct Rles {
    masks: Vec<Rle>,
}

#[pymethods]
impl Rles {
    #[new]
    #[pyo3(signature = (n = Whole(0)))]
    fn new(n: Whole<u64>) -> PyResult<Rles> {
        let mut masks = Vec::new();
        let n = usize::try_from(n.0)?;
        masks.try_reserve_exact(n).map_err(|_| PyMemoryError::new_err(format!("no memory for {n} masks")))?;
        masks.resize(n, Rle::default());
        Ok(Rles { masks })
    }

    /// The number of masks.
    #[getter]
    fn n(&self) -> usize {
        self.masks.len()
    }
}

/// Decodes run-length dictionaries.
#[pyfunction]
fn mask_from_string(py: Python<'_>, masks: &Bound<'_, PyAny>) -> PyResult<Rles> {
    let masks = encoded(masks)?;
    Ok(Rles { masks: py.detach(|| each(&masks, &Progress::default(), Encoded::decode))? })
}

/// The dictionaries of decoded masks.
#[pyfunction]
fn mask_to_string<'py>(py: Python<'py>, masks: &Rles) -> PyResult<Bound<'py, PyList>> {
    dictionaries(py, py.detach(|| written(&masks.masks))?)
}

/// Dictionaries of `(h, w, n)` pixels in Fortran order, `uint8` or `bool`.
#[pyfunction]
fn mask_encode<'py>(py: Python<'py>, mask: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    let Ok(array) = mask.cast::<PyUntypedArray>() else {
        let found = mask.get_type().name()?;
        return Err(PyTypeError::new_err(format!("mask: expected a numpy.ndarray, found {found}")));
    };
    let found = array.dtype();
    let is_bool = found.is_equiv_to(&dtype::<bool>(py));
    if !is_bool && !found.is_equiv_to(&dtype::<u8>(py)) {
        return Err(PyValueError::new_err(format!("mask: expected dtype uint8, found {found}")));
    }
    if array.ndim() != 3 {
        let message = format!("mask: expected 3 dimensions (height, width, masks), found {}", array.ndim());
        return Err(PyValueError::new_err(message));
    }
    if !array.is_fortran_contiguous() {
        return Err(PyValueError::new_err(
            "mask: the array is not Fortran contiguous (try numpy.asfortranarray)",
        ));
    }
    let bytes =
        if is_bool { mask.call_method1(intern!(py, "view"), (dtype::<u8>(py),))? } else { mask.clone() };
    let bytes = bytes.cast::<PyArray3<u8>>()?.try_readonly()?;
    let (h, w, n) = bytes.as_array().dim();
    let all = bytes.as_slice()?;
    let written = interruptible(py, all.len() > MANY_PIXELS, |progress| {
        let write = |counts: &mut Vec<u32>, plane: usize| {
            progress.check()?;
            pixels::encode(&all[plane * h * w..(plane + 1) * h * w], counts)?;
            Written::from_counts([h as u64, w as u64], counts)
        };
        if n > 1 && pixels::worth_sharing(all.len()) {
            let one = |counts: &mut Vec<u32>, plane| write(counts, plane).map(Some);
            threads::run(|| collect_blocks((0..n).into_par_iter().map_init(Vec::new, one)))
        } else {
            let (mut counts, mut written) = (Vec::new(), with_capacity(n)?);
            for plane in 0..n {
                written.push(write(&mut counts, plane)?);
            }
            Ok(written)
        }
    })?;
    dictionaries(py, written)
}

/// Pixels `(h, w, n)`, `uint8`, in Fortran order, of masks of one size.
#[pyfunction]
fn mask_decode<'py>(py: Python<'py>, masks: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray3<u8>>> {
    static ZEROS: Once<Py<PyAny>> = Once::new();
    let masks = encoded(masks)?;
    // DIFFERENCE: the reference takes the size from memory that it does not own.
    let Some(first) = masks.first() else {
        return Err(PyValueError::new_err("there is no mask to decode, so no size to decode to"));
    };
    let [h, w] = first.size;
    let pixels = u128::from(h) * u128::from(w);
    if pixels.saturating_mul(masks.len() as u128) > isize::MAX as u128 {
        return Err(PyOverflowError::new_err(format!(
            "{} masks of {h} x {w} pixels are too large",
            masks.len()
        )));
    }
    let counts = each(&masks, &Progress::default(), Encoded::counts)?;
    let keywords = PyDict::new(py);
    keywords.set_item(intern!(py, "order"), "F")?;
    // NumPy's own zeros: untouched pages cost nothing, and there is a MemoryError when there is no memory.
    let zeros = ZEROS.get(py, || PyResult::Ok(py.import("numpy")?.getattr("zeros")?.unbind()))?.bind(py);
    let zeros = zeros.call(((h, w, masks.len()), dtype::<u8>(py)), Some(&keywords))?;
    let array = zeros.cast_into::<PyArray3<u8>>()?;
    {
        let mut array = array.try_readwrite()?;
        let pixels = array.as_slice_mut()?;
        interruptible(py, pixels.len() > MANY_PIXELS, |progress| pixels::decode(&counts, pixels, progress))?;
    }
    Ok(array)
}

/// The union or intersection of masks, as a dictionary.
#[pyfunction]
fn mask_merge<'py>(
    py: Python<'py>,
    masks: &Bound<'py, PyAny>,
    intersect: Whole<i32>,
) -> PyResult<Bound<'py, PyDict>> {
    let masks = encoded(masks)?;
    let merged = interruptible(py, are_many(&masks), |progress| {
        let masks = each(&masks, progress, Encoded::decode)?;
        combine::merge(&masks, intersect.0 != 0, progress).and_then(|merged| Written::new(&merged))
    })?;
    merged.dictionary(py)
}

/// Masks of frames next to each other as one, a dictionary: those of the frames at `places`, of `frames` in all.
#[pyfunction]
pub(super) fn mask_beside<'py>(
    py: Python<'py>,
    masks: &Bound<'py, PyAny>,
    places: Vec<usize>,
    frames: usize,
    size: [u64; 2],
) -> PyResult<Bound<'py, PyDict>> {
    let masks = encoded(masks)?;
    let mut of_frames = filled(frames, None)?;
    for (mask, place) in masks.iter().zip(places) {
        if let Some(frame) = of_frames.get_mut(place) {
            *frame = Some(mask.decode()?);
        }
    }
    Written::new(&combine::beside(&of_frames, size)?)?.dictionary(py)
}

/// Whether walking along the runs of all masks takes long.
fn are_many(masks: &[Encoded]) -> bool {
    masks.len() > MANY_MERGED || masks.iter().map(|mask| mask.bytes().len()).sum::<usize>() > MANY_STEPS
}

/// Areas, `(n,) uint32`.
///
/// DIFFERENCE: under NumPy 2 the reference takes at most 255 masks; here there is no limit.
#[pyfunction]
fn mask_area<'py>(py: Python<'py>, masks: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<u32>>> {
    let masks = encoded(masks)?;
    let areas = interruptible(py, are_many(&masks), |progress| {
        let mut runs = Vec::new();
        each(&masks, progress, |mask| Ok(measure::area_of_text(mask.text()?, &mut runs)))
    })?;
    // An array that owns its memory, as the reference's does.
    can_allocate(size_of_val(&*areas))?;
    Ok(PyArray1::from_slice(py, &areas))
}

/// Bounding boxes `x, y, width, height`, `(n, 4) float64`.
#[pyfunction]
fn mask_to_bbox<'py>(py: Python<'py>, masks: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let masks = encoded(masks)?;
    let boxes = interruptible(py, are_many(&masks), |progress| {
        let mut runs = Vec::new();
        each(&masks, progress, |mask| {
            let [h, w] = mask.size;
            Ok(measure::bounding_box_of_text(h, w, mask.text()?, &mut runs)?.map(f64::from))
        })
    })?;
    can_allocate(size_of_val(&*boxes))?;
    let array = PyArray2::zeros(py, [boxes.len(), 4], false);
    array.try_readwrite()?.as_slice_mut()?.copy_from_slice(boxes.as_flattened());
    Ok(array)
}

/// Masks made ready to be compared, opaque: what `mask_iou` takes.
#[pyclass(frozen, module = "meanap._core", name = "MaskForeground")]
pub(super) struct PyForeground {
    masks: Foreground,
}

#[pymethods]
impl PyForeground {
    #[new]
    fn new(py: Python<'_>, masks: &Bound<'_, PyAny>) -> PyResult<PyForeground> {
        let encoded = encoded(masks)?;
        let masks = interruptible(py, encoded.len() > MANY_MERGED, |progress| {
            let mut masks = Foreground::default();
            each(&encoded, progress, |mask| masks.push_text(mask.size, mask.text()?))?;
            Ok(masks)
        })?;
        Ok(PyForeground { masks })
    }

    fn __len__(&self) -> usize {
        self.masks.len()
    }
}

/// Intersection over union of masks, `(D, G) float64` in Fortran order.
#[pyfunction]
fn mask_iou<'py>(
    py: Python<'py>,
    detections: &PyForeground,
    ground_truths: &PyForeground,
    crowd: PyReadonlyArray1<'py, u8>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (detections, ground_truths) = (&detections.masks, &ground_truths.masks);
    let crowd = crowd.to_vec()?;
    let (m, n) = (detections.len(), ground_truths.len());
    let steps = detections.runs().saturating_mul(n).saturating_add(ground_truths.runs().saturating_mul(m));
    let values = interruptible(py, steps > MANY_STEPS, |progress| {
        similarities([m, n], &crowd, progress, |d, g, crowd| {
            detections
                .iou(d, ground_truths, g, crowd, f64::NEG_INFINITY)
                .map_err(|error| error.within(format_args!("detection {d} against ground truth {g}")))
        })
    })?;
    fortran(py, values, m, n)
}

/// Intersection over union of boxes `x, y, width, height`, `(D, G) float64` in Fortran order.
#[pyfunction]
fn mask_box_iou<'py>(
    py: Python<'py>,
    detections: PyReadonlyArray2<'py, f64>,
    ground_truths: PyReadonlyArray2<'py, f64>,
    crowd: PyReadonlyArray1<'py, u8>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (detections, ground_truths) = (boxes(&detections)?, boxes(&ground_truths)?);
    let crowd = crowd.to_vec()?;
    let (m, n) = (detections.len(), ground_truths.len());
    let values = interruptible(py, m.saturating_mul(n) > MANY_STEPS, |progress| {
        let of_pair = |d: usize, g: usize, crowd| Ok(box_iou(&detections[d], &ground_truths[g], crowd));
        similarities([m, n], &crowd, progress, of_pair)
    })?;
    fortran(py, values, m, n)
}

/// Masks of boxes `x, y, width, height`, as dictionaries.
#[pyfunction]
fn mask_from_boxes<'py>(
    py: Python<'py>,
    boxes: PyReadonlyArray2<'py, f64>,
    h: Whole<u64>,
    w: Whole<u64>,
) -> PyResult<Bound<'py, PyList>> {
    let given = self::boxes(&boxes)?;
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
    let (numbers, ends) = input::polygons(polygons)?;
    let (h, w) = (h.0, w.0);
    let written = interruptible(py, numbers.len() > MANY_PIXELS >> 6, |progress| {
        rasterize(
            ends.len(),
            |index| format!("polygon {index}"),
            progress,
            |rasterizer, counts, index| {
                let start = if index == 0 { 0 } else { ends[index - 1] };
                rasterizer.polygon(&numbers[start..ends[index]], h, w, counts).map(|()| [h, w])
            },
        )
    })?;
    dictionaries(py, written)
}

/// Masks of polygons, one for each, in images of these heights and widths `(N, 2)`: the numbers `x, y, x, y, …` of
/// polygon `i` end before `ends[i]`.
#[pyfunction]
pub(super) fn masks_of_polygons<'py>(
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
    let written = interruptible(py, points.len() > MANY_PIXELS >> 6, |progress| {
        rasterize(
            ends.len(),
            |index| format!("polygon {index}"),
            progress,
            |rasterizer, counts, index| {
                let start = if index == 0 { 0 } else { ends[index - 1] as usize };
                let [h, w] = sizes[index].map(u64::from);
                rasterizer.polygon(&points[start..ends[index] as usize], h, w, counts).map(|()| [h, w])
            },
        )
    })?;
    dictionaries(py, written)
}

/// Dictionaries whose `counts` are plain numbers, with their `counts` written as text.
#[pyfunction]
fn mask_from_counts<'py>(
    py: Python<'py>,
    masks: &Bound<'py, PyAny>,
    _h: Whole<u64>,
    _w: Whole<u64>,
) -> PyResult<Bound<'py, PyList>> {
    let masks = input::uncompressed(masks)?;
    dictionaries(py, py.detach(|| written(&masks))?)
}

/// A mask ready to become a dictionary.
struct Written {
    size: [u64; 2],
    text: Vec<u8>,
}

impl Written {
    fn new(mask: &Rle) -> Result<Written> {
        Written::from_counts([mask.h, mask.w], &mask.counts)
    }

    fn from_counts(size: [u64; 2], counts: &[u32]) -> Result<Written> {
        let mut text = Vec::new();
        codec::write(counts, &mut text)?;
        Ok(Written { size, text })
    }

    fn dictionary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dictionary = PyDict::new(py);
        dictionary.set_item(intern!(py, "size"), PyList::new(py, self.size)?)?;
        dictionary.set_item(intern!(py, "counts"), bytes(py, &self.text)?)?;
        Ok(dictionary)
    }
}

fn written(masks: &[Rle]) -> Result<Vec<Written>> {
    let mut all = with_capacity(masks.len())?;
    for mask in masks {
        all.push(Written::new(mask)?);
    }
    Ok(all)
}

fn dictionaries(py: Python<'_>, masks: Vec<Written>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for (index, mask) in masks.iter().enumerate() {
        check_signals(py, index)?;
        can_allocate(mask.text.len())?;
        list.append(mask.dictionary(py)?)?;
    }
    Ok(list)
}

/// Calls `make` for each mask; an error says for which.
fn each<'a, T>(
    masks: &'a [Encoded],
    progress: &Progress,
    mut make: impl FnMut(&'a Encoded) -> Result<T>,
) -> Result<Vec<T>> {
    let mut made = with_capacity(masks.len())?;
    for (index, mask) in masks.iter().enumerate() {
        progress.check()?;
        made.push(make(mask).map_err(|error| error.within(format_args!("mask {index}")))?);
    }
    Ok(made)
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

/// The similarities of all pairs of `m` detections and `n` ground truths, detections varying fastest.
fn similarities(
    [m, n]: [usize; 2],
    crowd: &[u8],
    progress: &Progress,
    similarity: impl Fn(usize, usize, bool) -> Result<f64> + Sync,
) -> Result<Vec<f64>> {
    if crowd.len() != n {
        return Err(Error::value(format!("crowd: expected {n} entries, found {}", crowd.len())));
    }
    let mut values = zeros(m.saturating_mul(n))?;
    let fill = |(g, column): (usize, &mut [f64])| {
        progress.check()?;
        column.iter_mut().enumerate().try_for_each(|(d, value)| {
            *value = similarity(d, g, crowd[g] != 0)?;
            Ok(())
        })
    };
    if values.len() >= MANY_PAIRS {
        threads::run(|| values.par_chunks_exact_mut(m).enumerate().try_for_each(fill))?;
    } else if m > 0 {
        values.chunks_exact_mut(m).enumerate().try_for_each(fill)?;
    }
    Ok(values)
}

fn boxes(array: &PyReadonlyArray2<'_, f64>) -> PyResult<Vec<[f64; 4]>> {
    if array.shape()[1] != 4 || !array.is_c_contiguous() {
        return Err(PyValueError::new_err("boxes: expected an array of rows of 4 numbers"));
    }
    Ok(copied(array.as_slice()?.as_chunks().0)?)
}

fn fortran(py: Python<'_>, values: Vec<f64>, m: usize, n: usize) -> PyResult<Bound<'_, PyArray2<f64>>> {
    vector(py, values)?.reshape_with_order([m, n], numpy::npyffi::NPY_ORDER::NPY_FORTRANORDER)
}
