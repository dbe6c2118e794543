//! Judgements and runs as Python holds them between evaluations.

use std::ffi::CString;
use std::sync::Arc;

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyUserWarning};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use super::columns::{IdColumn, from_list, text_list};
use crate::error::push;
use crate::python::arrays::column;
use crate::python::bad_value;
use crate::python::interruptible::interruptible;
use crate::python::items::{self, check_signals, items};
use crate::python::once::Once;
use crate::ranking::conventions::Duplicates;
use crate::ranking::ids::{AnyId, IdSlice, TextId, Texts};
use crate::ranking::judgements::Columns;
use crate::ranking::qrels::{Documents, Groups, Qrels};
use crate::ranking::run::{Run, Scores};
use crate::ranking::trec::{self, Latin1, Names, TableSource, whole};
use crate::threads;

/// More rows take long enough for Ctrl-C to matter.
pub(super) const LONG: usize = 1 << 20;
/// More bytes of text do.
const LONG_TEXT: usize = 1 << 24;

/// Relevance judgements, indexed.
#[pyclass(frozen, module = "meanap._core", name = "Qrels")]
pub(super) struct PyQrels {
    /// What the core takes.
    pub core: Qrels,
    query_ids: Py<PyList>,
    /// The judged documents as Python objects, created when a run of dictionaries first needs them.
    objects: Once<Py<PyList>>,
}

impl PyQrels {
    /// The id of each query.
    pub(super) fn query_ids<'py>(&self, py: Python<'py>) -> &Bound<'py, PyList> {
        self.query_ids.bind(py)
    }

    /// The judged documents as Python objects, row by row.
    pub(super) fn documents<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let made = self.objects.get(py, || {
            let list = match &self.core.documents {
                Documents::Integers(ids) => items::list(py, ids.iter()),
                Documents::Texts(texts) => text_list(py, texts, 0..texts.len()),
            };
            list.map(Bound::unbind)
        });
        made.map(|list| list.bind(py).clone())
    }
}

#[pymethods]
impl PyQrels {
    /// From a dictionary of dictionaries: query to document to grade.
    #[staticmethod]
    fn from_dict(py: Python<'_>, judgements: &Bound<'_, PyDict>) -> PyResult<Self> {
        let queries = PyList::empty(py);
        let objects = PyList::empty(py);
        let (mut offsets, mut grades) = (vec![0], Vec::new());
        for pair in items(judgements) {
            let (query, documents) = pair?;
            let Ok(documents) = documents.cast::<PyDict>() else {
                let message = format!("qrels[{}] is not a dictionary of grades", query.repr()?);
                return Err(PyTypeError::new_err(message));
            };
            for pair in items(documents) {
                let (document, grade) = pair?;
                check_signals(py, grades.len())?;
                let Some(grade) = whole_grade(&grade) else {
                    return Err(PyTypeError::new_err(format!(
                        "qrels[{}][{}] is {}, expected a whole number",
                        query.repr()?,
                        document.repr()?,
                        grade.repr()?
                    )));
                };
                objects.append(document)?;
                push(&mut grades, grade)?;
            }
            // Without a judgement there is no query: a file of judgements could not even name it.
            if offsets.last() != Some(&grades.len()) {
                push(&mut offsets, grades.len())?;
                queries.append(query)?;
            }
        }
        let documents = from_list(&objects, "qrels' documents")?;
        let core = interruptible(py, grades.len() > LONG, |progress| {
            Qrels::new(documents, offsets, grades, false, progress)
        })?;
        Ok(PyQrels { core, query_ids: queries.unbind(), objects: Once::of(objects.unbind()) })
    }

    /// From a table: a query, a document and a grade in each row. `duplicates` says what a document that is judged
    /// twice for a query gives.
    #[staticmethod]
    fn from_columns(
        py: Python<'_>,
        queries: &Bound<'_, PyAny>,
        documents: &Bound<'_, PyAny>,
        grades: PyReadonlyArray1<i64>,
        duplicates: &str,
    ) -> PyResult<Self> {
        let queries = IdColumn::new(queries, "qrels' queries")?;
        let documents = IdColumn::new(documents, "qrels' documents")?;
        Self::build(py, &queries, &documents, grades.as_slice()?, Duplicates::named(duplicates)?, None)
    }

    /// From the bytes of a text file; `columns` are the names that its header may give to query, document and grade.
    #[staticmethod]
    fn from_trec(
        py: Python<'_>,
        name: &str,
        text: &Bound<'_, PyBytes>,
        columns: ColumnNames,
        duplicates: &str,
    ) -> PyResult<Self> {
        let (text, names) = (text.as_bytes(), names(columns));
        let table = interruptible(py, text.len() > LONG_TEXT, |progress| {
            threads::run(|| trec::read_qrels(name, text, &names, progress))
        })?;
        warn_of_latin1(py, name, table.latin1)?;
        let (queries, documents) =
            (IdColumn::Texts(Arc::new(table.queries)), IdColumn::Texts(Arc::new(table.documents)));
        let source = TableSource { name: name.to_owned(), lines: table.lines };
        let duplicates = Duplicates::named(duplicates)?;
        Self::build(py, &queries, &documents, &table.values, duplicates, Some(&source))
    }

    /// The id of each query.
    #[getter(query_ids)]
    fn py_query_ids(&self, py: Python<'_>) -> Py<PyList> {
        self.query_ids.clone_ref(py)
    }

    /// How many documents of each query have at least this grade.
    fn relevant<'py>(&self, py: Python<'py>, level: i64) -> PyResult<Bound<'py, PyArray1<i64>>> {
        column(py, (0..self.core.queries()).map(|query| self.core.relevant(query, level) as i64))
    }

    /// The least grade; 0 if there is none.
    fn least(&self) -> i64 {
        self.core.grades.iter().copied().min().unwrap_or(0)
    }
}

impl PyRun {
    /// A query's id as Python writes it.
    pub(super) fn query_id(&self, py: Python<'_>, group: usize) -> PyResult<String> {
        Ok(self.query_ids.bind(py).get_item(group)?.repr()?.to_string())
    }

    /// Lends the columns as the core takes them.
    pub(super) fn with_columns<R>(
        &self,
        py: Python<'_>,
        then: impl FnOnce(&Run) -> PyResult<R>,
    ) -> PyResult<R> {
        let (wide, narrow);
        let documents = match &self.documents {
            HeldDocuments::I64(array) => {
                wide = borrowed(py, array)?;
                IdSlice::I64(wide.as_slice()?)
            }
            HeldDocuments::I32(array) => {
                narrow = borrowed(py, array)?;
                IdSlice::I32(narrow.as_slice()?)
            }
            HeldDocuments::Integers(ids) => IdSlice::I64(ids),
            HeldDocuments::Texts(texts) => IdSlice::Texts(texts),
        };
        let (double, single);
        let scores = match &self.scores {
            HeldScores::F64(array) => {
                double = borrowed(py, array)?;
                Scores::F64(double.as_slice()?)
            }
            HeldScores::F32(array) => {
                single = borrowed(py, array)?;
                Scores::F32(single.as_slice()?)
            }
            HeldScores::Read(scores) => Scores::F64(scores),
        };
        if documents.len() != scores.len() || self.groups.offsets.last() != Some(&scores.len()) {
            return Err(bad_value("the run's columns have changed their length"));
        }
        then(&Run { documents, scores, groups: &self.groups, source: self.source.as_ref() })
    }
}

impl PyQrels {
    fn build(
        py: Python<'_>,
        queries: &IdColumn,
        documents: &IdColumn,
        grades: &[i64],
        duplicates: Duplicates,
        source: Option<&TableSource>,
    ) -> PyResult<Self> {
        let rows = queries.len();
        if documents.len() != rows || grades.len() != rows {
            return Err(bad_value(format!(
                "qrels have {rows} queries, {} documents and {} grades, expected as many of each",
                documents.len(),
                grades.len()
            )));
        }
        let groups = groups(py, queries)?;
        let ids = queries.ids(py, &groups.first)?;
        let columns = Columns { groups: &groups, documents: documents.slice()?, grades, source };
        let core = interruptible(py, rows > LONG, |progress| {
            Ok(threads::run(|| columns.judgements(duplicates, progress)))
        })?;
        let core = core.map_err(|(group, error)| match group {
            None => error,
            Some(group) => {
                let query = ids.get_item(group).and_then(|id| id.repr());
                error
                    .at(format!("qrels: query {}", query.map_or_else(|_| String::new(), |id| id.to_string())))
            }
        })?;
        Ok(PyQrels { core, query_ids: ids.unbind(), objects: Once::new() })
    }
}

fn groups(py: Python<'_>, queries: &IdColumn) -> PyResult<Groups> {
    let ids = queries.slice()?;
    interruptible(py, ids.len() > LONG, |progress| threads::run(|| Groups::new(ids, progress)))
}

/// The documents of a run, held by reference.
enum HeldDocuments {
    /// 64-bit integers.
    I64(Py<PyArray1<i64>>),
    /// 32-bit integers.
    I32(Py<PyArray1<i32>>),
    /// Integers of a list.
    Integers(Vec<i64>),
    /// Text.
    Texts(Arc<Texts<'static>>),
}

/// The scores of a run, held by reference.
enum HeldScores {
    /// Single.
    F32(Py<PyArray1<f32>>),
    /// Double.
    F64(Py<PyArray1<f64>>),
    /// Double, from a file.
    Read(Vec<f64>),
}

/// A run as columns.
#[pyclass(frozen, module = "meanap._core", name = "Run")]
pub(super) struct PyRun {
    documents: HeldDocuments,
    scores: HeldScores,
    /// The rows of each query.
    pub groups: Groups,
    /// The file that they were read from.
    source: Option<TableSource>,
    /// The id of each query.
    #[pyo3(get)]
    query_ids: Py<PyList>,
}

#[pymethods]
impl PyRun {
    /// Whether most scores cannot be grades.
    fn scores_are_fractions(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(match &self.scores {
            HeldScores::F32(array) => Scores::F32(array.bind(py).readonly().as_slice()?).are_fractions(),
            HeldScores::F64(array) => Scores::F64(array.bind(py).readonly().as_slice()?).are_fractions(),
            HeldScores::Read(scores) => Scores::F64(scores).are_fractions(),
        })
    }

    /// From a table: a query, a document and a score in each row.
    #[staticmethod]
    fn from_columns(
        py: Python<'_>,
        queries: &Bound<'_, PyAny>,
        documents: &Bound<'_, PyAny>,
        scores: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let queries = IdColumn::new(queries, "the run's queries")?;
        let documents = IdColumn::new(documents, "the run's documents")?;
        let (scores, length) = match scores.cast::<PyArray1<f32>>() {
            Ok(array) => (HeldScores::F32(array.clone().unbind()), array.len()),
            Err(_) => {
                let array = scores.cast::<PyArray1<f64>>()?;
                (HeldScores::F64(array.clone().unbind()), array.len())
            }
        };
        if documents.len() != queries.len() || length != queries.len() {
            return Err(bad_value(format!(
                "the run has {} queries, {} documents and {length} scores, expected as many of each",
                queries.len(),
                documents.len()
            )));
        }
        let groups = groups(py, &queries)?;
        let query_ids = queries.ids(py, &groups.first)?.unbind();
        let documents = match documents {
            IdColumn::I64(array) => HeldDocuments::I64((*array).clone().unbind()),
            IdColumn::I32(array) => HeldDocuments::I32((*array).clone().unbind()),
            IdColumn::Integers(ids) => HeldDocuments::Integers(ids),
            IdColumn::Texts(texts) => HeldDocuments::Texts(texts),
        };
        Ok(PyRun { documents, scores, groups, source: None, query_ids })
    }

    /// From the bytes of a text file; `columns` are the names that its header may give to query, document and score.
    #[staticmethod]
    fn from_trec(
        py: Python<'_>,
        name: &str,
        text: &Bound<'_, PyBytes>,
        columns: ColumnNames,
    ) -> PyResult<Self> {
        let (text, names) = (text.as_bytes(), names(columns));
        let table = interruptible(py, text.len() > LONG_TEXT, |progress| {
            threads::run(|| trec::read_run(name, text, &names, progress))
        })?;
        warn_of_latin1(py, name, table.latin1)?;
        let queries = IdColumn::Texts(Arc::new(table.queries));
        let groups = groups(py, &queries)?;
        let query_ids = queries.ids(py, &groups.first)?.unbind();
        let documents = HeldDocuments::Texts(Arc::new(table.documents));
        let source = Some(TableSource { name: name.to_owned(), lines: table.lines });
        Ok(PyRun { documents, scores: HeldScores::Read(table.values), groups, source, query_ids })
    }
}

/// The names of three columns.
type ColumnNames = (Vec<String>, Vec<String>, Vec<String>);

fn names((query, document, value): ColumnNames) -> Names {
    Names { query, document, value }
}

/// Warns of a file that is not UTF-8, whichever of the caller's lines reads it.
fn warn_of_latin1(py: Python<'_>, name: &str, found: Option<Latin1>) -> PyResult<()> {
    let Some(Latin1 { line, byte }) = found else { return Ok(()) };
    let message =
        format!("{name}: line {line}: byte 0x{byte:02x} is not UTF-8; ids like this one are read as Latin-1");
    let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &message, 3)
}

/// A grade: an integer, or a float that is one.
fn whole_grade(grade: &Bound<'_, PyAny>) -> Option<i64> {
    grade.extract::<i64>().ok().or_else(|| whole(grade.extract::<f64>().ok()?))
}

/// A document id of a dictionary.
pub(super) fn document_id<'a>(id: &'a Bound<'_, PyAny>) -> PyResult<AnyId<'a>> {
    if let Ok(text) = id.cast::<PyString>() {
        return Ok(AnyId::Text(TextId(text.to_str()?.as_bytes())));
    }
    match id.extract() {
        Ok(number) => Ok(AnyId::Integer(number)),
        Err(_) => {
            let message = format!("document {} is neither text nor an integer of 64 bits", id.repr()?);
            Err(PyTypeError::new_err(message))
        }
    }
}

/// Borrows a held array for reading.
fn borrowed<'py, T: numpy::Element>(
    py: Python<'py>,
    array: &Py<PyArray1<T>>,
) -> PyResult<PyReadonlyArray1<'py, T>> {
    let array = array.bind(py).try_readonly()?;
    if !array.is_contiguous() {
        return Err(bad_value("the run's columns must be contiguous"));
    }
    Ok(array)
}
