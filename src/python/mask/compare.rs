//! Similarities of masks and of boxes, pair by pair.

use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use rayon::prelude::*;

use super::input::{boxes, encoded};
use super::{MANY_MERGED, MANY_STEPS, each};
use crate::error::{Error, Result, zeros};
use crate::progress::Progress;
use crate::python::arrays::vector;
use crate::python::interruptible::interruptible;
use crate::rle::Foreground;
use crate::similarity::box_iou;
use crate::threads;

/// Pairs of one call from which on several threads compare them.
const MANY_PAIRS: usize = 4096;

/// Adds everything here to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyForeground>()?;
    module.add_function(wrap_pyfunction!(mask_iou, module)?)?;
    module.add_function(wrap_pyfunction!(mask_box_iou, module)?)?;
    Ok(())
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

fn fortran(py: Python<'_>, values: Vec<f64>, m: usize, n: usize) -> PyResult<Bound<'_, PyArray2<f64>>> {
    vector(py, values)?.reshape_with_order([m, n], numpy::npyffi::NPY_ORDER::NPY_FORTRANORDER)
}
