//! Draws the curves of one group: the only loop over area ranges, limits and thresholds.

use super::events::Events;
use super::sweep::{Curves, Reached, reached};
use crate::error::Result;
use crate::matching::MatchTable;
use crate::progress::Progress;

/// Which curves of a group to draw.
pub(crate) struct CurveSelection<'a> {
    /// Images to use; all if there is no list.
    pub images: Option<&'a [bool]>,
    /// Area ranges of the table.
    pub areas: &'a [usize],
    /// Limits on the detections of an image.
    pub limits: &'a [usize],
    /// Recall points.
    pub points: &'a [f64],
    /// Ground truths to be found in each of the area ranges, if they are not those of the table.
    pub positives: Option<&'a [usize]>,
}

/// One curve: its place among those that are wanted, and what it is read by.
pub(crate) struct CurvePosition<'a> {
    /// Which of the area ranges.
    pub area: usize,
    /// Which of the limits.
    pub limit: usize,
    /// Which of the thresholds.
    pub threshold: usize,
    /// Ground truths to be found, at least one.
    pub positives: usize,
    /// Where each recall point is reached.
    pub reached: &'a [Reached],
}

/// Working memory that one thread keeps from group to group.
#[derive(Default)]
pub(crate) struct CurveDriver {
    events: Events,
    curves: Curves,
}

impl CurveDriver {
    /// Calls `read` with each curve of `group` for which there is something to find.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub(crate) fn each_curve(
        &mut self,
        table: &MatchTable,
        group: usize,
        selection: &CurveSelection<'_>,
        progress: &Progress,
        mut read: impl FnMut(&mut Curves, &Events, &CurvePosition<'_>) -> Result<()>,
    ) -> Result<()> {
        let CurveDriver { events, curves } = self;
        let thresholds = table.bits.thresholds;
        events.read(table, group, selection.images, selection.areas, selection.limits, progress)?;
        for (area, &range) in selection.areas.iter().enumerate() {
            let positives = selection.positives.map_or_else(|| events.positives(range), |given| given[area]);
            if positives == 0 {
                continue;
            }
            let reached = reached(selection.points, positives)?;
            progress.check()?;
            events.read_outcomes(table, area)?;
            for limit in 0..selection.limits.len() {
                curves.sweep(thresholds, events, area, limit, progress)?;
                for threshold in 0..thresholds {
                    progress.check()?;
                    let curve = CurvePosition { area, limit, threshold, positives, reached: &reached };
                    read(curves, events, &curve)?;
                }
            }
        }
        Ok(())
    }
}
