//! Masks as the dictionaries that Python sees.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::error::{Result, can_allocate, with_capacity};
use crate::python::items::{bytes, check_signals};
use crate::python::once::intern;
use crate::rle::{Rle, codec};

/// A mask ready to become a dictionary.
pub(super) struct Written {
    /// Height and width.
    size: [u64; 2],
    /// The compressed run lengths.
    text: Vec<u8>,
}

impl Written {
    pub(super) fn new(mask: &Rle) -> Result<Written> {
        Written::from_counts([mask.h, mask.w], &mask.counts)
    }

    pub(super) fn from_counts(size: [u64; 2], counts: &[u32]) -> Result<Written> {
        let mut text = Vec::new();
        codec::write(counts, &mut text)?;
        Ok(Written { size, text })
    }

    pub(super) fn dictionary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dictionary = PyDict::new(py);
        dictionary.set_item(intern!(py, "size"), PyList::new(py, self.size)?)?;
        dictionary.set_item(intern!(py, "counts"), bytes(py, &self.text)?)?;
        Ok(dictionary)
    }
}

/// Masks with their run lengths written as text.
pub(super) fn written(masks: &[Rle]) -> Result<Vec<Written>> {
    let mut all = with_capacity(masks.len())?;
    for mask in masks {
        all.push(Written::new(mask)?);
    }
    Ok(all)
}

/// A list of their dictionaries.
pub(super) fn dictionaries(py: Python<'_>, masks: Vec<Written>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for (index, mask) in masks.iter().enumerate() {
        check_signals(py, index)?;
        can_allocate(mask.text.len())?;
        list.append(mask.dictionary(py)?)?;
    }
    Ok(list)
}
