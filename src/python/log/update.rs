//! Batches and data sets into rows.

use numpy::PyReadonlyArray2;
use pyo3::prelude::*;

use super::PyMatchLog;
use super::rows::sorted_keys;
use crate::batch::{BatchIds, CodedSide, ImageOrder, SideWithIds, TableHints, coded};
use crate::columns::{Interner, Key, Objects};
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
        let sides = (batch.ground_truth, batch.detections);
        let (counted, image_ids) = (batch.image_ids.is_none(), batch.image_ids.unwrap_or_default());
        let done = self.settings.run(py, progress, detections, |matching, progress| {
            let mut categories = Interner::default();
            let mut objects = |side: SideColumns| -> Result<Objects> {
                let codes = categories.codes(&side.category)?;
                Ok(side.objects(codes, matching.similarity.geometry))
            };
            let (gt, mut dt) = (objects(sides.0)?, objects(sides.1)?);
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
        let images = image_ids(images)?;
        let count = detections.columns.len();
        let done = self.settings.run(py, progress, count, |matching, progress| {
            let (sides, ids) = coded_objects(
                [ground_truth, detections],
                &images,
                Interner::default(),
                ImageOrder::Given,
                progress,
            )?;
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
        let images = image_ids(images)?;
        let count = detections.columns.len();
        let declared = self.log.categories();
        let done = self.settings.run(py, progress, count, |matching, progress| {
            let (sides, ids) = coded_objects(
                [ground_truth, detections],
                &images,
                declared.clone(),
                ImageOrder::Sorted,
                progress,
            )?;
            let (table, groups) =
                matching.table(sides, &ids, TableHints { known, least: least.as_deref() }, progress)?;
            Ok((table.without_dropped(), groups, ids.image_ids))
        });
        let (table, groups, images) = done?;
        let mut categories = declared.clone();
        categories.codes(&groups)?;
        let categories = sorted_keys(py, &categories)?;
        Matches::new(py, table, &LogIds { images, categories })
    }
}

/// The ids of all images, as far as they are given.
pub(super) fn image_ids(images: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Key>> {
    images.map_or(Ok(Vec::new()), |images| keys(images, || "images".to_owned()))
}

/// Ground truth and detections under the same codes.
pub(super) fn coded_objects<'a>(
    [ground_truth, detections]: [&'a PyObjects; 2],
    images: &[Key],
    categories: Interner,
    order: ImageOrder,
    progress: &Progress,
) -> Result<([CodedSide; 2], BatchIds)> {
    let with_ids = |side: &'a PyObjects| -> Result<SideWithIds<'a>> {
        let (image_ids, category_ids) = (side.image_ids.keys()?, side.category_ids.keys()?);
        Ok(SideWithIds { objects: &side.columns, image_ids, category_ids })
    };
    coded([with_ids(ground_truth)?, with_ids(detections)?], images, categories, order, progress)
}
