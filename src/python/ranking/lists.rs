//! `apk` and `mapk`: lists of anything hashable, padded arrays, CSR matrices.
//!
//! Lists of integers are copied out batch by batch while the pool works on the batch before. For anything else Python
//! itself says what is equal, so those lists are measured right where they are walked.

use std::cell::RefCell;

use numpy::{PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::PyTypeInfo;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyInt, PyList, PySet, PyTuple};
use rayon::prelude::*;

use super::integers;
use super::qrels::LONG;
use crate::error::{Error, collect, extend, push, reserve, with_capacity, zeros};
use crate::progress::Progress;
use crate::python::arrays::array;
use crate::python::interruptible::interruptible;
use crate::python::items::check_signals;
use crate::python::kind_of;
use crate::ranking::at_k::{Lists, Scratch, average_precision_at_k};
use crate::ranking::ids::spread;
use crate::threads;

/// So many items are copied out before the pool is called.
const BATCH: usize = 1 << 18;
/// So many rows are fetched into the processor's cache together.
const BLOCK: usize = 16;

/// Lists of integers that were copied out of Python, and the values of those that could not be.
#[derive(Default)]
struct CopiedLists {
    actual: Vec<i64>,
    actual_offsets: Vec<usize>,
    predicted: Vec<i64>,
    predicted_offsets: Vec<usize>,
    /// Lists of other things, already measured: position in the batch and value.
    measured: Vec<(usize, f64)>,
}

impl CopiedLists {
    fn clear(&mut self) {
        self.actual.clear();
        self.predicted.clear();
        self.measured.clear();
        for offsets in [&mut self.actual_offsets, &mut self.predicted_offsets] {
            offsets.clear();
            offsets.push(0);
        }
    }

    fn len(&self) -> usize {
        self.actual_offsets.len() - 1
    }

    fn measure(&self, k: usize, progress: &Progress, out: &mut [f64]) -> crate::Result<()> {
        let actual = Lists { offsets: &self.actual_offsets, values: &self.actual };
        let predicted = Lists { offsets: &self.predicted_offsets, values: &self.predicted };
        average_precision_at_k(actual, predicted, k, progress, out)?;
        for &(row, value) in &self.measured {
            out[row] = value;
        }
        Ok(())
    }
}

/// An inner list as a list or a tuple, which can be walked without calling Python.
enum Inner<'py> {
    List(Bound<'py, PyList>),
    Tuple(Bound<'py, PyTuple>),
}

impl<'py> Inner<'py> {
    fn new(item: Bound<'py, PyAny>, side: &str, row: usize) -> PyResult<Self> {
        if let Ok(list) = item.cast_exact::<PyList>() {
            return Ok(Inner::List(list.clone()));
        }
        if let Ok(tuple) = item.cast_exact::<PyTuple>() {
            return Ok(Inner::Tuple(tuple.clone()));
        }
        let unordered =
            side == "predicted" && (item.is_instance_of::<PySet>() || item.is_instance_of::<PyFrozenSet>());
        if unordered || item.is_instance_of::<PyDict>() {
            let kind = kind_of(&item);
            let message = format!("{side}[{row}] is {kind}, expected a list of items in their order");
            return Err(PyTypeError::new_err(message));
        }
        // A NumPy array gives Python numbers, which hash and compare as its elements do.
        if item.hasattr("tolist")?
            && let Ok(list) = item.call_method0("tolist")?.cast_into::<PyList>()
        {
            return Ok(Inner::List(list));
        }
        if item.is_instance_of::<pyo3::types::PyString>() || item.try_iter().is_err() {
            let kind = kind_of(&item);
            return Err(PyTypeError::new_err(format!("{side}[{row}] is {kind}, expected a list of items")));
        }
        PyList::type_object(item.py())
            .call1((item,))?
            .cast_into::<PyList>()
            .map(Inner::List)
            .map_err(Into::into)
    }

    fn len(&self) -> usize {
        match self {
            Inner::List(list) => list.len(),
            Inner::Tuple(tuple) => tuple.len(),
        }
    }

    /// Says that the first `limit` items will be read soon.
    fn prefetch(&self, limit: usize) {
        if let Inner::List(list) = self {
            integers::prefetch(list, limit);
        }
    }

    /// Appends the first `limit` items if all are Python integers of 64 bits; else leaves `into` as it was.
    fn integers(&self, limit: usize, into: &mut Vec<i64>) -> crate::Result<bool> {
        let tuple = match self {
            Inner::List(list) => return integers::copy(list, limit, into),
            Inner::Tuple(tuple) => tuple,
        };
        let before = into.len();
        reserve(into, tuple.len().min(limit))?;
        let all = tuple.iter().take(limit).all(|item| {
            match item.cast_exact::<PyInt>().map(|item| item.extract()) {
                Ok(Ok(number)) => {
                    into.push(number);
                    true
                }
                _ => false,
            }
        });
        if !all {
            into.truncate(before);
        }
        Ok(all)
    }

    fn items(&self, limit: usize) -> crate::Result<Vec<Bound<'py, PyAny>>> {
        let mut items = Vec::new();
        match self {
            Inner::List(list) => extend(&mut items, list.iter().take(limit))?,
            Inner::Tuple(tuple) => extend(&mut items, tuple.iter().take(limit))?,
        }
        Ok(items)
    }
}

/// Measures one pair of lists whose items Python compares: equal hash, and the same object or `==`.
fn by_python(
    py: Python<'_>,
    row: usize,
    actual: &Inner,
    predicted: &Inner,
    k: usize,
    scratch: &mut Scratch,
) -> PyResult<f64> {
    let actual = actual.items(usize::MAX)?;
    let predicted = predicted.items(k)?;
    let hashes = |side: &str, items: &[Bound<PyAny>]| -> PyResult<Vec<isize>> {
        let mut hashes = with_capacity(items.len())?;
        for (i, item) in items.iter().enumerate() {
            check_signals(py, i)?;
            hashes.push(item.hash().map_err(|error| no_item(side, row, i, item, error))?);
        }
        Ok(hashes)
    };
    let (actual_hashes, predicted_hashes) = (hashes("actual", &actual)?, hashes("predicted", &predicted)?);
    let failed = RefCell::new(None);
    let fail = |error: PyErr| *failed.borrow_mut() = Some(error);
    let first = actual.len();
    let item = |i: usize| if i < first { &actual[i] } else { &predicted[i - first] };
    let hash = |i: usize| if i < first { actual_hashes[i] } else { predicted_hashes[i - first] };
    let same = |a: usize, b: usize| {
        hash(a) == hash(b)
            && (item(a).is(item(b))
                || item(a).eq(item(b)).unwrap_or_else(|error| {
                    fail(error);
                    false
                }))
    };
    let check = || {
        py.check_signals().map_err(|error| {
            fail(error);
            Error::cancelled()
        })
    };
    let places = collect(first..first + predicted.len())?;
    let value = scratch.average_precision(0..first, &places, k, |i| spread(hash(i) as u64), same, check);
    failed.into_inner().map_or_else(|| Ok(value?), Err)
}

/// What is raised of an item that cannot be looked up: a list in place of an id, say.
fn no_item(side: &str, row: usize, place: usize, item: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = item.py();
    if !error.is_instance_of::<PyTypeError>(py) {
        return error;
    }
    let kind = kind_of(item);
    PyTypeError::new_err(format!("{side}[{row}][{place}] is {kind}, expected a number or text"))
}

/// AP@k of each pair of `actual` and `predicted`, two lists of the same length, as a float64 array.
#[pyfunction]
pub(super) fn apk_of_lists<'py>(
    py: Python<'py>,
    actual: &Bound<'py, PyList>,
    predicted: &Bound<'py, PyList>,
    k: usize,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let rows = actual.len();
    if predicted.len() != rows {
        return Err(lengths_differ(rows, predicted.len()).into());
    }
    let mut scratch = Scratch::default();
    let mut row = 0;
    let mut pairs = Vec::with_capacity(BLOCK);
    let mut fill = |batch: &mut CopiedLists| -> PyResult<()> {
        batch.clear();
        py.check_signals()?;
        while row < rows && batch.actual.len() + batch.predicted.len() < BATCH {
            pairs.clear();
            for row in row..rows.min(row + BLOCK) {
                let relevant = Inner::new(actual.get_item(row)?, "actual", row)?;
                pairs.push((relevant, Inner::new(predicted.get_item(row)?, "predicted", row)?));
            }
            row += pairs.len();
            for (relevant, ranked) in &pairs {
                relevant.prefetch(usize::MAX);
                ranked.prefetch(k);
            }
            for (number, (relevant, ranked)) in (row - pairs.len()..).zip(&pairs) {
                let (actual_end, predicted_end) = (batch.actual.len(), batch.predicted.len());
                // An empty side gives 0 whatever the other holds, so it need not be read.
                let decided = relevant.len() == 0 || ranked.len() == 0;
                let copied = decided
                    || ranked.integers(k, &mut batch.predicted)?
                        && relevant.integers(usize::MAX, &mut batch.actual)?;
                if !copied {
                    batch.actual.truncate(actual_end);
                    batch.predicted.truncate(predicted_end);
                    let value = by_python(py, number, relevant, ranked, k, &mut scratch)?;
                    push(&mut batch.measured, (batch.actual_offsets.len() - 1, value))?;
                }
                push(&mut batch.actual_offsets, batch.actual.len())?;
                push(&mut batch.predicted_offsets, batch.predicted.len())?;
            }
        }
        Ok(())
    };
    let mut values: Vec<f64> = zeros(rows)?;
    let (mut now, mut next) = (CopiedLists::default(), CopiedLists::default());
    fill(&mut now)?;
    let mut rest = &mut values[..];
    while now.len() > 0 {
        let (out, after) = rest.split_at_mut(now.len());
        rest = after;
        if now.actual.len().max(now.predicted.len()) > LONG {
            // One list that takes its time: nothing is to be done beside it but to wait for Ctrl-C.
            interruptible(py, true, |progress| threads::run(|| now.measure(k, progress, out)))?;
            fill(&mut next)?;
        } else {
            let mut measured = Ok(());
            threads::beside(|scope| {
                let measured = &mut measured;
                scope.spawn(|_| *measured = now.measure(k, &Progress::default(), out));
                fill(&mut next)
            })?;
            measured?;
        }
        std::mem::swap(&mut now, &mut next);
    }
    array(py, values, [rows])
}

fn lengths_differ(actual: usize, predicted: usize) -> Error {
    Error::value(format!("actual has {actual} lists and predicted has {predicted}, expected as many"))
}

/// One side as integer arrays.
enum ListArrays<'py> {
    /// A row for each list, filled up with the padding.
    Padded64(PyReadonlyArray2<'py, i64>, Option<i64>),
    Padded32(PyReadonlyArray2<'py, i32>, Option<i64>),
    /// The items of each list one after the other, and where each list begins.
    Csr64(PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i64>),
    Csr32(PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i32>),
}

/// The same without Python.
enum RowView<'a> {
    Padded64(&'a [i64], usize, usize, Option<i64>),
    Padded32(&'a [i32], usize, usize, Option<i64>),
    Csr64(&'a [i64], &'a [i64]),
    Csr32(&'a [i64], &'a [i32]),
}

impl<'py> ListArrays<'py> {
    /// Takes `(array 2-D, padding or None)` or `(offsets, items)`.
    fn new(side: &Bound<'py, PyTuple>) -> PyResult<Self> {
        let (first, second) = (side.get_item(0)?, side.get_item(1)?);
        if let Ok(array) = first.extract::<PyReadonlyArray2<i64>>() {
            return Ok(ListArrays::Padded64(array, second.extract()?));
        }
        if let Ok(array) = first.extract::<PyReadonlyArray2<i32>>() {
            return Ok(ListArrays::Padded32(array, second.extract()?));
        }
        let offsets = first.extract::<PyReadonlyArray1<i64>>()?;
        if let Ok(items) = second.extract::<PyReadonlyArray1<i64>>() {
            return Ok(ListArrays::Csr64(offsets, items));
        }
        Ok(ListArrays::Csr32(offsets, second.extract()?))
    }

    fn view(&self) -> PyResult<RowView<'_>> {
        Ok(match self {
            ListArrays::Padded64(array, padding) => {
                let shape = array.as_array().dim();
                RowView::Padded64(array.as_slice()?, shape.0, shape.1, *padding)
            }
            ListArrays::Padded32(array, padding) => {
                let shape = array.as_array().dim();
                RowView::Padded32(array.as_slice()?, shape.0, shape.1, *padding)
            }
            ListArrays::Csr64(offsets, items) => RowView::Csr64(offsets.as_slice()?, items.as_slice()?),
            ListArrays::Csr32(offsets, items) => RowView::Csr32(offsets.as_slice()?, items.as_slice()?),
        })
    }
}

impl RowView<'_> {
    fn len(&self) -> usize {
        match self {
            RowView::Padded64(_, rows, ..) | RowView::Padded32(_, rows, ..) => *rows,
            RowView::Csr64(offsets, _) | RowView::Csr32(offsets, _) => offsets.len().saturating_sub(1),
        }
    }

    /// The number of items of all lists, with the padding.
    fn items(&self) -> usize {
        match self {
            RowView::Padded64(items, ..) | RowView::Csr64(_, items) => items.len(),
            RowView::Padded32(items, ..) | RowView::Csr32(_, items) => items.len(),
        }
    }

    /// Checks that the offsets ascend and stay within the items.
    fn check(&self) -> Result<(), Error> {
        let (offsets, items) = match self {
            RowView::Csr64(offsets, items) => (offsets, items.len()),
            RowView::Csr32(offsets, items) => (offsets, items.len()),
            _ => return Ok(()),
        };
        let ascending = offsets.is_sorted() && offsets.first().is_none_or(|&first| first >= 0);
        if !ascending || offsets.last().is_some_and(|&last| last as u64 > items as u64) {
            return Err(Error::value(
                "the row offsets of a CSR matrix must ascend from 0 to the number of items",
            ));
        }
        Ok(())
    }

    /// Puts the first `limit` items of a list into `into`.
    fn list(&self, row: usize, limit: usize, into: &mut Vec<i64>) -> crate::Result<()> {
        into.clear();
        match self {
            RowView::Padded64(items, _, width, padding) => {
                let items = items[row * width..(row + 1) * width].iter().copied();
                extend(into, items.filter(|&item| Some(item) != *padding).take(limit))
            }
            RowView::Padded32(items, _, width, padding) => {
                let items = items[row * width..(row + 1) * width].iter().map(|&item| i64::from(item));
                extend(into, items.filter(|&item| Some(item) != *padding).take(limit))
            }
            RowView::Csr64(offsets, items) => {
                let items = &items[offsets[row] as usize..offsets[row + 1] as usize];
                extend(into, items.iter().copied().take(limit))
            }
            RowView::Csr32(offsets, items) => {
                let items = &items[offsets[row] as usize..offsets[row + 1] as usize];
                extend(into, items.iter().take(limit).map(|&item| i64::from(item)))
            }
        }
    }
}

/// AP@k of each row of two integer tables, each `(2-D array, padding or None)` or `(row offsets, items)`, as a
/// float64 array.
#[pyfunction]
pub(super) fn apk_of_arrays<'py>(
    py: Python<'py>,
    actual: &Bound<'py, PyTuple>,
    predicted: &Bound<'py, PyTuple>,
    k: usize,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (actual, predicted) = (ListArrays::new(actual)?, ListArrays::new(predicted)?);
    let (actual, predicted) = (actual.view()?, predicted.view()?);
    if actual.len() != predicted.len() {
        return Err(lengths_differ(actual.len(), predicted.len()).into());
    }
    actual.check()?;
    predicted.check()?;
    let values = interruptible(py, actual.items().max(predicted.items()) > LONG, |progress| {
        let mut values: Vec<f64> = zeros(actual.len())?;
        threads::run(|| {
            values.par_iter_mut().enumerate().with_min_len(64).try_for_each_init(
                <(Scratch, Vec<i64>, Vec<i64>)>::default,
                |(scratch, a, p), (row, out)| {
                    progress.check()?;
                    actual.list(row, usize::MAX, a)?;
                    predicted.list(row, k, p)?;
                    *out = scratch.of_integers(a, p, k, progress)?;
                    Ok(())
                },
            )
        })?;
        Ok(values)
    })?;
    array(py, values, [actual.len()])
}
