//! All categories ranked together: the table behind micro averages.

use crate::matching::{Cells, MatchTable, Outcome, Row};

/// A table of one group with the rows of all. Matching stays what it was, each category for itself.
///
/// A row's rank becomes `rank * groups + group`, so that it stays distinct within an image, and a limit of `n`
/// detections becomes one of `n * groups`.
pub fn pooled(table: &MatchTable) -> MatchTable {
    let groups = table.groups();
    let entry = table.bits.entry().max(1);
    let (mut rows, mut truths, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
    for group in 0..groups {
        for row in table.rows(group).iter().filter(|row| row.rank != Row::DROPPED) {
            let rank = (row.rank as usize * groups + group) as u32;
            let mut pooled = Row::restored(row.score, row.image, row.object, rank, row.outcome_word());
            if let Outcome::Matched(index) = row.outcome() {
                pooled.set_matched(outcomes.len() / entry);
                outcomes.extend_from_slice(table.outcome(index));
            }
            rows.push(pooled);
        }
        truths.extend_from_slice(table.truths(group));
    }
    rows.sort_by_key(|row| (row.image, row.rank));
    truths.sort_by_key(|truth| truth.image);
    MatchTable::new(
        table.bits,
        Cells { groups: vec![0, rows.len() as u32], items: rows },
        Cells { groups: vec![0, truths.len() as u32], items: truths },
        outcomes,
    )
}
