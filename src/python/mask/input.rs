//! What the mask functions take, turned into Rust values as the reference's compiled module would.

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::Borrowed;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

use crate::error::{copied, extend, push, with_capacity};
use crate::python::items::check_signals;
use crate::python::once::{Once, intern};
use crate::rle::{Rle, codec};

/// The first Python for which the reference's compiled module uses the limited API, where Cython calls `int()` on all but
/// text and bytes. Before, it calls a type's own `__int__` alone.
const LIMITED: (u8, u8) = (3, 12);

/// A C integer, converted from whatever the reference converts one from: integers, and what has `__int__` (floats are cut).
pub(super) struct Whole<T>(pub T);

impl<'a, 'py, T> FromPyObject<'a, 'py> for Whole<T>
where
    T: for<'b> FromPyObject<'b, 'py, Error = PyErr>,
{
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if value.is_instance_of::<PyInt>() {
            return value.extract().map(Whole);
        }
        let py = value.py();
        if py.version_info() >= LIMITED {
            if value.is_exact_instance_of::<PyString>() || value.is_exact_instance_of::<PyBytes>() {
                return Err(PyTypeError::new_err("an integer is required"));
            }
            return py.get_type::<PyInt>().call1((value,))?.extract().map(Whole);
        }
        let convert = intern!(py, "__int__");
        // NumPy's text and bytes have `__int__` by name only.
        let text = value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>();
        if text || !value.get_type().hasattr(convert)? {
            return Err(PyTypeError::new_err("an integer is required"));
        }
        let whole = value.call_method0(convert)?;
        if !whole.is_instance_of::<PyInt>() {
            return Err(PyTypeError::new_err("__int__ returned no integer"));
        }
        whole.extract().map(Whole)
    }
}

/// The text of `obj["counts"]`, held without a copy.
enum CountsText {
    Bytes(PyBackedBytes),
    Str(PyBackedStr),
}

impl CountsText {
    /// Only `str` and `bytes` themselves: the reference refuses their subclasses.
    fn new(counts: Bound<'_, PyAny>) -> PyResult<CountsText> {
        if counts.is_exact_instance_of::<PyString>() {
            return Ok(CountsText::Str(counts.cast_into::<PyString>()?.try_into()?));
        }
        if counts.is_exact_instance_of::<PyBytes>() {
            return Ok(CountsText::Bytes(counts.cast_into::<PyBytes>()?.into()));
        }
        let found = counts.get_type().name()?;
        Err(PyTypeError::new_err(format!("\"counts\": expected bytes or str, found {found}")))
    }
}

/// A run-length dictionary `{"size": [h, w], "counts": …}`, not yet decoded.
pub(super) struct Encoded {
    /// Height and width.
    pub size: [u64; 2],
    text: CountsText,
}

impl Encoded {
    fn new(rle: &Bound<'_, PyAny>) -> PyResult<Encoded> {
        let py = rle.py();
        let text = CountsText::new(rle.get_item(intern!(py, "counts"))?)?;
        Ok(Encoded { size: size_of(rle)?, text })
    }

    /// The run lengths as written.
    pub(super) fn text(&self) -> crate::Result<&[u8]> {
        codec::checked(self.bytes())
    }

    /// The run lengths as given, not checked.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.text {
            CountsText::Bytes(bytes) => bytes,
            CountsText::Str(text) => text.as_bytes(),
        }
    }

    /// The run lengths, read one by one.
    pub(super) fn counts(&self) -> crate::Result<codec::RunLengths<'_>> {
        self.text().map(codec::read)
    }

    /// The mask, decoded.
    pub(super) fn decode(&self) -> crate::Result<Rle> {
        let [h, w] = self.size;
        let mut counts = with_capacity(self.text()?.len())?;
        counts.extend(self.counts()?);
        Ok(Rle { h, w, counts })
    }
}

/// `obj["size"]`: height and width.
fn size_of(object: &Bound<'_, PyAny>) -> PyResult<[u64; 2]> {
    let size = object.get_item(intern!(object.py(), "size"))?;
    let Whole(h) = size.get_item(0)?.extract()?;
    let Whole(w) = size.get_item(1)?.extract()?;
    Ok([h, w])
}

/// The dictionaries of an iterable that has a length.
pub(super) fn encoded(objects: &Bound<'_, PyAny>) -> PyResult<Vec<Encoded>> {
    objects.len()?;
    let mut masks = Vec::new();
    for (index, object) in objects.try_iter()?.enumerate() {
        check_signals(objects.py(), index)?;
        push(&mut masks, Encoded::new(&object?)?)?;
    }
    Ok(masks)
}

/// The masks of dictionaries whose `counts` are plain numbers.
pub(super) fn uncompressed(objects: &Bound<'_, PyAny>) -> PyResult<Vec<Rle>> {
    // By position: the reference does not iterate here.
    let count = objects.len()?;
    let mut masks = with_capacity(count)?;
    for index in 0..count {
        let object = objects.get_item(index)?;
        let given = object.get_item(intern!(objects.py(), "counts"))?;
        let plain = plain_numbers(&given, |item| {
            item.is_exact_instance_of::<PyInt>().then(|| item.extract().ok()).flatten()
        })?;
        let counts = match plain {
            Some(counts) => counts,
            None => numpy_vector::<u32>(&given, "uint32")?,
        };
        let [h, w] = size_of(&object)?;
        masks.push(Rle { h, w, counts });
    }
    Ok(masks)
}

/// The coordinates of many polygons: all numbers, and where each polygon ends.
pub(super) fn polygons(objects: &Bound<'_, PyAny>) -> PyResult<(Vec<f64>, Vec<usize>)> {
    let (mut numbers, mut ends) = (Vec::new(), with_capacity(objects.len()?)?);
    for (index, polygon) in objects.try_iter()?.enumerate() {
        check_signals(objects.py(), index)?;
        let polygon = polygon?;
        let plain = plain_numbers(&polygon, |item| {
            if let Ok(number) = item.cast_exact::<PyFloat>() {
                return Some(number.value());
            }
            item.is_exact_instance_of::<PyInt>().then(|| item.extract().ok()).flatten()
        })?;
        let polygon = match plain {
            Some(plain) => plain,
            None => numpy_vector::<f64>(&polygon, "float64")?,
        };
        extend(&mut numbers, polygon)?;
        push(&mut ends, numbers.len())?;
    }
    Ok((numbers, ends))
}

/// The numbers of a list that holds nothing else; `None` if NumPy should have a look.
fn plain_numbers<T>(
    list: &Bound<'_, PyAny>,
    number: impl Fn(&Bound<'_, PyAny>) -> Option<T>,
) -> crate::Result<Option<Vec<T>>> {
    let Ok(list) = list.cast_exact::<PyList>() else { return Ok(None) };
    let mut numbers = with_capacity(list.len())?;
    for item in list.iter() {
        let Some(number) = number(&item) else { return Ok(None) };
        push(&mut numbers, number)?;
    }
    Ok(Some(numbers))
}

/// `numpy.array(values, dtype)`, which must have one dimension.
fn numpy_vector<T: numpy::Element + Copy>(values: &Bound<'_, PyAny>, dtype: &str) -> PyResult<Vec<T>> {
    static ARRAY: Once<Py<PyAny>> = Once::new();
    let py = values.py();
    let arguments = PyDict::new(py);
    arguments.set_item(intern!(py, "dtype"), dtype)?;
    let array = ARRAY
        .get(py, || PyResult::Ok(py.import("numpy")?.getattr("array")?.unbind()))?
        .bind(py)
        .call((values,), Some(&arguments))?;
    let Ok(vector) = array.cast::<PyArray1<T>>() else {
        let dimensions: usize = array.getattr(intern!(py, "ndim"))?.extract()?;
        return Err(PyValueError::new_err(format!(
            "expected a flat list of numbers, found {dimensions} dimensions"
        )));
    };
    Ok(vector.to_vec()?)
}

/// Boxes as rows of four numbers.
pub(super) fn boxes(array: &PyReadonlyArray2<'_, f64>) -> PyResult<Vec<[f64; 4]>> {
    if array.shape()[1] != 4 || !array.is_c_contiguous() {
        return Err(PyValueError::new_err("boxes: expected an array of rows of 4 numbers"));
    }
    Ok(copied(array.as_slice()?.as_chunks().0)?)
}
