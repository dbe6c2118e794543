//! Parts of rankings that are too long for one machine.

use numpy::{PyArray4, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::{array, values, vector};
use super::matches::Matches;
use crate::curve::{self, PartCounts};
use crate::error::collect_growing;
use crate::python::bad_value;

#[pymethods]
impl Matches {
    /// True and false positives of each group `(K, T, A, M)`, and detections under each limit `(K, M)`: `hits`, `misses`,
    /// `seen`.
    fn part_counts<'py>(&self, py: Python<'py>, max_detections: Vec<usize>) -> PyResult<Bound<'py, PyDict>> {
        let part_counts =
            self.work(py, |table, progress| curve::part_counts(table, &max_detections, true, progress))?;
        let (k, t, a, m) =
            (part_counts.len(), self.table.bits.thresholds, self.table.bits.areas, max_detections.len());
        let all = |column: fn(&PartCounts) -> &Vec<i64>| part_counts.iter().flat_map(column).copied();
        let out = PyDict::new(py);
        out.set_item("hits", array(py, collect_growing(all(|tally| &tally.hits))?, [k, t, a, m])?)?;
        out.set_item("misses", array(py, collect_growing(all(|tally| &tally.misses))?, [k, t, a, m])?)?;
        out.set_item("seen", array(py, collect_growing(all(|tally| &tally.seen))?, [k, m])?)?;
        Ok(out)
    }

    /// True positives under each limit: `(K, T, A, M)`.
    fn hits<'py>(&self, py: Python<'py>, max_detections: Vec<usize>) -> PyResult<Bound<'py, PyArray4<i64>>> {
        let part_counts =
            self.work(py, |table, progress| curve::part_counts(table, &max_detections, false, progress))?;
        let bits = self.table.bits;
        let shape = [part_counts.len(), bits.thresholds, bits.areas, max_detections.len()];
        let hits = part_counts.iter().flat_map(|tally| &tally.hits).copied();
        array(py, collect_growing(hits)?, shape)
    }

    /// The curves of one group as a part of a longer ranking: of the whole `positives` `(A,)` are to be found, and before the
    /// part stand `hits` and `misses` `(T * A * M,)` and `seen` `(M,)`.
    ///
    /// `precision` and `scores` `(T * R * A * M,)`, -1 at recall points that are not reached in the part; `recall` at its end
    /// and its greatest precision, `peak`, `(T * A * M,)`.
    #[expect(clippy::too_many_arguments, reason = "columns of one row")]
    fn draw_part<'py>(
        &self,
        py: Python<'py>,
        group: usize,
        recall: PyReadonlyArray1<'py, f64>,
        max_detections: Vec<usize>,
        positives: Vec<usize>,
        hits: Vec<i64>,
        misses: Vec<i64>,
        seen: Vec<i64>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let bits = self.table.bits;
        let size = bits.thresholds * bits.areas * max_detections.len();
        let fit = group < self.table.groups()
            && positives.len() == bits.areas
            && (hits.len(), misses.len(), seen.len()) == (size, size, max_detections.len());
        if !fit {
            return Err(bad_value("part: what stands before it is of another protocol"));
        }
        let points = values(recall.as_array())?;
        let before = PartCounts { hits, misses, seen };
        let part = self.work(py, |table, progress| {
            curve::draw_part(table, group, &points, &max_detections, &positives, &before, progress)
        })?;
        let out = PyDict::new(py);
        for (name, column) in [
            ("precision", part.precision),
            ("recall", part.recall),
            ("scores", part.scores),
            ("peak", part.peak),
        ] {
            out.set_item(name, vector(py, column)?)?;
        }
        Ok(out)
    }
}
