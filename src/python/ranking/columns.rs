//! Id columns and tables from Python.

use std::borrow::Cow;
use std::sync::Arc;

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyString};

use crate::error::{can_allocate, push, reserve, with_capacity};
use crate::python::arrow::ArrowTexts;
use crate::python::items::{self, check_signals};
use crate::python::{bad_value, kind_of};
use crate::ranking::ids::{IdSlice, Ids, Texts};
use crate::ranking::qrels::Documents;

/// A column of ids: int64, int32, the code points of a NumPy text array, Arrow's texts, or a list of str or int.
pub(super) enum IdColumn<'py> {
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
    pub(super) fn new(column: &Bound<'py, PyAny>, name: &str) -> PyResult<Self> {
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
            let kind = kind_of(column);
            return Err(PyTypeError::new_err(format!(
                "{name} is {kind}, expected an array of integers or text"
            )));
        };
        Ok(match from_list(list, name)? {
            Documents::Integers(ids) => IdColumn::Integers(ids),
            Documents::Texts(texts) => IdColumn::Texts(Arc::new(texts)),
        })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        match self {
            IdColumn::I64(array) => array.as_array().len(),
            IdColumn::I32(array) => array.as_array().len(),
            IdColumn::Integers(ids) => ids.len(),
            IdColumn::Texts(texts) => texts.len(),
        }
    }

    /// The same without Python.
    pub(super) fn slice(&self) -> PyResult<IdSlice<'_>> {
        Ok(match self {
            IdColumn::I64(array) => IdSlice::I64(array.as_slice()?),
            IdColumn::I32(array) => IdSlice::I32(array.as_slice()?),
            IdColumn::Integers(ids) => IdSlice::I64(ids),
            IdColumn::Texts(texts) => IdSlice::Texts(texts),
        })
    }

    /// The ids in these rows as a Python list.
    pub(super) fn ids(&self, py: Python<'py>, rows: &[usize]) -> PyResult<Bound<'py, PyList>> {
        let rows = rows.iter().copied();
        match self.slice()? {
            IdSlice::I64(ids) => items::list(py, rows.map(|row| ids[row])),
            IdSlice::I32(ids) => items::list(py, rows.map(|row| ids[row])),
            IdSlice::Texts(texts) => text_list(py, texts, rows),
        }
    }
}

/// The texts in these rows as a Python list.
pub(super) fn text_list<'py>(
    py: Python<'py>,
    texts: &Texts,
    rows: impl ExactSizeIterator<Item = usize> + Clone,
) -> PyResult<Bound<'py, PyList>> {
    can_allocate(rows.clone().map(|row| texts.id(row).0.len()).sum())?;
    items::list(py, rows.map(|row| PyString::new(py, &String::from_utf8_lossy(texts.id(row).0))))
}

fn from_code_points(array: &PyReadonlyArray2<u32>, name: &str) -> PyResult<Texts<'static>> {
    let mut texts = Texts::new();
    let mut text = String::new();
    for (row, points) in array.as_array().rows().into_iter().enumerate() {
        check_signals(array.py(), row)?;
        text.clear();
        // NumPy fills up with zeros.
        let length = points.iter().rposition(|&point| point != 0).map_or(0, |last| last + 1);
        for &point in points.iter().take(length) {
            let letter =
                char::from_u32(point).ok_or_else(|| bad_value(format!("{name}[{row}] is not valid text")))?;
            text.push(letter);
        }
        texts.push(text.as_bytes())?;
    }
    Ok(texts)
}

/// The ids of a list; errors name it.
pub(super) fn from_list(list: &Bound<'_, PyList>, name: &str) -> PyResult<Documents> {
    let wrong = |row: usize, item: &Bound<PyAny>, expected: &str| -> PyErr {
        let shown = item.repr().map_or_else(|_| "an object".to_owned(), |text| text.to_string());
        PyTypeError::new_err(format!("{name}[{row}] is {shown}, expected {expected}"))
    };
    // NumPy's integers are equal to Python's and hash as they do.
    let is_integer = |item: &Bound<PyAny>| item.is_instance_of::<PyInt>() || item.extract::<i64>().is_ok();
    if list.get_item(0).is_ok_and(|first| is_integer(&first)) {
        let mut ids = with_capacity(list.len())?;
        for (row, item) in list.iter().enumerate() {
            check_signals(list.py(), row)?;
            let id = item.extract();
            push(&mut ids, id.map_err(|_| wrong(row, &item, "an integer of 64 bits as they all are"))?)?;
        }
        return Ok(Documents::Integers(ids));
    }
    let mut offsets = with_capacity(list.len() + 1)?;
    let mut bytes: Vec<u8> = Vec::new();
    offsets.push(0);
    for (row, item) in list.iter().enumerate() {
        check_signals(list.py(), row)?;
        let text = item.cast::<PyString>().map_err(|_| wrong(row, &item, "text or an integer"))?;
        let text = text.to_str()?.as_bytes();
        reserve(&mut bytes, text.len())?;
        bytes.extend_from_slice(text);
        push(&mut offsets, bytes.len())?;
    }
    Ok(Documents::Texts(Texts { offsets, bytes: Cow::Owned(bytes), codes: None }))
}
