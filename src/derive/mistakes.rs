//! How a table of mistakes is read: what its groups stand for, and the similarity that each row holds.

use crate::matching::{Bits, MatchTable, Outcome, Row};

/// How the rows' outcomes are laid out: the second word of thresholds holds a similarity as bits.
pub const BITS: Bits = Bits { areas: 1, thresholds: 128 };

/// The letter of detections that are right and of objects that were found.
pub const RIGHT: u8 = b'r';

/// What the groups of a table of mistakes stand for, one entry for each.
///
/// The letter of an error about an object is a capital where putting it right would find the object.
#[derive(Clone, Debug)]
pub struct Meaning {
    /// What its rows are, as a letter.
    pub kind: Vec<u8>,
    /// Position of the detections' category.
    pub category: Vec<u32>,
    /// Position of the category of the objects that they are about, or that are in the group.
    pub truth: Vec<u32>,
}

impl Meaning {
    /// Whether it tells all groups of a table, and no position of those that are used is beyond the categories.
    pub fn fits(&self, table: &MatchTable, categories: usize) -> bool {
        let groups = table.groups();
        let lengths = [self.kind.len(), self.category.len(), self.truth.len()];
        let within = |group: usize| {
            let rows = table.rows(group).is_empty() || (self.category[group] as usize) < categories;
            let needs_truth = !table.truths(group).is_empty() || self.kind[group].is_ascii_uppercase();
            rows && (!needs_truth || (self.truth[group] as usize) < categories)
        };
        lengths == [groups; 3] && table.bits == BITS && (0..groups).all(within)
    }
}

/// Writes the similarity of a row: to the object it matched or is mistaken about, or to the nearest.
pub fn push_similarity(outcomes: &mut Vec<u64>, row: &mut Row, similarity: f64) {
    row.set_matched(outcomes.len() / BITS.entry());
    let start = outcomes.len();
    BITS.push(outcomes, 0);
    BITS.set(&mut outcomes[start..], 0, 1, similarity.to_bits(), 0);
}

/// The similarity of a row.
pub fn similarity(table: &MatchTable, row: &Row) -> f64 {
    match row.outcome() {
        Outcome::Matched(index) => f64::from_bits(BITS.get(table.outcome(index), 0, 1).0),
        Outcome::Unmatched(_) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::Cells;

    #[test]
    fn a_row_holds_its_similarity() {
        let (mut outcomes, mut row) = (Vec::new(), Row::default());
        push_similarity(&mut outcomes, &mut Row::default(), 0.25);
        push_similarity(&mut outcomes, &mut row, 0.75);
        let none = Cells { items: Vec::new(), groups: vec![0] };
        let rows = Cells { items: vec![row], groups: vec![0, 1] };
        let table = MatchTable { bits: BITS, rows, truths: none, outcomes };
        assert_eq!(similarity(&table, &table.rows.items[0]), 0.75);
        assert!(similarity(&table, &Row::unmatched(0.5, 0, 0, 0, 0)).is_nan());
    }
}
