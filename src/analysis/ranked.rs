//! One group's detections from the best score down, in one area range and under one limit.

use crate::curve::{Area, Reached, area_of, precision, raise, reached};
use crate::error::{Result, collect_growing, extend, with_capacity};
use crate::matching::{MatchTable, Outcome, OutcomeLayout, Row, Verdict};
use crate::progress::{Progress, STRETCH};
use crate::sort::sort_unstable_by;

/// How a curve becomes a number.
#[derive(Clone, Debug)]
pub enum Averaging {
    /// The mean precision at these recalls.
    Points(Vec<f64>),
    /// The area under it.
    Area(Area),
}

/// The detections that count, best score first, and the images of the ground truths that are to be found.
pub(crate) struct Ranked {
    /// Score.
    pub score: Vec<f64>,
    /// Position of the image.
    pub image: Vec<u32>,
    /// Words of [`Ranked::bits`] of each row: thresholds at which it is right.
    right: Vec<u64>,
    /// Thresholds at which it is wrong.
    wrong: Vec<u64>,
    /// Image of each ground truth that is to be found.
    pub positives: Vec<u32>,
    /// Layout of the words.
    bits: OutcomeLayout,
}

impl Ranked {
    /// Sorts the rows of one group.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub(crate) fn new(
        table: &MatchTable,
        group: usize,
        area: usize,
        limit: usize,
        progress: &Progress,
    ) -> Result<Ranked> {
        let bits = table.bits;
        let words = bits.words();
        let kept = |row: &Row| row.rank != Row::DROPPED && (row.rank as usize) < limit;
        let rows = table.rows(group).iter().zip(0u32..).filter(|(row, _)| kept(row));
        let mut order: Vec<((u64, u64), u32)> = collect_growing(rows.map(|(row, i)| (row.sort_key(), i)))?;
        sort_unstable_by(&mut order, progress, Ord::cmp)?;
        let truths = table.truths(group).iter().filter(|truth| truth.areas >> area & 1 == 1);
        let positives = collect_growing(truths.map(|truth| truth.image))?;
        let mut ranked = Ranked {
            score: with_capacity(order.len())?,
            image: with_capacity(order.len())?,
            right: with_capacity(order.len() * words)?,
            wrong: with_capacity(order.len() * words)?,
            positives,
            bits,
        };
        for (done, (_, i)) in order.into_iter().enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let row = &table.rows(group)[i as usize];
            let before = ranked.right.len();
            for word in 0..words {
                let Verdict { hit, miss } = match row.outcome() {
                    Outcome::Unmatched(outside) if outside >> area & 1 == 1 => Verdict::default(),
                    Outcome::Unmatched(_) => Verdict { hit: 0, miss: bits.used(word) },
                    Outcome::Matched(index) => bits.verdict(table.outcome(index), area, word),
                };
                ranked.right.push(hit);
                ranked.wrong.push(miss);
            }
            if ranked.right[before..].iter().chain(&ranked.wrong[before..]).all(|&word| word == 0) {
                ranked.right.truncate(before);
                ranked.wrong.truncate(before);
                continue;
            }
            ranked.score.push(row.score);
            ranked.image.push(row.image);
        }
        Ok(ranked)
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        self.score.len()
    }

    /// Whether a row is right, and whether it is wrong, at a threshold; neither if it is ignored.
    #[inline]
    pub(crate) fn verdict(&self, row: usize, t: usize) -> (bool, bool) {
        let at = row * self.bits.words() + t / 64;
        let (right, wrong) = (self.right[at], self.wrong[at]);
        (right >> (t % 64) & 1 == 1, wrong >> (t % 64) & 1 == 1)
    }
}

/// True positives of one curve, best score first, in blocks that stand together: `(false positives before, how many)`.
pub(crate) type TruePositiveRuns = Vec<(u32, u32)>;

/// Reads curves as numbers, with the arithmetic that [`crate::curve::accumulate`] has.
pub(crate) struct AveragePrecision<'a> {
    averaging: &'a Averaging,
    reached: Vec<Reached>,
    positives: usize,
    envelope: Vec<f64>,
}

impl<'a> AveragePrecision<'a> {
    /// For curves with so many ground truths to find, at least one.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(crate) fn new(averaging: &'a Averaging, positives: usize) -> Result<AveragePrecision<'a>> {
        let reached = match averaging {
            Averaging::Points(points) => reached(points, positives)?,
            Averaging::Area(_) => Vec::new(),
        };
        Ok(AveragePrecision { averaging, reached, positives, envelope: Vec::new() })
    }

    /// The average precision.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(crate) fn average(&mut self, found: &TruePositiveRuns) -> Result<f64> {
        match self.averaging {
            Averaging::Points(points) => {
                self.fill_envelope(found)?;
                let (mut sum, mut block, mut count) = (0.0, 0, 0usize);
                for reached in &self.reached {
                    let index = match *reached {
                        Reached::AtOnce => 0,
                        Reached::By(index) => index,
                    };
                    // Recall points rise; for one given out of order, start again.
                    if index < count {
                        (block, count) = (0, 0);
                    }
                    while block < found.len() && count + found[block].1 as usize <= index {
                        count += found[block].1 as usize;
                        block += 1;
                    }
                    let Some(&precision) = self.envelope.get(block) else { break };
                    sum += precision;
                }
                Ok(sum / points.len() as f64)
            }
            Averaging::Area(area) => {
                let each =
                    found.iter().flat_map(|&(before, many)| std::iter::repeat_n(before, many as usize));
                area_of(each, self.positives, *area, &mut self.envelope)
            }
        }
    }

    fn fill_envelope(&mut self, found: &TruePositiveRuns) -> Result<()> {
        self.envelope.clear();
        let mut count = 0;
        let precisions = found.iter().map(|&(before, many)| {
            count += many;
            precision(f64::from(count), f64::from(before))
        });
        extend(&mut self.envelope, precisions)?;
        raise(&mut self.envelope);
        Ok(())
    }
}
