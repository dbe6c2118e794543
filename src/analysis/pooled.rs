//! All categories ranked together: the table behind micro averages.

use crate::error::{Result, extend, push};
use crate::matching::{Cells, MatchTable, Outcome, Row};
use crate::progress::{Progress, STRETCH};
use crate::sort::{sort_by_integer, sort_unstable_by_key};

/// A table of one group with the rows of all. Matching stays what it was, each category for itself.
///
/// A row's rank becomes `rank * groups + group`, so that it stays distinct within an image, and a limit of `n`
/// detections becomes one of `n * groups`.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn pooled(table: &MatchTable, progress: &Progress) -> Result<MatchTable> {
    let groups = table.groups();
    let entry = table.bits.entry().max(1);
    let (mut rows, mut truths, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
    for group in 0..groups {
        let kept = table.rows(group).iter().filter(|row| row.rank != Row::DROPPED);
        for (done, row) in kept.enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let rank = (row.rank as usize * groups + group) as u32;
            let mut pooled = Row::restored(row.score, row.image, row.object, rank, row.outcome_word());
            if let Outcome::Matched(index) = row.outcome() {
                pooled.set_matched(outcomes.len() / entry);
                extend(&mut outcomes, table.outcome(index).iter().copied())?;
            }
            push(&mut rows, pooled)?;
        }
        extend(&mut truths, table.truths(group).iter().copied())?;
    }
    // A rank is there once in an image; ground truths of an image stay as they came.
    sort_unstable_by_key(&mut rows, progress, |row| (row.image, row.rank))?;
    sort_by_integer(&mut truths, &mut Vec::new(), progress, |truth| u64::from(truth.image))?;
    Ok(MatchTable::new(
        table.bits,
        Cells { groups: vec![0, rows.len() as u32], items: rows },
        Cells { groups: vec![0, truths.len() as u32], items: truths },
        outcomes,
    ))
}
