//! The confusion matrix of pixels: how many of class i were predicted as class j.
//!
//! Every measure of semantic segmentation follows from this matrix. It is counted in one pass over both maps, at the
//! speed of memory: label maps are mostly long stretches of one class, so that runs are counted, not pixels. Where runs
//! are too short for that, pixels are counted one by one, adjacent ones in different copies of the matrix, because
//! adding to the number that has just been added to waits for the store.

use rayon::prelude::*;

use super::labels::{LabelRule, Labels, MapSide};
use crate::error::{Error, Result, collect, with_capacity, zeros};
use crate::simd::{Baseline, Simd};
use crate::threads;

/// Pixels in one share of the work.
const SHARE: usize = 1 << 17;
/// Pixels that are turned into codes at a time: both sides fit the first-level cache.
const BLOCK: usize = 4096;
/// Pixels that are compared with the pixels to their left at once: a bit of a word for each.
const PIECE: usize = 64;
/// In a piece with more changes than this, pixels are counted one by one.
const RESTLESS: u32 = 48;
/// Copies of the matrix that neighbouring pixels are counted in.
const COPIES: usize = 4;
/// Beyond this many cells (those of ADE20K's 150 classes fit), copies cost more cache than they save waiting.
const MOST_COPIED_CELLS: usize = 1 << 15;

/// Pixels counted by class of the target and class of the prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// `(K, K + 1)` row by row: `counts[i * (K + 1) + j]` pixels have target i and prediction j; j = K is no class.
    pub counts: Vec<u64>,
}

impl Confusion {
    /// No pixels yet.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn new(classes: usize) -> Result<Confusion> {
        Ok(Confusion { classes, counts: zeros(classes * (classes + 1))? })
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Adds the pixels of another part of the data.
    pub fn merge(&mut self, other: &Confusion) {
        assert_eq!(self.classes, other.classes, "matrices of the same classes");
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
    }

    /// Counts one pair of maps, in parallel. `width` is the number of pixels in a row, for messages.
    ///
    /// A number that is neither a class nor ignored is an error that names the first such pixel.
    ///
    /// # Errors
    ///
    /// A label is neither a class nor ignored, sizes differ, or memory cannot be had.
    pub fn of(target: Labels, prediction: Labels, rule: &LabelRule, width: usize) -> Result<Confusion> {
        same_length(target, prediction)?;
        let starts = collect((0..target.len()).step_by(SHARE))?;
        if starts.len() < 2 {
            return Confusion::of_alone(target, prediction, rule, width);
        }
        let begun = |tally: Option<CodeCounts>| tally.map_or_else(|| CodeCounts::new(rule), Ok);
        let share = |tally: Option<CodeCounts>, &start: &usize| {
            let (mut tally, end) = (begun(tally)?, (start + SHARE).min(target.len()));
            tally.count(target.slice(start, end), prediction.slice(start, end), rule);
            Ok(Some(tally))
        };
        let join = |one: Option<CodeCounts>, other: Option<CodeCounts>| {
            Ok(match (one, other) {
                (Some(one), Some(other)) => Some(one.merge(other)),
                (one, other) => one.or(other),
            })
        };
        let tally = threads::run(|| starts.par_iter().try_fold(|| None, share).try_reduce(|| None, join))?;
        begun(tally)?.finish(rule)?.ok_or_else(|| refusal(target, prediction, rule, width))
    }

    /// The matrix of pixels counted by code, codes x codes, without those that are left out; nothing if a label was
    /// unknown.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn of_codes(counts: &[u64], rule: &LabelRule) -> Result<Option<Confusion>> {
        let (codes, classes, unknown) = (rule.codes(), rule.classes(), usize::from(rule.unknown()));
        let none_wrong = counts[unknown * codes..].iter().all(|&count| count == 0);
        let rows = counts.chunks_exact(codes).take(classes + 1);
        if !none_wrong || rows.clone().any(|row| row[unknown] > 0) {
            return Ok(None);
        }
        let mut matrix = with_capacity(classes * (classes + 1))?;
        rows.take(classes).for_each(|row| matrix.extend_from_slice(&row[..=classes]));
        Ok(Some(Confusion { classes, counts: matrix }))
    }

    /// Counts one pair of maps, as [`Confusion::of`] does, in this thread only.
    ///
    /// # Errors
    ///
    /// As of [`Confusion::of`].
    pub fn of_alone(target: Labels, prediction: Labels, rule: &LabelRule, width: usize) -> Result<Confusion> {
        same_length(target, prediction)?;
        let mut tally = CodeCounts::new(rule)?;
        tally.count(target, prediction, rule);
        tally.finish(rule)?.ok_or_else(|| refusal(target, prediction, rule, width))
    }
}

fn same_length(target: Labels, prediction: Labels) -> Result<()> {
    let (t, p) = (target.len(), prediction.len());
    if t == p { Ok(()) } else { Err(Error::value(format!("target has {t} pixels, prediction {p}"))) }
}

/// Names the first invalid label; only called if the counts contain one.
fn refusal(target: Labels, prediction: Labels, rule: &LabelRule, width: usize) -> Error {
    let side =
        |side: MapSide, labels: Labels| labels.refuse(rule, side, width).map(|error| error.at(side.name()));
    side(MapSide::Target, target)
        .or_else(|| side(MapSide::Prediction, prediction))
        .unwrap_or_else(|| Error::value("a label that is no class"))
}

/// Bit `i`: whether pixel `at + i` of a plane is not as the one before it.
#[inline(always)]
fn changes(plane: &[u8], at: usize) -> u64 {
    let halves = |from: usize| plane[from..from + PIECE].as_chunks().0;
    let (here, before) = (halves(at), halves(at - 1));
    let equal = |half: usize| u64::from(Baseline::equal(&here[half], &before[half]));
    !(equal(0) | equal(1) << 32)
}

/// Counts by code, in copies.
struct CodeCounts {
    /// Cells of one copy: codes x codes.
    cells: usize,
    /// The number of copies less one: COPIES - 1 or 0.
    last_copy: usize,
    counts: Vec<u64>,
    /// For bytes: the code of each number of the target, times the number of codes, and of the prediction.
    rows: [u32; 256],
    columns: [u32; 256],
}

impl CodeCounts {
    fn new(rule: &LabelRule) -> Result<CodeCounts> {
        let codes = rule.codes();
        let cells = codes * codes;
        let copies = if cells <= MOST_COPIED_CELLS { COPIES } else { 1 };
        let table = |code: &dyn Fn(i64) -> u32| std::array::from_fn(|byte| code(byte as i64));
        Ok(CodeCounts {
            cells,
            last_copy: copies - 1,
            counts: zeros(cells * copies)?,
            rows: table(&|byte| u32::from(rule.target(byte)) * codes as u32),
            columns: table(&|byte| u32::from(rule.prediction(byte))),
        })
    }

    fn merge(mut self, other: CodeCounts) -> CodeCounts {
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        self
    }

    fn count(&mut self, target: Labels, prediction: Labels, rule: &LabelRule) {
        let (mut t, mut p) = ([0; BLOCK], [0; BLOCK]);
        for start in (0..target.len()).step_by(BLOCK) {
            let end = (start + BLOCK).min(target.len());
            let (target, prediction) = (target.slice(start, end), prediction.slice(start, end));
            match (target.bytes(&mut t), prediction.bytes(&mut p)) {
                (Some(t), Some(p)) => self.count_bytes(t, p),
                _ => self.count_codes(target, prediction, rule),
            }
        }
    }

    /// The path for maps whose labels are not bytes: classes past 255, or pixels labelled -1.
    fn count_codes(&mut self, target: Labels, prediction: Labels, rule: &LabelRule) {
        let (codes, pixels) = (rule.codes(), target.len());
        let encoded =
            |labels: Labels, side: MapSide, all: &mut [u16; BLOCK], planes: &mut [[u8; BLOCK]; 2]| {
                labels.encode(rule, side, &mut all[..pixels]);
                for (i, code) in all.iter().enumerate() {
                    [planes[0][i], planes[1][i]] = code.to_le_bytes();
                }
            };
        let (mut t, mut p) = ([0; BLOCK], [0; BLOCK]);
        let (mut ts, mut ps) = ([[0; BLOCK]; 2], [[0; BLOCK]; 2]);
        encoded(target, MapSide::Target, &mut t, &mut ts);
        encoded(prediction, MapSide::Prediction, &mut p, &mut ps);
        let planes = [&ts[0][..pixels], &ts[1][..pixels], &ps[0][..pixels], &ps[1][..pixels]];
        count_runs(&mut self.counts, self.cells, self.last_copy, planes, |at| {
            usize::from(t[at]) * codes + usize::from(p[at])
        });
    }

    fn count_bytes(&mut self, target: &[u8], prediction: &[u8]) {
        let (rows, columns) = (&self.rows, &self.columns);
        count_runs(&mut self.counts, self.cells, self.last_copy, [target, prediction], |at| {
            (rows[usize::from(target[at])] + columns[usize::from(prediction[at])]) as usize
        });
    }

    /// The matrix without the pixels that are left out; nothing if a label was unknown.
    fn finish(mut self, rule: &LabelRule) -> Result<Option<Confusion>> {
        let (first, copies) = self.counts.split_at_mut(self.cells);
        for copy in copies.chunks(self.cells) {
            first.iter_mut().zip(copy).for_each(|(a, b)| *a += b);
        }
        Confusion::of_codes(first, rule)
    }
}

/// Counts the pixels of `planes`, all of one length, that together decide the cell of a pixel.
#[inline(always)]
fn count_runs<const N: usize>(
    counts: &mut [u64],
    cells: usize,
    last_copy: usize,
    planes: [&[u8]; N],
    cell: impl Fn(usize) -> usize,
) {
    let pixels = planes[0].len();
    if pixels == 0 {
        return;
    }
    let (mut begin, mut of_run, mut at) = (0, cell(0), 1);
    while at + PIECE <= pixels {
        let mut starts = planes.iter().fold(0, |all, plane| all | changes(plane, at));
        if starts.count_ones() > RESTLESS {
            counts[of_run] += (at - begin) as u64;
            for next in at..at + PIECE {
                counts[((next % COPIES) & last_copy) * cells + cell(next)] += 1;
            }
            (begin, of_run) = (at + PIECE, cell(at + PIECE - 1));
        } else {
            while starts != 0 {
                let here = at + starts.trailing_zeros() as usize;
                starts &= starts - 1;
                counts[of_run] += (here - begin) as u64;
                (begin, of_run) = (here, cell(here));
            }
        }
        at += PIECE;
    }
    counts[of_run] += (at - begin) as u64;
    (at..pixels).for_each(|at| counts[cell(at)] += 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// One line: what the fast pass must count.
    fn naive(target: &[i64], prediction: &[i64], rule: &LabelRule) -> Option<Confusion> {
        let mut matrix = Confusion::new(rule.classes()).unwrap();
        let k = rule.classes();
        for (&t, &p) in target.iter().zip(prediction) {
            match (usize::from(rule.target(t)), usize::from(rule.prediction(p))) {
                (t, p) if t > k || p > k => return None,
                (t, p) if t < k => matrix.counts[t * (k + 1) + p] += 1,
                _ => {}
            }
        }
        Some(matrix)
    }

    /// Runs of random length and label.
    fn map(pixels: usize, longest: u64, labels: &[i64], random: &mut Random) -> Vec<i64> {
        let mut map = Vec::new();
        while map.len() < pixels {
            let label = labels[random.below(labels.len() as u64) as usize];
            let run = 1 + random.below(longest);
            map.extend((0..run).map(|_| label));
        }
        map.truncate(pixels);
        map
    }

    #[test]
    fn every_type_and_texture_counts_as_the_naive_twin() {
        let mut random = Random::new(7);
        for (classes, ignore) in [(1, None), (3, Some(255)), (19, Some(255)), (200, Some(255)), (5, Some(2))]
        {
            let rule = LabelRule::new(classes, ignore, false).unwrap();
            let labels: Vec<i64> = (0..(classes as i64).min(255)).chain(ignore).collect();
            for (pixels, longest) in [(0, 1), (1, 1), (31, 3), (33, 90), (5000, 1), (5000, 3), (300_000, 200)]
            {
                let t = map(pixels, longest, &labels, &mut random);
                let p = map(pixels, longest, &labels, &mut random);
                let expected = naive(&t, &p, &rule).unwrap();
                let bytes = |map: &[i64]| map.iter().map(|&l| l as u8).collect::<Vec<_>>();
                let shorts = |map: &[i64]| map.iter().map(|&l| l as u16).collect::<Vec<_>>();
                let (tb, pb, ps) = (bytes(&t), bytes(&p), shorts(&p));
                let count = |t, p| Confusion::of(t, p, &rule, 1).unwrap();
                assert_eq!(count(Labels::I64(&t), Labels::I64(&p)), expected);
                assert_eq!(count(Labels::U8(&tb), Labels::U8(&pb)), expected);
                assert_eq!(count(Labels::U8(&tb), Labels::U16(&ps)), expected);
            }
        }
    }

    #[test]
    fn labels_that_are_no_bytes_count_as_the_naive_twin() {
        let mut random = Random::new(11);
        let rule = LabelRule::new(600, Some(-1), false).unwrap();
        let labels: Vec<i64> = (-1..600).collect();
        for (few, longest) in [(3, 100), (300, 40), (601, 5), (601, 1)] {
            let mut side = || map(9000, longest, &labels[..few], &mut random);
            let (t, p) = (side(), side());
            let narrow = |map: &[i64]| map.iter().map(|&l| l as i16).collect::<Vec<_>>();
            let expected = naive(&t, &p, &rule).unwrap();
            assert_eq!(Confusion::of(Labels::I64(&t), Labels::I64(&p), &rule, 1).unwrap(), expected);
            assert_eq!(Confusion::of(Labels::I16(&narrow(&t)), Labels::I64(&p), &rule, 1).unwrap(), expected);
        }
    }

    #[test]
    fn a_wrong_label_is_found_wherever_it_is() {
        let rule = LabelRule::new(2, Some(255), false).unwrap();
        for at in [0, 31, 32, 4096, 299_999] {
            let good = vec![1_u8; 300_000];
            let mut bad = good.clone();
            bad[at] = 7;
            let (row, column) = (at / 1000, at % 1000);
            for (t, p, side) in [(&bad, &good, "target"), (&good, &bad, "prediction")] {
                let error = Confusion::of(Labels::U8(t), Labels::U8(p), &rule, 1000).unwrap_err();
                let place = format!("{side}: row {row}, column {column}: label 7; ");
                assert!(error.to_string().starts_with(&place), "{error}");
            }
        }
    }
}
