//! Evaluation as Python calls it, and its results as NumPy arrays.

use std::collections::HashMap;

use numpy::{PyArray1, PyArray2, PyArray4, PyArray5, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::numpy_exp::numpy_exp;
use super::objects::PyObjects;
use crate::columns::{Geometry, Ids, Objects};
use crate::curve::{self, Selection, Shape};
use crate::error::Result;
use crate::evaluate::{Cell, Protocol, Scene};
use crate::matching::{
    Bits, Candidates, Extent, MOST_AREA_RANGES, MatchTable, Meeting, Positions, Rows, floor, match_greedily,
};
use crate::similarity::{BoxIou, MaskIou, Oks, Similarity};

/// A similarity that has been given its columns.
enum AnySimilarity {
    Boxes(BoxIou),
    Masks(MaskIou),
    Keypoints(Oks),
}

impl AnySimilarity {
    fn match_all(&self, scene: &Scene) -> Result<MatchTable> {
        match self {
            AnySimilarity::Boxes(boxes) => scene.match_all(boxes),
            AnySimilarity::Masks(masks) => scene.match_all(masks),
            AnySimilarity::Keypoints(oks) => scene.match_all(oks),
        }
    }

    /// Opens a cell and fills in its similarities; false if a side is empty.
    fn fill(&self, scene: &Scene, meeting: &Meeting, cell: &mut Cell, floor: f64) -> Result<bool> {
        fn fill<S: Similarity>(similarity: &S, cell: &mut Cell, floor: f64) -> Result<bool> {
            cell.fill(similarity, &mut S::Scratch::default(), floor)
        }
        scene.open(meeting, cell);
        match self {
            AnySimilarity::Boxes(boxes) => fill(boxes, cell, floor),
            AnySimilarity::Masks(masks) => fill(masks, cell, floor),
            AnySimilarity::Keypoints(oks) => fill(oks, cell, floor),
        }
    }
}

/// A finished matching: the match table, and the columns that it came from.
#[pyclass(frozen, module = "meanap._core")]
pub struct Evaluation {
    scene: Scene,
    similarity: AnySimilarity,
    table: MatchTable,
}

/// Code to position for images and for categories; none if the codes are positions already.
type PyPositions<'py> = Option<(PyReadonlyArray1<'py, u32>, PyReadonlyArray1<'py, u32>)>;

fn positions(given: &PyPositions<'_>, extent: Extent) -> PyResult<Positions> {
    Ok(match given {
        Some((images, categories)) => {
            Positions { of_image: images.as_slice()?.to_vec(), of_category: categories.as_slice()?.to_vec() }
        }
        None => Positions {
            of_image: (0..extent.images as u32).collect(),
            of_category: (0..extent.categories as u32).collect(),
        },
    })
}

fn similarity(
    py: Python<'_>,
    detections: &Objects,
    ground_truths: &Objects,
    variances: Option<PyReadonlyArray1<'_, f64>>,
) -> PyResult<AnySimilarity> {
    Ok(match detections.geometry {
        Geometry::Boxes(_) => AnySimilarity::Boxes(BoxIou::new(detections, ground_truths)?),
        Geometry::Masks(_) => AnySimilarity::Masks(MaskIou::new(detections, ground_truths)?),
        Geometry::Keypoints(_) => {
            let variances = variances.ok_or_else(|| PyValueError::new_err("keypoints need variances"))?;
            let variances = variances.as_array().to_vec();
            AnySimilarity::Keypoints(Oks::new(detections, ground_truths, variances, numpy_exp(py)?)?)
        }
    })
}

/// Matches detections with ground truth in every cell.
#[pyfunction]
#[pyo3(signature = (
    ground_truth, detections, *, ground_truth_positions, detection_positions, images, categories, by_category,
    thresholds, area_ranges, max_detections, variances=None
))]
#[expect(clippy::too_many_arguments, reason = "keywords of one call")]
pub fn evaluate(
    py: Python<'_>,
    ground_truth: &PyObjects,
    detections: &PyObjects,
    ground_truth_positions: PyPositions<'_>,
    detection_positions: PyPositions<'_>,
    images: usize,
    categories: usize,
    by_category: bool,
    thresholds: PyReadonlyArray1<'_, f64>,
    area_ranges: PyReadonlyArray2<'_, f64>,
    max_detections: usize,
    variances: Option<PyReadonlyArray1<'_, f64>>,
) -> PyResult<Evaluation> {
    let area_ranges = area_ranges.as_array();
    if area_ranges.ncols() != 2 || area_ranges.nrows() > MOST_AREA_RANGES {
        let message = format!("area_ranges: expected at most {MOST_AREA_RANGES} rows of two numbers");
        return Err(PyValueError::new_err(message));
    }
    let extent = Extent { images, categories, by_category };
    let protocol = Protocol {
        thresholds: thresholds.as_array().to_vec(),
        area_ranges: area_ranges.rows().into_iter().map(|row| [row[0], row[1]]).collect(),
        max_detections,
        extent,
    };
    let (gt, dt) = (ground_truth.columns.clone(), detections.columns.clone());
    let similarity = similarity(py, &dt, &gt, variances)?;
    let (gt_positions, dt_positions) =
        (positions(&ground_truth_positions, extent)?, positions(&detection_positions, extent)?);
    Ok(py.detach(|| -> Result<Evaluation> {
        let scene = Scene::new(dt, &dt_positions, gt, &gt_positions, protocol);
        let table = similarity.match_all(&scene)?;
        Ok(Evaluation { scene, similarity, table })
    })?)
}

#[pymethods]
impl Evaluation {
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
        let protocol = &self.scene.protocol;
        let fits = groups.len() <= k
            && areas.len() <= a
            && max_detections.len() <= m
            && groups.iter().all(|&group| group < self.table.groups())
            && areas.iter().all(|&area| area < protocol.area_ranges.len());
        let images = images.map(|images| images.as_array().to_vec());
        if !fits || images.as_ref().is_some_and(|images| images.len() != protocol.extent.images) {
            return Err(PyValueError::new_err("the selection is not within what was evaluated"));
        }
        let recall_points = recall_points.as_array().to_vec();
        let (t, r) = (protocol.thresholds.len(), recall_points.len());
        let selection = Selection { groups, areas, max_detections, images, recall_points };
        let shape = Shape { categories: k, areas: a, limits: m };
        let drawn = py.detach(|| curve::accumulate(&self.table, &selection, shape));
        Ok((
            PyArray1::from_vec(py, drawn.precision).reshape([t, r, k, a, m])?,
            PyArray1::from_vec(py, drawn.recall).reshape([t, k, a, m])?,
            PyArray1::from_vec(py, drawn.scores).reshape([t, r, k, a, m])?,
        ))
    }

    /// The reference's list of one dictionary (or None) for each category, area range and image.
    ///
    /// Ids and scores are taken from the annotations where they are given, else made from the columns.
    #[pyo3(signature = (*, image_ids, category_ids, area_ranges, max_detections, ground_truth, detections))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one call")]
    fn eval_imgs<'py>(
        &self,
        py: Python<'py>,
        image_ids: &Bound<'py, PyList>,
        category_ids: &Bound<'py, PyList>,
        area_ranges: &Bound<'py, PyList>,
        max_detections: &Bound<'py, PyAny>,
        ground_truth: Option<&Bound<'py, PyList>>,
        detections: Option<&Bound<'py, PyList>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let protocol = &self.scene.protocol;
        let (images, areas) = (protocol.extent.images, protocol.area_ranges.len());
        let groups = protocol.extent.groups();
        let list = PyList::new(py, std::iter::repeat_n(py.None().into_bound(py), groups * areas * images))?;
        let mut cell = Cell::default();
        for group in 0..groups {
            for meeting in self.scene.meetings(group) {
                let floor = floor(&protocol.thresholds);
                let filled = self.similarity.fill(&self.scene, &meeting, &mut cell, floor)?;
                let image = meeting.image as usize;
                for a in 0..areas {
                    let entry = PyDict::new(py);
                    entry.set_item("image_id", image_ids.get_item(image)?)?;
                    entry.set_item("category_id", category_ids.get_item(group)?)?;
                    entry.set_item("aRng", area_ranges.get_item(a)?)?;
                    entry.set_item("maxDet", max_detections)?;
                    self.describe(py, &entry, &cell, filled, a, ground_truth, detections)?;
                    list.set_item((group * areas + a) * images + image, entry)?;
                }
            }
        }
        Ok(list)
    }

    /// The reference's dictionary of similarities: `(image id, category id)` to a `(D, G)` array, or an empty list.
    fn ious<'py>(
        &self,
        py: Python<'py>,
        image_ids: &Bound<'py, PyList>,
        category_ids: &Bound<'py, PyList>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let mut filled = HashMap::new();
        let mut cell = Cell::default();
        for group in 0..self.scene.protocol.extent.groups() {
            for meeting in self.scene.meetings(group) {
                if self.similarity.fill(&self.scene, &meeting, &mut cell, f64::NEG_INFINITY)? {
                    filled.insert((meeting.image as usize, group), self.matrix(py, &cell)?);
                }
            }
        }
        let ious = PyDict::new(py);
        for (i, image) in image_ids.iter().enumerate() {
            for (k, category) in category_ids.iter().enumerate() {
                let key = PyTuple::new(py, [&image, &category])?;
                match filled.remove(&(i, k)) {
                    Some(matrix) => ious.set_item(key, matrix)?,
                    None => ious.set_item(key, PyList::empty(py))?,
                }
            }
        }
        Ok(ious)
    }
}

impl Evaluation {
    /// Similarities in the memory order of the reference: by columns for boxes and masks, by rows for keypoints.
    fn matrix<'py>(&self, py: Python<'py>, cell: &Cell) -> PyResult<Bound<'py, PyAny>> {
        let (d, g) = (cell.detections.len(), cell.ground_truths.len());
        if matches!(self.similarity, AnySimilarity::Keypoints(_)) {
            return Ok(PyArray1::from_slice(py, &cell.similarity).reshape([d, g])?.into_any());
        }
        let by_columns: Vec<f64> =
            (0..g).flat_map(|j| (0..d).map(move |i| cell.similarity[i * g + j])).collect();
        Ok(PyArray1::from_vec(py, by_columns).reshape([g, d])?.transpose()?.into_any())
    }

    /// What the reference's `evaluateImg` says of one cell in one area range.
    #[expect(clippy::too_many_arguments, reason = "private, called once")]
    fn describe(
        &self,
        py: Python<'_>,
        entry: &Bound<'_, PyDict>,
        cell: &Cell,
        filled: bool,
        a: usize,
        gt_annotations: Option<&Bound<'_, PyList>>,
        dt_annotations: Option<&Bound<'_, PyList>>,
    ) -> PyResult<()> {
        let scene = &self.scene;
        let protocol = &scene.protocol;
        let (truths, kept) = (&cell.ground_truths, &cell.detections);
        let (gt, dt) = (&scene.ground_truths, &scene.detections);
        let ignored: Vec<bool> =
            truths.iter().map(|&g| scene.is_ignored(g, &protocol.area_ranges[a])).collect();
        // Ground truths in the reference's order: those to be found first. `place[g]` is where `g` stands in it.
        let mut order: Vec<usize> = (0..truths.len()).collect();
        order.sort_by_key(|&g| ignored[g]);
        let mut place = vec![0; truths.len()];
        order.iter().enumerate().for_each(|(at, &g)| place[g] = at);

        let (t, d, g) = (protocol.thresholds.len(), kept.len(), truths.len());
        let mut dt_matches = vec![0.0; t * d];
        let mut gt_matches = vec![0.0; t * g];
        let mut dt_ignore = vec![false; t * d];
        let mut candidates = Candidates::default();
        if filled {
            candidates.collect(&cell.similarity, g, floor(&protocol.thresholds));
        }
        let crowd: Vec<bool> = truths.iter().map(|&g| gt.crowd[g as usize]).collect();
        let claims = |i: usize| dt.id.get(kept[i] as usize) > 0.0;
        let thresholds = &protocol.thresholds;
        match_greedily(&candidates, thresholds, &ignored, &crowd, claims, &mut Vec::new(), |at, i, j| {
            dt_matches[at * d + i] = gt.id.get(truths[j] as usize);
            gt_matches[at * g + place[j]] = dt.id.get(kept[i] as usize);
            dt_ignore[at * d + i] = ignored[j];
        });
        let outside: Vec<bool> = kept.iter().map(|&i| scene.outside(i) >> a & 1 == 1).collect();
        for (i, ignore) in dt_ignore.iter_mut().enumerate() {
            *ignore |= dt_matches[i] == 0.0 && outside[i % d];
        }

        let in_order: Vec<u32> = order.iter().map(|&g| truths[g]).collect();
        entry.set_item("dtIds", ids(py, &dt.id, kept, dt_annotations)?)?;
        entry.set_item("gtIds", ids(py, &gt.id, &in_order, gt_annotations)?)?;
        entry.set_item("dtMatches", PyArray1::from_vec(py, dt_matches).reshape([t, d])?)?;
        entry.set_item("gtMatches", PyArray1::from_vec(py, gt_matches).reshape([t, g])?)?;
        let scores = match dt_annotations {
            Some(annotations) => field(annotations, kept, "score")?,
            None => PyList::new(py, kept.iter().map(|&i| dt.score[i as usize]))?,
        };
        entry.set_item("dtScores", scores)?;
        let gt_ignore = order.iter().map(|&g| i64::from(ignored[g]));
        if g == 0 {
            entry.set_item("gtIgnore", PyArray1::<f64>::from_vec(py, Vec::new()))?;
        } else {
            entry.set_item("gtIgnore", PyArray1::from_iter(py, gt_ignore))?;
        }
        entry.set_item("dtIgnore", PyArray1::from_vec(py, dt_ignore).reshape([t, d])?)?;
        Ok(())
    }
}

fn ids<'py>(
    py: Python<'py>,
    ids: &Ids,
    of: &[u32],
    annotations: Option<&Bound<'py, PyList>>,
) -> PyResult<Bound<'py, PyList>> {
    match annotations {
        Some(annotations) => field(annotations, of, "id"),
        None => PyList::new(py, of.iter().map(|&i| ids.get(i as usize) as i64)),
    }
}

fn field<'py>(annotations: &Bound<'py, PyList>, of: &[u32], name: &str) -> PyResult<Bound<'py, PyList>> {
    let values: PyResult<Vec<_>> =
        of.iter().map(|&i| annotations.get_item(i as usize)?.get_item(name)).collect();
    PyList::new(annotations.py(), values?)
}

/// Matches the detections of one cell, given best score first, with its ground truths, those to be found first.
///
/// `similarity` is `(D, G)`. Gives the index of the ground truth that each detection matched, `(T, D)`, -1 for none.
/// `claims`: which detections take their ground truth away from later ones.
#[pyfunction]
pub fn match_cell<'py>(
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
        return Err(PyValueError::new_err("similarity, flags and claims differ in length"));
    }
    let thresholds = thresholds.as_array().to_vec();
    let mut candidates = Candidates::default();
    if g > 0 {
        let by_rows: Vec<f64> = similarity.iter().copied().collect();
        candidates.collect(&by_rows, g, floor(&thresholds));
    }
    let mut matched = vec![-1; thresholds.len() * d];
    let claims = |i: usize| claims[i];
    match_greedily(&candidates, &thresholds, &ignored, &crowd, claims, &mut Vec::new(), |t, i, j| {
        matched[t * d + i] = j as i64;
    });
    PyArray1::from_vec(py, matched).reshape([thresholds.len(), d])
}

/// Curves of the detections of one category, given best score first, from their outcomes `(T, D)`.
///
/// Gives precision `(T, R)`, recall `(T,)` and scores `(T, R)`.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "three arrays")]
pub fn curves<'py>(
    py: Python<'py>,
    score: PyReadonlyArray1<'py, f64>,
    matched: PyReadonlyArray2<'py, bool>,
    ignored: PyReadonlyArray2<'py, bool>,
    positives: usize,
    recall_points: PyReadonlyArray1<'py, f64>,
) -> PyResult<(Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>)> {
    let (score, matched, ignored) = (score.as_array(), matched.as_array(), ignored.as_array());
    let (t, d) = matched.dim();
    if ignored.dim() != (t, d) || score.len() != d {
        return Err(PyValueError::new_err("scores, matches and ignored flags differ in shape"));
    }
    let bits = Bits { areas: 1, thresholds: t };
    let mut rows = Rows::with_capacity(d, positives);
    let mut entry = vec![0; bits.entry()];
    for i in 0..d {
        entry.fill(0);
        (0..t).for_each(|j| bits.set(&mut entry, 0, j, matched[[j, i]], ignored[[j, i]]));
        rows.push_matched(0, 0, score[i], &entry);
    }
    rows.truth_image.resize(positives, 0);
    rows.truth_areas.resize(positives, 1);
    let selection = Selection {
        groups: vec![0],
        areas: vec![0],
        max_detections: vec![usize::MAX],
        images: None,
        recall_points: recall_points.as_array().to_vec(),
    };
    let shape = [t, selection.recall_points.len()];
    let table = MatchTable::new(bits, [vec![rows]]);
    let one = Shape { categories: 1, areas: 1, limits: 1 };
    let drawn = py.detach(|| curve::accumulate(&table, &selection, one));
    Ok((
        PyArray1::from_vec(py, drawn.precision).reshape(shape)?,
        PyArray1::from_vec(py, drawn.recall),
        PyArray1::from_vec(py, drawn.scores).reshape(shape)?,
    ))
}
