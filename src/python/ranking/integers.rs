//! Integers out of a Python list, the one place here that reads Python's memory by itself.
//!
//! A million lists are read in well under the time when items are borrowed instead of counted in and out. Tuples, and
//! lists of anything else, go the safe way; the tests send the same items both ways.

use super::super::direct;
use crate::simd;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::PyList;

use crate::error::{Result, reserve};

/// Appends the first `limit` items of the list if each is exactly an `int` of 64 bits; else leaves `into` as it was
/// and returns false.
///
/// # Errors
///
/// `OutOfMemory`
pub(super) fn copy(list: &Bound<'_, PyList>, limit: usize, into: &mut Vec<i64>) -> Result<bool> {
    // Where the interpreter has no global lock this takes the list's own; elsewhere it does nothing.
    with_critical_section(list, || copy_locked(list, limit, into))
}

/// Prefetches the first `limit` items, which `copy` will read soon. Python's objects lie all over
/// memory; so it waits for those of several lists at once, not for each in turn.
pub(super) fn prefetch(list: &Bound<'_, PyList>, limit: usize) {
    with_critical_section(list, || {
        for i in 0..list.len().min(limit) {
            // SAFETY: `list` is a list, it is locked, and nothing here could shorten it, so item `i < len` exists.
            simd::prefetch_line(unsafe { direct::list_item(list.as_ptr(), i) });
        }
    });
}

fn copy_locked(list: &Bound<'_, PyList>, limit: usize, into: &mut Vec<i64>) -> Result<bool> {
    let before = into.len();
    let length = list.len().min(limit);
    reserve(into, length)?;
    for i in 0..length {
        let mut overflow = 0;
        // SAFETY: `list` is a list, it is locked, and nothing here runs Python code that could shorten it, so item
        // `i < len` exists and stays alive until the loop comes round. `PyLong_CheckExact` reads its type only, and
        // `PyLong_AsLongLongAndOverflow` of an exact int calls no Python code and raises nothing.
        let number = unsafe {
            let item = direct::list_item(list.as_ptr(), i);
            if ffi::PyLong_CheckExact(item) == 0 {
                overflow = 1;
                0
            } else {
                ffi::PyLong_AsLongLongAndOverflow(item, &mut overflow)
            }
        };
        if overflow != 0 {
            into.truncate(before);
            return Ok(false);
        }
        into.push(number);
    }
    Ok(true)
}
