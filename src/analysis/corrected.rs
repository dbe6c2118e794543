//! Tables with errors of one type corrected, for error decomposition.
//!
//! Source: Bolya et al., "TIDE", ECCV 2020. An error that can be corrected becomes a true positive, any other of its
//! type disappears; a missed ground truth is no longer looked for.

use super::states::{States, TruthState};
use crate::error::{Result, collect, extend, push, reserve, with_capacity};
use crate::matching::{Cells, ErrorType, MatchTable, OutcomeLayout, Pair, Row, Truth};
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

/// A row of a corrected table: the corrections with which it is a true positive of its group and with which it does not
/// count there, as masks. What was a sample stays one while it counts, and what becomes a true positive is one.
#[derive(Clone, Copy)]
struct CorrectedRow {
    true_positive: u32,
    removed: u32,
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
    let groups = if pooled { 1 } else { table.groups() };
    let place = |group: u32| if pooled { 0 } else { group };
    let moved = moved_rows(states, pooled, progress)?;
    let mut rest = moved.as_slice();
    let mut rows = CorrectedRows::new(states, table.rows.items.len() + moved.len(), groups)?;
    let mut truths = with_capacity(table.truths.items.len())?;
    // The rows of a group at a time: all of them would take more than the table.
    let mut found = Vec::new();
    for group in 0..table.groups() as u32 {
        for (done, (row, pair)) in states.rows(group as usize).enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            if let Some(row) = corrected_row(states, row, &pair, place(group), pooled) {
                push(&mut found, row)?;
            }
        }
        for truth in table.truths(group as usize) {
            let areas = mask(|correction| correction.looks_for(states.truth(truth.object)));
            truths.push((place(group), Truth { areas, ..*truth }));
        }
        if !pooled {
            let (here, others) = rest.split_at(rest.partition_point(|&(to, _)| to <= group));
            rest = others;
            extend(&mut found, here.iter().map(|&(_, row)| row))?;
            rows.end_group(&mut found, progress)?;
        }
    }
    if pooled {
        rows.end_group(&mut found, progress)?;
    }
    sort_by_key(&mut truths, progress, |&(group, truth)| (group, truth.image))?;
    let of_truths =
        (0..=groups as u32).map(|group| truths.partition_point(|&(of, _)| of < group) as u32).collect();
    let items = collect(truths.into_iter().map(|(_, truth)| truth))?;
    let truths = Cells { groups: of_truths, items };
    Ok(MatchTable::new(rows.bits, rows.rows, truths, rows.outcomes))
}

/// The group that the correction of an error moves its detection to.
fn corrected_group(states: &States, row: &Row, pair: &Pair, pooled: bool) -> Option<u32> {
    let truth = pair.partner().filter(|_| states.corrects(row, pair))?;
    Some(if pooled { 0 } else { states.truth_group(truth) })
}

/// The corrections of an error of this type.
fn of_type(error: ErrorType) -> u32 {
    mask(|correction| correction == Correction::Errors(error))
}

/// The rows of detections that are of another group once they are corrected, with that group, in the order of groups.
fn moved_rows(states: &States, pooled: bool, progress: &Progress) -> Result<Vec<(u32, CorrectedRow)>> {
    let mut moved = Vec::new();
    let groups = if pooled { 0 } else { states.table().groups() as u32 };
    for group in 0..groups {
        progress.check()?;
        for (row, pair) in states.rows(group as usize).filter(|(_, pair)| pair.error.is_correctable()) {
            if let Some(to) = corrected_group(states, row, &pair, pooled).filter(|&to| to != group) {
                let true_positive = of_type(pair.error);
                let removed = mask(|_| true) & !true_positive;
                push(
                    &mut moved,
                    (to, CorrectedRow { true_positive, removed, sampled: true_positive, row: *row }),
                )?;
            }
        }
    }
    sort_by_key(&mut moved, progress, |&(to, _)| to)?;
    Ok(moved)
}

/// The row of a detection in its own group; none of an ignored one.
fn corrected_row(states: &States, row: &Row, pair: &Pair, group: u32, pooled: bool) -> Option<CorrectedRow> {
    let (all, of_type) = (mask(|_| true), of_type(pair.error));
    let sampled = if states.table().is_sampled(row, 0, 0) { all } else { 0 };
    let row = *row;
    let (true_positive, removed) = match pair.error {
        ErrorType::Ignored if sampled == 0 => return None,
        ErrorType::Ignored => return Some(CorrectedRow { true_positive: 0, removed: all, sampled, row }),
        ErrorType::TruePositive => (all, 0),
        _ => (0, of_type | mask(|correction| correction == Correction::FalsePositives)),
    };
    if corrected_group(states, &row, pair, pooled) == Some(group) {
        let removed = removed & !of_type;
        return Some(CorrectedRow {
            true_positive: of_type,
            removed,
            sampled: sampled & !removed | of_type,
            row,
        });
    }
    Some(CorrectedRow { true_positive, removed, sampled: sampled & !removed, row })
}

/// The rows of a corrected table, group by group.
struct CorrectedRows {
    bits: OutcomeLayout,
    rows: Cells<Row>,
    outcomes: Vec<u64>,
}

impl CorrectedRows {
    fn new(states: &States, rows: usize, groups: usize) -> Result<CorrectedRows> {
        let samples = states.table().bits.samples;
        let bits = OutcomeLayout { areas: Correction::ALL.len(), thresholds: 1, samples };
        let mut ends = with_capacity(groups + 1)?;
        ends.push(0);
        Ok(CorrectedRows {
            bits,
            rows: Cells { groups: ends, items: with_capacity(rows)? },
            outcomes: Vec::new(),
        })
    }

    /// Moves the rows of the next group here, image by image.
    fn end_group(&mut self, found: &mut Vec<CorrectedRow>, progress: &Progress) -> Result<()> {
        // Most are sorted already, which the sort detects.
        sort_by_key(found, progress, |it| (it.row.image, it.row.rank))?;
        let bits = self.bits;
        for CorrectedRow { true_positive, removed, sampled, row } in found.drain(..) {
            let mut row = Row::unmatched(row.score, row.image, row.object, row.rank, removed);
            let sampled = if bits.samples { sampled } else { 0 };
            if true_positive | sampled != 0 {
                let start = self.outcomes.len();
                row.set_matched(start / bits.entry());
                reserve(&mut self.outcomes, bits.entry())?;
                bits.push(&mut self.outcomes, removed);
                let entry = &mut self.outcomes[start..];
                let areas = |of: u32| (0..bits.areas).filter(move |a| of >> a & 1 == 1);
                areas(true_positive).for_each(|a| bits.set(entry, a, 0, 1, 0));
                areas(sampled).for_each(|a| bits.set_sampled(entry, a, 0, 1));
            }
            push(&mut self.rows.items, row)?;
        }
        self.rows.groups.push(self.rows.items.len() as u32);
        Ok(())
    }
}

/// The corrections of which something is so, as a mask.
fn mask(is_so: impl Fn(Correction) -> bool) -> u32 {
    (0..).zip(Correction::ALL).fold(0, |mask, (place, it)| mask | u32::from(is_so(it)) << place)
}
