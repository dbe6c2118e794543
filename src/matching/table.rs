//! The match table: one row for each kept detection, with its outcome at every area range and threshold.

use std::ops::Range;

/// Area ranges of one evaluation. Both ends are inside.
pub type AreaRange = [f64; 2];

/// The most area ranges a table can hold: a row's mask of them shares a word with a flag.
pub const MOST_AREA_RANGES: usize = 31;

/// What became of one detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It matched nothing at any threshold; it is ignored in the area ranges of this mask, outside which it lies.
    Unmatched(u32),
    /// It matched at some threshold: entry of [`Rows::outcomes`].
    Matched(usize),
}

const UNMATCHED: u32 = 1 << 31;

/// The rows of some images of one group (category), in image order, within an image best score first.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Position of the image.
    pub image: Vec<u32>,
    /// Rank within the cell, from 0.
    pub rank: Vec<u32>,
    /// Score.
    pub score: Vec<f64>,
    outcome: Vec<u32>,
    outcomes: Vec<u64>,
    /// Image of each ground truth.
    pub truth_image: Vec<u32>,
    /// Area ranges in which each ground truth is to be found (not ignored), as a mask.
    pub truth_areas: Vec<u32>,
}

/// Outcomes of matched detections over area ranges and thresholds: for each, a word (or more) of matched bits and
/// as many of ignored bits.
#[derive(Clone, Copy, Debug)]
pub struct Bits {
    /// Area ranges.
    pub areas: usize,
    /// Thresholds.
    pub thresholds: usize,
}

impl Bits {
    /// Words that hold one bit for each threshold.
    pub fn words(self) -> usize {
        self.thresholds.div_ceil(64)
    }

    /// Words of one outcome.
    pub fn entry(self) -> usize {
        self.areas * self.words() * 2
    }

    /// Place of the matched word and of the ignored word that hold threshold `t` in area range `a`.
    fn places(self, a: usize, t: usize) -> (usize, usize) {
        let matched = a * self.words() * 2 + t / 64;
        (matched, matched + self.words())
    }

    /// Says in `entry` that threshold `t` of area range `a` matched, and whether with something ignored.
    pub fn set(self, entry: &mut [u64], a: usize, t: usize, matched: bool, ignored: bool) {
        let (m, i) = self.places(a, t);
        entry[m] |= u64::from(matched) << (t % 64);
        entry[i] |= u64::from(ignored) << (t % 64);
    }

    /// Ignores what did not match in area range `a`.
    pub fn ignore_unmatched(self, entry: &mut [u64], a: usize) {
        for word in 0..self.words() {
            let (m, i) = self.places(a, word * 64);
            entry[i] |= !entry[m];
        }
    }

    /// Matched and ignored bits of the `word`-th 64 thresholds of area range `a`.
    #[inline]
    pub fn get(self, entry: &[u64], a: usize, word: usize) -> (u64, u64) {
        let (m, i) = self.places(a, word * 64);
        (entry[m], entry[i])
    }
}

impl Rows {
    /// No rows yet, with room for `detections` and `ground_truths`.
    pub fn with_capacity(detections: usize, ground_truths: usize) -> Rows {
        Rows {
            image: Vec::with_capacity(detections),
            rank: Vec::with_capacity(detections),
            score: Vec::with_capacity(detections),
            outcome: Vec::with_capacity(detections),
            outcomes: Vec::new(),
            truth_image: Vec::with_capacity(ground_truths),
            truth_areas: Vec::with_capacity(ground_truths),
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.score.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.score.is_empty()
    }

    /// Adds a detection that matched nothing and lies outside the area ranges of the mask.
    pub fn push_unmatched(&mut self, image: u32, rank: usize, score: f64, outside: u32) {
        self.push(image, rank, score, UNMATCHED | outside);
    }

    /// Adds a detection that matched, and its outcome.
    pub fn push_matched(&mut self, image: u32, rank: usize, score: f64, entry: &[u64]) {
        let index = self.outcomes.len() / entry.len().max(1);
        self.outcomes.extend_from_slice(entry);
        self.push(image, rank, score, index as u32);
    }

    fn push(&mut self, image: u32, rank: usize, score: f64, outcome: u32) {
        self.image.push(image);
        self.rank.push(rank as u32);
        self.score.push(score);
        self.outcome.push(outcome);
    }

    /// What became of the detection in `row`.
    #[inline]
    pub fn outcome(&self, row: usize) -> Outcome {
        let outcome = self.outcome[row];
        if outcome & UNMATCHED != 0 {
            Outcome::Unmatched(outcome & !UNMATCHED)
        } else {
            Outcome::Matched(outcome as usize)
        }
    }

    /// Outcomes of matched rows, [`Bits::entry`] words each.
    pub fn outcomes(&self) -> &[u64] {
        &self.outcomes
    }
}

/// All rows of an evaluation. Merging two tables of other images is putting their rows one after the other.
#[derive(Clone, Debug)]
pub struct MatchTable {
    bits: Bits,
    parts: Vec<Rows>,
    groups: Vec<Range<usize>>,
}

impl MatchTable {
    /// A table of the groups' parts, each group's in image order.
    pub fn new(bits: Bits, groups: impl IntoIterator<Item = Vec<Rows>>) -> MatchTable {
        let mut table = MatchTable { bits, parts: Vec::new(), groups: Vec::new() };
        for parts in groups {
            let start = table.parts.len();
            table.parts.extend(parts);
            table.groups.push(start..table.parts.len());
        }
        table
    }

    /// How outcomes are laid out.
    pub fn bits(&self) -> Bits {
        self.bits
    }

    /// The number of groups.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The rows of one group.
    pub fn group(&self, group: usize) -> &[Rows] {
        &self.parts[self.groups[group].clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_beyond_the_first_word() {
        let bits = Bits { areas: 2, thresholds: 70 };
        let mut entry = vec![0; bits.entry()];
        bits.set(&mut entry, 1, 69, true, false);
        bits.set(&mut entry, 1, 0, true, true);
        bits.ignore_unmatched(&mut entry, 1);
        assert_eq!(bits.get(&entry, 1, 0), (1, u64::MAX));
        assert_eq!(bits.get(&entry, 1, 1), (1 << 5, !(1 << 5)));
        assert_eq!(bits.get(&entry, 0, 0), (0, 0));
    }
}
