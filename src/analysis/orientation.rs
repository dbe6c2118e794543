//! KITTI's average orientation similarity (AOS).
//!
//! Source: `compute_statistics` and `eval_class` of KITTI's object development kit: precisions whose true positives count
//! (1 + cos d) / 2 where orientations differ by d. Who is matched with whom changes as detections come in.

use crate::curve::{RecallCount, orientation_average};
use crate::error::{Error, Result, filled};
use crate::evaluate::{Cell, Evaluator};
use crate::matching::{CellPairs, MatchTable, Row, added_values, end_of_cell, lowest_threshold};
use crate::similarity::Similarity;

/// The average orientation similarity of each group, area range and threshold: `(K, A, T)`, -1 without objects. `angles`
/// are those of the ground truths and of the detections, in radians; `table` is a matching of the evaluator.
///
/// # Errors
///
/// There is not an angle for each object; `OutOfMemory`; the work is cancelled.
pub fn orientation_similarities(
    evaluator: &Evaluator,
    table: &MatchTable,
    similarity: &dyn Similarity,
    angles: [&[f64]; 2],
    recalls: RecallCount,
) -> Result<Vec<f64>> {
    let protocol = &evaluator.protocol;
    let (areas, thresholds) = (protocol.area_ranges.len(), protocol.thresholds.len());
    let count = evaluator.detections.len();
    if angles.map(<[f64]>::len) != [evaluator.ground_truths.len(), count] {
        return Err(Error::value("angles: expected one for each object"));
    }
    let agreement =
        |d: u32, g: u32| f64::midpoint(1.0, (angles[0][g as usize] - angles[1][d as usize]).cos());
    let mut compare = similarity.comparer();
    let mut cell = Cell::default();
    let mut added = filled(areas * thresholds, filled(count, 0.0)?)?;
    for group in 0..table.groups() {
        let (mut rows, mut truths) = (table.rows(group), table.truths(group));
        while let Some(image) = rows.first().map(|row| row.image) {
            evaluator.progress.check()?;
            let of_rows;
            (of_rows, rows) = rows.split_at(end_of_cell(rows, image));
            truths = &truths[truths.partition_point(|truth| truth.image < image)..];
            let of_truths = &truths[..end_of_cell(truths, image)];
            let kept = of_rows.iter().take_while(|row| row.rank != Row::DROPPED).count();
            cell.open(&of_rows[..kept], of_truths, &evaluator.ground_truths);
            cell.fill(&mut compare, lowest_threshold(&protocol.thresholds))?;
            cell.find_candidates(&protocol.thresholds)?;
            if cell.candidates.is_empty() {
                continue;
            }
            for a in 0..areas {
                let ignored: Vec<bool> = of_truths.iter().map(|truth| truth.areas >> a & 1 == 0).collect();
                let outside = |&d: &u32| evaluator.ignored_if_unmatched(d) >> a & 1 == 1;
                let uncounted: Vec<bool> = cell.detections.iter().map(outside).collect();
                let pairs = CellPairs {
                    candidates: &cell.candidates,
                    thresholds: &protocol.thresholds,
                    ignored: &ignored,
                    crowd: &cell.crowd,
                    uncounted: &uncounted,
                    claims: &|_| true,
                };
                for t in 0..thresholds {
                    let value = |d: usize, g: usize| agreement(cell.detections[d], cell.ground_truths[g]);
                    for (&d, sum) in cell.detections.iter().zip(added_values(&pairs, t, value)) {
                        added[a * thresholds + t][d as usize] = sum;
                    }
                }
            }
        }
    }
    let mut averages = filled(table.groups() * areas * thresholds, -1.0)?;
    for (place, average) in averages.iter_mut().enumerate() {
        let (group, of_group) = (place / added.len(), place % added.len());
        let at = [of_group / thresholds, protocol.max_detections, of_group % thresholds];
        if let Some(value) = orientation_average(table, group, at, recalls, &added[of_group])? {
            *average = value;
        }
    }
    Ok(averages)
}
