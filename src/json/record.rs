//! The keys of records, most of which come in the same order again and again.

use super::error::NotColumnar;
use super::scanner::{Scan, Scanner};
use crate::error::Result;
use crate::simd::{Baseline, Simd};

/// What a key of a record is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Field {
    /// A field that is not needed.
    Other,
    /// Written with a backslash: Python would have to say which key it is.
    Escaped,
    Id,
    ImageId,
    CategoryId,
    Bbox,
    Obb,
    Score,
    Area,
    IsCrowd,
    NumKeypoints,
    Segmentation,
    Keypoints,
    Height,
    Width,
}

impl Field {
    fn of(key: &[u8]) -> Field {
        match key {
            b"id" => Field::Id,
            b"image_id" => Field::ImageId,
            b"category_id" => Field::CategoryId,
            b"bbox" => Field::Bbox,
            b"obb" => Field::Obb,
            b"score" => Field::Score,
            b"area" => Field::Area,
            b"iscrowd" => Field::IsCrowd,
            b"num_keypoints" => Field::NumKeypoints,
            b"segmentation" => Field::Segmentation,
            b"keypoints" => Field::Keypoints,
            b"height" => Field::Height,
            b"width" => Field::Width,
            _ if key.contains(&b'\\') => Field::Escaped,
            _ => Field::Other,
        }
    }

    /// The bit that stands for this field in a set of fields.
    pub const fn bit(self) -> u16 {
        1 << self as u8
    }

    /// The key as a file has it.
    pub fn name(self) -> &'static str {
        match self {
            Field::Other | Field::Escaped => "?",
            Field::Id => "id",
            Field::ImageId => "image_id",
            Field::CategoryId => "category_id",
            Field::Bbox => "bbox",
            Field::Obb => "obb",
            Field::Score => "score",
            Field::Area => "area",
            Field::IsCrowd => "iscrowd",
            Field::NumKeypoints => "num_keypoints",
            Field::Segmentation => "segmentation",
            Field::Keypoints => "keypoints",
            Field::Height => "height",
            Field::Width => "width",
        }
    }
}

/// The keys of the last record as they were written, from the comma before to the space after the colon: if the
/// next record has the same bytes there, it has the same key, and nothing needs to be read twice.
#[derive(Default)]
pub(crate) struct KeyOrder {
    keys: Vec<KnownKey>,
}

/// Keys of one record that are remembered.
const REMEMBERED: usize = 64;

/// Up to 32 bytes, compared at once.
struct KnownKey {
    text: [u8; 32],
    /// One bit for each byte that counts.
    counts: u32,
    /// Not zero if there are more, so that nothing is known to be the same.
    long: u32,
    len: usize,
    field: Field,
}

impl KnownKey {
    fn new(text: &[u8], field: Field) -> KnownKey {
        let mut key = KnownKey { text: [0; 32], counts: 0, long: 0, len: text.len(), field };
        match key.text.get_mut(..text.len()) {
            Some(place) => {
                place.copy_from_slice(text);
                key.counts = ((1u64 << text.len()) - 1) as u32;
            }
            None => key.long = 1,
        }
        key
    }

    #[inline(always)]
    fn begins(&self, text: &[u8]) -> bool {
        text.first_chunk()
            .is_some_and(|chunk| !Baseline::equal(chunk, &self.text) & self.counts | self.long == 0)
    }
}

impl KeyOrder {
    /// Steps over the next key (the one at `slot` of its record) with what is around it, or over the closing brace
    /// (`None`). Before slot 0 the cursor is behind the opening brace, later behind a value.
    #[inline(always)]
    pub(crate) fn next(&mut self, scanner: &mut Scanner<'_>, slot: usize) -> Scan<Option<Field>> {
        if let Some((field, length)) = self.expected(scanner.rest(), slot) {
            scanner.move_to(scanner.position() + length);
            return Ok(Some(field));
        }
        if scanner.peek() == b'}' {
            scanner.move_to(scanner.position() + 1);
            return Ok(None);
        }
        self.learn(scanner, slot)
    }

    /// The key at `slot` if it is written as it was in the last record, with its length.
    #[inline(always)]
    pub(crate) fn expected(&self, text: &[u8], slot: usize) -> Option<(Field, usize)> {
        let key = self.keys.get(slot)?;
        key.begins(text).then_some((key.field, key.len))
    }

    #[cold]
    fn learn(&mut self, scanner: &mut Scanner<'_>, slot: usize) -> Scan<Option<Field>> {
        let start = scanner.position();
        if slot == 0 {
            if scanner.take(b'}') {
                return Ok(None);
            }
        } else if scanner.after(b'}', "',' or '}'")? == super::scanner::After::Close {
            return Ok(None);
        }
        let field = Field::of(scanner.key()?);
        scanner.space();
        if scanner.at_end() {
            // What is remembered must be the whole of it, up to the value.
            return scanner.fault("a value");
        }
        let key = KnownKey::new(scanner.since(start), field);
        if slot < self.keys.len() {
            self.keys[slot] = key;
        } else if self.keys.len() == slot && slot < REMEMBERED {
            self.keys.push(key);
        }
        Ok(Some(field))
    }
}

/// Elements that are read from the elements of one array.
pub(crate) trait Elements: Send {
    /// No rows, of the same kind.
    fn fresh(&self) -> Self;
    /// Reads one element; [`Elements::commit`] makes it a row.
    fn parse(&mut self, scanner: &mut Scanner<'_>, order: &mut KeyOrder) -> Scan<()>;
    /// Adds what was parsed last.
    fn commit(&mut self) -> Result<()>;
    /// The number of elements.
    fn count(&self) -> usize;
    /// Adds the rows of `part` after these, and empties it.
    fn append(&mut self, part: &mut Self) -> Result<()>;
    /// Reserves memory for about `count` rows in all, if there is any.
    fn reserve(&mut self, count: usize) -> Result<()>;
}

/// Reads an object whose wanted fields are among `wanted`, giving each one's value to `value` (which reads it, and where
/// columns cannot hold it returns what they expect). Returns the fields that were there, or what cannot be held (all of
/// it has been read).
#[inline(always)]
pub(crate) fn fields(
    scanner: &mut Scanner<'_>,
    order: &mut KeyOrder,
    wanted: u16,
    mut value: impl FnMut(&mut Scanner<'_>, Field) -> Scan<std::result::Result<(), &'static str>>,
) -> Scan<std::result::Result<u16, NotColumnar>> {
    if scanner.peek() != b'{' {
        scanner.skip()?;
        return Ok(Err(NotColumnar::NotAnObject));
    }
    scanner.move_to(scanner.position() + 1);
    let mut present = 0;
    let mut refused = None;
    let mut slot = 0;
    while let Some(field) = order.next(scanner, slot)? {
        slot += 1;
        if field.bit() & wanted == 0 {
            scanner.skip()?;
            if field == Field::Escaped {
                refused.get_or_insert(NotColumnar::EscapedKey);
            }
            continue;
        }
        if present & field.bit() != 0 {
            refused.get_or_insert(NotColumnar::Repeated(field.name()));
        }
        present |= field.bit();
        let start = scanner.position();
        if let Err(expected) = value(scanner, field)? {
            scanner.move_to(start);
            scanner.skip()?;
            refused.get_or_insert(NotColumnar::Field { name: field.name(), expected });
        }
    }
    Ok(match refused.or(scanner.doubtful) {
        Some(why) => Err(why),
        None => Ok(present),
    })
}

#[cfg(test)]
mod tests {
    use super::super::error::ParseError;
    use super::super::scanner::PADDING;
    use super::*;

    /// Zeros are behind the text, and in the place of a key that is not remembered.
    #[test]
    fn a_long_key_is_not_taken_for_the_end() {
        let long = format!("{}\"id\" :", " ".repeat(30));
        let text = format!("{{\"x\":[],{long} 2}}{{\"x\":[]");
        let bytes = [text.as_bytes(), &[0; PADDING]].concat();
        let mut scanner = Scanner::new(&bytes, text.len(), 0, 0);
        let mut order = KeyOrder::default();
        let mut read = || fields(&mut scanner, &mut order, 0, |_, _| unreachable!("nothing is wanted"));
        assert_eq!(read(), Ok(Ok(0)));
        let error = ParseError::Token { at: text.len() as u64, expected: "',' or '}'" };
        assert_eq!(read(), Err(error));
    }

    #[test]
    fn a_remembered_key_is_the_same_key() {
        let text = br#"{"id":1, "image_id" : 2,"x":{"id":3}} {"id":4,"image_id":5} {"id":6, "image_id" : 7}"#;
        let mut bytes = text.to_vec();
        bytes.extend([0; PADDING]);
        let mut scanner = Scanner::new(&bytes, text.len(), 0, 0);
        let mut order = KeyOrder::default();
        let mut seen = Vec::new();
        for _ in 0..3 {
            scanner.space();
            let present =
                fields(&mut scanner, &mut order, Field::Id.bit() | Field::ImageId.bit(), |scanner, field| {
                    seen.push((field, scanner.integer()?));
                    Ok(Ok(()))
                });
            assert_eq!(present, Ok(Ok(Field::Id.bit() | Field::ImageId.bit())));
        }
        let ids: Vec<i64> = seen.iter().filter_map(|(_, id)| *id).collect();
        assert_eq!(ids, [1, 2, 4, 5, 6, 7]);
    }
}
