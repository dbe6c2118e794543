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
pub enum Kind {
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
pub struct Number {
    /// The value.
    pub value: f64,
    /// What it was.
    pub kind: Kind,
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
pub fn number(object: &Bound<'_, PyAny>) -> PyResult<Option<Number>> {
    if let Ok(float) = object.cast_exact::<PyFloat>() {
        return Ok(Some(Number { value: float.value(), kind: Kind::Double }));
    }
    if object.is_exact_instance_of::<PyInt>() {
        return Ok(integer(object, Kind::Integer));
    }
    uncommon(object)
}

#[cold]
fn uncommon(object: &Bound<'_, PyAny>) -> PyResult<Option<Number>> {
    let py = object.py();
    if let Ok(truth) = object.cast_exact::<PyBool>() {
        return Ok(Some(Number { value: f64::from(u8::from(truth.is_true())), kind: Kind::Truth }));
    }
    let (kind, known) = (object.get_type(), scalars(py)?);
    let is = |scalar: &Py<PyType>| kind.is(scalar);
    if is(&known.float64) {
        return Ok(Some(Number { value: object.extract()?, kind: Kind::Double }));
    }
    if is(&known.float32) {
        return Ok(Some(Number { value: object.extract()?, kind: Kind::Single }));
    }
    if is(&known.int64) {
        return Ok(integer(object, Kind::Integer));
    }
    if known.short.iter().any(is) {
        return Ok(integer(object, Kind::Short));
    }
    Ok(None)
}

fn integer(object: &Bound<'_, PyAny>, kind: Kind) -> Option<Number> {
    let value: i64 = object.extract().ok()?;
    (-EXACT..=EXACT).contains(&value).then_some(Number { value: value as f64, kind })
}

/// Appends the numbers of a list or one-dimensional array to `out`; None where it is neither or holds anything else.
///
/// What comes back are the kinds that were met. A list of a NumPy array's own items is read as Python numbers, so
/// callers to whom `numpy.float32` matters must check the array's type themselves.
pub fn numbers(object: &Bound<'_, PyAny>, out: &mut Vec<f64>) -> PyResult<Option<Kinds>> {
    let mut kinds = Kinds::default();
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
        kinds.add(Kind::Double);
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
pub fn is_array(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static ARRAY: Once<Py<PyType>> = Once::new();
    let py = object.py();
    let array =
        ARRAY.get(py, || PyResult::Ok(py.import("numpy")?.getattr("ndarray")?.cast_into()?.unbind()))?;
    Ok(object.get_type().is(array))
}

/// Which kinds of number a list held.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kinds {
    /// At least one [`Kind::Double`].
    pub double: bool,
    /// At least one [`Kind::Integer`].
    pub integer: bool,
    /// At least one of the kinds whose arithmetic is not that of doubles.
    pub other: bool,
}

impl Kinds {
    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Double => self.double = true,
            Kind::Integer => self.integer = true,
            Kind::Single | Kind::Truth | Kind::Short => self.other = true,
        }
    }
}
