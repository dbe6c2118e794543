//! Measures of gain that trec_eval calls experimental: nDCG averaged over ranks, and gain discounted by what was missed.

use super::conventions::{Conventions, RecallRounding};
use super::measure::Measure;
use super::score::{RankedList, discount, divide, gain_of};

/// The ideal list's gain, discounted and added up rank by rank.
struct Ideal<'a> {
    grades: &'a [i64],
    conventions: &'a Conventions,
    /// How many documents gain.
    gaining: u32,
    /// How many ranks are added up.
    rank: u32,
    total: f64,
}

impl<'a> Ideal<'a> {
    fn new(list: &RankedList<'a>, conventions: &'a Conventions) -> Self {
        let grades = list.judged.descending;
        let gaining = grades.partition_point(|&grade| gain_of(grade, conventions) > 0.0) as u32;
        Ideal { grades, conventions, gaining, rank: 0, total: 0.0 }
    }

    /// The gain of the document at a rank from 0; none beyond the list.
    fn gain(&self, rank: u32) -> f64 {
        self.grades.get(rank as usize).map_or(0.0, |&grade| gain_of(grade, self.conventions))
    }

    /// The discounted gain of the first ranks; they ascend from call to call.
    fn down_to(&mut self, ranks: u32) -> f64 {
        while self.rank < ranks.min(self.gaining) {
            self.total += self.gain(self.rank) / discount(self.rank);
            self.rank += 1;
        }
        self.total
    }
}

impl RankedList<'_> {
    /// nDCG at each document that gains; those that were not retrieved have that of the whole list.
    pub fn ndcg_at_relevant(&self, conventions: &Conventions) -> f64 {
        let mut ideal = Ideal::new(self, conventions);
        let (mut gained, mut sum, mut found) = (0.0, 0.0, 0u32);
        for hit in self.hits {
            let gain = gain_of(hit.grade, conventions);
            if gain != 0.0 {
                gained += gain / discount(hit.rank);
            }
            if gain > 0.0 {
                sum += gained / ideal.down_to(hit.rank + 1);
                found += 1;
            }
        }
        let all = ideal.gaining;
        if all == 0 {
            return 0.0;
        }
        sum += f64::from(all - found) * gained / ideal.down_to(all);
        if sum > 0.0 { sum / f64::from(all) } else { 0.0 }
    }

    /// nDCG above each rank at which the ideal gain changes, and of the whole list if it goes on beyond the last one.
    pub fn ndcg_at_levels(&self, conventions: &Conventions) -> f64 {
        let mut ideal = Ideal::new(self, conventions);
        let all = ideal.gaining;
        // DIFFERENCE: where no grade has a gain above 0, trec_eval divides 0 by 0.
        if self.judged.relevant == 0 || all == 0 {
            return 0.0;
        }
        let mut hits = self.hits.iter().peekable();
        let (mut gained, mut sum, mut levels) = (0.0, 0.0, 0.0);
        let mut average = |above: u32, ideal: &mut Ideal| {
            while let Some(hit) = hits.next_if(|hit| hit.rank < above) {
                let gain = gain_of(hit.grade, conventions);
                if gain != 0.0 {
                    gained += gain / discount(hit.rank);
                }
            }
            sum += gained / ideal.down_to(above);
            levels += 1.0;
        };
        for rank in 1..=all {
            if ideal.gain(rank) != ideal.gain(rank - 1) {
                average(rank, &mut ideal);
            }
        }
        // trec_eval reads the rest only if there is more than the rank at which the ideal gain becomes none.
        if self.retrieved > all as usize + 1 {
            average(u32::MAX, &mut ideal);
        }
        divide(sum, levels)
    }

    /// `sum of gain / log2(2 + ideal gain down to the rank - gain down to it)`, divided by the ideal gain, where each rank
    /// of the ideal list gains at least 1.
    pub fn gain(&self, conventions: &Conventions) -> f64 {
        let ideal = Ideal::new(self, conventions);
        let all = ideal.gaining;
        let (mut cost, mut rank) = (0.0, 0);
        let (mut gained, mut sum) = (0.0, 0.0);
        for hit in self.hits {
            let gain = gain_of(hit.grade, conventions);
            if gain == 0.0 {
                continue;
            }
            while rank <= hit.rank && rank < all {
                cost += ideal.gain(rank).max(1.0);
                rank += 1;
            }
            let beyond = (hit.rank + 1).saturating_sub(all);
            gained += gain;
            sum += gain / (2.0 + (cost + f64::from(beyond)) - gained).log2();
        }
        divide(sum, (0..all).map(|rank| ideal.gain(rank)).sum())
    }

    /// `sum over relevant documents of 1 / log2(2 + documents above that are not relevant)`, divided by their number.
    pub fn binary_gain(&self, measure: &Measure, conventions: &Conventions) -> f64 {
        let mut sum = 0.0;
        for (found, rank) in self.relevant_ranks(measure, u32::MAX, conventions).enumerate() {
            sum += 1.0 / (2.0 + f64::from(rank) - found as f64).log2();
        }
        divide(sum, self.judged.relevant as f64)
    }

    /// How many documents a multiple of the relevant ones is.
    pub fn relevant_at(&self, multiple: f64) -> usize {
        RecallRounding::Up.of(multiple, self.judged.relevant)
    }

    /// The greatest precision at a relevant document from this recall on.
    pub fn interpolated_precision(&self, recall: f64, measure: &Measure, conventions: &Conventions) -> f64 {
        let first = conventions.recall_rounding.of(recall, self.judged.relevant).max(1);
        let ranks = self.relevant_ranks(measure, u32::MAX, conventions).enumerate().skip(first - 1);
        ranks.fold(0.0, |greatest: f64, (found, rank)| {
            greatest.max((found as f64 + 1.0) / (f64::from(rank) + 1.0))
        })
    }
}
