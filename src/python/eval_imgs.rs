//! `evalImgs` and `ious` in the reference's layout, created on first access.

use std::collections::HashMap;

use numpy::PyArrayMethods;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyList, PyTuple};

use super::arrays::{array, column, vector};
use super::evaluate::Evaluation;
use super::items::{self, check_signals};
use crate::analysis::{CellOutcomes, all_cells, evaluated_rows};
use crate::columns::{AnnotationIds, Geometry};
use crate::error::{Error, Result, can_allocate, collect_growing, copied, with_capacity};
use crate::evaluate::{Cell, Evaluator, Protocol};
use crate::matching::{MatchTable, Row};

/// The annotations that the columns came from, where ids and scores have to be theirs: objects of whatever type they
/// are there. They may have been edited since, so that a value counts only if it is what was evaluated.
///
/// DIFFERENCE: of a score or id edited between the evaluation and the first access the number is preserved, not its
/// type.
struct AnnotationObjects<'a, 'py> {
    ground_truth: Option<&'a Bound<'py, PyList>>,
    detections: Option<&'a Bound<'py, PyList>>,
}

/// Bytes that the objects of one entry take, beside what grows with the cell.
const ENTRY: usize = 4096;

#[pymethods]
impl Evaluation {
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
        let protocol = &self.evaluator.protocol;
        let (images, areas) = (protocol.extent.images, protocol.area_ranges.len());
        let groups = protocol.extent.groups();
        let cells_of_all = groups.saturating_mul(areas).saturating_mul(images);
        let list = items::list(py, std::iter::repeat_n(py.None().into_bound(py), cells_of_all))?;
        let annotations = AnnotationObjects { ground_truth, detections };
        let table = py.detach(|| self.with_partners())?;
        let ids = (&self.evaluator.ground_truths.id, &self.evaluator.detections.id);
        for (number, (group, cell)) in all_cells(&table).enumerate() {
            check_signals(py, number)?;
            let (rows, truths) =
                (evaluated_rows(&table, group, &cell), &table.truths(group)[cell.ground_truths]);
            let image = cell.image as usize;
            can_allocate(areas.saturating_mul(ENTRY))?;
            for a in 0..areas {
                let entry = PyDict::new(py);
                entry.set_item("image_id", image_ids.get_item(image)?)?;
                entry.set_item("category_id", category_ids.get_item(group)?)?;
                entry.set_item("aRng", area_ranges.get_item(a)?)?;
                entry.set_item("maxDet", max_detections)?;
                let outcomes = CellOutcomes::new(&table, rows, truths, a, ids)?;
                self.describe(&entry, outcomes, rows, &annotations)?;
                list.set_item((group * areas + a) * images + image, entry)?;
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
        let (mut filled, mut cell) = (HashMap::new(), Cell::default());
        let mut compare = self.similarity.comparer();
        for (number, (group, place)) in all_cells(&self.table).enumerate() {
            check_signals(py, number)?;
            let rows = evaluated_rows(&self.table, group, &place);
            let image = place.image as usize;
            cell.open(rows, &self.table.truths(group)[place.ground_truths], &self.evaluator.ground_truths);
            cell.fill(&mut compare, f64::NEG_INFINITY)?;
            if !cell.similarity.is_empty() {
                filled.try_reserve(1).map_err(|_| Error::out_of_memory(size_of_val(&*cell.similarity)))?;
                filled.insert((image, group), self.matrix(py, &cell)?);
            }
        }
        let ious = PyDict::new(py);
        for (i, image) in image_ids.iter().enumerate() {
            can_allocate(category_ids.len().saturating_mul(ENTRY))?;
            py.check_signals()?;
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
    /// The table, with the partners at all thresholds: matched by the evaluation's own code on first access, as to
    /// store them takes more memory than all else.
    fn with_partners(&self) -> Result<MatchTable> {
        let partners = (0..self.evaluator.protocol.thresholds.len()).collect();
        let protocol = Protocol { partners, ..self.evaluator.protocol.clone() };
        let evaluator = Evaluator { protocol, ..self.evaluator.clone() };
        evaluator.match_again(&*self.similarity, &self.table)
    }

    /// Similarities in the memory order of the reference: by columns for boxes and masks, by rows for keypoints.
    fn matrix<'py>(&self, py: Python<'py>, cell: &Cell) -> PyResult<Bound<'py, PyAny>> {
        let (d, g) = (cell.detections.len(), cell.ground_truths.len());
        if matches!(self.evaluator.detections.geometry, Geometry::Keypoints(_)) {
            return Ok(array(py, copied(&cell.similarity)?, [d, g])?.into_any());
        }
        let column = |j: usize| (0..d).map(move |i| cell.similarity[i * g + j]);
        let by_columns = collect_growing((0..g).flat_map(column))?;
        Ok(array(py, by_columns, [g, d])?.transpose()?.into_any())
    }

    /// What the reference's `evaluateImg` says of one cell in one area range.
    fn describe(
        &self,
        entry: &Bound<'_, PyDict>,
        cell: CellOutcomes,
        rows: &[Row],
        annotations: &AnnotationObjects<'_, '_>,
    ) -> PyResult<()> {
        let py = entry.py();
        let (gt, dt) = (&self.evaluator.ground_truths, &self.evaluator.detections);
        let (t, d, g) =
            (self.evaluator.protocol.thresholds.len(), cell.detections.len(), cell.ground_truths.len());
        entry.set_item("dtIds", ids(py, &dt.id, &cell.detections, annotations.detections)?)?;
        entry.set_item("gtIds", ids(py, &gt.id, &cell.ground_truths, annotations.ground_truth)?)?;
        entry.set_item("dtMatches", array(py, cell.detection_matches, [t, d])?)?;
        entry.set_item("gtMatches", array(py, cell.ground_truth_matches, [t, g])?)?;
        let scores = match annotations.detections {
            Some(annotations) => {
                let score = |at: usize| Some(PyFloat::new(py, rows[at].score).into_any());
                field(annotations, &cell.detections, "score", score)?
            }
            None => items::list(py, rows.iter().map(|row| row.score))?,
        };
        entry.set_item("dtScores", scores)?;
        if g == 0 {
            // NumPy's array of an empty list.
            entry.set_item("gtIgnore", vector::<f64>(py, Vec::new())?)?;
        } else {
            entry.set_item("gtIgnore", column(py, cell.ground_truth_ignored.into_iter().map(i64::from))?)?;
        }
        entry.set_item("dtIgnore", array(py, cell.detection_ignored, [t, d])?)?;
        Ok(())
    }
}

fn ids<'py>(
    py: Python<'py>,
    ids: &AnnotationIds,
    of: &[u32],
    annotations: Option<&Bound<'py, PyList>>,
) -> PyResult<Bound<'py, PyList>> {
    match annotations {
        Some(annotations) => field(annotations, of, "id", |at| {
            let id = ids.get(of[at] as usize);
            (id as i64 as f64 == id)
                .then(|| (id as i64).into_pyobject(py).ok().map(Bound::into_any))
                .flatten()
        }),
        None => items::list(py, of.iter().map(|&i| ids.get(i as usize) as i64)),
    }
}

/// A field of some annotations, or what the columns have (`evaluated`) where it is not that any more.
fn field<'py>(
    annotations: &Bound<'py, PyList>,
    of: &[u32],
    name: &str,
    evaluated: impl Fn(usize) -> Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let value = |(at, &i): (usize, &u32)| -> PyResult<Bound<'py, PyAny>> {
        let given = annotations.get_item(i as usize).and_then(|annotation| annotation.get_item(name));
        let Some(evaluated) = evaluated(at) else { return given };
        match given {
            Ok(given) if same_number(&given, &evaluated)? => Ok(given),
            _ => Ok(evaluated),
        }
    };
    let mut values = with_capacity(of.len())?;
    for found in of.iter().enumerate().map(value) {
        values.push(found?);
    }
    items::list(annotations.py(), values.into_iter())
}

/// Whether two numbers are the same as doubles; NaN is the same as NaN.
fn same_number(given: &Bound<'_, PyAny>, evaluated: &Bound<'_, PyAny>) -> PyResult<bool> {
    let evaluated: f64 = evaluated.extract()?;
    // Integers beyond all doubles have no double to compare, and were not evaluated as one.
    let Ok(given) = given.extract::<f64>() else { return Ok(true) };
    Ok(given == evaluated || (given.is_nan() && evaluated.is_nan()))
}
