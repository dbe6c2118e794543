//! Label maps, segment ids and scores as Python passes them, and the counts that come back.

mod precision;

use std::path::PathBuf;
use std::sync::Arc;

use numpy::{
    PyArray2, PyArrayDyn, PyArrayMethods, PyReadonlyArray1, PyReadonlyArrayDyn, PyReadwriteArray1,
    PyReadwriteArray2, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::columns::{AnnotationIds, Areas, Geometry, Masks, Objects};
use crate::error::{Error, ErrorKind, collect, copied, push, with_capacity, zeros};
use crate::pixels::labels::{LabelRule, Labels};
use crate::pixels::panoptic::{self, Matched, PanopticCounts, PanopticRules, Segment, Segments};
use crate::pixels::png::{self, LabelType};
use crate::pixels::scores::best_class;
use crate::pixels::semantic::{self, Counted, Settings};
use crate::python::arrays::array;
use crate::python::bad_value;
use crate::python::interruptible::interruptible;
use crate::python::items::{Extracted, check_signals};
use crate::similarity::{Parameters, SimilarityKind};

/// A borrowed label map of any integer type.
pub(super) enum PyLabels<'py> {
    U8(PyReadonlyArrayDyn<'py, u8>),
    I8(PyReadonlyArrayDyn<'py, i8>),
    U16(PyReadonlyArrayDyn<'py, u16>),
    I16(PyReadonlyArrayDyn<'py, i16>),
    U32(PyReadonlyArrayDyn<'py, u32>),
    I32(PyReadonlyArrayDyn<'py, i32>),
    U64(PyReadonlyArrayDyn<'py, u64>),
    I64(PyReadonlyArrayDyn<'py, i64>),
}

impl<'py> PyLabels<'py> {
    /// Borrows an array; a `TypeError` that names `what` if it does not hold integers.
    pub(super) fn of(array: &Bound<'py, PyUntypedArray>, what: &str) -> PyResult<PyLabels<'py>> {
        macro_rules! first_that_fits {
            ($($variant:ident: $kind:ty),*) => {
                $(if let Ok(array) = array.cast::<PyArrayDyn<$kind>>() {
                    return Ok(PyLabels::$variant(array.readonly()));
                })*
            };
        }
        first_that_fits!(U8: u8, I8: i8, U16: u16, I16: i16, U32: u32, I32: i32, U64: u64, I64: i64);
        Err(PyTypeError::new_err(format!("{what}: expected an array of integers, found {}", array.dtype())))
    }

    /// The pixels. The array must be C-contiguous.
    pub(super) fn labels(&self) -> PyResult<Labels<'_>> {
        Ok(match self {
            PyLabels::U8(pixels) => Labels::U8(pixels.as_slice()?),
            PyLabels::I8(pixels) => Labels::I8(pixels.as_slice()?),
            PyLabels::U16(pixels) => Labels::U16(pixels.as_slice()?),
            PyLabels::I16(pixels) => Labels::I16(pixels.as_slice()?),
            PyLabels::U32(pixels) => Labels::U32(pixels.as_slice()?),
            PyLabels::I32(pixels) => Labels::I32(pixels.as_slice()?),
            PyLabels::U64(pixels) => Labels::U64(pixels.as_slice()?),
            PyLabels::I64(pixels) => Labels::I64(pixels.as_slice()?),
        })
    }
}

/// Pairs that could not be counted: their position and the exception.
pub(super) type Failures = Vec<(usize, Py<PyAny>)>;

/// Errors of images as exceptions to be raised or stored. Memory that cannot be had is no fault of an image: it is raised.
pub(super) fn failures(py: Python<'_>, failed: Vec<(usize, Error)>) -> PyResult<Failures> {
    let to_exception = |(index, error): (usize, Error)| -> PyResult<_> {
        match error.kind() {
            ErrorKind::OutOfMemory => Err(error.into()),
            _ => Ok((index, PyErr::from(error).into_value(py).into_any())),
        }
    };
    let mut raised = with_capacity(failed.len())?;
    for (done, failed) in failed.into_iter().enumerate() {
        check_signals(py, done)?;
        raised.push(to_exception(failed)?);
    }
    Ok(raised)
}

/// Confusion matrix `(K, K + 1)`, boundary pixels `(3, K)` if requested, failures.
type PyCounts<'py> = (Bound<'py, PyArray2<i64>>, Option<Bound<'py, PyArray2<i64>>>, Failures);

fn joined(parts: [Vec<u64>; 3]) -> crate::Result<Vec<u64>> {
    let mut all = with_capacity(parts.iter().map(Vec::len).sum())?;
    parts.into_iter().for_each(|part| all.extend(part));
    Ok(all)
}

fn counts(py: Python<'_>, (counts, failed): Counted) -> PyResult<PyCounts<'_>> {
    let matrix = |counts: Vec<u64>, shape: [usize; 2]| {
        array(py, collect(counts.into_iter().map(|count| count as i64))?, shape)
    };
    let classes = counts.confusion.classes();
    let boundary = match counts.boundary {
        Some(b) => Some(matrix(joined([b.intersection, b.target, b.prediction])?, [3, classes])?),
        None => None,
    };
    Ok((matrix(counts.confusion.counts, [classes, classes + 1])?, boundary, failures(py, failed)?))
}

/// What to count, as Python says it: classes, ignore_index, reduce_zero_label, boundary ratio.
type PySettings = (usize, Option<i64>, bool, Option<f64>);

fn settings((classes, ignore, reduce_zero, boundary): PySettings) -> PyResult<Settings> {
    Ok(Settings { rule: LabelRule::new(classes, ignore, reduce_zero)?, boundary })
}

/// Whether maps `(N, H, W)` have so many pixels that the work needs checks for Ctrl-C.
fn long(shape: [usize; 3]) -> bool {
    shape.into_iter().fold(1_usize, usize::saturating_mul) > 1 << 26
}

/// Counts pairs of label maps `(N, H, W)`, C-contiguous, of any integer types.
///
/// Gives the confusion matrix `(K, K + 1)` (last column: no class), boundary pixels `(3, K)` (in both, target,
/// prediction) or None, and the pairs that could not be counted with their exceptions.
#[pyfunction]
#[pyo3(signature = (target, prediction, settings))]
pub(super) fn count_labels<'py>(
    py: Python<'py>,
    target: &Bound<'py, PyUntypedArray>,
    prediction: &Bound<'py, PyUntypedArray>,
    #[pyo3(from_py_with = settings_of)] settings: Settings,
) -> PyResult<PyCounts<'py>> {
    let &[n, height, width] = target.shape() else {
        return Err(bad_value("expected label maps of shape (N, H, W)"));
    };
    if prediction.shape() != target.shape() {
        return Err(bad_value("target and prediction differ in shape"));
    }
    let (target, prediction) = (PyLabels::of(target, "target")?, PyLabels::of(prediction, "prediction")?);
    let pair = [target.labels()?, prediction.labels()?];
    let shape = [n, height, width];
    let counted = interruptible(py, long(shape), |progress| {
        let counted = semantic::of_maps(pair, shape, &settings, progress)?;
        progress.check().map(|()| counted)
    })?;
    counts(py, counted)
}

/// Counts pairs of PNG files, in parallel; gives what `count_labels` gives.
#[pyfunction]
#[pyo3(signature = (pairs, settings))]
pub(super) fn count_label_files<'py>(
    py: Python<'py>,
    pairs: Extracted<(PathBuf, PathBuf)>,
    #[pyo3(from_py_with = settings_of)] settings: Settings,
) -> PyResult<PyCounts<'py>> {
    let counted = interruptible(py, true, |progress| {
        let counted = semantic::of_files(&pairs, &settings, progress)?;
        progress.check().map(|()| counted)
    })?;
    counts(py, counted)
}

pub(super) fn settings_of(given: &Bound<'_, PyAny>) -> PyResult<Settings> {
    settings(given.extract()?)
}

/// The class of the highest score in each pixel, `(H, W) uint16`, from scores `(C, H, W)`, float32 or float64.
#[pyfunction]
pub(super) fn best_classes<'py>(
    py: Python<'py>,
    scores: &Bound<'py, PyUntypedArray>,
) -> PyResult<Bound<'py, PyArray2<u16>>> {
    let &[classes, height, width] = scores.shape() else {
        return Err(bad_value("expected scores of shape (C, H, W)"));
    };
    let best = if let Ok(scores) = scores.cast::<PyArrayDyn<f32>>() {
        let scores = scores.readonly();
        let scores = scores.as_slice()?;
        py.detach(|| best_class(scores, classes, width))?
    } else if let Ok(scores) = scores.cast::<PyArrayDyn<f64>>() {
        let scores = scores.readonly();
        let scores = scores.as_slice()?;
        py.detach(|| best_class(scores, classes, width))?
    } else {
        return Err(PyTypeError::new_err("expected scores of float32 or float64"));
    };
    array(py, best, [height, width])
}

/// The labels in a grey or palette PNG file, `(H, W)`, uint8 or uint16.
#[pyfunction]
pub(super) fn read_labels(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let image = py.detach(|| png::read_labels(&path))?;
    let shape = [image.height, image.width];
    Ok(match image.pixels {
        LabelType::Bytes(pixels) => array(py, pixels, shape)?.into_any(),
        LabelType::Words(pixels) => array(py, pixels, shape)?.into_any(),
    })
}

/// The segment ids in an RGB PNG file, `(H, W) uint32`: red + 256 green + 65536 blue.
#[pyfunction]
pub(super) fn read_segment_ids(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyArray2<u32>>> {
    let image = py.detach(|| png::read_ids(&path))?;
    array(py, image.pixels, [image.height, image.width])
}

/// Segments of many images as columns: id, position of the category, crowd, area (-1: to be counted), starts.
type PySegments<'py> = (
    PyReadonlyArray1<'py, u32>,
    PyReadonlyArray1<'py, u32>,
    PyReadonlyArray1<'py, bool>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
);

fn segments(
    (id, category, crowd, area, starts): PySegments<'_>,
    images: usize,
    categories: usize,
) -> PyResult<Segments> {
    let (id, category, crowd) = (id.as_slice()?, category.as_slice()?, crowd.as_slice()?);
    let (area, starts) = (area.as_slice()?, starts.as_slice()?);
    let fits = [category.len(), crowd.len(), area.len()].iter().all(|&length| length == id.len())
        && starts.len() == images + 1
        && starts.first() == Some(&0)
        && starts.is_sorted()
        && starts.last() == Some(&(id.len() as i64))
        && category.iter().all(|&category| (category as usize) < categories);
    if !fits {
        return Err(bad_value("the columns of the segments do not fit each other"));
    }
    let segment = |i: usize| Segment {
        id: id[i],
        category: category[i],
        crowd: crowd[i],
        area: (area[i] >= 0).then_some(area[i]),
    };
    let starts = collect(starts.iter().map(|&start| start as usize))?;
    Ok(Segments { segments: collect((0..id.len()).map(segment))?, starts })
}

/// Sums of IoU `(K,)`, and matches, false positives and false negatives `(3, K)`; added to in place.
type PyPanopticCounts<'py> = (PyReadwriteArray1<'py, f64>, PyReadwriteArray2<'py, i64>);

/// Whether a failure stops the count, which categories are not matched, and the width of boundaries.
type PyPanopticRules = (bool, Vec<bool>, Option<f64>);

/// Adds the matches to the tally; with a failure and `strict` nothing is added and the first failure is raised.
fn add_matches(
    py: Python<'_>,
    matched: Matched,
    (mut iou, mut counts): PyPanopticCounts<'_>,
    strict: bool,
) -> PyResult<Failures> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (index, matches) in matched.into_iter().enumerate() {
        match matches {
            Ok(matches) => push(&mut good, matches)?,
            Err(error) => push(&mut bad, (index, error))?,
        }
    }
    let stops = strict && !bad.is_empty();
    let failed = failures(py, bad)?;
    if stops {
        return Ok(failed);
    }
    let categories = iou.as_array().len();
    let mut tally = PanopticCounts::new(categories)?;
    tally.iou.copy_from_slice(iou.as_slice()?);
    good.iter().for_each(|matches| tally.add(matches));
    iou.as_slice_mut()?.copy_from_slice(&tally.iou);
    let mut counts = counts.as_array_mut();
    for (row, new) in [tally.true_positives, tally.false_positives, tally.false_negatives].iter().enumerate()
    {
        new.iter().enumerate().for_each(|(category, n)| counts[[row, category]] += n);
    }
    Ok(failed)
}

fn check_tally((iou, counts): &PyPanopticCounts<'_>) -> PyResult<usize> {
    let categories = iou.as_array().len();
    if counts.as_array().dim() != (3, categories) {
        return Err(bad_value("expected a tally of shapes (K,) and (3, K)"));
    }
    Ok(categories)
}

/// Matches the segments of pairs of id maps `(N, H, W)`, adds to the tally, and gives the pairs that failed.
#[pyfunction]
pub(super) fn match_segment_maps<'py>(
    py: Python<'py>,
    target: &Bound<'py, PyUntypedArray>,
    prediction: &Bound<'py, PyUntypedArray>,
    target_segments: PySegments<'py>,
    prediction_segments: PySegments<'py>,
    tally: PyPanopticCounts<'py>,
    rules: PyPanopticRules,
) -> PyResult<Failures> {
    let &[n, height, width] = target.shape() else {
        return Err(bad_value("expected id maps of shape (N, H, W)"));
    };
    if prediction.shape() != target.shape() {
        return Err(bad_value("target and prediction differ in shape"));
    }
    let categories = check_tally(&tally)?;
    let (target, prediction) = (PyLabels::of(target, "target")?, PyLabels::of(prediction, "prediction")?);
    let pair = [target.labels()?, prediction.labels()?];
    let truths = segments(target_segments, n, categories)?;
    let predictions = segments(prediction_segments, n, categories)?;
    let shape = [n, height, width];
    let (strict, modified, dilation_ratio) = rules;
    let rules = PanopticRules { modified, dilation_ratio };
    let matched = interruptible(py, long(shape), |progress| {
        let matched = panoptic::of_maps(pair, shape, [&truths, &predictions], &rules, progress)?;
        progress.check().map(|()| matched)
    })?;
    add_matches(py, matched, tally, strict)
}

/// Matches the segments of pairs of PNG files; otherwise as `match_segment_maps`.
#[pyfunction]
pub(super) fn match_segment_files<'py>(
    py: Python<'py>,
    pairs: Extracted<(PathBuf, PathBuf)>,
    target_segments: PySegments<'py>,
    prediction_segments: PySegments<'py>,
    tally: PyPanopticCounts<'py>,
    rules: PyPanopticRules,
) -> PyResult<Failures> {
    let categories = check_tally(&tally)?;
    let (strict, modified, dilation_ratio) = rules;
    let rules = PanopticRules { modified, dilation_ratio };
    let truths = segments(target_segments, pairs.len(), categories)?;
    let predictions = segments(prediction_segments, pairs.len(), categories)?;
    let matched = interruptible(py, true, |progress| {
        let matched = panoptic::of_files(&pairs, [&truths, &predictions], &rules, progress)?;
        progress.check().map(|()| matched)
    })?;
    add_matches(py, matched, tally, strict)
}

/// Masks as Python's run lengths: height, width, compressed counts of each.
type PyMasks = Extracted<(u32, u32, Vec<u8>)>;

fn objects(masks: &PyMasks, crowd: Vec<bool>) -> crate::error::Result<Objects> {
    let mut columns = Masks::default();
    masks.iter().try_for_each(|(h, w, counts)| columns.push_compressed([*h, *w], counts))?;
    let count = masks.len();
    Ok(Objects {
        image: Arc::new(zeros(count)?),
        category: Arc::new(zeros(count)?),
        id: AnnotationIds::Counted,
        area: Areas::Given(Arc::new(zeros(count)?.into())),
        score: Arc::default(),
        ignore: Arc::new(copied(&crowd)?),
        crowd: Arc::new(crowd),
        geometry: Geometry::Masks(Arc::new(columns)),
    })
}

/// Boundary IoU of masks given as `(height, width, compressed counts)`, `(D, G)`.
#[pyfunction]
pub(super) fn boundary_iou(
    py: Python<'_>,
    detections: PyMasks,
    ground_truths: PyMasks,
    crowd: Vec<bool>,
    dilation_ratio: f64,
) -> PyResult<Bound<'_, PyArray2<f64>>> {
    let (d, g) = (detections.len(), ground_truths.len());
    if crowd.len() != g {
        return Err(bad_value("expected a crowd flag for each ground truth"));
    }
    let mut out = zeros(d.saturating_mul(g))?;
    py.detach(|| -> crate::error::Result<()> {
        let (detections, ground_truths) =
            (objects(&detections, Vec::new())?, objects(&ground_truths, crowd)?);
        let parameters = Parameters { dilation_ratio: Some(dilation_ratio), ..Parameters::default() };
        let similarity =
            (SimilarityKind::named("boundary")?.compare)(&detections, &ground_truths, &parameters)?;
        let ids = |count: usize| collect(0..count as u32);
        similarity.comparer()(&ids(d)?, &ids(g)?, f64::NEG_INFINITY, &mut out)
    })?;
    array(py, out, [d, g])
}

/// Adds this file's functions to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(count_labels, module)?)?;
    module.add_function(wrap_pyfunction!(count_label_files, module)?)?;
    module.add_function(wrap_pyfunction!(best_classes, module)?)?;
    module.add_function(wrap_pyfunction!(read_labels, module)?)?;
    module.add_function(wrap_pyfunction!(boundary_iou, module)?)?;
    precision::register(module)?;
    module.add_function(wrap_pyfunction!(match_segment_maps, module)?)?;
    module.add_function(wrap_pyfunction!(match_segment_files, module)?)?;
    module.add_function(wrap_pyfunction!(read_segment_ids, module)?)?;
    Ok(())
}
