//! The match table: one row for each detection, with its outcome at every area range and threshold.

use super::cells::{Cells, InImage};
use super::pair::Pair;
use super::partners::Partners;
use crate::score::descending_key;

/// Area ranges of one evaluation. Both ends are inside.
pub type AreaRange = [f64; 2];

/// The most area ranges a table can hold: a row's mask of them shares a word with a flag.
pub const MOST_AREA_RANGES: usize = 31;

/// One detection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    /// Score.
    pub score: f64,
    /// Position of the image.
    pub image: u32,
    /// Index among the detections' columns.
    pub object: u32,
    /// Rank within the cell, from 0; [`Row::DROPPED`] beyond the limit on detections.
    pub rank: u32,
    outcome: u32,
}

impl InImage for Row {
    fn image(&self) -> u32 {
        self.image
    }
}

/// What became of one detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It matched nothing at any threshold; it is ignored in the area ranges of this mask, outside which it lies.
    Unmatched(u32),
    /// It matched at some threshold: index of an entry of [`MatchTable::outcomes`].
    Matched(usize),
}

const UNMATCHED: u32 = 1 << 31;

impl Row {
    /// The rank of a detection beyond the limit.
    pub const DROPPED: u32 = u32::MAX;

    /// A detection that has matched nothing and lies outside the area ranges of the mask.
    pub fn unmatched(score: f64, image: u32, object: u32, rank: u32, outside: u32) -> Row {
        Row { score, image, object, rank, outcome: UNMATCHED | outside }
    }

    /// Its place in a ranking, least first: score, then image, then rank in the image.
    #[inline]
    pub fn sort_key(&self) -> (u64, u64) {
        (descending_key(self.score), u64::from(self.image) << 32 | u64::from(self.rank))
    }

    /// Says that it matched: its outcome is the entry of that index.
    pub fn set_matched(&mut self, entry: usize) {
        self.outcome = entry as u32;
    }

    /// Says that the outcomes it points into were put after `before` others.
    pub fn move_entry(&mut self, before: usize) {
        if self.outcome & UNMATCHED == 0 {
            self.outcome += before as u32;
        }
    }

    /// What became of it, in one word for [`Row::restored`].
    pub fn outcome_word(&self) -> u32 {
        self.outcome
    }

    /// A row whose outcome is known as a word.
    pub fn restored(score: f64, image: u32, object: u32, rank: u32, outcome: u32) -> Row {
        Row { score, image, object, rank, outcome }
    }

    /// What became of it.
    #[inline]
    pub fn outcome(&self) -> Outcome {
        if self.outcome & UNMATCHED != 0 {
            Outcome::Unmatched(self.outcome & !UNMATCHED)
        } else {
            Outcome::Matched(self.outcome as usize)
        }
    }
}

/// One ground truth.
#[derive(Clone, Copy, Debug, Default)]
pub struct Truth {
    /// Position of the image.
    pub image: u32,
    /// Index among the ground truth's columns.
    pub object: u32,
    /// Area ranges in which it is to be found (not ignored), as a mask.
    pub areas: u32,
}

impl InImage for Truth {
    fn image(&self) -> u32 {
        self.image
    }
}

/// Layout of the outcomes of matched detections: one bit for each area range that the detection lies outside of, and
/// for each area range one matched bit for each threshold and then one ignored bit for each; all in a row, in as many
/// words as they need. Where it lies outside it is ignored at the thresholds at which it did not match, too. With
/// `samples` there is a third bit for each threshold behind the other two: whether its score is sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeLayout {
    /// Area ranges.
    pub areas: usize,
    /// Thresholds.
    pub thresholds: usize,
    /// Whether there are scores that are sampled.
    pub samples: bool,
}

impl OutcomeLayout {
    /// Words that hold one bit for each threshold.
    #[inline]
    pub fn words(self) -> usize {
        self.thresholds.div_ceil(64)
    }

    /// How many of the `word`-th 64 thresholds there are.
    #[inline]
    fn width(self, word: usize) -> usize {
        (self.thresholds - 64 * word).min(64)
    }

    /// The bits of the `word`-th 64 thresholds that stand for one.
    #[inline]
    pub fn used(self, word: usize) -> u64 {
        u64::MAX >> (64 - self.width(word))
    }

    /// A mask of all area ranges.
    #[inline]
    pub fn all_areas(self) -> u32 {
        (1u64 << self.areas) as u32 - 1
    }

    /// Words of one outcome.
    #[inline]
    pub fn entry(self) -> usize {
        (self.areas + self.bits_each() * self.areas * self.thresholds).div_ceil(64)
    }

    /// Bits of a threshold in an area range.
    #[inline]
    fn bits_each(self) -> usize {
        2 + usize::from(self.samples)
    }

    /// The matched and the ignored bits of the `word`-th 64 thresholds in area range `a`.
    #[inline]
    fn fields(self, a: usize, word: usize) -> (BitField, BitField) {
        (self.field(a, word, 0), self.field(a, word, 1))
    }

    #[inline]
    fn field(self, a: usize, word: usize, which: usize) -> BitField {
        let bit = self.areas + (self.bits_each() * a + which) * self.thresholds + 64 * word;
        BitField { word: bit / 64, shift: bit % 64, width: self.width(word) }
    }

    /// Appends the outcome of a detection that lies outside the area ranges of the mask and has matched nothing yet.
    #[inline]
    pub fn push(self, outcomes: &mut Vec<u64>, outside: u32) {
        let start = outcomes.len();
        outcomes.resize(start + self.entry(), 0);
        if let Some(first) = outcomes.get_mut(start) {
            *first = u64::from(outside);
        }
    }

    /// Says of the `word`-th 64 thresholds of area range `a` at which of them it matched, and at which of them
    /// something ignored.
    #[inline]
    pub fn set(self, entry: &mut [u64], a: usize, word: usize, matched: u64, ignored: u64) {
        let (m, i) = self.fields(a, word);
        m.or(entry, matched);
        i.or(entry, ignored);
    }

    /// Says at which of the `word`-th 64 thresholds of area range `a` its score is sampled.
    pub fn set_sampled(self, entry: &mut [u64], a: usize, word: usize, sampled: u64) {
        self.field(a, word, 2).or(entry, sampled);
    }

    /// At which of the `word`-th 64 thresholds of area range `a` its score is sampled; at none where none is.
    pub fn sampled(self, entry: &[u64], a: usize, word: usize) -> u64 {
        if self.samples { self.field(a, word, 2).get(entry) } else { 0 }
    }

    /// Matched and ignored bits of the `word`-th 64 thresholds of area range `a`.
    #[inline]
    pub fn get(self, entry: &[u64], a: usize, word: usize) -> (u64, u64) {
        let (m, i) = self.fields(a, word);
        let matched = m.get(entry);
        let beside = if entry[0] >> a & 1 == 1 { !matched & self.used(word) } else { 0 };
        (matched, i.get(entry) | beside)
    }

    /// Of the `word`-th 64 thresholds of area range `a` those at which a detection is a true positive, and those at
    /// which it is a false one.
    #[inline]
    pub fn counted(self, entry: &[u64], a: usize, word: usize) -> CountedThresholds {
        let (matched, ignored) = self.get(entry, a, word);
        let not_ignored = !ignored & self.used(word);
        CountedThresholds { true_positive: matched & not_ignored, false_positive: !matched & not_ignored }
    }
}

/// The thresholds, 64 of them, at which a detection is a true positive and at which a false one.
#[derive(Clone, Copy, Default)]
pub struct CountedThresholds {
    /// True positive.
    pub true_positive: u64,
    /// False positive.
    pub false_positive: u64,
}

/// A run of up to 64 bits in some words.
#[derive(Clone, Copy)]
struct BitField {
    word: usize,
    shift: usize,
    width: usize,
}

impl BitField {
    /// Whether it goes on in the next word.
    #[inline]
    fn is_cut(self) -> bool {
        self.shift + self.width > 64
    }

    #[inline]
    fn get(self, words: &[u64]) -> u64 {
        let mut bits = words[self.word] >> self.shift;
        if self.is_cut() {
            bits |= words[self.word + 1] << (64 - self.shift);
        }
        bits & u64::MAX >> (64 - self.width)
    }

    /// Sets the bits, of which none is beyond its width.
    #[inline]
    fn or(self, words: &mut [u64], bits: u64) {
        words[self.word] |= bits << self.shift;
        if self.is_cut() {
            words[self.word + 1] |= bits >> (64 - self.shift);
        }
    }
}

/// Calls `visit` with the index of each bit that is set.
#[inline]
pub fn each_bit(mut bits: u64, mut visit: impl FnMut(usize)) {
    while bits != 0 {
        visit(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

/// All rows of an evaluation, grouped by category; within a group in image order, within an image best score first.
#[derive(Clone, Debug)]
pub struct MatchTable {
    /// How outcomes are laid out.
    pub bits: OutcomeLayout,
    /// Detections.
    pub rows: Cells<Row>,
    /// Ground truths.
    pub truths: Cells<Truth>,
    /// Outcomes of matched rows, [`OutcomeLayout::entry`] words each.
    pub outcomes: Vec<u64>,
    /// Their partners, at the requested thresholds.
    pub partners: Partners,
    /// The pair of each detection, by [`Row::object`], if requested.
    pub pairs: Option<Vec<Pair>>,
}

impl MatchTable {
    /// A table without partners and pairs.
    pub fn new(
        bits: OutcomeLayout,
        rows: Cells<Row>,
        truths: Cells<Truth>,
        outcomes: Vec<u64>,
    ) -> MatchTable {
        MatchTable { bits, rows, truths, outcomes, partners: Partners::default(), pairs: None }
    }

    /// The table without the detections beyond the limit, which are only read to be left out.
    pub fn without_dropped(mut self) -> MatchTable {
        let Cells { groups, items } = &mut self.rows;
        if items.iter().all(|row| row.rank != Row::DROPPED) {
            return self;
        }
        let (mut from, mut count) = (0, 0);
        for end in groups.iter_mut().skip(1) {
            let rows = &items[from as usize..*end as usize];
            count += rows.iter().filter(|row| row.rank != Row::DROPPED).count() as u32;
            (from, *end) = (*end, count);
        }
        items.retain(|row| row.rank != Row::DROPPED);
        self
    }

    /// The number of groups.
    pub fn groups(&self) -> usize {
        self.rows.len()
    }

    /// Detections of one group.
    pub fn rows(&self, group: usize) -> &[Row] {
        &self.rows.items[self.rows.group(group)]
    }

    /// Ground truths of one group.
    pub fn truths(&self, group: usize) -> &[Truth] {
        &self.truths.items[self.truths.group(group)]
    }

    /// The outcome of that index.
    #[inline]
    pub fn outcome(&self, index: usize) -> &[u64] {
        let entry = self.bits.entry();
        &self.outcomes[index * entry..(index + 1) * entry]
    }

    /// Whether a detection matched at threshold `t` in area range `a`, and whether it is ignored there.
    #[inline]
    pub fn matched_and_ignored(&self, row: &Row, a: usize, t: usize) -> (bool, bool) {
        match row.outcome() {
            Outcome::Unmatched(outside) => (false, outside >> a & 1 == 1),
            Outcome::Matched(index) => {
                let (matched, ignored) = self.bits.get(self.outcome(index), a, t / 64);
                (matched >> (t % 64) & 1 == 1, ignored >> (t % 64) & 1 == 1)
            }
        }
    }

    /// Whether a detection's score is sampled at threshold `t` in area range `a`.
    pub fn is_sampled(&self, row: &Row, a: usize, t: usize) -> bool {
        match row.outcome() {
            Outcome::Unmatched(_) => false,
            Outcome::Matched(index) => self.bits.sampled(self.outcome(index), a, t / 64) >> (t % 64) & 1 == 1,
        }
    }

    /// Whether a detection is a true or a false positive in area range `a`, at some threshold.
    #[inline]
    pub fn counts(&self, row: &Row, a: usize) -> bool {
        match row.outcome() {
            Outcome::Unmatched(outside) => outside >> a & 1 == 0,
            Outcome::Matched(index) => (0..self.bits.words()).any(|word| {
                let CountedThresholds { true_positive, false_positive } =
                    self.bits.counted(self.outcome(index), a, word);
                true_positive | false_positive != 0
            }),
        }
    }

    /// The ground truth ([`Truth::object`]) that a detection matched in area range `a`, at the `place`-th of the
    /// thresholds whose partners were requested; also one whose id makes the match count as none.
    #[inline]
    pub fn partner(&self, row: &Row, a: usize, place: usize) -> Option<u32> {
        match row.outcome() {
            Outcome::Unmatched(_) => None,
            Outcome::Matched(index) => self.partners.get(index, a, place),
        }
    }

    /// Ground truths to be found of one group, in each area range.
    pub fn positives(&self, group: usize) -> Vec<i64> {
        let mut positives = vec![0; self.bits.areas];
        for truth in self.truths(group) {
            positives.iter_mut().enumerate().for_each(|(a, count)| *count += i64::from(truth.areas >> a & 1));
        }
        positives
    }

    /// How many detections of one group there are.
    pub fn detections(&self, group: usize) -> usize {
        self.rows(group).iter().filter(|row| row.rank != Row::DROPPED).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn bits_beyond_the_first_word() {
        let bits = OutcomeLayout { areas: 2, thresholds: 70, samples: false };
        let mut entry = Vec::new();
        bits.push(&mut entry, 2);
        assert_eq!(entry.len(), bits.entry());
        bits.set(&mut entry, 1, 1, 1 << 5, 0);
        bits.set(&mut entry, 1, 0, 1, 1);
        assert_eq!(bits.get(&entry, 1, 0), (1, u64::MAX));
        assert_eq!(bits.get(&entry, 1, 1), (1 << 5, (1 << 5) - 1));
        assert_eq!(bits.get(&entry, 0, 0), (0, 0));
    }

    #[test]
    fn what_is_written_is_read() {
        let mut random = Random::new(1);
        let mut roll = || random.next();
        for thresholds in [1, 10, 31, 63, 64, 65, 128, 130] {
            for (areas, samples) in [(1, false), (4, true), (7, false), (7, true)] {
                let bits = OutcomeLayout { areas, thresholds, samples };
                let outside = roll() as u32 & bits.all_areas();
                let mut outcomes = vec![7];
                bits.push(&mut outcomes, outside);
                let mut expected = Vec::new();
                for a in 0..areas {
                    for word in 0..bits.words() {
                        let matched = roll() & bits.used(word);
                        let ignored = roll() & matched;
                        bits.set(&mut outcomes[1..], a, word, matched, ignored);
                        let sampled = if samples { roll() & bits.used(word) } else { 0 };
                        if samples {
                            bits.set_sampled(&mut outcomes[1..], a, word, sampled);
                        }
                        let beside = if outside >> a & 1 == 1 { bits.used(word) & !matched } else { 0 };
                        expected.push((matched, ignored | beside, sampled));
                    }
                }
                let places = (0..areas).flat_map(|a| (0..bits.words()).map(move |word| (a, word)));
                let read = |(a, word)| {
                    let (matched, ignored) = bits.get(&outcomes[1..], a, word);
                    (matched, ignored, bits.sampled(&outcomes[1..], a, word))
                };
                let found: Vec<_> = places.map(read).collect();
                assert_eq!(found, expected);
                assert_eq!((outcomes[0], outcomes.len()), (7, 1 + bits.entry()));
            }
        }
    }

    #[test]
    fn a_row_is_unmatched_until_it_matches() {
        let mut row = Row::unmatched(0.5, 0, 0, 0, 5);
        assert_eq!(row.outcome(), Outcome::Unmatched(5));
        row.set_matched(3);
        assert_eq!(row.outcome(), Outcome::Matched(3));
    }
}
