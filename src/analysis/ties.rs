//! The range of average precision over all orders of equal scores.
//!
//! Detections of one score stand in an order that the score does not justify. Matches are taken as they are; only the
//! ranking of equal scores is varied. Precision at each true positive is least when all false positives of its score
//! stand before it, and greatest when all stand behind.

use rayon::prelude::*;

use super::ranked::{AveragePrecision, Averaging, Ranked, Ranking, TruePositiveRuns};
use crate::error::{Result, collect_blocks, filled, push, with_capacity};
use crate::matching::MatchTable;
use crate::progress::Progress;
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
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn tie_bounds(
    table: &MatchTable,
    area: usize,
    limit: usize,
    averaging: &Averaging,
    orders: usize,
    seed: u64,
    progress: &Progress,
) -> Result<TieBounds> {
    let (groups, thresholds) = (table.groups(), table.bits.thresholds);
    let of_group = |group: usize| -> Result<Vec<[f64; 3]>> {
        let ranking = Ranking::new(table, group..group + 1, area, limit, progress)?;
        let ranked = ranking.of(table);
        let positives = ranked.positives().len();
        if positives == 0 {
            return filled(thresholds, [f64::NAN; 3]);
        }
        let mut reader = AveragePrecision::new(averaging, positives)?;
        let mut at = |t: usize| {
            progress.check()?;
            let blocks = blocks(ranked, t)?;
            let least = reader.average(&ordered(&blocks, false)?)?;
            progress.check()?;
            let greatest = reader.average(&ordered(&blocks, true)?)?;
            if orders == 0
                || blocks
                    .iter()
                    .all(|&(true_positives, false_positives)| true_positives == 0 || false_positives == 0)
            {
                return Ok([least, if orders == 0 { f64::NAN } else { least }, greatest]);
            }
            let mut random = Random::new(seed ^ (group as u64) << 32 ^ t as u64);
            let shuffled = |_| {
                progress.check()?;
                reader.average(&shuffled(&blocks, &mut random)?)
            };
            let sum = (0..orders).map(shuffled).sum::<Result<f64>>()?;
            Ok([least, sum / orders as f64, greatest])
        };
        let mut bounds = with_capacity(thresholds)?;
        for t in 0..thresholds {
            bounds.push(at(t)?);
        }
        Ok(bounds)
    };
    let groups_alone = (0..groups).into_par_iter().with_max_len(1);
    let found: Vec<[f64; 3]> = threads::run(|| collect_blocks(groups_alone.map(of_group)))?;
    let column = |which: usize| {
        let of_threshold = |t| (0..groups).map(move |group| (group, t));
        let mut column = with_capacity(groups * thresholds)?;
        let places = (0..thresholds).flat_map(of_threshold);
        column.extend(places.map(|(group, t)| found[group * thresholds + t][which]));
        Ok(column)
    };
    Ok(TieBounds { least: column(0)?, expected: column(1)?, greatest: column(2)? })
}

fn blocks(ranked: Ranked<'_>, t: usize) -> Result<Vec<TieGroup>> {
    let mut blocks: Vec<TieGroup> = Vec::new();
    let mut last = None;
    for row in ranked.rows() {
        let (true_positives, false_positives) = ranked.counted(row, t);
        let score = row.score;
        if last != Some(score) {
            push(&mut blocks, (0, 0))?;
            last = Some(score);
        }
        if let Some(block) = blocks.last_mut() {
            block.0 += u32::from(true_positives);
            block.1 += u32::from(false_positives);
        }
    }
    Ok(blocks)
}

fn ordered(blocks: &[TieGroup], true_positives_first: bool) -> Result<TruePositiveRuns> {
    let (mut before, mut found) = (0, TruePositiveRuns::new());
    for &(true_positives, false_positives) in blocks {
        if true_positives > 0 {
            push(
                &mut found,
                (if true_positives_first { before } else { before + false_positives }, true_positives),
            )?;
        }
        before += false_positives;
    }
    Ok(found)
}

fn shuffled(blocks: &[TieGroup], random: &mut Random) -> Result<TruePositiveRuns> {
    let (mut before, mut found) = (0, TruePositiveRuns::new());
    for &(mut true_positives, mut false_positives) in blocks {
        while true_positives > 0 && false_positives > 0 {
            if random.next() % u64::from(true_positives + false_positives) < u64::from(true_positives) {
                push(&mut found, (before, 1))?;
                true_positives -= 1;
            } else {
                before += 1;
                false_positives -= 1;
            }
        }
        if true_positives > 0 {
            push(&mut found, (before, true_positives))?;
        }
        before += false_positives;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_score_for_all() {
        let blocks = [(1, 1)];
        assert_eq!(ordered(&blocks, false).unwrap(), [(1, 1)]);
        assert_eq!(ordered(&blocks, true).unwrap(), [(0, 1)]);
        let mut random = Random::new(3);
        let first = (0..1000).filter(|_| shuffled(&blocks, &mut random).unwrap() == [(0, 1)]).count();
        assert!((450..550).contains(&first), "{first}");
    }
}
