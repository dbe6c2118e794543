//! Eagerly decoded geometry: masks of results, which `loadRes` measures, and keypoints, which are decoded about as fast
//! as they are skipped and take an eighth of the size of their text.
//!
//! All other geometry is skipped, and read at its position in the file if an evaluation needs it.

use super::pose::Poses;
use super::record::Field;
use super::scanner::{Scan, Scanner, added};
use super::segmentation;
use crate::columns::{MaskShape, Masks, MasksEnd};
use crate::error::{Result, append, push};
use crate::rle::{codec, measure};

/// The masks or the poses of all records so far, if each had one that columns can hold.
#[derive(Clone, Debug, Default)]
pub struct EagerGeometry {
    /// What is decoded eagerly, if anything.
    field: Option<Field>,
    /// Masks, all of them compressed run lengths.
    pub masks: Masks,
    /// The area of each mask.
    pub areas: Vec<f64>,
    /// Poses.
    pub poses: Poses,
    /// Where the last record that counts ended.
    mark: Mark,
    runs: Vec<[u32; 2]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    records: usize,
    masks: MasksEnd,
}

impl EagerGeometry {
    /// Keeps all masks.
    pub fn masks() -> EagerGeometry {
        EagerGeometry { field: Some(Field::Segmentation), ..EagerGeometry::default() }
    }

    /// Keeps all poses, of ground truth or of detections.
    pub fn poses(labels: bool) -> EagerGeometry {
        EagerGeometry { field: Some(Field::Keypoints), poses: Poses::new(labels), ..EagerGeometry::default() }
    }

    /// Nothing yet, of the same kind.
    pub fn fresh(&self) -> EagerGeometry {
        EagerGeometry { field: self.field, poses: self.poses.fresh(), ..EagerGeometry::default() }
    }

    /// Whether this field is decoded eagerly.
    #[inline]
    pub fn decodes(&self, field: Field) -> bool {
        self.field == Some(field)
    }

    /// Reads the value of the field at the scanner. `None` if it cannot be decoded; the scanner is then anywhere.
    pub fn read(&mut self, scanner: &mut Scanner<'_>) -> Scan<Option<()>> {
        self.discard_pending();
        let read = self.read_value(scanner);
        if !matches!(read, Ok(Some(()))) {
            self.discard_pending();
        }
        read
    }

    fn read_value(&mut self, scanner: &mut Scanner<'_>) -> Scan<Option<()>> {
        if self.field == Some(Field::Keypoints) {
            return self.poses.read(scanner);
        }
        if scanner.peek() != b'{' || segmentation::read(scanner, [0; 2], &mut self.masks)?.is_none() {
            return Ok(None);
        }
        let Some(&MaskShape::Compressed { piece, start, len }) = self.masks.shape.last() else {
            return Ok(None);
        };
        let Ok(text) = codec::checked(self.masks.text(piece, start, len)) else { return Ok(None) };
        added(push(&mut self.areas, f64::from(measure::area_of_text(text, &mut self.runs))))?;
        Ok(Some(()))
    }

    /// Discards a record that was begun.
    fn discard_pending(&mut self) {
        let Mark { records, masks } = self.mark;
        self.masks.restore(masks);
        self.areas.truncate(records);
        self.poses.discard();
    }

    /// The record that was read last counts. Without a value of its own it ends the keeping.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    #[inline(always)]
    pub fn commit(&mut self) -> Result<()> {
        match self.field {
            Some(field) => self.commit_value(field),
            None => Ok(()),
        }
    }

    #[inline(always)]
    fn commit_value(&mut self, field: Field) -> Result<()> {
        let whole = match field {
            Field::Segmentation => self.areas.len() == self.mark.records + 1,
            _ => self.poses.pending(),
        };
        if whole {
            if self.poses.pending() {
                self.poses.commit()?;
            }
            self.set_mark(self.mark.records + 1);
        } else {
            self.stop();
        }
        Ok(())
    }

    fn set_mark(&mut self, records: usize) {
        self.mark = Mark { records, masks: self.masks.mark() };
    }

    /// Keeps nothing from here on.
    fn stop(&mut self) {
        *self = EagerGeometry::default();
    }

    /// Appends the geometry that `part` decoded, and empties it.
    pub fn append(&mut self, part: &mut EagerGeometry) -> Result<()> {
        part.discard_pending();
        let records = self.mark.records + part.mark.records;
        if self.field.is_none() || part.field != self.field {
            self.stop();
            *part = self.fresh();
            return Ok(());
        }
        self.masks.append(std::mem::take(&mut part.masks))?;
        append(&mut self.areas, &mut part.areas)?;
        if self.poses.append(&mut part.poses)? {
            self.set_mark(records);
            part.mark = Mark::default();
        } else {
            self.stop();
            *part = self.fresh();
        }
        Ok(())
    }
}
