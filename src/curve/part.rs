//! A part of one ranking: the curves of a run of detections, given what stands before it.
//!
//! A ranking that is too long for one machine is cut by score (by image, where scores are equal). Of what comes before
//! it a part need only know the numbers of true and false positives; of what comes after it, the greatest precision
//! there. So each part is drawn by itself, and a maximum over parts, which rounds nothing, makes the curve of the
//! whole.

use rayon::prelude::*;

use super::driver::{CurveDriver, CurveSelection};
use super::envelope;
use super::sweep::Reached;
use crate::error::{Result, collect, collect_blocks, filled, zeros};
use crate::matching::{CountedThresholds, MatchTable, Outcome, Row};
use crate::progress::{Progress, STRETCH};
use crate::threads;

/// What a part holds of one group. Arrays are `(T, A, M)` row by row.
#[derive(Clone, Debug, Default)]
pub struct PartCounts {
    /// True positives.
    pub hits: Vec<i64>,
    /// False positives.
    pub misses: Vec<i64>,
    /// Detections under each limit, ignored or not: `(M,)`.
    pub seen: Vec<i64>,
}

/// Counts what each group of a table holds, over all its area ranges; without `misses` only true positives, which is
/// less work.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn part_counts(
    table: &MatchTable,
    limits: &[usize],
    misses: bool,
    progress: &Progress,
) -> Result<Vec<PartCounts>> {
    let one = |group| Ok(Some(tally(table, group, limits, misses, progress)?));
    threads::run(|| collect_blocks((0..table.groups()).into_par_iter().with_max_len(1).map(one)))
}

fn tally(
    table: &MatchTable,
    group: usize,
    limits: &[usize],
    misses: bool,
    progress: &Progress,
) -> Result<PartCounts> {
    let bits = table.bits;
    let (areas, m) = (bits.areas, limits.len());
    let size = bits.thresholds * areas * m;
    let mut tally = PartCounts { hits: zeros(size)?, misses: zeros(size)?, seen: zeros(m)? };
    // What is under a limit is under all greater ones: it is counted once, and summed in the end.
    let mut ascending: Vec<usize> = collect(0..m)?;
    ascending.sort_unstable_by_key(|&m| (limits[m], m));
    // Unmatched detections are false positives at all thresholds alike.
    let mut unmatched = filled(areas * m, 0)?;
    let mut matched = filled(2 * areas * m, BitCounts::new(bits.words()))?;
    let counts = |row: &&Row| misses || matches!(row.outcome(), Outcome::Matched(_));
    let rows = table.rows(group).iter().filter(|row| row.rank != Row::DROPPED).filter(counts);
    for (done, row) in rows.enumerate() {
        if done.is_multiple_of(STRETCH) {
            progress.check()?;
        }
        let Some(&least) = ascending.iter().find(|&&m| (row.rank as usize) < limits[m]) else { continue };
        tally.seen[least] += 1;
        match row.outcome() {
            Outcome::Unmatched(outside) => {
                for (a, of_area) in unmatched.chunks_exact_mut(m).enumerate() {
                    of_area[least] += i64::from(outside >> a & 1 == 0);
                }
            }
            Outcome::Matched(index) => {
                let outcome = table.outcome(index);
                for a in 0..areas {
                    let at = 2 * (a * m + least);
                    for word in 0..bits.words() {
                        let CountedThresholds { true_positive, false_positive } =
                            bits.counted(outcome, a, word);
                        matched[at].add(word, true_positive);
                        if misses {
                            matched[at + 1].add(word, false_positive);
                        }
                    }
                }
            }
        }
    }
    for (place, of_bits) in matched.iter_mut().enumerate() {
        let counts = if place % 2 == 0 { &mut tally.hits } else { &mut tally.misses };
        for (t, count) in of_bits.counts().iter().take(bits.thresholds).enumerate() {
            counts[t * areas * m + place / 2] += i64::from(*count);
        }
    }
    for of_threshold in tally.misses.chunks_exact_mut(unmatched.len().max(1)) {
        of_threshold.iter_mut().zip(&unmatched).for_each(|(count, more)| *count += more);
    }
    for counts in [&mut tally.hits, &mut tally.misses, &mut tally.seen] {
        for of_limits in counts.chunks_exact_mut(m.max(1)) {
            ascending.iter().fold(0, |before, &m| {
                of_limits[m] += before;
                of_limits[m]
            });
        }
    }
    Ok(tally)
}

/// How often each bit of some words was set.
#[derive(Clone)]
struct BitCounts {
    /// Eight counts of a byte each in a word, for each eight bits.
    bytes: Vec<u64>,
    /// Their counts before they were reset.
    counts: Vec<u32>,
    /// How often words were added since then.
    added: u32,
}

/// Each bit of a byte as a byte.
const SPREAD: [u64; 256] = {
    let mut spread = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            spread[byte] |= ((byte >> bit & 1) as u64) << (8 * bit);
            bit += 1;
        }
        byte += 1;
    }
    spread
};

impl BitCounts {
    fn new(words: usize) -> BitCounts {
        BitCounts { bytes: vec![0; 8 * words], counts: vec![0; 64 * words], added: 0 }
    }

    /// Counts the bits of a word. Words are added in turn, each as often as the first.
    #[inline]
    fn add(&mut self, word: usize, mut bits: u64) {
        if word == 0 {
            if self.added == 255 {
                self.carry();
            }
            self.added += 1;
        }
        let mut at = 8 * word;
        while bits != 0 {
            self.bytes[at] += SPREAD[(bits & 0xff) as usize];
            (bits, at) = (bits >> 8, at + 1);
        }
    }

    fn carry(&mut self) {
        for (eight, counts) in self.bytes.iter_mut().zip(self.counts.chunks_exact_mut(8)) {
            counts.iter_mut().zip(eight.to_le_bytes()).for_each(|(count, byte)| *count += u32::from(byte));
            *eight = 0;
        }
        self.added = 0;
    }

    fn counts(&mut self) -> &[u32] {
        self.carry();
        &self.counts
    }
}

/// The curves of one group's part. Arrays are row by row.
#[derive(Clone, Debug)]
pub struct PartCurves {
    /// Greatest precision in this part at or beyond each recall point that is reached in it, `(T, R, A, M)`; -1 at
    /// others.
    pub precision: Vec<f64>,
    /// Recall reached at the end of the part, `(T, A, M)`; -1 where there is nothing to find.
    pub recall: Vec<f64>,
    /// Score at which each recall point is reached, where it is.
    pub scores: Vec<f64>,
    /// Greatest precision of the part, `(T, A, M)`; 0 where there is none.
    pub peak: Vec<f64>,
}

/// Draws one group of a table as a part: `positives` are to be found in each area range of the whole, `before` is what
/// stands before the part.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn draw_part(
    table: &MatchTable,
    group: usize,
    points: &[f64],
    limits: &[usize],
    positives: &[usize],
    before: &PartCounts,
    progress: &Progress,
) -> Result<PartCurves> {
    let (thresholds, areas, m) = (table.bits.thresholds, table.bits.areas, limits.len());
    let inner = areas * m;
    let mut part = PartCurves {
        precision: filled(thresholds * points.len() * inner, -1.0)?,
        recall: filled(thresholds * inner, -1.0)?,
        scores: filled(thresholds * points.len() * inner, -1.0)?,
        peak: filled(thresholds * inner, 0.0)?,
    };
    let (mut driver, mut envelope) = (CurveDriver::default(), Vec::new());
    let all: Vec<usize> = collect(0..areas)?;
    let wanted = CurveSelection { images: None, areas: &all, limits, points, positives: Some(positives) };
    driver.each_curve(table, group, &wanted, progress, |curves, events, curve| {
        let (t, inner_at) = (curve.threshold, curve.area * m + curve.limit);
        let at = t * inner + inner_at;
        let (hits, misses) = (before.hits[at] as usize, before.misses[at] as u32);
        let found = curves.false_positives(t);
        let end = hits + found.len();
        part.recall[at] = end as f64 / curve.positives as f64;
        let best = envelope::fill(&mut envelope, found.map(|more| misses + more), hits)?;
        part.peak[at] = best;
        for (r, reached) in curve.reached.iter().enumerate() {
            let found = match (reached, events.first_score(curve.limit)) {
                (Reached::AtOnce, Some(first)) if before.seen[curve.limit] == 0 => (best, first),
                (&Reached::By(i), _) if (hits..end).contains(&i) => {
                    (envelope[i - hits], curves.score(t, i - hits, events))
                }
                _ => continue,
            };
            let at = (t * points.len() + r) * inner + inner_at;
            (part.precision[at], part.scores[at]) = found;
        }
        Ok(())
    })?;
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::BitCounts;
    use crate::random::Random;

    #[test]
    fn bits_are_counted_beyond_a_byte() {
        let mut random = Random::new(1);
        let mut roll = || random.next();
        for words in [1, 2] {
            let (mut bit_counts, mut expected) = (BitCounts::new(words), vec![0; 64 * words]);
            for round in 0..if cfg!(miri) { 300 } else { 1000 } {
                for word in 0..words {
                    let bits = if round % 3 == 0 { u64::MAX } else { roll() };
                    bit_counts.add(word, bits);
                    for bit in 0..64 {
                        expected[64 * word + bit] += (bits >> bit & 1) as u32;
                    }
                }
            }
            assert_eq!(bit_counts.counts(), expected);
        }
    }
}
