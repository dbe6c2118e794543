//! Partners: an optional column of the match table with the matched ground truths, filled during matching.

use super::table::each_bit;
use crate::error::{Result, reserve};

/// The ground truth that each matched detection matched, at the requested thresholds and in the requested area ranges.
///
/// It has an entry for each outcome of the table, in the same order. A partner is given as its index among the ground
/// truth's columns ([`super::Truth::object`]), also where its id makes the match count as none.
#[derive(Clone, Debug, Default)]
pub struct Partners {
    /// Indices of the thresholds, rising.
    thresholds: Vec<usize>,
    areas: usize,
    objects: Vec<u32>,
}

/// The object in the place of a partner where there is none.
pub const NO_PARTNER: u32 = u32::MAX;

impl Partners {
    /// An empty column for so many area ranges and these thresholds, by index and rising; none for no column.
    pub fn of(areas: usize, thresholds: &[usize]) -> Partners {
        Partners { thresholds: thresholds.to_vec(), areas, objects: Vec::new() }
    }

    /// Whether it was not requested.
    pub fn is_empty(&self) -> bool {
        self.thresholds.is_empty()
    }

    /// The place of a threshold among the requested ones.
    pub fn place(&self, t: usize) -> Option<usize> {
        self.thresholds.binary_search(&t).ok()
    }

    fn entry(&self) -> usize {
        self.areas * self.thresholds.len()
    }

    /// Reserves memory for so many more outcomes.
    ///
    /// # Errors
    ///
    /// Memory cannot be had.
    pub fn reserve(&mut self, outcomes: usize) -> Result<()> {
        let more = outcomes.saturating_mul(self.entry());
        reserve(&mut self.objects, more)
    }

    /// Adds the entry of an outcome, without partners.
    #[inline]
    pub fn push(&mut self) {
        if !self.is_empty() {
            self.objects.resize(self.objects.len() + self.entry(), NO_PARTNER);
        }
    }

    /// Says whom the detection of an outcome matched in the area ranges of the mask, at the thresholds of `made` in the
    /// `word`-th 64.
    #[inline]
    pub fn set(&mut self, outcome: usize, areas: u32, word: usize, made: u64, object: u32) {
        if self.is_empty() {
            return;
        }
        let (start, count) = (outcome * self.entry(), self.thresholds.len());
        for (place, &t) in self.thresholds.iter().enumerate() {
            if t / 64 == word && made >> (t % 64) & 1 == 1 {
                each_bit(u64::from(areas), |a| self.objects[start + a * count + place] = object);
            }
        }
    }

    /// Whom the detection of an outcome matched in an area range, at the `place`-th of the requested thresholds.
    #[inline]
    pub fn get(&self, outcome: usize, a: usize, place: usize) -> Option<u32> {
        let object = self.objects[outcome * self.entry() + a * self.thresholds.len() + place];
        (object != NO_PARTNER).then_some(object)
    }

    /// Puts the entries of others behind these.
    pub fn append(&mut self, others: &Partners) {
        self.objects.extend_from_slice(&others.objects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_kept() {
        let mut partners = Partners::of(2, &[1, 70]);
        partners.push();
        partners.push();
        partners.set(1, 0b10, 0, 0b11, 7);
        partners.set(1, 0b11, 1, 1 << 6, 8);
        assert_eq!([0, 1].map(|place| partners.get(1, 0, place)), [None, Some(8)]);
        assert_eq!([0, 1].map(|place| partners.get(1, 1, place)), [Some(7), Some(8)]);
        assert_eq!(partners.get(0, 1, 0), None);
        let mut none = Partners::of(2, &[]);
        none.push();
        none.set(0, 0b11, 0, 1, 7);
        assert!(none.is_empty() && none.objects.is_empty());
    }
}
