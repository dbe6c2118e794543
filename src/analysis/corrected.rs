//! Tables with errors of one type corrected, for error decomposition.
//!
//! Source: Bolya et al., "TIDE", ECCV 2020. An error that can be corrected becomes a true positive, any other of its
//! type disappears; a missed ground truth is no longer looked for.

use super::states::{States, TruthState};
use crate::error::{Result, push, reserve, with_capacity};
use crate::matching::{Cells, ErrorType, MatchTable, OutcomeLayout, Row, Truth};
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

impl Correction {
    /// All of them, in the order of the area ranges of a corrected table.
    pub const ALL: [Correction; 9] = [
        Correction::Nothing,
        Correction::Errors(ErrorType::Classification),
        Correction::Errors(ErrorType::Localisation),
        Correction::Errors(ErrorType::Both),
        Correction::Errors(ErrorType::Duplicate),
        Correction::Errors(ErrorType::Background),
        Correction::Missed,
        Correction::FalsePositives,
        Correction::FalseNegatives,
    ];

    /// Their names.
    pub const NAMES: [&'static str; 9] = [
        "nothing",
        ErrorType::Classification.name(),
        ErrorType::Localisation.name(),
        ErrorType::Both.name(),
        ErrorType::Duplicate.name(),
        ErrorType::Background.name(),
        "missed",
        "false_positives",
        "false_negatives",
    ];

    /// Whether a ground truth is looked for.
    fn looks_for(self, state: TruthState) -> bool {
        match (state, self) {
            (TruthState::Ignored, _) => false,
            (TruthState::Matched, _) => true,
            (state, Correction::Missed) => state != TruthState::Missed,
            (_, correction) => correction != Correction::FalseNegatives,
        }
    }
}

/// A row of a corrected table: its group, and the corrections with which it is a true positive of it and with which it
/// does not count there, as masks. What was a sample stays one while it counts, and what becomes a true positive is one.
struct CorrectedRow {
    group: u32,
    right: u32,
    gone: u32,
    sampled: u32,
    row: Row,
}

/// A match table of one threshold with errors corrected, of the same groups, or, `pooled`, of a single one with all
/// categories. Each of its area ranges is a correction, in the order of [`Correction::ALL`].
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn corrected(states: &States, pooled: bool, progress: &Progress) -> Result<MatchTable> {
    let table = states.table();
    let place = |group: u32| if pooled { 0 } else { group };
    let all = mask(|_| true);
    let mut rows = with_capacity(table.rows.items.len())?;
    // Those that are of another category once they are corrected.
    let mut moved = Vec::new();
    let mut truths = with_capacity(table.truths.items.len())?;
    for group in 0..table.groups() as u32 {
        for (done, (row, pair)) in states.rows(group as usize).enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let group = place(group);
            let of_type = mask(|correction| correction == Correction::Errors(pair.error));
            let sampled = if table.is_sampled(row, 0, 0) { all } else { 0 };
            let (right, gone) = match pair.error {
                ErrorType::Ignored => {
                    if sampled != 0 {
                        rows.push(CorrectedRow { group, right: 0, gone: all, sampled, row: *row });
                    }
                    continue;
                }
                ErrorType::TruePositive => (all, 0),
                _ => (0, of_type | mask(|correction| correction == Correction::FalsePositives)),
            };
            let corrects = pair
                .partner()
                .filter(|_| states.corrects(row, &pair))
                .map(|it| place(states.truth_group(it)));
            match corrects {
                Some(to) if to == group => {
                    let gone = gone & !of_type;
                    let sampled = sampled & !gone | of_type;
                    rows.push(CorrectedRow { group, right: of_type, gone, sampled, row: *row });
                }
                Some(to) => {
                    rows.push(CorrectedRow { group, right, gone, sampled: sampled & !gone, row: *row });
                    let (right, gone) = (of_type, all & !of_type);
                    push(&mut moved, CorrectedRow { group: to, right, gone, sampled: right, row: *row })?;
                }
                None => rows.push(CorrectedRow { group, right, gone, sampled: sampled & !gone, row: *row }),
            }
        }
        for truth in table.truths(group as usize) {
            let areas = mask(|correction| correction.looks_for(states.truth(truth.object)));
            truths.push((place(group), Truth { areas, ..*truth }));
        }
    }
    // Most are sorted already, which the sort detects.
    let order = |it: &CorrectedRow| (it.group, it.row.image, it.row.rank);
    sort_by_key(&mut moved, progress, order)?;
    reserve(&mut rows, moved.len())?;
    rows.append(&mut moved);
    sort_by_key(&mut rows, progress, order)?;
    sort_by_key(&mut truths, progress, |&(group, truth)| (group, truth.image))?;
    let bits = OutcomeLayout { areas: Correction::ALL.len(), thresholds: 1, samples: table.bits.samples };
    let mut outcomes = Vec::new();
    let groups = if pooled { 1 } else { table.groups() };
    let starts = |end: &dyn Fn(u32) -> usize| (0..=groups as u32).map(|group| end(group) as u32).collect();
    let of_rows = starts(&|group| rows.partition_point(|it| it.group < group));
    let of_truths = starts(&|group| truths.partition_point(|&(of, _)| of < group));
    let mut items = with_capacity(rows.len())?;
    for CorrectedRow { right, gone, sampled, row, .. } in rows {
        let mut row = Row::unmatched(row.score, row.image, row.object, row.rank, gone);
        let sampled = if bits.samples { sampled } else { 0 };
        if right | sampled != 0 {
            row.set_matched(outcomes.len() / bits.entry());
            reserve(&mut outcomes, bits.entry())?;
            let start = outcomes.len();
            bits.push(&mut outcomes, gone);
            let areas = |of: u32| (0..bits.areas).filter(move |a| of >> a & 1 == 1);
            areas(right).for_each(|a| bits.set(&mut outcomes[start..], a, 0, 1, 0));
            areas(sampled).for_each(|a| bits.set_sampled(&mut outcomes[start..], a, 0, 1));
        }
        items.push(row);
    }
    let mut found = with_capacity(truths.len())?;
    found.extend(truths.into_iter().map(|(_, truth)| truth));
    let (rows, truths) = (Cells { groups: of_rows, items }, Cells { groups: of_truths, items: found });
    Ok(MatchTable::new(bits, rows, truths, outcomes))
}

/// The corrections of which something is so, as a mask.
fn mask(is_so: impl Fn(Correction) -> bool) -> u32 {
    (0..).zip(Correction::ALL).fold(0, |mask, (place, it)| mask | u32::from(is_so(it)) << place)
}
