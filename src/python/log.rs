//! The match log as Python carries it: batches in, a match table out.

use std::sync::Arc;

use numpy::{PyArray2, PyArray3, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use super::arrays::{array, key_list, keys, values, vector};
use super::batch::{Options, SideColumns, angle_convention, read_batch};
use super::counted::{only_of_heights, only_of_ranks, ranks_in_images};
use super::interruptible::{interruptible, with_progress};
use super::items::bytes;
use super::matches::{LONG_TABLE, Matches, PyOperatingPoints, PyRanking, PyResampler};
use super::numpy_exp::numpy_exp;
use super::objects::{CodeIds, PyObjects, region};
use super::own_similarity::{OwnFunction, OwnSimilarity};
use crate::analysis::{
    confusion_table, error_table, jaccard_counts, leave_out_the_unconfident, orientation_similarities,
};
use crate::columns::{AnnotationIds, Interner, Key, Objects};
use crate::curve::Area;
use crate::error::{Result, can_allocate, collect, copied, filled, with_capacity, zeros};
use crate::evaluate::{Evaluator, Protocol};
use crate::matching::{
    CellGrid, ImageKeys, LogColumns, LogIds, MOST_AREA_RANGES, MatchLog, MatchTable, Matcher, NOT_EVALUATED,
    Positions,
};
use crate::progress::Progress;
use crate::python::bad_value;
use crate::similarity::{Parameters, Region, RotatedIou, Similarity, ignore_within};

/// Fewer detections are matched without checks for Ctrl-C.
pub(super) const LONG: usize = 50_000;

/// Adds what this file and [`super::matches`] define to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyMatchLog>()?;
    module.add_class::<Matches>()?;
    module.add_class::<PyRanking>()?;
    module.add_class::<PyResampler>()?;
    module.add_class::<PyOperatingPoints>()?;
    module.add_function(wrap_pyfunction!(objects_from_arrays, module)?)
}

/// How objects are compared and matched: what stays the same from batch to batch.
#[derive(Clone)]
struct Rules {
    options: Options,
    protocol: Protocol,
    /// Limit on the detections of each image, over all categories.
    max_per_image: Option<usize>,
    /// Whether the limits on detections are of each image, too, and not of each category in it.
    limit_per_image: bool,
    /// Least and greatest height of an object that is not ignored.
    heights: Option<[f64; 2]>,
    parameters: Parameters,
    /// Analyses that the log records beyond matches.
    analysis: Option<Analysis>,
    /// Whether annotation ids take part, as they do in the reference.
    zero_id_unmatched: bool,
    /// What compares objects in the place of the similarity.
    function: Option<Arc<OwnFunction>>,
}

/// An evaluation of the same columns, and an area range and a threshold of it.
type Known<'a> = (&'a MatchTable, usize, usize);

/// Nothing is known, and no detection is left out.
const NOTHING: (Option<Known<'static>>, Option<&[f64]>) = (None, None);

/// The pair of each detection.
#[derive(Clone, Copy)]
enum Analysis {
    /// The confusion of categories.
    Confusion,
    /// Of which type its error is.
    Errors {
        /// The similarity up to which a detection has nothing to do with a ground truth.
        background: f64,
    },
}

/// Bytes that an object takes while its columns are made, at most.
const OF_AN_OBJECT: usize = 128;
/// Bytes that an id takes in a book of codes that grows, at most.
const OF_A_KEY: usize = 192;

/// Match-table rows gathered batch by batch.
#[pyclass(module = "meanap._core", name = "MatchLog")]
pub(super) struct PyMatchLog {
    rules: Rules,
    log: MatchLog,
}

#[pymethods]
impl PyMatchLog {
    #[new]
    #[pyo3(signature = (
        *, similarity, box_format, size, score_range, match_crowds, inclusive_boxes, variances, thresholds, area_ranges,
        max_detections, max_per_image, matcher, by_category, limit_per_image=false, heights=None, partners=vec![],
        analysis=None, background=0.0, zero_id_unmatched=false, dilation_ratio=None, angle="degrees", clockwise=false,
        rotated_iou="exact", function=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one call")]
    fn new(
        py: Python<'_>,
        similarity: &str,
        box_format: &str,
        size: &str,
        score_range: Option<(f64, f64)>,
        match_crowds: bool,
        inclusive_boxes: bool,
        variances: Option<PyReadonlyArray1<'_, f64>>,
        thresholds: PyReadonlyArray1<'_, f64>,
        area_ranges: PyReadonlyArray2<'_, f64>,
        max_detections: usize,
        max_per_image: Option<usize>,
        matcher: &str,
        by_category: bool,
        limit_per_image: bool,
        heights: Option<(f64, f64)>,
        partners: Vec<usize>,
        analysis: Option<&str>,
        background: f64,
        zero_id_unmatched: bool,
        dilation_ratio: Option<f64>,
        angle: &str,
        clockwise: bool,
        rotated_iou: &str,
        function: Option<Py<PyAny>>,
    ) -> PyResult<PyMatchLog> {
        let options = Options::new(similarity, box_format, size, score_range, match_crowds)?;
        let area_ranges = area_ranges.as_array();
        if area_ranges.ncols() != 2 || area_ranges.nrows() > MOST_AREA_RANGES {
            let message = format!("area_ranges: expected at most {MOST_AREA_RANGES} rows of two numbers");
            return Err(bad_value(message));
        }
        let analysis = match analysis {
            None => None,
            Some("confusion") => Some(Analysis::Confusion),
            Some("errors") => Some(Analysis::Errors { background }),
            Some(other) => {
                let message = format!("analysis: expected 'confusion', 'errors' or None, found {other:?}");
                return Err(bad_value(message));
            }
        };
        let thresholds = thresholds.as_array().to_vec();
        if analysis.is_some() && (thresholds.len(), area_ranges.nrows()) != (1, 1) {
            return Err(bad_value("analysis: expected one threshold and one area range"));
        }
        // All categories are compared together when a confusion is matched; its rows have them.
        let confusion = matches!(analysis, Some(Analysis::Confusion));
        let protocol = Protocol {
            thresholds,
            area_ranges: area_ranges.rows().into_iter().map(|row| [row[0], row[1]]).collect(),
            max_detections,
            extent: CellGrid { images: 0, categories: 0, by_category: by_category && !confusion },
            matcher: <dyn Matcher>::named(matcher).map_err(|error| error.at("matcher"))?,
            partners: if analysis.is_some() { vec![0] } else { partners },
        };
        let log = MatchLog::new(protocol.bits(), by_category || confusion, analysis.is_some());
        let exp = if options.similarity.uses("sigmas") { Some(numpy_exp(py)?) } else { None };
        let variances = variances.map(|variances| variances.as_array().to_vec()).unwrap_or_default();
        let angles = angle_convention(angle, clockwise)?;
        let rotated_iou = RotatedIou::named(rotated_iou).map_err(|error| error.at("rotated_iou"))?;
        Ok(PyMatchLog {
            rules: Rules {
                options,
                protocol,
                max_per_image,
                limit_per_image,
                heights: heights.map(|(least, most)| [least, most]),
                parameters: Parameters {
                    inclusive_boxes,
                    dilation_ratio,
                    variances,
                    exp,
                    angles,
                    rotated_iou,
                },
                analysis,
                zero_id_unmatched,
                function: function.map(|function| Arc::new(OwnFunction::new(function))),
            },
            log,
        })
    }

    /// Matches a batch, lists of one dictionary for each image, and adds its rows.
    /// `names`: what both lists are called in errors, `first`: the number of their first image there.
    ///
    /// `progress(done, total)` is called with detections. Nothing is added on an error, or if it is stopped.
    /// `regions`: the regions of each image, `(P, 2)` corners each, in which a detection with `least` of its box or more
    /// is ignored if it matches nothing.
    #[pyo3(signature = (
        preds, targets, *, names=("preds", "targets"), first=0, progress=None, regions=None, least=1.0
    ))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one call")]
    fn update(
        &mut self,
        py: Python<'_>,
        preds: &Bound<'_, PyAny>,
        targets: &Bound<'_, PyAny>,
        names: (&str, &str),
        first: usize,
        progress: Option<&Bound<'_, PyAny>>,
        regions: Option<Vec<Vec<PyReadonlyArray2<'_, f64>>>>,
        least: f64,
    ) -> PyResult<()> {
        let batch = read_batch((preds, targets), names, &self.rules.options, first)?;
        let of_image = |regions: &Vec<_>| regions.iter().map(region).collect::<Result<Vec<_>>>();
        let regions: Option<Vec<Vec<Region>>> =
            regions.map(|regions| regions.iter().map(of_image).collect::<Result<_>>()).transpose()?;
        let rules = &self.rules;
        let images = batch.images;
        let mut categories = Interner::default();
        let detections = batch.detections.image.len();
        can_allocate((detections + batch.ground_truth.image.len()).saturating_mul(OF_AN_OBJECT))?;
        let sides = (batch.ground_truth, batch.detections);
        let ids = batch.image_ids.as_deref().unwrap_or_default();
        let done = beside(py, progress, detections, |progress| {
            let mut objects = |side: SideColumns| -> Result<Objects> {
                let codes = categories.codes(&side.category)?;
                Ok(side.objects(codes, rules.options.similarity.geometry))
            };
            let (gt, mut dt) = (objects(sides.0)?, objects(sides.1)?);
            if let Some(regions) = &regions {
                ignore_within(&mut dt, regions, least, progress)?;
            }
            let identity = collect(0..images as u32)?;
            let sides = [(gt, copied(&identity)?), (dt, identity)];
            rules.match_batch(sides, (images, ids), &categories, NOTHING, progress)
        });
        let (table, groups) = rules.checked(done)?;
        let keys = batch.image_ids.map_or(ImageKeys::Counted(images), ImageKeys::Given);
        let log = &mut self.log;
        log.label(categories.keys())?;
        Ok(py.detach(|| log.append(&table, keys, &groups))?)
    }

    /// Matches columns and adds their rows. `images`: ids of all images, for those that have no objects.
    ///
    /// `progress(done, total)` is called with detections. Nothing is added on an error, or if it is stopped.
    #[pyo3(signature = (ground_truth, detections, images=None, progress=None))]
    fn append(
        &mut self,
        py: Python<'_>,
        ground_truth: &PyObjects,
        detections: &PyObjects,
        images: Option<&Bound<'_, PyAny>>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let coded = Coded::new(ground_truth, detections, images, Interner::default())?;
        let rules = &self.rules;
        let count = detections.columns.len();
        let done = beside(py, progress, count, |progress| {
            let ids = coded.images.keys();
            rules.match_batch(coded.sides, (ids.len(), ids), &coded.categories, NOTHING, progress)
        });
        let (table, groups) = rules.checked(done)?;
        let log = &mut self.log;
        log.declare(&groups)?;
        log.label(coded.categories.keys())?;
        Ok(py.detach(|| log.append(&table, ImageKeys::Given(coded.images.keys().to_vec()), &groups))?)
    }

    /// Matches columns: the table that an empty log has after `append`, which gathers no rows to sort them again.
    ///
    /// `known`: an evaluation of the same columns, of which a log of errors takes the matches in an area range at a
    /// threshold, if the partners there were requested; a log of confusions takes them of one without categories.
    /// `least`: of a log of errors, the score of each category from which on a detection is confident. Detections are
    /// left out that do not change what the confident ones are.
    /// `progress(done, total)` is called with detections.
    #[pyo3(signature = (ground_truth, detections, images=None, progress=None, known=None, least=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one call")]
    fn matched(
        &self,
        py: Python<'_>,
        ground_truth: &PyObjects,
        detections: &PyObjects,
        images: Option<&Bound<'_, PyAny>>,
        progress: Option<&Bound<'_, PyAny>>,
        known: Option<(PyRef<'_, Matches>, usize, usize)>,
        least: Option<Vec<f64>>,
    ) -> PyResult<Matches> {
        let known = match &known {
            Some((matches, area, t)) => {
                matches.check(None, Some(*t), *area)?;
                Some((&matches.table, *area, *t))
            }
            None => None,
        };
        let declared = self.log.categories().clone();
        let mut coded = Coded::new(ground_truth, detections, images, declared.clone())?;
        let images = coded.sort_images(py)?;
        let rules = &self.rules;
        let count = detections.columns.len();
        let done = beside(py, progress, count, |progress| {
            let ids = (images.len(), &*images);
            let batch =
                rules.match_batch(coded.sides, ids, &coded.categories, (known, least.as_deref()), progress);
            batch.map(|(table, groups)| (table.without_dropped(), groups))
        });
        let (table, groups) = rules.checked(done)?;
        let mut categories = declared;
        categories.codes(&groups)?;
        let categories = sorted_keys(py, &categories)?;
        Matches::new(py, table, &LogIds { images, categories })
    }

    /// Matched pairs, objects and detections above each of some scores, of each category in each image: `(S, C)` each.
    fn jaccard<'py>(
        &self,
        py: Python<'py>,
        ground_truth: &PyObjects,
        detections: &PyObjects,
        images: Option<&Bound<'_, PyAny>>,
        scores: Vec<f64>,
    ) -> PyResult<[Bound<'py, PyArray2<i64>>; 3]> {
        let rules = &self.rules;
        let (counts, _) =
            self.analysed(py, ground_truth, detections, images, |evaluator, similarity, table| {
                let truths = &evaluator.ground_truths;
                let within = (rules.options.similarity.compare)(truths, truths, &rules.parameters)?;
                jaccard_counts(evaluator, table, similarity, &*within, &scores)
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
        let (averages, groups) =
            self.analysed(py, ground_truth, detections, images, |evaluator, similarity, table| {
                let angles = [&*angles[0], &*angles[1]];
                orientation_similarities(evaluator, table, similarity, angles, recalls)
            })?;
        let protocol = &self.rules.protocol;
        let shape = [groups.len(), protocol.area_ranges.len(), protocol.thresholds.len()];
        Ok((array(py, averages, shape)?, key_list(py, &groups)?))
    }

    /// Makes categories known that may have no objects.
    fn declare(&mut self, categories: &Bound<'_, PyAny>) -> PyResult<()> {
        self.log.declare(&keys(categories, || "categories".to_owned())?)?;
        Ok(())
    }

    /// Adds another log's rows; an image that both have counts once.
    fn merge(&mut self, other: PyRef<'_, PyMatchLog>) -> PyResult<()> {
        Ok(self.log.merge(&other.log)?)
    }

    /// The rows as bytes.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        bytes(py, &self.log.to_bytes()?)
    }

    /// Puts the rows that `to_bytes` wrote in the place of these.
    fn restore(&mut self, bytes: &[u8]) -> PyResult<()> {
        let log = MatchLog::from_bytes(bytes)?;
        if !log.is_like(&self.log) {
            return Err(bad_value("state: of a metric with other thresholds or area ranges"));
        }
        self.log = log;
        Ok(())
    }

    /// The rows as columns, codes in the place of ids, and the ids of the codes.
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = py.detach(|| self.log.columns())?;
        let entry = self.log.bits().entry();
        let out = PyDict::new(py);
        out.set_item("image_ids", key_list(py, &columns.images)?)?;
        out.set_item("category_ids", key_list(py, &columns.categories)?)?;
        let hits = columns.outcomes.len() / entry.max(1);
        let outcomes = array(py, columns.outcomes, [hits, entry])?;
        out.set_item("outcomes", outcomes)?;
        out.set_item("score", vector(py, columns.score)?)?;
        out.set_item("matched", vector(py, columns.matched)?)?;
        for (name, column) in [
            ("image", columns.image),
            ("category", columns.category),
            ("rank", columns.rank),
            ("outside", columns.outside),
            ("truth_image", columns.truth_image),
            ("truth_category", columns.truth_category),
            ("truth_areas", columns.truth_areas),
        ] {
            out.set_item(name, vector(py, column)?)?;
        }
        Ok(out)
    }

    /// Adds rows as `columns` gives them; an image that is there already counts once.
    fn extend(&mut self, py: Python<'_>, columns: &Bound<'_, PyDict>) -> PyResult<()> {
        let get = |name: &str| {
            columns.get_item(name)?.ok_or_else(|| bad_value(format!("rows: no column {name:?}")))
        };
        let words = |name: &str| -> PyResult<Vec<u32>> {
            Ok(values(get(name)?.extract::<PyReadonlyArray1<'_, u32>>()?.as_array())?)
        };
        let ids = |name: &str| keys(&get(name)?, || name.to_owned());
        let outcomes = get("outcomes")?;
        let outcomes = outcomes.extract::<PyReadonlyArray2<'_, u64>>()?;
        let columns = LogColumns {
            images: ids("image_ids")?,
            categories: ids("category_ids")?,
            image: words("image")?,
            category: words("category")?,
            rank: words("rank")?,
            score: values(get("score")?.extract::<PyReadonlyArray1<'_, f64>>()?.as_array())?,
            matched: values(get("matched")?.extract::<PyReadonlyArray1<'_, bool>>()?.as_array())?,
            outside: words("outside")?,
            outcomes: values(outcomes.as_array())?,
            truth_image: words("truth_image")?,
            truth_category: words("truth_category")?,
            truth_areas: words("truth_areas")?,
        };
        let log = &mut self.log;
        py.detach(|| {
            let more = MatchLog::from_columns(log.bits(), log.by_category(), columns)?;
            if log.images() == 0 && log.categories().is_empty() {
                *log = more;
                return Ok(());
            }
            log.merge(&more)
        })?;
        Ok(())
    }

    /// A log of the same rules with no rows.
    fn empty(&self) -> PyMatchLog {
        let log = MatchLog::new(self.log.bits(), self.log.by_category(), self.log.has_pairs());
        PyMatchLog { rules: self.rules.clone(), log }
    }

    /// A log of the same rules and the same rows.
    fn copy(&self) -> PyMatchLog {
        PyMatchLog { rules: self.rules.clone(), log: self.log.clone() }
    }

    /// The table of all rows, with the ids of its images and categories.
    fn table(&self, py: Python<'_>) -> PyResult<Matches> {
        let long = self.log.rows().0 >= LONG_TABLE;
        let (table, legend) = interruptible(py, long, |progress| self.log.table(progress))?;
        Matches::new(py, table, &legend)
    }

    /// The number of images.
    #[getter]
    fn images(&self) -> usize {
        self.log.images()
    }

    /// The numbers of rows: detections, ground truths.
    #[getter]
    fn rows(&self) -> (usize, usize) {
        self.log.rows()
    }

    /// 64-bit words that the outcome of a row takes.
    #[getter]
    fn words(&self) -> usize {
        self.log.bits().entry()
    }

    /// Bytes that the rows take.
    #[getter]
    fn nbytes(&self) -> usize {
        self.log.bytes()
    }

    /// The ids of the categories that objects had, sorted.
    #[getter]
    fn seen<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let book = self.log.labels();
        key_list(py, &sorted_keys(py, book)?)
    }
}

/// Both sides with the positions of their images, under one code for each category.
struct Coded {
    sides: [(Objects, Vec<u32>); 2],
    images: Interner,
    categories: Interner,
}

impl Coded {
    /// `images`: ids of all images, for those that have no objects.
    fn new(
        ground_truth: &PyObjects,
        detections: &PyObjects,
        images: Option<&Bound<'_, PyAny>>,
        mut categories: Interner,
    ) -> PyResult<Coded> {
        let mut image_book = Interner::default();
        let objects = ground_truth.columns.len() + detections.columns.len();
        let ids = ground_truth.image_ids.len() + detections.image_ids.len();
        can_allocate(objects.saturating_mul(size_of::<u64>()).saturating_add(ids.saturating_mul(OF_A_KEY)))?;
        if let Some(images) = images {
            let images = keys(images, || "images".to_owned())?;
            can_allocate(images.len().saturating_mul(OF_A_KEY))?;
            image_book.codes(&images)?;
        }
        let mut side = |objects: &PyObjects| -> Result<(Objects, Vec<u32>)> {
            let positions = image_book.codes(&objects.image_ids.keys())?;
            let renamed = categories.codes(&objects.category_ids.keys())?;
            let mut columns = objects.columns.clone();
            let code = |&code: &u32| renamed.get(code as usize).copied().unwrap_or(NOT_EVALUATED);
            columns.category = Arc::new(collect(columns.category.iter().map(code))?);
            Ok((columns, positions))
        };
        let sides = [side(ground_truth)?, side(detections)?];
        Ok(Coded { sides, images: image_book, categories })
    }

    /// Gives images positions in the order of their ids, which it returns.
    fn sort_images(&mut self, py: Python<'_>) -> PyResult<Vec<Key>> {
        let order = sorted_codes(py, &self.images)?;
        let mut places: Vec<u32> = zeros(order.len())?;
        order.iter().zip(0..).for_each(|(&code, place)| places[code as usize] = place);
        let positions = self.sides.iter_mut().flat_map(|(_, positions)| positions);
        positions.for_each(|position| *position = places[*position as usize]);
        Ok(collect(order.into_iter().map(|code| self.images.keys()[code as usize].clone()))?)
    }
}

/// The codes in the order of their keys.
fn sorted_codes(py: Python<'_>, book: &Interner) -> PyResult<Vec<u32>> {
    interruptible(py, book.len() >= LONG, |progress| book.sorted(progress))
}

/// The keys in their order.
fn sorted_keys(py: Python<'_>, book: &Interner) -> PyResult<Vec<Key>> {
    Ok(collect(sorted_codes(py, book)?.into_iter().map(|code| book.keys()[code as usize].clone()))?)
}

/// Does work on so many detections, with progress and cancellation if it may be long. It must have no effect but its
/// return value: it may be cancelled at its very end.
fn beside<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    detections: usize,
    work: impl FnOnce(&Progress) -> Result<T> + Send,
) -> PyResult<T> {
    if detections < LONG && progress.is_none() {
        return Ok(py.detach(|| work(&Progress::default()))?);
    }
    let work = |progress: &Progress| work(progress).and_then(|done| progress.check().map(|()| done));
    Ok(with_progress(py, progress, detections as u64, work)??)
}

impl PyMatchLog {
    /// Matches columns, and gives what `work` makes of the evaluator, the similarity and the table; and the categories.
    fn analysed<T: Send>(
        &self,
        py: Python<'_>,
        ground_truth: &PyObjects,
        detections: &PyObjects,
        images: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce(&Evaluator, &dyn Similarity, &MatchTable) -> Result<T> + Send,
    ) -> PyResult<(T, Vec<Key>)> {
        let mut coded = Coded::new(ground_truth, detections, images, self.log.categories().clone())?;
        let images = coded.sort_images(py)?;
        let done = beside(py, None, detections.columns.len(), |progress| {
            let ids = (images.len(), &*images);
            self.rules.with_evaluator(
                coded.sides,
                ids,
                &coded.categories,
                progress,
                |evaluator, similarity, (dt, gt)| {
                    let table = evaluator.match_all(similarity, dt, gt)?;
                    work(evaluator, similarity, &table)
                },
            )
        });
        self.rules.checked(done)
    }
}

impl Rules {
    /// What matching gave, or else what a function has raised.
    fn checked<T>(&self, done: PyResult<T>) -> PyResult<T> {
        match &self.function {
            Some(function) => function.checked(done),
            None => done,
        }
    }

    /// Matches both sides, each with the position of its image codes; gives the ids of the table's groups. Of the images
    /// there are their number, and their ids if they are known.
    fn match_batch(
        &self,
        sides: [(Objects, Vec<u32>); 2],
        images: (usize, &[Key]),
        categories: &Interner,
        known: (Option<Known<'_>>, Option<&[f64]>),
        progress: &Progress,
    ) -> Result<(MatchTable, Vec<Key>)> {
        self.with_evaluator(sides, images, categories, progress, |evaluator, similarity, positions| {
            self.run(evaluator, similarity, positions, known)
        })
    }

    /// What `work` makes of an evaluator of both sides, their similarity and the positions of detections and objects.
    fn with_evaluator<T>(
        &self,
        [(mut gt, gt_images), (mut dt, dt_images)]: [(Objects, Vec<u32>); 2],
        (images, image_ids): (usize, &[Key]),
        categories: &Interner,
        progress: &Progress,
        work: impl FnOnce(&Evaluator, &dyn Similarity, (&Positions, &Positions)) -> Result<T>,
    ) -> Result<(T, Vec<Key>)> {
        if !self.options.match_crowds {
            gt.crowd = Arc::new(filled(gt.len(), false)?);
        }
        if !self.zero_id_unmatched {
            // DIFFERENCE: in the reference an object with id 0 cannot be found, and a detection with id 0 finds
            // nothing. Ids name objects here, they do not decide about them.
            (gt.id, dt.id) = (AnnotationIds::Counted, AnnotationIds::Counted);
        }
        let mut ranks = None;
        // Without categories a cell is an image.
        let limit_per_image = self.limit_per_image && self.protocol.extent.by_category;
        if self.max_per_image.is_some() || limit_per_image {
            let of_image = ranks_in_images(&dt, images.max(dt_images.len()), progress)?;
            let of_all = if limit_per_image { self.protocol.max_detections } else { usize::MAX };
            only_of_ranks(&mut dt, &of_image, self.max_per_image.unwrap_or(usize::MAX).min(of_all))?;
            ranks = limit_per_image.then_some(of_image);
        }
        if let Some(heights) = self.heights {
            only_of_heights(&mut gt, &mut dt, heights)?;
        }
        let order = categories.sorted(progress)?;
        let mut of_category = filled(order.len(), NOT_EVALUATED)?;
        order.iter().zip(0..).for_each(|(&code, position)| of_category[code as usize] = position);
        let mut protocol = self.protocol.clone();
        protocol.extent.images = images;
        protocol.extent.categories = order.len();
        let keys = categories.keys();
        let confusion = matches!(self.analysis, Some(Analysis::Confusion));
        let groups = if protocol.extent.by_category || confusion {
            collect(order.iter().map(|&code| keys[code as usize].clone()))?
        } else {
            vec![Key::Number(-1)]
        };
        let dt_positions = Positions { of_image: dt_images, of_category: copied(&of_category)? };
        let gt_positions = Positions { of_image: gt_images, of_category };
        let evaluator =
            Evaluator { detections: dt, ground_truths: gt, protocol, ranks, progress: progress.clone() };
        let kind = self.options.similarity;
        let sides = (&evaluator.detections, &evaluator.ground_truths);
        let similarity = match &self.function {
            None => (kind.compare)(sides.0, sides.1, &self.parameters)?,
            Some(function) => {
                Box::new(OwnSimilarity::new(function.clone(), sides, &dt_positions, image_ids, keys)?)
            }
        };
        Ok((work(&evaluator, &*similarity, (&dt_positions, &gt_positions))?, groups))
    }

    fn run(
        &self,
        evaluator: &Evaluator,
        similarity: &dyn Similarity,
        (dt, gt): (&Positions, &Positions),
        (known, least): (Option<Known<'_>>, Option<&[f64]>),
    ) -> Result<MatchTable> {
        let found = match known {
            Some((table, area, t)) => table.single(area, t, &evaluator.progress)?,
            None => None,
        };
        let table = found.map_or_else(|| evaluator.match_all(similarity, dt, gt), Ok)?;
        match self.analysis {
            None => Ok(table),
            Some(Analysis::Confusion) => confusion_table(evaluator, table, dt, gt),
            Some(Analysis::Errors { background }) => {
                let mut table = table;
                if let Some(least) = least {
                    leave_out_the_unconfident(&mut table, least, evaluator.protocol.extent.images)?;
                }
                error_table(evaluator, similarity, table, background)
            }
        }
    }
}

/// Columns of one side from arrays: keywords as the fields of a per-image dictionary. `records`: they were made of
/// COCO's records, which errors name.
#[pyfunction]
#[pyo3(signature = (
    image_ids, category_ids, *, detections, similarity, box_format, size, score_range, match_crowds, records, fields
))]
#[expect(clippy::too_many_arguments, reason = "keywords of one call")]
pub(super) fn objects_from_arrays(
    image_ids: &Bound<'_, PyAny>,
    category_ids: &Bound<'_, PyAny>,
    detections: bool,
    similarity: &str,
    box_format: &str,
    size: &str,
    score_range: Option<(f64, f64)>,
    match_crowds: bool,
    records: bool,
    fields: &Bound<'_, PyDict>,
) -> PyResult<PyObjects> {
    let options = Options::new(similarity, box_format, size, score_range, match_crowds)?;
    let (mut images, mut categories) = (Interner::default(), Interner::default());
    let image = codes(image_ids, &mut images, "image_ids")?;
    let category = keys(category_ids, || "category_ids".to_owned())?;
    let codes = categories.codes(&category)?;
    let mut side = SideColumns::default();
    side.read_columns(fields, image, category, &options, (detections, records))?;
    Ok(PyObjects {
        columns: side.objects(codes, options.similarity.geometry),
        image_ids: CodeIds::Keys(images.keys().to_vec()),
        category_ids: CodeIds::Keys(categories.keys().to_vec()),
    })
}

/// The code of each id. Objects of one image often follow each other with the very same text: it is read once.
fn codes(ids: &Bound<'_, PyAny>, book: &mut Interner, name: &str) -> PyResult<Vec<u32>> {
    let texts =
        ids.cast::<PyList>().ok().filter(|list| list.iter().all(|id| id.is_instance_of::<PyString>()));
    let Some(texts) = texts else {
        return Ok(book.codes(&keys(ids, || name.to_owned())?)?);
    };
    let mut codes = with_capacity(texts.len())?;
    let mut last: Option<(Bound<'_, PyAny>, u32)> = None;
    for id in texts.iter() {
        let code = match &last {
            Some((text, code)) if text.is(&id) => *code,
            _ => book.code(&Key::Text(id.cast::<PyString>()?.to_str()?.into()))?,
        };
        codes.push(code);
        last = Some((id, code));
    }
    Ok(codes)
}
