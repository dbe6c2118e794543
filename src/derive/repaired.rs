//! What if errors of one kind were put right? The table behind error decomposition.
//!
//! Source: Bolya et al., "TIDE", ECCV 2020. An error that can be put right becomes a true positive, any other of its
//! kind disappears; a missed object is no longer looked for.

use super::mistakes::{Meaning, RIGHT};
use crate::matching::{Bits, Cells, Extent, MatchTable, Positions, Row};

/// What is put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Nothing.
    Nothing,
    /// Errors of the kind with this letter.
    Kind(u8),
    /// All detections that are wrong: they disappear.
    FalsePositives,
    /// All objects that were not found: they are no longer looked for.
    FalseNegatives,
}

/// The letter of objects that no detection comes near.
const MISSED: u8 = b'm';

/// A match table of one threshold, a group for each category, with errors put right.
///
/// `table` is one of mistakes, `meaning` tells its groups, `images` and `categories` how many there are.
pub fn repaired(
    table: &MatchTable,
    meaning: &Meaning,
    images: usize,
    categories: usize,
    repair: Repair,
) -> MatchTable {
    let bits = Bits { areas: 1, thresholds: 1 };
    let (mut rows, mut truths, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
    for group in 0..table.groups() {
        let kind = meaning.kind[group];
        let (own, truth) = (meaning.category[group], meaning.truth[group]);
        let becomes = match repair {
            _ if kind == RIGHT => Some((own, true)),
            Repair::Kind(wanted) if kind.to_ascii_lowercase() == wanted => {
                kind.is_ascii_uppercase().then_some((truth, true))
            }
            Repair::FalsePositives => None,
            _ => Some((own, false)),
        };
        if let Some((category, right)) = becomes {
            rows.extend(table.rows(group).iter().map(|row| (category, right, *row)));
        }
        let sought = match repair {
            Repair::Kind(MISSED) => kind != MISSED,
            Repair::FalseNegatives => kind == RIGHT,
            _ => true,
        };
        if sought {
            truths.extend(table.truths(group).iter().map(|found| (truth, *found)));
        }
    }
    rows.sort_by_key(|(_, _, row)| (row.image, row.rank));
    let (category, rows): (Vec<u32>, Vec<Row>) = rows
        .into_iter()
        .map(|(category, right, row)| {
            let mut row = Row::unmatched(row.score, row.image, row.object, row.rank, 0);
            if right {
                row.set_matched(outcomes.len() / bits.entry());
                let start = outcomes.len();
                bits.push(&mut outcomes, 0);
                bits.set(&mut outcomes[start..], 0, 0, 1, 0);
            }
            (category, row)
        })
        .unzip();
    let extent = Extent { images, categories, by_category: true };
    let positions =
        Positions { of_image: (0..images as u32).collect(), of_category: (0..categories as u32).collect() };
    let image: Vec<u32> = rows.iter().map(|row| row.image).collect();
    let rows = Cells::new(&image, &category, &positions, extent, |i, _| rows[i as usize]);
    let image: Vec<u32> = truths.iter().map(|(_, truth)| truth.image).collect();
    let category: Vec<u32> = truths.iter().map(|&(category, _)| category).collect();
    let truths = Cells::new(&image, &category, &positions, extent, |i, _| truths[i as usize].1);
    MatchTable { bits, rows, truths, outcomes }
}
