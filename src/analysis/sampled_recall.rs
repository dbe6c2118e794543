//! One group's true positives as bootstrap resamples count them for recall alone.
//!
//! A true positive at one threshold is mostly one at all lower ones. So the true positives of a threshold
//! are counted from those of the one before.

use super::sample_weights::{SAMPLES, SampleCounts, WeightBlock};
use super::sampled_rows::{evaluated, positives};
use crate::error::{Result, filled, push};
use crate::matching::{MatchTable, Outcome, each_bit};
use crate::progress::{Progress, STRETCH};

/// The true positives of one group in one area range and under one limit.
pub(super) struct TruePositives {
    /// Images of the rows that are true positives at each threshold and not at the one before, and the other way round.
    changes: Vec<[Vec<u32>; 2]>,
    /// Image of each ground truth that is to be found.
    pub(super) positives: Vec<u32>,
}

impl TruePositives {
    /// Of one group of a table.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub(super) fn new(
        table: &MatchTable,
        group: usize,
        area: usize,
        limit: usize,
        progress: &Progress,
    ) -> Result<TruePositives> {
        let bits = table.bits;
        let mut changes: Vec<[Vec<u32>; 2]> = filled(bits.thresholds, [Vec::new(), Vec::new()])?;
        for (done, row) in evaluated(table, group, limit).enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let Outcome::Matched(index) = row.outcome() else { continue };
            let mut last = 0;
            for word in 0..bits.words() {
                let reached = bits.counted(table.outcome(index), area, word).true_positive;
                let before = reached << 1 | last;
                last = reached >> 63;
                for (kind, changed) in
                    [reached & !before, before & !reached & bits.used(word)].into_iter().enumerate()
                {
                    let mut pushed = Ok(());
                    each_bit(changed, |bit| {
                        if pushed.is_ok() {
                            pushed = push(&mut changes[64 * word + bit][kind], row.image);
                        }
                    });
                    pushed?;
                }
            }
        }
        Ok(TruePositives { changes, positives: positives(table, group, area)? })
    }

    /// Calls `read(threshold, true positives)` for each threshold.
    ///
    /// # Errors
    ///
    /// The work is cancelled.
    #[inline(always)]
    pub(super) fn count(
        &self,
        weights: &WeightBlock,
        progress: &Progress,
        mut read: impl FnMut(usize, &SampleCounts),
    ) -> Result<()> {
        let mut sums = [[0; SAMPLES]; 2];
        for (t, changes) in self.changes.iter().enumerate() {
            for (sum, images) in sums.iter_mut().zip(changes) {
                weights.add(sum, images, progress)?;
            }
            let mut true_positives = sums[0];
            for sample in 0..SAMPLES {
                true_positives[sample] -= sums[1][sample];
            }
            read(t, &true_positives);
        }
        Ok(())
    }
}
