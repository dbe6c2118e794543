//! The items of a dictionary while Python code may run in between.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::types::iter::BoundDictIterator;

/// Keys and values; an error, as a Python loop raises it, where the dictionary has changed its size since the last ones.
pub struct Items<'a, 'py> {
    dict: &'a Bound<'py, PyDict>,
    length: usize,
    told: usize,
    items: BoundDictIterator<'py>,
}

/// The items of a dictionary.
pub fn items<'a, 'py>(dict: &'a Bound<'py, PyDict>) -> Items<'a, 'py> {
    Items { dict, length: dict.len(), told: 0, items: dict.iter() }
}

impl<'py> Iterator for Items<'_, 'py> {
    type Item = PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.dict.len() != self.length {
            // Reported once.
            self.length = self.dict.len();
            self.told = self.length;
            return Some(Err(PyRuntimeError::new_err("dictionary changed size during iteration")));
        }
        if self.told == self.length {
            return None;
        }
        self.told += 1;
        self.items.next().map(Ok)
    }
}
