//! Areas under curves whose points are at scores: a thousand of them, or each one that a detection has.

use crate::error::{Result, filled, push};
use crate::matching::{MatchTable, Row};

/// Scores at which the curve is read.
const LEVELS: usize = 1000;

/// The area under the envelope of the points at the scores 0.999, 0.998, …, 0, where the scores of all detections, ignored
/// or not, are stretched to the range from 0 to 1.
///
/// Source: `evaluation` of the Python port of WIDER FACE's evaluation tools, with its `norm_score` and `voc_ap`.
///
/// # Errors
///
/// `OutOfMemory`
pub(super) fn area_at_levels(
    table: &MatchTable,
    group: usize,
    images: Option<&[bool]>,
    [area, limit, t]: [usize; 3],
    positives: usize,
) -> Result<f64> {
    let rows = || rows_of(table, group, images, limit);
    let (least, most) =
        rows().fold((1.0_f64, 0.0_f64), |(least, most), row| (least.min(row.score), most.max(row.score)));
    let (mut true_positives, mut false_positives) = (filled(LEVELS, 0_u32)?, filled(LEVELS, 0_u32)?);
    for row in rows() {
        let score = (row.score - least) / (most - least);
        let (matched, ignored) = table.matched_and_ignored(row, area, t);
        let level = first_level(score);
        if level < LEVELS && !ignored {
            let counts = if matched { &mut true_positives } else { &mut false_positives };
            counts[level] += 1;
        }
    }
    let mut points = filled(LEVELS, (0.0, 0.0))?;
    let (mut tp, mut fp) = (0_u32, 0_u32);
    for (point, (true_positives, false_positives)) in
        points.iter_mut().zip(true_positives.into_iter().zip(false_positives))
    {
        (tp, fp) = (tp + true_positives, fp + false_positives);
        let precision = if tp == 0 { 0.0 } else { f64::from(tp) / f64::from(tp + fp) };
        *point = (f64::from(tp) / positives as f64, precision);
    }
    for at in (1..LEVELS).rev() {
        points[at - 1].1 = points[at - 1].1.max(points[at].1);
    }
    let before = std::iter::once(0.0).chain(points.iter().map(|point| point.0));
    Ok(before.zip(&points).map(|(before, &(recall, precision))| (recall - before) * precision).sum())
}

/// The area under straight lines between the points at each distinct score, from a precision of 1 at a recall of 0.
///
/// Source: `evaluateMatches` of Cityscapes' evaluation of instances, whose convolution is the trapezium rule.
///
/// # Errors
///
/// `OutOfMemory`
pub(super) fn area_of_scores(
    table: &MatchTable,
    group: usize,
    images: Option<&[bool]>,
    [area, limit, t]: [usize; 3],
    positives: usize,
) -> Result<f64> {
    let mut counted = Vec::new();
    for row in rows_of(table, group, images, limit) {
        let (matched, ignored) = table.matched_and_ignored(row, area, t);
        if !ignored {
            push(&mut counted, (row.score, matched))?;
        }
    }
    counted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut found, mut all, mut sum) = (0_u32, 0_u32, 0.0);
    let (mut recall, mut precision) = (0.0, 1.0);
    for equal in counted.chunk_by(|a, b| a.0 == b.0) {
        found += equal.iter().map(|&(_, matched)| u32::from(matched)).sum::<u32>();
        all += equal.len() as u32;
        let point = (f64::from(found) / positives as f64, f64::from(found) / f64::from(all));
        sum += (point.0 - recall) * f64::midpoint(precision, point.1);
        (recall, precision) = point;
    }
    Ok(sum)
}

/// The detections of a group in some images, or all, under a limit on those of an image.
fn rows_of<'a>(
    table: &'a MatchTable,
    group: usize,
    images: Option<&'a [bool]>,
    limit: usize,
) -> impl Iterator<Item = &'a Row> {
    let wanted = move |row: &&Row| {
        (row.rank as usize) < limit && images.is_none_or(|images| images[row.image as usize])
    };
    table.rows(group).iter().filter(wanted)
}

/// The first level whose score is not above that; [`LEVELS`] for a NaN, which all scores are if they are equal.
fn first_level(score: f64) -> usize {
    let above = |level: usize| !(score >= 1.0 - (level + 1) as f64 / LEVELS as f64);
    // Near the level that rounding false_positives by one at most.
    let near = ((1.0 - score) * LEVELS as f64) as usize;
    (near.saturating_sub(2)..LEVELS).find(|&level| !above(level)).unwrap_or(LEVELS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_level_is_that_of_all() {
        let slow = |score: f64| {
            (0..LEVELS).find(|&t| score >= 1.0 - (t + 1) as f64 / LEVELS as f64).unwrap_or(LEVELS)
        };
        for step in 0..=4000 {
            let score = f64::from(step) / 4000.0;
            for score in [score, score.next_up(), score.next_down()] {
                assert_eq!(first_level(score), slow(score), "{score}");
            }
        }
        assert_eq!(first_level(f64::NAN), LEVELS);
    }
}
