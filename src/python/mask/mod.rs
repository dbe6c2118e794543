//! Run-length masks as Python calls them.

mod compare;
mod input;
mod shapes;
mod written;

use numpy::{
    PyArray1, PyArray2, PyArray3, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods,
    dtype,
};
use pyo3::exceptions::{PyMemoryError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rayon::prelude::*;

use crate::error::{Result, can_allocate, collect_blocks, filled, with_capacity};
use crate::progress::Progress;
use crate::python::interruptible::interruptible;
use crate::python::once::{Once, intern};
use crate::rle::{Rle, combine, measure, pixels};
use crate::threads;
use input::{Encoded, Whole, encoded};
pub(super) use shapes::masks_of_polygons;
use written::{Written, dictionaries, written};

/// What one call may work on before it is worth another thread that checks for Ctrl-C meanwhile: pixels, masks that are
/// merged or rasterised, steps along runs.
const MANY_PIXELS: usize = 1 << 26;
const MANY_MERGED: usize = 1 << 14;
const MANY_STEPS: usize = 1 << 25;

/// Adds everything here to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Rles>()?;
    module.add_function(wrap_pyfunction!(mask_from_string, module)?)?;
    module.add_function(wrap_pyfunction!(mask_to_string, module)?)?;
    module.add_function(wrap_pyfunction!(mask_encode, module)?)?;
    module.add_function(wrap_pyfunction!(mask_decode, module)?)?;
    module.add_function(wrap_pyfunction!(mask_merge, module)?)?;
    module.add_function(wrap_pyfunction!(mask_area, module)?)?;
    module.add_function(wrap_pyfunction!(mask_to_bbox, module)?)?;
    module.add_function(wrap_pyfunction!(mask_from_counts, module)?)?;
    compare::register(module)?;
    shapes::register(module)
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
