//! Rows out of a log, and into it from other logs, bytes and columns.

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::PyMatchLog;
use crate::columns::{Interner, Key};
use crate::error::collect;
use crate::matching::{LogColumns, MatchLog};
use crate::python::arrays::{array, key_list, keys, values, vector};
use crate::python::bad_value;
use crate::python::interruptible::{LONG, interruptible};
use crate::python::items::bytes;
use crate::python::matches::{LONG_TABLE, Matches};

#[pymethods]
impl PyMatchLog {
    /// Makes categories known that may have no objects.
    fn declare(&mut self, categories: &Bound<'_, PyAny>) -> PyResult<()> {
        self.log.declare(&keys(categories, || "categories".to_owned())?)?;
        Ok(())
    }

    /// Adds another log's rows; an image that both have counts once.
    fn merge(&mut self, other: PyRef<'_, PyMatchLog>) -> PyResult<()> {
        Ok(self.log.merge(&other.log)?)
    }

    /// The rows as bytes.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        bytes(py, &self.log.to_bytes()?)
    }

    /// Puts the rows that `to_bytes` wrote in the place of these.
    fn restore(&mut self, bytes: &[u8]) -> PyResult<()> {
        let log = MatchLog::from_bytes(bytes)?;
        if !log.is_like(&self.log) {
            return Err(bad_value("state: of a metric with other thresholds or area ranges"));
        }
        self.log = log;
        Ok(())
    }

    /// The rows as columns, codes in the place of ids, and the ids of the codes.
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = py.detach(|| self.log.columns())?;
        let entry = self.log.bits().entry();
        let out = PyDict::new(py);
        out.set_item("image_ids", key_list(py, &columns.images)?)?;
        out.set_item("category_ids", key_list(py, &columns.categories)?)?;
        let hits = columns.outcomes.len() / entry.max(1);
        let outcomes = array(py, columns.outcomes, [hits, entry])?;
        out.set_item("outcomes", outcomes)?;
        out.set_item("score", vector(py, columns.score)?)?;
        out.set_item("matched", vector(py, columns.matched)?)?;
        for (name, column) in [
            ("image", columns.image),
            ("category", columns.category),
            ("rank", columns.rank),
            ("outside", columns.outside),
            ("truth_image", columns.truth_image),
            ("truth_category", columns.truth_category),
            ("truth_areas", columns.truth_areas),
        ] {
            out.set_item(name, vector(py, column)?)?;
        }
        Ok(out)
    }

    /// Adds rows as `columns` gives them; an image that is there already counts once.
    fn extend(&mut self, py: Python<'_>, columns: &Bound<'_, PyDict>) -> PyResult<()> {
        let get = |name: &str| {
            columns.get_item(name)?.ok_or_else(|| bad_value(format!("rows: no column {name:?}")))
        };
        let words = |name: &str| -> PyResult<Vec<u32>> {
            Ok(values(get(name)?.extract::<PyReadonlyArray1<'_, u32>>()?.as_array())?)
        };
        let ids = |name: &str| keys(&get(name)?, || name.to_owned());
        let outcomes = get("outcomes")?;
        let outcomes = outcomes.extract::<PyReadonlyArray2<'_, u64>>()?;
        let columns = LogColumns {
            images: ids("image_ids")?,
            categories: ids("category_ids")?,
            image: words("image")?,
            category: words("category")?,
            rank: words("rank")?,
            score: values(get("score")?.extract::<PyReadonlyArray1<'_, f64>>()?.as_array())?,
            matched: values(get("matched")?.extract::<PyReadonlyArray1<'_, bool>>()?.as_array())?,
            outside: words("outside")?,
            outcomes: values(outcomes.as_array())?,
            truth_image: words("truth_image")?,
            truth_category: words("truth_category")?,
            truth_areas: words("truth_areas")?,
        };
        let log = &mut self.log;
        py.detach(|| {
            let more = MatchLog::from_columns(log.bits(), log.by_category(), columns)?;
            if log.images() == 0 && log.categories().is_empty() {
                *log = more;
                return Ok(());
            }
            log.merge(&more)
        })?;
        Ok(())
    }

    /// The table of all rows, with the ids of its images and categories.
    fn table(&self, py: Python<'_>) -> PyResult<Matches> {
        let long = self.log.rows().0 >= LONG_TABLE;
        let (table, legend) = interruptible(py, long, |progress| self.log.table(progress))?;
        Matches::new(py, table, &legend)
    }

    /// The number of images.
    #[getter]
    fn images(&self) -> usize {
        self.log.images()
    }

    /// The numbers of rows: detections, ground truths.
    #[getter]
    fn rows(&self) -> (usize, usize) {
        self.log.rows()
    }

    /// 64-bit words that the outcome of a row takes.
    #[getter]
    fn words(&self) -> usize {
        self.log.bits().entry()
    }

    /// Bytes that the rows take.
    #[getter]
    fn nbytes(&self) -> usize {
        self.log.bytes()
    }

    /// The ids of the categories that objects had, sorted.
    #[getter]
    fn seen<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let interner = self.log.labels();
        key_list(py, &sorted_keys(py, interner)?)
    }
}

/// The keys in their order.
pub(super) fn sorted_keys(py: Python<'_>, interner: &Interner) -> PyResult<Vec<Key>> {
    let codes = interruptible(py, interner.len() >= LONG, |progress| interner.sorted(progress))?;
    Ok(collect(codes.into_iter().map(|code| interner.keys()[code as usize].clone()))?)
}
