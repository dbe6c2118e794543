//! The work in shares, and what the runs of shares that one thread matched found.

use rayon::prelude::*;

use super::share::MatchedOutcomes;
use crate::error::{Result, collect, push, with_capacity};
use crate::matching::{Cells, Row, Truth, end_of_image};

/// Detections in one share of the work: enough to amortise the overhead of a task, few enough to balance the load.
const SHARE: usize = 1024;

/// Shares that one thread matched one after the other.
pub(super) struct MatchedCells<'a> {
    pub(super) rows: Vec<&'a mut [Row]>,
    pub(super) matches: MatchedOutcomes,
}

/// The groups' rows, cut between images into shares, each with its ground truths.
pub(super) fn shares<'a>(
    rows: &'a mut Cells<Row>,
    truths: &'a Cells<Truth>,
) -> Result<Vec<(&'a mut [Row], &'a [Truth])>> {
    let mut shares = Vec::new();
    let lengths = collect((0..rows.len()).map(|group| rows.group(group).len()))?;
    let mut rest = rows.items.as_mut_slice();
    for (group, length) in lengths.into_iter().enumerate() {
        let (mut d, others) = rest.split_at_mut(length);
        rest = others;
        let mut g = &truths.items[truths.group(group)];
        while d.len() > SHARE {
            let last = d[SHARE - 1].image;
            let (share_d, rest_d) = d.split_at_mut(end_of_image(d, last));
            let (share_g, rest_g) = g.split_at(end_of_image(g, last));
            push(&mut shares, (share_d, share_g))?;
            (d, g) = (rest_d, rest_g);
        }
        if !d.is_empty() {
            push(&mut shares, (d, g))?;
        }
    }
    Ok(shares)
}

/// Puts what all runs found behind one another, into `into`; their rows are updated to its new position.
pub(super) fn join(mut runs: Vec<MatchedCells<'_>>, entry: usize, into: &mut MatchedOutcomes) -> Result<()> {
    let before = runs.iter().scan(0, |before, run| {
        *before += run.matches.outcomes.len();
        Some(*before - run.matches.outcomes.len())
    });
    let before: Vec<usize> = before.collect();
    let later = before
        .par_iter()
        .zip(&mut runs)
        .filter(|(before, run)| **before > 0 && !run.matches.outcomes.is_empty());
    later.for_each(|(before, run)| {
        let rows = run.rows.iter_mut().flat_map(|rows| rows.iter_mut());
        rows.for_each(|row| row.move_entry(before / entry));
    });
    // No more capacity than they need, as they are stored.
    let outcomes = runs.iter().map(|run| run.matches.outcomes.len()).sum::<usize>();
    into.outcomes = with_capacity(outcomes)?;
    into.partners.reserve(outcomes / entry.max(1))?;
    for run in runs {
        into.outcomes.extend(run.matches.outcomes);
        into.partners.append(&run.matches.partners);
    }
    Ok(())
}
