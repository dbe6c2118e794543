//! Precision-recall curves from the match table.
//!
//! Source: `accumulate` of the COCO API, but never a curve point for each detection: between true positives a
//! precision curve can only fall, so its envelope is known from the true positives alone.
//!
//! ```
//! use meanap::curve::{precision, raise};
//!
//! // True positives with 0, 2 and 2 false positives before them.
//! let mut curve = vec![precision(1.0, 0.0), precision(2.0, 2.0), precision(3.0, 2.0)];
//! raise(&mut curve);
//! assert_eq!(curve, [precision(1.0, 0.0), precision(3.0, 2.0), precision(3.0, 2.0)]);
//! ```

mod area;
mod benchmarks;
mod driver;
mod envelope;
mod events;
mod grid;
mod part;
mod scored;
mod sweep;

pub use crate::curve::area::{Area, area_of, areas_under};
pub use crate::curve::benchmarks::{RecallCount, orientation_average};
use crate::curve::driver::{CurveDriver, CurveSelection};
pub use crate::curve::envelope::{precision, raise};
use crate::curve::grid::{Grid, for_each_category};
pub use crate::curve::part::{PartCounts, PartCurves, draw_part, part_counts};
pub use crate::curve::sweep::{Reached, reached};
use crate::error::{Result, can_allocate, zeros};
use crate::matching::MatchTable;
use crate::progress::Progress;
use crate::threads;

/// Which curves to draw.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Groups of the table, in output order.
    pub groups: Vec<usize>,
    /// Area ranges of the table, in output order.
    pub areas: Vec<usize>,
    /// Limits on the detections of an image, in output order.
    pub max_detections: Vec<usize>,
    /// Images to use; all if there is no list.
    pub images: Option<Vec<bool>>,
    /// Recall points.
    pub recall_points: Vec<f64>,
}

impl Selection {
    /// The curves of a group that are selected.
    fn wanted(&self) -> CurveSelection<'_> {
        CurveSelection {
            images: self.images.as_deref(),
            areas: &self.areas,
            limits: &self.max_detections,
            points: &self.recall_points,
            positives: None,
        }
    }
}

/// Lengths of the output axes. Those of categories, area ranges and limits may exceed the selection's; what nothing
/// is selected for stays -1.
#[derive(Clone, Copy, Debug)]
pub struct CurveShape {
    /// K.
    pub categories: usize,
    /// A.
    pub areas: usize,
    /// M.
    pub limits: usize,
}

/// Precision and score `(T, R, K, A, M)` and recall `(T, K, A, M)`, row by row; -1 where there is nothing to find.
#[derive(Clone, Debug)]
pub struct Accumulated {
    /// Greatest precision at or beyond each recall point.
    pub precision: Vec<f64>,
    /// Recall reached.
    pub recall: Vec<f64>,
    /// Score at which each recall point is reached.
    pub scores: Vec<f64>,
}

/// What one thread works with: curves of one category before they are spread over the grids.
struct CurveBuffers {
    driver: CurveDriver,
    precision: Vec<f64>,
    recall: Vec<f64>,
    scores: Vec<f64>,
}

/// Draws the selected curves of a table, in parallel over groups.
///
/// # Errors
///
/// `OutOfMemory`: of many categories the arrays are large. The work is cancelled.
pub fn accumulate(
    table: &MatchTable,
    selection: &Selection,
    shape: CurveShape,
    progress: &Progress,
) -> Result<Accumulated> {
    let thresholds = table.bits.thresholds;
    let points = selection.recall_points.len();
    let inner = shape.areas * shape.limits;
    let axes = [thresholds, shape.categories, shape.areas, shape.limits];
    let size = axes.into_iter().fold(1_usize, usize::saturating_mul);
    // Every entry is written below; zeroed memory is not accessed before.
    let mut precision = zeros(size.saturating_mul(points))?;
    let mut recall = zeros(size)?;
    let mut scores = zeros(size.saturating_mul(points))?;
    let [mut p, mut r, mut s] =
        [&mut precision, &mut recall, &mut scores].map(|data| Grid::new(data, shape.categories, inner));
    // And what each thread works with, from one category to the next.
    let most = (0..table.groups()).map(|group| table.rows(group).len()).max().unwrap_or(0);
    let events = events::Events::bytes(table, most, selection.areas.len(), selection.max_detections.len());
    let curves = 3 * thresholds * points * inner * size_of::<f64>();
    can_allocate(threads::count().min(shape.categories).saturating_mul(events.saturating_add(curves)))?;
    let init = || CurveBuffers {
        driver: CurveDriver::default(),
        precision: vec![0.0; thresholds * points * inner],
        recall: vec![0.0; thresholds * inner],
        scores: vec![0.0; thresholds * points * inner],
    };
    let one = |work: &mut CurveBuffers, k: usize, [mut p, mut r, mut s]: [grid::GridColumn<'_>; 3]| {
        draw(work, table, selection, shape, k, progress)?;
        if inner == 0 {
            return Ok(());
        }
        let spread = |column: &mut grid::GridColumn<'_>, values: &[f64]| {
            values.chunks_exact(inner).enumerate().for_each(|(outer, values)| column.set(outer, values));
        };
        spread(&mut p, &work.precision);
        spread(&mut r, &work.recall);
        spread(&mut s, &work.scores);
        Ok(())
    };
    for_each_category([&mut p, &mut r, &mut s], init, one)?;
    Ok(Accumulated { precision, recall, scores })
}

/// Draws the curves of the `k`-th selected group into the workspace; -1 where nothing is selected or to be found.
fn draw(
    work: &mut CurveBuffers,
    table: &MatchTable,
    selection: &Selection,
    shape: CurveShape,
    k: usize,
    progress: &Progress,
) -> Result<()> {
    let CurveBuffers { driver, precision, recall, scores } = work;
    [&mut *precision, recall, scores].into_iter().for_each(|values| values.fill(-1.0));
    let Some(&group) = selection.groups.get(k) else { return Ok(()) };
    let (points, inner) = (selection.recall_points.len(), shape.areas * shape.limits);
    driver.each_curve(table, group, &selection.wanted(), progress, |curves, events, curve| {
        let (t, at) = (curve.threshold, curve.area * shape.limits + curve.limit);
        recall[t * inner + at] = curves.recall(t, curve.positives);
        curves.read(t, events, curve.reached, |point, p, s| {
            let place = (t * points + point) * inner + at;
            (precision[place], scores[place]) = (p, s);
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{Cells, OutcomeLayout, Row, Truth};
    use crate::random::Random;

    struct Detection {
        image: u32,
        rank: u32,
        score: f64,
        matched: Vec<bool>,
        ignored: Vec<bool>,
    }

    /// The reference's way: a curve point for each detection, an envelope over all of them.
    fn dense(
        detections: &[Detection],
        t: usize,
        limit: u32,
        positives: usize,
        points: &[f64],
    ) -> (Vec<f64>, Vec<f64>, f64) {
        let mut kept: Vec<&Detection> = detections.iter().filter(|d| d.rank < limit).collect();
        kept.sort_by(|a, b| b.score.total_cmp(&a.score));
        let (mut tp, mut fp, mut recall, mut precision) = (0.0, 0.0, Vec::new(), Vec::new());
        for d in &kept {
            tp += f64::from(u8::from(d.matched[t] && !d.ignored[t]));
            fp += f64::from(u8::from(!d.matched[t] && !d.ignored[t]));
            recall.push(tp / positives as f64);
            precision.push(tp / (fp + tp + f64::EPSILON));
        }
        for i in (1..precision.len()).rev() {
            if precision[i] > precision[i - 1] {
                precision[i - 1] = precision[i];
            }
        }
        let (mut q, mut s) = (vec![0.0; points.len()], vec![0.0; points.len()]);
        for (r, &point) in points.iter().enumerate() {
            let Some(i) = recall.iter().position(|&at| at >= point) else { break };
            (q[r], s[r]) = (precision[i], kept[i].score);
        }
        (q, s, recall.last().copied().unwrap_or(0.0))
    }

    #[test]
    fn curves_from_true_positives_are_those_from_all_detections() {
        let mut random = Random::new(7);
        for case in 0..400 {
            let bits = OutcomeLayout { areas: 1, thresholds: 1 + random.below(3) as usize, samples: false };
            let images = 1 + random.below(6) as u32;
            let (mut rows, mut truths, mut outcomes, mut all) = (vec![], vec![], vec![], vec![]);
            for image in 0..images {
                let detections = random.below(8);
                let mut in_image: Vec<f64> =
                    (0..detections).map(|_| random.below(10) as f64 / 4.0 - 0.5).collect();
                in_image.sort_by(|a, b| b.total_cmp(a));
                for (score, rank) in in_image.into_iter().zip(0..) {
                    let flags =
                        |random: &mut Random| (0..bits.thresholds).map(|_| random.below(3) == 0).collect();
                    let (matched, mut ignored): (Vec<bool>, Vec<bool>) =
                        (flags(&mut random), flags(&mut random));
                    let outside = random.below(2) as u32;
                    let mut row = Row::unmatched(score, image, 0, rank, outside);
                    if matched.iter().any(|&m| m) {
                        let mut entry = Vec::new();
                        bits.push(&mut entry, 0);
                        let word = |flags: &[bool]| {
                            flags.iter().enumerate().fold(0, |word, (t, &flag)| word | u64::from(flag) << t)
                        };
                        bits.set(&mut entry, 0, 0, word(&matched), word(&ignored));
                        row.set_matched(outcomes.len() / bits.entry());
                        outcomes.extend(entry);
                    } else {
                        ignored = vec![outside == 1; bits.thresholds];
                    }
                    rows.push(row);
                    all.push(Detection { image, rank, score, matched, ignored });
                }
                truths.extend((0..random.below(5)).map(|_| Truth { image, object: 0, areas: 1 }));
            }
            assert!(all.is_sorted_by_key(|d| d.image));
            let positives = truths.len();
            let points = [0.0, 0.1, 0.5, 1.0 / 3.0, -1.0, 0.9, 1.0, 0.2];
            let selection = Selection {
                groups: vec![0],
                areas: vec![0],
                max_detections: vec![2, 100],
                images: None,
                recall_points: points.to_vec(),
            };
            let table = MatchTable::new(
                bits,
                Cells { groups: vec![0, rows.len() as u32], items: rows },
                Cells { groups: vec![0, truths.len() as u32], items: truths },
                outcomes,
            );
            let shape = CurveShape { categories: 1, areas: 1, limits: 2 };
            let drawn = accumulate(&table, &selection, shape, &Progress::default()).unwrap();
            for t in 0..bits.thresholds {
                for (m, limit) in [2, 100].into_iter().enumerate() {
                    let read = |data: &[f64]| {
                        (0..points.len()).map(|r| data[(t * points.len() + r) * 2 + m]).collect()
                    };
                    let (precision, scores): (Vec<f64>, Vec<f64>) =
                        (read(&drawn.precision), read(&drawn.scores));
                    if positives == 0 {
                        assert!(precision.iter().all(|&p| p == -1.0));
                        continue;
                    }
                    let expected = dense(&all, t, limit, positives, &points);
                    let found = (precision, scores, drawn.recall[t * 2 + m]);
                    assert_eq!(found, expected, "case {case}, threshold {t}, limit {limit}");
                }
            }
        }
    }

    #[test]
    fn nothing_selected_is_nothing_drawn() {
        let bits = OutcomeLayout { areas: 1, thresholds: 1, samples: false };
        let table = MatchTable::new(
            bits,
            Cells { groups: vec![0, 1], items: vec![Row::unmatched(0.5, 0, 0, 0, 0)] },
            Cells { groups: vec![0, 1], items: vec![Truth { image: 0, object: 0, areas: 1 }] },
            vec![],
        );
        for (areas, limits) in [(vec![0], vec![]), (vec![], vec![100]), (vec![], vec![])] {
            let shape = CurveShape { categories: 1, areas: areas.len(), limits: limits.len() };
            let (groups, recall_points) = (vec![0], vec![0.5]);
            let selection = Selection { groups, areas, max_detections: limits, images: None, recall_points };
            assert!(
                accumulate(&table, &selection, shape, &Progress::default()).unwrap().precision.is_empty()
            );
        }
    }
}
