//! Average precisions of benchmarks of driving, which read single points of the curve, not its envelope alone.

use crate::error::{Result, extend, filled, push};
use crate::matching::{MatchTable, Row};
use crate::score::descending_key;
use crate::sum::pairwise;

/// How many recalls KITTI averages over: eleven from 0 on until 2019, then forty without 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecallCount {
    /// 0, 0.1, …, 1.
    Eleven,
    /// 1/40, 2/40, …, 1.
    Forty,
}

/// Detections next to each other in a ranking.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Step {
    /// The key of their score.
    score: u64,
    /// True positives.
    hits: u32,
    /// False positives.
    misses: u32,
    /// Sampled ones.
    samples: u32,
    /// What precision has in its numerator: the true positives, or the similarities of their orientations.
    worth: f64,
}

/// The detections of a group, best score first, in an area range, under a limit and at a threshold; those that are neither
/// true nor false nor sampled are left out. `worth` is that of each, the true positives if there is none.
///
/// # Errors
///
/// `OutOfMemory`, here as in what follows.
pub(super) fn steps_of_rows(
    table: &MatchTable,
    group: usize,
    images: Option<&[bool]>,
    [area, limit, t]: [usize; 3],
    worth: Option<&dyn Fn(&Row) -> f64>,
) -> Result<Vec<Step>> {
    let wanted =
        |row: &&Row| (row.rank as usize) < limit && images.is_none_or(|images| images[row.image as usize]);
    let mut steps = Vec::new();
    for row in table.rows(group).iter().filter(wanted) {
        let (matched, ignored) = table.matched_and_ignored(row, area, t);
        let hits = u32::from(matched && !ignored);
        let step = Step {
            score: descending_key(row.score),
            hits,
            misses: u32::from(!matched && !ignored),
            samples: u32::from(table.is_sampled(row, area, t)),
            worth: worth.map_or(f64::from(hits), |of| of(row)),
        };
        if step.hits + step.misses + step.samples > 0 || step.worth != 0.0 {
            push(&mut steps, step)?;
        }
    }
    // Rows come image by image, and best first within one: of equal scores the first stays the first.
    steps.sort_by_key(|step| step.score);
    Ok(steps)
}

/// The same of the false positives before each true positive, each of which is sampled.
pub(super) fn steps_of_found(found: impl Iterator<Item = u32>) -> Result<Vec<Step>> {
    let (mut steps, mut last) = (Vec::new(), 0);
    for (before, score) in found.zip((0..).step_by(2)) {
        push(&mut steps, Step { score, misses: before - last, ..Step::default() })?;
        push(&mut steps, Step { score: score + 1, hits: 1, samples: 1, worth: 1.0, ..Step::default() })?;
        last = before;
    }
    Ok(steps)
}

/// Greatest precision at or after each of 41 sampled scores, averaged.
///
/// Source: `get_thresholds`, `eval_class` and `get_mAP` of the Python ports of KITTI's development kit: a score is sampled
/// where the recall of the samples so far is nearest to a fortieth more than at the one before.
pub(super) fn average_of_kitti(steps: &[Step], positives: usize, recalls: RecallCount) -> Result<f64> {
    const POINTS: usize = 41;
    let (mut precisions, mut count) = ([0.0; POINTS], 0);
    let all = steps.iter().map(|step| u64::from(step.samples)).sum::<u64>();
    let (mut hits, mut misses, mut samples, mut recall, mut worth) = (0_u64, 0_u64, 0_u64, 0.0, 0.0);
    for tied in steps.chunk_by(|a, b| a.score == b.score) {
        hits += tied.iter().map(|step| u64::from(step.hits)).sum::<u64>();
        misses += tied.iter().map(|step| u64::from(step.misses)).sum::<u64>();
        worth += tied.iter().map(|step| step.worth).sum::<f64>();
        for _ in 0..tied.iter().map(|step| step.samples).sum::<u32>() {
            samples += 1;
            let last = samples == all;
            let left = samples as f64 / positives as f64;
            let right = if last { left } else { (samples + 1) as f64 / positives as f64 };
            if (right - recall < recall - left && !last) || count == POINTS {
                continue;
            }
            precisions[count] = if hits == 0 { 0.0 } else { worth / (hits + misses) as f64 };
            count += 1;
            recall += 1.0 / (POINTS as f64 - 1.0);
        }
    }
    for at in (1..POINTS).rev() {
        precisions[at - 1] = precisions[at - 1].max(precisions[at]);
    }
    Ok(match recalls {
        RecallCount::Eleven => precisions.iter().step_by(4).sum::<f64>() / 11.0,
        RecallCount::Forty => precisions[1..].iter().sum::<f64>() / 40.0,
    })
}

/// KITTI's average orientation similarity of a group, in an area range, under a limit and at a threshold: its AP, if each
/// true positive is worth what `added` says of the detection ([`Row::object`]); None without objects.
///
/// # Errors
///
/// `OutOfMemory`
pub fn orientation_average(
    table: &MatchTable,
    group: usize,
    place: [usize; 3],
    recalls: RecallCount,
    added: &[f64],
) -> Result<Option<f64>> {
    let positives = table.positives(group)[place[0]] as usize;
    if positives == 0 {
        return Ok(None);
    }
    let steps = steps_of_rows(table, group, None, place, Some(&|row: &Row| added[row.object as usize]))?;
    average_of_kitti(&steps, positives, recalls).map(Some)
}

/// Precisions at the recalls 0.11, 0.12, …, 1, less a tenth, over nine tenths.
///
/// Source: `accumulate` and `calc_ap` of nuScenes' development kit, with `numpy.interp`.
pub(super) fn average_of_nuscenes(steps: &[Step], positives: usize) -> Result<f64> {
    const LEAST: f64 = 0.1;
    let (mut recall, mut precision) = (Vec::new(), Vec::new());
    let (mut hits, mut misses) = (0_u64, 0_u64);
    for step in steps {
        hits += u64::from(step.hits);
        misses += u64::from(step.misses);
        if hits + misses > 0 {
            push(&mut recall, hits as f64 / positives as f64)?;
            push(&mut precision, hits as f64 / (misses + hits) as f64)?;
        }
    }
    if hits == 0 {
        return Ok(0.0);
    }
    let mut heights = filled(0, 0.0)?;
    let kept = (11..=100).map(|step| {
        let height = interpolated(f64::from(step) * 0.01, &recall, &precision) - LEAST;
        if height < 0.0 { 0.0 } else { height }
    });
    extend(&mut heights, kept)?;
    Ok(pairwise(&heights) / heights.len() as f64 / (1.0 - LEAST))
}

/// As `numpy.interp(x, xs, ys, right=0)`.
fn interpolated(x: f64, xs: &[f64], ys: &[f64]) -> f64 {
    let after = xs.partition_point(|&at| at <= x);
    let Some(at) = after.checked_sub(1) else { return ys[0] };
    match xs.get(after) {
        _ if xs[at] == x => ys[at],
        None => 0.0,
        Some(next) => (ys[after] - ys[at]) / (next - xs[at]) * (x - xs[at]) + ys[at],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_found_at_once_is_all() {
        let steps = steps_of_found([0].into_iter()).unwrap();
        assert_eq!(average_of_kitti(&steps, 1, RecallCount::Eleven).unwrap(), 1.0 / 11.0);
        assert_eq!(average_of_kitti(&steps, 1, RecallCount::Forty).unwrap(), 0.0);
        assert!((average_of_nuscenes(&steps, 1).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(average_of_nuscenes(&[], 1).unwrap(), 0.0);
    }

    #[test]
    fn equal_scores_count_together() {
        let step = |score, hits, misses| Step { score, hits, misses, samples: hits, worth: f64::from(hits) };
        let tied = [step(1, 1, 0), step(1, 0, 1), step(2, 1, 0)];
        let apart = [step(1, 1, 0), step(2, 0, 1), step(2, 1, 0)];
        let of = |steps: &[Step]| average_of_kitti(steps, 2, RecallCount::Eleven).unwrap();
        assert!((of(&tied) - 2.0 / 3.0 / 11.0).abs() < 1e-15);
        assert_eq!(of(&apart), 1.0 / 11.0);
    }

    #[test]
    fn lines_are_numpy_s() {
        let (xs, ys) = ([0.25, 0.25, 0.5], [1.0, 0.5, 0.75]);
        let found = [0.1, 0.25, 0.375, 0.5, 0.6].map(|x| interpolated(x, &xs, &ys));
        assert_eq!(found, [1.0, 0.5, 0.625, 0.75, 0.0]);
    }
}
