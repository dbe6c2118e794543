//! Arrays of numbers and columns of ids from any library.
//!
//! NumPy arrays of the common types are read as they are; everything else (torch, JAX, CuPy, lists, other types) goes
//! through `meanap._arrays`, which converts the object through its own interface.

use numpy::ndarray::{ArrayView, Dim, Dimension, IntoDimension};
use numpy::{Element, PyArray, PyArray1, PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyString};

use super::items::check_signals;
use super::number::is_array;
use crate::columns::{Interner, Key, KeyRef};
use crate::error::{Error, Place, Result, can_allocate, collect, copied, push, reserve, with_capacity};
use crate::python::once::intern;

/// An array of these values; they are not copied.
///
/// # Errors
///
/// `MemoryError`; the shape does not have as many places; what a handler of signals raises.
pub(super) fn array<'py, T: Element, const AXES: usize>(
    py: Python<'py>,
    values: Vec<T>,
    shape: [usize; AXES],
) -> PyResult<Bound<'py, PyArray<T, Dim<[usize; AXES]>>>>
where
    [usize; AXES]: IntoDimension<Dim = Dim<[usize; AXES]>>,
    Dim<[usize; AXES]>: Dimension,
{
    // The array object itself is made without a way to fail but a panic. So is NumPy's interface found, by Python code
    // that would raise a Ctrl-C from before.
    can_allocate(0)?;
    py.check_signals()?;
    PyArray1::from_vec(py, values).reshape(shape)
}

/// An array of one axis of these values; they are not copied.
///
/// # Errors
///
/// `MemoryError`
pub(super) fn vector<T: Element>(py: Python<'_>, values: Vec<T>) -> PyResult<Bound<'_, PyArray1<T>>> {
    let length = values.len();
    array(py, values, [length])
}

/// An array of as many values as the iterator has.
///
/// # Errors
///
/// `MemoryError`
pub(super) fn column<'py, T: Element>(
    py: Python<'py>,
    values: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
) -> PyResult<Bound<'py, PyArray1<T>>> {
    vector(py, collect(values)?)
}

/// A copy of an array's values, the last axis fastest.
///
/// # Errors
///
/// `OutOfMemory`
pub(super) fn values<T: Copy, D: Dimension>(array: ArrayView<'_, T, D>) -> Result<Vec<T>> {
    match array.as_slice() {
        Some(values) => copied(values),
        None => collect(array.iter().copied()),
    }
}

/// Numbers of any type as doubles.
pub(super) struct DoubleArray {
    /// The values, the last axis fastest.
    pub values: Vec<f64>,
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// Whether they were given in single precision.
    pub single: bool,
}

impl DoubleArray {
    /// The numbers as rows of `width`; an array without entries has no rows, whatever its shape.
    pub(super) fn rows(&self, width: usize, place: impl Fn() -> String) -> PyResult<usize> {
        match self.shape[..] {
            [rows, columns] if columns == width => Ok(rows),
            _ if self.values.is_empty() => Ok(0),
            _ => Err(wrong_shape(&place(), &format!("(N, {width})"), &self.shape)),
        }
    }

    /// The number of entries of a column.
    pub(super) fn len(&self, place: impl Fn() -> String) -> PyResult<usize> {
        match self.shape[..] {
            [length] => Ok(length),
            // A column of one, as `keepdim` leaves it, is an error; a scalar for one object is common.
            [] => Ok(1),
            _ if self.values.is_empty() => Ok(0),
            _ => Err(wrong_shape(&place(), "(N,)", &self.shape)),
        }
    }
}

/// The error for an array of the wrong shape.
pub(super) fn wrong_shape(place: &str, expected: &str, found: &[usize]) -> PyErr {
    let axes: Vec<String> = found.iter().map(ToString::to_string).collect();
    let comma = if found.len() == 1 { "," } else { "" };
    let problem = format!("expected shape {expected}, found ({}{comma})", axes.join(", "));
    Error::value(problem).at(place).into()
}

fn read<T: Element + Copy>(
    value: &Bound<'_, PyAny>,
    single: bool,
    widen: impl Fn(T) -> f64,
) -> Option<Result<DoubleArray>> {
    // What is derived from an array may say more than its data: a masked array, which of them are none.
    let array = value.cast::<PyArrayDyn<T>>().ok().filter(|_| is_array(value).unwrap_or(false))?;
    let shape = array.shape().to_vec();
    let array = array.try_readonly().ok()?;
    // As a slice an array comes in the order in which it lies, which for a transposed one is not that of its rows.
    let values = match array.as_slice() {
        Ok(slice) if array.is_c_contiguous() => collect(slice.iter().map(|&x| widen(x))),
        _ => collect(array.as_array().iter().map(|&x| widen(x))),
    };
    Some(values.map(|values| DoubleArray { values, shape, single }))
}

fn read_known(value: &Bound<'_, PyAny>) -> Option<Result<DoubleArray>> {
    read(value, true, |x: f32| f64::from(x))
        .or_else(|| read(value, false, |x: f64| x))
        .or_else(|| read(value, false, |x: i64| x as f64))
        .or_else(|| read(value, false, |x: i32| f64::from(x)))
        .or_else(|| read(value, false, |x: u8| f64::from(x)))
}

/// Reads numbers, which flags are not; `place` names the argument in errors.
pub(super) fn numbers(value: &Bound<'_, PyAny>, place: impl Fn() -> String) -> PyResult<DoubleArray> {
    if let Some(numbers) = read_known(value) {
        return Ok(numbers?);
    }
    let arrays = value.py().import(intern!(value.py(), "meanap._arrays"))?;
    let array = arrays.call_method1(intern!(value.py(), "as_numbers"), (value, place()))?;
    let numbers = read_known(&array).ok_or_else(|| Error::value("not an array of numbers").at(place()))?;
    Ok(numbers?)
}

/// Reads a column of flags: booleans, or numbers that are 0 or 1.
pub(super) fn flags(value: &Bound<'_, PyAny>, place: impl Fn() -> String) -> PyResult<Vec<bool>> {
    let read_flags = |value: &Bound<'_, PyAny>| {
        read(value, false, |x: bool| f64::from(u8::from(x))).or_else(|| read_known(value))
    };
    let numbers = match read_flags(value) {
        Some(numbers) => numbers?,
        None => {
            let arrays = value.py().import(intern!(value.py(), "meanap._arrays"))?;
            let array = arrays.call_method1(intern!(value.py(), "as_flags"), (value, place()))?;
            let wrong = || PyErr::from(Error::value("not an array of flags").at(place()));
            read_flags(&array).ok_or_else(wrong)??
        }
    };
    numbers.len(&place)?;
    let flag = |(row, &x): (usize, &f64)| -> PyResult<bool> {
        match x {
            0.0 => Ok(false),
            1.0 => Ok(true),
            _ => Err(Place::row(place(), row).found(format!("is {x}")).expected("0 or 1").into()),
        }
    };
    let mut flags = with_capacity(numbers.values.len())?;
    for found in numbers.values.iter().enumerate().map(flag) {
        flags.push(found?);
    }
    Ok(flags)
}

/// Integers below this are doubles too.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads one id.
pub(super) fn key(value: &Bound<'_, PyAny>, place: impl Fn() -> Place) -> PyResult<Key> {
    // Python takes True for 1.
    if !value.is_instance_of::<PyBool>()
        && let Ok(number) = value.extract::<i64>()
    {
        return Ok(Key::Number(number));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Key::Text(id_text(text, place)?.into()));
    }
    // A whole float is the integer that it equals.
    if let Ok(number) = value.cast::<PyFloat>()
        && number.value().fract() == 0.0
        && number.value().abs() < EXACT
    {
        return Ok(Key::Number(number.value() as i64));
    }
    // An array or tensor that holds a single id, as data sets of torchvision have it.
    if value.hasattr(intern!(value.py(), "item"))?
        && axes(value)? <= 1
        && let Ok(item) = value.call_method0(intern!(value.py(), "item"))
        && !item.is(value)
        // What has items of its own again is no id; to ask on may never end.
        && (item.is_instance_of::<PyInt>() || item.is_instance_of::<PyFloat>() || item.is_instance_of::<PyString>())
    {
        return key(&item, place);
    }
    Err(no_id(value, place())?)
}

/// The text of an id; an error for half of a surrogate pair, as `surrogateescape` makes of bytes that are not UTF-8.
fn id_text<'a>(text: &'a Bound<'_, PyString>, place: impl FnOnce() -> Place) -> PyResult<&'a str> {
    if let Ok(text) = text.to_str() {
        return Ok(text);
    }
    let problem = format!("{} is no text: it has half of a surrogate pair", text.repr()?);
    Err(place().value(problem).expected("an integer or a string").into())
}

/// The error for what is no id.
fn no_id(value: &Bound<'_, PyAny>, place: Place) -> PyResult<PyErr> {
    Ok(place.value(format!("{} is no id", value.repr()?)).expected("an integer or a string").into())
}

/// The number of axes of an array or tensor; 0 for anything else.
fn axes(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let shape = intern!(value.py(), "shape");
    if value.hasattr(shape)? { value.getattr(shape)?.len() } else { Ok(0) }
}

/// Reads a column of ids.
pub(super) fn keys(value: &Bound<'_, PyAny>, place: impl Fn() -> String) -> PyResult<Vec<Key>> {
    let mut keys = Vec::new();
    read_keys(value, &place, &mut keys)?;
    Ok(keys)
}

/// Reads a column of ids as codes, which go behind those that are there.
pub(super) fn codes(
    value: &Bound<'_, PyAny>,
    interner: &mut Interner,
    codes: &mut Vec<u32>,
    place: impl Fn() -> String,
) -> PyResult<()> {
    read_keys(value, &place, &mut Codes { interner, codes })
}

/// What takes the ids of a column.
trait KeySink {
    /// So many are to come.
    fn reserve(&mut self, count: usize) -> Result<()>;
    /// The next one.
    fn take(&mut self, key: KeyRef<'_>) -> Result<()>;
}

impl KeySink for Vec<Key> {
    fn reserve(&mut self, count: usize) -> Result<()> {
        reserve(self, count)
    }

    fn take(&mut self, key: KeyRef<'_>) -> Result<()> {
        push(self, key.copied()?)
    }
}

struct Codes<'a> {
    interner: &'a mut Interner,
    codes: &'a mut Vec<u32>,
}

impl KeySink for Codes<'_> {
    fn reserve(&mut self, count: usize) -> Result<()> {
        reserve(self.codes, count)
    }

    #[inline]
    fn take(&mut self, key: KeyRef<'_>) -> Result<()> {
        // Objects of one image often follow each other: comparing a text takes less than looking it up.
        let code = match self.codes.last() {
            Some(&last) if KeyRef::from(&self.interner.keys()[last as usize]) == key => last,
            _ => self.interner.code(key)?,
        };
        push(self.codes, code)
    }
}

fn read_keys(value: &Bound<'_, PyAny>, place: &dyn Fn() -> String, sink: &mut impl KeySink) -> PyResult<()> {
    fn read<T: Element + Copy>(
        value: &Bound<'_, PyAny>,
        place: &dyn Fn() -> String,
        sink: &mut impl KeySink,
        widen: impl Fn(T) -> i64,
    ) -> Option<PyResult<()>> {
        let array = value.cast::<PyArrayDyn<T>>().ok().filter(|_| is_array(value).unwrap_or(false))?;
        if array.ndim() > 1 && !array.is_empty() {
            return Some(Err(wrong_shape(&place(), "(N,)", array.shape())));
        }
        let array = array.try_readonly().ok()?;
        let reserved = sink.reserve(array.len());
        let mut take = |&x: &T| sink.take(KeyRef::Number(widen(x)));
        let taken = reserved.and_then(|()| match array.as_slice() {
            Ok(slice) => slice.iter().try_for_each(&mut take),
            Err(_) => array.as_array().iter().try_for_each(&mut take),
        });
        Some(taken.map_err(PyErr::from))
    }
    let known = read(value, place, sink, |x: i64| x)
        .or_else(|| read(value, place, sink, |x: i32| i64::from(x)))
        .or_else(|| read(value, place, sink, |x: u8| i64::from(x)));
    if let Some(found) = known {
        return found;
    }
    if let Ok(list) = value.cast::<PyList>() {
        sink.reserve(list.len())?;
        for (row, item) in list.iter().enumerate() {
            check_signals(list.py(), row)?;
            if let Ok(text) = item.cast::<PyString>() {
                sink.take(KeyRef::Text(id_text(text, || Place::row(place(), row))?))?;
                continue;
            }
            let place = || Place::row(place(), row);
            // A column of columns is not one of ids, as it is not where it is an array.
            if !item.is_instance_of::<PyInt>() && axes(&item)? > 0 {
                return Err(no_id(&item, place())?);
            }
            sink.take(KeyRef::from(&key(&item, place)?))?;
        }
        return Ok(());
    }
    let arrays = value.py().import(intern!(value.py(), "meanap._arrays"))?;
    let array = arrays.call_method1(intern!(value.py(), "as_ids"), (value, place()))?;
    if array.is(value) {
        return Err(Error::value("not a column of ids").at(place()).into());
    }
    read_keys(&array, place, sink)
}

/// Ids as Python has them.
pub(super) fn key_list<'py>(py: Python<'py>, keys: &[Key]) -> PyResult<Bound<'py, PyList>> {
    can_allocate(keys.iter().map(|key| if let Key::Text(text) = key { text.len() } else { 0 }).sum())?;
    let object = |key: &Key| -> PyResult<Bound<'py, PyAny>> {
        Ok(match key {
            Key::Number(number) => number.into_pyobject(py)?.into_any(),
            Key::Text(text) => PyString::new(py, text).into_any(),
        })
    };
    let list = PyList::empty(py);
    for (number, key) in keys.iter().enumerate() {
        check_signals(py, number)?;
        list.append(object(key)?)?;
    }
    Ok(list)
}
