//! True and false positives above each score.

use super::ranked::Ranked;
use crate::error::{Result, push};
use crate::progress::{Progress, STRETCH};

/// For each distinct score, highest first, how many detections of that score or a higher one are true_positives and false_positives.
#[derive(Clone, Debug, Default)]
pub struct CumulativeCounts {
    /// The scores.
    pub score: Vec<f64>,
    /// True positives.
    pub true_positives: Vec<u32>,
    /// False positives.
    pub false_positives: Vec<u32>,
    /// Ground truths to be found.
    pub positives: usize,
}

/// Counts the detections of a ranking at threshold `t`.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn cumulative_counts(ranked: Ranked<'_>, t: usize, progress: &Progress) -> Result<CumulativeCounts> {
    let mut counts = CumulativeCounts { positives: ranked.positives().len(), ..CumulativeCounts::default() };
    let (mut true_positives, mut false_positives) = (0, 0);
    for (done, row) in ranked.rows().enumerate() {
        if done.is_multiple_of(STRETCH) {
            progress.check()?;
        }
        let (is_true_positive, is_false_positive) = ranked.counted(row, t);
        if !is_true_positive && !is_false_positive {
            continue;
        }
        true_positives += u32::from(is_true_positive);
        false_positives += u32::from(is_false_positive);
        if counts.score.last() == Some(&row.score) {
            counts.true_positives.pop();
            counts.false_positives.pop();
        } else {
            push(&mut counts.score, row.score)?;
        }
        push(&mut counts.true_positives, true_positives)?;
        push(&mut counts.false_positives, false_positives)?;
    }
    Ok(counts)
}
