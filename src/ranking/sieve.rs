//! Finds the judged documents of a list, and whether a document stands twice, with two bits for each document.
//!
//! A table of all documents tells both, but filling it takes most of the time of measuring a list. So each document
//! only sets the bit of its hash; one that finds it set is looked at again, as is one whose bit a judged document has
//! set.

use super::compare::{self, Bits};
use super::ids::{Ids, Lookup};

/// Lists of up to so many documents: beyond, looking again takes longer than a table.
const LONGEST: usize = 1 << 13;

/// What one thread reuses from list to list.
#[derive(Default)]
pub struct Sieve {
    /// The upper half of each document's hash.
    tags: Vec<u32>,
    /// Whether a document before had a hash that begins with these bits.
    seen: Bits,
    /// Whether a judged document has.
    judged: Bits,
    again: Vec<u32>,
    perhaps: Vec<u32>,
    table: Lookup,
}

impl Sieve {
    /// Calls `found(i, judged)` for each of the `n` documents that is a judged one, in order. Says whether it could:
    /// if not, a document may stand twice, or there are too many, and `found` was not called.
    pub fn find<I: Ids + ?Sized>(
        &mut self,
        known: &I,
        n: usize,
        documents: &I,
        at: impl Fn(usize) -> usize,
        mut found: impl FnMut(u32, u32),
    ) -> bool {
        if n > LONGEST {
            return false;
        }
        self.judged.clear(known.len());
        self.table.clear(known.len());
        for row in 0..known.len() {
            let id = known.id(row);
            let hash = I::hash(id);
            self.table.find_or_insert(hash, row as u32, |held| known.id(held as usize) == id);
            self.judged.insert(tag(hash));
        }
        self.tags.clear();
        self.tags.extend((0..n).map(|i| tag(I::hash(documents.id(at(i))))));
        self.seen.clear(n);
        self.again.clear();
        self.perhaps.clear();
        compare::sieve(&self.tags, &mut self.seen, &self.judged, &mut self.again, &mut self.perhaps);
        // By chance there are `n / 128`.
        if self.again.len() > n / 16 + 16 {
            return false;
        }
        for &i in &self.again {
            let (i, tag) = (i as usize, self.tags[i as usize]);
            let before = &self.tags[..i];
            if compare::any_equal(before, tag) {
                let id = documents.id(at(i));
                if (0..i).any(|j| before[j] == tag && documents.id(at(j)) == id) {
                    return false;
                }
            }
        }
        for &i in &self.perhaps {
            let id = documents.id(at(i as usize));
            if let Some(row) = self.table.find(I::hash(id), |held| known.id(held as usize) == id) {
                found(i, row);
            }
        }
        true
    }
}

#[inline]
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(known: &[i64], documents: &[i64]) -> Option<Vec<(u32, u32)>> {
        let mut found = Vec::new();
        let mut sieve = Sieve::default();
        let could = sieve.find(known, documents.len(), documents, |i| i, |i, row| found.push((i, row)));
        could.then_some(found)
    }

    #[test]
    fn as_a_plain_search() {
        let known: Vec<i64> = (0..40).map(|i| i * 25).collect();
        for n in [0, 1, 50, 1000, 8192] {
            let documents: Vec<i64> = (0..n).map(|i| (i * 7919) % 8209).collect();
            let plain =
                |i: usize| known.iter().position(|&id| id == documents[i]).map(|row| (i as u32, row as u32));
            let expected: Vec<(u32, u32)> = (0..n as usize).filter_map(plain).collect();
            assert_eq!(find(&known, &documents), Some(expected), "{n}");
        }
    }

    #[test]
    fn a_document_that_stands_twice_is_noticed() {
        let mut documents: Vec<i64> = (0..1000).collect();
        for (i, j) in [(0, 1), (0, 999), (500, 777), (998, 999)] {
            let kept = documents[j];
            documents[j] = documents[i];
            assert_eq!(find(&[5], &documents), None, "{i} and {j}");
            documents[j] = kept;
        }
        assert!(find(&[5, 5], &documents).is_some_and(|found| found == [(5, 0)]));
        assert_eq!(find(&[1], &(0..9000).collect::<Vec<_>>()), None, "too many");
    }
}
