//! Judgements and runs as Python holds them between evaluations.

use std::ffi::CString;
use std::fmt;
use std::sync::{Arc, OnceLock};

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyUserWarning};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use rayon::prelude::*;

use super::columns::IdColumn;
use crate::error::Error;
use crate::python::bad_value;
use crate::ranking::conventions::Duplicates;
use crate::ranking::ids::{Id, Ids, Lookup, Text, Texts};
use crate::ranking::qrels::{Documents, Groups, Qrels};
use crate::ranking::trec::{self, Latin1, Names, Source};
use crate::threads;

/// So many rows are worth a task.
const MANY: usize = 1 << 15;

/// Relevance judgements, indexed.
#[pyclass(frozen, module = "meanap._core", name = "Qrels")]
pub struct PyQrels {
    /// What the core takes.
    pub core: Qrels,
    query_ids: Py<PyList>,
    /// The judged documents as Python objects, created when a run of dictionaries first needs them.
    objects: OnceLock<Py<PyList>>,
}

impl PyQrels {
    /// The id of each query.
    pub fn query_ids<'py>(&self, py: Python<'py>) -> &Bound<'py, PyList> {
        self.query_ids.bind(py)
    }

    /// The judged documents as Python objects, row by row.
    pub fn documents<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        if self.objects.get().is_none() {
            let list = match &self.core.documents {
                Documents::Integers(ids) => PyList::new(py, ids)?,
                Documents::Texts(texts) => {
                    let text = |row| PyString::new(py, &String::from_utf8_lossy(texts.id(row).0));
                    PyList::new(py, (0..texts.len()).map(text))?
                }
            };
            // Another thread may have been quicker; either list will do.
            let _ = self.objects.set(list.unbind());
        }
        Ok(self.objects.get().expect("was just set").bind(py).clone())
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
        for (query, documents) in judgements.iter() {
            let Ok(documents) = documents.cast::<PyDict>() else {
                let message = format!("qrels[{}] is not a dictionary of grades", query.repr()?);
                return Err(PyTypeError::new_err(message));
            };
            for (document, grade) in documents.iter() {
                let Some(grade) = whole(&grade) else {
                    return Err(PyTypeError::new_err(format!(
                        "qrels[{}][{}] is {}, expected a whole number",
                        query.repr()?,
                        document.repr()?,
                        grade.repr()?
                    )));
                };
                objects.append(document)?;
                grades.push(grade);
            }
            // Without a judgement there is no query: a file of judgements could not even name it.
            if offsets.last() != Some(&grades.len()) {
                offsets.push(grades.len());
                queries.append(query)?;
            }
        }
        let documents = match IdColumn::new(&objects, "qrels' documents")? {
            IdColumn::Integers(ids) => Documents::Integers(ids),
            IdColumn::Texts(texts) => Documents::Texts(Arc::unwrap_or_clone(texts)),
            IdColumn::I64(_) | IdColumn::I32(_) => unreachable!("a list is not an array"),
        };
        let core = py.detach(|| Qrels::new(documents, offsets, grades, false))?;
        Ok(PyQrels { core, query_ids: queries.unbind(), objects: OnceLock::from(objects.unbind()) })
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
        let table = py.detach(|| threads::run(|| trec::read_qrels(name, text, &names)))?;
        warn_of_latin1(py, name, table.latin1)?;
        let (queries, documents) =
            (IdColumn::Texts(Arc::new(table.queries)), IdColumn::Texts(Arc::new(table.documents)));
        let source = Source { name: name.to_owned(), lines: table.lines };
        let duplicates = Duplicates::named(duplicates)?;
        Self::build(py, &queries, &documents, &table.values, duplicates, Some(&source))
    }

    /// The id of each query.
    #[getter(query_ids)]
    fn py_query_ids(&self, py: Python<'_>) -> Py<PyList> {
        self.query_ids.clone_ref(py)
    }

    /// How many documents of each query have at least this grade.
    fn relevant<'py>(&self, py: Python<'py>, level: i64) -> Bound<'py, PyArray1<i64>> {
        let count = |query| self.core.relevant(query, level) as i64;
        PyArray1::from_iter(py, (0..self.core.queries()).map(count))
    }

    /// The least grade; 0 if there is none.
    fn least(&self) -> i64 {
        self.core.grades.iter().copied().min().unwrap_or(0)
    }
}

impl PyQrels {
    fn build(
        py: Python<'_>,
        queries: &IdColumn,
        documents: &IdColumn,
        grades: &[i64],
        duplicates: Duplicates,
        source: Option<&Source>,
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
        let judged = match documents {
            IdColumn::I64(array) => judged(py, array.as_slice()?, grades, &groups, duplicates, source),
            IdColumn::I32(array) => judged(py, array.as_slice()?, grades, &groups, duplicates, source),
            IdColumn::Integers(list) => judged(py, &list[..], grades, &groups, duplicates, source),
            IdColumn::Texts(texts) => judged(py, &**texts, grades, &groups, duplicates, source),
        };
        let (kept, offsets) = judged.map_err(|(group, error)| {
            let query = ids
                .get_item(group)
                .and_then(|id| id.repr())
                .map_or_else(|_| String::new(), |id| id.to_string());
            error.at(format!("qrels: query {query}"))
        })?;
        let grades = gathered(&kept, grades, |grade| grade);
        let documents = match documents {
            IdColumn::I64(array) => Documents::Integers(gathered(&kept, array.as_slice()?, |id| id)),
            IdColumn::I32(array) => Documents::Integers(gathered(&kept, array.as_slice()?, i64::from)),
            IdColumn::Integers(ids) => Documents::Integers(gathered(&kept, ids, |id| id)),
            IdColumn::Texts(texts) => {
                let mut gathered = Texts::new();
                let mut push = |row| gathered.push(texts.id(row).0);
                match &kept {
                    Some(kept) => kept.iter().for_each(|&row| push(row)),
                    None => (0..rows).for_each(push),
                }
                Documents::Texts(gathered)
            }
        };
        let repeated = duplicates == Duplicates::All;
        let core = py.detach(|| Qrels::new(documents, offsets, grades, repeated))?;
        Ok(PyQrels { core, query_ids: ids.unbind(), objects: OnceLock::new() })
    }
}

fn gathered<T: Copy + Sync>(
    kept: &Option<Vec<usize>>,
    values: &[T],
    wide: impl Fn(T) -> i64 + Sync,
) -> Vec<i64> {
    threads::run(|| match kept {
        Some(kept) => kept.par_iter().with_min_len(MANY).map(|&row| wide(values[row])).collect(),
        None => values.par_iter().with_min_len(MANY).map(|&value| wide(value)).collect(),
    })
}

fn groups(py: Python<'_>, queries: &IdColumn) -> PyResult<Groups> {
    Ok(match queries {
        IdColumn::I64(array) => {
            let ids = array.as_slice()?;
            py.detach(|| threads::run(|| Groups::new(ids)))
        }
        IdColumn::I32(array) => {
            let ids = array.as_slice()?;
            py.detach(|| threads::run(|| Groups::new(ids)))
        }
        IdColumn::Integers(ids) => py.detach(|| threads::run(|| Groups::new(&ids[..]))),
        IdColumn::Texts(texts) => py.detach(|| threads::run(|| Groups::new(&**texts))),
    }?)
}

/// The rows that count, group by group (None: all as they are), and where each group begins; or the group with an
/// error.
#[allow(clippy::type_complexity)]
fn judged<I: Ids + ?Sized>(
    py: Python<'_>,
    documents: &I,
    grades: &[i64],
    groups: &Groups,
    duplicates: Duplicates,
    source: Option<&Source>,
) -> std::result::Result<(Option<Vec<usize>>, Vec<usize>), (usize, Error)> {
    // What is nearly always so is found out by all threads.
    if duplicates == Duplicates::All || !py.detach(|| threads::run(|| groups.any_twice(documents))) {
        let kept = groups.rows.as_ref().map(|rows| rows.iter().map(|&row| row as usize).collect());
        return Ok((kept, groups.offsets.clone()));
    }
    let mut table = Lookup::default();
    let (mut kept, mut offsets) = (Vec::with_capacity(grades.len()), vec![0]);
    for (group, range) in groups.offsets.windows(2).enumerate() {
        let start = kept.len();
        table.clear(range[1] - range[0]);
        for place in range[0]..range[1] {
            let row = groups.rows.as_ref().map_or(place, |rows| rows[place] as usize);
            let id = documents.id(row);
            let next = (kept.len() - start) as u32;
            let earlier =
                table.find_or_insert(id.hash(), next, |held| documents.id(kept[start + held as usize]) == id);
            match (earlier, duplicates) {
                (None, _) | (Some(_), Duplicates::All) => kept.push(row),
                (Some(held), Duplicates::Error) => {
                    let places = trec::places(source, kept[start + held as usize], row);
                    return Err((group, Error::value(format!("document {id} is judged twice ({places})"))));
                }
                (Some(_), Duplicates::First | Duplicates::Once) => {}
                (Some(held), Duplicates::Last) => kept[start + held as usize] = row,
            }
        }
        offsets.push(kept.len());
    }
    Ok((Some(kept), offsets))
}

/// The documents of a run, held by reference.
pub enum HeldDocuments {
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
pub enum HeldScores {
    /// Single.
    F32(Py<PyArray1<f32>>),
    /// Double.
    F64(Py<PyArray1<f64>>),
    /// Double, from a file.
    Read(Vec<f64>),
}

/// A run as columns.
#[pyclass(frozen, module = "meanap._core", name = "Run")]
pub struct PyRun {
    /// The documents.
    pub documents: HeldDocuments,
    /// The scores.
    pub scores: HeldScores,
    /// The rows of each query.
    pub groups: Groups,
    /// The file that they were read from.
    pub source: Option<Source>,
    /// The id of each query.
    #[pyo3(get)]
    query_ids: Py<PyList>,
}

#[pymethods]
impl PyRun {
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
        let table = py.detach(|| threads::run(|| trec::read_run(name, text, &names)))?;
        warn_of_latin1(py, name, table.latin1)?;
        let queries = IdColumn::Texts(Arc::new(table.queries));
        let groups = groups(py, &queries)?;
        let query_ids = queries.ids(py, &groups.first)?.unbind();
        let documents = HeldDocuments::Texts(Arc::new(table.documents));
        let source = Some(Source { name: name.to_owned(), lines: table.lines });
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
    let message = CString::new(message.replace('\0', " ")).expect("has no NUL");
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &message, 3)
}

/// A grade: an integer, or a float that is one.
fn whole(grade: &Bound<'_, PyAny>) -> Option<i64> {
    grade.extract::<i64>().ok().or_else(|| {
        let number = grade.extract::<f64>().ok()?;
        // What is beyond 2^53 is refused with all grades that are.
        (number.fract() == 0.0 && number.abs() < 2f64.powi(62)).then_some(number as i64)
    })
}

/// A document id of a dictionary, in the order that it has in columns. Integers come before text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'a> {
    /// An integer.
    Integer(i64),
    /// Text.
    Text(Text<'a>),
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Integer(id) => fmt::Display::fmt(id, f),
            Key::Text(id) => fmt::Display::fmt(id, f),
        }
    }
}

/// Of lists whose ids are of one kind.
impl Id for Key<'_> {
    fn prefix(self) -> u64 {
        match self {
            Key::Integer(id) => id.prefix(),
            Key::Text(id) => id.prefix(),
        }
    }

    fn hash(self) -> u64 {
        match self {
            Key::Integer(id) => id.hash(),
            Key::Text(id) => id.hash(),
        }
    }

    fn tag(self) -> u32 {
        match self {
            Key::Integer(id) => id.tag(),
            Key::Text(id) => id.tag(),
        }
    }
}

impl<'a> Key<'a> {
    /// Reads an id.
    pub fn new(id: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = id.cast::<PyString>() {
            return Ok(Key::Text(Text(text.to_str()?.as_bytes())));
        }
        match id.extract() {
            Ok(number) => Ok(Key::Integer(number)),
            Err(_) => {
                let message = format!("document {} is neither text nor an integer of 64 bits", id.repr()?);
                Err(PyTypeError::new_err(message))
            }
        }
    }

    /// Whether it is text.
    pub fn is_text(&self) -> bool {
        matches!(self, Key::Text(_))
    }
}

/// Borrows a held array for reading.
pub fn borrowed<'py, T: numpy::Element>(
    py: Python<'py>,
    array: &Py<PyArray1<T>>,
) -> PyResult<PyReadonlyArray1<'py, T>> {
    let array = array.bind(py).try_readonly()?;
    if !array.is_contiguous() {
        return Err(bad_value("the run's columns must be contiguous"));
    }
    Ok(array)
}
