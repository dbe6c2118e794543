//! The rows of some images: the match table of an evaluation of these images alone.

use super::cells::{Cells, InImage, NOT_EVALUATED};
use super::table::{MatchTable, Outcome, Row, Truth};
use crate::error::{Result, extend, filled, push, with_capacity};
use crate::progress::{Progress, STRETCH};

impl MatchTable {
    /// The rows of the images that are counted, whose positions are those among the counted ones. Nothing is matched
    /// again, as matching happens within an image. There are no partners.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn of_images(&self, counted: &[bool], progress: &Progress) -> Result<MatchTable> {
        let mut positions = filled(counted.len(), NOT_EVALUATED)?;
        let places = positions.iter_mut().zip(counted).filter(|(_, counted)| **counted);
        places.zip(0..).for_each(|((place, _), position)| *place = position);
        let position = |image: u32| positions.get(image as usize).copied().unwrap_or(NOT_EVALUATED);
        let entry = self.bits.entry().max(1);
        let mut rows = some(&self.rows, position, progress, |row, image| {
            Row::restored(row.score, image, row.object, row.rank, row.outcome_word())
        })?;
        let truths = some(&self.truths, position, progress, |truth, image| Truth { image, ..*truth })?;
        let (mut outcomes, mut pairs) = (Vec::new(), self.pairs.as_ref().map(|_| Vec::new()));
        for (done, row) in rows.items.iter_mut().enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            if let Outcome::Matched(index) = row.outcome() {
                row.set_matched(outcomes.len() / entry);
                extend(&mut outcomes, self.outcome(index).iter().copied())?;
            }
            if let (Some(pairs), Some(all)) = (&mut pairs, &self.pairs) {
                let pair = all[row.object as usize];
                row.object = pairs.len() as u32;
                push(pairs, pair)?;
            }
        }
        Ok(MatchTable { pairs, ..MatchTable::new(self.bits, rows, truths, outcomes) })
    }

    /// How many ground truths are to be found in each of so many images, in area range `a`.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn positives_of_images(&self, images: usize, a: usize) -> Result<Vec<i64>> {
        let mut count = filled(images, 0)?;
        for truth in self.truths.items.iter().filter(|truth| truth.areas >> a & 1 == 1) {
            count[truth.image as usize] += 1;
        }
        Ok(count)
    }
}

/// The items of the images that have a position, grouped as they were.
fn some<T: InImage>(
    cells: &Cells<T>,
    position: impl Fn(u32) -> u32,
    progress: &Progress,
    moved: impl Fn(&T, u32) -> T,
) -> Result<Cells<T>> {
    progress.check()?;
    let is_counted = |item: &&T| position(item.image()) != NOT_EVALUATED;
    let mut items = with_capacity(cells.items.iter().filter(is_counted).count())?;
    let mut groups = with_capacity(cells.groups.len())?;
    groups.push(0);
    for ends in cells.groups.windows(2) {
        progress.check()?;
        let of_group = cells.items[ends[0] as usize..ends[1] as usize].iter().filter(is_counted);
        items.extend(of_group.map(|item| moved(item, position(item.image()))));
        groups.push(items.len() as u32);
    }
    Ok(Cells { items, groups })
}

#[cfg(test)]
mod tests {
    use super::super::pair::Pair;
    use super::super::table::OutcomeLayout;
    use super::*;

    #[test]
    fn rows_of_some_images_are_what_they_were() {
        let bits = OutcomeLayout { areas: 2, thresholds: 3, samples: false };
        let mut outcomes = Vec::new();
        let mut row = |image, object, matched: u64| {
            let mut row = Row::unmatched(0.5, image, object, 0, 1);
            if matched > 0 {
                row.set_matched(outcomes.len() / bits.entry());
                bits.push(&mut outcomes, 0);
                let start = outcomes.len() - bits.entry();
                bits.set(&mut outcomes[start..], 1, 0, matched, 0);
            }
            row
        };
        let rows = vec![row(0, 3, 1), row(2, 0, 2), row(1, 1, 0), row(2, 2, 4)];
        let truth = |image, areas| Truth { image, object: image, areas };
        let truths = vec![truth(1, 3), truth(2, 1), truth(2, 3)];
        let pair = |partner| Pair::default().with_partner(Some(partner));
        let table = MatchTable {
            pairs: Some([7, 8, 9, 10].map(pair).to_vec()),
            ..MatchTable::new(
                bits,
                Cells { items: rows, groups: vec![0, 2, 4] },
                Cells { items: truths, groups: vec![0, 0, 3] },
                outcomes,
            )
        };
        let some = table.of_images(&[false, true, true], &Progress::default()).unwrap();
        assert_eq!((some.groups(), some.rows(0).len(), some.rows(1).len()), (2, 1, 2));
        assert_eq!(some.rows.items.iter().map(|row| row.image).collect::<Vec<_>>(), [1, 0, 1]);
        let matched = |row: &Row| (0..3).map(|t| some.matched_and_ignored(row, 1, t).0).collect::<Vec<_>>();
        assert_eq!(matched(&some.rows(0)[0]), [false, true, false]);
        assert_eq!(matched(&some.rows(1)[0]), [false, false, false]);
        assert_eq!(matched(&some.rows(1)[1]), [false, false, true]);
        let pairs = some.pairs.as_ref().unwrap();
        let partners = some.rows.items.iter().map(|row| pairs[row.object as usize].partner().unwrap());
        assert_eq!(partners.collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!((some.positives(1), some.outcomes.len()), (vec![3, 2], 2 * bits.entry()));
        assert_eq!(table.positives_of_images(3, 1).unwrap(), [0, 1, 1]);
    }
}
