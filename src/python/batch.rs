//! Boxes, masks and keypoints as users have them, checked, and turned into columns.
//!
//! Two doors share the checks: lists of one dictionary for each image (what training loops have), and columns of a
//! whole data set.

use std::sync::Arc;

use numpy::{PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use rayon::prelude::*;

use super::arrays::{Numbers, flags, key, keys, numbers, wrong_shape};
use crate::columns::{Geometry, Ids, Key, Keypoints, Masks, Objects};
use crate::rle::{codec, measure, pixels};
use crate::threads;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Boxes.
    Boxes,
    /// Masks.
    Masks,
    /// Keypoints.
    Keypoints,
}

/// How a box is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxFormat {
    /// Two corners.
    Xyxy,
    /// A corner and the size.
    Xywh,
    /// The centre and the size.
    Cxcywh,
}

/// What decides an object's area range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Area in pixels.
    Area,
    /// Diagonal of the box in pixels.
    Diagonal,
    /// Longest side of the box in pixels.
    Side,
    /// Area over that of the image.
    Fraction,
}

/// How objects are given, and what is allowed.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is compared.
    pub kind: Kind,
    /// How boxes are given.
    pub format: BoxFormat,
    /// What decides the area range.
    pub size: Size,
    /// Least and greatest score.
    pub scores: Option<(f64, f64)>,
    /// Whether crowds may be matched many times; if not, they are merely ignored.
    pub crowds: bool,
}

impl Options {
    /// From the names that Python uses.
    pub fn new(
        kind: &str,
        format: &str,
        size: &str,
        scores: Option<(f64, f64)>,
        crowds: bool,
    ) -> PyResult<Options> {
        let unknown = |argument: &str, found: &str, expected: &str| {
            PyValueError::new_err(format!("{argument}: expected {expected}, found {found:?}"))
        };
        Ok(Options {
            kind: match kind {
                "bbox" => Kind::Boxes,
                "segm" | "boundary" => Kind::Masks,
                "keypoints" => Kind::Keypoints,
                _ => return Err(unknown("similarity", kind, "'bbox', 'segm', 'boundary' or 'keypoints'")),
            },
            format: match format {
                "xyxy" => BoxFormat::Xyxy,
                "xywh" => BoxFormat::Xywh,
                "cxcywh" => BoxFormat::Cxcywh,
                _ => return Err(unknown("box_format", format, "'xyxy', 'xywh' or 'cxcywh'")),
            },
            size: match size {
                "area" => Size::Area,
                "diagonal" => Size::Diagonal,
                "side" => Size::Side,
                "fraction" => Size::Fraction,
                _ => return Err(unknown("size", size, "'area', 'diagonal', 'side' or 'fraction'")),
            },
            scores,
            crowds,
        })
    }
}

/// One side of an evaluation while it is read.
#[derive(Default)]
pub struct Side {
    /// Image of each object, by position in the batch.
    pub image: Vec<u32>,
    /// Category of each object.
    pub category: Vec<Key>,
    /// Annotation ids, if they are to take part.
    id: Vec<f64>,
    score: Vec<f64>,
    area: Vec<f64>,
    crowd: Vec<bool>,
    ignore: Vec<bool>,
    boxes: Vec<[f64; 4]>,
    keypoints: Keypoints,
    masks: Masks,
}

/// The arrays of some objects, by name: what a dictionary or a call's keywords hold.
pub trait Fields<'py> {
    /// The array of that name, if there is one and it is not None.
    fn get(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>>;
}

impl<'py> Fields<'py> for Bound<'py, PyDict> {
    fn get(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.get_item(name)?.filter(|value| !value.is_none()))
    }
}

/// A dictionary, or anything with items.
struct Items<'a, 'py>(&'a Bound<'py, PyAny>);

impl<'py> Fields<'py> for Items<'_, 'py> {
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
    /// The column that has told their number.
    named: &'static str,
    image_area: Option<f64>,
}

/// How many objects a call or an image has, before what they are is known.
fn count_of(place: &str, name: &str, found: usize, expected: Option<(usize, &str)>) -> PyResult<usize> {
    match expected {
        Some((count, of)) if count != found => {
            Err(PyValueError::new_err(format!("{place}: \"{name}\" has {found} rows, \"{of}\" has {count}")))
        }
        _ => Ok(found),
    }
}

impl Side {
    /// Reads the objects of one image: its dictionary, which is `place` in errors.
    fn read_image(
        &mut self,
        item: &Bound<'_, PyAny>,
        place: &dyn Fn() -> String,
        image: u32,
        options: &Options,
        detections: bool,
    ) -> PyResult<()> {
        let py = item.py();
        if !item.is_instance_of::<PyDict>() && !item.hasattr(intern!(py, "keys"))? {
            let message = format!("{}: expected a dictionary, found a {}", place(), item.get_type().name()?);
            return Err(PyTypeError::new_err(message));
        }
        let fields = Items(item);
        let Some(labels) = fields.get(intern!(py, "labels"))? else {
            return Err(missing(&place(), "labels"));
        };
        let labels = keys(&labels, || format!("{}[\"labels\"]", place()))?;
        self.image.extend(std::iter::repeat_n(image, labels.len()));
        let count = labels.len();
        self.category.extend(labels);
        let of = Given { count, named: "labels", image_area: image_area(py, &fields, place, options)? };
        self.read_objects(py, &fields, place, of, options, detections)
    }

    /// Reads the objects of a whole side: keywords of a call.
    pub fn read_columns<'py>(
        &mut self,
        fields: &Bound<'py, PyDict>,
        image: Vec<u32>,
        category: Vec<Key>,
        options: &Options,
        detections: bool,
    ) -> PyResult<()> {
        let py = fields.py();
        let place = || if detections { "Detections".to_owned() } else { "GroundTruth".to_owned() };
        let count = count_of(&place(), "category_ids", category.len(), Some((image.len(), "image_ids")))?;
        self.image = image;
        self.category = category;
        let of = Given { count, named: "image_ids", image_area: None };
        self.read_objects(py, fields, &place, of, options, detections)
    }

    fn read_objects<'py>(
        &mut self,
        py: Python<'py>,
        fields: &impl Fields<'py>,
        place: &dyn Fn() -> String,
        given: Given,
        options: &Options,
        detections: bool,
    ) -> PyResult<()> {
        let count = given.count;
        let expected = Some((count, given.named));
        let named = |name: &str| format!("{}[\"{name}\"]", place());
        if detections {
            let Some(scores) = fields.get(intern!(py, "scores"))? else {
                return Err(missing(&place(), "scores"));
            };
            let scores = numbers(&scores, || named("scores"))?;
            count_of(&place(), "scores", scores.len(|| named("scores"))?, expected)?;
            check_scores(&scores.values, options, || named("scores"))?;
            self.score.extend(scores.values);
        }
        if let Some(ids) = fields.get(intern!(py, "ids"))? {
            let ids = numbers(&ids, || named("ids"))?;
            count_of(&place(), "ids", ids.len(|| named("ids"))?, expected)?;
            self.id.extend(ids.values);
        }
        let first = self.boxes.len();
        let boxes = fields.get(intern!(py, "boxes"))?;
        if let Some(boxes) = &boxes {
            let array = numbers(boxes, || named("boxes"))?;
            count_of(&place(), "boxes", array.rows(4, || named("boxes"))?, expected)?;
            convert_boxes(&array, options.format, || named("boxes"), &mut self.boxes)?;
        }
        let mut areas: Option<Vec<f64>> = None;
        match options.kind {
            Kind::Boxes if boxes.is_none() => return Err(missing(&place(), "boxes")),
            Kind::Boxes => {}
            Kind::Masks => {
                let Some(masks) = fields.get(intern!(py, "masks"))? else {
                    return Err(missing(&place(), "masks"));
                };
                let of = read_masks(&masks, &|| named("masks"), &mut self.masks)?;
                count_of(&place(), "masks", of.len(), expected)?;
                areas = Some(of);
            }
            Kind::Keypoints => {
                let Some(points) = fields.get(intern!(py, "keypoints"))? else {
                    return Err(missing(&place(), "keypoints"));
                };
                let array = numbers(&points, || named("keypoints"))?;
                let found = read_keypoints(&array, &|| named("keypoints"), detections, &mut self.keypoints)?;
                count_of(&place(), "keypoints", found, expected)?;
                if boxes.is_none() {
                    if !detections {
                        return Err(missing(&place(), "boxes"));
                    }
                    let triples = 3 * self.keypoints.per_object.max(1);
                    let rows = self.keypoints.triples.len() - found * triples;
                    self.boxes.extend(self.keypoints.triples[rows..].chunks_exact(triples).map(extent));
                }
            }
        }
        if !detections {
            self.read_flags(py, fields, place, &given, options)?;
        } else if let Some(ignore) = fields.get(intern!(py, "unpunished"))? {
            let ignore = flags(&ignore, || named("unpunished"))?;
            count_of(&place(), "unpunished", ignore.len(), expected)?;
            self.ignore.extend(ignore);
        }
        let boxes = self.boxes.get(first..).unwrap_or_default();
        let mut areas = areas.unwrap_or_else(|| boxes.iter().map(|b| b[2] * b[3]).collect());
        if let Some(given) = fields.get(intern!(py, "area"))? {
            let given = numbers(&given, || named("area"))?;
            count_of(&place(), "area", given.len(|| named("area"))?, expected)?;
            for (row, (area, &given)) in areas.iter_mut().zip(&given.values).enumerate() {
                if !given.is_finite() || given < 0.0 {
                    let message =
                        format!("{}: row {row} is {given}, expected an area in pixels", named("area"));
                    return Err(PyValueError::new_err(message));
                }
                // Zero stands for "not given", as torchmetrics has it.
                if given > 0.0 {
                    *area = given;
                }
            }
        }
        if let Some(given) = fields.get(intern!(py, "exact_area"))? {
            // As COCO's files have it: NaN stands for "not given".
            let given = numbers(&given, || named("area"))?;
            count_of(&place(), "area", given.len(|| named("area"))?, expected)?;
            let given = areas.iter_mut().zip(given.values).filter(|(_, given)| !given.is_nan());
            given.for_each(|(area, given)| *area = given);
        }
        if options.kind == Kind::Keypoints && !detections {
            // The similarity is relative to the area itself, whatever decides the area range.
            self.keypoints.boxes.extend_from_slice(boxes);
        }
        match options.size {
            Size::Area => {}
            Size::Fraction => match (given.image_area, fields.get(intern!(py, "image_area"))?) {
                (Some(whole), _) => areas.iter_mut().for_each(|area| *area /= whole),
                (None, Some(whole)) => {
                    let whole = numbers(&whole, || named("image_area"))?;
                    count_of(&place(), "image_area", whole.len(|| named("image_area"))?, expected)?;
                    areas.iter_mut().zip(whole.values).for_each(|(area, whole)| *area /= whole);
                }
                (None, None) => return Err(missing(&place(), "image_size")),
            },
            Size::Diagonal | Size::Side => {
                if boxes.len() != count {
                    return Err(missing(&place(), "boxes"));
                }
                for (size, b) in areas.iter_mut().zip(boxes) {
                    *size = if options.size == Size::Side { b[2].max(b[3]) } else { b[2].hypot(b[3]) };
                }
            }
        }
        self.area.extend(areas);
        Ok(())
    }

    fn read_flags<'py>(
        &mut self,
        py: Python<'py>,
        fields: &impl Fields<'py>,
        place: &dyn Fn() -> String,
        given: &Given,
        options: &Options,
    ) -> PyResult<()> {
        let count = given.count;
        let start = self.crowd.len();
        let read = |name: &Bound<'py, PyString>| -> PyResult<Option<Vec<bool>>> {
            let Some(value) = fields.get(name)? else { return Ok(None) };
            let flags = flags(&value, || format!("{}[\"{name}\"]", place()))?;
            count_of(&place(), name.to_str()?, flags.len(), Some((count, given.named)))?;
            Ok(Some(flags))
        };
        match read(intern!(py, "iscrowd"))? {
            Some(crowd) => self.crowd.extend(crowd),
            None => self.crowd.resize(start + count, false),
        }
        self.ignore.extend_from_slice(&self.crowd[start..]);
        if let Some(ignore) = read(intern!(py, "ignore"))? {
            self.ignore[start..].iter_mut().zip(ignore).for_each(|(flag, ignore)| *flag |= ignore);
        }
        if options.kind == Kind::Keypoints {
            // An object of which no keypoint is labelled cannot be found.
            let width = 3 * self.keypoints.per_object;
            let first = self.keypoints.triples.len() - count * width;
            let poses = self.keypoints.triples[first..].chunks_exact(width.max(1));
            for (flag, pose) in self.ignore[start..].iter_mut().zip(poses) {
                *flag |= pose.chunks_exact(3).all(|point| point[2] <= 0.0);
            }
        }
        if !options.crowds {
            self.crowd[start..].fill(false);
        }
        Ok(())
    }

    /// The columns, given the code of each object's category.
    pub fn objects(self, category: Vec<u32>, kind: Kind) -> Objects {
        Objects {
            image: Arc::new(self.image),
            category: Arc::new(category),
            id: if self.id.is_empty() { Ids::Counted } else { Ids::Given(Arc::new(self.id)) },
            area: Arc::new(self.area),
            score: Arc::new(self.score),
            crowd: Arc::new(self.crowd),
            ignore: Arc::new(self.ignore),
            geometry: match kind {
                Kind::Boxes => Geometry::Boxes(Arc::new(self.boxes)),
                Kind::Masks => Geometry::Masks(Arc::new(self.masks)),
                Kind::Keypoints => Geometry::Keypoints(Arc::new(self.keypoints)),
            },
        }
    }
}

/// A batch: both sides, and the ids of its images if the user gives them.
pub struct Batch {
    /// Ground truth.
    pub ground_truth: Side,
    /// Detections.
    pub detections: Side,
    /// The images' ids, all or none.
    pub image_ids: Option<Vec<Key>>,
    /// The number of images.
    pub images: usize,
}

/// Reads lists of one dictionary for each image; `first` is the number of the first one in errors.
pub fn read_batch(
    preds: &Bound<'_, PyAny>,
    targets: &Bound<'_, PyAny>,
    options: &Options,
    first: usize,
) -> PyResult<Batch> {
    let (preds, targets) = (list(preds, "preds")?, list(targets, "targets")?);
    if preds.len() != targets.len() {
        let (p, t) = (preds.len(), targets.len());
        return Err(PyValueError::new_err(format!("preds has {p} images, targets has {t}")));
    }
    let mut batch = Batch {
        ground_truth: Side::default(),
        detections: Side::default(),
        image_ids: None,
        images: preds.len(),
    };
    let mut ids = Vec::new();
    let name = intern!(preds.py(), "image_id");
    for (i, (pred, target)) in preds.iter().zip(targets.iter()).enumerate() {
        let number = first + i;
        let (of_pred, of_target) = (|| format!("preds[{number}]"), || format!("targets[{number}]"));
        batch.detections.read_image(&pred, &of_pred, i as u32, options, true)?;
        batch.ground_truth.read_image(&target, &of_target, i as u32, options, false)?;
        let read = |item: &Bound<'_, PyAny>, place: &dyn Fn() -> String| {
            let id = Items(item).get(name)?;
            id.map(|id| key(&id, || format!("{}[\"image_id\"]", place()))).transpose()
        };
        match (read(&target, &of_target)?, read(&pred, &of_pred)?) {
            (Some(a), Some(b)) if a != b => {
                let message =
                    format!("{}[\"image_id\"] is {b}, {}[\"image_id\"] is {a}", of_pred(), of_target());
                return Err(PyValueError::new_err(message));
            }
            (a, b) => ids.extend(a.or(b)),
        }
    }
    match ids.len() {
        0 => {}
        given if given == batch.images => batch.image_ids = Some(ids),
        given => {
            let message =
                format!("image_id: {given} of {} images have one, expected all or none", batch.images);
            return Err(PyValueError::new_err(message));
        }
    }
    Ok(batch)
}

fn list<'py>(value: &Bound<'py, PyAny>, name: &str) -> PyResult<Bound<'py, PyList>> {
    if let Ok(list) = value.cast::<PyList>() {
        return Ok(list.clone());
    }
    if value.is_instance_of::<PyDict>() || value.is_instance_of::<PyString>() {
        let found = value.get_type().name()?;
        let message = format!("{name}: expected a list of one dictionary for each image, found a {found}");
        return Err(PyTypeError::new_err(message));
    }
    PyList::new(value.py(), value.try_iter()?.collect::<PyResult<Vec<_>>>()?)
}

fn missing(place: &str, name: &str) -> PyErr {
    PyValueError::new_err(format!("{place}: \"{name}\" is missing"))
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
        [height, width] if height > 0.0 && width > 0.0 => Ok(Some(height * width)),
        _ => Err(PyValueError::new_err(format!("{}: expected height and width, both above zero", named()))),
    }
}

fn check_scores(scores: &[f64], options: &Options, place: impl Fn() -> String) -> PyResult<()> {
    for (row, &score) in scores.iter().enumerate() {
        if score.is_nan() {
            return Err(PyValueError::new_err(format!("{}: row {row} is NaN", place())));
        }
        if let Some((least, most)) = options.scores
            && (score < least || score > most)
        {
            let message = format!(
                "{}: row {row} is {score}, expected {least} to {most} (score_range=None allows any)",
                place()
            );
            return Err(PyValueError::new_err(message));
        }
    }
    Ok(())
}

/// Turns boxes into `x, y, width, height`, in the precision they came in, and checks them.
fn convert_boxes(
    array: &Numbers,
    format: BoxFormat,
    place: impl Fn() -> String,
    out: &mut Vec<[f64; 4]>,
) -> PyResult<()> {
    let round = |x: f64| if array.single { f64::from(x as f32) } else { x };
    for (row, given) in array.values.chunks_exact(4).enumerate() {
        let [a, b, c, d] = [given[0], given[1], given[2], given[3]];
        let converted = match format {
            BoxFormat::Xyxy => [a, b, round(c - a), round(d - b)],
            BoxFormat::Xywh => [a, b, c, d],
            BoxFormat::Cxcywh => [round(a - c / 2.0), round(b - d / 2.0), c, d],
        };
        let complaint = if !converted.iter().all(|x| x.is_finite()) {
            "NaN or infinite"
        } else if converted[2] < 0.0 || converted[3] < 0.0 {
            match format {
                BoxFormat::Xyxy => "the second corner lies before the first",
                _ => "a negative size",
            }
        } else {
            out.push(converted);
            continue;
        };
        return Err(PyValueError::new_err(format!(
            "{}: row {row} is ({a}, {b}, {c}, {d}): {complaint}",
            place()
        )));
    }
    Ok(())
}

/// Reads poses `(N, K, 3)`, of detections also `(N, K, 2)`; gives their number.
fn read_keypoints(
    array: &Numbers,
    place: &dyn Fn() -> String,
    detections: bool,
    out: &mut Keypoints,
) -> PyResult<usize> {
    if array.values.is_empty() {
        return Ok(0);
    }
    let (count, points, width) = match array.shape[..] {
        [n, k, 3] => (n, k, 3),
        [n, k, 2] if detections => (n, k, 2),
        _ => return Err(wrong_shape(&place(), "(N, K, 3)", &array.shape)),
    };
    if !out.triples.is_empty() && out.per_object != points {
        let message = format!("{}: {points} keypoints, the images before have {}", place(), out.per_object);
        return Err(PyValueError::new_err(message));
    }
    out.per_object = points;
    for (row, pose) in array.values.chunks_exact(points * width).enumerate() {
        if !pose.iter().all(|x| x.is_finite()) {
            return Err(PyValueError::new_err(format!(
                "{}: row {row} has a NaN or infinite number",
                place()
            )));
        }
        for point in pose.chunks_exact(width) {
            out.triples.extend([point[0], point[1], point.get(2).copied().unwrap_or(1.0)]);
        }
    }
    Ok(count)
}

/// The box around a pose.
fn extent(pose: &[f64]) -> [f64; 4] {
    let axis = |at: usize| {
        let values = pose.chunks_exact(3).map(move |point| point[at]);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    };
    let ((x0, x1), (y0, y1)) = (axis(0), axis(1));
    [x0, y0, x1 - x0, y1 - y0]
}

/// Reads masks: an array `(N, H, W)` of flags, or a list of COCO's run-length dictionaries. Gives their areas.
fn read_masks(value: &Bound<'_, PyAny>, place: &dyn Fn() -> String, out: &mut Masks) -> PyResult<Vec<f64>> {
    if let Ok(list) = value.cast::<PyList>()
        && (list.is_empty() || list.get_item(0)?.is_instance_of::<PyDict>())
    {
        return read_run_lengths(list, place, out);
    }
    let doors = value.py().import(intern!(value.py(), "meanap._arrays"))?;
    let array = doors.call_method1(intern!(value.py(), "as_masks"), (value, place()))?;
    let array = array.cast::<PyArrayDyn<u8>>()?;
    if array.is_empty() {
        return Ok(Vec::new());
    }
    let &[n, h, w] = array.shape() else { return Err(wrong_shape(&place(), "(N, H, W)", array.shape())) };
    let size = |x: usize| u32::try_from(x).map_err(|_| wrong_shape(&place(), "(N, H, W)", &[n, h, w]));
    let size = [size(h)?, size(w)?];
    let array = array.readonly();
    let data = array.as_slice()?;
    let encoded: Vec<Vec<u32>> = value.py().detach(|| {
        threads::run(|| {
            let encode = |columns: &mut Vec<u8>, mask: &[u8]| {
                by_columns(mask, h, w, columns);
                let mut counts = Vec::new();
                pixels::encode(columns, &mut counts);
                counts
            };
            data.par_chunks_exact(h * w).map_init(Vec::new, encode).collect()
        })
    });
    let area = |counts: &Vec<u32>| measure::area(counts.iter().copied()) as f64;
    let areas = encoded.iter().map(area).collect();
    encoded.iter().for_each(|counts| out.push_counts(size, counts));
    Ok(areas)
}

/// The pixels of a mask column by column: 1 for foreground.
fn by_columns(mask: &[u8], h: usize, w: usize, columns: &mut Vec<u8>) {
    const TILE: usize = 32;
    columns.resize(h * w, 0);
    for top in (0..h).step_by(TILE) {
        for left in (0..w).step_by(TILE) {
            for x in left..(left + TILE).min(w) {
                for y in top..(top + TILE).min(h) {
                    columns[x * h + y] = u8::from(mask[y * w + x] != 0);
                }
            }
        }
    }
}

fn read_run_lengths(
    list: &Bound<'_, PyList>,
    place: &dyn Fn() -> String,
    out: &mut Masks,
) -> PyResult<Vec<f64>> {
    let py = list.py();
    let mut areas = Vec::with_capacity(list.len());
    for (row, item) in list.iter().enumerate() {
        let wrong = |what: &str| PyValueError::new_err(format!("{}: row {row}: {what}", place()));
        let rle = item.cast::<PyDict>().map_err(|_| wrong("expected a dictionary with size and counts"))?;
        let size: [u32; 2] = match rle.get(intern!(py, "size"))? {
            Some(size) => size.extract().map_err(|_| wrong("\"size\": expected height and width"))?,
            None => return Err(wrong("\"size\" is missing")),
        };
        let Some(counts) = rle.get(intern!(py, "counts"))? else {
            return Err(wrong("\"counts\" is missing"));
        };
        let text: Option<Vec<u8>> = match counts.cast::<PyString>() {
            Ok(text) => Some(text.to_str()?.as_bytes().to_vec()),
            Err(_) => counts.cast::<pyo3::types::PyBytes>().ok().map(|bytes| bytes.as_bytes().to_vec()),
        };
        let counts: Vec<u32> = match text {
            Some(text) => codec::read(codec::checked(&text).map_err(|e| wrong(e.message()))?).collect(),
            None => counts.extract().map_err(|_| wrong("\"counts\": expected run lengths"))?,
        };
        let pixels = counts.iter().map(|&count| u64::from(count)).sum::<u64>();
        if pixels != u64::from(size[0]) * u64::from(size[1]) {
            let message = format!("the runs cover {pixels} pixels of a mask of {} x {}", size[0], size[1]);
            return Err(wrong(&message));
        }
        areas.push(measure::area(counts.iter().copied()) as f64);
        out.push_counts(size, &counts);
    }
    Ok(areas)
}
