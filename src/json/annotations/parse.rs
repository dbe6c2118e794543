//! Parses one record: the fields that are wanted, in the order of the last record or in any.

use super::super::error::NotColumnar;
use super::super::record::{Field, KeyOrder, fields};
use super::super::scanner::{Scan, Scanner};
use super::Annotations;
use super::values::{BOX, EXACT, LongBox, fast_numbers, integer, real, skip_geometry, span};

/// The record that was parsed last. A field counts if its bit is in `present`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Record {
    pub(super) present: u16,
    pub(super) crowd: bool,
    pub(super) unlabelled: bool,
    pub(super) integer_score: bool,
    /// Whether boxes, and scores, are written with many digits.
    pub(super) long_numbers: bool,
    pub(super) long_score: bool,
    pub(super) image: i64,
    pub(super) category: i64,
    pub(super) id: f64,
    pub(super) area: f64,
    pub(super) score: f64,
    /// `bbox` of four numbers.
    pub(super) bbox: Option<[f64; 4]>,
    /// `bbox` of more than four numbers.
    pub(super) long_bbox: LongBox,
    pub(super) obb: LongBox,
    pub(super) segmentation: (u64, u32),
    pub(super) keypoints: (u64, u32),
}

impl Record {
    fn has(&self, field: Field) -> bool {
        self.present & field.bit() != 0
    }

    pub(super) fn has_empty_bbox(&self) -> bool {
        self.has(Field::Bbox) && self.bbox.is_none() && self.long_bbox.len == 0
    }

    /// The numbers of the rotated box or 3D box: those of `obb` if there is one.
    pub(super) fn rotated(&self) -> Option<&[f64]> {
        let LongBox { len, numbers } = match self.has(Field::Obb) {
            true => &self.obb,
            false if self.has(Field::Bbox) => &self.long_bbox,
            false => return None,
        };
        (*len > 0).then(|| &numbers[..*len])
    }
}

impl Annotations {
    /// A record with its keys in the order of the last one, and nothing unusual in it. `None` anywhere in it if it is
    /// not such a one.
    #[inline(always)]
    pub(super) fn parse_fast(&mut self, scanner: &mut Scanner<'_>, order: &KeyOrder) -> Option<()> {
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
                Field::Obb => {
                    record.obb.read_fast(&mut cursor, &mut record.long_numbers)?;
                    if !record.obb.is_usable() {
                        return None;
                    }
                }
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
    pub(super) fn parse_any(&mut self, scanner: &mut Scanner<'_>, order: &mut KeyOrder) -> Scan<()> {
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
                        // Whatever else it may be is of no use, and no reason against the other columns. An error of
                        // columns would name `bbox`.
                        let start = scanner.position();
                        match LongBox::read(scanner)? {
                            Some(long) if long.is_usable() => record.obb = long,
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
}

/// The name of the first of these needed fields.
fn first_of(missing: u16) -> &'static str {
    let all = [Field::Id, Field::ImageId, Field::CategoryId];
    all.iter().find(|field| field.bit() & missing != 0).map_or("?", |field| field.name())
}
