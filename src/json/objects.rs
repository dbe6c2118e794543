//! The columns of an evaluation, from those of a file.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::annotations::Spans;
use super::dataset::{Dataset, FileKind};
use super::eager::EagerGeometry;
use super::pose::{self, Poses};
use super::record::Field;
use super::scanner::{Scan, Scanner, added};
use super::{regions, segmentation};
use crate::columns::{
    AnnotationIds, Areas, Boxes, CompactDoubles, Geometry, GeometryKind, Keypoints, MaskShape, Masks,
    Objects, RotatedBoxes, SharedColumn,
};
use crate::error::{Error, Result, can_allocate, collect, filled, with_capacity};
use crate::rle::polygon::is_coordinate;
use crate::rle::{codec, measure};
use crate::threads;

/// Which side of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What is true.
    GroundTruth,
    /// What a detector says.
    Detections,
}

/// What all results of a file are: its first one decides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Boxes,
    Masks,
    Poses,
    /// Which `loadRes` does not know.
    RotatedBoxes,
    /// Of which nothing can be compared.
    Captions,
}

impl Dataset {
    /// The columns for one side of an evaluation. `images` knows the sizes of the images.
    ///
    /// `None` if a field that is needed is not in every record, or holds what columns cannot.
    ///
    /// # Errors
    ///
    /// The file cannot be read again, or has changed.
    pub fn objects(&self, wanted: GeometryKind, role: Role, images: &Dataset) -> Result<Option<Objects>> {
        if self.fallback.is_some() || images.fallback.is_some() {
            return Ok(None);
        }
        match role {
            Role::GroundTruth => self.ground_truth(wanted, images),
            Role::Detections if self.kind == FileKind::Dataset => self.dataset_as_detections(wanted, images),
            Role::Detections => self.results(wanted, images),
        }
    }

    fn ground_truth(&self, wanted: GeometryKind, images: &Dataset) -> Result<Option<Objects>> {
        let shared = &self.shared;
        let (Some(id), Some(area), Some(crowd)) = (&shared.id, &shared.area, &shared.crowd) else {
            return Ok(None);
        };
        let mut ignore = Arc::clone(crowd);
        if wanted == GeometryKind::Keypoints {
            let unlabelled = &self.annotations.unlabelled;
            if unlabelled.len() != self.len() {
                return Ok(None);
            }
            ignore = Arc::new(collect(crowd.iter().zip(unlabelled).map(|(&crowd, &none)| crowd || none))?);
        }
        let Some(geometry) = self.geometry(wanted, Role::GroundTruth, images)? else { return Ok(None) };
        let sides = self.side(AnnotationIds::Given(Arc::clone(id)), Areas::Given(Arc::clone(area)), geometry);
        Ok(sides.map(|side| Objects { crowd: Arc::clone(crowd), ignore, ..side }))
    }

    fn dataset_as_detections(&self, wanted: GeometryKind, images: &Dataset) -> Result<Option<Objects>> {
        let (Some(id), Some(area)) = (&self.shared.id, &self.shared.area) else { return Ok(None) };
        let Some(geometry) = self.geometry(wanted, Role::Detections, images)? else { return Ok(None) };
        Ok(self.scored(AnnotationIds::Given(Arc::clone(id)), Areas::Given(Arc::clone(area)), geometry))
    }

    /// As `loadRes` completes results: ids are counted, areas computed, and what is missing is made of what is there.
    fn results(&self, wanted: GeometryKind, images: &Dataset) -> Result<Option<Objects>> {
        let Some(form) = self.form() else { return Ok(None) };
        if self.shared.score.is_none() {
            return Ok(None);
        }
        if !wanted.rotated_widths().is_empty() {
            return self.results_of_rotated_boxes(wanted);
        }
        let made = match form {
            Form::Boxes => self.results_of_boxes(wanted, images)?,
            Form::Masks => self.results_of_masks(wanted, images)?,
            Form::Poses => self.results_of_poses(wanted)?,
            Form::RotatedBoxes | Form::Captions => None,
        };
        Ok(made.and_then(|(area, geometry)| self.scored(AnnotationIds::Counted, area, geometry)))
    }

    /// As `loadRes` looks for what it knows; `None` if it finds nothing of that.
    pub(super) fn form(&self) -> Option<Form> {
        let first = |name: &str| self.first_fields.iter().any(|field| field == name);
        if first("caption") {
            Some(Form::Captions)
        } else if first("bbox") && !self.annotations.first_bbox_empty {
            Some(Form::Boxes)
        } else if first("segmentation") {
            Some(Form::Masks)
        } else if first("keypoints") {
            Some(Form::Poses)
        } else if first("obb") {
            Some(Form::RotatedBoxes)
        } else {
            None
        }
    }

    /// The geometry that is decoded eagerly while the records are read. Called before that, when no first box is known
    /// to be empty.
    pub(super) fn eager_geometry(&self) -> EagerGeometry {
        let poses = self.first_fields.iter().any(|field| field == "keypoints");
        match (self.kind, self.form()) {
            (FileKind::Results, Some(Form::Masks)) => EagerGeometry::masks(),
            (FileKind::Results, Some(Form::Boxes | Form::Poses)) | (FileKind::Dataset, _) if poses => {
                EagerGeometry::poses(self.kind == FileKind::Dataset)
            }
            _ => EagerGeometry::default(),
        }
    }

    /// Whatever else they have, their areas are those of the rotated boxes.
    fn results_of_rotated_boxes(&self, wanted: GeometryKind) -> Result<Option<Objects>> {
        let Some(boxes) = self.rotated_boxes(wanted) else { return Ok(None) };
        let area = Areas::OfRotatedBoxes(Arc::clone(&boxes));
        Ok(self.scored(AnnotationIds::Counted, area, Geometry::RotatedBoxes(boxes)))
    }

    fn rotated_boxes(&self, wanted: GeometryKind) -> Option<Arc<RotatedBoxes>> {
        let boxes = self.shared.rotated.as_ref()?;
        wanted.rotated_widths().contains(&boxes.width()).then(|| Arc::clone(boxes))
    }

    fn results_of_boxes(&self, wanted: GeometryKind, images: &Dataset) -> Result<Option<(Areas, Geometry)>> {
        let Some(boxes) = &self.shared.bbox else { return Ok(None) };
        let area = Areas::OfBoxes(Arc::clone(boxes));
        let geometry =
            if wanted == GeometryKind::Masks && self.annotations.seen & Field::Segmentation.bit() == 0 {
                self.box_polygons(boxes, images)?
            } else {
                self.geometry(wanted, Role::Detections, images)?
            };
        Ok(geometry.map(|geometry| (area, geometry)))
    }

    fn results_of_masks(&self, wanted: GeometryKind, images: &Dataset) -> Result<Option<(Areas, Geometry)>> {
        let sized = wanted == GeometryKind::Masks;
        let (masks, area) = match &self.shared.masks {
            Some(_) if sized && self.image_sizes(images)?.is_none() => return Ok(None),
            Some((masks, area)) => (Arc::clone(masks), Arc::clone(area)),
            None => {
                let Some(masks) = self.masks(images, sized)? else { return Ok(None) };
                let area =
                    for_all(&masks, |_, text, runs| Some(f64::from(measure::area_of_text(text, runs))))?;
                let Some(area) = area else { return Ok(None) };
                (Arc::new(masks), Arc::new(area.into()))
            }
        };
        let geometry = match wanted {
            GeometryKind::Masks => Some(Geometry::Masks(masks)),
            // A box is made where there is none, which is everywhere or left to Python.
            GeometryKind::Boxes if self.annotations.seen & Field::Bbox.bit() == 0 => {
                let boxes = for_all(&masks, |[height, width], text, runs| {
                    let bounds =
                        measure::bounding_box_of_text(u64::from(height), u64::from(width), text, runs);
                    bounds.ok().map(|bounds| bounds.map(f64::from))
                })?;
                boxes.map(|boxes| Geometry::Boxes(Arc::new(boxes.into())))
            }
            _ => self.geometry(wanted, Role::Detections, images)?,
        };
        Ok(geometry.map(|geometry| (Areas::Given(area), geometry)))
    }

    fn results_of_poses(&self, wanted: GeometryKind) -> Result<Option<(Areas, Geometry)>> {
        let Some(poses) = self.poses()? else { return Ok(None) };
        let (mut pose, mut boxes) = (with_capacity(2 * poses.per_object)?, Boxes::default());
        for index in 0..poses.len() {
            pose.clear();
            poses.read(index, &mut pose);
            match pose::bounding_box(&pose) {
                Some(sides) => boxes.push(sides)?,
                None => return Ok(None),
            }
        }
        let areas = boxes.iter().map(|[_, _, width, height]| width * height);
        let area = Areas::Given(Arc::new(CompactDoubles::collect(areas)?));
        let geometry = match wanted {
            // The reference writes these over whatever boxes the records have.
            GeometryKind::Boxes => Some(Geometry::Boxes(Arc::new(boxes))),
            GeometryKind::Masks | GeometryKind::RotatedBoxes | GeometryKind::Boxes3d => None,
            GeometryKind::Keypoints => Some(Geometry::Keypoints(poses)),
        };
        Ok(geometry.map(|geometry| (area, geometry)))
    }

    /// Columns of detections, if each has a score.
    fn scored(&self, id: AnnotationIds, area: Areas, geometry: Geometry) -> Option<Objects> {
        let score = Arc::clone(self.shared.score.as_ref()?);
        Some(Objects { score, ..self.side(id, area, geometry)? })
    }

    fn side(&self, id: AnnotationIds, area: Areas, geometry: Geometry) -> Option<Objects> {
        Some(Objects {
            image: Arc::clone(self.shared.image.as_ref()?),
            category: Arc::clone(self.shared.category.as_ref()?),
            id,
            area,
            score: Arc::default(),
            crowd: SharedColumn::default(),
            ignore: SharedColumn::default(),
            geometry,
        })
    }

    /// What the records themselves say.
    fn geometry(&self, wanted: GeometryKind, role: Role, images: &Dataset) -> Result<Option<Geometry>> {
        Ok(match wanted {
            GeometryKind::Boxes => self.shared.bbox.as_ref().map(|boxes| Geometry::Boxes(Arc::clone(boxes))),
            GeometryKind::Masks => self.masks(images, true)?.map(|masks| Geometry::Masks(Arc::new(masks))),
            GeometryKind::Keypoints => {
                if role == Role::GroundTruth && self.shared.bbox.is_none() {
                    return Ok(None);
                }
                self.poses()?.map(Geometry::Keypoints)
            }
            GeometryKind::RotatedBoxes | GeometryKind::Boxes3d => {
                self.rotated_boxes(wanted).map(Geometry::RotatedBoxes)
            }
        })
    }

    /// All segmentations. With `sized`, every image must have a size, as the reference looks it up even where it does
    /// not need it.
    fn masks(&self, images: &Dataset, sized: bool) -> Result<Option<Masks>> {
        let spans = &self.annotations.segmentation;
        if spans.len.len() != self.len() {
            return Ok(None);
        }
        let Some(codes) = &self.shared.image else { return Ok(None) };
        let sizes = match (self.image_sizes(images)?, sized) {
            (Some(sizes), _) => sizes,
            (None, true) => return Ok(None),
            (None, false) => filled(self.annotations.image.ids.len(), [0; 2])?,
        };
        let (size, shape) = (with_capacity(self.len())?, with_capacity(self.len())?);
        let mut masks = Masks { size, shape, ..Masks::default() };
        let read = self.read_again(
            spans,
            |scanner, index, part| segmentation::read(scanner, sizes[codes[index] as usize], part),
            |part| masks.append(part),
        )?;
        Ok(read.map(|()| masks))
    }

    fn read_again<T: Default + Send>(
        &self,
        spans: &Spans,
        read: impl Fn(&mut Scanner<'_>, usize, &mut T) -> Scan<Option<()>> + Sync,
        take: impl FnMut(T) -> Result<()> + Send,
    ) -> Result<Option<()>> {
        self.unchanged()?;
        regions::read(&self.source, spans, read, take).map_err(|error| error.in_file(&self.path))
    }

    /// The polygons that `loadRes` makes of boxes.
    fn box_polygons(&self, boxes: &Boxes, images: &Dataset) -> Result<Option<Geometry>> {
        let (Some(codes), Some(sizes)) = (&self.shared.image, self.image_sizes(images)?) else {
            return Ok(None);
        };
        let mut masks = Masks::default();
        for ([left, top, width, height], &code) in boxes.iter().zip(codes.iter()) {
            let (right, bottom) = (left + width, top + height);
            let ring = [left, top, left, bottom, right, bottom, right, top];
            if !ring.into_iter().all(is_coordinate) {
                return Ok(None);
            }
            masks.push_ring(ring)?;
            masks.push_polygons(sizes[code as usize], 1)?;
        }
        Ok(Some(Geometry::Masks(Arc::new(masks))))
    }

    /// Height and width for each image code, if all are known.
    fn image_sizes(&self, images: &Dataset) -> Result<Option<Vec<[u32; 2]>>> {
        let table = &images.images;
        let mut known: HashMap<i64, Option<[u32; 2]>> = HashMap::new();
        known.try_reserve(table.ids.len()).map_err(|_| Error::out_of_memory_for("the sizes of images"))?;
        known.extend(table.ids.iter().copied().zip(table.sizes.iter().copied()));
        let mut sizes = with_capacity(self.annotations.image.ids.len())?;
        for id in &self.annotations.image.ids {
            match known.get(id).copied().flatten() {
                Some(size) => sizes.push(size),
                None => return Ok(None),
            }
        }
        Ok(Some(sizes))
    }

    /// All poses, with the boxes of ground truth.
    fn poses(&self) -> Result<Option<Arc<Keypoints>>> {
        if let Some(poses) = &self.shared.poses {
            return Ok(Some(Arc::clone(poses)));
        }
        let spans = &self.annotations.keypoints;
        if spans.len.len() != self.len() {
            return Ok(None);
        }
        let (mut poses, mut alike) = (Poses::default(), true);
        let read = self.read_again(
            spans,
            |scanner, _, part: &mut Poses| match part.read(scanner)? {
                Some(()) => added(part.commit()).map(Some),
                None => Ok(None),
            },
            |mut part| {
                alike &= poses.append(&mut part)?;
                Ok(())
            },
        )?;
        Ok(read.filter(|()| alike).map(|()| Arc::new(poses.into_keypoints(Arc::default()))))
    }
}

/// What `measure` makes of the size and the text of each mask, with working memory. `None` if it makes nothing of one,
/// or one is not given as compressed run lengths: the reference measures no others.
fn for_all<T: Send>(
    masks: &Masks,
    measure: impl Fn([u32; 2], &[u8], &mut Vec<[u32; 2]>) -> Option<T> + Sync,
) -> Result<Option<Vec<T>>> {
    can_allocate(masks.len().saturating_mul(size_of::<T>()).saturating_mul(2))?;
    let one = |runs: &mut Vec<[u32; 2]>, index: usize| match masks.shape[index] {
        MaskShape::Compressed { piece, start, len } => {
            let text = codec::checked(masks.text(piece, start, len)).ok()?;
            measure(masks.size[index], text, runs)
        }
        _ => None,
    };
    Ok(threads::run(|| (0..masks.len()).into_par_iter().with_min_len(256).map_init(Vec::new, one).collect()))
}
