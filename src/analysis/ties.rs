//! The range of average precision over all orders of equal scores.
//!
//! Detections of one score stand in an order that the score does not justify. Matches are taken as they are; only the
//! ranking of equal scores is varied. Precision at each true positive is least when all false positives of its score
//! stand before it, and greatest when all stand behind.

use rayon::prelude::*;

use super::ranked::{Found, Ranked, Reader, Reading};
use crate::matching::MatchTable;
use crate::threads;

/// Least, expected and greatest average precision `(T, K)`, row by row; NaN where there is nothing to find.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// All false positives of a score first.
    pub least: Vec<f64>,
    /// Mean over random orders.
    pub expected: Vec<f64>,
    /// All true positives of a score first.
    pub greatest: Vec<f64>,
}

/// Numbers that look random (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}

/// True and false positives of one score.
type Block = (u32, u32);

/// Bounds for all groups in one area range and under one limit. The mean is over `orders` random orders.
pub fn bounds(
    table: &MatchTable,
    area: usize,
    limit: usize,
    reading: &Reading,
    orders: usize,
    seed: u64,
) -> Bounds {
    let (groups, thresholds) = (table.groups(), table.bits.thresholds);
    let of_group = |group: usize| -> Vec<[f64; 3]> {
        let ranked = Ranked::new(table, group, area, limit);
        let positives = ranked.positives.len();
        if positives == 0 {
            return vec![[f64::NAN; 3]; thresholds];
        }
        let mut reader = Reader::new(reading, positives);
        let mut at = |t: usize| {
            let blocks = blocks(&ranked, t);
            let least = reader.average(&ordered(&blocks, false));
            let greatest = reader.average(&ordered(&blocks, true));
            if orders == 0 || blocks.iter().all(|&(right, wrong)| right == 0 || wrong == 0) {
                return [least, if orders == 0 { f64::NAN } else { least }, greatest];
            }
            let mut dice = Dice(seed ^ (group as u64) << 32 ^ t as u64);
            let sum: f64 = (0..orders).map(|_| reader.average(&shuffled(&blocks, &mut dice))).sum();
            [least, sum / orders as f64, greatest]
        };
        (0..thresholds).map(&mut at).collect()
    };
    let found: Vec<Vec<[f64; 3]>> = threads::run(|| (0..groups).into_par_iter().map(of_group).collect());
    let column = |which: usize| {
        (0..thresholds).flat_map(|t| found.iter().map(move |of_group| of_group[t][which])).collect()
    };
    Bounds { least: column(0), expected: column(1), greatest: column(2) }
}

fn blocks(ranked: &Ranked, t: usize) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
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

fn ordered(blocks: &[Block], right_first: bool) -> Found {
    let (mut before, mut found) = (0, Found::new());
    for &(right, wrong) in blocks {
        if right > 0 {
            found.push((if right_first { before } else { before + wrong }, right));
        }
        before += wrong;
    }
    found
}

fn shuffled(blocks: &[Block], dice: &mut Dice) -> Found {
    let (mut before, mut found) = (0, Found::new());
    for &(mut right, mut wrong) in blocks {
        while right > 0 && wrong > 0 {
            if dice.roll() % u64::from(right + wrong) < u64::from(right) {
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
        let mut dice = Dice(3);
        let first = (0..1000).filter(|_| shuffled(&blocks, &mut dice) == [(0, 1)]).count();
        assert!((450..550).contains(&first), "{first}");
    }
}
