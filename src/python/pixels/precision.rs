//! Average precision over pixels and over regions, as Python calls it.

use std::sync::Arc;

use numpy::{
    PyArray1, PyArray2, PyArrayDyn, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray3, PyReadonlyArrayDyn,
    PyReadwriteArray3, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::{PyLabels, settings_of};
use crate::columns::{AnnotationIds, Areas, Geometry, Masks, Objects};
use crate::error::{Error, Result, collect, collect_growing, copied, extend, filled, with_capacity, zeros};
use crate::pixels::average_precision::{ScoredMap, average_precision};
use crate::pixels::histogram::{self, BINS};
use crate::pixels::labels::{LabelRule, Labels, MapSide};
use crate::pixels::regions::{Connectivity, Region, regions};
use crate::pixels::semantic::Settings;
use crate::python::arrays::{array, column, vector};
use crate::python::bad_value;
use crate::python::interruptible::interruptible;
use crate::python::{CodeIds, PyObjects};
use crate::score::Score;

/// More scores take long enough for Ctrl-C to matter.
const LONG: usize = 1 << 20;

/// Borrowed scores of either type.
enum PyScores<'py> {
    F32(PyReadonlyArrayDyn<'py, f32>),
    F64(PyReadonlyArrayDyn<'py, f64>),
}

impl<'py> PyScores<'py> {
    /// Scores `(C, H, W)` of the pixels of a target `(H, W)`, C-contiguous.
    fn of(
        scores: &Bound<'py, PyUntypedArray>,
        target: &[usize],
        rule: &LabelRule,
    ) -> PyResult<PyScores<'py>> {
        if scores.ndim() != 3 || scores.shape()[0] != rule.classes() || &scores.shape()[1..] != target {
            return Err(bad_value("target and scores differ in shape"));
        }
        if let Ok(scores) = scores.cast::<PyArrayDyn<f32>>() {
            return Ok(PyScores::F32(scores.readonly()));
        }
        match scores.cast::<PyArrayDyn<f64>>() {
            Ok(scores) => Ok(PyScores::F64(scores.readonly())),
            Err(_) => Err(PyTypeError::new_err("expected scores of float32 or float64")),
        }
    }
}

fn width(target: &Bound<'_, PyUntypedArray>) -> PyResult<usize> {
    match target.shape() {
        &[_, width] => Ok(width),
        _ => Err(bad_value("expected a label map of shape (H, W)")),
    }
}

/// Exact average precision of each class, `(K,)`, over pairs of a target `(H, W)` and scores `(C, H, W)`, which are
/// all float32 or all float64.
#[pyfunction]
pub(super) fn pixel_average_precision<'py>(
    py: Python<'py>,
    maps: Vec<(Bound<'py, PyUntypedArray>, Bound<'py, PyUntypedArray>)>,
    #[pyo3(from_py_with = settings_of)] settings: Settings,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let rule = settings.rule;
    let (mut targets, mut singles, mut doubles) = (Vec::new(), Vec::new(), Vec::new());
    for (target, scores) in &maps {
        targets.push((PyLabels::of(target, "target")?, width(target)?));
        match PyScores::of(scores, target.shape(), &rule)? {
            PyScores::F32(scores) => singles.push(scores),
            PyScores::F64(scores) => doubles.push(scores),
        }
    }
    if !singles.is_empty() && !doubles.is_empty() {
        return Err(PyTypeError::new_err("expected scores of one type"));
    }
    fn run<S: Score + numpy::Element>(
        py: Python<'_>,
        targets: &[(PyLabels<'_>, usize)],
        scores: &[PyReadonlyArrayDyn<'_, S>],
        rule: &LabelRule,
    ) -> PyResult<Vec<f64>> {
        let mut maps = with_capacity(targets.len())?;
        for ((target, width), scores) in targets.iter().zip(scores) {
            maps.push(ScoredMap { target: target.labels()?, scores: scores.as_slice()?, width: *width });
        }
        let scores = maps.iter().map(|map| map.scores.len()).sum::<usize>();
        interruptible(py, scores > LONG, |progress| average_precision(&maps, rule, progress))
    }
    let found = if doubles.is_empty() {
        run(py, &targets, &singles, &rule)?
    } else {
        run(py, &targets, &doubles, &rule)?
    };
    vector(py, found)
}

/// The number of bins of a score histogram.
pub(super) const SCORE_BINS: usize = BINS;

/// Adds the pixels of a target `(H, W)` and scores `(C, H, W)` to a histogram `(C, 2, SCORE_BINS) uint64`.
#[pyfunction]
pub(super) fn add_to_score_histogram<'py>(
    py: Python<'py>,
    target: &Bound<'py, PyUntypedArray>,
    scores: &Bound<'py, PyUntypedArray>,
    mut histogram: PyReadwriteArray3<'py, u64>,
    #[pyo3(from_py_with = settings_of)] settings: Settings,
) -> PyResult<()> {
    let rule = settings.rule;
    if histogram.as_array().dim() != (rule.classes(), 2, BINS) {
        return Err(bad_value("the histogram has another shape"));
    }
    let width = width(target)?;
    let scores = PyScores::of(scores, target.shape(), &rule)?;
    let target = PyLabels::of(target, "target")?;
    let (target, counts) = (target.labels()?, histogram.as_slice_mut()?);
    match &scores {
        PyScores::F32(scores) => {
            let map = ScoredMap { target, scores: scores.as_slice()?, width };
            interruptible(py, map.scores.len() > LONG, |progress| {
                histogram::add(&map, &rule, counts, progress)
            })?;
        }
        PyScores::F64(scores) => {
            let map = ScoredMap { target, scores: scores.as_slice()?, width };
            interruptible(py, map.scores.len() > LONG, |progress| {
                histogram::add(&map, &rule, counts, progress)
            })?;
        }
    }
    Ok(())
}

/// Average precision of each class, with the lower and the upper bound of the exact value, `(K, 3)`.
#[pyfunction]
pub(super) fn histogram_average_precision<'py>(
    py: Python<'py>,
    histogram: PyReadonlyArray3<'py, u64>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (classes, two, bins) = histogram.as_array().dim();
    if (two, bins) != (2, BINS) {
        return Err(bad_value("the histogram has another shape"));
    }
    let of_class = |counts: &[u64]| histogram::average_precision(&counts[..BINS], &counts[BINS..]);
    let found: Vec<f64> = collect_growing(histogram.as_slice()?.chunks_exact(2 * BINS).flat_map(of_class))?;
    array(py, found, [classes, 3])
}

/// Regions as columns: class, area, mean score, run lengths of all, where those of each start.
type PyRegions<'py> = (
    Bound<'py, PyArray1<u16>>,
    Bound<'py, PyArray1<u64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<u64>>,
);

fn columns<'py>(py: Python<'py>, regions: &[Region]) -> PyResult<PyRegions<'py>> {
    let mut starts = vec![0];
    extend(
        &mut starts,
        regions.iter().scan(0, |end, region| {
            *end += region.counts.len() as u64;
            Some(*end)
        }),
    )?;
    Ok((
        column(py, regions.iter().map(|region| region.class))?,
        column(py, regions.iter().map(|region| region.area))?,
        column(py, regions.iter().map(|region| region.mean))?,
        vector(py, collect_growing(regions.iter().flat_map(|region| region.counts.iter().copied()))?)?,
        vector(py, starts)?,
    ))
}

fn good_codes(labels: Labels, rule: &LabelRule, side: MapSide, width: usize) -> Result<Vec<u16>> {
    let mut codes: Vec<u16> = zeros(labels.len())?;
    labels.encode(rule, side, &mut codes);
    match labels.refuse(rule, side, width) {
        Some(error) => Err(error.at(side.name())),
        None => Ok(codes),
    }
}

/// The regions of a target and a prediction, both `(H, W)`, as columns.
///
/// `connectivity`: 0 for one region for each class, 4 or 8 for connected components. Pixels that the target leaves out
/// belong to no region. The score of a predicted region is the mean of its class's scores `(C, H, W)`, else 1.
#[pyfunction]
#[pyo3(signature = (target, prediction, scores, connectivity, settings))]
pub(super) fn label_regions<'py>(
    py: Python<'py>,
    target: &Bound<'py, PyUntypedArray>,
    prediction: &Bound<'py, PyUntypedArray>,
    scores: Option<PyReadonlyArray3<'py, f64>>,
    connectivity: u8,
    #[pyo3(from_py_with = settings_of)] settings: Settings,
) -> PyResult<(PyRegions<'py>, PyRegions<'py>)> {
    let &[height, width] = target.shape() else {
        return Err(bad_value("expected a label map of shape (H, W)"));
    };
    let rule = settings.rule;
    let expected = (rule.classes(), height, width);
    if prediction.shape() != target.shape() || scores.as_ref().is_some_and(|s| s.as_array().dim() != expected)
    {
        return Err(bad_value("target, prediction and scores differ in shape"));
    }
    let connectivity = match connectivity {
        0 => Connectivity::Class,
        4 => Connectivity::Four,
        8 => Connectivity::Eight,
        other => return Err(bad_value(format!("connectivity: expected 4 or 8, found {other}"))),
    };
    if u32::try_from(height * width).is_err() {
        return Err(bad_value(format!("{height} x {width} pixels are too many for run lengths")));
    }
    let (target, prediction) = (PyLabels::of(target, "target")?, PyLabels::of(prediction, "prediction")?);
    let (target, prediction) = (target.labels()?, prediction.labels()?);
    let scores = scores.as_ref().map(|scores| scores.as_slice()).transpose()?;
    let found = py.detach(|| -> Result<_> {
        let truth = good_codes(target, &rule, MapSide::Target, width)?;
        let mut found = good_codes(prediction, &rule, MapSide::Prediction, width)?;
        truth.iter().zip(&mut found).filter(|(t, _)| **t == rule.nothing()).for_each(|(&t, p)| *p = t);
        let classes = rule.nothing();
        let score = |class: u16, row: usize, column: usize| match scores {
            Some(scores) => scores[(usize::from(class) * height + row) * width + column],
            None => 1.0,
        };
        let truths = regions(&truth, [height, width], classes, connectivity, |_, _, _| 1.0)?;
        let predictions = regions(&found, [height, width], classes, connectivity, score)?;
        if predictions.iter().any(|region| region.mean.is_nan()) {
            return Err(Error::value("prediction: the mean score of a region is NaN"));
        }
        Ok((truths, predictions))
    })?;
    Ok((columns(py, &found.0)?, columns(py, &found.1)?))
}

/// One side of an evaluation made of regions: image, category, area, score (empty for ground truth), size `(2 N,)`, run
/// lengths of all, where those of each start.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "one column each")]
pub(super) fn objects_of_regions<'py>(
    image: PyReadonlyArray1<'py, u32>,
    category: PyReadonlyArray1<'py, u32>,
    area: PyReadonlyArray1<'py, f64>,
    score: PyReadonlyArray1<'py, f64>,
    size: PyReadonlyArray1<'py, u32>,
    counts: PyReadonlyArray1<'py, u32>,
    starts: PyReadonlyArray1<'py, u64>,
    images: u32,
    categories: u32,
) -> PyResult<PyObjects> {
    let (image, category) = (copied(image.as_slice()?)?, copied(category.as_slice()?)?);
    let (area, score) = (copied(area.as_slice()?)?, copied(score.as_slice()?)?);
    let (size, counts, starts) = (size.as_slice()?, counts.as_slice()?, starts.as_slice()?);
    let n = image.len();
    let fits = category.len() == n
        && area.len() == n
        && (score.is_empty() || score.len() == n)
        && size.len() == 2 * n
        && starts.len() == n + 1
        && starts.is_sorted()
        && starts.last() == Some(&(counts.len() as u64))
        && image.iter().all(|&image| image < images)
        && category.iter().all(|&category| category < categories);
    if !fits {
        return Err(bad_value("the columns of the regions do not fit each other"));
    }
    let mut masks = Masks::default();
    for (size, ends) in size.as_chunks().0.iter().zip(starts.windows(2)) {
        masks.push_counts(*size, &counts[ends[0] as usize..ends[1] as usize])?;
    }
    let flags = Arc::new(filled(if score.is_empty() { n } else { 0 }, false)?);
    let columns = Objects {
        image: Arc::new(image),
        category: Arc::new(category),
        id: AnnotationIds::Counted,
        area: Areas::Given(Arc::new(area.into())),
        score: Arc::new(score.into()),
        crowd: Arc::clone(&flags),
        ignore: flags,
        geometry: Geometry::Masks(Arc::new(masks)),
    };
    let image_ids = CodeIds::Numbers(collect((0..images).map(i64::from))?);
    let category_ids = CodeIds::Numbers(collect((0..categories).map(i64::from))?);
    Ok(PyObjects { columns, image_ids, category_ids })
}

/// Adds this file's functions to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("SCORE_BINS", SCORE_BINS)?;
    module.add_function(wrap_pyfunction!(pixel_average_precision, module)?)?;
    module.add_function(wrap_pyfunction!(add_to_score_histogram, module)?)?;
    module.add_function(wrap_pyfunction!(histogram_average_precision, module)?)?;
    module.add_function(wrap_pyfunction!(label_regions, module)?)?;
    module.add_function(wrap_pyfunction!(objects_of_regions, module)?)?;
    Ok(())
}
