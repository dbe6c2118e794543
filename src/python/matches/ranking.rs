//! What a match table is sorted into once to give many numbers: counts, and operating points on samples of images.

use numpy::{PyArray1, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;

use super::{LONG_TABLE, Matches};
use crate::analysis::{OperatingPoints, OperatingRule, Ranked, Ranking, cumulative_counts};
use crate::error::{Result, collect_growing};
use crate::progress::Progress;
use crate::python::arrays::{array, values, vector};
use crate::python::bad_value;
use crate::python::interruptible::interruptible;

/// Detections of a match table from the best score down.
#[pyclass(frozen, module = "meanap._core", name = "Ranking")]
pub(super) struct PyRanking {
    pub(super) ranking: Ranking,
    pub(super) matches: Py<Matches>,
}

impl PyRanking {
    fn work<T: Send>(
        &self,
        py: Python<'_>,
        threshold: usize,
        work: impl FnOnce(Ranked<'_>, &Progress) -> Result<T> + Send,
    ) -> PyResult<T> {
        let matches = self.matches.get();
        matches.check(None, Some(threshold), 0)?;
        matches.work(py, |table, progress| work(self.ranking.of(table), progress))
    }

    fn operating_points(&self, py: Python<'_>, threshold: usize) -> PyResult<OperatingPoints> {
        let images = self.matches.get().images;
        self.work(py, threshold, |ranked, progress| OperatingPoints::new(ranked, images, threshold, progress))
    }
}

#[pymethods]
impl PyRanking {
    /// For each distinct score, highest first: scores, true and false positives of that score or a higher one; and the
    /// number of ground truths to be found.
    #[expect(clippy::type_complexity, reason = "three arrays")]
    fn counts<'py>(
        &self,
        py: Python<'py>,
        threshold: usize,
    ) -> PyResult<(Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<u32>>, usize)>
    {
        let found =
            self.work(py, threshold, |ranked, progress| cumulative_counts(ranked, threshold, progress))?;
        Ok((
            vector(py, found.score)?,
            vector(py, found.true_positives)?,
            vector(py, found.false_positives)?,
            found.positives,
        ))
    }

    /// The best score of a false positive in each image that has nothing to find, highest first; and how many such
    /// images there are.
    fn alarms<'py>(&self, py: Python<'py>, threshold: usize) -> PyResult<(Bound<'py, PyArray1<f64>>, usize)> {
        let (scores, images) = self.operating_points(py, threshold)?.false_alarms()?;
        Ok((vector(py, scores)?, images))
    }

    /// The operating points of some rules and their values, as of `Operator.points`, where each image is there once:
    /// `(R, 5)`.
    fn points<'py>(
        &self,
        py: Python<'py>,
        threshold: usize,
        rules: Vec<(String, f64)>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let rules =
            rules.iter().map(|(name, value)| operating_rule(name, *value)).collect::<PyResult<Vec<_>>>()?;
        let images = self.matches.get().images;
        let points = self.work(py, threshold, |ranked, progress| {
            OperatingPoints::new(ranked, images, threshold, progress)?.of_rules(&rules, progress)
        })?;
        array(py, collect_growing(points.into_iter().flatten())?, [rules.len(), 5])
    }

    /// What gives operating points on samples of images.
    fn operator(&self, py: Python<'_>, threshold: usize) -> PyResult<PyOperatingPoints> {
        self.operating_points(py, threshold).map(PyOperatingPoints)
    }
}

/// How a score is chosen, by its name.
fn operating_rule(name: &str, value: f64) -> PyResult<OperatingRule> {
    Ok(match name {
        "score" => OperatingRule::Score(value),
        "precision" => OperatingRule::Precision(value),
        "recall" => OperatingRule::Recall(value),
        "false_positives" => OperatingRule::FalsePositives(value),
        "false_alarms" => OperatingRule::FalseAlarms(value),
        _ => return Err(bad_value(format!("there is no rule {name:?}"))),
    })
}

/// A group's detections, sorted for many samples of images.
#[pyclass(frozen, module = "meanap._core", name = "Operator")]
pub(super) struct PyOperatingPoints(OperatingPoints);

#[pymethods]
impl PyOperatingPoints {
    /// The operating point on each sample of weights of images `(B, I) uint32`: score, precision, recall, false
    /// positives for each image and share of images without objects with one `(B, 5)`; NaN where there is none.
    ///
    /// `rule`: "score", "precision", "recall", "false_positives" or "false_alarms", and `value` what it is to be.
    fn points<'py>(
        &self,
        py: Python<'py>,
        weights: PyReadonlyArray2<'py, u32>,
        rule: &str,
        value: f64,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let rule = operating_rule(rule, value)?;
        let (samples, weights) = read_weights(&weights, self.0.images())?;
        let long = weights.len() >= LONG_TABLE;
        let points = interruptible(py, long, |progress| self.0.points(&weights, rule, progress))?;
        array(py, collect_growing(points.into_iter().flatten())?, [samples, 5])
    }
}

/// The number of samples, and their weights row by row.
fn read_weights(weights: &PyReadonlyArray2<'_, u32>, expected: usize) -> PyResult<(usize, Vec<u32>)> {
    let weights = weights.as_array();
    let (samples, images) = weights.dim();
    if images != expected {
        let message = format!("weights: expected shape (B, {expected}), found ({samples}, {images})");
        return Err(bad_value(message));
    }
    Ok((samples, values(weights)?))
}
