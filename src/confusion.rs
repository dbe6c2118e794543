//! What is taken for what: detections paired with objects of any category.
//!
//! The stages are run without regard to categories at a single threshold, and each pair becomes a row under a key that
//! names both categories. The rows are those of a match table, so batches, shards and images that come twice are
//! gathered by the same [`crate::matching::MatchLog`].

use std::collections::HashMap;

use crate::columns::Key;
use crate::error::Result;
use crate::evaluate::{Cell, Scene};
use crate::matching::{
    Cells, Extent, MatchTable, NOT_EVALUATED, Positions, Row, Truth, floor, match_greedily, meetings,
};
use crate::similarity::Similarity;

/// Between the two categories of a key; either may be nothing.
pub const SEPARATOR: char = '\u{1f}';

/// A category as part of a key: `i12` or `tname`, empty for none.
pub fn key_text(key: Option<&Key>) -> String {
    match key {
        Some(Key::Number(number)) => format!("i{number}"),
        Some(Key::Text(text)) => format!("t{text}"),
        None => String::new(),
    }
}

/// The key of a pair: the detection's category, and the ground truth's.
fn pair_key(detected: Option<&Key>, truth: Option<&Key>) -> Key {
    Key::Text(format!("{}{SEPARATOR}{}", key_text(detected), key_text(truth)).into())
}

/// Rows found so far, each in the group of its pair.
#[derive(Default)]
struct Gathered {
    groups: HashMap<(u32, u32), u32>,
    pairs: Vec<(u32, u32)>,
    rows: Vec<(u32, Row)>,
    truths: Vec<(u32, Truth)>,
}

impl Gathered {
    fn group(&mut self, detected: u32, truth: u32) -> u32 {
        let next = self.pairs.len() as u32;
        let group = *self.groups.entry((detected, truth)).or_insert(next);
        if group == next {
            self.pairs.push((detected, truth));
        }
        group
    }
}

/// Pairs detections with ground truths of any category: a table with a row for each detection under its pair's key,
/// and a ground truth for each that is to be found and was not.
///
/// `scene` has one threshold, one area range, and categories that do not keep objects apart. What matches an ignored
/// ground truth is left out. `keys` has the key of each category code.
pub fn pair<S: Similarity>(
    scene: &Scene,
    similarity: &S,
    dt: &Positions,
    gt: &Positions,
    keys: &[Key],
) -> Result<(MatchTable, Vec<Key>)> {
    let table = scene.match_all(similarity, dt, gt)?;
    let thresholds = &scene.protocol.thresholds;
    let (mut cell, mut scratch) = (Cell::default(), S::Scratch::default());
    let (mut taken, mut gathered) = (Vec::new(), Gathered::default());
    for meeting in meetings(table.rows(0), table.truths(0)) {
        let truths = &table.truths(0)[meeting.ground_truths.clone()];
        let rows = table.rows(0)[meeting.detections.clone()].iter();
        let rows: Vec<Row> = rows.filter(|row| row.rank != Row::DROPPED).copied().collect();
        cell.open(&rows, truths, &scene.ground_truths);
        cell.fill(similarity, &mut scratch, floor(thresholds))?;
        cell.find_candidates(thresholds);
        let ignored: Vec<bool> = truths.iter().map(|truth| truth.areas & 1 == 0).collect();
        let mut partner = vec![None; rows.len()];
        let mut found = ignored.clone();
        match_greedily(
            &cell.candidates,
            thresholds,
            &ignored,
            &cell.crowd,
            |_| true,
            &mut taken,
            |_, _, d, g| {
                partner[d] = Some(g);
                found[g] = true;
            },
        );
        let truth_category = |g: usize| scene.ground_truths.category[truths[g].object as usize];
        for (row, partner) in rows.iter().zip(partner) {
            let truth = match partner {
                Some(g) if ignored[g] => continue,
                Some(g) => truth_category(g),
                None => NOT_EVALUATED,
            };
            let group = gathered.group(scene.detections.category[row.object as usize], truth);
            gathered.rows.push((group, Row::unmatched(row.score, row.image, row.object, row.rank, 0)));
        }
        for (g, truth) in truths.iter().enumerate().filter(|&(g, _)| !found[g]) {
            let group = gathered.group(NOT_EVALUATED, truth_category(g));
            gathered.truths.push((group, *truth));
        }
    }
    Ok(gathered.table(&table, scene.protocol.extent, keys))
}

impl Gathered {
    fn table(self, of: &MatchTable, extent: Extent, keys: &[Key]) -> (MatchTable, Vec<Key>) {
        let key = |code: u32| keys.get(code as usize);
        let named = self.pairs.iter().map(|&(detected, truth)| pair_key(key(detected), key(truth))).collect();
        let extent = Extent { categories: self.pairs.len(), by_category: true, ..extent };
        let positions = Positions {
            of_image: (0..extent.images as u32).collect(),
            of_category: (0..extent.categories as u32).collect(),
        };
        let split = |items: &[(u32, u32)]| -> (Vec<u32>, Vec<u32>) { items.iter().copied().unzip() };
        let places: Vec<(u32, u32)> = self.rows.iter().map(|(group, row)| (row.image, *group)).collect();
        let (image, group) = split(&places);
        let rows = Cells::new(&image, &group, &positions, extent, |i, _| self.rows[i as usize].1);
        let places: Vec<(u32, u32)> =
            self.truths.iter().map(|(group, truth)| (truth.image, *group)).collect();
        let (image, group) = split(&places);
        let truths = Cells::new(&image, &group, &positions, extent, |i, _| self.truths[i as usize].1);
        (MatchTable { bits: of.bits, rows, truths, outcomes: Vec::new() }, named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_both_categories() {
        let (a, b) = (Key::Number(-3), Key::Text("cat".into()));
        assert_eq!(pair_key(Some(&a), Some(&b)), Key::Text("i-3\u{1f}tcat".into()));
        assert_eq!(pair_key(None, Some(&a)), Key::Text("\u{1f}i-3".into()));
    }
}
