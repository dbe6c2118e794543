//! Annotations and results as columns.

mod parse;
mod values;

use self::parse::Record;
pub(crate) use self::values::integer;
use super::eager::EagerGeometry;
use super::error::{Fallback, NotColumnar};
use super::growth::{join, reserve, trim};
use super::record::{Elements, Field, KeyOrder};
use super::scanner::{Scan, Scanner};
use crate::columns::{Boxes, CompactDoubles, InternedIds, RotatedBoxes};
use crate::error::{Result, push};

/// Where values lie: position in the file, and length.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    /// First byte of each value.
    pub start: Vec<u64>,
    /// Bytes of each value.
    pub len: Vec<u32>,
}

/// One column for each field. A column is whole if it has an entry for every record; one that is not stopped growing
/// at the first record without the field.
#[derive(Clone, Debug, Default)]
pub struct Annotations {
    /// Which fields are read.
    wanted: u16,
    /// Which of them every record must have.
    needed: u16,
    /// The number of records.
    pub count: usize,
    /// What the columns cannot hold; nothing more is collected from there on.
    pub fallback: Option<Fallback>,
    /// Fields that at least one record has.
    pub seen: u16,
    /// Fields that at least one record lacks. Their columns do not grow any more.
    lacking: u16,
    /// `image_id`.
    pub image: InternedIds,
    /// `category_id`.
    pub category: InternedIds,
    /// `id`.
    pub id: CompactDoubles,
    /// `area`.
    pub area: CompactDoubles,
    /// `score`.
    pub score: CompactDoubles,
    /// `bbox`, where it is of four numbers.
    pub bbox: Boxes,
    /// `obb`, or `bbox` where there is none and it is of five or eight numbers.
    pub rotated: RotatedBoxes,
    /// `iscrowd`.
    pub crowd: Vec<bool>,
    /// Whether `num_keypoints` is 0.
    pub unlabelled: Vec<bool>,
    /// `segmentation`.
    pub segmentation: Spans,
    /// `keypoints`.
    pub keypoints: Spans,
    /// Of results, the geometry that is wanted in any case.
    pub eager: EagerGeometry,
    /// Whether a score was written as an integer.
    pub integer_scores: bool,
    /// Whether the first record's `bbox` is `[]`.
    pub first_bbox_empty: bool,
    pending: Record,
    refused: Option<NotColumnar>,
}

impl Annotations {
    /// Columns for the annotations of a data set: each has an id of its own.
    pub fn of_dataset() -> Self {
        let needed = Field::ImageId.bit() | Field::CategoryId.bit() | Field::Id.bit();
        let also = Field::Area.bit() | Field::IsCrowd.bit() | Field::NumKeypoints.bit();
        Annotations { wanted: needed | also | GEOMETRY, needed, ..Self::default() }
    }

    /// Columns for results, whose ids, areas and flags are not the file's to say (`loadRes` writes them).
    pub fn of_results() -> Self {
        let needed = Field::ImageId.bit() | Field::CategoryId.bit();
        Annotations { wanted: needed | GEOMETRY, needed, ..Self::default() }
    }

    /// Whether all records so far have this field.
    #[inline(always)]
    fn all_have(&self, field: Field) -> bool {
        self.lacking & field.bit() == 0
    }

    /// Adds the fields of the record that boxes as results do not have.
    fn commit_more(&mut self) -> Result<()> {
        let record = &self.pending;
        if self.all_have(Field::Id) {
            self.id.push(record.id)?;
        }
        if self.all_have(Field::Area) {
            self.area.push(record.area)?;
        }
        if self.rotated.len() == self.count
            && let Some(numbers) = record.rotated()
        {
            self.rotated.push(numbers)?;
        }
        if self.all_have(Field::IsCrowd) {
            push(&mut self.crowd, record.crowd)?;
        }
        if self.all_have(Field::NumKeypoints) {
            push(&mut self.unlabelled, record.unlabelled)?;
        }
        if self.all_have(Field::Segmentation) {
            self.segmentation.push(record.segmentation)?;
        }
        if self.all_have(Field::Keypoints) {
            self.keypoints.push(record.keypoints)?;
        }
        Ok(())
    }

    /// Whether a column that is now `len` long is whole.
    pub fn whole(&self, len: usize) -> bool {
        len == self.count
    }

    /// Gives back memory that was reserved too generously, and columns that are not whole.
    pub fn finish(&mut self) {
        if self.fallback.is_some() {
            *self = Annotations { count: self.count, fallback: self.fallback, ..Self::default() };
            return;
        }
        let count = self.count;
        self.image.codes.shrink_to_fit();
        self.category.codes.shrink_to_fit();
        trim(&mut self.id, count);
        trim(&mut self.area, count);
        trim(&mut self.score, count);
        trim(&mut self.bbox, count);
        trim(&mut self.rotated, count);
        trim(&mut self.crowd, count);
        trim(&mut self.unlabelled, count);
        for spans in [&mut self.segmentation, &mut self.keypoints] {
            trim(&mut spans.start, count);
            trim(&mut spans.len, count);
        }
    }
}

/// The fields that boxes as results do not have.
const MORE: u16 = !(Field::ImageId.bit() | Field::CategoryId.bit() | Field::Bbox.bit() | Field::Score.bit());

const GEOMETRY: u16 = Field::Score.bit()
    | Field::Bbox.bit()
    | Field::Obb.bit()
    | Field::Segmentation.bit()
    | Field::Keypoints.bit();

impl Elements for Annotations {
    fn fresh(&self) -> Self {
        let eager = self.eager.fresh();
        Annotations { wanted: self.wanted, needed: self.needed, eager, ..Self::default() }
    }

    #[inline]
    fn parse(&mut self, scanner: &mut Scanner<'_>, order: &mut KeyOrder) -> Scan<()> {
        let start = scanner.position();
        if self.parse_fast(scanner, order).is_some() {
            return Ok(());
        }
        scanner.move_to(start);
        self.parse_any(scanner, order)
    }

    fn commit(&mut self) -> Result<()> {
        if self.fallback.is_some() || self.refused.is_some() {
            let refused = self.refused.take().map(|why| Fallback::in_record(self.count, why));
            self.fallback = self.fallback.or(refused);
            self.count += 1;
            return Ok(());
        }
        let record = &self.pending;
        self.seen |= record.present;
        self.lacking |= !record.present;
        self.image.push(record.image)?;
        self.category.push(record.category)?;
        if self.all_have(Field::Score) {
            self.score.push(record.score)?;
            self.integer_scores |= record.integer_score;
        }
        if self.all_have(Field::Bbox) {
            match record.bbox {
                Some(bbox) => self.bbox.push(bbox)?,
                None => self.lacking |= Field::Bbox.bit(),
            }
        }
        if record.present & MORE != 0 || record.long_bbox.len > 0 {
            self.commit_more()?;
        }
        if self.count == 0 {
            self.first_bbox_empty = self.pending.has_empty_bbox();
        }
        self.eager.commit()?;
        self.count += 1;
        Ok(())
    }

    fn count(&self) -> usize {
        self.count
    }

    fn append(&mut self, part: &mut Self) -> Result<()> {
        let before = self.count;
        self.count += part.count;
        self.fallback = self.fallback.or(part.fallback.map(|fallback| fallback.behind(before)));
        if self.fallback.is_none() {
            if before == 0 {
                self.first_bbox_empty = part.first_bbox_empty;
            }
            self.seen |= part.seen;
            self.lacking |= part.lacking;
            self.integer_scores |= part.integer_scores;
            self.image.append(&part.image)?;
            self.category.append(&part.category)?;
            let counts = (before, part.count);
            join(&mut self.id, &mut part.id, counts)?;
            join(&mut self.area, &mut part.area, counts)?;
            join(&mut self.score, &mut part.score, counts)?;
            join(&mut self.bbox, &mut part.bbox, counts)?;
            join(&mut self.rotated, &mut part.rotated, counts)?;
            join(&mut self.crowd, &mut part.crowd, counts)?;
            join(&mut self.unlabelled, &mut part.unlabelled, counts)?;
            for (ours, theirs) in
                [(&mut self.segmentation, &mut part.segmentation), (&mut self.keypoints, &mut part.keypoints)]
            {
                join(&mut ours.start, &mut theirs.start, counts)?;
                join(&mut ours.len, &mut theirs.len, counts)?;
            }
            self.eager.append(&mut part.eager)?;
        }
        part.clear();
        Ok(())
    }

    fn reserve(&mut self, count: usize) -> Result<()> {
        let now = self.count;
        reserve(&mut self.image.codes, now, count)?;
        reserve(&mut self.category.codes, now, count)?;
        reserve(&mut self.id, now, count)?;
        reserve(&mut self.area, now, count)?;
        reserve(&mut self.score, now, count)?;
        reserve(&mut self.bbox, now, count)?;
        reserve(&mut self.rotated, now, count)?;
        reserve(&mut self.crowd, now, count)?;
        reserve(&mut self.unlabelled, now, count)?;
        for spans in [&mut self.segmentation, &mut self.keypoints] {
            reserve(&mut spans.start, now, count)?;
            reserve(&mut spans.len, now, count)?;
        }
        Ok(())
    }
}

impl Annotations {
    /// The image of the record that was parsed last, if the columns can hold it.
    pub fn image(&self) -> Option<i64> {
        self.refused.is_none().then_some(self.pending.image)
    }

    /// Removes all records and keeps the memory.
    fn clear(&mut self) {
        self.count = 0;
        self.fallback = None;
        self.refused = None;
        self.seen = 0;
        self.integer_scores = false;
        self.first_bbox_empty = false;
        self.discard();
        self.lacking = 0;
    }

    /// Removes all records, but keeps their number and their properties. No column is whole after that.
    pub fn discard(&mut self) {
        self.image.clear();
        self.category.clear();
        self.id.clear();
        self.area.clear();
        self.score.clear();
        self.bbox.clear();
        self.rotated.clear();
        self.crowd.clear();
        self.unlabelled.clear();
        for spans in [&mut self.segmentation, &mut self.keypoints] {
            spans.start.clear();
            spans.len.clear();
        }
        self.eager = self.eager.fresh();
        self.lacking = u16::MAX;
    }
}

impl Spans {
    #[inline(always)]
    fn push(&mut self, (start, len): (u64, u32)) -> Result<()> {
        push(&mut self.start, start)?;
        push(&mut self.len, len)
    }
}
