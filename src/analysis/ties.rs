//! The range of average precision over all orders of equal scores.
//!
//! Detections of one score stand in an order that the score does not justify. Matches are taken as they are; only the
//! ranking of equal scores is varied. Precision at each true positive is least when all false positives of its score
//! stand before it, and greatest when all stand behind.

use rayon::prelude::*;

use super::ranked::{AveragePrecision, Averaging, Ranked, TruePositiveRuns};
use crate::matching::MatchTable;
use crate::random::Random;
use crate::threads;

/// Least, expected and greatest average precision `(T, K)`, row by row; NaN where there is nothing to find.
#[derive(Clone, Debug)]
pub struct TieBounds {
    /// All false positives of a score first.
    pub least: Vec<f64>,
    /// Mean over random orders.
    pub expected: Vec<f64>,
    /// All true positives of a score first.
    pub greatest: Vec<f64>,
}

/// True and false positives of one score.
type TieGroup = (u32, u32);

/// Bounds for all groups in one area range and under one limit. The mean is over `orders` random orders.
pub fn tie_bounds(
    table: &MatchTable,
    area: usize,
    limit: usize,
    averaging: &Averaging,
    orders: usize,
    seed: u64,
) -> TieBounds {
    let (groups, thresholds) = (table.groups(), table.bits.thresholds);
    let of_group = |group: usize| -> Vec<[f64; 3]> {
        let ranked = Ranked::new(table, group, area, limit);
        let positives = ranked.positives.len();
        if positives == 0 {
            return vec![[f64::NAN; 3]; thresholds];
        }
        let mut reader = AveragePrecision::new(averaging, positives);
        let mut at = |t: usize| {
            let blocks = blocks(&ranked, t);
            let least = reader.average(&ordered(&blocks, false));
            let greatest = reader.average(&ordered(&blocks, true));
            if orders == 0 || blocks.iter().all(|&(right, wrong)| right == 0 || wrong == 0) {
                return [least, if orders == 0 { f64::NAN } else { least }, greatest];
            }
            let mut random = Random::new(seed ^ (group as u64) << 32 ^ t as u64);
            let sum: f64 = (0..orders).map(|_| reader.average(&shuffled(&blocks, &mut random))).sum();
            [least, sum / orders as f64, greatest]
        };
        (0..thresholds).map(&mut at).collect()
    };
    let found: Vec<Vec<[f64; 3]>> = threads::run(|| (0..groups).into_par_iter().map(of_group).collect());
    let column = |which: usize| {
        (0..thresholds).flat_map(|t| found.iter().map(move |of_group| of_group[t][which])).collect()
    };
    TieBounds { least: column(0), expected: column(1), greatest: column(2) }
}

fn blocks(ranked: &Ranked, t: usize) -> Vec<TieGroup> {
    let mut blocks: Vec<TieGroup> = Vec::new();
    let mut last = None;
    for row in 0..ranked.len() {
        let (right, wrong) = ranked.verdict(row, t);
        if last != Some(ranked.score[row]) {
            blocks.push((0, 0));
            last = Some(ranked.score[row]);
        }
        if let Some(block) = blocks.last_mut() {
            block.0 += u32::from(right);
            block.1 += u32::from(wrong);
        }
    }
    blocks
}

fn ordered(blocks: &[TieGroup], right_first: bool) -> TruePositiveRuns {
    let (mut before, mut found) = (0, TruePositiveRuns::new());
    for &(right, wrong) in blocks {
        if right > 0 {
            found.push((if right_first { before } else { before + wrong }, right));
        }
        before += wrong;
    }
    found
}

fn shuffled(blocks: &[TieGroup], random: &mut Random) -> TruePositiveRuns {
    let (mut before, mut found) = (0, TruePositiveRuns::new());
    for &(mut right, mut wrong) in blocks {
        while right > 0 && wrong > 0 {
            if random.next() % u64::from(right + wrong) < u64::from(right) {
                found.push((before, 1));
                right -= 1;
            } else {
                before += 1;
                wrong -= 1;
            }
        }
        if right > 0 {
            found.push((before, right));
        }
        before += wrong;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_score_for_all() {
        let blocks = [(1, 1)];
        assert_eq!(ordered(&blocks, false), [(1, 1)]);
        assert_eq!(ordered(&blocks, true), [(0, 1)]);
        let mut random = Random::new(3);
        let first = (0..1000).filter(|_| shuffled(&blocks, &mut random) == [(0, 1)]).count();
        assert!((450..550).contains(&first), "{first}");
    }
}
