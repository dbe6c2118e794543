//! The area under the precision-recall curve, where it is not a mean over recall points.

use super::benchmarks::{
    RecallCount, Step, average_of_kitti, average_of_nuscenes, steps_of_found, steps_of_rows,
};
use super::driver::{CurveDriver, CurveSelection};
use super::envelope::raise;
use super::scored::{area_at_levels, area_of_scores};
use super::{Accumulated, CurveShape, Selection};
use crate::curve::grid::{self, Grid, for_each_category};
use crate::error::{Result, extend, filled};
use crate::matching::MatchTable;
use crate::progress::Progress;

/// How the area is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Under the envelope, exactly: what recall gains at each true positive times the greatest precision from there on.
    ///
    /// Source: `VOCap.m` of the PASCAL VOC development kit, 2010 and later.
    Exact,
    /// Under straight lines between the envelope's values at 101 recalls; zero from the last recall reached.
    ///
    /// Source: what Ultralytics computes (`numpy.interp` at 101 points, then the trapezium rule).
    Trapezium,
    /// Under straight lines between the points of the curve itself, one for each detection, from the first one on.
    ///
    /// Source: `Database.eval_AP` of CrowdDet, for CrowdHuman.
    Lines,
    /// Under the envelope of its points at a thousand scores of WIDER FACE's evaluation. On samples of images, which have
    /// no scores, the exact one.
    Levels,
    /// Under straight lines between the points at each distinct score, from a precision of 1 at a recall of 0. On samples of
    /// images, which have no scores, each detection has a point.
    ///
    /// Source: `evaluateMatches` of Cityscapes' evaluation of instances.
    Cityscapes,
    /// KITTI's mean over 40 recalls, or over eleven, at scores that are sampled.
    Kitti(RecallCount),
    /// nuScenes' mean of precisions on straight lines, above a tenth of either axis.
    NuScenes,
}

impl Area {
    /// All of them, by the name that protocols use.
    pub const ALL: [(&'static str, Area); 8] = [
        ("exact", Area::Exact),
        ("trapezium", Area::Trapezium),
        ("lines", Area::Lines),
        ("levels", Area::Levels),
        ("cityscapes", Area::Cityscapes),
        ("kitti-40", Area::Kitti(RecallCount::Forty)),
        ("kitti-11", Area::Kitti(RecallCount::Eleven)),
        ("nuscenes", Area::NuScenes),
    ];
}

/// The area under each selected curve: as [`super::accumulate`], with a single entry along R. There are no scores.
///
/// `selection.recall_points` are ignored.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn areas_under(
    table: &MatchTable,
    selection: &Selection,
    shape: CurveShape,
    area: Area,
    progress: &Progress,
) -> Result<Accumulated> {
    let thresholds = table.bits.thresholds;
    let inner = shape.areas * shape.limits;
    let axes = [thresholds, shape.categories, shape.areas, shape.limits];
    let size = axes.into_iter().fold(1_usize, usize::saturating_mul);
    let (mut precision, mut recall) = (filled(size, -1.0)?, filled(size, -1.0)?);
    let mut none = Vec::new();
    let [mut p, mut r] = [&mut precision, &mut recall].map(|data| Grid::new(data, shape.categories, inner));
    let mut s = Grid::new(&mut none, shape.categories, 0);
    let init = || (CurveDriver::default(), [vec![], vec![]], vec![]);
    type Work = (CurveDriver, [Vec<f64>; 2], Vec<f64>);
    let one = |work: &mut Work, k: usize, [mut p, mut r, _]: [grid::GridColumn<'_>; 3]| {
        let (driver, [areas, recalls], envelope) = work;
        for values in [&mut *areas, recalls] {
            values.clear();
            values.resize(thresholds * inner, -1.0);
        }
        if let Some(&group) = selection.groups.get(k) {
            let wanted = CurveSelection { points: &[], ..selection.wanted() };
            driver.each_curve(table, group, &wanted, progress, |curves, _, curve| {
                let t = curve.threshold;
                let place = t * inner + curve.area * shape.limits + curve.limit;
                recalls[place] = curves.recall(t, curve.positives);
                areas[place] = match area {
                    Area::Exact | Area::Trapezium | Area::Lines => {
                        area_of(curves.false_positives(t), curve.positives, area, envelope)?
                    }
                    Area::Levels | Area::Cityscapes | Area::Kitti(_) | Area::NuScenes => {
                        let place = [selection.areas[curve.area], selection.max_detections[curve.limit], t];
                        let images = selection.images.as_deref();
                        match area {
                            Area::Levels => area_at_levels(table, group, images, place, curve.positives)?,
                            Area::Cityscapes => area_of_scores(table, group, images, place, curve.positives)?,
                            _ => {
                                let steps = steps_of_rows(table, group, images, place, None)?;
                                average_of_steps(steps, curve.positives, area)?
                            }
                        }
                    }
                };
                Ok(())
            })?;
        }
        for t in 0..thresholds {
            p.set(t, &areas[t * inner..(t + 1) * inner]);
            r.set(t, &recalls[t * inner..(t + 1) * inner]);
        }
        Ok(())
    };
    if inner > 0 {
        for_each_category([&mut p, &mut r, &mut s], init, one)?;
    }
    Ok(Accumulated { precision, recall, scores: Vec::new() })
}

/// The area under one curve: `found` has the false positives before each true positive, best score first. `envelope` is
/// working memory.
///
/// Of this, KITTI's number takes each true positive for a sample and no scores for equal, and nuScenes' no false positive
/// for the last.
///
/// # Errors
///
/// `OutOfMemory`
pub fn area_of(
    found: impl Iterator<Item = u32>,
    positives: usize,
    area: Area,
    envelope: &mut Vec<f64>,
) -> Result<f64> {
    match area {
        Area::Exact | Area::Trapezium | Area::Levels => {}
        Area::Lines => return Ok(lines(found, positives, 0.0)),
        Area::Cityscapes => return Ok(lines(found, positives, 1.0)),
        Area::Kitti(_) | Area::NuScenes => {
            return average_of_steps(steps_of_found(found)?, positives, area);
        }
    }
    envelope.clear();
    extend(envelope, found.enumerate().map(|(i, before)| precision(i + 1, before)))?;
    raise(envelope);
    Ok(match area {
        Area::Trapezium => trapezium(envelope, positives),
        _ => envelope.iter().sum::<f64>() / positives as f64,
    })
}

fn average_of_steps(steps: Vec<Step>, positives: usize, area: Area) -> Result<f64> {
    match area {
        Area::Kitti(recalls) => average_of_kitti(&steps, positives, recalls),
        _ => average_of_nuscenes(&steps, positives),
    }
}

fn precision(found: usize, false_positives: u32) -> f64 {
    if found == 0 { 0.0 } else { found as f64 / (found as f64 + f64::from(false_positives)) }
}

/// Recall rises at true positives alone: each adds the mean of the precisions before and after it, or `first` if it is
/// the first point.
fn lines(found: impl Iterator<Item = u32>, positives: usize, first: f64) -> f64 {
    let height = |(i, before): (usize, u32)| match (i, before) {
        (0, 0) => first,
        _ => f64::midpoint(precision(i, before), precision(i + 1, before)),
    };
    found.enumerate().map(height).sum::<f64>() / positives as f64
}

fn trapezium(envelope: &[f64], positives: usize) -> f64 {
    const STEPS: usize = 100;
    let recall = |found: usize| found as f64 / positives as f64;
    let height = |x: f64| {
        if x >= recall(envelope.len()) {
            return 0.0;
        }
        let mut found = ((x * positives as f64) as usize).saturating_sub(1);
        while recall(found + 1) <= x {
            found += 1;
        }
        envelope[found]
    };
    let heights = (0..=STEPS).map(|i| height(i as f64 / STEPS as f64));
    let sum: f64 = heights.enumerate().map(|(i, y)| if i % STEPS == 0 { y / 2.0 } else { y }).sum();
    sum / STEPS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_drops_where_it_ends() {
        assert_eq!(trapezium(&[1.0], 1), 0.995);
        assert!((trapezium(&[1.0], 2) - 0.495).abs() < 1e-12);
        assert_eq!(trapezium(&[], 2), 0.0);
    }

    #[test]
    fn lines_begin_at_the_first_detection() {
        assert_eq!(lines([0].into_iter(), 2, 0.0), 0.0);
        assert_eq!(lines([0].into_iter(), 2, 1.0), 0.5);
        assert_eq!(lines([0, 0].into_iter(), 2, 0.0), 0.5);
        assert_eq!(lines([1].into_iter(), 1, 1.0), 0.25);
        assert_eq!(lines([0, 2].into_iter(), 2, 0.0), (1.0 / 3.0 + 0.5) / 4.0);
    }
}
