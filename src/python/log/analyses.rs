//! Numbers of a data set that need its objects beside its matches.

use numpy::{PyArray2, PyArray3, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::PyMatchLog;
use crate::batch::ImageOrder;
use crate::curve::Area;
use crate::python::arrays::{array, key_list, values};
use crate::python::bad_value;
use crate::python::objects::PyObjects;

#[pymethods]
impl PyMatchLog {
    /// Matched pairs, objects and detections above each of some scores, of each category in each image: `(S, C)` each.
    fn jaccard<'py>(
        &self,
        py: Python<'py>,
        ground_truth: &PyObjects,
        detections: &PyObjects,
        images: Option<&Bound<'_, PyAny>>,
        scores: Vec<f64>,
    ) -> PyResult<[Bound<'py, PyArray2<i64>>; 3]> {
        let (sides, coding) =
            ([ground_truth, detections], (self.log.categories().clone(), ImageOrder::Sorted));
        let counts =
            self.settings.run_coded(py, None, sides, images, coding, |matching, sides, ids, progress| {
                matching.jaccard_counts(sides, &ids, &scores, progress)
            })?;
        let shape = [scores.len(), counts.matched.len() / scores.len().max(1)];
        let [matched, objects, found] =
            [counts.matched, counts.objects, counts.detections].map(|column| array(py, column, shape));
        Ok([matched?, objects?, found?])
    }

    /// KITTI's average orientation similarity, `(K, A, T)`, -1 without objects, and the categories. `angles`: those of the
    /// ground truth and of the detections, in radians.
    fn orientation<'py>(
        &self,
        py: Python<'py>,
        ground_truth: &PyObjects,
        detections: &PyObjects,
        images: Option<&Bound<'_, PyAny>>,
        angles: [PyReadonlyArray1<'py, f64>; 2],
        recall: &str,
    ) -> PyResult<(Bound<'py, PyArray3<f64>>, Bound<'py, PyList>)> {
        let Some(&(_, Area::Kitti(recalls))) = Area::ALL.iter().find(|(name, _)| *name == recall) else {
            return Err(bad_value(format!("recall: expected one of KITTI's, found {recall:?}")));
        };
        let [of_truths, of_detections] = angles.map(|angles| values(angles.as_array()));
        let angles = [of_truths?, of_detections?];
        let (sides, coding) =
            ([ground_truth, detections], (self.log.categories().clone(), ImageOrder::Sorted));
        let done =
            self.settings.run_coded(py, None, sides, images, coding, |matching, sides, ids, progress| {
                matching.orientation_similarities(sides, &ids, [&angles[0], &angles[1]], recalls, progress)
            });
        let (averages, groups) = done?;
        let protocol = &self.settings.matching.protocol;
        let shape = [groups.len(), protocol.area_ranges.len(), protocol.thresholds.len()];
        Ok((array(py, averages, shape)?, key_list(py, &groups)?))
    }
}
