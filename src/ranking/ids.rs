//! Ids as columns, and a small table that finds them again.

use std::fmt::Display;
use std::ops::Range;

use crate::error::{Result, reserve};
use crate::simd;

pub use crate::arrow::Texts;

/// An id.
pub trait Id: Copy + Ord + Display {
    /// A number that orders ids as they are ordered themselves, but for some that it does not distinguish.
    fn prefix(self) -> u64;

    /// A hash whose upper bits are well mixed.
    fn hash(self) -> u64;

    /// The same in half as many bits; equal ids of columns of different types have equal tags.
    fn tag(self) -> u32;
}

/// A column of ids.
pub trait Ids: Sync {
    /// One id.
    type Id<'a>: Id
    where
        Self: 'a;

    /// How many there are.
    fn len(&self) -> usize;

    /// The id in this row.
    fn id(&self, row: usize) -> Self::Id<'_>;

    /// Whether the ids in `start..end` and the one before are all the same.
    fn all_as_before(&self, start: usize, end: usize) -> bool {
        (start..end).all(|row| self.id(row) == self.id(row - 1))
    }

    /// Adds the tags of these rows to `tags`, which has capacity for them.
    fn tags(&self, rows: Range<usize>, tags: &mut Vec<u32>) {
        tags.extend(rows.map(|row| self.id(row).tag()));
    }

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A column of ids of any type.
#[derive(Clone, Copy, Debug)]
pub enum IdSlice<'a> {
    /// 64-bit integers.
    I64(&'a [i64]),
    /// 32-bit integers.
    I32(&'a [i32]),
    /// Text.
    Texts(&'a Texts<'a>),
}

impl<'a> IdSlice<'a> {
    /// An id.
    pub fn any(&self, row: usize) -> AnyId<'a> {
        match *self {
            IdSlice::I64(ids) => AnyId::Integer(ids[row]),
            IdSlice::I32(ids) => AnyId::Integer(i64::from(ids[row])),
            IdSlice::Texts(texts) => AnyId::Text(texts.id(row)),
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            IdSlice::I64(ids) => ids.len(),
            IdSlice::I32(ids) => ids.len(),
            IdSlice::Texts(texts) => Ids::len(*texts),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An id as text, for messages.
    pub fn name(&self, row: usize) -> String {
        match self {
            IdSlice::I64(ids) => ids[row].to_string(),
            IdSlice::I32(ids) => ids[row].to_string(),
            IdSlice::Texts(texts) => texts.id(row).to_string(),
        }
    }
}

/// Spreads the bits of a number over the upper half of the result (Fibonacci hashing).
#[inline]
pub fn spread(number: u64) -> u64 {
    (number ^ (number >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Id for i64 {
    #[inline]
    fn hash(self) -> u64 {
        spread(self as u64)
    }

    #[inline]
    fn prefix(self) -> u64 {
        self as u64 ^ (1 << 63)
    }

    #[inline]
    fn tag(self) -> u32 {
        simd::integer_tag(self)
    }
}

macro_rules! integer_ids {
    ($($integer:ty),*) => {$(
        impl Ids for [$integer] {
            type Id<'a> = i64;

            fn len(&self) -> usize {
                <[$integer]>::len(self)
            }

            #[inline]
            fn id(&self, row: usize) -> i64 {
                i64::from(self[row])
            }

            fn all_as_before(&self, start: usize, end: usize) -> bool {
                // Counted, not searched: this becomes vector instructions.
                let pairs = self[start..end].iter().zip(&self[start - 1..end - 1]);
                pairs.filter(|(id, before)| id != before).count() == 0
            }

            fn tags(&self, rows: Range<usize>, tags: &mut Vec<u32>) {
                simd::integer_tags(&self[rows], tags);
            }
        }
    )*};
}

integer_ids!(i64, i32, u32);

/// A text id: bytes that compare as trec_eval's `strcmp` does and print as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextId<'a>(pub &'a [u8]);

impl Display for TextId<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.0))
    }
}

/// An id of either kind. Integers come before text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnyId<'a> {
    /// An integer.
    Integer(i64),
    /// Text.
    Text(TextId<'a>),
}

impl AnyId<'_> {
    /// Whether it is text.
    pub fn is_text(&self) -> bool {
        matches!(self, AnyId::Text(_))
    }
}

impl Display for AnyId<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AnyId::Integer(id) => Display::fmt(id, f),
            AnyId::Text(id) => Display::fmt(id, f),
        }
    }
}

/// Of lists whose ids are of one kind.
impl Id for AnyId<'_> {
    fn prefix(self) -> u64 {
        match self {
            AnyId::Integer(id) => id.prefix(),
            AnyId::Text(id) => id.prefix(),
        }
    }

    fn hash(self) -> u64 {
        match self {
            AnyId::Integer(id) => id.hash(),
            AnyId::Text(id) => id.hash(),
        }
    }

    fn tag(self) -> u32 {
        match self {
            AnyId::Integer(id) => id.tag(),
            AnyId::Text(id) => id.tag(),
        }
    }
}

impl Ids for Texts<'_> {
    type Id<'a>
        = TextId<'a>
    where
        Self: 'a;

    fn len(&self) -> usize {
        Texts::len(self)
    }

    #[inline]
    fn id(&self, row: usize) -> TextId<'_> {
        TextId(self.text(self.code(row)))
    }
}

impl Id for TextId<'_> {
    #[inline]
    fn prefix(self) -> u64 {
        let mut first = [0; 8];
        let length = self.0.len().min(8);
        first[..length].copy_from_slice(&self.0[..length]);
        u64::from_be_bytes(first)
    }

    #[inline]
    fn hash(self) -> u64 {
        let mut chunks = self.0.chunks_exact(8);
        let mut hash = self.0.len() as u64;
        for chunk in &mut chunks {
            let word = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
            hash = spread(hash.rotate_left(23) ^ word);
        }
        let mut tail = [0; 8];
        tail[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
        spread(hash.rotate_left(23) ^ u64::from_le_bytes(tail))
    }

    #[inline]
    fn tag(self) -> u32 {
        (self.hash() >> 32) as u32
    }
}

/// An open-addressing table of row numbers, cleared and used again for each list.
#[derive(Default)]
pub struct Lookup {
    /// A row number plus one; 0 is free.
    slots: Vec<u32>,
    shift: u32,
}

impl Lookup {
    /// Empties the table and reserves memory for `rows` of them at a load of at most a half.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn clear(&mut self, rows: usize) -> Result<()> {
        let size = (rows.max(8) * 2).next_power_of_two();
        self.slots.clear();
        reserve(&mut self.slots, size)?;
        self.slots.resize(size, 0);
        self.shift = 64 - size.trailing_zeros();
        Ok(())
    }

    /// The row with this hash for which `same` holds.
    #[inline]
    pub fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        let mut slot = (hash >> self.shift) as usize;
        loop {
            match self.slots[slot] {
                0 => return None,
                held if same(held - 1) => return Some(held - 1),
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// The row with this hash for which `same` holds; if there is none, `row` is put in.
    #[inline]
    pub fn find_or_insert(&mut self, hash: u64, row: u32, same: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut slot = (hash >> self.shift) as usize;
        loop {
            match self.slots[slot] {
                0 => {
                    self.slots[slot] = row + 1;
                    return None;
                }
                held if same(held - 1) => return Some(held - 1),
                _ => slot = (slot + 1) & mask,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_found() {
        let ids: Vec<i64> = (0..1000).map(|i| (i * 7919) % 613).collect();
        let mut table = Lookup::default();
        table.clear(ids.len()).unwrap();
        let mut distinct = 0;
        for (row, &id) in ids.iter().enumerate() {
            let hash = id.hash();
            match table.find_or_insert(hash, row as u32, |held| ids[held as usize] == id) {
                None => distinct += 1,
                Some(held) => assert_eq!(ids[held as usize], id),
            }
        }
        assert_eq!(distinct, 613);
        assert_eq!(table.find(5000i64.hash(), |held| ids[held as usize] == 5000), None);
    }

    #[test]
    fn texts_compare_bytewise() {
        let mut texts = Texts::new();
        for text in ["d10", "d9", "é", ""] {
            texts.push(text.as_bytes()).unwrap();
        }
        assert_eq!(texts.len(), 4);
        assert!(texts.id(0) < texts.id(1));
        assert!(texts.id(2) > texts.id(1));
        assert_eq!(texts.id(3), TextId(b""));
        assert_ne!(texts.id(0).hash(), texts.id(1).hash());
        let ids = [&b""[..], b"\0", b"d10", b"d10\0", b"document 1", b"document 2", b"\xff"].map(TextId);
        assert!(ids.is_sorted_by_key(|id| id.prefix()) && ids.is_sorted());
        assert!([i64::MIN, -1, 0, 7, i64::MAX].is_sorted_by_key(|id| id.prefix()));
    }
}
