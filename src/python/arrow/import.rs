//! Tables of other libraries, by their capsules.

use std::borrow::Cow;
use std::ffi::CStr;
use std::sync::Arc;

use numpy::ndarray::{ArrayView, IxDyn};
use numpy::{Element, PyArrayDyn, PyArrayMethods};
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods, PyList, PyString, PyTuple};

use crate::arrow::{ArrowArray, ArrowArrayStream, ArrowSchema, Column, Numbers, Table, Texts};
use crate::error::{Error, can_allocate, push, with_capacity};
use crate::python::items::{self, check_signals};
use crate::python::kind_of;
use crate::python::{arrays, bad_value};

/// What a stream or array gave, held for as long as a column is read.
#[pyclass(frozen, module = "meanap._core")]
pub(super) struct ArrowTable {
    table: Table,
    place: String,
}

#[pymethods]
impl ArrowTable {
    /// Reads an object that has `__arrow_c_stream__` or `__arrow_c_array__`; `place` begins error messages.
    #[new]
    fn new(py: Python<'_>, source: &Bound<'_, PyAny>, place: &str) -> PyResult<Self> {
        let at = |error: Error| error.at(place);
        let table = if source.hasattr("__arrow_c_stream__")? {
            let mut stream: ArrowArrayStream =
                taken(&source.call_method0("__arrow_c_stream__")?, c"arrow_array_stream", place)?;
            let (schema, mut batches) = (stream.schema().map_err(at)?, Vec::new());
            // The stream may need other threads, and they Python.
            while let Some(batch) = py.detach(|| stream.next_batch()).map_err(at)? {
                push(&mut batches, batch).map_err(at)?;
                py.check_signals()?;
            }
            Table::new(schema, batches).map_err(at)?
        } else if source.hasattr("__arrow_c_array__")? {
            let pair = source.call_method0("__arrow_c_array__")?.cast_into::<PyTuple>()?;
            let schema: ArrowSchema = taken(&pair.get_item(0)?, c"arrow_schema", place)?;
            let array: ArrowArray = taken(&pair.get_item(1)?, c"arrow_array", place)?;
            Table::new(schema, vec![array]).map_err(at)?
        } else {
            let kind = kind_of(source);
            return Err(PyTypeError::new_err(format!("{place}: {kind} has no Arrow interface")));
        };
        Ok(ArrowTable { table, place: place.to_owned() })
    }

    /// The names of the columns; None if this is one column and not a table.
    #[getter]
    fn names(&self) -> PyResult<Option<Vec<String>>> {
        self.table.names().map_err(|error| error.at(&self.place).into())
    }

    fn __len__(&self) -> usize {
        self.table.len
    }

    /// A column by its place: an array that may not be written to, `ArrowTexts`, or `(offsets, items)` of lists.
    fn column<'py>(this: &Bound<'py, Self>, i: usize) -> PyResult<Bound<'py, PyAny>> {
        let ArrowTable { table, place } = this.get();
        let name =
            || table.names().ok().flatten().and_then(|names| names.into_iter().nth(i)).unwrap_or_default();
        let column = this
            .py()
            .detach(|| table.column(i))
            .map_err(|e| e.at(format!("{place}: column {:?}", name())))?;
        to_python(this, column)
    }

    /// The values, if this is one column and not a table.
    fn values<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let ArrowTable { table, place } = this.get();
        let column = this.py().detach(|| table.values()).map_err(|error| error.at(place))?;
        to_python(this, column)
    }
}

/// Takes a structure out of its capsule.
fn taken<T: Structure>(capsule: &Bound<'_, PyAny>, name: &CStr, place: &str) -> PyResult<T> {
    let capsule = capsule.cast::<PyCapsule>()?;
    let pointer = capsule.pointer_checked(Some(name))?;
    // SAFETY: the name says which structure is there, and this thread alone is looking at it.
    let structure = unsafe { T::take(pointer.cast().as_ptr()) };
    if structure.is_owner() {
        Ok(structure)
    } else {
        Err(bad_value(format!("{place}: an Arrow capsule that was read before")))
    }
}

/// The three structures alike.
trait Structure {
    unsafe fn take(place: *mut Self) -> Self;
    fn is_owner(&self) -> bool;
}

macro_rules! structures {
    ($($structure:ident),*) => {$(
        impl Structure for $structure {
            unsafe fn take(place: *mut Self) -> Self {
                // SAFETY: as the caller says.
                unsafe { $structure::take(place) }
            }

            fn is_owner(&self) -> bool {
                $structure::is_owner(self)
            }
        }
    )*};
}

structures!(ArrowSchema, ArrowArray, ArrowArrayStream);

fn to_python<'py>(table: &Bound<'py, ArrowTable>, column: Column) -> PyResult<Bound<'py, PyAny>> {
    let py = table.py();
    match column {
        Column::Numbers { values, shape } => match values {
            Numbers::Bool(values) => array(table, Cow::Owned(values), &shape),
            Numbers::I8(values) => array(table, values, &shape),
            Numbers::U8(values) => array(table, values, &shape),
            Numbers::I16(values) => array(table, values, &shape),
            Numbers::U16(values) => array(table, values, &shape),
            Numbers::I32(values) => array(table, values, &shape),
            Numbers::U32(values) => array(table, values, &shape),
            Numbers::I64(values) => array(table, values, &shape),
            Numbers::U64(values) => array(table, values, &shape),
            Numbers::F32(values) => array(table, values, &shape),
            Numbers::F64(values) => array(table, values, &shape),
        },
        Column::Texts(texts) => {
            Ok(Bound::new(py, ArrowTexts { texts: Arc::new(texts.into_owned()?) })?.into_any())
        }
        Column::Lists { offsets, items } => {
            let offsets = arrays::column(py, offsets.into_iter().map(|offset| offset as i64))?;
            Ok((offsets, to_python(table, *items)?).into_pyobject(py)?.into_any())
        }
    }
}

/// Values as an array: where they lie, if they were not copied yet.
fn array<'py, T: Element + Clone>(
    table: &Bound<'py, ArrowTable>,
    values: Cow<[T]>,
    shape: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    let py = table.py();
    let values = match values {
        Cow::Owned(values) => {
            let length = values.len();
            return arrays::array(py, values, [length])?.reshape(shape.to_vec()).map(Bound::into_any);
        }
        Cow::Borrowed(values) => values,
    };
    let view = ArrayView::from_shape(IxDyn(shape), values)
        .map_err(|error| bad_value(format!("broken Arrow data: {error}")))?;
    can_allocate(0)?;
    // SAFETY: the values belong to the table, which the array holds on to and which never changes.
    let array = unsafe { PyArrayDyn::borrow_from_array(&view, table.clone().into_any()) };
    array.readwrite().make_nonwriteable();
    Ok(array.into_any())
}

/// A column of texts.
#[pyclass(frozen, sequence, module = "meanap._core")]
pub(crate) struct ArrowTexts {
    /// The texts.
    pub texts: Arc<Texts<'static>>,
}

impl ArrowTexts {
    fn text<'py>(&self, py: Python<'py>, code: usize) -> PyResult<Bound<'py, PyString>> {
        PyString::from_bytes(py, self.texts.text(code))
    }
}

#[pymethods]
impl ArrowTexts {
    fn __len__(&self) -> usize {
        self.texts.len()
    }

    fn __repr__(&self) -> String {
        format!("ArrowTexts({} rows)", self.texts.len())
    }

    fn __getitem__<'py>(&self, py: Python<'py>, row: isize) -> PyResult<Bound<'py, PyString>> {
        let rows = self.texts.len();
        let row = if row < 0 { row + rows as isize } else { row };
        if row < 0 || row as usize >= rows {
            return Err(PyIndexError::new_err(format!("row {row} of {rows} texts")));
        }
        self.text(py, self.texts.code(row as usize))
    }

    /// All texts as str; those of a dictionary, and those that stand one after the other, are made once.
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let texts = &self.texts;
        if let Some(codes) = &texts.codes {
            let mut distinct = with_capacity(texts.offsets.len() - 1)?;
            for code in 0..texts.offsets.len() - 1 {
                check_signals(py, code)?;
                distinct.push(self.text(py, code)?);
            }
            return items::list(py, codes.iter().map(|&code| &distinct[code as usize]));
        }
        let mut all: Vec<Bound<PyString>> = with_capacity(texts.len())?;
        for row in 0..texts.len() {
            check_signals(py, row)?;
            let repeated = row > 0 && texts.text(row) == texts.text(row - 1);
            all.push(if repeated { all[row - 1].clone() } else { self.text(py, row)? });
        }
        items::list(py, all.into_iter())
    }

    /// An array of str objects.
    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = copy;
        let numpy = py.import("numpy")?;
        let dtype = dtype.map_or_else(|| numpy.getattr("object_"), Ok)?;
        numpy.call_method1("array", (self.tolist(py)?, dtype))
    }
}
