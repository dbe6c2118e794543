//! NumPy's own exponential, called without the GIL.
//!
//! Keypoint similarity must have NumPy's bits. Its `exp` is dispatched at import to the widest vector unit of the
//! machine, and the loop it chose can be called: an inner loop of a ufunc on doubles is plain C that accesses no
//! Python object.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use numpy::npyffi::objects::PyUFuncObject;
use numpy::npyffi::types::npy_intp;
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;

use super::arrays::vector;
use crate::error::copied;
use crate::similarity::Exp;

/// NumPy's type number of a double.
const DOUBLE: c_char = 12;

type Loop = unsafe extern "C" fn(*mut *mut c_char, *mut npy_intp, *mut npy_intp, *mut c_void);

struct InnerLoop {
    function: Loop,
    data: *mut c_void,
}

// SAFETY: both point to static memory of NumPy's that is only read.
unsafe impl Send for InnerLoop {}
// SAFETY: as above; NumPy calls its own loops from many threads with the GIL released.
unsafe impl Sync for InnerLoop {}

impl InnerLoop {
    fn call(&self, values: &mut [f64]) {
        let pointer = values.as_mut_ptr().cast::<c_char>();
        let mut arguments = [pointer, pointer];
        let mut length = values.len() as npy_intp;
        let mut steps = [size_of::<f64>() as npy_intp; 2];
        // SAFETY: input and output are the same `length` doubles with the stride of a double, which element-wise
        // loops allow (NumPy's own in-place `exp(x, out=x)` makes this call).
        unsafe { (self.function)(arguments.as_mut_ptr(), &mut length, steps.as_mut_ptr(), self.data) }
    }
}

/// `numpy.exp` as the core wants it.
///
/// If its inner loop is not found, or does not do what calling `numpy.exp` does, `numpy.exp` itself is called (with
/// the GIL).
pub(super) fn numpy_exp(py: Python<'_>) -> PyResult<Exp> {
    let exp = py.import("numpy")?.getattr("exp")?;
    if let Some(found) = inner_loop(&exp)?
        && agrees(&exp, &found)?
    {
        return Ok(Arc::new(move |values| found.call(values)));
    }
    let exp = exp.unbind();
    Ok(Arc::new(move |values| {
        Python::attach(|py| {
            if let Ok(result) = call(exp.bind(py), values) {
                values.copy_from_slice(&result);
            } else {
                values.fill(f64::NAN);
            }
        });
    }))
}

fn inner_loop(exp: &Bound<'_, PyAny>) -> PyResult<Option<InnerLoop>> {
    let ufunc = exp.py().import("numpy")?.getattr("ufunc")?;
    if !exp.get_type().is(&ufunc) {
        return Ok(None);
    }
    // SAFETY: `exp` is exactly a `numpy.ufunc`, whose C layout this is.
    let fields = unsafe { &(*exp.as_ptr().cast::<PyUFuncObject>()).fields };
    if fields.nin != 1 || fields.nout != 1 || fields.functions.is_null() || fields.types.is_null() {
        return Ok(None);
    }
    for i in 0..fields.ntypes as usize {
        // SAFETY: a ufunc has `ntypes` loops, each with `nin + nout` = 2 type numbers, and `data` for each loop unless
        // it is null.
        let (input, output, function, data) = unsafe {
            let data = if fields.data.is_null() { std::ptr::null_mut() } else { *fields.data.add(i) };
            (*fields.types.add(2 * i), *fields.types.add(2 * i + 1), *fields.functions.add(i), data)
        };
        if let (DOUBLE, DOUBLE, Some(function)) = (input, output, function) {
            return Ok(Some(InnerLoop { function, data }));
        }
    }
    Ok(None)
}

fn call(exp: &Bound<'_, PyAny>, values: &[f64]) -> PyResult<Vec<f64>> {
    let result = exp.call1((vector(exp.py(), copied(values)?)?,))?;
    Ok(result.cast::<PyArray1<f64>>()?.to_vec()?)
}

/// Whether the loop gives the bits of the function, at every length that vector code treats separately.
fn agrees(exp: &Bound<'_, PyAny>, found: &InnerLoop) -> PyResult<bool> {
    let values: Vec<f64> = (0..64).map(|i| -0.37 * f64::from(i) * f64::from(i)).collect();
    for length in 0..=values.len() {
        let mut ours = values[..length].to_vec();
        found.call(&mut ours);
        let theirs = call(exp, &values[..length])?;
        if ours.iter().zip(&theirs).any(|(a, b)| a.to_bits() != b.to_bits()) {
            return Ok(false);
        }
    }
    Ok(true)
}
