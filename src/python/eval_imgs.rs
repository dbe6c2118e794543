//! `evalImgs` and `ious` in the reference's layout, created on first access.

use std::collections::HashMap;

use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyList, PyTuple};

use super::evaluate::Evaluation;
use crate::columns::{AnnotationIds, Geometry};
use crate::error::Result;
use crate::evaluate::{Cell, Evaluator, Protocol};
use crate::matching::{MatchTable, Row, SharedCell, Truth, shared_cells};

/// The annotations that the columns came from, where ids and scores have to be theirs: objects of whatever type they
/// are there. They may have been edited since, so that a value counts only if it is what was evaluated.
///
/// DIFFERENCE: of a score or id edited between the evaluation and the first access the number is preserved, not its
/// type.
struct AnnotationObjects<'a, 'py> {
    ground_truth: Option<&'a Bound<'py, PyList>>,
    detections: Option<&'a Bound<'py, PyList>>,
}

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
        let list = PyList::new(py, std::iter::repeat_n(py.None().into_bound(py), groups * areas * images))?;
        let annotations = AnnotationObjects { ground_truth, detections };
        let table = py.detach(|| self.with_partners())?;
        for (group, meeting) in cells(&table) {
            let (rows, truths) = (kept(&table, group, &meeting), &table.truths(group)[meeting.ground_truths]);
            let image = meeting.image as usize;
            for a in 0..areas {
                let entry = PyDict::new(py);
                entry.set_item("image_id", image_ids.get_item(image)?)?;
                entry.set_item("category_id", category_ids.get_item(group)?)?;
                entry.set_item("aRng", area_ranges.get_item(a)?)?;
                entry.set_item("maxDet", max_detections)?;
                self.describe(&entry, &table, rows, truths, a, &annotations)?;
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
        for (group, meeting) in cells(&self.table) {
            let rows = kept(&self.table, group, &meeting);
            let image = meeting.image as usize;
            cell.open(rows, &self.table.truths(group)[meeting.ground_truths], &self.evaluator.ground_truths);
            cell.fill(&mut compare, f64::NEG_INFINITY)?;
            if !cell.similarity.is_empty() {
                filled.insert((image, group), self.matrix(py, &cell)?);
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
            return Ok(PyArray1::from_slice(py, &cell.similarity).reshape([d, g])?.into_any());
        }
        let column = |j: usize| (0..d).map(move |i| cell.similarity[i * g + j]);
        let by_columns: Vec<f64> = (0..g).flat_map(column).collect();
        Ok(PyArray1::from_vec(py, by_columns).reshape([g, d])?.transpose()?.into_any())
    }

    /// What the reference's `evaluateImg` says of one cell in one area range, by `table` with its partners.
    fn describe(
        &self,
        entry: &Bound<'_, PyDict>,
        table: &MatchTable,
        rows: &[Row],
        truths: &[Truth],
        a: usize,
        annotations: &AnnotationObjects<'_, '_>,
    ) -> PyResult<()> {
        let py = entry.py();
        let thresholds = &self.evaluator.protocol.thresholds;
        let (gt, dt) = (&self.evaluator.ground_truths, &self.evaluator.detections);
        let ignored: Vec<bool> = truths.iter().map(|truth| truth.areas >> a & 1 == 0).collect();
        // Ground truths in the reference's order: those to be found first. `place[g]` is where `g` stands in it.
        let mut order: Vec<usize> = (0..truths.len()).collect();
        order.sort_by_key(|&g| ignored[g]);
        let mut place = vec![0; truths.len()];
        order.iter().enumerate().for_each(|(at, &g)| place[g] = at);

        let (t, d, g) = (thresholds.len(), rows.len(), truths.len());
        let mut dt_matches = vec![0.0; t * d];
        let mut gt_matches = vec![0.0; t * g];
        let mut dt_ignore = vec![false; t * d];
        let dt_id = |i: usize| dt.id.get(rows[i].object as usize);
        let mut by_object: Vec<(u32, usize)> = truths.iter().map(|truth| truth.object).zip(place).collect();
        by_object.sort_unstable();
        let place_of = |object: u32| by_object.binary_search_by_key(&object, |&(object, _)| object).ok();
        for (i, row) in rows.iter().enumerate() {
            for at in 0..t {
                // Of several detections that matched a ground truth the last one is reported.
                if let Some(object) = table.partner(row, a, at) {
                    dt_matches[at * d + i] = gt.id.get(object as usize);
                    if let Some(j) = place_of(object) {
                        gt_matches[at * g + by_object[j].1] = dt_id(i);
                    }
                }
                dt_ignore[at * d + i] = table.matched_and_ignored(row, a, at).1;
            }
        }

        let objects: Vec<u32> = rows.iter().map(|row| row.object).collect();
        let in_order: Vec<u32> = order.iter().map(|&g| truths[g].object).collect();
        entry.set_item("dtIds", ids(py, &dt.id, &objects, annotations.detections)?)?;
        entry.set_item("gtIds", ids(py, &gt.id, &in_order, annotations.ground_truth)?)?;
        entry.set_item("dtMatches", PyArray1::from_vec(py, dt_matches).reshape([t, d])?)?;
        entry.set_item("gtMatches", PyArray1::from_vec(py, gt_matches).reshape([t, g])?)?;
        let scores = match annotations.detections {
            Some(annotations) => {
                let score = |at: usize| Some(PyFloat::new(py, rows[at].score).into_any());
                field(annotations, &objects, "score", score)?
            }
            None => PyList::new(py, rows.iter().map(|row| row.score))?,
        };
        entry.set_item("dtScores", scores)?;
        if g == 0 {
            // NumPy's array of an empty list.
            entry.set_item("gtIgnore", PyArray1::<f64>::from_vec(py, Vec::new()))?;
        } else {
            let flags = order.iter().map(|&g| i64::from(ignored[g]));
            entry.set_item("gtIgnore", PyArray1::from_iter(py, flags))?;
        }
        entry.set_item("dtIgnore", PyArray1::from_vec(py, dt_ignore).reshape([t, d])?)?;
        Ok(())
    }
}

/// The cells with an object on either side, each with its group.
fn cells(table: &MatchTable) -> impl Iterator<Item = (usize, SharedCell)> {
    let of_group =
        |group| shared_cells(table.rows(group), table.truths(group)).map(move |cell| (group, cell));
    (0..table.groups()).flat_map(of_group)
}

/// The evaluated detections of a cell.
fn kept<'a>(table: &'a MatchTable, group: usize, cell: &SharedCell) -> &'a [Row] {
    let rows = &table.rows(group)[cell.detections.clone()];
    &rows[..rows.iter().take_while(|row| row.rank != Row::DROPPED).count()]
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
        None => PyList::new(py, of.iter().map(|&i| ids.get(i as usize) as i64)),
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
    let values: PyResult<Vec<_>> = of.iter().enumerate().map(value).collect();
    PyList::new(annotations.py(), values?)
}

/// Whether two numbers are the same as doubles; NaN is the same as NaN.
fn same_number(given: &Bound<'_, PyAny>, evaluated: &Bound<'_, PyAny>) -> PyResult<bool> {
    let evaluated: f64 = evaluated.extract()?;
    // Integers beyond all doubles have no double to compare, and were not evaluated as one.
    let Ok(given) = given.extract::<f64>() else { return Ok(true) };
    Ok(given == evaluated || (given.is_nan() && evaluated.is_nan()))
}
