//! One side of an evaluation while it is read: columns of a call, or one image after another.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::given::{DictFields, Fields, GivenArrays, for_each_block};
use super::options::Options;
use super::place::ArrayPlace;
use super::shapes::{convert_boxes, read_keypoints, read_masks, read_rotated_boxes};
use super::sizes::{take_given_areas, take_sizes};
use crate::columns::{
    AnnotationIds, Areas, Geometry, GeometryKind, Interner, Keypoints, Masks, Objects, RotatedBoxes,
    has_no_keypoints,
};
use crate::error::{self, Error, Result, collect, extend, filled, reserve};
use crate::json::pose::bounding_box;
use crate::python::arrays::{codes, numbers};
use crate::python::kind_of;
use crate::python::once::intern;

/// Images for whose objects memory is reserved at the start, if all have as many as the first.
const FEW: usize = 64;

/// One side of an evaluation while it is read.
#[derive(Default)]
pub(crate) struct SideColumns {
    /// Image of each object, by position in the batch.
    pub image: Vec<u32>,
    /// Category of each object, as a code.
    category: Vec<u32>,
    /// Annotation ids, if they are to take part.
    id: Vec<f64>,
    score: Vec<f64>,
    area: Vec<f64>,
    crowd: Vec<bool>,
    ignore: Vec<bool>,
    boxes: Vec<[f64; 4]>,
    rotated: RotatedBoxes,
    keypoints: Keypoints,
    masks: Masks,
    /// How many images there will be: the size of the columns is estimated from the first one.
    images: usize,
}

impl SideColumns {
    /// A side of so many images.
    pub(crate) fn of(images: usize) -> SideColumns {
        SideColumns { images, ..SideColumns::default() }
    }

    /// Reserves memory for the columns of every side.
    fn reserve(&mut self, objects: usize) -> Result<()> {
        reserve(&mut self.image, objects)?;
        reserve(&mut self.category, objects)?;
        reserve(&mut self.area, objects)
    }

    /// Reads the objects of one image: its dictionary, which is `place` in errors. Its labels become codes.
    pub(crate) fn read_image(
        &mut self,
        item: &Bound<'_, PyAny>,
        place: &dyn Fn() -> String,
        (image, categories): (u32, &mut Interner),
        options: &Options,
        detections: bool,
    ) -> PyResult<()> {
        let py = item.py();
        if !item.is_instance_of::<PyDict>() && !item.hasattr(intern!(py, "keys"))? {
            let message = format!("{}: expected a dictionary, found {}", place(), kind_of(item));
            return Err(PyTypeError::new_err(message));
        }
        let fields = DictFields(item);
        let Some(labels) = fields.get(intern!(py, "labels"))? else {
            return Err(Error::value("").field("labels").found("is missing").at(place()).into());
        };
        let first = self.category.len();
        codes(&labels, categories, &mut self.category, || format!("{}[\"labels\"]", place()))?;
        let count = self.category.len() - first;
        if self.image.is_empty() {
            self.reserve(count * self.images.min(FEW))?;
        }
        extend(&mut self.image, std::iter::repeat_n(image, count))?;
        let (fields, place) = (&fields, &ArrayPlace::Arrays(place));
        self.read_objects(py, &GivenArrays { fields, place, count, named: "labels", options, detections })
    }

    /// Height and width of each mask so far.
    pub(crate) fn mask_sizes(&self) -> &[[u32; 2]] {
        &self.masks.size
    }

    /// Reads the objects of a whole side: keywords of a call, or made of COCO's records.
    pub(crate) fn read_columns<'py>(
        &mut self,
        fields: &Bound<'py, PyDict>,
        image: Vec<u32>,
        category: Vec<u32>,
        options: &Options,
        (detections, records): (bool, bool),
    ) -> PyResult<()> {
        let py = fields.py();
        let place = match (records, detections) {
            (false, true) => ArrayPlace::Arrays(&|| "Detections".to_owned()),
            (false, false) => ArrayPlace::Arrays(&|| "GroundTruth".to_owned()),
            (true, true) => ArrayPlace::Records("detections"),
            (true, false) => ArrayPlace::Records("ground_truth"),
        };
        let (place, count) = (&place, image.len());
        let given = GivenArrays { fields, place, count, named: "image_ids", options, detections };
        given.check_count("category_ids", category.len())?;
        (self.image, self.category) = (image, category);
        self.read_objects(py, &given)
    }

    /// Reads all but images and categories, which are there.
    fn read_objects<'py>(
        &mut self,
        py: Python<'py>,
        given: &GivenArrays<'_, impl Fields<'py>>,
    ) -> PyResult<()> {
        if given.detections {
            self.read_scores(py, given)?;
        }
        self.read_ids(py, given)?;
        let (first, first_rotated) = (self.boxes.len(), self.rotated.len());
        let areas = self.read_geometry(py, given)?;
        if !given.detections {
            self.read_flags(py, given)?;
        } else if let Some(ignore) = given.flags(intern!(py, "ignored_if_unmatched"))? {
            extend(&mut self.ignore, ignore)?;
        }
        let boxes = self.boxes.get(first..).unwrap_or_default();
        let mut areas = match areas {
            Some(areas) => areas,
            None => collect(boxes.iter().map(|b| b[2] * b[3]))?,
        };
        take_given_areas(py, given, &mut areas)?;
        let geometry = given.options.similarity.geometry;
        if geometry == GeometryKind::Keypoints && !given.detections {
            // The similarity is relative to the area itself, whatever decides the area range.
            let kept = Arc::make_mut(&mut self.keypoints.boxes);
            boxes.iter().try_for_each(|&sides| kept.push(sides))?;
        }
        let rotated = (!geometry.rotated_widths().is_empty()).then_some((&self.rotated, first_rotated));
        take_sizes(py, given, &mut areas, boxes, rotated)?;
        Ok(extend(&mut self.area, areas)?)
    }

    fn read_scores<'py>(
        &mut self,
        py: Python<'py>,
        given: &GivenArrays<'_, impl Fields<'py>>,
    ) -> PyResult<()> {
        let Some(scores) = given.column(intern!(py, "scores"))? else {
            return Err(given.missing("scores"));
        };
        check_scores(&scores, given.options, |row| given.place.row("scores", row))?;
        if self.score.is_empty() {
            reserve(&mut self.score, self.image.capacity())?;
        }
        Ok(extend(&mut self.score, scores)?)
    }

    fn read_ids<'py>(&mut self, py: Python<'py>, given: &GivenArrays<'_, impl Fields<'py>>) -> PyResult<()> {
        if let Some(ids) = given.column(intern!(py, "ids"))? {
            extend(&mut self.id, ids)?;
        }
        if self.id.len() != self.image.len() && !self.id.is_empty() {
            let found = "have to be given for all images or for none";
            return Err(Error::value("").field("ids").found(found).at(given.place.whole()).into());
        }
        Ok(())
    }

    /// Reads what is compared, and upright boxes where they are given. Returns the areas, if they are not those of the
    /// upright boxes.
    fn read_geometry<'py>(
        &mut self,
        py: Python<'py>,
        given: &GivenArrays<'_, impl Fields<'py>>,
    ) -> PyResult<Option<Vec<f64>>> {
        let geometry = given.options.similarity.geometry;
        let boxes = given.fields.get(intern!(py, "boxes"))?;
        match geometry {
            GeometryKind::Boxes => {
                let Some(boxes) = boxes else { return Err(given.missing("boxes")) };
                self.read_boxes(&boxes, given)?;
                Ok(None)
            }
            GeometryKind::RotatedBoxes | GeometryKind::Boxes3d => {
                let Some(boxes) = boxes else { return Err(given.missing("boxes")) };
                let first = self.rotated.len();
                let array = numbers(&boxes, || given.place.array("boxes"))?;
                let widths = geometry.rotated_widths();
                given.check_count(
                    "boxes",
                    read_rotated_boxes(&array, given.place, widths, &mut self.rotated)?,
                )?;
                Ok(Some(collect((first..self.rotated.len()).map(|row| self.rotated.area(row)))?))
            }
            GeometryKind::Masks => {
                boxes.iter().try_for_each(|boxes| self.read_boxes(boxes, given))?;
                let Some(masks) = given.fields.get(intern!(py, "masks"))? else {
                    return Err(given.missing("masks"));
                };
                let areas = read_masks(&masks, given.place, &mut self.masks)?;
                given.check_count("masks", areas.len())?;
                Ok(Some(areas))
            }
            GeometryKind::Keypoints => {
                boxes.iter().try_for_each(|boxes| self.read_boxes(boxes, given))?;
                let found = self.read_poses(py, given)?;
                if boxes.is_none() {
                    if !given.detections {
                        return Err(given.missing("boxes"));
                    }
                    for row in self.keypoints.len() - found..self.keypoints.len() {
                        let mut pose = Vec::new();
                        self.keypoints.read(row, &mut pose);
                        extend(&mut self.boxes, bounding_box(&pose))?;
                    }
                }
                Ok(None)
            }
        }
    }

    fn read_boxes<'py>(
        &mut self,
        boxes: &Bound<'py, PyAny>,
        given: &GivenArrays<'_, impl Fields<'py>>,
    ) -> PyResult<()> {
        let place = given.place;
        let mut first = 0;
        for_each_block(boxes, |block, rows| {
            let array = numbers(block, || place.array("boxes"))?;
            let found = array.rows(4, || place.array("boxes"))?;
            given.check_count("boxes", rows.unwrap_or(found))?;
            if self.boxes.is_empty() {
                reserve(&mut self.boxes, self.image.capacity())?;
            }
            let row = |row| place.row("boxes", first + row);
            convert_boxes(&array, given.options.format, row, &mut self.boxes)?;
            first += found;
            Ok(())
        })
    }

    fn read_poses<'py>(
        &mut self,
        py: Python<'py>,
        given: &GivenArrays<'_, impl Fields<'py>>,
    ) -> PyResult<usize> {
        let Some(points) = given.fields.get(intern!(py, "keypoints"))? else {
            return Err(given.missing("keypoints"));
        };
        let array = numbers(&points, || given.place.array("keypoints"))?;
        let found = read_keypoints(&array, given.place, given.detections, &mut self.keypoints)?;
        given.check_count("keypoints", found)?;
        Ok(found)
    }

    fn read_flags<'py>(
        &mut self,
        py: Python<'py>,
        given: &GivenArrays<'_, impl Fields<'py>>,
    ) -> PyResult<()> {
        let (count, start) = (given.count, self.crowd.len());
        match given.flags(intern!(py, "iscrowd"))? {
            Some(crowd) => extend(&mut self.crowd, crowd)?,
            None => extend(&mut self.crowd, std::iter::repeat_n(false, count))?,
        }
        extend(&mut self.ignore, self.crowd[start..].iter().copied())?;
        if let Some(ignore) = given.flags(intern!(py, "ignore"))? {
            self.ignore[start..].iter_mut().zip(ignore).for_each(|(flag, ignore)| *flag |= ignore);
        }
        if given.options.similarity.geometry == GeometryKind::Keypoints {
            let first = self.keypoints.len() - count;
            let labelled = match given.column(intern!(py, "num_keypoints"))? {
                Some(labelled) => labelled,
                None => filled(count, f64::NAN)?,
            };
            for (row, (flag, number)) in self.ignore[start..].iter_mut().zip(labelled).enumerate() {
                *flag |= has_no_keypoints(number, self.keypoints.labels(first + row));
            }
        }
        if !given.options.match_crowds {
            self.crowd[start..].fill(false);
        }
        Ok(())
    }

    /// The columns.
    pub(crate) fn objects(self, kind: GeometryKind) -> Objects {
        Objects {
            image: Arc::new(self.image),
            category: Arc::new(self.category),
            id: if self.id.is_empty() {
                AnnotationIds::Counted
            } else {
                AnnotationIds::Given(Arc::new(self.id.into()))
            },
            area: Areas::Given(Arc::new(self.area.into())),
            score: Arc::new(self.score.into()),
            crowd: Arc::new(self.crowd),
            ignore: Arc::new(self.ignore),
            geometry: match kind {
                GeometryKind::Boxes => Geometry::Boxes(Arc::new(self.boxes.into())),
                GeometryKind::Masks => Geometry::Masks(Arc::new(self.masks)),
                GeometryKind::Keypoints => Geometry::Keypoints(Arc::new(self.keypoints)),
                GeometryKind::RotatedBoxes | GeometryKind::Boxes3d => {
                    Geometry::RotatedBoxes(Arc::new(self.rotated))
                }
            },
        }
    }
}

fn check_scores(scores: &[f64], options: &Options, place: impl Fn(usize) -> error::Place) -> PyResult<()> {
    for (row, &score) in scores.iter().enumerate() {
        if score.is_nan() {
            return Err(place(row).found("is NaN").into());
        }
        if let Some((least, most)) = options.scores
            && (score < least || score > most)
        {
            let expected = format!("{least} to {most} (score_range=None allows any)");
            return Err(place(row).found(format!("is {score}")).expected(expected).into());
        }
    }
    Ok(())
}
