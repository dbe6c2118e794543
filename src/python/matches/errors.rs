//! The errors and confusions of a match table that holds them: corrected, counted, or row by row.

use numpy::{PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::Matches;
use crate::analysis::{Correction, States, TruthState, confusion_counts, corrected, optimal_lrp};
use crate::error::{collect_growing, filled, with_capacity};
use crate::matching::{ErrorType, Row};
use crate::python::arrays::{array, values, vector};
use crate::python::bad_value;

#[pymethods]
impl Matches {
    /// Of an error table: the match table of one threshold in which errors are corrected, each of its area ranges with
    /// one of `CORRECTIONS`; `pooled`, of all categories together.
    fn corrected(&self, py: Python<'_>, pooled: bool) -> PyResult<Matches> {
        let table = self.work(py, |table, progress| corrected(&States::of(table)?, pooled, progress))?;
        let category_ids = match pooled {
            true => PyList::new(py, [-1])?.unbind(),
            false => self.category_ids.clone_ref(py),
        };
        Ok(Matches { table, image_ids: self.image_ids.clone_ref(py), category_ids, images: self.images })
    }

    /// Of an error table: for each category (one, if `pooled`) oLRP, its localisation, false positive and false negative
    /// parts, and the score at which it is reached.
    fn lrp<'py>(
        &self,
        py: Python<'py>,
        threshold: f64,
        pooled: bool,
    ) -> PyResult<Vec<Bound<'py, PyArray1<f64>>>> {
        let best =
            self.work(py, |table, progress| optimal_lrp(&States::of(table)?, pooled, threshold, progress))?;
        let columns = [best.lrp, best.localisation, best.false_positive, best.false_negative, best.score];
        columns.into_iter().map(|column| vector(py, column)).collect()
    }

    /// Of a confusion or error table, how many detections each category has of each error type, and how many ground
    /// truths of each state: `(K, 7)` and `(K, 4)`, by code.
    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn pair_counts<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyArray2<i64>>, Bound<'py, PyArray2<i64>>)> {
        let states = States::of(&self.table)?;
        let groups = self.table.groups();
        let mut errors = filled(groups, [0i64; ErrorType::ALL.len()])?;
        let mut truths = filled(groups, [0i64; TruthState::NAMES.len()])?;
        for group in 0..groups {
            for (_, pair) in states.rows(group).filter(|(row, _)| row.rank != Row::DROPPED) {
                errors[group][pair.error as usize] += 1;
            }
            for truth in self.table.truths(group) {
                truths[group][states.truth(truth.object) as usize] += 1;
            }
        }
        Ok((
            array(py, collect_growing(errors.into_iter().flatten())?, [groups, ErrorType::ALL.len()])?,
            array(py, collect_growing(truths.into_iter().flatten())?, [groups, TruthState::NAMES.len()])?,
        ))
    }

    /// Of a confusion table, how often true and predicted classes come together at some rising score thresholds. Of detections
    /// true class, predicted class, step and count `(N, 4)`, of ground truths class, the best step of their detections,
    /// and count `(M, 3)`. A step is the position of the last threshold at which a detection counts, or -1; the number
    /// of classes stands for the background.
    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn confusion_counts<'py>(
        &self,
        py: Python<'py>,
        thresholds: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<(Bound<'py, PyArray2<i64>>, Bound<'py, PyArray2<i64>>)> {
        let thresholds: Vec<f64> = values(thresholds.as_array())?;
        let counts =
            self.work(py, |table, progress| confusion_counts(&States::of(table)?, &thresholds, progress))?;
        let (detections, truths) = (counts.detections.len(), counts.ground_truths.len());
        Ok((
            array(py, counts.detections.into_flattened(), [detections, 4])?,
            array(py, counts.ground_truths.into_flattened(), [truths, 3])?,
        ))
    }

    /// Of a confusion or error table, its rows as columns, those of some images (by position) or of all: of each
    /// detection the positions of image and category, its rank in its image, score, error type, the row of the ground
    /// truth that it matched or is about (-1 for none), whether correcting it finds that, and similarity; of each ground
    /// truth image, category and state. Error types and states are places in `ERROR_TYPES` and `TRUTH_STATES`.
    #[pyo3(signature = (images=None))]
    fn pairs<'py>(&self, py: Python<'py>, images: Option<Vec<usize>>) -> PyResult<Bound<'py, PyDict>> {
        let states = States::of(&self.table)?;
        let mut wanted = filled(self.images, images.is_none())?;
        for image in images.into_iter().flatten() {
            *wanted
                .get_mut(image)
                .ok_or_else(|| bad_value(format!("images: there is no position {image}")))? = true;
        }
        let count = self.table.rows.items.iter().filter(|row| wanted[row.image as usize]).count();
        let (mut image, mut category, mut rank) =
            (with_capacity(count)?, with_capacity(count)?, with_capacity(count)?);
        let (mut score, mut error, mut partner) =
            (with_capacity(count)?, with_capacity(count)?, with_capacity(count)?);
        let (mut corrects, mut alike) = (with_capacity(count)?, with_capacity(count)?);
        let (mut truth_image, mut truth_category, mut truth_state) = (vec![], vec![], vec![]);
        let objects = self.table.truths.items.iter().map(|truth| truth.object as usize + 1);
        let mut place = filled(objects.max().unwrap_or(0), -1i64)?;
        for group in 0..self.table.groups() {
            for truth in self.table.truths(group).iter().filter(|truth| wanted[truth.image as usize]) {
                place[truth.object as usize] = truth_image.len() as i64;
                truth_image.push(truth.image);
                truth_category.push(group as u32);
                truth_state.push(states.truth(truth.object) as u8);
            }
        }
        for group in 0..self.table.groups() {
            let rows = states.rows(group).filter(|(row, _)| row.rank != Row::DROPPED);
            for (row, pair) in rows.filter(|(row, _)| wanted[row.image as usize]) {
                image.push(row.image);
                category.push(group as u32);
                rank.push(row.rank);
                score.push(row.score);
                error.push(pair.error as u8);
                partner.push(pair.partner().map_or(-1, |object| place[object as usize]));
                corrects.push(states.corrects(row, &pair));
                alike.push(pair.similarity);
            }
        }
        let columns = PyDict::new(py);
        columns.set_item("image", vector(py, image)?)?;
        columns.set_item("category", vector(py, category)?)?;
        columns.set_item("rank", vector(py, rank)?)?;
        columns.set_item("score", vector(py, score)?)?;
        columns.set_item("error", vector(py, error)?)?;
        columns.set_item("partner", vector(py, partner)?)?;
        columns.set_item("corrects", vector(py, corrects)?)?;
        columns.set_item("similarity", vector(py, alike)?)?;
        columns.set_item("truth_image", vector(py, truth_image)?)?;
        columns.set_item("truth_category", vector(py, truth_category)?)?;
        columns.set_item("truth_state", vector(py, truth_state)?)?;
        Ok(columns)
    }

    /// What `corrected` corrects.
    #[classattr]
    const CORRECTIONS: [&'static str; 9] = Correction::NAMES;

    /// The names of error types, by code.
    #[classattr]
    const ERROR_TYPES: [&'static str; 7] = ErrorType::NAMES;

    /// The names of what becomes of ground truths, by code.
    #[classattr]
    const TRUTH_STATES: [&'static str; 4] = TruthState::NAMES;
}
