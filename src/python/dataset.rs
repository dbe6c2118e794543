//! COCO files as Python sees them.

use std::path::{Path, PathBuf};

use numpy::PyArray2;
use pyo3::exceptions::{PyRecursionError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFrozenSet, PyList, PyString};

use super::arrays::{array, column, vector};
use super::interruptible::with_progress;
use super::items::{list, list_of};
use super::{CodeIds, PyObjects, nested_too_deeply};
use crate::columns::SharedColumn;
use crate::error::{Error, collect, collect_growing, copied};
use crate::json::annotations::Spans;
use crate::json::error::no_json;
use crate::json::{Dataset, Fallback, FileKind, Role, Source, encoding};
use crate::similarity;

/// The columns of one COCO file, and the open file itself.
#[pyclass(frozen, module = "meanap._core", name = "Dataset")]
pub(super) struct PyDataset {
    pub(super) dataset: Dataset,
}

/// Reads a data set (an object with `images`, `annotations`, `categories`) into columns.
///
/// `progress(done, total)` is called with bytes.
#[pyfunction]
#[pyo3(signature = (path, progress=None))]
pub(super) fn read_dataset(
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
pub(super) fn read_results(
    py: Python<'_>,
    path: PathBuf,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyDataset> {
    read(py, path, FileKind::Results, progress)
}

/// The text of a JSON file, however it is stored; a file that cannot hold JSON is an error that says what it is.
#[pyfunction]
pub(super) fn read_text(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyString>> {
    let bytes = py.detach(|| {
        let in_file = |error| Error::io(error).in_file(&path);
        let source = Source::open(&path).map_err(in_file)?;
        match encoding::content(&source, 0) {
            None => source.read_all().map_err(in_file),
            Some(content) => Err(no_json(&path, content)),
        }
    })?;
    PyString::from_bytes(py, &bytes)
}

/// What a file is that begins with these bytes (all of it, or 512 of them) and holds neither JSON nor rows of text.
#[pyfunction]
pub(super) fn kind_of_file(head: Vec<u8>) -> Option<String> {
    encoding::content(&Source::from(head), 0)
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
    Ok(PyDataset { dataset: dataset? })
}

/// Opens a file. What is a pipe, or another thing that may never come to an end, is read whole by Python's own `open`,
/// which listens to the keyboard.
pub(super) fn open(py: Python<'_>, path: &Path) -> PyResult<Source> {
    let endless = py.detach(|| path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir()));
    if endless {
        let file = py.import("builtins")?.call_method1("open", (path, "rb"))?;
        let bytes = file.call_method0("read")?;
        file.call_method0("close")?;
        let bytes = copied(bytes.cast::<PyBytes>()?.as_bytes())?;
        return Ok(py.detach(|| Source::of_file(bytes)).map_err(|error| Error::io(error).in_file(path))?);
    }
    Ok(py.detach(|| Source::open(path)).map_err(|error| Error::io(error).in_file(path))?)
}

/// The array `categories` of a file as Python objects.
pub(super) fn categories<'py>(py: Python<'py>, dataset: &Dataset) -> PyResult<Option<Bound<'py, PyAny>>> {
    let text = py.detach(|| dataset.categories_text())?;
    text.map(|text| loads(py, &text, &dataset.path)).transpose()
}

/// The Python objects of a JSON text. What Python refuses although it is JSON (nesting, integers of many digits) is an
/// `InputError` with the original error as its cause.
fn loads<'py>(py: Python<'py>, text: &[u8], path: &Path) -> PyResult<Bound<'py, PyAny>> {
    let text = PyString::from_bytes(py, text)?;
    py.import("json")?.call_method1("loads", (text,)).map_err(|cause| {
        let error = if cause.is_instance_of::<PyRecursionError>(py) {
            nested_too_deeply(path)
        } else if cause.is_instance_of::<PyValueError>(py) {
            Error::value(format!("not JSON that Python can read: {}", cause.value(py))).in_file(path).into()
        } else {
            return cause;
        };
        error.set_cause(py, Some(cause));
        error
    })
}

impl PyDataset {
    /// Checks places of annotations.
    fn within(&self, rows: &[usize]) -> PyResult<()> {
        match rows.iter().find(|&&row| row >= self.dataset.len()) {
            Some(row) => Err(PyValueError::new_err(format!("rows: there is no annotation {row}"))),
            None => Ok(()),
        }
    }
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
    fn fallback(&self) -> Option<String> {
        self.dataset.fallback.as_ref().map(Fallback::to_string)
    }

    /// Whether annotations share an id.
    #[getter]
    fn repeated_ids(&self) -> bool {
        self.dataset.repeated_ids
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
        list(py, self.dataset.images.ids.iter())
    }

    /// The ids of `images`, the least first.
    fn sorted_image_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut ids = copied(&self.dataset.images.ids)?;
        ids.sort_unstable();
        list(py, ids.into_iter())
    }

    /// The ids of `categories`, in order, each as often as it is there.
    fn category_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        list(py, self.dataset.categories.ids.iter())
    }

    /// The keys of the first annotation.
    fn first_fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyFrozenSet>> {
        PyFrozenSet::new(py, &self.dataset.first_fields)
    }

    /// The image ids that annotations have, in order of first appearance.
    fn annotation_image_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        list(py, self.dataset.annotations.image.ids.iter())
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
            let column = |codes: &SharedColumn<u32>| list(py, codes.iter().map(|&code| ids[code as usize]));
            codes.as_ref().map(column).transpose()
        };
        let spans = |spans: &Spans| {
            let whole = spans.len.len() == self.dataset.len();
            let pairs = || list_of(py, spans.start.iter().zip(&spans.len), 3);
            whole.then(pairs).transpose()
        };
        match field {
            "image_id" => ids(&shared.image, &annotations.image.ids),
            "category_id" => ids(&shared.category, &annotations.category.ids),
            "id" => shared.id.as_ref().map(|column| list(py, column.iter())).transpose(),
            "area" => shared.area.as_ref().map(|column| list(py, column.iter())).transpose(),
            "score" => shared.score.as_ref().map(|column| list(py, column.iter())).transpose(),
            "bbox" => shared.bbox.as_ref().map(|column| list_of(py, column.iter(), 5)).transpose(),
            "iscrowd" => shared.crowd.as_ref().map(|column| list(py, column.iter())).transpose(),
            "segmentation" => spans(&annotations.segmentation),
            "keypoints" => spans(&annotations.keypoints),
            _ => Err(PyValueError::new_err(format!("there is no column {field:?}"))),
        }
    }

    /// The places of the annotations of some images.
    fn rows_of(&self, images: Vec<i64>) -> Vec<usize> {
        let (Some(codes), image) = (&self.dataset.shared.image, &self.dataset.annotations.image) else {
            return Vec::new();
        };
        let mut wanted = vec![false; image.ids.len()];
        images.into_iter().filter_map(|id| image.find(id)).for_each(|code| wanted[code as usize] = true);
        codes.iter().enumerate().filter(|(_, code)| wanted[**code as usize]).map(|(row, _)| row).collect()
    }

    /// The values of `segmentation` or `keypoints` of the annotations at some places, as they are written; `None` if a
    /// record lacks the field.
    fn texts<'py>(
        &self,
        py: Python<'py>,
        field: &str,
        rows: Vec<usize>,
    ) -> PyResult<Option<Vec<Bound<'py, PyString>>>> {
        let annotations = &self.dataset.annotations;
        let spans = match field {
            "segmentation" => &annotations.segmentation,
            "keypoints" => &annotations.keypoints,
            _ => return Err(PyValueError::new_err(format!("there is no text of {field:?}"))),
        };
        if spans.len.len() != self.dataset.len() {
            return Ok(None);
        }
        let text = |row: usize| {
            let start = spans.start[row];
            PyString::from_bytes(py, &self.dataset.text(start, start + u64::from(spans.len[row]))?)
        };
        self.within(&rows)?;
        rows.into_iter().map(text).collect::<PyResult<Vec<_>>>().map(Some)
    }

    /// The columns that are in every record: codes of `image_id` and `category_id` `(N,)`, `id`, `area`, `score`,
    /// `bbox` `(N, 4)`, `rotated` `(N, 5)` or `(N, 8)`, and `iscrowd`; of the annotations at some places, or of all.
    #[pyo3(signature = (rows=None))]
    fn arrays<'py>(&self, py: Python<'py>, rows: Option<Vec<usize>>) -> PyResult<Bound<'py, PyDict>> {
        let shared = &self.dataset.shared;
        let arrays = PyDict::new(py);
        if let Some(rows) = rows {
            self.within(&rows)?;
            for (name, codes) in [("image_id", &shared.image), ("category_id", &shared.category)] {
                if let Some(codes) = codes {
                    arrays.set_item(name, vector(py, collect(rows.iter().map(|&row| codes[row]))?)?)?;
                }
            }
            for (name, numbers) in [("id", &shared.id), ("area", &shared.area), ("score", &shared.score)] {
                if let Some(numbers) = numbers {
                    arrays.set_item(name, vector(py, collect(rows.iter().map(|&row| numbers.get(row)))?)?)?;
                }
            }
            if let Some(boxes) = &shared.bbox {
                let boxes = collect(rows.iter().map(|&row| boxes.get(row)))?.into_flattened();
                arrays.set_item("bbox", array(py, boxes, [rows.len(), 4])?)?;
            }
            if let Some(boxes) = &shared.rotated {
                let width = boxes.width();
                let all = boxes.flat()?;
                let of = rows.iter().flat_map(|&row| all[row * width..(row + 1) * width].iter().copied());
                arrays.set_item("rotated", array(py, collect_growing(of)?, [rows.len(), width])?)?;
            }
            if let Some(crowd) = &shared.crowd {
                arrays.set_item("iscrowd", vector(py, collect(rows.iter().map(|&row| crowd[row]))?)?)?;
            }
            return Ok(arrays);
        }
        for (name, codes) in [("image_id", &shared.image), ("category_id", &shared.category)] {
            if let Some(codes) = codes {
                arrays.set_item(name, vector(py, copied(codes)?)?)?;
            }
        }
        for (name, numbers) in [("id", &shared.id), ("area", &shared.area), ("score", &shared.score)] {
            if let Some(numbers) = numbers {
                arrays.set_item(name, column(py, numbers.iter())?)?;
            }
        }
        if let Some(boxes) = &shared.bbox {
            arrays.set_item("bbox", array(py, boxes.flat()?, [boxes.len(), 4])?)?;
        }
        if let Some(boxes) = &shared.rotated {
            arrays.set_item("rotated", array(py, boxes.flat()?, [boxes.len(), boxes.width()])?)?;
        }
        if let Some(crowd) = &shared.crowd {
            arrays.set_item("iscrowd", vector(py, copied(crowd)?)?)?;
        }
        Ok(arrays)
    }

    /// The category ids that annotations have, in order of first appearance.
    fn annotation_category_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        list(py, self.dataset.annotations.category.ids.iter())
    }

    /// Height and width of each of `images` `(I, 2) int64`; -1 where they are not whole numbers that fit.
    fn image_sizes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> {
        let sizes = &self.dataset.images.sizes;
        let sides = |size: &Option<[u32; 2]>| size.map_or([-1; 2], |size| size.map(i64::from));
        array(py, collect(sizes.iter().map(sides))?.into_flattened(), [sizes.len(), 2])
    }

    /// `images` as Python objects; the rest of the file is not read for it. `None` if there is no such array.
    fn images<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let text = py.detach(|| self.dataset.images_text())?;
        text.map(|text| loads(py, &text, &self.dataset.path)).transpose()
    }

    /// `categories` as Python objects; the rest of the file is not read for it. `None` if there is no such array.
    fn categories<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        categories(py, &self.dataset)
    }

    /// The whole file as Python objects, by Python's `json`, from the file that was opened.
    ///
    /// Raises `RuntimeError` if the file has changed since, and `InputError` for what Python cannot read.
    fn load<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Dataset { source, path, .. } = &self.dataset;
        let bytes = py.detach(|| {
            self.dataset.unchanged()?;
            source.read_all().map_err(|error| Error::io(error).in_file(path))
        })?;
        loads(py, &bytes, path)
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
        let Some(columns) = py.detach(|| self.dataset.objects(geometry, role, images))? else {
            return Ok(None);
        };
        let annotations = &self.dataset.annotations;
        Ok(Some(PyObjects {
            columns,
            image_ids: CodeIds::Numbers(copied(&annotations.image.ids)?),
            category_ids: CodeIds::Numbers(copied(&annotations.category.ids)?),
        }))
    }
}
