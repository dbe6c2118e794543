//! Ids as small integers.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Ids below this are looked up in a table.
const SMALL: usize = 2048;

/// A column of ids: for each record a code, and for each code the id and the record that used it first.
///
/// InternedIds are given in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct InternedIds {
    /// The code of each record.
    pub codes: Vec<u32>,
    /// The id that each code stands for.
    pub ids: Vec<i64>,
    /// The first record that has each code.
    pub first: Vec<usize>,
    known: HashMap<i64, u32, BuildHasherDefault<Mixer>>,
    /// The code of each small id, one more: class labels are looked up without a hash.
    small: Vec<u32>,
    last: Option<(i64, u32)>,
}

impl InternedIds {
    /// Adds the id of the next record.
    #[inline]
    pub fn push(&mut self, id: i64) {
        let code = match self.last {
            Some((last, code)) if last == id => code,
            _ => self.code(id, self.codes.len()),
        };
        self.last = Some((id, code));
        self.codes.push(code);
    }

    fn code(&mut self, id: i64, record: usize) -> u32 {
        let next = self.ids.len() as u32;
        let small = usize::try_from(id).ok().filter(|&id| id < SMALL);
        if let Some(&code @ 1..) = small.and_then(|id| self.small.get(id)) {
            return code - 1;
        }
        if let Some(id) = small {
            if self.small.is_empty() {
                self.small.resize(SMALL, 0);
            }
            self.small[id] = next + 1;
        }
        let code = *self.known.entry(id).or_insert(next);
        if code == next {
            self.ids.push(id);
            self.first.push(record);
        }
        code
    }

    /// The code of `id`, if a record has it.
    pub fn find(&self, id: i64) -> Option<u32> {
        self.known.get(&id).copied()
    }

    /// Adds the records of `part` after these.
    pub fn append(&mut self, part: &InternedIds) {
        let start = self.codes.len();
        let renamed: Vec<u32> =
            part.ids.iter().zip(&part.first).map(|(&id, &first)| self.code(id, start + first)).collect();
        self.codes.extend(part.codes.iter().map(|&code| renamed[code as usize]));
    }

    /// Removes all records and keeps the memory.
    pub fn clear(&mut self) {
        self.codes.clear();
        self.ids.clear();
        self.first.clear();
        self.known.clear();
        self.small.fill(0);
        self.last = None;
    }
}

/// Hashes one integer: multiply and fold, twice.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let word = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = (word ^ (word >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        self.0 ^= self.0 >> 32;
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_joined_are_the_whole() {
        let ids = [5, 5, -1, 7, 5, i64::MIN, 7, 8, -1];
        let mut whole = InternedIds::default();
        ids.iter().for_each(|&id| whole.push(id));
        assert_eq!(whole.codes, [0, 0, 1, 2, 0, 3, 2, 4, 1]);
        assert_eq!(whole.first, [0, 2, 3, 5, 7]);
        for cut in 0..=ids.len() {
            let mut joined = InternedIds::default();
            for piece in [&ids[..cut], &ids[cut..]] {
                let mut part = InternedIds::default();
                piece.iter().for_each(|&id| part.push(id));
                joined.append(&part);
            }
            assert_eq!(
                (joined.codes, joined.ids, joined.first),
                (whole.codes.clone(), whole.ids.clone(), whole.first.clone())
            );
        }
        assert_eq!(whole.find(-1), Some(1));
        assert_eq!(whole.find(6), None);
    }
}
