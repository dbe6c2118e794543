//! Annotations and results as columns.

use super::eager::EagerGeometry;
use super::error::{Fallback, NotColumnar};
use super::fast::Cursor;
use super::growth::{join, reserve, trim};
use super::record::{Elements, Field, KeyOrder, fields};
use super::scanner::{Number, Scan, Scanner};
use crate::columns::InternedIds;
use crate::columns::{Boxes, CompactDoubles, RotatedBoxes};
use crate::error::{Result, push};

/// Integers up to here are doubles too.
const EXACT: f64 = 9_007_199_254_740_992.0;

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

/// The record that was parsed last. A field counts if its bit is in `present`.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    present: u16,
    crowd: bool,
    unlabelled: bool,
    integer_score: bool,
    /// Whether boxes, and scores, are written with many digits.
    long_numbers: bool,
    long_score: bool,
    image: i64,
    category: i64,
    id: f64,
    area: f64,
    score: f64,
    /// `bbox` of four numbers.
    bbox: Option<[f64; 4]>,
    /// `bbox` of more than four numbers.
    long_bbox: LongBox,
    obb: LongBox,
    segmentation: (u64, u32),
    keypoints: (u64, u32),
}

impl Record {
    fn has(&self, field: Field) -> bool {
        self.present & field.bit() != 0
    }

    fn has_empty_bbox(&self) -> bool {
        self.has(Field::Bbox) && self.bbox.is_none() && self.long_bbox.len == 0
    }

    /// The numbers of the rotated box or 3D box: those of `obb` if there is one.
    fn rotated(&self) -> Option<&[f64]> {
        let LongBox { len, numbers } = match self.has(Field::Obb) {
            true => &self.obb,
            false if self.has(Field::Bbox) => &self.long_bbox,
            false => return None,
        };
        (*len > 0).then(|| &numbers[..*len])
    }
}

/// The numbers of a rotated box or of a 3D box; none if it is neither.
#[derive(Clone, Copy, Debug, Default)]
struct LongBox {
    len: usize,
    numbers: [f64; 8],
}

impl LongBox {
    /// Whether there are as many numbers as a rotated box or a 3D box has.
    fn is_rotated(&self) -> bool {
        matches!(self.len, 5 | 7 | 8)
    }

    /// The numbers of the array at the scanner; none if it is something else, or has too many.
    fn read(scanner: &mut Scanner<'_>) -> Scan<Option<LongBox>> {
        let mut numbers = [0.0; 8];
        if !scanner.take(b'[') {
            return Ok(None);
        }
        if scanner.take(b']') {
            return Ok(Some(LongBox::default()));
        }
        for (index, number) in numbers.iter_mut().enumerate() {
            if real(scanner, number, &mut false)?.is_err() {
                return Ok(None);
            }
            if scanner.take(b']') {
                return Ok(Some(LongBox { len: index + 1, numbers }));
            }
            if !scanner.take(b',') {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// The same at a cursor, of as many numbers as there are here.
    #[inline(never)]
    fn read_fast(&mut self, cursor: &mut Cursor<'_>, long: &mut bool) -> Option<()> {
        match self.len {
            5 => self.numbers[..5].copy_from_slice(&fast_numbers::<5>(cursor, long)?),
            7 => self.numbers[..7].copy_from_slice(&fast_numbers::<7>(cursor, long)?),
            8 => self.numbers = fast_numbers(cursor, long)?,
            _ => return None,
        }
        Some(())
    }
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

    /// A record with its keys in the order of the last one, and nothing unusual in it. `None` anywhere in it if it is
    /// not such a one.
    #[inline(always)]
    fn parse_fast(&mut self, scanner: &mut Scanner<'_>, order: &KeyOrder) -> Option<()> {
        let mut cursor = scanner.cursor();
        cursor.take(b'{')?;
        let record = &mut self.pending;
        // What is wanted and was not read yet.
        let mut left = self.wanted;
        for slot in 0.. {
            let Some((field, length)) = order.expected(cursor.rest(), slot) else { break };
            cursor.at += length;
            if field.bit() & left == 0 {
                let repeated = field.bit() & self.wanted != 0;
                if repeated || field == Field::Escaped {
                    return None;
                }
                scanner.skip_from(&mut cursor)?;
                continue;
            }
            left &= !field.bit();
            match field {
                Field::ImageId => record.image = cursor.integer()?,
                Field::CategoryId => record.category = cursor.integer()?,
                Field::Id => record.id = cursor.integer()? as f64,
                Field::Bbox if record.long_bbox.len == 0 => {
                    record.bbox = Some(fast_numbers(&mut cursor, &mut record.long_numbers)?);
                }
                Field::Bbox => record.long_bbox.read_fast(&mut cursor, &mut record.long_numbers)?,
                Field::Obb => record.obb.read_fast(&mut cursor, &mut record.long_numbers)?,
                Field::Score => {
                    (record.score, record.integer_score) = cursor.real_as_before(&mut record.long_score)?;
                }
                Field::Area => (record.area, _) = cursor.real()?,
                Field::IsCrowd => {
                    let crowd = cursor.integer()?;
                    record.crowd = crowd == 1;
                    if crowd > 1 {
                        return None;
                    }
                }
                Field::NumKeypoints => record.unlabelled = cursor.integer()? == 0,
                Field::Segmentation => {
                    record.segmentation = skip_geometry(&mut self.eager, field, scanner, &mut cursor)?;
                }
                Field::Keypoints => {
                    record.keypoints = skip_geometry(&mut self.eager, field, scanner, &mut cursor)?
                }
                _ => return None,
            }
        }
        cursor.take(b'}')?;
        if left & self.needed != 0 || scanner.doubtful.is_some() {
            return None;
        }
        record.present = self.wanted & !left;
        scanner.move_to(cursor.at);
        Some(())
    }

    /// Any record.
    fn parse_any(&mut self, scanner: &mut Scanner<'_>, order: &mut KeyOrder) -> Scan<()> {
        let mut record = Record::default();
        let eager = &mut self.eager;
        let present = fields(
            scanner,
            order,
            self.wanted,
            #[inline(always)]
            |scanner, field| {
                match field {
                    Field::ImageId => return integer(scanner, &mut record.image),
                    Field::CategoryId => return integer(scanner, &mut record.category),
                    Field::Bbox => {
                        return Ok(match LongBox::read(scanner)? {
                            Some(LongBox { len: 0, .. }) => Ok(()),
                            Some(LongBox { len: 4, numbers: [x, y, width, height, ..] }) => {
                                record.bbox = Some([x, y, width, height]);
                                Ok(())
                            }
                            Some(long) if long.is_rotated() => {
                                record.long_bbox = long;
                                Ok(())
                            }
                            _ => Err(BOX),
                        });
                    }
                    Field::Obb => {
                        // Whatever else it may be is of no use, and no reason against the other columns.
                        let start = scanner.position();
                        match LongBox::read(scanner)? {
                            Some(long) if long.is_rotated() => record.obb = long,
                            _ => {
                                scanner.move_to(start);
                                scanner.skip()?;
                            }
                        }
                    }
                    Field::Score => {
                        return real(scanner, &mut record.score, &mut record.integer_score);
                    }
                    Field::Area => return real(scanner, &mut record.area, &mut false),
                    Field::Id => {
                        let mut id = 0;
                        if let Err(what) = integer(scanner, &mut id)? {
                            return Ok(Err(what));
                        }
                        if id.unsigned_abs() >= EXACT as u64 {
                            return Ok(Err("an integer below 2^53"));
                        }
                        record.id = id as f64;
                    }
                    Field::IsCrowd => match scanner.boolean()? {
                        Some(crowd) => record.crowd = crowd,
                        None => match scanner.integer()? {
                            Some(crowd @ 0..=1) => record.crowd = crowd == 1,
                            _ => return Ok(Err("0 or 1")),
                        },
                    },
                    Field::NumKeypoints => match scanner.integer()? {
                        Some(number) => record.unlabelled = number == 0,
                        None => return Ok(Err("an integer")),
                    },
                    Field::Segmentation => return span(eager, field, scanner, &mut record.segmentation),
                    Field::Keypoints => return span(eager, field, scanner, &mut record.keypoints),
                    _ => scanner.skip()?,
                }
                Ok(Ok(()))
            },
        )?;
        match present {
            Ok(present) if present & self.needed == self.needed => {
                record.present = present;
                self.pending = record;
            }
            Ok(present) => self.refused = Some(NotColumnar::Missing(first_of(self.needed & !present))),
            Err(why) => self.refused = Some(why),
        }
        Ok(())
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

/// The name of the first of these needed fields.
fn first_of(missing: u16) -> &'static str {
    let all = [Field::Id, Field::ImageId, Field::CategoryId];
    all.iter().find(|field| field.bit() & missing != 0).map_or("?", |field| field.name())
}

/// An id.
#[inline(always)]
pub(crate) fn integer(
    scanner: &mut Scanner<'_>,
    into: &mut i64,
) -> Scan<std::result::Result<(), &'static str>> {
    Ok(match scanner.integer()? {
        Some(value) => {
            *into = value;
            Ok(())
        }
        None => Err("an integer of 64 bits"),
    })
}

/// A number whose Python value is a double, or an integer that a double holds.
#[inline(always)]
fn real(
    scanner: &mut Scanner<'_>,
    into: &mut f64,
    is_integer: &mut bool,
) -> Scan<std::result::Result<(), &'static str>> {
    Ok(match scanner.number()? {
        Some(Number { value, integer }) if !integer || value.abs() < EXACT => {
            *into = value;
            *is_integer = integer;
            Ok(())
        }
        Some(_) => Err("below 2^53"),
        None => Err("a number"),
    })
}

const BOX: &str =
    "an array of 4 numbers (x, y, width, height), of 5 or 8 (a rotated box), or of 7 (a 3D box)";

#[inline(always)]
fn fast_numbers<const N: usize>(cursor: &mut Cursor<'_>, long: &mut bool) -> Option<[f64; N]> {
    if !*long && let Some(numbers) = cursor.rounded_array() {
        return Some(numbers);
    }
    cursor.array(long)
}

/// Skips the geometry at a cursor, and decodes it if it is to be decoded eagerly. Returns its position in the file.
#[inline(always)]
fn skip_geometry(
    eager: &mut EagerGeometry,
    field: Field,
    scanner: &mut Scanner<'_>,
    cursor: &mut Cursor<'_>,
) -> Option<(u64, u32)> {
    if eager.decodes(field) {
        scanner.move_to(cursor.at);
        let place = scanner.place();
        if let Ok(Some(())) = eager.read(scanner) {
            let start = std::mem::replace(&mut cursor.at, scanner.position());
            return Some((place, u32::try_from(cursor.at - start).ok()?));
        }
    }
    scanner.skip_from(cursor)
}

/// Any value: its position. It is decoded eagerly if requested and possible.
#[inline(always)]
fn span(
    eager: &mut EagerGeometry,
    field: Field,
    scanner: &mut Scanner<'_>,
    into: &mut (u64, u32),
) -> Scan<std::result::Result<(), &'static str>> {
    scanner.space();
    let (place, start) = (scanner.place(), scanner.position());
    if !eager.decodes(field) || !matches!(eager.read(scanner), Ok(Some(()))) {
        scanner.move_to(start);
        scanner.skip()?;
    }
    Ok(match u32::try_from(scanner.position() - start) {
        Ok(len) => {
            *into = (place, len);
            Ok(())
        }
        Err(_) => Err("less than 4 GiB long"),
    })
}
