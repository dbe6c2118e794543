//! A match table as Python carries it, and what is derived from it.

use numpy::{PyArray1, PyArray2, PyArray3, PyArray4, PyArray5, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::arrays::{array, key_list, keys, values, vector};
use super::interruptible::interruptible;
use super::items::bytes;
use crate::analysis::{
    self, Averaging, Correction, OperatingPoints, OperatingRule, Ranked, Ranking, Resampler, States,
    TruthState, confusion_counts, corrected, cumulative_counts, optimal_lrp, tie_bounds,
};
use crate::curve::{self, Area, CurveShape, Selection};
use crate::error::{Result, collect, collect_growing, copied, filled, with_capacity};
use crate::matching::{ErrorType, ImageKeys, LogIds, MatchLog, MatchTable, Outcome, Row};
use crate::progress::Progress;
use crate::python::bad_value;

/// So many rows of a table are sorted in a tenth of a second, about.
pub(super) const LONG_TABLE: usize = 1 << 20;

/// Adds what this file defines to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Matches>()?;
    module.add_class::<PyRanking>()?;
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

/// A match table's rows, sorted for many samples of images.
#[pyclass(frozen, module = "meanap._core", name = "Resampler")]
pub(super) struct PyResampler(Resampler);

#[pymethods]
impl PyResampler {
    /// Average precision (None if only recall was requested) and recall `(B, T, K)` under weights of images
    /// `(B, I) uint32`; NaN where there is none.
    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn resample<'py>(
        &self,
        py: Python<'py>,
        weights: PyReadonlyArray2<'py, u32>,
    ) -> PyResult<(Option<Bound<'py, PyArray3<f64>>>, Bound<'py, PyArray3<f64>>)> {
        let (samples, weights) = read_weights(&weights, self.0.images())?;
        let long = weights.len() >= LONG_TABLE;
        let out = interruptible(py, long, |progress| self.0.resample(&weights, progress))?;
        let [thresholds, groups] = self.0.shape();
        let shape = [samples, thresholds, groups];
        let precision = self.0.has_precision().then(|| array(py, out.precision, shape)).transpose()?;
        Ok((precision, array(py, out.recall, shape)?))
    }
}

/// Detections of a match table from the best score down.
#[pyclass(frozen, module = "meanap._core", name = "Ranking")]
pub(super) struct PyRanking {
    ranking: Ranking,
    matches: Py<Matches>,
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
        Ok((vector(py, found.score)?, vector(py, found.right)?, vector(py, found.wrong)?, found.positives))
    }

    /// The best score of a false positive in each image that has nothing to find, highest first; and how many such
    /// images there are.
    fn alarms<'py>(&self, py: Python<'py>, threshold: usize) -> PyResult<(Bound<'py, PyArray1<f64>>, usize)> {
        let (scores, images) = self.operating_points(py, threshold)?.alarms()?;
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
