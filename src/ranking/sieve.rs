//! Finds the judged documents of a list, and whether a document occurs twice, without a search for each document.
//!
//! A hash table without probing: each document writes its position into the slot that its tag names, over any other
//! position there. Then each document reads its slot: one that finds its own position is done, and the few others go
//! on to another round. Duplicates of a document have the same slot in every round, until one of them finds the other
//! there. In each round the judged documents are looked up in the slots that their tags name.
//!
//! Slots are never cleared: the position in a slot is checked by the tag and the id of its document.

use crate::error::{Result, reserve};

use super::ids::Id;

/// Lists of up to so many documents: beyond, there would be many rounds.
const LONGEST: usize = 1 << 13;
/// Slots, as a power of two. With their documents' tags they fit the cache that is nearest to the processor.
const SLOT_BITS: u32 = 13;
/// Most lists need three or four rounds; ids that were chosen to be in each other's way would need thousands.
const ROUNDS: usize = 16;

/// What one thread reuses from list to list.
pub struct Sieve {
    /// The tags of the list's documents.
    pub tags: Vec<u32>,
    /// The document in each slot, as a position in the list.
    slots: Box<[u16; 1 << SLOT_BITS]>,
    /// Whether another document is in its slot.
    displaced: Box<[u8; LONGEST]>,
    /// Those that go on to another round.
    remaining: Vec<u16>,
    /// The judged documents that were not found yet.
    not_found: Vec<u32>,
}

impl Default for Sieve {
    fn default() -> Self {
        Sieve {
            tags: Vec::new(),
            slots: Box::new([0; 1 << SLOT_BITS]),
            displaced: Box::new([0; LONGEST]),
            remaining: Vec::new(),
            not_found: Vec::new(),
        }
    }
}

#[inline(always)]
fn slot(tag: u32) -> usize {
    (tag >> (32 - SLOT_BITS)) as usize
}

/// Puts 1 into `displaced` for each document that is not in the slot that its tag names, else 0.
fn mark_displaced(tags: &[u32], slots: &[u16; 1 << SLOT_BITS], displaced: &mut [u8]) {
    let mark = |tag: u32, i: usize| u8::from(slots[slot(tag)] != i as u16);
    // Eight in a turn of the loop.
    let (turns, rest) = tags.as_chunks::<8>();
    let (displaced_turns, displaced_rest) = displaced.as_chunks_mut::<8>();
    let mut first = 0;
    for (tags, displaced) in turns.iter().zip(displaced_turns) {
        for k in 0..8 {
            displaced[k] = mark(tags[k], first + k);
        }
        first += 8;
    }
    for (k, (&tag, displaced)) in rest.iter().zip(displaced_rest).enumerate() {
        *displaced = mark(tag, first + k);
    }
}

/// Adds the places of the ones among zeros and ones to `places`.
fn marked(marks: &[u8], places: &mut Vec<u16>) {
    let mut start = 0;
    for some in marks.chunks(64) {
        let mut bits = 0;
        let (eights, rest) = some.as_chunks::<8>();
        for (k, &eight) in eights.iter().enumerate() {
            // The product's highest byte has the eight bytes' lowest bits.
            let gathered = u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            bits |= gathered << (8 * k);
        }
        for (k, &mark) in rest.iter().enumerate() {
            bits |= u64::from(mark) << (8 * eights.len() + k);
        }
        while bits != 0 {
            places.push(start + bits.trailing_zeros() as u16);
            bits &= bits - 1;
        }
        start = start.wrapping_add(64);
    }
}

impl Sieve {
    /// Whether all documents of the list are certainly different.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn all_differ<T: Id>(&mut self, document: impl Fn(usize) -> T) -> Result<bool> {
        self.find(&document, |row| document(row as usize), std::iter::empty(), |_, _| {})
    }

    /// Calls `found(i, row)` for each document of the list that is the judged one of a row in `rows`, in any order.
    /// The list's documents are those whose tags are in `tags`; `document(i)` and `judged(row)` give the ids. Judged
    /// documents are all different.
    ///
    /// Returns false if it could not say, and what was found is void: a document occurs twice, or there are too many.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn find<T: Id>(
        &mut self,
        document: impl Fn(usize) -> T,
        judged: impl Fn(u32) -> T,
        rows: impl Iterator<Item = u32>,
        mut found: impl FnMut(u32, u32),
    ) -> Result<bool> {
        let Sieve { tags, slots, displaced, remaining, not_found } = self;
        let n = tags.len();
        if n > LONGEST {
            return Ok(false);
        }
        for (i, &tag) in tags.iter().enumerate() {
            slots[slot(tag)] = i as u16;
        }
        let displaced = &mut displaced[..n];
        mark_displaced(tags, slots, displaced);
        remaining.clear();
        marked(displaced, remaining);
        let mut is_found = |slots: &[u16; 1 << SLOT_BITS], row: u32| {
            let id = judged(row);
            let (tag, i) = (id.tag(), usize::from(slots[slot(id.tag())]));
            let is_it = tags.get(i) == Some(&tag) && document(i) == id;
            if is_it {
                found(i as u32, row);
            }
            is_it
        };
        not_found.clear();
        reserve(not_found, rows.size_hint().1.unwrap_or(0))?;
        not_found.extend(rows.filter(|&row| !is_found(slots, row)));
        for _ in 0..ROUNDS {
            if remaining.is_empty() {
                return Ok(true);
            }
            let same = |i: u16, other: u16| {
                let (i, other) = (usize::from(i), usize::from(other));
                tags[i] == tags[other] && document(i) == document(other)
            };
            if remaining.iter().any(|&i| same(i, slots[slot(tags[usize::from(i)])])) {
                return Ok(false);
            }
            for &i in &*remaining {
                slots[slot(tags[usize::from(i)])] = i;
            }
            not_found.retain(|&row| !is_found(slots, row));
            remaining.retain(|&i| slots[slot(tags[usize::from(i)])] != i);
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids::Ids;
    use super::*;

    fn find(known: &[i64], documents: &[i32]) -> Option<Vec<(u32, u32)>> {
        let (mut found, mut sieve) = (Vec::new(), Sieve::default());
        // What was there before must not matter.
        sieve.slots.iter_mut().enumerate().for_each(|(i, slot)| *slot = (i * 7) as u16);
        documents.tags(0..documents.len(), &mut sieve.tags);
        let rows = 0..known.len() as u32;
        let judged = |row: u32| known[row as usize];
        let could = sieve.find(|i| documents.id(i), judged, rows, |i, row| found.push((i, row))).unwrap();
        found.sort_unstable();
        could.then_some(found)
    }

    #[test]
    fn marks_are_found() {
        for n in [0, 1, 63, 64, 65, 777, LONGEST] {
            let marks: Vec<u8> = (0..n).map(|i| u8::from(i * i % 7 == 1)).collect();
            let mut places = Vec::new();
            marked(&marks, &mut places);
            let expected: Vec<u16> = (0..n as u16).filter(|&i| marks[usize::from(i)] == 1).collect();
            assert_eq!(places, expected);
        }
    }

    #[test]
    fn as_a_plain_search() {
        let known: Vec<i64> = (0..40).map(|i| i * 25).chain([1 << 40, -7]).collect();
        for n in [0, 1, 50, 1000, 8192] {
            let documents: Vec<i32> = (0..n).map(|i| (i * 7919) % 8209 - 7).collect();
            let plain = |i: usize| {
                let row = known.iter().position(|&id| id == i64::from(documents[i]));
                row.map(|row| (i as u32, row as u32))
            };
            let expected: Vec<(u32, u32)> = (0..n as usize).filter_map(plain).collect();
            assert_eq!(find(&known, &documents), Some(expected), "{n}");
        }
    }

    #[test]
    fn a_document_that_stands_twice_is_noticed() {
        let mut documents: Vec<i32> = (0..1000).map(|i| i * 1_000_003 % 65_537).collect();
        for i in 0..1000 {
            let j = (i * 389 + 1) % 1000;
            let kept = documents[j];
            documents[j] = documents[i];
            assert_eq!(find(&[5], &documents).is_none(), i != j, "{i} and {j}");
            documents[j] = kept;
        }
        assert_eq!(find(&[1], &(0..9000).collect::<Vec<_>>()), None, "too many");
    }

    #[test]
    fn documents_that_are_in_each_others_way() {
        // The inverse of the tag's factor gives the ids of tags that all name one slot.
        let inverse =
            (0..5).fold(1u32, |x, _| x.wrapping_mul(2u32.wrapping_sub(0x9E37_79B1u32.wrapping_mul(x))));
        let documents = (0..5000u32).filter_map(|i| i32::try_from(i.wrapping_mul(inverse)).ok());
        let documents: Vec<i32> = documents.collect();
        assert_eq!(find(&[0], &documents[..10]).map(|found| found.len()), Some(1));
        assert_eq!(find(&[0], &documents), None, "too many rounds");
    }
}
