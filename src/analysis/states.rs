//! The state of each ground truth, and which errors can be corrected, from the pairs of a table.

use crate::error::{Error, Result, filled};
use crate::matching::{ErrorType, MatchTable, NOT_EVALUATED, Pair, Row};
use crate::simd::prefetch_line;

/// Detections between one that is read and one whose pair is prefetched.
const AHEAD: usize = 16;

/// What became of a ground truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum TruthState {
    /// A detection of its category matched it.
    Matched,
    /// None did, but an error about it can be corrected.
    Correctable,
    /// No detection matched it or comes near.
    Missed,
    /// It is not to be found.
    #[default]
    Ignored,
}

impl TruthState {
    /// Their names, by code.
    pub const NAMES: [&'static str; 4] = ["matched", "correctable", "missed", "ignored"];
}

/// A table with the states of the ground truths, derived from its pairs.
pub struct States<'a> {
    table: &'a MatchTable,
    pairs: &'a [Pair],
    truths: Vec<OfTruth>,
}

#[derive(Clone, Copy, Default)]
struct OfTruth {
    state: TruthState,
    group: u32,
    /// The least rank of an error about it that can be corrected.
    correctable: u32,
}

impl<'a> States<'a> {
    /// Reads the pairs of a table.
    ///
    /// # Errors
    ///
    /// The table has no pairs; memory that cannot be had.
    pub fn of(table: &'a MatchTable) -> Result<States<'a>> {
        let Some(pairs) = table.pairs.as_deref() else {
            return Err(Error::value("the rows are not those of a confusion or error table"));
        };
        let count = table.truths.items.iter().map(|truth| truth.object as usize + 1).max().unwrap_or(0);
        let mut truths = filled(count, OfTruth::default())?;
        for group in 0..table.groups() {
            for truth in table.truths(group) {
                let state = if truth.areas & 1 == 1 { TruthState::Missed } else { TruthState::Ignored };
                truths[truth.object as usize] =
                    OfTruth { state, group: group as u32, correctable: NOT_EVALUATED };
            }
        }
        for (row, pair) in with_pairs(&table.rows.items, pairs).filter(|(row, _)| row.rank != Row::DROPPED) {
            let Some(partner) = pair.partner() else { continue };
            let truth = &mut truths[partner as usize];
            if pair.error == ErrorType::TruePositive {
                truth.state = TruthState::Matched;
            } else if pair.error.is_correctable() {
                truth.correctable = truth.correctable.min(row.rank);
                if truth.state == TruthState::Missed {
                    truth.state = TruthState::Correctable;
                }
            }
        }
        Ok(States { table, pairs, truths })
    }

    /// The table.
    pub fn table(&self) -> &'a MatchTable {
        self.table
    }

    /// The detections of a group, each with what it is.
    pub fn rows(&self, group: usize) -> impl Iterator<Item = (&'a Row, Pair)> {
        with_pairs(self.table.rows(group), self.pairs)
    }

    /// The state of a ground truth, by [`crate::matching::Truth::object`].
    pub fn truth(&self, object: u32) -> TruthState {
        self.truths[object as usize].state
    }

    /// The group of a ground truth.
    pub fn truth_group(&self, object: u32) -> u32 {
        self.truths[object as usize].group
    }

    /// Whether the error of a detection can be corrected: it is about a ground truth that none matched, and the best
    /// scored of those.
    pub fn corrects(&self, row: &Row, pair: &Pair) -> bool {
        let best = |object: u32| {
            let truth = self.truths[object as usize];
            truth.state == TruthState::Correctable && truth.correctable == row.rank
        };
        pair.error.is_correctable() && pair.partner().is_some_and(best)
    }
}

/// Detections with the pair of each, which is prefetched: pairs are in the order of the input.
fn with_pairs<'a>(rows: &'a [Row], pairs: &'a [Pair]) -> impl Iterator<Item = (&'a Row, Pair)> {
    rows.iter().enumerate().map(move |(place, row)| {
        if let Some(later) = rows.get(place + AHEAD) {
            prefetch_line(pairs.as_ptr().wrapping_add(later.object as usize));
        }
        (row, pairs[row.object as usize])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{Cells, OutcomeLayout, Truth};

    #[test]
    fn one_error_about_a_ground_truth_can_be_corrected() {
        let row = |object, rank| Row::unmatched(0.5, 0, object, rank, 0);
        let rows = vec![row(0, 2), row(1, 1), row(2, 0), row(3, 3)];
        let truth = |object, areas| Truth { image: 0, object, areas };
        let truths = vec![truth(0, 1), truth(1, 1), truth(2, 1), truth(3, 0)];
        let pair = |error, partner| Pair::new(error, Some(partner), 0.3);
        let pairs = vec![
            pair(ErrorType::Localisation, 0),
            pair(ErrorType::Classification, 0),
            pair(ErrorType::TruePositive, 1),
            pair(ErrorType::Localisation, 1),
        ];
        let table = MatchTable::new(
            OutcomeLayout { areas: 1, thresholds: 1, samples: false },
            Cells { groups: vec![0, 4], items: rows },
            Cells { groups: vec![0, 4], items: truths },
            Vec::new(),
        );
        assert!(States::of(&table).is_err());
        let table = MatchTable { pairs: Some(pairs), ..table };
        let states = States::of(&table).unwrap();
        let corrects: Vec<bool> = states.rows(0).map(|(row, pair)| states.corrects(row, &pair)).collect();
        assert_eq!(corrects, [false, true, false, false]);
        assert_eq!(
            [0, 1, 2, 3].map(|object| states.truth(object)),
            [TruthState::Correctable, TruthState::Matched, TruthState::Missed, TruthState::Ignored]
        );
    }
}
