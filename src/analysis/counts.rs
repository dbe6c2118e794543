//! True and false positives above each score.

use super::ranked::Ranked;
use crate::error::{Result, push};
use crate::progress::{Progress, STRETCH};

/// For each distinct score, highest first, how many detections of that score or a higher one are right and wrong.
#[derive(Clone, Debug, Default)]
pub struct CumulativeCounts {
    /// The scores.
    pub score: Vec<f64>,
    /// True positives.
    pub right: Vec<u32>,
    /// False positives.
    pub wrong: Vec<u32>,
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
    let (mut right, mut wrong) = (0, 0);
    for (done, row) in ranked.rows().enumerate() {
        if done.is_multiple_of(STRETCH) {
            progress.check()?;
        }
        let (is_right, is_wrong) = ranked.verdict(row, t);
        if !is_right && !is_wrong {
            continue;
        }
        right += u32::from(is_right);
        wrong += u32::from(is_wrong);
        if counts.score.last() == Some(&row.score) {
            counts.right.pop();
            counts.wrong.pop();
        } else {
            push(&mut counts.score, row.score)?;
        }
        push(&mut counts.right, right)?;
        push(&mut counts.wrong, wrong)?;
    }
    Ok(counts)
}
