//! A match table as Python carries it, and what is derived from its matches.

mod errors;
mod ranking;
mod resampling;

use numpy::{PyArray1, PyArray2, PyArray4, PyArray5, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use self::ranking::{PyOperatingPoints, PyRanking};
use self::resampling::{PyImageWeights, PyResampler};
use super::arrays::{array, key_list, keys, values, vector};
use super::interruptible::interruptible;
use super::items::bytes;
use crate::analysis::{self, Averaging, Ranking, Resampler, tie_bounds};
use crate::curve::{self, Area, CurveShape, Selection};
use crate::error::{Result, collect, collect_growing, copied, with_capacity};
use crate::matching::{ImageKeys, LogIds, MatchLog, MatchTable, Outcome, Row};
use crate::progress::Progress;
use crate::python::bad_value;

/// So many rows of a table are sorted in a tenth of a second, about.
pub(super) const LONG_TABLE: usize = 1 << 20;

/// Adds what this file defines to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Matches>()?;
    module.add_class::<PyRanking>()?;
    module.add_class::<PyImageWeights>()?;
    module.add_class::<PyResampler>()?;
    module.add_class::<PyOperatingPoints>()
}

/// What pickle calls, and with what.
type Reduced<'py> = (Bound<'py, PyAny>, (Bound<'py, PyBytes>,));

/// A match table: one row for each detection, and what there was to find.
#[pyclass(frozen, module = "meanap._core")]
pub(super) struct Matches {
    pub(super) table: MatchTable,
    /// Image ids, in table order.
    #[pyo3(get)]
    image_ids: Py<PyList>,
    /// Category ids, in table order.
    #[pyo3(get)]
    category_ids: Py<PyList>,
    images: usize,
}

impl Matches {
    /// Wraps a table.
    pub(super) fn new(py: Python<'_>, table: MatchTable, legend: &LogIds) -> PyResult<Matches> {
        Ok(Matches {
            table,
            image_ids: key_list(py, &legend.images)?.unbind(),
            category_ids: key_list(py, &legend.categories)?.unbind(),
            images: legend.images.len(),
        })
    }

    /// Does work on the table that Ctrl-C stops if it is long.
    pub(super) fn work<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&MatchTable, &Progress) -> Result<T> + Send,
    ) -> PyResult<T> {
        let long = self.table.rows.items.len() >= LONG_TABLE;
        interruptible(py, long, |progress| work(&self.table, progress))
    }

    pub(super) fn check(&self, group: Option<usize>, threshold: Option<usize>, area: usize) -> PyResult<()> {
        let bits = self.table.bits;
        let within = area < bits.areas
            && group.is_none_or(|group| group < self.table.groups())
            && threshold.is_none_or(|t| t < bits.thresholds);
        if within { Ok(()) } else { Err(bad_value("the selection is not within what was evaluated")) }
    }
}

/// Recall points, or the name of an area.
#[derive(FromPyObject)]
pub(super) enum PyAveraging<'py> {
    /// The mean precision at these recalls.
    Points(PyReadonlyArray1<'py, f64>),
    /// The name of an [`Area`].
    Area(String),
}

impl PyAveraging<'_> {
    fn reading(&self) -> PyResult<Averaging> {
        match self {
            PyAveraging::Points(points) => Ok(Averaging::Points(values(points.as_array())?)),
            PyAveraging::Area(name) => {
                let found = Area::ALL.iter().find(|(known, _)| known == name);
                let known = Area::ALL.map(|(name, _)| format!("'{name}'")).join(" or ");
                let problem = || format!("recall: expected an array of points or {known}, found {name:?}");
                found.map(|(_, area)| Averaging::Area(*area)).ok_or_else(|| bad_value(problem()))
            }
        }
    }
}

#[pymethods]
impl Matches {
    /// The table as bytes, with the ids of its images and categories.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let images = keys(self.image_ids.bind(py), || "image_ids".to_owned())?;
        let groups = keys(self.category_ids.bind(py), || "category_ids".to_owned())?;
        // One group may be of many categories.
        let by_category = self.table.groups() == groups.len();
        let mut log = MatchLog::new(self.table.bits, by_category, self.table.pairs.is_some());
        log.declare(&groups)?;
        let of_rows = &groups[..self.table.groups().min(groups.len())];
        py.detach(|| log.append(&self.table, ImageKeys::Given(images), of_rows))?;
        bytes(py, &log.to_bytes()?)
    }

    /// The table that was written as bytes.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8]) -> PyResult<Matches> {
        let long = bytes.len() >= LONG_TABLE << 5;
        let (table, legend) =
            interruptible(py, long, |progress| MatchLog::from_bytes(bytes)?.table(progress))?;
        Matches::new(py, table, &legend)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        Ok((py.get_type::<Matches>().getattr("from_bytes")?, (self.to_bytes(py)?,)))
    }

    /// The number of groups: categories, or one.
    #[getter]
    fn groups(&self) -> usize {
        self.table.groups()
    }

    /// Precision `(T, R, K, A, M)`, recall `(T, K, A, M)` and scores `(T, R, K, A, M)`; -1 where there is nothing to
    /// find. An area has R = 1, and scores of size 0.
    #[pyo3(signature = (*, recall, areas, max_detections))]
    #[expect(clippy::type_complexity, reason = "three arrays")]
    fn accumulate<'py>(
        &self,
        py: Python<'py>,
        recall: PyAveraging<'py>,
        areas: Vec<usize>,
        max_detections: Vec<usize>,
    ) -> PyResult<(Bound<'py, PyArray5<f64>>, Bound<'py, PyArray4<f64>>, Bound<'py, PyArray5<f64>>)> {
        for &area in &areas {
            self.check(None, None, area)?;
        }
        let reading = recall.reading()?;
        let (t, k, a, m) =
            (self.table.bits.thresholds, self.table.groups(), areas.len(), max_detections.len());
        let recall_points = match &reading {
            Averaging::Points(points) => copied(points)?,
            Averaging::Area(_) => Vec::new(),
        };
        let groups = collect(0..k)?;
        let selection = Selection { groups, areas, max_detections, images: None, recall_points };
        let shape = CurveShape { categories: k, areas: a, limits: m };
        let drawn = self.work(py, |table, progress| match reading {
            Averaging::Points(_) => curve::accumulate(table, &selection, shape, progress),
            Averaging::Area(area) => curve::areas_under(table, &selection, shape, area, progress),
        })?;
        let (r, s) = match reading {
            Averaging::Points(_) => (selection.recall_points.len(), selection.recall_points.len()),
            Averaging::Area(_) => (1, 0),
        };
        Ok((
            array(py, drawn.precision, [t, r, k, a, m])?,
            array(py, drawn.recall, [t, k, a, m])?,
            array(py, drawn.scores, [t, s, k, a, m])?,
        ))
    }

    /// The detections of one group, or of all together if it is None, in one area range and under one limit, from the
    /// best score down.
    #[pyo3(signature = (group, area, limit))]
    fn ranking(
        slf: &Bound<'_, Self>,
        group: Option<usize>,
        area: usize,
        limit: usize,
    ) -> PyResult<PyRanking> {
        let matches = slf.get();
        matches.check(group, None, area)?;
        let groups = group.map_or(0..matches.table.groups(), |group| group..group + 1);
        let work =
            |table: &MatchTable, progress: &Progress| Ranking::new(table, groups, area, limit, progress);
        let ranking = matches.work(slf.py(), work)?;
        Ok(PyRanking { ranking, matches: slf.clone().unbind() })
    }

    /// What gives numbers of resamples of images, in one area range and under one limit: average precision and recall,
    /// or recall alone if `recall` is None.
    fn resampler(
        &self,
        py: Python<'_>,
        area: usize,
        limit: usize,
        recall: Option<PyAveraging<'_>>,
    ) -> PyResult<PyResampler> {
        self.check(None, None, area)?;
        let averaging = recall.map(|recall| recall.reading()).transpose()?;
        let images = self.images;
        self.work(py, |table, progress| Resampler::new(table, images, area, limit, averaging, progress))
            .map(PyResampler)
    }

    /// Least, expected and greatest average precision `(T, K)` over the orders of equal scores.
    #[expect(clippy::type_complexity, reason = "three arrays")]
    fn ties<'py>(
        &self,
        py: Python<'py>,
        area: usize,
        limit: usize,
        recall: PyAveraging<'py>,
        orders: usize,
        seed: u64,
    ) -> PyResult<(Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>)> {
        self.check(None, None, area)?;
        let reading = recall.reading()?;
        let bounds = self
            .work(py, |table, progress| tie_bounds(table, area, limit, &reading, orders, seed, progress))?;
        let shape = [self.table.bits.thresholds, self.table.groups()];
        Ok((
            array(py, bounds.least, shape)?,
            array(py, bounds.expected, shape)?,
            array(py, bounds.greatest, shape)?,
        ))
    }

    /// The table of all categories ranked together; a limit of n detections becomes n times the categories.
    fn pooled(&self, py: Python<'_>) -> PyResult<Matches> {
        let table = self.work(py, analysis::pooled)?;
        Ok(Matches {
            table,
            image_ids: self.image_ids.clone_ref(py),
            category_ids: PyList::new(py, [-1])?.unbind(),
            images: self.images,
        })
    }

    /// The table of the images that are counted, `(I,)` flags: that of an evaluation of these images alone.
    fn of_images(&self, py: Python<'_>, counted: PyReadonlyArray1<'_, bool>) -> PyResult<Matches> {
        let counted = values(counted.as_array())?;
        if counted.len() != self.images {
            let (found, images) = (counted.len(), self.images);
            return Err(bad_value(format!(
                "counted: expected one flag for each of {images} images, found {found}"
            )));
        }
        let table = self.work(py, |table, progress| table.of_images(&counted, progress))?;
        let ids = self.image_ids.bind(py).iter().zip(&counted).filter(|(_, counted)| **counted);
        let image_ids = PyList::empty(py);
        ids.map(|(id, _)| id).try_for_each(|id| image_ids.append(id))?;
        Ok(Matches {
            table,
            images: image_ids.len(),
            image_ids: image_ids.unbind(),
            category_ids: self.category_ids.clone_ref(py),
        })
    }

    /// Ground truths to be found of each image, in an area range: `(I,)`.
    fn positives_of_images<'py>(&self, py: Python<'py>, area: usize) -> PyResult<Bound<'py, PyArray1<i64>>> {
        self.check(None, None, area)?;
        vector(py, py.detach(|| self.table.positives_of_images(self.images, area))?)
    }

    /// The positions of the images that have ground truth of each group, whether it is to be found or not.
    fn images_of_groups<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyArray1<u32>>>> {
        let of = |group| {
            let images = self.table.truths(group).iter().map(|truth| truth.image);
            collect_growing(images).map(|mut images| {
                images.dedup();
                images
            })
        };
        let found = py.detach(|| (0..self.table.groups()).map(of).collect::<Result<Vec<_>>>())?;
        found.into_iter().map(|images| vector(py, images)).collect()
    }

    /// Ground truths to be found of each group, in each area range: `(K, A)`.
    fn positives<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> {
        let groups = self.table.groups();
        let positives =
            py.detach(|| collect_growing((0..groups).flat_map(|group| self.table.positives(group))))?;
        array(py, positives, [groups, self.table.bits.areas])
    }

    /// Detections of each group: `(K,)`.
    fn detections<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let of = |group| self.table.detections(group) as i64;
        vector(py, py.detach(|| collect((0..self.table.groups()).map(of)))?)
    }

    /// The rows as columns: positions of image and category, rank, score, and for one area range whether each matched
    /// and is ignored at each threshold, `(N, T)`, or at one of them, `(N,)`; and those of ground truths.
    #[pyo3(signature = (area, threshold=None))]
    fn columns<'py>(
        &self,
        py: Python<'py>,
        area: usize,
        threshold: Option<usize>,
    ) -> PyResult<Bound<'py, PyDict>> {
        self.check(None, threshold, area)?;
        let bits = self.table.bits;
        let thresholds = threshold.map_or(0..bits.thresholds, |t| t..t + 1);
        let count = self.table.rows.items.len();
        let (mut image, mut category, mut rank, mut score) =
            (with_capacity(count)?, with_capacity(count)?, with_capacity(count)?, with_capacity(count)?);
        let flags = count.saturating_mul(thresholds.len());
        let (mut matched, mut ignored) = (with_capacity(flags)?, with_capacity(flags)?);
        let (mut truth_image, mut truth_category, mut truth_wanted) = (vec![], vec![], vec![]);
        for group in 0..self.table.groups() {
            for row in self.table.rows(group).iter().filter(|row| row.rank != Row::DROPPED) {
                image.push(row.image);
                category.push(group as u32);
                rank.push(row.rank);
                score.push(row.score);
                match row.outcome() {
                    Outcome::Unmatched(outside) => {
                        matched.resize(matched.len() + thresholds.len(), false);
                        ignored.resize(ignored.len() + thresholds.len(), outside >> area & 1 == 1);
                    }
                    Outcome::Matched(index) => {
                        let outcome = self.table.outcome(index);
                        for t in thresholds.clone() {
                            let (m, i) = bits.get(outcome, area, t / 64);
                            matched.push(m >> (t % 64) & 1 == 1);
                            ignored.push(i >> (t % 64) & 1 == 1);
                        }
                    }
                }
            }
            for truth in self.table.truths(group) {
                truth_image.push(truth.image);
                truth_category.push(group as u32);
                truth_wanted.push(truth.areas >> area & 1 == 1);
            }
        }
        let rows = score.len();
        let columns = PyDict::new(py);
        columns.set_item("image", vector(py, image)?)?;
        columns.set_item("category", vector(py, category)?)?;
        columns.set_item("rank", vector(py, rank)?)?;
        columns.set_item("score", vector(py, score)?)?;
        for (name, flags) in [("matched", matched), ("ignored", ignored)] {
            match threshold {
                Some(_) => columns.set_item(name, vector(py, flags)?)?,
                None => columns.set_item(name, array(py, flags, [rows, thresholds.len()])?)?,
            }
        }
        columns.set_item("truth_image", vector(py, truth_image)?)?;
        columns.set_item("truth_category", vector(py, truth_category)?)?;
        columns.set_item("truth_wanted", vector(py, truth_wanted)?)?;
        Ok(columns)
    }
}
