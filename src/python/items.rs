//! Items of Python's containers: those of a dictionary while Python code may run in between, and new lists.

use std::ops::Deref;
use std::ptr;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use pyo3::{Borrowed, ffi};

use crate::error::{can_allocate, push};

/// Bytes that a small object and its place in a list take, about.
const OBJECT: usize = 80;

/// A list of new objects.
///
/// # Errors
///
/// `MemoryError`, an error of the conversion.
pub(super) fn list<'py, T: IntoPyObject<'py>>(
    py: Python<'py>,
    items: impl ExactSizeIterator<Item = T>,
) -> PyResult<Bound<'py, PyList>> {
    list_of(py, items, 1)
}

/// A list of items each of which is made of so many new objects.
///
/// # Errors
///
/// `MemoryError`, an error of the conversion.
pub(super) fn list_of<'py, T: IntoPyObject<'py>>(
    py: Python<'py>,
    items: impl ExactSizeIterator<Item = T>,
    objects: usize,
) -> PyResult<Bound<'py, PyList>> {
    // Python's objects are made without a way to fail but a panic.
    can_allocate(items.len().saturating_mul(objects.saturating_mul(OBJECT)))?;
    PyList::new(py, items)
}

/// A copy as Python's bytes.
///
/// # Errors
///
/// `MemoryError`
pub(super) fn bytes<'py>(py: Python<'py>, given: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, given.len(), |copy| {
        copy.copy_from_slice(given);
        Ok(())
    })
}

/// The items of a list or tuple, converted one by one.
pub(super) struct Extracted<T>(Vec<T>);

impl<T> Deref for Extracted<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, 'py, T> FromPyObject<'a, 'py> for Extracted<T>
where
    T: for<'b> FromPyObject<'b, 'py, Error = PyErr>,
{
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if given.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("a str, expected a list"));
        }
        let mut items = Vec::new();
        for (done, item) in given.try_iter()?.enumerate() {
            check_signals(given.py(), done)?;
            push(&mut items, item?.extract()?)?;
        }
        Ok(Extracted(items))
    }
}

/// So many items are walked between two checks, of which the objects take less than `can_allocate` leaves free.
const STRETCH: usize = 1 << 12;

/// To be called in a loop over items that may make an object for each: raises what a handler of signals raises, and
/// `MemoryError` where there may be no memory for the next objects, now and then; `done` counts the items.
#[inline]
pub(super) fn check_signals(py: Python<'_>, done: usize) -> PyResult<()> {
    if done.is_multiple_of(STRETCH) { checked(py) } else { Ok(()) }
}

#[cold]
fn checked(py: Python<'_>) -> PyResult<()> {
    can_allocate(0)?;
    py.check_signals()
}

/// Keys and values; an error, as a Python loop raises it, where the dictionary has changed its size since the last ones.
///
/// PyO3's iterator panics there, which a check before each of its steps does not prevent without a global lock.
pub(super) struct Items<'a, 'py> {
    dict: &'a Bound<'py, PyDict>,
    length: usize,
    returned: usize,
    position: ffi::Py_ssize_t,
}

/// The items of a dictionary.
pub(super) fn items<'a, 'py>(dict: &'a Bound<'py, PyDict>) -> Items<'a, 'py> {
    Items { dict, length: dict.len(), returned: 0, position: 0 }
}

impl<'py> Iterator for Items<'_, 'py> {
    type Item = PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)>;

    fn next(&mut self) -> Option<Self::Item> {
        // Where the interpreter has no global lock this takes the dictionary's own; elsewhere it does nothing.
        with_critical_section(self.dict, || {
            if self.dict.len() != self.length {
                // Reported once.
                self.length = self.dict.len();
                self.returned = self.length;
                return Some(Err(PyRuntimeError::new_err("dictionary changed size during iteration")));
            }
            if self.returned == self.length {
                return None;
            }
            self.returned += 1;
            let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
            // SAFETY: it is a dictionary and is locked, so that key and value, which are borrowed from it, are alive
            // until they are counted: no Python code runs in between.
            unsafe {
                let found =
                    ffi::PyDict_Next(self.dict.as_ptr(), &mut self.position, &mut key, &mut value) != 0;
                found.then(|| {
                    let py = self.dict.py();
                    Ok((Bound::from_borrowed_ptr(py, key), Bound::from_borrowed_ptr(py, value)))
                })
            }
        })
    }
}
