//! Bindings of files larger than memory, partitioned by image.

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;

use numpy::PyArray1;
use pyo3::prelude::*;

use super::arrays::{column, keys, vector};
use super::dataset::{PyDataset, categories, open};
use super::interruptible::with_progress;
use crate::json::{Bins, Dataset, Fallback, FileKind, RecordList, bin_of};
use crate::python::bad_value;

/// Adds what this file defines to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyPartitionedFile>()?;
    module.add_function(wrap_pyfunction!(partition_file, module)?)?;
    module.add_function(wrap_pyfunction!(bins_of, module)?)
}

/// A COCO file whose records have been put into bins, image by image.
#[pyclass(frozen, module = "meanap._core", name = "PartitionedFile")]
pub(super) struct PyPartitionedFile {
    head: Dataset,
    bins: Bins,
}

/// Puts the records of a data set (`kind` `"dataset"`) or of results into so many bins, in a new file at `bins`, of
/// which `buffer_size` bytes may wait in memory.
///
/// `progress(done, total)` is called with bytes.
#[pyfunction]
#[pyo3(signature = (path, kind, bins, count, buffer_size, progress=None))]
pub(super) fn partition_file(
    py: Python<'_>,
    path: PathBuf,
    kind: &str,
    bins: PathBuf,
    count: usize,
    buffer_size: usize,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyPartitionedFile> {
    let kind = match kind {
        "dataset" => FileKind::Dataset,
        "results" => FileKind::Results,
        _ => {
            let message = format!("kind is {kind:?}, expected \"dataset\" or \"results\"");
            return Err(bad_value(message));
        }
    };
    let source = open(py, &path)?;
    let file = File::options().read(true).write(true).create_new(true).open(&bins)?;
    let partitioned = with_progress(py, progress, source.size(), |progress| {
        let mut bins = Bins::new(file, count, buffer_size)?;
        let source = source.with_progress(progress.clone());
        Dataset::partition(&path, source, kind, &mut bins).map(|head| PyPartitionedFile { head, bins })
    })?;
    Ok(partitioned?)
}

#[pymethods]
impl PyPartitionedFile {
    /// Why the bins cannot stand for the file, or `None`.
    #[getter]
    fn fallback(&self) -> Option<String> {
        let none = self.head.kind == FileKind::Dataset && !self.head.has_annotations;
        let none = none.then(|| "there are no annotations".to_owned());
        self.head.fallback.as_ref().map(Fallback::to_string).or(none)
    }

    /// Whether Python has to read some record.
    #[getter]
    fn odd(&self) -> bool {
        self.head.images.fallback.is_some() || self.head.annotations.fallback.is_some()
    }

    /// `categories` as Python objects; `None` if there is no such array.
    fn categories<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        categories(py, &self.head)
    }

    /// What is in the bins from `first` to before `end`.
    fn read(&self, py: Python<'_>, first: usize, end: usize) -> PyResult<PyDataset> {
        let range = self.range(first, end);
        Ok(PyDataset { dataset: py.detach(|| self.head.read_bins(&self.bins, range))? })
    }

    /// The numbers that the annotations in these bins have in the whole file; with `images`, those of the images.
    #[pyo3(signature = (first, end, images=false))]
    fn records<'py>(
        &self,
        py: Python<'py>,
        first: usize,
        end: usize,
        images: bool,
    ) -> PyResult<Bound<'py, PyArray1<u64>>> {
        let range = self.range(first, end);
        let list = if images { RecordList::Images } else { RecordList::Annotations };
        vector(py, py.detach(|| self.bins.records(list, range))?)
    }
}

impl PyPartitionedFile {
    fn range(&self, first: usize, end: usize) -> Range<usize> {
        let end = end.min(self.bins.count());
        first.min(end)..end
    }
}

/// The bin, of so many, of each image: the one that `partition_file` puts its records into.
#[pyfunction]
pub(super) fn bins_of<'py>(
    py: Python<'py>,
    image_ids: &Bound<'py, PyAny>,
    count: usize,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let keys = keys(image_ids, || "image_ids".to_owned())?;
    column(py, keys.iter().map(|key| bin_of(key, count.max(1)) as i64))
}
