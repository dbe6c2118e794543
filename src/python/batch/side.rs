//! One side of an evaluation while it is read: columns of a call, or one image after another.

use std::sync::Arc;

use numpy::{PyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySlice, PyString};

use super::options::Options;
use super::place::ArrayPlace;
use super::shapes::{convert_boxes, read_keypoints, read_masks, read_rotated_boxes};
use crate::columns::{
    AnnotationIds, Areas, Geometry, GeometryKind, Interner, Keypoints, Masks, Objects, RotatedBoxes, Size,
    has_no_keypoints, level_of_height, take_areas, take_exact_areas,
};
use crate::error::{self, Error, Result, collect, extend, filled, reserve};
use crate::json::pose::bounding_box;
use crate::python::arrays::{codes, flags, numbers};
use crate::python::number::is_array;
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

/// The arrays of some objects, by name: what a dictionary or a call's keywords hold.
pub(super) trait Fields<'py> {
    /// The array of that name, if there is one and it is not None.
    fn get(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>>;
}

impl<'py> Fields<'py> for Bound<'py, PyDict> {
    fn get(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.get_item(name)?.filter(|value| !value.is_none()))
    }
}

/// A dictionary, or anything with items.
pub(super) struct DictFields<'a, 'py>(pub &'a Bound<'py, PyAny>);

impl<'py> Fields<'py> for DictFields<'_, 'py> {
    fn get(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Ok(dict) = self.0.cast::<PyDict>() {
            return dict.get(name);
        }
        if self.0.contains(name)? {
            Ok(Some(self.0.get_item(name)?).filter(|value| !value.is_none()))
        } else {
            Ok(None)
        }
    }
}

/// The objects of a call or of one image, before what they are is read.
struct Given {
    count: usize,
    /// The column that determined their number.
    named: &'static str,
    image_area: Option<f64>,
}

/// How many objects a call or an image has, before what they are is known.
fn count_of(
    place: &ArrayPlace<'_>,
    name: &str,
    found: usize,
    expected: Option<(usize, &str)>,
) -> PyResult<usize> {
    match expected {
        Some((count, of)) if count != found => {
            let found = format!("has {found} rows, \"{of}\" has {count}");
            Err(Error::value("").field(name).found(found).at(place.whole()).into())
        }
        _ => Ok(found),
    }
}

/// Rows that are converted at a time.
const BLOCK: usize = 1 << 16;

/// Calls `read` with some rows of a long NumPy array after the other, because a copy of all takes as much memory as what
/// is made of it, and with the number of all rows; with anything else as a whole.
fn for_each_block<'py>(
    array: &Bound<'py, PyAny>,
    mut read: impl FnMut(&Bound<'py, PyAny>, Option<usize>) -> PyResult<()>,
) -> PyResult<()> {
    let rows = array.cast::<PyArray2<f64>>().map(|array| array.shape()[0]);
    let rows = rows.or_else(|_| array.cast::<PyArray2<f32>>().map(|array| array.shape()[0]));
    match rows {
        Ok(rows) if rows > BLOCK && is_array(array)? => (0..rows).step_by(BLOCK).try_for_each(|start| {
            let end = rows.min(start + BLOCK);
            read(&array.get_item(PySlice::new(array.py(), start as isize, end as isize, 1))?, Some(rows))
        }),
        _ => read(array, None),
    }
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
            let message = format!("{}: expected a dictionary, found a {}", place(), item.get_type().name()?);
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
        let of = Given { count, named: "labels", image_area: image_area(py, &fields, place, options)? };
        self.read_objects(py, &fields, &ArrayPlace::Arrays(place), of, options, detections)
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
        let count = count_of(&place, "category_ids", category.len(), Some((image.len(), "image_ids")))?;
        (self.image, self.category) = (image, category);
        let of = Given { count, named: "image_ids", image_area: None };
        self.read_objects(py, fields, &place, of, options, detections)
    }

    fn read_objects<'py>(
        &mut self,
        py: Python<'py>,
        fields: &impl Fields<'py>,
        place: &ArrayPlace<'_>,
        given: Given,
        options: &Options,
        detections: bool,
    ) -> PyResult<()> {
        let count = given.count;
        let expected = Some((count, given.named));
        let named = |name: &str| place.array(name);
        let missing =
            |name: &str| PyErr::from(Error::value("").field(name).found("is missing").at(place.whole()));
        if detections {
            let Some(scores) = fields.get(intern!(py, "scores"))? else {
                return Err(missing("scores"));
            };
            let scores = numbers(&scores, || named("scores"))?;
            count_of(place, "scores", scores.len(|| named("scores"))?, expected)?;
            check_scores(&scores.values, options, |row| place.row("scores", row))?;
            if self.score.is_empty() {
                reserve(&mut self.score, self.image.capacity())?;
            }
            extend(&mut self.score, scores.values)?;
        }
        if let Some(ids) = fields.get(intern!(py, "ids"))? {
            let ids = numbers(&ids, || named("ids"))?;
            count_of(place, "ids", ids.len(|| named("ids"))?, expected)?;
            extend(&mut self.id, ids.values)?;
        }
        if self.id.len() != self.image.len() && !self.id.is_empty() {
            let found = "have to be given for all images or for none";
            return Err(Error::value("").field("ids").found(found).at(place.whole()).into());
        }
        let (first, first_rotated) = (self.boxes.len(), self.rotated.len());
        let widths = options.similarity.geometry.rotated_widths();
        let rotated = !widths.is_empty();
        let boxes = fields.get(intern!(py, "boxes"))?;
        if let Some(boxes) = &boxes
            && !rotated
        {
            let mut first = 0;
            for_each_block(boxes, |block, rows| {
                let array = numbers(block, || named("boxes"))?;
                let found = array.rows(4, || named("boxes"))?;
                count_of(place, "boxes", rows.unwrap_or(found), expected)?;
                if self.boxes.is_empty() {
                    reserve(&mut self.boxes, self.image.capacity())?;
                }
                let place = |row| place.row("boxes", first + row);
                convert_boxes(&array, options.format, place, &mut self.boxes)?;
                first += found;
                Ok(())
            })?;
        }
        let mut areas: Option<Vec<f64>> = None;
        match options.similarity.geometry {
            GeometryKind::Boxes if boxes.is_none() => return Err(missing("boxes")),
            GeometryKind::Boxes => {}
            GeometryKind::RotatedBoxes | GeometryKind::Boxes3d => {
                let Some(boxes) = &boxes else { return Err(missing("boxes")) };
                let array = numbers(boxes, || named("boxes"))?;
                count_of(
                    place,
                    "boxes",
                    read_rotated_boxes(&array, place, widths, &mut self.rotated)?,
                    expected,
                )?;
                let all = first_rotated..self.rotated.len();
                areas = Some(collect(all.map(|row| self.rotated.area(row)))?);
            }
            GeometryKind::Masks => {
                let Some(masks) = fields.get(intern!(py, "masks"))? else {
                    return Err(missing("masks"));
                };
                let of = read_masks(&masks, place, &mut self.masks)?;
                count_of(place, "masks", of.len(), expected)?;
                areas = Some(of);
            }
            GeometryKind::Keypoints => {
                let Some(points) = fields.get(intern!(py, "keypoints"))? else {
                    return Err(missing("keypoints"));
                };
                let array = numbers(&points, || named("keypoints"))?;
                let found = read_keypoints(&array, place, detections, &mut self.keypoints)?;
                count_of(place, "keypoints", found, expected)?;
                if boxes.is_none() {
                    if !detections {
                        return Err(missing("boxes"));
                    }
                    for row in self.keypoints.len() - found..self.keypoints.len() {
                        let mut pose = Vec::new();
                        self.keypoints.read(row, &mut pose);
                        extend(&mut self.boxes, bounding_box(&pose))?;
                    }
                }
            }
        }
        if !detections {
            self.read_flags(py, fields, place, &given, options)?;
        } else if let Some(ignore) = fields.get(intern!(py, "ignored_if_unmatched"))? {
            let ignore = flags(&ignore, || named("ignored_if_unmatched"))?;
            count_of(place, "ignored_if_unmatched", ignore.len(), expected)?;
            extend(&mut self.ignore, ignore)?;
        }
        let boxes = self.boxes.get(first..).unwrap_or_default();
        let mut areas = match areas {
            Some(areas) => areas,
            None => collect(boxes.iter().map(|b| b[2] * b[3]))?,
        };
        if let Some(given) = fields.get(intern!(py, "area"))? {
            let given = numbers(&given, || named("area"))?;
            count_of(place, "area", given.len(|| named("area"))?, expected)?;
            take_areas(&mut areas, &given.values).map_err(|row| {
                let error = place.row("area", row).found(format!("is {}", given.values[row]));
                error.expected("an area in pixels")
            })?;
        }
        if let Some(given) = fields.get(intern!(py, "exact_area"))? {
            let given = numbers(&given, || named("area"))?;
            count_of(place, "area", given.len(|| named("area"))?, expected)?;
            take_exact_areas(&mut areas, &given.values);
        }
        if options.similarity.geometry == GeometryKind::Keypoints && !detections {
            // The similarity is relative to the area itself, whatever decides the area range.
            let kept = Arc::make_mut(&mut self.keypoints.boxes);
            boxes.iter().try_for_each(|&sides| kept.push(sides))?;
        }
        match options.size {
            Size::Area => {}
            Size::Difficulty | Size::Level => match fields.get(intern!(py, "difficulty"))? {
                Some(levels) => {
                    let levels = numbers(&levels, || named("difficulty"))?;
                    count_of(place, "difficulty", levels.len(|| named("difficulty"))?, expected)?;
                    for (row, (area, level)) in areas.iter_mut().zip(levels.values).enumerate() {
                        if ![1.0, 2.0, 3.0, 4.0].contains(&level) {
                            let error = place.row("difficulty", row).found(format!("is {level}"));
                            return Err(error.expected("1 (easy), 2 (moderate), 3 (hard) or 4").into());
                        }
                        *area = level;
                    }
                }
                None if detections && options.size == Size::Level => areas.fill(1.0),
                None if detections => {
                    // The height in the image is known of upright boxes alone.
                    let level = |row: usize| boxes.get(row).map_or(1.0, |sides| level_of_height(sides[3]));
                    areas.iter_mut().enumerate().for_each(|(row, area)| *area = level(row));
                }
                None => return Err(missing("difficulty")),
            },
            Size::Fraction => match (given.image_area, fields.get(intern!(py, "image_area"))?) {
                (Some(whole), _) => areas.iter_mut().for_each(|area| *area /= whole),
                (None, Some(whole)) => {
                    let whole = numbers(&whole, || named("image_area"))?;
                    count_of(place, "image_area", whole.len(|| named("image_area"))?, expected)?;
                    areas.iter_mut().zip(whole.values).for_each(|(area, whole)| *area /= whole);
                }
                (None, None) => return Err(missing("image_size")),
            },
            Size::Pose | Size::Diagonal | Size::LongestSide => {
                // Only upright boxes have a person in them.
                let rotated = rotated && options.size != Size::Pose;
                if boxes.len() != count && !rotated {
                    return Err(missing("boxes"));
                }
                for (row, size) in areas.iter_mut().enumerate() {
                    let sides = match rotated {
                        true => self.rotated.get(first_rotated + row).sides(),
                        false => [boxes[row][2], boxes[row][3]],
                    };
                    *size = options.size.of_sides(sides).unwrap_or(*size);
                }
            }
        }
        Ok(extend(&mut self.area, areas)?)
    }

    fn read_flags<'py>(
        &mut self,
        py: Python<'py>,
        fields: &impl Fields<'py>,
        place: &ArrayPlace<'_>,
        given: &Given,
        options: &Options,
    ) -> PyResult<()> {
        let count = given.count;
        let start = self.crowd.len();
        let read = |name: &Bound<'py, PyString>| -> PyResult<Option<Vec<bool>>> {
            let Some(value) = fields.get(name)? else { return Ok(None) };
            let flags = flags(&value, || place.array(&name.to_string()))?;
            count_of(place, name.to_str()?, flags.len(), Some((count, given.named)))?;
            Ok(Some(flags))
        };
        match read(intern!(py, "iscrowd"))? {
            Some(crowd) => extend(&mut self.crowd, crowd)?,
            None => extend(&mut self.crowd, std::iter::repeat_n(false, count))?,
        }
        extend(&mut self.ignore, self.crowd[start..].iter().copied())?;
        if let Some(ignore) = read(intern!(py, "ignore"))? {
            self.ignore[start..].iter_mut().zip(ignore).for_each(|(flag, ignore)| *flag |= ignore);
        }
        if options.similarity.geometry == GeometryKind::Keypoints {
            let first = self.keypoints.len() - count;
            let name = || place.array("num_keypoints");
            let given = match fields.get(intern!(py, "num_keypoints"))? {
                Some(value) => {
                    let numbers = numbers(&value, name)?;
                    count_of(place, "num_keypoints", numbers.len(name)?, Some((count, given.named)))?;
                    numbers.values
                }
                None => filled(count, f64::NAN)?,
            };
            for (row, (flag, number)) in self.ignore[start..].iter_mut().zip(given).enumerate() {
                *flag |= has_no_keypoints(number, self.keypoints.labels(first + row));
            }
        }
        if !options.match_crowds {
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

fn image_area<'py>(
    py: Python<'py>,
    fields: &impl Fields<'py>,
    place: &dyn Fn() -> String,
    options: &Options,
) -> PyResult<Option<f64>> {
    if options.size != Size::Fraction {
        return Ok(None);
    }
    let Some(size) = fields.get(intern!(py, "image_size"))? else { return Ok(None) };
    let named = || format!("{}[\"image_size\"]", place());
    let size = numbers(&size, named)?;
    match size.values[..] {
        [height, width] if size.shape == [2] && height > 0.0 && width > 0.0 => Ok(Some(height * width)),
        _ => Err(Error::value("expected height and width, both above zero").at(named()).into()),
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
