//! The arrays of some objects, by name, as users give them.

use numpy::{PyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySlice, PyString};

use super::options::Options;
use super::place::ArrayPlace;
use crate::error::Error;
use crate::python::arrays::{flags, numbers};
use crate::python::number::is_array;

/// What a dictionary or a call's keywords hold.
pub(super) trait Fields<'py> {
    /// The array of that name, if there is one and it is not None.
    fn get(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>>;
}

impl<'py> Fields<'py> for Bound<'py, PyDict> {
    fn get(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.get_item(name)?.filter(|value| !value.is_none()))
    }
}

/// A dictionary, or anything with items.
pub(super) struct DictFields<'a, 'py>(pub &'a Bound<'py, PyAny>);

impl<'py> Fields<'py> for DictFields<'_, 'py> {
    fn get(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Ok(dict) = self.0.cast::<PyDict>() {
            return dict.get(name);
        }
        if self.0.contains(name)? {
            Ok(Some(self.0.get_item(name)?).filter(|value| !value.is_none()))
        } else {
            Ok(None)
        }
    }
}

/// The arrays of a call or of one image, with the number of entries that each must have.
pub(super) struct GivenArrays<'a, F> {
    /// The arrays.
    pub fields: &'a F,
    /// What errors call them.
    pub place: &'a ArrayPlace<'a>,
    /// The number of objects.
    pub count: usize,
    /// The column that determined it.
    pub named: &'static str,
    /// What is wanted of the arrays.
    pub options: &'a Options,
    /// Whether the objects are detections.
    pub detections: bool,
}

impl<'py, F: Fields<'py>> GivenArrays<'_, F> {
    /// The error that there is no array of that name.
    pub(super) fn missing(&self, name: &str) -> PyErr {
        Error::value("").field(name).found("is missing").at(self.place.whole()).into()
    }

    /// That an array has an entry for each object.
    pub(super) fn check_count(&self, name: &str, found: usize) -> PyResult<()> {
        if found == self.count {
            return Ok(());
        }
        let found = format!("has {found} rows, \"{}\" has {}", self.named, self.count);
        Err(Error::value("").field(name).found(found).at(self.place.whole()).into())
    }

    /// A number for each object, if they are given.
    pub(super) fn column(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Vec<f64>>> {
        self.column_called(name, name.to_str()?)
    }

    /// The same, which errors call `shown`.
    pub(super) fn column_called(
        &self,
        name: &Bound<'py, PyString>,
        shown: &str,
    ) -> PyResult<Option<Vec<f64>>> {
        let Some(array) = self.fields.get(name)? else { return Ok(None) };
        let place = || self.place.array(shown);
        let array = numbers(&array, place)?;
        self.check_count(shown, array.len(place)?)?;
        Ok(Some(array.values))
    }

    /// A flag for each object, if they are given.
    pub(super) fn flags(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Vec<bool>>> {
        let Some(array) = self.fields.get(name)? else { return Ok(None) };
        let shown = name.to_str()?;
        let flags = flags(&array, || self.place.array(shown))?;
        self.check_count(shown, flags.len())?;
        Ok(Some(flags))
    }
}

/// Rows that are converted at a time.
const BLOCK: usize = 1 << 16;

/// Calls `read` with some rows of a long NumPy array after the other, because a copy of all takes as much memory as what
/// is made of it, and with the number of all rows; with anything else as a whole.
pub(super) fn for_each_block<'py>(
    array: &Bound<'py, PyAny>,
    mut read: impl FnMut(&Bound<'py, PyAny>, Option<usize>) -> PyResult<()>,
) -> PyResult<()> {
    let rows = array.cast::<PyArray2<f64>>().map(|array| array.shape()[0]);
    let rows = rows.or_else(|_| array.cast::<PyArray2<f32>>().map(|array| array.shape()[0]));
    match rows {
        Ok(rows) if rows > BLOCK && is_array(array)? => (0..rows).step_by(BLOCK).try_for_each(|start| {
            let end = rows.min(start + BLOCK);
            read(&array.get_item(PySlice::new(array.py(), start as isize, end as isize, 1))?, Some(rows))
        }),
        _ => read(array, None),
    }
}
