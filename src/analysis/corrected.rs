//! Tables with errors of one type corrected, for error decomposition.
//!
//! Source: Bolya et al., "TIDE", ECCV 2020. An error that can be corrected becomes a true positive, any other of its
//! type disappears; a missed ground truth is no longer looked for.

use super::states::{States, TruthState};
use crate::error::{Result, collect, push, reserve, with_capacity};
use crate::matching::{CellGrid, Cells, ErrorType, MatchTable, OutcomeLayout, Positions, Row, Truth};
use crate::progress::{Progress, STRETCH};
use crate::sort::sort_by_key;

/// What is corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// Nothing.
    Nothing,
    /// Errors of this type.
    Errors(ErrorType),
    /// Ground truths that no detection comes near: they are no longer looked for.
    Missed,
    /// All false positives: they disappear.
    FalsePositives,
    /// All ground truths that were not found: they are no longer looked for.
    FalseNegatives,
}

/// A match table of one threshold with errors corrected: of the same groups, or, `pooled`, of a single one with all
/// categories.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn corrected(
    states: &States,
    images: usize,
    pooled: bool,
    correction: Correction,
    progress: &Progress,
) -> Result<MatchTable> {
    let table = states.table();
    let groups = if pooled { 1 } else { table.groups() };
    let place = |group: u32| if pooled { 0 } else { group };
    let mut rows = with_capacity(table.rows.items.len())?;
    // Those that are of another category once they are corrected.
    let mut moved = Vec::new();
    let mut truths = with_capacity(table.truths.items.len())?;
    for group in 0..table.groups() as u32 {
        for (done, row) in table.rows(group as usize).iter().enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let pair = states.pair(row);
            let becomes = match correction {
                _ if pair.error == ErrorType::Ignored => None,
                _ if pair.error == ErrorType::TruePositive => Some((group, true)),
                Correction::Errors(error) if error == pair.error => {
                    let partner = pair.partner.filter(|_| states.corrects(row));
                    partner.map(|object| (states.truth_group(object), true))
                }
                Correction::FalsePositives => None,
                _ => Some((group, false)),
            };
            match becomes {
                Some((to, matched)) if place(to) != place(group) => {
                    push(&mut moved, (place(to), matched, *row))?
                }
                Some((_, matched)) => rows.push((place(group), matched, *row)),
                None => {}
            }
        }
        for truth in table.truths(group as usize) {
            let sought = match (states.truth(truth.object), correction) {
                (TruthState::Ignored, _) => false,
                (TruthState::Matched, _) => true,
                (state, Correction::Missed) => state != TruthState::Missed,
                (_, correction) => correction != Correction::FalseNegatives,
            };
            if sought {
                truths.push((place(group), *truth));
            }
        }
    }
    // Most are sorted already, which the sort detects.
    let order = |&(group, _, row): &(u32, bool, Row)| (group, row.image, row.rank);
    sort_by_key(&mut moved, progress, order)?;
    reserve(&mut rows, moved.len())?;
    rows.append(&mut moved);
    sort_by_key(&mut rows, progress, order)?;
    let bits = OutcomeLayout { areas: 1, thresholds: 1 };
    let mut outcomes = Vec::new();
    for (_, matched, row) in &mut rows {
        *row = Row::unmatched(row.score, row.image, row.object, row.rank, 0);
        if *matched {
            row.set_matched(outcomes.len() / bits.entry());
            reserve(&mut outcomes, bits.entry())?;
            let start = outcomes.len();
            bits.push(&mut outcomes, 0);
            bits.set(&mut outcomes[start..], 0, 0, 1, 0);
        }
    }
    let extent = CellGrid { images, categories: groups, by_category: true };
    let positions = Positions::identity(extent);
    let image = collect(rows.iter().map(|(_, _, row)| row.image))?;
    let group = collect(rows.iter().map(|&(group, _, _)| group))?;
    let rows = Cells::new(&image, &group, &positions, extent, progress, |i, _| rows[i as usize].2)?;
    let image = collect(truths.iter().map(|(_, truth): &(u32, Truth)| truth.image))?;
    let group = collect(truths.iter().map(|&(group, _)| group))?;
    let truths = Cells::new(&image, &group, &positions, extent, progress, |i, _| truths[i as usize].1)?;
    Ok(MatchTable::new(bits, rows, truths, outcomes))
}
