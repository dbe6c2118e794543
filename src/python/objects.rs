//! The columns as Python carries them: opaque, with the ids that their codes stand for.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use numpy::{PyArray1, PyArray2, PyReadonlyArray2};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use rayon::prelude::*;

use super::arrays::{array, column, key_list, keys, vector};
use super::batch::{complaint_of_runs, listed};
use super::dataset::PyDataset;
use super::interruptible::interruptible;
use super::items;
use super::matches::LONG_TABLE;
use crate::columns::{Areas, Boxes, Geometry, Key, MaskShape, Masks, Objects, RotatedBoxes, SharedColumn};
use crate::error::{Error, Result, collect, collect_growing, copied, filled, push, with_capacity};
use crate::matching::NOT_EVALUATED;
use crate::rle::codec;
use crate::similarity::{Measures, Region, ignore_within, measure};
use crate::threads;

/// Areas `(N,)`, boxes `(N, 4)` and image sizes `(N, 2)` of masks.
type MaskColumns<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>);

/// One side of an evaluation as columns.
#[pyclass(frozen, module = "meanap._core", name = "Objects")]
pub(crate) struct PyObjects {
    /// The columns.
    pub columns: Objects,
    /// The id that each image code stands for.
    pub image_ids: CodeIds,
    /// The id that each category code stands for.
    pub category_ids: CodeIds,
}

/// The ids that codes stand for.
pub(crate) enum CodeIds {
    /// Integers.
    Numbers(Vec<i64>),
    /// Integers or texts.
    Keys(Vec<Key>),
}

impl CodeIds {
    /// The id of each code.
    pub(crate) fn keys(&self) -> Result<Vec<Key>> {
        match self {
            CodeIds::Numbers(numbers) => collect(numbers.iter().map(|&number| Key::Number(number))),
            CodeIds::Keys(keys) => copied(keys),
        }
    }

    /// A column of codes of the chosen ids alone, and those of them that are here; other codes become one of no id.
    fn within(
        &self,
        column: &SharedColumn<u32>,
        chosen: Option<Vec<Key>>,
    ) -> Result<(SharedColumn<u32>, CodeIds)> {
        let keys = self.keys()?;
        let Some(chosen) = chosen else { return Ok((column.clone(), CodeIds::Keys(keys))) };
        let chosen: HashSet<Key> = chosen.into_iter().collect();
        let (mut codes, mut kept) = (filled(keys.len(), NOT_EVALUATED)?, Vec::new());
        for (code, key) in codes.iter_mut().zip(keys).filter(|(_, key)| chosen.contains(key)) {
            *code = kept.len() as u32;
            push(&mut kept, key)?;
        }
        let code = |&code: &u32| codes.get(code as usize).copied().unwrap_or(NOT_EVALUATED);
        Ok((Arc::new(collect(column.iter().map(code))?), CodeIds::Keys(kept)))
    }

    fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        match self {
            CodeIds::Numbers(numbers) => items::list(py, numbers.iter()),
            CodeIds::Keys(keys) => key_list(py, keys),
        }
    }

    fn numbers<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray1<i64>>>> {
        match self {
            CodeIds::Numbers(numbers) => vector(py, copied(numbers)?).map(Some),
            CodeIds::Keys(_) => Ok(None),
        }
    }
}

impl Objects {
    fn first_bad(&self) -> Option<(usize, Error)> {
        let boxes = match (&self.geometry, &self.area) {
            (Geometry::Boxes(boxes), _) | (_, Areas::OfBoxes(boxes)) => bad_box(boxes),
            (Geometry::Keypoints(poses), _) => bad_box(&poses.boxes),
            (Geometry::RotatedBoxes(boxes), _) => bad_rotated_box(boxes),
            (Geometry::Masks(_), _) => None,
        };
        let shape = match &self.geometry {
            Geometry::Boxes(_) | Geometry::RotatedBoxes(_) => None,
            Geometry::Keypoints(poses) => poses.points.iter().position(|x| !x.is_finite()).map(|number| {
                let error = Error::value("").field("keypoints").found("has a NaN or infinite number");
                (number / (2 * poses.per_object), error)
            }),
            Geometry::Masks(masks) => bad_mask(masks),
        };
        let score = self
            .score
            .position_of_row(|[score]| score.is_nan())
            .map(|row| (row, Error::value("").field("score").found("is NaN").expected("a number")));
        let area = match &self.area {
            Areas::Given(areas) if self.score.is_empty() => {
                let row = areas.position_of_row(|[area]| !(0.0..f64::INFINITY).contains(&area));
                row.map(|row| {
                    let error = Error::value("").field("area").found(format!("is {}", areas.get(row)));
                    (row, error.expected("an area in pixels"))
                })
            }
            _ => None,
        };
        [boxes, shape, score, area].into_iter().flatten().min_by_key(|&(row, _)| row)
    }
}

/// A region whose corners are rows of two numbers.
pub(super) fn region(corners: &PyReadonlyArray2<'_, f64>) -> Result<Region> {
    collect(corners.as_array().rows().into_iter().map(|corner| [corner[0], corner[1]]))
}

fn bad_box(boxes: &Boxes) -> Option<(usize, Error)> {
    let (row, complaint) = boxes.first_unusable()?;
    Some((row, bad_sides(&boxes.get(row), complaint)))
}

fn bad_rotated_box(boxes: &RotatedBoxes) -> Option<(usize, Error)> {
    let (row, complaint) = boxes.first_unusable()?;
    Some((row, bad_sides(boxes.get(row).numbers(), complaint)))
}

fn bad_sides(numbers: &[f64], complaint: &str) -> Error {
    Error::value("").field("bbox").found(format!("is ({}): {complaint}", listed(numbers)))
}

fn bad_mask(masks: &Masks) -> Option<(usize, Error)> {
    let complaint = |row: usize| {
        let size = masks.size[row];
        let complaint = match masks.shape[row] {
            MaskShape::Polygons { .. } => None,
            MaskShape::Compressed { piece, start, len } => {
                match codec::checked(masks.text(piece, start, len)) {
                    Ok(text) => complaint_of_runs(size, codec::read(text)),
                    Err(error) => Some(error.to_string()),
                }
            }
            MaskShape::Counts { start, len } => {
                let counts = &masks.counts[start as usize..][..len as usize];
                complaint_of_runs(size, counts.iter().copied())
            }
        };
        complaint.map(|complaint| (row, Error::value(complaint).field("segmentation")))
    };
    threads::run(|| (0..masks.len()).into_par_iter().with_min_len(256).find_map_first(complaint))
}

#[pymethods]
impl PyObjects {
    fn __len__(&self) -> usize {
        self.columns.len()
    }

    /// The id that each image code stands for.
    #[getter]
    fn image_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.image_ids.list(py)
    }

    /// The id that each category code stands for.
    #[getter]
    fn category_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.category_ids.list(py)
    }

    /// The image ids as an array, without Python objects; None where they may be texts.
    #[getter]
    fn image_numbers<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray1<i64>>>> {
        self.image_ids.numbers(py)
    }

    /// The category ids as an array.
    #[getter]
    fn category_numbers<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray1<i64>>>> {
        self.category_ids.numbers(py)
    }

    /// The same columns, in which objects of other images and categories than these have none; None for all.
    fn within(
        &self,
        images: Option<&Bound<'_, PyAny>>,
        categories: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyObjects> {
        let mut columns = self.columns.clone();
        let chosen = |ids: Option<&Bound<'_, PyAny>>, name: &str| -> PyResult<Option<Vec<Key>>> {
            ids.map(|ids| keys(ids, || name.to_owned())).transpose()
        };
        let (image, image_ids) = self.image_ids.within(&columns.image, chosen(images, "images")?)?;
        let (category, category_ids) =
            self.category_ids.within(&columns.category, chosen(categories, "categories")?)?;
        (columns.image, columns.category) = (image, category);
        Ok(PyObjects { columns, image_ids, category_ids })
    }

    /// The same columns, in which what lies in the regions of its image by `least` of its box or more is ignored if it
    /// matches nothing. `images`: the image of each region, `regions`: their corners `(P, 2)`.
    fn ignoring(
        &self,
        py: Python<'_>,
        images: &Bound<'_, PyAny>,
        regions: Vec<PyReadonlyArray2<'_, f64>>,
        least: f64,
    ) -> PyResult<PyObjects> {
        let images = keys(images, || "images".to_owned())?;
        let ids = self.image_ids.keys()?;
        let codes: HashMap<&Key, usize> = ids.iter().zip(0..).collect();
        let mut of_image: Vec<Vec<Region>> = filled(ids.len(), Vec::new())?;
        for (image, corners) in images.iter().zip(&regions) {
            if let Some(&code) = codes.get(image) {
                push(&mut of_image[code], region(corners)?)?;
            }
        }
        let long = self.columns.len() >= LONG_TABLE;
        let columns = interruptible(py, long, |progress| {
            let mut columns = self.columns.clone();
            ignore_within(&mut columns, &of_image, least, progress)?;
            Ok(columns)
        })?;
        Ok(PyObjects {
            columns,
            image_ids: CodeIds::Keys(ids),
            category_ids: CodeIds::Keys(self.category_ids.keys()?),
        })
    }

    /// Raises `InputError` for the first row of which something cannot be used; rows are those of `source`, as `records` or
    /// as rows of a table.
    fn check(&self, py: Python<'_>, source: &str, records: bool) -> PyResult<()> {
        match py.detach(|| self.columns.first_bad()) {
            None => Ok(()),
            Some((row, error)) => {
                let error = if records { error.in_record(row) } else { error.in_row(row) };
                Err(error.at(source).into())
            }
        }
    }

    /// The first row of an image (or a category) code.
    fn first_row(&self, kind: &str, code: u32) -> Option<usize> {
        let column = if kind == "image" { &self.columns.image } else { &self.columns.category };
        column.iter().position(|&of_row| of_row == code)
    }

    /// The first of the images that the file's `images` do not list; None if all are well, or ids are texts.
    fn strange_image(&self, file: &PyDataset) -> Option<i64> {
        let CodeIds::Numbers(numbers) = &self.image_ids else { return None };
        let mut known = file.dataset.images.ids.clone();
        known.sort_unstable();
        numbers.iter().copied().find(|id| known.binary_search(id).is_err())
    }

    /// Keypoints of each object; None for boxes and masks.
    #[getter]
    fn keypoints(&self) -> Option<usize> {
        match &self.columns.geometry {
            Geometry::Keypoints(keypoints) => Some(keypoints.per_object),
            _ => None,
        }
    }

    /// Of masks: the number of pixels, the box around them (of polygons around their corners) and height and width of
    /// their images; NaN for a mask that cannot be decoded. None for boxes and keypoints.
    fn mask_measures<'py>(&self, py: Python<'py>) -> PyResult<Option<MaskColumns<'py>>> {
        let Geometry::Masks(masks) = &self.columns.geometry else { return Ok(None) };
        let found = py.detach(|| measure(masks));
        let nothing = Measures { area: f64::NAN, bounds: [f64::NAN; 4], size: [0; 2] };
        let each = || found.iter().map(|found| found.unwrap_or(nothing));
        Ok(Some((
            column(py, each().map(|found| found.area))?,
            array(py, collect_growing(each().flat_map(|found| found.bounds))?, [found.len(), 4])?,
            array(
                py,
                collect_growing(each().flat_map(|found| found.size.map(f64::from)))?,
                [found.len(), 2],
            )?,
        )))
    }

    /// Boxes as N x 7 rows: image id, x, y, width, height, score, category id.
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let columns = &self.columns;
        let (CodeIds::Numbers(images), CodeIds::Numbers(categories)) = (&self.image_ids, &self.category_ids)
        else {
            return Err(PyTypeError::new_err("rows: of ids that are integers only"));
        };
        let Geometry::Boxes(boxes) = &columns.geometry else {
            return Err(PyTypeError::new_err("rows: of boxes only"));
        };
        if columns.score.len() != boxes.len() {
            return Err(PyTypeError::new_err("rows: of detections only"));
        }
        let mut rows = with_capacity(boxes.len().saturating_mul(7))?;
        for (i, [x, y, width, height]) in boxes.iter().enumerate() {
            let (image, category) = (columns.image[i] as usize, columns.category[i] as usize);
            let (Some(&image), Some(&category)) = (images.get(image), categories.get(category)) else {
                return Err(PyTypeError::new_err(
                    "rows: of objects that know the ids of images and categories",
                ));
            };
            rows.extend([image as f64, x, y, width, height, columns.score.get(i), category as f64]);
        }
        array(py, rows, [boxes.len(), 7])
    }
}
