//! The rows of a confusion matrix.
//!
//! Detections are matched with ground truths of any category, by the protocol's own matcher, and each is given with the
//! ground truth that it matched. The rows are those of a match table, so batches, shards and images that come twice are
//! gathered by the same [`crate::matching::MatchLog`].

use super::states::{States, TruthState};
use crate::error::{Result, filled, push, zeros};
use crate::evaluate::Evaluator;
use crate::matching::{Cells, ErrorType, MatchTable, NOT_EVALUATED, Pair, Positions, Row};
use crate::progress::Progress;
use crate::sort::sort_unstable_by_key;

/// The table of a matching without regard to categories, with a pair for each detection, grouped by categories.
///
/// `evaluator` has one area range, and compares all categories together; `table` is what it matched at one threshold,
/// whose partners are stored. A detection that matched is a true positive or of another category than its partner, one
/// that matched nothing is of the background.
///
/// # Errors
///
/// Memory that cannot be had.
pub fn confusion_table(
    evaluator: &Evaluator,
    table: MatchTable,
    dt: &Positions,
    gt: &Positions,
) -> Result<MatchTable> {
    let detected = |object: u32| dt.of_category[evaluator.detections.category[object as usize] as usize];
    let of_truth = |object: u32| gt.of_category[evaluator.ground_truths.category[object as usize] as usize];
    let mut pairs = filled(evaluator.detections.len(), Pair::default())?;
    for row in table.rows(0).iter().filter(|row| row.rank != Row::DROPPED) {
        let (matched, ignored) = table.matched_and_ignored(row, 0, 0);
        let partner = table.partner(row, 0, 0);
        let error = match partner {
            _ if ignored => ErrorType::Ignored,
            Some(truth) if matched && of_truth(truth) == detected(row.object) => ErrorType::TruePositive,
            Some(_) if matched => ErrorType::Classification,
            _ => ErrorType::Background,
        };
        let partner = if matched || ignored { partner } else { None };
        pairs[row.object as usize] = Pair::new(error, partner, f64::NAN);
    }
    let categories = evaluator.protocol.extent.categories;
    let rows = Cells::grouped(table.rows(0), categories, |row| match row.rank {
        Row::DROPPED => NOT_EVALUATED,
        _ => detected(row.object),
    })?;
    let truths = Cells::grouped(table.truths(0), categories, |truth| of_truth(truth.object))?;
    Ok(MatchTable { pairs: Some(pairs), ..MatchTable::new(table.bits, rows, truths, table.outcomes) })
}

/// How often a class is predicted where another one is true, by score.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfusionCounts {
    /// True class, predicted class, step, and how many such detections there are; in this order. The number of classes
    /// stands for the background.
    pub detections: Vec<[i64; 4]>,
    /// Class, step, and how many ground truths that are to be found have their best detection there.
    pub ground_truths: Vec<[i64; 3]>,
}

/// Counts the pairs of a confusion table. The step of a detection is the last of some rising score thresholds at which
/// it counts, by its position; -1 if there is none.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn confusion_counts(states: &States, thresholds: &[f64], progress: &Progress) -> Result<ConfusionCounts> {
    let table = states.table();
    let background = table.groups();
    let objects = table.truths.items.iter().map(|truth| truth.object as usize + 1).max().unwrap_or(0);
    let mut best = filled(objects, -1i64)?;
    let mut counts = ConfusionCounts::default();
    let mut found: Vec<[i64; 2]> = Vec::new();
    for group in 0..background {
        progress.check()?;
        found.clear();
        for (row, pair) in states.rows(group) {
            if row.rank == Row::DROPPED || pair.error == ErrorType::Ignored {
                continue;
            }
            let step = thresholds.partition_point(|&threshold| threshold <= row.score) as i64 - 1;
            let truth = pair.partner().map_or(background, |object| {
                best[object as usize] = best[object as usize].max(step);
                states.truth_group(object) as usize
            });
            push(&mut found, [truth as i64, step])?;
        }
        sort_unstable_by_key(&mut found, progress, |&pair| pair)?;
        for alike in found.chunk_by(|a, b| a == b) {
            let [truth, step] = alike[0];
            push(&mut counts.detections, [truth, group as i64, step, alike.len() as i64])?;
        }
    }
    sort_unstable_by_key(&mut counts.detections, progress, |&row| row)?;
    let mut at_step = zeros(thresholds.len() + 1)?;
    for group in 0..background {
        at_step.fill(0);
        let wanted = table.truths(group).iter().filter(|it| states.truth(it.object) != TruthState::Ignored);
        wanted.for_each(|truth| at_step[(best[truth.object as usize] + 1) as usize] += 1);
        for (step, &count) in (-1..).zip(&at_step).filter(|(_, count)| **count > 0) {
            push(&mut counts.ground_truths, [group as i64, step, count])?;
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{OutcomeLayout, Truth};

    #[test]
    fn a_detection_counts_from_its_score_down() {
        let row = |object, score| Row::unmatched(score, 0, object, object, 0);
        let truth = |object, areas| Truth { image: 0, object, areas };
        let table = MatchTable::new(
            OutcomeLayout { areas: 1, thresholds: 1, samples: false },
            Cells {
                groups: vec![0, 2, 4],
                items: vec![row(0, 0.9), row(1, 0.1), row(2, 0.5), row(3, f64::NAN)],
            },
            Cells { groups: vec![0, 1, 3], items: vec![truth(0, 1), truth(1, 1), truth(2, 0)] },
            Vec::new(),
        );
        let pair = |error, partner| Pair::new(error, partner, f64::NAN);
        let pairs = vec![
            pair(ErrorType::TruePositive, Some(0)),
            pair(ErrorType::Background, None),
            pair(ErrorType::Classification, Some(0)),
            pair(ErrorType::Ignored, Some(2)),
        ];
        let table = MatchTable { pairs: Some(pairs), ..table };
        let counts =
            confusion_counts(&States::of(&table).unwrap(), &[0.2, 0.5, 0.7], &Progress::default()).unwrap();
        assert_eq!(counts.detections, [[0, 0, 2, 1], [0, 1, 1, 1], [2, 0, -1, 1]]);
        assert_eq!(counts.ground_truths, [[0, 2, 1], [1, -1, 1]]);
    }
}
