//! Optimal localisation recall precision error (oLRP) at the best threshold.
//!
//! Source: Oksuz, Cam, Kalkan, Akbas, "One Metric to Measure Them All: Localisation Recall Precision (LRP) for
//! Evaluating Visual Detection Tasks", TPAMI 2022. With the detections of some score or a higher one,
//!
//! ```text
//! LRP = (sum over true positives of (1 - similarity) / (1 - threshold) + false positives + false negatives)
//!     / (true positives + false positives + false negatives)
//! ```
//!
//! and oLRP is the least of these over all scores.

use super::states::{States, TruthState};
use crate::error::{Result, push};
use crate::matching::ErrorType;
use crate::progress::{Progress, STRETCH};
use crate::score::descending_key;
use crate::sort::sort_by_integer;

/// One number for each category; NaN where there is none.
#[derive(Clone, Debug, Default)]
pub struct OptimalLrp {
    /// oLRP, 1 where no score is better than none at all; NaN where there is nothing to find.
    pub lrp: Vec<f64>,
    /// Mean distance (1 - similarity) of true positives.
    pub localisation: Vec<f64>,
    /// 1 - precision.
    pub false_positive: Vec<f64>,
    /// 1 - recall.
    pub false_negative: Vec<f64>,
    /// The score: detections of it or a higher one count. Infinite where it is best to use none.
    pub score: Vec<f64>,
}

/// The optimum of each category of an error table, or, `pooled`, of all together. Of scores that are equally good the
/// highest is taken.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn optimal_lrp(states: &States, pooled: bool, threshold: f64, progress: &Progress) -> Result<OptimalLrp> {
    let table = states.table();
    let groups = if pooled { 1 } else { table.groups() };
    let mut out = OptimalLrp::default();
    let (mut detections, mut spare) = (Vec::new(), Vec::new());
    for place in 0..groups {
        detections.clear();
        let mut positives = 0;
        for group in if pooled { 0..table.groups() } else { place..place + 1 } {
            for (done, (row, pair)) in states.rows(group).enumerate() {
                if done.is_multiple_of(STRETCH) {
                    progress.check()?;
                }
                let distance = match pair.error {
                    ErrorType::Ignored => continue,
                    ErrorType::TruePositive => Some(1.0 - pair.similarity),
                    _ => None,
                };
                push(&mut detections, (row.score, row.image, row.rank, distance))?;
            }
            let truths = table.truths(group).iter();
            positives += truths.filter(|truth| states.truth(truth.object) != TruthState::Ignored).count();
        }
        // A rank is there once in an image; of all categories together equal ones come as they came.
        sort_by_integer(&mut detections, &mut spare, progress, |&(_, image, rank, _)| {
            u64::from(image) << 32 | u64::from(rank)
        })?;
        sort_by_integer(&mut detections, &mut spare, progress, |&(score, ..)| descending_key(score))?;
        let best = best_of(&detections, positives, threshold);
        out.lrp.push(best.lrp);
        let found = best.true_positives as f64;
        let fraction = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { f64::NAN };
        out.localisation.push(fraction(best.distance, found));
        out.false_positive.push(fraction(best.false_positives as f64, found + best.false_positives as f64));
        out.false_negative.push(fraction(positives as f64 - found, positives as f64));
        out.score.push(best.score);
    }
    Ok(out)
}

#[derive(Clone, Copy)]
struct BestThreshold {
    lrp: f64,
    distance: f64,
    true_positives: usize,
    false_positives: usize,
    score: f64,
}

fn best_of(detections: &[(f64, u32, u32, Option<f64>)], positives: usize, threshold: f64) -> BestThreshold {
    let none = if positives == 0 { f64::NAN } else { 1.0 };
    let score = if positives == 0 { f64::NAN } else { f64::INFINITY };
    let mut best = BestThreshold { lrp: none, distance: 0.0, true_positives: 0, false_positives: 0, score };
    if positives == 0 {
        return best;
    }
    let (mut distance, mut true_positives, mut false_positives) = (0.0, 0, 0);
    for (d, &(score, _, _, of)) in detections.iter().enumerate() {
        match of {
            Some(of) => {
                distance += of;
                true_positives += 1;
            }
            None => false_positives += 1,
        }
        if detections.get(d + 1).is_some_and(|next| next.0 == score) {
            continue;
        }
        let lrp = (distance / (1.0 - threshold) + (false_positives + positives - true_positives) as f64)
            / (positives + false_positives) as f64;
        if lrp < best.lrp {
            best = BestThreshold { lrp, distance, true_positives, false_positives, score };
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{Cells, MatchTable, OutcomeLayout, Pair, Row, Truth};

    #[test]
    fn localisation_is_the_mean_distance_of_true_positives() {
        let row = |object, rank| Row::unmatched(0.9, 0, object, rank, 0);
        let truth = |object| Truth { image: 0, object, areas: 1 };
        let found = |partner, similarity| Pair::new(ErrorType::TruePositive, Some(partner), similarity);
        let table = MatchTable::new(
            OutcomeLayout { areas: 1, thresholds: 1, samples: false },
            Cells { groups: vec![0, 2], items: vec![row(0, 0), row(1, 1)] },
            Cells { groups: vec![0, 2], items: vec![truth(0), truth(1)] },
            Vec::new(),
        );
        let table = MatchTable { pairs: Some(vec![found(0, 1.0), found(1, 0.75)]), ..table };
        let best = optimal_lrp(&States::of(&table).unwrap(), false, 0.5, &Progress::default()).unwrap();
        assert_eq!((best.localisation, best.lrp), (vec![0.25 / 2.0], vec![0.25 / 0.5 / 2.0]));
    }

    #[test]
    fn believing_nothing_is_the_worst_that_can_be_best() {
        let best = best_of(&[(0.9, 0, 0, None)], 2, 0.5);
        assert_eq!((best.lrp, best.score), (1.0, f64::INFINITY));
        assert!(best_of(&[(0.9, 0, 0, None)], 0, 0.5).lrp.is_nan());
    }

    #[test]
    fn equal_scores_count_together() {
        let rows = [(0.9, 0, 0, Some(0.25)), (0.8, 0, 1, Some(0.0)), (0.8, 0, 2, None)];
        let best = best_of(&rows, 2, 0.5);
        // With the first alone (0.5 + 1) / 2, with all three (0.5 + 1) / 3.
        assert_eq!((best.lrp, best.true_positives, best.false_positives, best.score), (0.5, 2, 1, 0.8));
    }
}
