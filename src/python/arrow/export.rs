//! NumPy columns as a table for other libraries.

use std::any::Any;
use std::sync::Arc;

use numpy::{Element, PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyList, PyString, PyTuple};

use crate::arrow::{Buffer, Exported};
use crate::error::{push, with_capacity};
use crate::python::bad_value;
use crate::python::items::check_signals;

/// Columns that others read by their capsules; numbers are not copied.
#[pyclass(frozen, module = "meanap._core")]
pub(super) struct ArrowExport {
    table: Exported,
    rows: usize,
}

#[pymethods]
impl ArrowExport {
    /// From `(name, column)` pairs: contiguous arrays ``(N,)`` or ``(N, K)`` that nothing writes to, lists of str in
    /// which None is a null, or pairs of an array and flags of the rows that are no nulls.
    #[new]
    fn new(columns: Vec<(String, Bound<'_, PyAny>)>, rows: usize) -> PyResult<Self> {
        let mut exported = Vec::with_capacity(columns.len());
        for (name, values) in &columns {
            let length = match values.cast::<PyTuple>() {
                Ok(pair) => pair.get_item(0)?.len()?,
                Err(_) => values.len()?,
            };
            if length != rows {
                let message = format!("column {name:?} has {length} rows, expected {rows}");
                return Err(bad_value(message));
            }
            exported.push(column(name, values)?);
        }
        Ok(ArrowExport { table: Exported::table(rows, exported)?, rows })
    }

    fn __len__(&self) -> usize {
        self.rows
    }

    /// The types alone.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        PyCapsule::new_with_value(py, self.table.schema(), c"arrow_schema")
    }

    /// One batch. What type the reader would like makes no difference, as the interface allows.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let _ = requested_schema;
        let array = PyCapsule::new_with_value(py, self.table.array(), c"arrow_array")?;
        (self.__arrow_c_schema__(py)?, array).into_pyobject(py)
    }

    /// A stream of one batch.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        PyCapsule::new_with_value(py, self.table.clone().stream(), c"arrow_array_stream")
    }
}

fn column(name: &str, values: &Bound<'_, PyAny>) -> PyResult<Exported> {
    if let Ok(list) = values.cast::<PyList>() {
        let mut texts = with_capacity(list.len())?;
        for (row, item) in list.iter().enumerate() {
            check_signals(list.py(), row)?;
            if item.is_none() {
                push(&mut texts, None)?;
                continue;
            }
            let Ok(text) = item.cast_into::<PyString>() else {
                let message = format!("column {name:?}: row {row} is not a str");
                return Err(PyTypeError::new_err(message));
            };
            push(&mut texts, Some(text))?;
        }
        let mut read = with_capacity(texts.len())?;
        for text in &texts {
            read.push(text.as_ref().map(|text| text.to_str()).transpose()?);
        }
        return Ok(Exported::texts(name, read.into_iter())?);
    }
    if let Ok((values, present)) = values.extract::<(Bound<'_, PyAny>, Vec<bool>)>() {
        return Ok(column(name, &values)?.with_nulls(&present)?);
    }
    let found = numbers::<i64>(name, "l", values)
        .or_else(|| numbers::<f64>(name, "g", values))
        .or_else(|| numbers::<f32>(name, "f", values))
        .or_else(|| numbers::<i32>(name, "i", values))
        .or_else(|| numbers::<u32>(name, "I", values))
        .or_else(|| numbers::<u64>(name, "L", values))
        .or_else(|| numbers::<u8>(name, "C", values))
        .or_else(|| numbers::<i8>(name, "c", values))
        .or_else(|| numbers::<u16>(name, "S", values))
        .or_else(|| numbers::<i16>(name, "s", values))
        .or_else(|| flags(name, values));
    found.unwrap_or_else(|| {
        let kind = match values.cast::<PyUntypedArray>() {
            Ok(array) => array.dtype().str()?.to_string(),
            Err(_) => values.get_type().name()?.to_string(),
        };
        Err(PyTypeError::new_err(format!(
            "column {name:?} is {kind}, expected numbers, flags or a list of str"
        )))
    })
}

fn numbers<T: Element + 'static>(
    name: &str,
    format: &str,
    values: &Bound<'_, PyAny>,
) -> Option<PyResult<Exported>> {
    let array = values.cast::<PyArrayDyn<T>>().ok()?;
    if !array.is_c_contiguous() {
        return Some(Err(bad_value(format!("column {name:?} is not contiguous"))));
    }
    let owner: Arc<dyn Any + Send + Sync> = Arc::new(array.clone().unbind());
    // SAFETY: the array is held by `owner`; that nothing writes to it is required of the caller.
    let buffer = unsafe { Buffer::foreign(array.data().cast_const().cast(), owner) };
    Some(shaped(name, array.shape(), |name, rows| Exported::values(name, format, rows, buffer)))
}

fn flags(name: &str, values: &Bound<'_, PyAny>) -> Option<PyResult<Exported>> {
    let array = values.cast::<PyArrayDyn<bool>>().ok()?;
    let Ok(held) = array.try_readonly() else { return None };
    let Ok(flags) = held.as_slice() else {
        return Some(Err(bad_value(format!("column {name:?} is not contiguous"))));
    };
    Some(shaped(name, array.shape(), |name, _| Exported::flags(name, flags)))
}

/// Lists of a fixed length for each axis beyond the first.
fn shaped(
    name: &str,
    shape: &[usize],
    items: impl FnOnce(&str, usize) -> crate::Result<Exported>,
) -> PyResult<Exported> {
    let inner = if shape.len() == 1 { name } else { "item" };
    let mut exported = items(inner, shape.iter().product())?;
    for axis in (1..shape.len()).rev() {
        let rows = shape[..axis].iter().product();
        let name = if axis == 1 { name } else { "item" };
        exported = Exported::fixed_lists(name, rows, shape[axis], exported)?;
    }
    Ok(exported)
}
