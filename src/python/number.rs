//! Doubles from Python and NumPy numbers, only where no bit can differ.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyType};

use numpy::{PyArray1, PyArrayMethods};

use super::once::Once;

/// Goes on with the value of an option, or ends with `Ok(None)`: these columns cannot be made.
macro_rules! exact {
    ($option:expr) => {
        match $option {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}
pub(super) use exact;

/// Integers up to here are doubles without rounding.
const EXACT: i64 = 1 << 53;

/// What kind of number it was: the reference's arithmetic follows NumPy's rules for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberKind {
    /// `float`, `numpy.float64`.
    Double,
    /// `numpy.float32`: arithmetic and comparisons with Python numbers stay in single precision.
    Single,
    /// `int`, `numpy.int64`.
    Integer,
    /// `bool`.
    Truth,
    /// NumPy's other integers: arithmetic may wrap.
    Short,
}

/// A number and its kind; the value is exact.
#[derive(Clone, Copy, Debug)]
pub(super) struct PyNumber {
    /// The value.
    pub value: f64,
    /// What it was.
    pub kind: NumberKind,
}

/// NumPy's scalar types that are known here.
struct Scalars {
    float64: Py<PyType>,
    float32: Py<PyType>,
    int64: Py<PyType>,
    short: Vec<Py<PyType>>,
}

static SCALARS: Once<Scalars> = Once::new();

fn scalars(py: Python<'_>) -> PyResult<&'static Scalars> {
    SCALARS.get(py, || {
        let numpy = py.import("numpy")?;
        let named = |name: &str| PyResult::Ok(numpy.getattr(name)?.cast_into::<PyType>()?.unbind());
        Ok(Scalars {
            float64: named("float64")?,
            float32: named("float32")?,
            int64: named("int64")?,
            short: ["uint32", "int32", "uint8", "int16", "uint16", "int8", "uint64"]
                .into_iter()
                .map(named)
                .collect::<PyResult<_>>()?,
        })
    })
}

/// The number that `object` is, or None where it is something else or too large to be exact.
#[inline]
pub(super) fn number(object: &Bound<'_, PyAny>) -> PyResult<Option<PyNumber>> {
    if let Ok(float) = object.cast_exact::<PyFloat>() {
        return Ok(Some(PyNumber { value: float.value(), kind: NumberKind::Double }));
    }
    if object.is_exact_instance_of::<PyInt>() {
        return Ok(integer(object, NumberKind::Integer));
    }
    uncommon(object)
}

#[cold]
fn uncommon(object: &Bound<'_, PyAny>) -> PyResult<Option<PyNumber>> {
    let py = object.py();
    if let Ok(truth) = object.cast_exact::<PyBool>() {
        return Ok(Some(PyNumber { value: f64::from(u8::from(truth.is_true())), kind: NumberKind::Truth }));
    }
    let (kind, known) = (object.get_type(), scalars(py)?);
    let is = |scalar: &Py<PyType>| kind.is(scalar);
    if is(&known.float64) {
        return Ok(Some(PyNumber { value: object.extract()?, kind: NumberKind::Double }));
    }
    if is(&known.float32) {
        return Ok(Some(PyNumber { value: object.extract()?, kind: NumberKind::Single }));
    }
    if is(&known.int64) {
        return Ok(integer(object, NumberKind::Integer));
    }
    if known.short.iter().any(is) {
        return Ok(integer(object, NumberKind::Short));
    }
    Ok(None)
}

fn integer(object: &Bound<'_, PyAny>, kind: NumberKind) -> Option<PyNumber> {
    let value: i64 = object.extract().ok()?;
    (-EXACT..=EXACT).contains(&value).then_some(PyNumber { value: value as f64, kind })
}

/// Appends the numbers of a list or one-dimensional array to `out`; None where it is neither or holds anything else.
///
/// What comes back are the kinds that were met. A list of a NumPy array's own items is read as Python numbers, so
/// callers to whom `numpy.float32` matters must check the array's type themselves.
pub(super) fn numbers(object: &Bound<'_, PyAny>, out: &mut Vec<f64>) -> PyResult<Option<NumberKinds>> {
    let mut kinds = NumberKinds::default();
    if let Ok(list) = object.cast_exact::<PyList>() {
        out.reserve(list.len());
        for item in list.iter() {
            let Some(number) = number(&item)? else { return Ok(None) };
            kinds.add(number.kind);
            out.push(number.value);
        }
        return Ok(Some(kinds));
    }
    if let Ok(array) = object.cast::<PyArray1<f64>>() {
        let Ok(array) = array.try_readonly() else { return Ok(None) };
        out.extend(array.as_array().iter());
        kinds.add(NumberKind::Double);
        return Ok(Some(kinds));
    }
    if is_array(object)? {
        let list = object.call_method0("tolist")?;
        if list.is_exact_instance_of::<PyList>() {
            return numbers(&list, out);
        }
    }
    Ok(None)
}

/// Whether `object` is exactly a NumPy array.
pub(super) fn is_array(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static ARRAY: Once<Py<PyType>> = Once::new();
    let py = object.py();
    let array =
        ARRAY.get(py, || PyResult::Ok(py.import("numpy")?.getattr("ndarray")?.cast_into()?.unbind()))?;
    Ok(object.get_type().is(array))
}

/// Which kinds of number a list held.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NumberKinds {
    /// At least one [`NumberKind::Double`].
    pub double: bool,
    /// At least one [`NumberKind::Integer`].
    pub integer: bool,
    /// At least one of the kinds whose arithmetic is not that of doubles.
    pub other: bool,
}

impl NumberKinds {
    fn add(&mut self, kind: NumberKind) {
        match kind {
            NumberKind::Double => self.double = true,
            NumberKind::Integer => self.integer = true,
            NumberKind::Single | NumberKind::Truth | NumberKind::Short => self.other = true,
        }
    }
}
