//! The Jaccard index of each image: matched pairs over all objects and detections.
//!
//! Source: `compute_JI_with_ignore` of CrowdDet, for CrowdHuman. Detections above a score are matched with objects so
//! that the sum of their overlaps is the greatest. Of what is left, detections and objects of which enough lies in a
//! crowd region do not count.

use super::assignment::heaviest_matching;
use crate::error::{Result, collect, collect_growing, filled, push};
use crate::evaluate::{Cell, Evaluator};
use crate::matching::{MatchTable, Row, Truth, end_of_cell};
use crate::similarity::{Comparer, Similarity};

/// What counts in the images, for each score: `(S, C)` of S scores and C cells (a category in an image).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JaccardCounts {
    /// Pairs.
    pub matched: Vec<i64>,
    /// Objects.
    pub objects: Vec<i64>,
    /// Detections.
    pub detections: Vec<i64>,
}

/// Counts pairs, objects and detections above each of some scores. `table` is a matching of the evaluator, whose
/// first threshold is that of a pair; `within` compares the ground truths with one another.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn jaccard_counts(
    evaluator: &Evaluator,
    table: &MatchTable,
    similarity: &dyn Similarity,
    within: &dyn Similarity,
    scores: &[f64],
) -> Result<JaccardCounts> {
    let mut counts: Vec<[i64; 3]> = Vec::new();
    let mut compare = (similarity.comparer(), within.comparer());
    for group in 0..table.groups() {
        let (mut rows, mut truths) = (table.rows(group), &table.truths.items[table.truths.group(group)]);
        while let Some(image) = [rows.first().map(|row| row.image), truths.first().map(|truth| truth.image)]
            .into_iter()
            .flatten()
            .min()
        {
            evaluator.progress.check()?;
            let (of_rows, later) = rows.split_at(end_of_cell(rows, image));
            let (of_truths, later_truths) = truths.split_at(end_of_cell(truths, image));
            (rows, truths) = (later, later_truths);
            let kept: Vec<Row> =
                collect_growing(of_rows.iter().filter(|row| row.rank != Row::DROPPED).copied())?;
            let cell = Overlaps::new(evaluator, &mut compare, &kept, of_truths)?;
            for &score in scores {
                let above = kept.iter().take_while(|row| row.score > score).count();
                push(&mut counts, cell.count(above)?)?;
            }
        }
    }
    let cells = counts.len() / scores.len().max(1);
    let column = |at: usize| {
        let cells = (0..scores.len()).flat_map(|s| (0..cells).map(move |cell| cell * scores.len() + s));
        collect_growing(cells.map(|place| counts[place][at]))
    };
    Ok(JaccardCounts { matched: column(0)?, objects: column(1)?, detections: column(2)? })
}

/// What overlaps in one cell.
struct Overlaps {
    /// Objects that are to be found.
    objects: usize,
    /// Detection, object and overlap of each pair that can match; detections rise.
    pairs: Vec<(usize, usize, f64)>,
    /// Of each detection and each object, whether enough of it lies in a crowd region.
    detection_in_crowd: Vec<bool>,
    object_in_crowd: Vec<bool>,
}

impl Overlaps {
    fn new(
        evaluator: &Evaluator,
        (compare, within): &mut (Comparer<'_>, Comparer<'_>),
        rows: &[Row],
        truths: &[Truth],
    ) -> Result<Overlaps> {
        let threshold = evaluator.protocol.thresholds[0];
        let mut cell = Cell::default();
        cell.open(rows, truths, &evaluator.ground_truths);
        cell.fill(compare, threshold)?;
        let wanted: Vec<usize> = (0..truths.len()).filter(|&g| truths[g].areas & 1 == 1).collect();
        let crowds: Vec<usize> = (0..truths.len()).filter(|&g| truths[g].areas & 1 == 0).collect();
        let reaches = |values: &[f64], row: usize, g: usize| !(values[row * truths.len() + g] < threshold);
        let mut pairs = Vec::new();
        if !cell.similarity.is_empty() {
            for d in 0..rows.len() {
                for (object, &g) in wanted.iter().enumerate() {
                    if reaches(&cell.similarity, d, g) {
                        push(&mut pairs, (d, object, cell.similarity[d * truths.len() + g]))?;
                    }
                }
            }
        }
        let mut of_truths = Cell::default();
        if !crowds.is_empty() {
            let objects = collect(truths.iter().map(|truth| truth.object))?;
            of_truths.similarity = filled(truths.len() * truths.len(), 0.0)?;
            within(&objects, &objects, threshold, &mut of_truths.similarity)?;
        }
        let in_crowd = |values: &[f64], row: usize| crowds.iter().any(|&g| reaches(values, row, g));
        Ok(Overlaps {
            objects: wanted.len(),
            pairs,
            detection_in_crowd: collect((0..rows.len()).map(|d| in_crowd(&cell.similarity, d)))?,
            object_in_crowd: collect(wanted.iter().map(|&g| in_crowd(&of_truths.similarity, g)))?,
        })
    }

    /// Pairs, objects and detections of the first `detections`.
    fn count(&self, detections: usize) -> Result<[i64; 3]> {
        let mut open_detections = filled(detections, true)?;
        let mut open_objects = filled(self.objects, true)?;
        let mut pairs = 0;
        for (d, object) in matched_pairs(&self.pairs, detections, self.objects)? {
            (open_detections[d], open_objects[object]) = (false, false);
            pairs += 1;
        }
        let left = |open: &[bool], in_crowd: &[bool]| {
            open.iter().zip(in_crowd).filter(|&(&open, &in_crowd)| !(open && in_crowd)).count() as i64
        };
        Ok([
            pairs,
            left(&open_objects, &self.object_in_crowd),
            left(&open_detections, &self.detection_in_crowd),
        ])
    }
}

/// The matching with the greatest sum of weights among the first detections. Most pairs stand alone, so that parts which
/// nothing connects are matched one by one.
fn matched_pairs(
    pairs: &[(usize, usize, f64)],
    detections: usize,
    objects: usize,
) -> Result<Vec<(usize, usize)>> {
    let pairs = &pairs[..pairs.partition_point(|&(d, ..)| d < detections)];
    // The least object that each is connected with.
    let mut part: Vec<usize> = collect(0..objects)?;
    let mut first: Vec<Option<usize>> = filled(detections, None)?;
    for &(d, object, _) in pairs {
        match first[d] {
            None => first[d] = Some(object),
            Some(other) => {
                let (one, two) = (root(&part, object), root(&part, other));
                part[one.max(two)] = one.min(two);
            }
        }
    }
    let mut of_part: Vec<Vec<(usize, usize, f64)>> = filled(objects, Vec::new())?;
    for &pair in pairs {
        push(&mut of_part[root(&part, pair.1)], pair)?;
    }
    let mut found = Vec::new();
    for pairs in of_part.iter().filter(|pairs| !pairs.is_empty()) {
        let (mut rows, mut columns): (Vec<usize>, Vec<usize>) = pairs.iter().map(|&(d, g, _)| (g, d)).unzip();
        for side in [&mut rows, &mut columns] {
            side.sort_unstable();
            side.dedup();
        }
        let mut weights = filled(rows.len() * columns.len(), 0.0)?;
        for &(d, object, value) in pairs {
            let (row, column) = (rows.partition_point(|&g| g < object), columns.partition_point(|&c| c < d));
            weights[row * columns.len() + column] = value;
        }
        let matches = heaviest_matching(&weights, rows.len(), columns.len())?;
        for (&object, column) in rows.iter().zip(matches) {
            if let Some(column) = column {
                push(&mut found, (columns[column], object))?;
            }
        }
    }
    Ok(found)
}

fn root(part: &[usize], mut object: usize) -> usize {
    while part[object] != object {
        object = part[object];
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_matched_by_themselves() {
        let pairs = [(0, 0, 0.9), (0, 1, 0.6), (1, 0, 0.8), (2, 2, 0.7), (3, 2, 0.6)];
        assert_eq!(matched_pairs(&pairs, 4, 3).unwrap(), [(1, 0), (0, 1), (2, 2)]);
        assert_eq!(matched_pairs(&pairs, 1, 3).unwrap(), [(0, 0)]);
        assert_eq!(matched_pairs(&pairs, 0, 3).unwrap(), []);
    }
}
