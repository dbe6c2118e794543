//! Id columns and tables from Python.

use std::borrow::Cow;
use std::sync::Arc;

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyString};

use crate::python::arrow::ArrowTexts;
use crate::python::bad_value;
use crate::ranking::ids::{Ids, Texts};

/// A column of ids: int64, int32, the code points of a NumPy text array, Arrow's texts, or a list of str or int.
pub enum IdColumn<'py> {
    /// 64-bit integers.
    I64(PyReadonlyArray1<'py, i64>),
    /// 32-bit integers.
    I32(PyReadonlyArray1<'py, i32>),
    /// Integers of a list.
    Integers(Vec<i64>),
    /// Text.
    Texts(Arc<Texts<'static>>),
}

impl<'py> IdColumn<'py> {
    /// Reads a column; errors name it.
    pub fn new(column: &Bound<'py, PyAny>, name: &str) -> PyResult<Self> {
        if let Ok(array) = column.extract::<PyReadonlyArray1<i64>>() {
            return Ok(IdColumn::I64(array));
        }
        if let Ok(array) = column.extract::<PyReadonlyArray1<i32>>() {
            return Ok(IdColumn::I32(array));
        }
        if let Ok(array) = column.extract::<PyReadonlyArray2<u32>>() {
            return Ok(IdColumn::Texts(Arc::new(from_code_points(&array, name)?)));
        }
        if let Ok(texts) = column.cast::<ArrowTexts>() {
            return Ok(IdColumn::Texts(Arc::clone(&texts.get().texts)));
        }
        let Ok(list) = column.cast::<PyList>() else {
            let kind = column.get_type().name()?.to_string();
            return Err(PyTypeError::new_err(format!(
                "{name} is a {kind}, expected an array of integers or text"
            )));
        };
        from_list(list, name)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            IdColumn::I64(array) => array.as_array().len(),
            IdColumn::I32(array) => array.as_array().len(),
            IdColumn::Integers(ids) => ids.len(),
            IdColumn::Texts(texts) => texts.len(),
        }
    }

    /// The ids in these rows as a Python list.
    pub fn ids(&self, py: Python<'py>, rows: &[usize]) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for &row in rows {
            match self {
                IdColumn::I64(array) => list.append(array.as_array()[row])?,
                IdColumn::I32(array) => list.append(array.as_array()[row])?,
                IdColumn::Integers(ids) => list.append(ids[row])?,
                IdColumn::Texts(texts) => list.append(String::from_utf8_lossy(texts.id(row).0))?,
            }
        }
        Ok(list)
    }
}

fn from_code_points(array: &PyReadonlyArray2<u32>, name: &str) -> PyResult<Texts<'static>> {
    let mut texts = Texts::new();
    let mut text = String::new();
    for (row, points) in array.as_array().rows().into_iter().enumerate() {
        text.clear();
        // NumPy fills up with zeros.
        let length = points.iter().rposition(|&point| point != 0).map_or(0, |last| last + 1);
        for &point in points.iter().take(length) {
            let letter =
                char::from_u32(point).ok_or_else(|| bad_value(format!("{name}[{row}] is not valid text")))?;
            text.push(letter);
        }
        texts.push(text.as_bytes());
    }
    Ok(texts)
}

fn from_list<'py>(list: &Bound<'py, PyList>, name: &str) -> PyResult<IdColumn<'py>> {
    let wrong = |row: usize, item: &Bound<PyAny>, expected: &str| -> PyErr {
        let shown = item.repr().map_or_else(|_| "an object".to_owned(), |text| text.to_string());
        PyTypeError::new_err(format!("{name}[{row}] is {shown}, expected {expected}"))
    };
    // NumPy's integers are equal to Python's and hash as they do.
    let is_integer = |item: &Bound<PyAny>| item.is_instance_of::<PyInt>() || item.extract::<i64>().is_ok();
    if list.get_item(0).is_ok_and(|first| is_integer(&first)) {
        let mut ids = Vec::with_capacity(list.len());
        for (row, item) in list.iter().enumerate() {
            ids.push(item.extract().map_err(|_| wrong(row, &item, "an integer of 64 bits as they all are"))?);
        }
        return Ok(IdColumn::Integers(ids));
    }
    let mut offsets = Vec::with_capacity(list.len() + 1);
    let mut bytes: Vec<u8> = Vec::new();
    offsets.push(0);
    for (row, item) in list.iter().enumerate() {
        let text = item.cast::<PyString>().map_err(|_| wrong(row, &item, "text or an integer"))?;
        bytes.extend_from_slice(text.to_str()?.as_bytes());
        offsets.push(bytes.len());
    }
    Ok(IdColumn::Texts(Arc::new(Texts { offsets, bytes: Cow::Owned(bytes), codes: None })))
}
