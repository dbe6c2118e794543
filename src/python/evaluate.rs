//! Evaluation as Python calls it, and its results as NumPy arrays.

use numpy::{PyArray2, PyArray3, PyArray4, PyArray5, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use super::arrays::{array, values};
use super::interruptible::{LONG, interruptible};
use super::matches::LONG_TABLE;
use super::numpy_exp::numpy_exp;
use super::objects::PyObjects;
use crate::curve::{self, CurveShape, Selection};
use crate::error::{collect, copied, filled, with_capacity, zeros};
use crate::evaluate::{Evaluator, Protocol};
use crate::matching::{
    AreaRange, Candidates, CellGrid, CellPairs, Cells, Greedy, MOST_AREA_RANGES, MatchTable, Matcher,
    OutcomeLayout, Positions, Row, Truth, each_bit,
};
use crate::progress::Progress;
use crate::python::bad_value;
use crate::similarity::{KINDS, Parameters, Similarity, SimilarityKind};

/// A finished matching: the match table, and the columns that it came from.
#[pyclass(frozen, module = "meanap._core")]
pub(super) struct Evaluation {
    /// What was evaluated.
    pub evaluator: Evaluator,
    /// How objects were compared.
    pub similarity: Box<dyn Similarity>,
    /// What matched.
    pub table: MatchTable,
}

/// Code to position for images and for categories; none if the codes are positions already.
type PyPositions<'py> = Option<(PyReadonlyArray1<'py, u32>, PyReadonlyArray1<'py, u32>)>;

fn positions(given: &PyPositions<'_>, extent: CellGrid) -> PyResult<Positions> {
    Ok(match given {
        Some((images, categories)) => {
            Positions { of_image: copied(images.as_slice()?)?, of_category: copied(categories.as_slice()?)? }
        }
        None => Positions {
            of_image: (0..extent.images as u32).collect(),
            of_category: (0..extent.categories as u32).collect(),
        },
    })
}

/// Area ranges from an array `(A, 2)`.
pub(super) fn rows_of_ranges(area_ranges: &PyReadonlyArray2<'_, f64>) -> PyResult<Vec<AreaRange>> {
    let area_ranges = area_ranges.as_array();
    if area_ranges.ncols() != 2 || area_ranges.nrows() > MOST_AREA_RANGES {
        let message = format!("area_ranges: expected at most {MOST_AREA_RANGES} rows of two numbers");
        return Err(bad_value(message));
    }
    Ok(area_ranges.rows().into_iter().map(|row| [row[0], row[1]]).collect())
}

/// The kinds of similarity: the name of each, what it compares, and the parameters of a protocol that it uses.
#[pyfunction]
pub(super) fn similarities() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    KINDS.iter().map(|kind| (kind.name, kind.geometry.name(), kind.parameters.to_vec())).collect()
}

/// Matches detections with ground truth in every cell.
#[pyfunction]
#[pyo3(signature = (
    ground_truth, detections, *, similarity, ground_truth_positions, detection_positions, images, categories, by_category,
    thresholds, area_ranges, max_detections, variances=None, dilation_ratio=None
))]
#[expect(clippy::too_many_arguments, reason = "keywords of one call")]
pub(super) fn evaluate(
    py: Python<'_>,
    ground_truth: &PyObjects,
    detections: &PyObjects,
    similarity: &str,
    ground_truth_positions: PyPositions<'_>,
    detection_positions: PyPositions<'_>,
    images: usize,
    categories: usize,
    by_category: bool,
    thresholds: PyReadonlyArray1<'_, f64>,
    area_ranges: PyReadonlyArray2<'_, f64>,
    max_detections: usize,
    variances: Option<PyReadonlyArray1<'_, f64>>,
    dilation_ratio: Option<f64>,
) -> PyResult<Evaluation> {
    let extent = CellGrid { images, categories, by_category };
    let protocol = Protocol {
        thresholds: thresholds.as_array().to_vec(),
        area_ranges: rows_of_ranges(&area_ranges)?,
        max_detections,
        extent,
        matcher: &Greedy,
        partners: Vec::new(),
    };
    let (gt, dt) = (ground_truth.columns.clone(), detections.columns.clone());
    let kind = SimilarityKind::named(similarity).map_err(|error| error.at("similarity"))?;
    if kind.uses("sigmas") && variances.is_none() {
        return Err(bad_value(format!("{} need variances", kind.name)));
    }
    let parameters = Parameters {
        dilation_ratio,
        variances: variances.map(|variances| variances.as_array().to_vec()).unwrap_or_default(),
        exp: if kind.uses("sigmas") { Some(numpy_exp(py)?) } else { None },
        ..Parameters::default()
    };
    let similarity = (kind.compare)(&dt, &gt, &parameters)?;
    let (gt_positions, dt_positions) =
        (positions(&ground_truth_positions, extent)?, positions(&detection_positions, extent)?);
    let long = dt.image.len() >= LONG;
    interruptible(py, long, |progress| {
        let mut evaluator = Evaluator {
            detections: dt,
            ground_truths: gt,
            protocol,
            ranks: None,
            progress: progress.clone(),
        };
        let table = evaluator.match_all(&*similarity, &dt_positions, &gt_positions)?;
        evaluator.progress = Progress::default();
        Ok(Evaluation { evaluator, similarity, table })
    })
}

#[pymethods]
impl Evaluation {
    /// Ground truths whose id is 0, which the reference reads as unmatched even where they match.
    #[getter]
    fn zero_ids(&self) -> usize {
        let ids = &self.evaluator.ground_truths.id;
        let truths = self.table.truths.items.iter();
        truths.filter(|truth| ids.get(truth.object as usize) == 0.0).count()
    }

    /// Precision `(T, R, K, A, M)`, recall `(T, K, A, M)` and scores `(T, R, K, A, M)` of the selected groups, area
    /// ranges, limits and images.
    #[pyo3(signature = (*, groups, areas, max_detections, images, recall_points, shape))]
    #[expect(
        clippy::type_complexity,
        clippy::too_many_arguments,
        reason = "keywords of one call, three arrays"
    )]
    fn accumulate<'py>(
        &self,
        py: Python<'py>,
        groups: Vec<usize>,
        areas: Vec<usize>,
        max_detections: Vec<usize>,
        images: Option<PyReadonlyArray1<'py, bool>>,
        recall_points: PyReadonlyArray1<'py, f64>,
        shape: (usize, usize, usize),
    ) -> PyResult<(Bound<'py, PyArray5<f64>>, Bound<'py, PyArray4<f64>>, Bound<'py, PyArray5<f64>>)> {
        let (k, a, m) = shape;
        let protocol = &self.evaluator.protocol;
        let fits = groups.len() <= k
            && areas.len() <= a
            && max_detections.len() <= m
            && groups.iter().all(|&group| group < self.table.groups())
            && areas.iter().all(|&area| area < protocol.area_ranges.len());
        let images = images.map(|images| values(images.as_array())).transpose()?;
        if !fits || images.as_ref().is_some_and(|images| images.len() != protocol.extent.images) {
            return Err(bad_value("the selection is not within what was evaluated"));
        }
        let recall_points = values(recall_points.as_array())?;
        let (t, r) = (protocol.thresholds.len(), recall_points.len());
        let selection = Selection { groups, areas, max_detections, images, recall_points };
        let shape = CurveShape { categories: k, areas: a, limits: m };
        let long = self.table.rows.items.len() >= LONG_TABLE;
        let drawn =
            interruptible(py, long, |progress| curve::accumulate(&self.table, &selection, shape, progress))?;
        Ok((
            array(py, drawn.precision, [t, r, k, a, m])?,
            array(py, drawn.recall, [t, k, a, m])?,
            array(py, drawn.scores, [t, r, k, a, m])?,
        ))
    }
}

/// Matches the detections of one cell, given best score first, with its ground truths, those to be found first.
///
/// `similarity` is `(D, G)`. Gives the index of the ground truth that each detection matched, `(T, D)`, -1 for none.
/// `claims`: which detections take their ground truth away from later ones.
#[pyfunction]
pub(super) fn match_cell<'py>(
    py: Python<'py>,
    similarity: PyReadonlyArray2<'py, f64>,
    thresholds: PyReadonlyArray1<'py, f64>,
    ignored: Vec<bool>,
    crowd: Vec<bool>,
    claims: Vec<bool>,
) -> PyResult<Bound<'py, PyArray2<i64>>> {
    let similarity = similarity.as_array();
    let (d, g) = similarity.dim();
    if ignored.len() != g || crowd.len() != g || claims.len() != d {
        return Err(bad_value("similarity, flags and claims differ in length"));
    }
    let thresholds = thresholds.as_array().to_vec();
    let mut candidates = Candidates::default();
    if g > 0 {
        let by_rows: Vec<f64> = similarity.iter().copied().collect();
        candidates.collect(&by_rows, g, &thresholds)?;
    }
    let mut matched = filled(thresholds.len().saturating_mul(d), -1)?;
    let pairs = CellPairs {
        candidates: &candidates,
        thresholds: &thresholds,
        ignored: &ignored,
        uncounted: &[],
        crowd: &crowd,
        claims: &|i| claims[i],
    };
    Greedy.match_cell(&pairs, &mut Vec::new(), &mut |word, bits, i, j, _| {
        each_bit(bits, |t| matched[(64 * word + t) * d + i] = j as i64);
    });
    array(py, matched, [thresholds.len(), d])
}

/// Curves of the detections of one category, given best score first, from their outcomes `(T, D)` and their ranks in
/// their images, for each limit on the ranks.
///
/// Gives precision `(T, R, M)`, recall `(T, M)` and the place in the order `(T, R, M)` of the detection that reaches the
/// recall point, -1 for none.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "three arrays")]
pub(super) fn curves<'py>(
    py: Python<'py>,
    ranks: PyReadonlyArray1<'py, u32>,
    matched: PyReadonlyArray2<'py, bool>,
    ignored: PyReadonlyArray2<'py, bool>,
    positives: usize,
    recall_points: PyReadonlyArray1<'py, f64>,
    limits: Vec<usize>,
) -> PyResult<(Bound<'py, PyArray3<f64>>, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray3<i64>>)> {
    let (ranks, matched, ignored) = (ranks.as_array(), matched.as_array(), ignored.as_array());
    let (t, d) = matched.dim();
    if ignored.dim() != (t, d) || ranks.len() != d {
        return Err(bad_value("ranks, matches and ignored flags differ in shape"));
    }
    let bits = OutcomeLayout { areas: 1, thresholds: t, samples: false };
    let mut outcomes = zeros(d.saturating_mul(bits.entry()))?;
    let mut rows = with_capacity(d)?;
    for (i, &rank) in ranks.iter().enumerate() {
        let entry = &mut outcomes[i * bits.entry()..(i + 1) * bits.entry()];
        for j in 0..t {
            let bit = |flag: bool| u64::from(flag) << (j % 64);
            bits.set(entry, 0, j / 64, bit(matched[[j, i]]), bit(ignored[[j, i]]));
        }
        // The score is the place in the order, which is not ours to question; 0 is left for what is not reached.
        let mut row = Row::unmatched(-((i + 1) as f64), 0, i as u32, rank, 0);
        row.set_matched(i);
        rows.push(row);
    }
    let truths = filled(positives, Truth { image: 0, object: 0, areas: 1 })?;

    let selection = Selection {
        groups: vec![0],
        areas: vec![0],
        max_detections: limits,
        images: None,
        recall_points: values(recall_points.as_array())?,
    };
    let (r, m) = (selection.recall_points.len(), selection.max_detections.len());
    let table = MatchTable::new(
        bits,
        Cells { groups: vec![0, d as u32], items: rows },
        Cells { groups: vec![0, positives as u32], items: truths },
        outcomes,
    );
    let shape = CurveShape { categories: 1, areas: 1, limits: m };
    let drawn = interruptible(py, d >= LONG_TABLE, |progress| {
        curve::accumulate(&table, &selection, shape, progress)
    })?;
    let places = drawn.scores.iter().map(|&score| -(score as i64) - 1);
    Ok((
        array(py, drawn.precision, [t, r, m])?,
        array(py, drawn.recall, [t, m])?,
        array(py, collect(places)?, [t, r, m])?,
    ))
}
