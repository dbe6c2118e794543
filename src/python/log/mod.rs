//! The match log as Python carries it: settings once, then batches in, and a match table out.
//!
//! | file | question |
//! |---|---|
//! | [`update`] | How do batches get in, and how is a whole data set matched at once? |
//! | [`analyses`] | What is computed of a data set that its match table does not say? |
//! | [`rows`] | How do rows get out, from other logs, or from bytes and columns? |

mod analyses;
mod rows;
mod update;

use std::sync::Arc;

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use super::batch::{Options, angle_convention};
use super::evaluate::rows_of_ranges;
use super::interruptible::{LONG, with_progress};
use super::numpy_exp::numpy_exp;
use super::own_similarity::{OwnFunction, OwnSimilarity};
use crate::batch::{BatchMatching, ImageLimits, PairAnalysis};
use crate::error::Result;
use crate::evaluate::Protocol;
use crate::matching::{CellGrid, MatchLog, Matcher};
use crate::progress::Progress;
use crate::similarity::{Parameters, RotatedIou};

/// Match-table rows gathered batch by batch.
#[pyclass(module = "meanap._core", name = "MatchLog")]
pub(super) struct PyMatchLog {
    settings: Settings,
    log: MatchLog,
}

/// What stays the same from batch to batch.
#[derive(Clone)]
struct Settings {
    options: Options,
    matching: BatchMatching,
    /// What compares objects in the place of the similarity, if that is a function of Python's.
    function: Option<Arc<OwnFunction>>,
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
        let named = |name| PairAnalysis::named(name, background).map_err(|error| error.at("analysis"));
        let protocol = Protocol {
            thresholds: thresholds.as_array().to_vec(),
            area_ranges: rows_of_ranges(&area_ranges)?,
            max_detections,
            extent: CellGrid { images: 0, categories: 0, by_category },
            matcher: <dyn Matcher>::named(matcher).map_err(|error| error.at("matcher"))?,
            partners,
        };
        let parameters = Parameters {
            inclusive_boxes,
            dilation_ratio,
            variances: variances.map(|variances| variances.as_array().to_vec()).unwrap_or_default(),
            exp: if options.similarity.uses("sigmas") { Some(numpy_exp(py)?) } else { None },
            angles: angle_convention(angle, clockwise)?,
            rotated_iou: RotatedIou::named(rotated_iou).map_err(|error| error.at("rotated_iou"))?,
        };
        let function = function.map(|function| Arc::new(OwnFunction::new(function)));
        let matching = BatchMatching {
            similarity: options.similarity,
            parameters,
            own_similarity: function.clone().map(OwnSimilarity::of_batches),
            protocol,
            limits: ImageLimits {
                max_per_image,
                limit_per_image,
                heights: heights.map(|(least, most)| [least, most]),
            },
            pairs: analysis.map(named).transpose()?,
            match_crowds,
            zero_id_unmatched,
        };
        let log = matching.log()?;
        Ok(PyMatchLog { settings: Settings { options, matching, function }, log })
    }

    /// A log of the same settings with no rows.
    fn empty(&self) -> PyMatchLog {
        let log = MatchLog::new(self.log.bits(), self.log.by_category(), self.log.has_pairs());
        PyMatchLog { settings: self.settings.clone(), log }
    }

    /// A log of the same settings and the same rows.
    fn copy(&self) -> PyMatchLog {
        PyMatchLog { settings: self.settings.clone(), log: self.log.clone() }
    }
}

impl Settings {
    /// Does work on so many detections, with progress and cancellation if it may be long. It must have no effect but its
    /// return value: it may be cancelled at its very end. What a function of Python's has raised is raised.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        detections: usize,
        work: impl FnOnce(&BatchMatching, &Progress) -> Result<T> + Send,
    ) -> PyResult<T> {
        let matching = &self.matching;
        let done = if detections < LONG && progress.is_none() {
            Ok(py.detach(|| work(matching, &Progress::default())))
        } else {
            let work = |progress: &Progress| {
                work(matching, progress).and_then(|done| progress.check().map(|()| done))
            };
            with_progress(py, progress, detections as u64, work)
        };
        let done = done.and_then(|done| Ok(done?));
        match &self.function {
            Some(function) => function.checked(done),
            None => done,
        }
    }
}
