//! Columns from Python dictionaries and from N x 7 arrays.
//!
//! Input that the columns cannot represent exactly gives None: the caller then evaluates in Python, with the objects
//! themselves.

use std::sync::Arc;

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList};

use super::annotation_index::AnnotationIndex;
use super::index::same_kind;
use super::items::check_signals;
use super::number::{NumberKind, exact, number, numbers};
use super::positions::{IdPositions, ImagePositions, NOWHERE};
use super::record::{AnnotationField, AnnotationRecord, DictReader, prefetch};
use super::segmentation::MaskReader;
use super::{CodeIds, PyObjects};
use crate::columns::InternedIds;
use crate::columns::{
    AnnotationIds, Areas, Boxes, CompactDoubles, Geometry, GeometryKind, Keypoints, Objects,
};
use crate::error::{Error, Result, can_allocate, collect, push, with_capacity};
use crate::json::Role;
use crate::python::bad_value;
use crate::python::once::intern;
use crate::similarity;
use crate::threads;

/// Adds the functions of this file to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(objects_from_dicts, module)?)?;
    module.add_function(wrap_pyfunction!(objects_from_rows, module)?)?;
    Ok(())
}

/// Columns of annotation dictionaries, or None where an object is not what columns can hold exactly.
///
/// The image and category codes are the positions that the two dictionaries give to the ids. `images` (id -> image
/// dictionary) is needed for masks. `single` allows areas in single precision: they compare as doubles would only
/// with bounds that single precision holds. With an `index` of these annotations None also says that an id has been
/// edited since.
#[pyfunction]
#[pyo3(signature = (
    annotations, iou_type, role, images, image_positions, category_positions, single=false, index=None
))]
#[expect(clippy::too_many_arguments, reason = "keywords of one call")]
pub(super) fn objects_from_dicts(
    annotations: &Bound<'_, PyList>,
    iou_type: &str,
    role: &str,
    images: Option<&Bound<'_, PyDict>>,
    image_positions: &Bound<'_, PyDict>,
    category_positions: &Bound<'_, PyDict>,
    single: bool,
    index: Option<&AnnotationIndex>,
) -> PyResult<Option<PyObjects>> {
    let role = match role {
        "ground_truth" => Role::GroundTruth,
        "detections" => Role::Detections,
        _ => {
            let message = format!("role must be \"ground_truth\" or \"detections\", not \"{role}\"");
            return Err(bad_value(message));
        }
    };
    let kind = exact!(similarity::SimilarityKind::named(iou_type).ok());
    let mut geometry = exact!(Builder::new(kind.geometry, role, images, annotations.len()));
    if index.is_some_and(|index| index.len() != annotations.len()) {
        return Err(bad_value("index: of other annotations"));
    }
    let counted = index.is_some_and(|index| index.ids.is_none());
    can_allocate(annotations.len().saturating_mul(MOST_OF_A_ROW))?;
    let mut columns = AnnotationColumns::with_capacity(annotations.len(), role, counted);
    let mut wanted =
        vec![AnnotationField::Image, AnnotationField::Category, AnnotationField::Id, AnnotationField::Area];
    wanted.push(if role == Role::Detections { AnnotationField::Score } else { AnnotationField::Crowd });
    if matches!(geometry, Builder::Boxes(_)) {
        wanted.push(AnnotationField::Box);
    }
    let mut reader = DictReader::new(&wanted);
    let places = match (IdPositions::new(image_positions)?, IdPositions::new(category_positions)?) {
        (Some(images), Some(categories)) => Some((ImagePositions::new(images, index)?, categories)),
        _ => None,
    };
    for (record, annotation) in annotations.iter().enumerate() {
        prefetch(annotations, record);
        check_signals(annotations.py(), record)?;
        let Ok(annotation) = annotation.cast_exact::<PyDict>() else { return Ok(None) };
        let plain = places.as_ref().and_then(|places| reader.read(annotation).zip(Some(places)));
        let added = plain.and_then(|(read, (images, categories))| {
            let image = images.of(record, read.image.integer()?, read.id.integer())?;
            columns.push_plain(&read, role, image, categories.of(read.category.integer()?))
        });
        if added.is_none() {
            if index.is_some() {
                return Ok(None);
            }
            exact!(columns.push(annotation, role, single, image_positions, category_positions)?);
        }
        match (&mut geometry, plain.and_then(|(read, _)| read.bbox)) {
            (Builder::Boxes(boxes), Some(sides)) => boxes.push(sides)?,
            _ => exact!(geometry.push(annotation, &mut columns)?),
        }
    }
    let columns = Objects {
        image: Arc::new(columns.image),
        category: Arc::new(columns.category),
        id: columns.id.map_or(AnnotationIds::Counted, |id| AnnotationIds::Given(Arc::new(id.into()))),
        area: Areas::Given(Arc::new(columns.area.into())),
        score: Arc::new(columns.score.into()),
        crowd: Arc::new(columns.crowd),
        ignore: Arc::new(columns.ignore),
        geometry: geometry.finish(),
    };
    Ok(Some(wrap(columns)))
}

/// The columns that every geometry has.
struct AnnotationColumns {
    image: Vec<u32>,
    category: Vec<u32>,
    /// None where the ids are known to be 1, 2, 3, …
    id: Option<Vec<f64>>,
    area: Vec<f64>,
    score: Vec<f64>,
    crowd: Vec<bool>,
    ignore: Vec<bool>,
}

impl AnnotationColumns {
    fn with_capacity(n: usize, role: Role, counted: bool) -> Self {
        let (found, there) = if role == Role::Detections { (n, 0) } else { (0, n) };
        AnnotationColumns {
            image: Vec::with_capacity(n),
            category: Vec::with_capacity(n),
            id: (!counted).then(|| Vec::with_capacity(n)),
            area: Vec::with_capacity(n),
            score: Vec::with_capacity(found),
            crowd: Vec::with_capacity(there),
            ignore: Vec::with_capacity(there),
        }
    }

    /// Adds an annotation whose fields are plain numbers; None, and nothing added, where they are not.
    #[inline]
    fn push_plain(&mut self, read: &AnnotationRecord, role: Role, image: u32, category: u32) -> Option<()> {
        let (id, area) = (read.id.exact()?, read.area.exact()?);
        match role {
            Role::Detections => self.score.push(read.score.exact()?),
            Role::GroundTruth => self.push_crowd(read.crowd.exact()?)?,
        }
        self.image.push(image);
        self.category.push(category);
        if let Some(ids) = &mut self.id {
            ids.push(id);
        }
        self.area.push(area);
        Some(())
    }

    fn push_crowd(&mut self, crowd: f64) -> Option<()> {
        // Truth makes it ignored, the integer makes it a crowd: 0.5 is the one and not the other.
        if !(0.0..2.0).contains(&crowd) {
            return None;
        }
        self.ignore.push(crowd != 0.0);
        self.crowd.push(crowd >= 1.0);
        Some(())
    }

    fn push(
        &mut self,
        annotation: &Bound<'_, PyDict>,
        role: Role,
        single: bool,
        image_positions: &Bound<'_, PyDict>,
        category_positions: &Bound<'_, PyDict>,
    ) -> PyResult<Option<()>> {
        let py = annotation.py();
        let image = exact!(annotation.get_item(intern!(py, "image_id"))?);
        let category = exact!(annotation.get_item(intern!(py, "category_id"))?);
        self.image.push(exact!(position(image_positions, &image)?));
        self.category.push(exact!(position(category_positions, &category)?));
        let id = exact!(annotation.get_item(intern!(py, "id"))?);
        let id = exact!(number(&id)?).value;
        if let Some(ids) = &mut self.id {
            ids.push(id);
        }
        let area = exact!(annotation.get_item(intern!(py, "area"))?);
        let area = exact!(number(&area)?);
        if area.kind == NumberKind::Single && !single {
            return Ok(None);
        }
        self.area.push(area.value);
        match role {
            Role::Detections => {
                let score = exact!(annotation.get_item(intern!(py, "score"))?);
                let score = exact!(number(&score)?);
                // The reference sorts by the negative, which wraps in NumPy's short integers and which its arrays of
                // truth values do not have.
                if matches!(score.kind, NumberKind::Short | NumberKind::Truth) {
                    return Ok(None);
                }
                self.score.push(score.value);
            }
            Role::GroundTruth => {
                let crowd = exact!(annotation.get_item(intern!(py, "iscrowd"))?);
                exact!(self.push_crowd(exact!(number(&crowd)?).value));
            }
        }
        Ok(Some(()))
    }
}

/// The position of an id; None where the dictionary holds something that is not one.
fn position(positions: &Bound<'_, PyDict>, id: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
    match positions.get_item(id)? {
        Some(position) => Ok(position.extract().ok()),
        None => Ok(Some(NOWHERE)),
    }
}

/// The geometry column under construction.
enum Builder<'a, 'py> {
    Boxes(Boxes),
    Masks(MaskReader<'a, 'py>),
    Keypoints { poses: Keypoints, role: Role, numbers: Vec<f64> },
}

impl<'a, 'py> Builder<'a, 'py> {
    fn new(kind: GeometryKind, role: Role, images: Option<&'a Bound<'py, PyDict>>, n: usize) -> Option<Self> {
        match kind {
            GeometryKind::Boxes => Some(Builder::Boxes({
                let mut boxes = Boxes::default();
                // Where there is no memory for all, adding them fails.
                let _ = boxes.reserve(n);
                boxes
            })),
            GeometryKind::Masks => Some(Builder::Masks(MaskReader::new(images?))),
            // The COCO API has no rotated boxes.
            GeometryKind::RotatedBoxes | GeometryKind::Boxes3d => None,
            GeometryKind::Keypoints => {
                Some(Builder::Keypoints { poses: Keypoints::default(), role, numbers: Vec::new() })
            }
        }
    }

    fn push(
        &mut self,
        annotation: &Bound<'py, PyDict>,
        columns: &mut AnnotationColumns,
    ) -> PyResult<Option<()>> {
        let py = annotation.py();
        match self {
            Builder::Boxes(boxes) => {
                let bbox = exact!(annotation.get_item(intern!(py, "bbox"))?);
                boxes.push(exact!(read_box(&bbox)?))?;
                Ok(Some(()))
            }
            Builder::Masks(masks) => masks.push(annotation),
            Builder::Keypoints { poses, role, numbers } => {
                numbers.clear();
                exact!(push_pose(poses, numbers, annotation, *role)?);
                if *role == Role::GroundTruth {
                    let bbox = exact!(annotation.get_item(intern!(py, "bbox"))?);
                    Arc::make_mut(&mut poses.boxes).push(exact!(read_surrogate(&bbox)?))?;
                    let visible = exact!(annotation.get_item(intern!(py, "num_keypoints"))?);
                    let visible = exact!(number(&visible)?).value;
                    if let Some(ignore) = columns.ignore.last_mut() {
                        *ignore = visible == 0.0 || *ignore;
                    }
                }
                Ok(Some(()))
            }
        }
    }

    fn finish(self) -> Geometry {
        match self {
            Builder::Boxes(boxes) => Geometry::Boxes(Arc::new(boxes)),
            Builder::Masks(masks) => Geometry::Masks(Arc::new(masks.finish())),
            Builder::Keypoints { poses, .. } => Geometry::Keypoints(Arc::new(poses)),
        }
    }
}

/// A box as the reference's `iou` takes one: a list or array of four numbers (a tuple is refused there).
fn read_box(bbox: &Bound<'_, PyAny>) -> PyResult<Option<[f64; 4]>> {
    if let Ok(list) = bbox.cast_exact::<PyList>() {
        if list.len() != 4 {
            return Ok(None);
        }
        let mut sides = [0.0; 4];
        for (side, item) in sides.iter_mut().zip(list.iter()) {
            *side = exact!(number(&item)?).value;
        }
        return Ok(Some(sides));
    }
    let mut sides = Vec::new();
    exact!(numbers(bbox, &mut sides)?);
    Ok(sides.try_into().ok())
}

/// A box that the reference computes with in Python: numbers whose sums and doubles are exact or those of doubles.
fn read_surrogate(bbox: &Bound<'_, PyAny>) -> PyResult<Option<[f64; 4]>> {
    let mut sides = Vec::new();
    let kinds = exact!(numbers(bbox, &mut sides)?);
    let limit = f64::from(1 << 30);
    let whole = |side: &f64| side.fract() != 0.0 || !side.is_finite() || side.abs() <= limit;
    if kinds.other || narrow_array(bbox)? || (kinds.integer && !sides.iter().all(whole)) {
        return Ok(None);
    }
    Ok(sides.try_into().ok())
}

/// Adds an object's pose.
fn push_pose(
    poses: &mut Keypoints,
    numbers_of_one: &mut Vec<f64>,
    annotation: &Bound<'_, PyDict>,
    role: Role,
) -> PyResult<Option<()>> {
    let keypoints = exact!(annotation.get_item(intern!(annotation.py(), "keypoints"))?);
    let kinds = exact!(numbers(&keypoints, numbers_of_one)?);
    if kinds.other || narrow_array(&keypoints)? {
        return Ok(None);
    }
    // In an array of integers the reference squares integers: exact in doubles only while they are small.
    if kinds.integer && !kinds.double && numbers_of_one.iter().any(|value| value.abs() > f64::from(1 << 25)) {
        return Ok(None);
    }
    let triples = numbers_of_one.len();
    if triples == 0
        || !triples.is_multiple_of(3)
        || (poses.per_object != 0 && poses.per_object != triples / 3)
    {
        return Ok(None);
    }
    poses.per_object = triples / 3;
    for point in numbers_of_one.chunks_exact(3) {
        poses.points.extend(&point[..2])?;
        if role == Role::GroundTruth {
            push(&mut poses.labelled, point[2] > 0.0)?;
        }
    }
    Ok(Some(()))
}

/// Whether `object` is an array whose own arithmetic is not that of doubles or 64-bit integers.
fn narrow_array(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    if object.is_exact_instance_of::<PyList>() {
        return Ok(false);
    }
    let name: String = object.getattr("dtype")?.getattr("name")?.extract()?;
    Ok(name != "float64" && name != "int64")
}

/// Bytes that a record or row takes while the columns are made, at most.
const MOST_OF_A_ROW: usize = 96;

/// Columns of N x 7 result rows: image id, x, y, width, height, score, category id; None where an id exceeds 64 bits.
///
/// Ids are truncated as `int()` would, and NaN and infinity raise as it does. `areas` are the products of width and
/// height where the rows' own precision is not this one.
#[pyfunction]
#[pyo3(signature = (rows, areas=None))]
pub(super) fn objects_from_rows(
    rows: PyReadonlyArray2<'_, f64>,
    areas: Option<PyReadonlyArray1<'_, f64>>,
) -> PyResult<Option<PyObjects>> {
    let py = rows.py();
    let (rows, areas) = (rows.as_array(), areas.as_ref().map(PyReadonlyArray1::as_array));
    if rows.ncols() != 7 || areas.as_ref().is_some_and(|areas| areas.len() != rows.nrows()) {
        return Err(bad_value("rows must be (N, 7) and areas (N,)"));
    }
    // Codes, boxes, scores and areas, and what they grow out of.
    can_allocate(rows.nrows().saturating_mul(MOST_OF_A_ROW))?;
    // The lock is held, so that nothing writes to the rows, while two threads read them.
    let codes = |column: usize| -> Result<_> {
        let mut codes = InternedIds::default();
        codes.codes = with_capacity(rows.nrows())?;
        let fits = |&value: &f64| value.trunc().abs() < 2f64.powi(63);
        let misfit = rows.column(column).iter().position(|value| !fits(value));
        if misfit.is_none() {
            rows.column(column).iter().try_for_each(|&value| codes.push(value as i64))?;
        }
        Ok((codes, misfit))
    };
    let geometry = || -> Result<_> {
        let boxes = Boxes::collect(rows.outer_iter().map(|row| [row[1], row[2], row[3], row[4]]))?;
        let areas = areas.as_ref().map(|areas| collect(areas.iter().copied())).transpose()?;
        Ok((boxes, areas, CompactDoubles::collect(rows.column(5).iter().copied())?))
    };
    let (images, categories, geometry) = threads::run(|| {
        let ids = || -> Result<_> { Ok((codes(0)?, codes(6)?)) };
        let (ids, geometry) = rayon::join(ids, geometry);
        let (images, categories) = ids?;
        Ok::<_, Error>((images, categories, geometry?))
    })?;
    let misfits = [(images.1, 0, "image id"), (categories.1, 6, "category id")];
    if let Some((record, column, name)) =
        misfits.into_iter().filter_map(|(record, column, name)| Some((record?, column, name))).min()
    {
        integer(py, rows[[record, column]], record, name)?;
        return Ok(None);
    }
    let (boxes, areas, score) = geometry;
    let boxes = Arc::new(boxes);
    let columns = Objects {
        image: Arc::new(images.0.codes),
        category: Arc::new(categories.0.codes),
        id: AnnotationIds::Counted,
        area: match areas {
            Some(areas) => Areas::Given(Arc::new(areas.into())),
            None => Areas::OfBoxes(Arc::clone(&boxes)),
        },
        score: Arc::new(score),
        crowd: Arc::default(),
        ignore: Arc::default(),
        geometry: Geometry::Boxes(boxes),
    };
    Ok(Some(PyObjects {
        columns,
        image_ids: CodeIds::Numbers(images.0.ids),
        category_ids: CodeIds::Numbers(categories.0.ids),
    }))
}

/// `int(value)`.
fn integer<'py>(py: Python<'py>, value: f64, record: usize, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.get_type::<PyInt>().call1((value,)).map_err(|error| {
        let sentence = format!("results: record {record}: the {name} is {value}, expected an integer");
        same_kind(py, error, sentence)
    })
}

fn wrap(columns: Objects) -> PyObjects {
    PyObjects { columns, image_ids: CodeIds::Numbers(Vec::new()), category_ids: CodeIds::Numbers(Vec::new()) }
}
