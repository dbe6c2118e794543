//! `evalImgs` and `ious` as the reference lays them out, made when somebody looks at them.

use std::collections::HashMap;

use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyList, PyTuple};

use super::evaluate::{AnySimilarity, Evaluation};
use crate::columns::Ids;
use crate::evaluate::Cell;
use crate::matching::{Row, Truth, each_bit, floor, match_greedily, meetings};

/// The annotations that the columns came from, where ids and scores have to be theirs: objects of whatever type they
/// are there. They may have been edited since, so that a value counts only if it is what was evaluated.
///
/// DIFFERENCE: of a score or id edited between the evaluation and the first look the number is kept, not its type.
struct Annotations<'a, 'py> {
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
        let protocol = &self.scene.protocol;
        let (images, areas) = (protocol.extent.images, protocol.area_ranges.len());
        let groups = protocol.extent.groups();
        let list = PyList::new(py, std::iter::repeat_n(py.None().into_bound(py), groups * areas * images))?;
        let annotations = Annotations { ground_truth, detections };
        self.each_cell(floor(&protocol.thresholds), |group, image, rows, truths, cell| {
            for a in 0..areas {
                let entry = PyDict::new(py);
                entry.set_item("image_id", image_ids.get_item(image)?)?;
                entry.set_item("category_id", category_ids.get_item(group)?)?;
                entry.set_item("aRng", area_ranges.get_item(a)?)?;
                entry.set_item("maxDet", max_detections)?;
                self.describe(&entry, rows, truths, cell, a, &annotations)?;
                list.set_item((group * areas + a) * images + image, entry)?;
            }
            Ok(())
        })?;
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
        self.each_cell(f64::NEG_INFINITY, |group, image, _, _, cell| {
            if !cell.similarity.is_empty() {
                filled.insert((image, group), self.matrix(py, cell)?);
            }
            Ok(())
        })?;
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
    /// Calls `visit(group, image, kept rows, truths, cell)` for each cell with an object on either side.
    fn each_cell(
        &self,
        floor: f64,
        mut visit: impl FnMut(usize, usize, &[Row], &[Truth], &Cell) -> PyResult<()>,
    ) -> PyResult<()> {
        let mut cell = Cell::default();
        for group in 0..self.table.groups() {
            let (rows, truths) = (self.table.rows(group), self.table.truths(group));
            for meeting in meetings(rows, truths) {
                let rows = &rows[meeting.detections];
                let kept = rows.iter().take_while(|row| row.rank != Row::DROPPED).count();
                let (rows, truths) = (&rows[..kept], &truths[meeting.ground_truths]);
                cell.open(rows, truths, &self.scene.ground_truths);
                self.similarity.fill(&mut cell, floor)?;
                cell.find_candidates(&self.scene.protocol.thresholds);
                visit(group, meeting.image as usize, rows, truths, &cell)?;
            }
        }
        Ok(())
    }

    /// Similarities in the memory order of the reference: by columns for boxes and masks, by rows for keypoints.
    fn matrix<'py>(&self, py: Python<'py>, cell: &Cell) -> PyResult<Bound<'py, PyAny>> {
        let (d, g) = (cell.detections.len(), cell.ground_truths.len());
        if matches!(self.similarity, AnySimilarity::Keypoints(_)) {
            return Ok(PyArray1::from_slice(py, &cell.similarity).reshape([d, g])?.into_any());
        }
        let column = |j: usize| (0..d).map(move |i| cell.similarity[i * g + j]);
        let by_columns: Vec<f64> = (0..g).flat_map(column).collect();
        Ok(PyArray1::from_vec(py, by_columns).reshape([g, d])?.transpose()?.into_any())
    }

    /// What the reference's `evaluateImg` says of one cell in one area range.
    fn describe(
        &self,
        entry: &Bound<'_, PyDict>,
        rows: &[Row],
        truths: &[Truth],
        cell: &Cell,
        a: usize,
        annotations: &Annotations<'_, '_>,
    ) -> PyResult<()> {
        let py = entry.py();
        let thresholds = &self.scene.protocol.thresholds;
        let (gt, dt) = (&self.scene.ground_truths, &self.scene.detections);
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
        let claims = |i: usize| dt_id(i) > 0.0;
        let Cell { candidates, crowd, .. } = cell;
        match_greedily(
            candidates,
            thresholds,
            &ignored,
            crowd,
            claims,
            &mut Vec::new(),
            |word, bits, i, j| {
                each_bit(bits, |bit| {
                    let at = 64 * word + bit;
                    dt_matches[at * d + i] = gt.id.get(truths[j].object as usize);
                    gt_matches[at * g + place[j]] = dt_id(i);
                    dt_ignore[at * d + i] = ignored[j];
                });
            },
        );
        let outside = |row: &Row| self.scene.protocol.outside(dt.area.get(row.object as usize)) >> a & 1 == 1;
        let outside: Vec<bool> = rows.iter().map(outside).collect();
        for (i, ignore) in dt_ignore.iter_mut().enumerate() {
            *ignore |= dt_matches[i] == 0.0 && outside[i % d];
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

fn ids<'py>(
    py: Python<'py>,
    ids: &Ids,
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
