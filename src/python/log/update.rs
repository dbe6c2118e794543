//! Batches and data sets into rows.

use numpy::PyReadonlyArray2;
use pyo3::prelude::*;

use super::rows::sorted_keys;
use super::{PyMatchLog, Settings};
use crate::batch::{BatchIds, BatchMatching, CodedSide, ImageOrder, SideWithIds, TableHints, coded};
use crate::columns::Interner;
use crate::error::{Result, can_allocate, collect, copied};
use crate::matching::{ImageKeys, LogIds};
use crate::progress::Progress;
use crate::python::arrays::keys;
use crate::python::batch::{SideColumns, read_batch};
use crate::python::matches::Matches;
use crate::python::objects::{PyObjects, region};
use crate::similarity::{Region, ignore_within};

/// Bytes that an object takes while its columns are made, at most.
const OF_AN_OBJECT: usize = 128;

#[pymethods]
impl PyMatchLog {
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
        let batch = read_batch((preds, targets), names, &self.settings.options, first)?;
        let of_image = |regions: &Vec<_>| regions.iter().map(region).collect::<Result<Vec<_>>>();
        let regions: Option<Vec<Vec<Region>>> =
            regions.map(|regions| regions.iter().map(of_image).collect::<Result<_>>()).transpose()?;
        let images = batch.images;
        let detections = batch.detections.image.len();
        can_allocate((detections + batch.ground_truth.image.len()).saturating_mul(OF_AN_OBJECT))?;
        let (sides, categories) = ((batch.ground_truth, batch.detections), batch.categories);
        let (counted, image_ids) = (batch.image_ids.is_none(), batch.image_ids.unwrap_or_default());
        let done = self.settings.run(py, progress, detections, |matching, progress| {
            let objects = |side: SideColumns| side.objects(matching.similarity.geometry);
            let (gt, mut dt) = (objects(sides.0), objects(sides.1));
            if let Some(regions) = &regions {
                ignore_within(&mut dt, regions, least, progress)?;
            }
            let positions = collect(0..images as u32)?;
            let sides = [(gt, copied(&positions)?), (dt, positions)];
            let ids = BatchIds { images, image_ids, categories };
            Ok((matching.table(sides, &ids, TableHints::default(), progress)?, ids))
        });
        let ((table, groups), ids) = done?;
        let keys = if counted { ImageKeys::Counted(images) } else { ImageKeys::Given(ids.image_ids) };
        let log = &mut self.log;
        log.label(ids.categories.keys())?;
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
        let (sides, coding) = ([ground_truth, detections], (Interner::default(), ImageOrder::Given));
        let done =
            self.settings.run_coded(py, progress, sides, images, coding, |matching, sides, ids, progress| {
                Ok((matching.table(sides, &ids, TableHints::default(), progress)?, ids))
            });
        let ((table, groups), ids) = done?;
        let log = &mut self.log;
        log.declare(&groups)?;
        log.label(ids.categories.keys())?;
        Ok(py.detach(|| log.append(&table, ImageKeys::Given(ids.image_ids), &groups))?)
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
        let hints = TableHints { known, least: least.as_deref() };
        let declared = self.log.categories();
        let (sides, coding) = ([ground_truth, detections], (declared.clone(), ImageOrder::Sorted));
        let done =
            self.settings.run_coded(py, progress, sides, images, coding, |matching, sides, ids, progress| {
                let (table, groups) = matching.table(sides, &ids, hints, progress)?;
                Ok((table.without_dropped(), groups, ids.image_ids))
            });
        let (table, groups, images) = done?;
        let mut categories = declared.clone();
        categories.codes(&groups)?;
        let categories = sorted_keys(py, &categories)?;
        Matches::new(py, table, &LogIds { images, categories })
    }
}

impl Settings {
    /// Does work on ground truth and detections under the same codes, as [`Settings::run`] does. `images`: ids of all
    /// images, as far as they are given; `coding`: categories that have codes already, and the order of images.
    pub(super) fn run_coded<T: Send>(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        [ground_truth, detections]: [&PyObjects; 2],
        images: Option<&Bound<'_, PyAny>>,
        (categories, order): (Interner, ImageOrder),
        work: impl FnOnce(&BatchMatching, [CodedSide; 2], BatchIds, &Progress) -> Result<T> + Send,
    ) -> PyResult<T> {
        let images = images.map_or(Ok(Vec::new()), |images| keys(images, || "images".to_owned()))?;
        self.run(py, progress, detections.columns.len(), |matching, progress| {
            let sides = [with_ids(ground_truth)?, with_ids(detections)?];
            let (sides, ids) = coded(sides, &images, categories, order, progress)?;
            work(matching, sides, ids, progress)
        })
    }
}

fn with_ids(side: &PyObjects) -> Result<SideWithIds<'_>> {
    let (image_ids, category_ids) = (side.image_ids.keys()?, side.category_ids.keys()?);
    Ok(SideWithIds { objects: &side.columns, image_ids, category_ids })
}
