//! COCO files as Python sees them.

use std::path::{Path, PathBuf};

use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::{PyAssertionError, PyMemoryError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFrozenSet, PyList, PyString};

use super::interruptible::with_progress;
use super::{CodeIds, PyObjects};
use crate::columns::SharedColumn;
use crate::error::copied;
use crate::json::annotations::Spans;
use crate::json::encoding;
use crate::json::failure::Position;
use crate::json::{Dataset, Failure, FileKind, Role, Source};
use crate::similarity;

/// The columns of one COCO file, and the open file itself.
#[pyclass(frozen, module = "meanap._core", name = "Dataset")]
pub struct PyDataset {
    pub(super) dataset: Dataset,
}

/// Reads a data set (an object with `images`, `annotations`, `categories`) into columns.
///
/// `progress(done, total)` is called with bytes.
#[pyfunction]
#[pyo3(signature = (path, progress=None))]
pub fn read_dataset(
    py: Python<'_>,
    path: PathBuf,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyDataset> {
    read(py, path, FileKind::Dataset, progress)
}

/// Reads results (an array of objects) into columns.
///
/// `progress(done, total)` is called with bytes.
#[pyfunction]
#[pyo3(signature = (path, progress=None))]
pub fn read_results(
    py: Python<'_>,
    path: PathBuf,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyDataset> {
    read(py, path, FileKind::Results, progress)
}

/// The text of a JSON file, however it is stored; a file that cannot hold JSON is an error that says what it is.
#[pyfunction]
pub fn read_text(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyString>> {
    let read = py.detach(|| {
        let source = Source::open(&path)?;
        let cause = encoding::cause(&source, 0);
        Ok(if cause.is_some() { (Vec::new(), cause) } else { (source.read_all()?, None) })
    });
    match read {
        Ok((bytes, None)) => PyString::from_bytes(py, &bytes),
        Ok((_, Some(cause))) => {
            let message = format!("{}: expected JSON, found {cause}", path.display());
            let position = Position { line: 1, column: 1, character: 0 };
            Err(raise(py, Failure::Json { message, position })?)
        }
        Err(error) => Err(raise(py, Failure::file(&path, error))?),
    }
}

/// What a file is that begins with these bytes (all of it, or 512 of them) and holds neither JSON nor rows of text.
#[pyfunction]
pub fn kind_of_file(head: Vec<u8>) -> Option<String> {
    encoding::cause(&Source::from(head), 0)
}

/// Files of fewer bytes are read without checks for Ctrl-C.
const LONG: u64 = 16 << 20;

fn read(
    py: Python<'_>,
    path: PathBuf,
    kind: FileKind,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyDataset> {
    let source = open(py, &path)?;
    let dataset = if source.size() < LONG {
        py.detach(|| Dataset::read_open(&path, source, kind))
    } else {
        with_progress(py, progress, source.size(), |progress| {
            Dataset::read_open(&path, source.with_progress(progress.clone()), kind)
        })?
    };
    match dataset {
        Ok(dataset) => Ok(PyDataset { dataset }),
        Err(failure) => Err(raise(py, failure)?),
    }
}

/// Opens a file. What is a pipe, or another thing that may never come to an end, is read whole by Python's own `open`,
/// which listens to the keyboard.
pub fn open(py: Python<'_>, path: &Path) -> PyResult<Source> {
    let endless = py.detach(|| path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir()));
    if endless {
        let file = py.import("builtins")?.call_method1("open", (path, "rb"))?;
        let bytes = file.call_method0("read")?;
        file.call_method0("close")?;
        return Ok(Source::from(copied(bytes.cast::<PyBytes>()?.as_bytes())?));
    }
    match py.detach(|| Source::open(path)) {
        Ok(source) => Ok(source),
        Err(error) => Err(raise(py, Failure::file(path, error))?),
    }
}

/// The array `categories` of a file as Python objects.
pub fn categories<'py>(py: Python<'py>, dataset: &Dataset) -> PyResult<Option<Bound<'py, PyAny>>> {
    let text = match py.detach(|| dataset.categories_text()) {
        Ok(text) => text,
        Err(failure) => return Err(raise(py, failure)?),
    };
    let read = |text: Vec<u8>| {
        let text = PyString::from_bytes(py, &text)?;
        py.import("json")?.call_method1("loads", (text,))
    };
    text.map(read).transpose()
}

/// The exception that a Python user would catch.
pub fn raise(py: Python<'_>, failure: Failure) -> PyResult<PyErr> {
    let message = failure.to_string();
    Ok(match failure {
        Failure::Changed(_) => PyRuntimeError::new_err(message),
        Failure::Text(_) => PyValueError::new_err(message),
        Failure::Top(_) => PyAssertionError::new_err(message),
        Failure::File { path, error } => match error.raw_os_error() {
            // With a number, OSError finds the class itself: FileNotFoundError and its kin.
            Some(number) => {
                let reason = py.import("os")?.call_method1("strerror", (number,))?.unbind();
                PyOSError::new_err((number, reason, path.into_os_string()))
            }
            // As `open` says of a path with a NUL in it.
            None if error.kind() == std::io::ErrorKind::InvalidInput => PyValueError::new_err(message),
            None if error.kind() == std::io::ErrorKind::OutOfMemory => PyMemoryError::new_err(message),
            None => PyErr::from(std::io::Error::new(error.kind(), message)),
        },
        Failure::Json { message: reason, position } => {
            // The text is not available, so the class cannot count lines; they are passed.
            let error = py.import("json")?.getattr("JSONDecodeError")?.call1((reason, "", 0))?;
            error.setattr("lineno", position.line)?;
            error.setattr("colno", position.column)?;
            error.setattr("pos", position.character)?;
            error.setattr("args", (message,))?;
            PyErr::from_value(error)
        }
    })
}

#[pymethods]
impl PyDataset {
    fn __len__(&self) -> usize {
        self.dataset.len()
    }

    /// The path as it was given.
    #[getter]
    fn path(&self) -> &std::ffi::OsStr {
        self.dataset.path.as_os_str()
    }

    /// Why the columns cannot stand for the file (then they are empty), or `None`.
    #[getter]
    fn fallback(&self) -> Option<&str> {
        self.dataset.fallback.as_deref()
    }

    /// Whether the file has `images`.
    #[getter]
    fn has_images(&self) -> bool {
        self.dataset.has_images
    }

    /// Whether the file has `annotations`.
    #[getter]
    fn has_annotations(&self) -> bool {
        self.dataset.has_annotations
    }

    /// Whether the file has `categories`.
    #[getter]
    fn has_categories(&self) -> bool {
        self.dataset.has_categories
    }

    /// Whether the first annotation has a `bbox`, and it is `[]`.
    #[getter]
    fn first_bbox_empty(&self) -> bool {
        self.dataset.annotations.first_bbox_empty
    }

    /// Whether a score is written as an integer.
    #[getter]
    fn integer_scores(&self) -> bool {
        self.dataset.annotations.integer_scores
    }

    /// The ids of `images`, in order.
    fn image_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, &self.dataset.images.ids)
    }

    /// The ids of `images`, the least first.
    fn sorted_image_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut ids = self.dataset.images.ids.clone();
        ids.sort_unstable();
        PyList::new(py, ids)
    }

    /// The ids of `categories`, in order, each as often as it is there.
    fn category_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, &self.dataset.categories.ids)
    }

    /// The keys of the first annotation.
    fn first_fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyFrozenSet>> {
        PyFrozenSet::new(py, &self.dataset.first_fields)
    }

    /// The image ids that annotations have, in order of first appearance.
    fn annotation_image_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, &self.dataset.annotations.image.ids)
    }

    /// The index of the first annotation with this image id, or `None`.
    fn record_of_image(&self, id: i64) -> Option<usize> {
        let image = &self.dataset.annotations.image;
        image.find(id).map(|code| image.first[code as usize])
    }

    /// One column as a list, or `None` if a record lacks the field. For `segmentation` and `keypoints`: where each
    /// value lies in the file, as `(offset, length)` in bytes.
    fn column<'py>(&self, py: Python<'py>, field: &str) -> PyResult<Option<Bound<'py, PyList>>> {
        let (annotations, shared) = (&self.dataset.annotations, &self.dataset.shared);
        let ids = |codes: &Option<SharedColumn<u32>>, ids: &[i64]| {
            let list =
                |codes: &SharedColumn<u32>| PyList::new(py, codes.iter().map(|&code| ids[code as usize]));
            codes.as_ref().map(list).transpose()
        };
        let spans = |spans: &Spans| {
            let whole = spans.len.len() == self.dataset.len();
            let pairs = || PyList::new(py, spans.start.iter().zip(&spans.len));
            whole.then(pairs).transpose()
        };
        match field {
            "image_id" => ids(&shared.image, &annotations.image.ids),
            "category_id" => ids(&shared.category, &annotations.category.ids),
            "id" => shared.id.as_ref().map(|column| PyList::new(py, column.iter())).transpose(),
            "area" => shared.area.as_ref().map(|column| PyList::new(py, column.iter())).transpose(),
            "score" => shared.score.as_ref().map(|column| PyList::new(py, column.iter())).transpose(),
            "bbox" => shared.bbox.as_ref().map(|column| PyList::new(py, column.iter())).transpose(),
            "iscrowd" => shared.crowd.as_ref().map(|column| PyList::new(py, column.iter())).transpose(),
            "segmentation" => spans(&annotations.segmentation),
            "keypoints" => spans(&annotations.keypoints),
            _ => Err(PyValueError::new_err(format!("there is no column {field:?}"))),
        }
    }

    /// The columns that are in every record: codes of `image_id` and `category_id` `(N,)`, `id`, `area`, `score`,
    /// `bbox` `(N, 4)` and `iscrowd`.
    fn arrays<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let shared = &self.dataset.shared;
        let arrays = PyDict::new(py);
        for (name, codes) in [("image_id", &shared.image), ("category_id", &shared.category)] {
            if let Some(codes) = codes {
                arrays.set_item(name, PyArray1::from_slice(py, codes))?;
            }
        }
        for (name, numbers) in [("id", &shared.id), ("area", &shared.area), ("score", &shared.score)] {
            if let Some(numbers) = numbers {
                arrays.set_item(name, PyArray1::from_iter(py, numbers.iter()))?;
            }
        }
        if let Some(boxes) = &shared.bbox {
            let flat = PyArray1::from_vec(py, boxes.flat());
            arrays.set_item("bbox", flat.reshape([boxes.len(), 4])?)?;
        }
        if let Some(crowd) = &shared.crowd {
            arrays.set_item("iscrowd", PyArray1::from_slice(py, crowd))?;
        }
        Ok(arrays)
    }

    /// The category ids that annotations have, in order of first appearance.
    fn annotation_category_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, &self.dataset.annotations.category.ids)
    }

    /// Height and width of each of `images` `(I, 2) int64`; -1 where they are not whole numbers that fit.
    fn image_sizes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> {
        let sizes = &self.dataset.images.sizes;
        let flat = sizes.iter().flat_map(|size| size.map_or([-1; 2], |size| size.map(i64::from)));
        PyArray1::from_iter(py, flat).reshape([sizes.len(), 2])
    }

    /// `categories` as Python objects; the rest of the file is not read for it. `None` if there is no such array.
    fn categories<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        categories(py, &self.dataset)
    }

    /// The whole file as Python objects, by Python's `json`, from the file that was opened.
    ///
    /// Raises `RuntimeError` if the file has changed since.
    fn load<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let source = &self.dataset.source;
        let bytes = py.detach(|| match source.unchanged() {
            Ok(false) => Err(Failure::Changed(self.dataset.path.clone())),
            Ok(true) => source.read_all().map_err(|error| Failure::file(&self.dataset.path, error)),
            Err(error) => Err(Failure::file(&self.dataset.path, error)),
        });
        let text = match bytes {
            Ok(bytes) => PyString::from_bytes(py, &bytes)?,
            Err(failure) => return Err(raise(py, failure)?),
        };
        py.import("json")?.call_method1("loads", (text,))
    }

    /// The columns for one side of an evaluation; `images` knows the sizes of the images (this file, if `None`).
    ///
    /// `None` if a field that is needed is not in every record, or holds what columns cannot.
    #[pyo3(signature = (iou_type, role, images=None))]
    fn objects(
        &self,
        py: Python<'_>,
        iou_type: &str,
        role: &str,
        images: Option<&Bound<'_, PyDataset>>,
    ) -> PyResult<Option<PyObjects>> {
        let geometry =
            similarity::SimilarityKind::named(iou_type).map_err(|error| error.at("iou_type"))?.geometry;
        let role = match role {
            "ground_truth" => Role::GroundTruth,
            "detections" => Role::Detections,
            _ => {
                let message = format!("role is {role:?}, expected \"ground_truth\" or \"detections\"");
                return Err(PyValueError::new_err(message));
            }
        };
        let images = images.map_or(&self.dataset, |images| &images.get().dataset);
        let columns = match py.detach(|| self.dataset.objects(geometry, role, images)) {
            Ok(Some(columns)) => columns,
            Ok(None) => return Ok(None),
            Err(failure) => return Err(raise(py, failure)?),
        };
        let annotations = &self.dataset.annotations;
        Ok(Some(PyObjects {
            columns,
            image_ids: CodeIds::Numbers(annotations.image.ids.clone()),
            category_ids: CodeIds::Numbers(annotations.category.ids.clone()),
        }))
    }
}
