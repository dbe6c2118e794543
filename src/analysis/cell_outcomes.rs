//! What became of the detections and ground truths of one cell, in the layout of pycocotools' `evaluateImg`.

use crate::columns::AnnotationIds;
use crate::error::{Result, collect, filled, zeros};
use crate::matching::{MatchTable, Row, SharedCell, Truth, shared_cells};

/// One cell in one area range. T thresholds, D detections by rank, G ground truths: those to be found first.
#[derive(Debug, PartialEq)]
pub struct CellOutcomes {
    /// The detections, by their place among all.
    pub detections: Vec<u32>,
    /// The ground truths, by their place among all.
    pub ground_truths: Vec<u32>,
    /// The id of the ground truth that each detection matched, or 0: `(T, D)`.
    pub detection_matches: Vec<f64>,
    /// The id of the detection that matched each ground truth, or 0: `(T, G)`.
    pub ground_truth_matches: Vec<f64>,
    /// Whether a detection is ignored: `(T, D)`.
    pub detection_ignored: Vec<bool>,
    /// Whether a ground truth is: `(G,)`.
    pub ground_truth_ignored: Vec<bool>,
}

/// The cells with an object on either side, each with its group.
pub fn all_cells(table: &MatchTable) -> impl Iterator<Item = (usize, SharedCell)> {
    let of_group =
        |group| shared_cells(table.rows(group), table.truths(group)).map(move |cell| (group, cell));
    (0..table.groups()).flat_map(of_group)
}

/// The evaluated detections of a cell.
pub fn evaluated_rows<'a>(table: &'a MatchTable, group: usize, cell: &SharedCell) -> &'a [Row] {
    let rows = &table.rows(group)[cell.detections.clone()];
    &rows[..rows.iter().take_while(|row| row.rank != Row::DROPPED).count()]
}

impl CellOutcomes {
    /// The outcomes of `rows` and `truths`, which are one cell of a table with the partners at all thresholds.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn new(
        table: &MatchTable,
        rows: &[Row],
        truths: &[Truth],
        area: usize,
        (ground_truth_ids, detection_ids): (&AnnotationIds, &AnnotationIds),
    ) -> Result<CellOutcomes> {
        let ignored = |g: usize| truths[g].areas >> area & 1 == 0;
        let mut order = collect(0..truths.len())?;
        order.sort_unstable_by_key(|&g| (ignored(g), g));
        // The objects, and where each stands in the order.
        let mut places = collect(order.iter().enumerate().map(|(place, &g)| (truths[g].object, place)))?;
        places.sort_unstable();

        let (t, d, g) = (table.bits.thresholds, rows.len(), truths.len());
        let mut detection_matches: Vec<f64> = zeros(t * d)?;
        let mut ground_truth_matches: Vec<f64> = zeros(t * g)?;
        let mut detection_ignored = filled(t * d, false)?;
        for (i, row) in rows.iter().enumerate() {
            for at in 0..t {
                // Of several detections that matched a ground truth the last one is reported.
                if let Some(object) = table.partner(row, area, at) {
                    detection_matches[at * d + i] = ground_truth_ids.get(object as usize);
                    if let Ok(found) = places.binary_search_by_key(&object, |&(object, _)| object) {
                        ground_truth_matches[at * g + places[found].1] =
                            detection_ids.get(row.object as usize);
                    }
                }
                detection_ignored[at * d + i] = table.matched_and_ignored(row, area, at).1;
            }
        }
        Ok(CellOutcomes {
            detections: collect(rows.iter().map(|row| row.object))?,
            ground_truths: collect(order.iter().map(|&g| truths[g].object))?,
            detection_matches,
            ground_truth_matches,
            detection_ignored,
            ground_truth_ignored: collect(order.iter().map(|&g| ignored(g)))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::matching::{Cells, OutcomeLayout, Partners};

    #[test]
    fn ground_truths_to_be_found_go_first_and_matches_are_ids() {
        let bits = OutcomeLayout { areas: 1, thresholds: 2, samples: false };
        let truth = |object, areas| Truth { image: 0, object, areas };
        let mut matched = Row::unmatched(0.9, 0, 0, 0, 0);
        matched.set_matched(0);
        let dropped = Row::unmatched(0.1, 0, 2, Row::DROPPED, 0);
        let rows = vec![matched, Row::unmatched(0.5, 0, 1, 1, 1), dropped];
        let mut partners = Partners::of(1, &[0, 1]);
        partners.push();
        // At the first threshold alone.
        partners.set(0, 1, 0, 0b01, 1);
        let table = MatchTable {
            partners,
            ..MatchTable::new(
                bits,
                Cells { groups: vec![0, 3], items: rows },
                Cells { groups: vec![0, 2], items: vec![truth(0, 0), truth(1, 1)] },
                vec![0b010],
            )
        };
        let ids = |ids: &[f64]| AnnotationIds::Given(Arc::new(ids.to_vec().into()));
        let (group, cell) = all_cells(&table).next().unwrap();
        let rows = evaluated_rows(&table, group, &cell);
        let of = (&ids(&[70.0, 71.0]), &ids(&[80.0, 81.0, 82.0]));
        let outcomes = CellOutcomes::new(&table, rows, table.truths(0), 0, of).unwrap();
        let expected = CellOutcomes {
            detections: vec![0, 1],
            ground_truths: vec![1, 0],
            detection_matches: vec![71.0, 0.0, 0.0, 0.0],
            ground_truth_matches: vec![80.0, 0.0, 0.0, 0.0],
            detection_ignored: vec![false, true, false, true],
            ground_truth_ignored: vec![false, true],
        };
        assert_eq!(outcomes, expected);
    }
}
