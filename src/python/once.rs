//! Values that are created on first use.
//!
//! PyO3's own `PyOnceLock` and `intern!` let go of the interpreter while they hold a lock. A process that is forked by
//! another thread at that moment inherits the lock with no thread to release it, and waits forever at its own first
//! use. Here there is no lock: two threads may both make the value, and one of the two is dropped.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use numpy::{PyArray1, PyArrayDescrMethods, PyArrayMethods, PyUntypedArrayMethods, dtype};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// A value that the first to ask makes.
pub(super) struct Once<T>(AtomicPtr<T>);

impl<T: Send + Sync> Once<T> {
    /// Nothing yet.
    pub(super) const fn new() -> Once<T> {
        Once(AtomicPtr::new(ptr::null_mut()))
    }

    /// This value.
    pub(super) fn of(value: T) -> Once<T> {
        Once(AtomicPtr::new(Box::into_raw(Box::new(value))))
    }

    /// The value; made by `make` if there is none.
    pub(super) fn get<E>(&self, _attached: Python<'_>, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let held = self.0.load(Ordering::Acquire);
        // SAFETY: what was stored came of `Box::into_raw` and is freed when this is dropped.
        if let Some(value) = unsafe { held.as_ref() } {
            return Ok(value);
        }
        let made = Box::into_raw(Box::new(make()?));
        match self.0.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: as above.
            Ok(_) => Ok(unsafe { &*made }),
            Err(other) => {
                // SAFETY: it was made here, and nothing else refers to it.
                drop(unsafe { Box::from_raw(made) });
                // SAFETY: as above.
                Ok(unsafe { &*other })
            }
        }
    }
}

impl<T> Drop for Once<T> {
    fn drop(&mut self) {
        let held = *self.0.get_mut();
        if !held.is_null() {
            // SAFETY: it came of `Box::into_raw`, and nothing refers to it any more.
            drop(unsafe { Box::from_raw(held) });
        }
    }
}

impl Once<Py<PyString>> {
    /// The text as an interned `str`.
    pub(super) fn text<'py>(&self, py: Python<'py>, text: &str) -> &Bound<'py, PyString> {
        let made = self.get(py, || Ok::<_, std::convert::Infallible>(PyString::intern(py, text).unbind()));
        match made {
            Ok(text) => text.bind(py),
            Err(never) => match never {},
        }
    }
}

/// An interned `str`, made at its first use.
macro_rules! intern {
    ($py:expr, $text:expr) => {{
        static TEXT: $crate::python::once::Once<pyo3::Py<pyo3::types::PyString>> =
            $crate::python::once::Once::new();
        TEXT.text($py, $text)
    }};
}
pub(crate) use intern;

/// Adds what this file needs to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_function(wrap_pyfunction!(before_fork, module)?)?;
    if let Ok(register) = py.import("os")?.getattr("register_at_fork") {
        let keywords = PyDict::new(py);
        keywords.set_item("before", module.getattr("before_fork")?)?;
        register.call((), Some(&keywords))?;
    }
    // And before there is work that Ctrl-C could interrupt, which it makes a panic.
    before_fork(py)
}

/// What the crate `numpy` makes at its first use it makes under such locks: where NumPy is there, all of it is made
/// before a fork, or waited for.
#[pyfunction]
fn before_fork(py: Python<'_>) -> PyResult<()> {
    if py.import("sys")?.getattr("modules")?.contains("numpy")? {
        let array = PyArray1::<bool>::zeros(py, 0, false);
        drop(array.try_readonly());
        let _ = array.dtype().is_equiv_to(&dtype::<u8>(py));
    }
    Ok(())
}
