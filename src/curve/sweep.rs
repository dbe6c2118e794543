//! Precision and recall of one area range and one limit on detections, at every threshold.

use super::envelope;
use super::events::Events;
use crate::error::{Result, collect, reserve};
use crate::matching::each_bit;
use crate::progress::Progress;

/// A true positive: how many false positives came before it, and which event it is.
#[derive(Clone, Copy)]
struct TruePositive {
    false_positives: u32,
    event: u32,
}

/// Where a recall point is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// By the very first detection, whatever became of it.
    AtOnce,
    /// By the true positive of this index.
    By(usize),
}

/// Where each recall point is reached with so many ground truths to find.
///
/// An estimate is put right by the very division that the reference compares with.
///
/// # Errors
///
/// `OutOfMemory`
pub fn reached(points: &[f64], positives: usize) -> Result<Vec<Reached>> {
    let recall = |i: usize| (i + 1) as f64 / positives as f64;
    let find = |&point: &f64| {
        if 0.0 >= point {
            return Reached::AtOnce;
        }
        let mut i = ((point * positives as f64) as usize).min(positives);
        while i > 0 && recall(i - 1) >= point {
            i -= 1;
        }
        // Written so that a NaN is never reached.
        while i < positives && !(recall(i) >= point) {
            i += 1;
        }
        Reached::By(if recall(i) >= point { i } else { usize::MAX })
    };
    collect(points.iter().map(find))
}

/// The curves of one area range and one limit on detections, one for each threshold.
#[derive(Default)]
pub(crate) struct Curves {
    found: Vec<Vec<TruePositive>>,
    extra: Vec<u32>,
    first_score: Option<f64>,
    envelope: Vec<f64>,
}

impl Curves {
    /// Counts detections from the best score down, in the `a`-th area range, which was judged last, and under the
    /// `m`-th limit.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub(crate) fn sweep(
        &mut self,
        thresholds: usize,
        events: &Events,
        a: usize,
        m: usize,
        progress: &Progress,
    ) -> Result<()> {
        self.found.resize_with(thresholds, Vec::new);
        for found in &mut self.found {
            found.clear();
            // Not accessed before it is used.
            reserve(found, events.len())?;
        }
        // False positives at single thresholds, by detections that matched at others.
        self.extra.clear();
        self.extra.resize(thresholds, 0);
        self.first_score = events.first_score(m);
        for (word, (found, extra)) in self.found.chunks_mut(64).zip(self.extra.chunks_mut(64)).enumerate() {
            events.each(a, m, word, progress, |event, unmatched, counted| {
                each_bit(counted.true_positive, |t| {
                    found[t]
                        .push(TruePositive { false_positives: unmatched + extra[t], event: event as u32 });
                });
                each_bit(counted.false_positive, |t| extra[t] += 1);
            })?;
        }
        Ok(())
    }

    /// For each true positive at threshold `t`, best score first, the false positives before it.
    pub(crate) fn false_positives(&self, t: usize) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.found[t].iter().map(|tp| tp.false_positives)
    }

    /// The score of the `i`-th true positive at threshold `t`.
    pub(crate) fn score(&self, t: usize, i: usize, events: &Events) -> f64 {
        events.score(self.found[t][i].event as usize)
    }

    /// The recall reached at threshold `t`; 0 without detections.
    pub(crate) fn recall(&self, t: usize, positives: usize) -> f64 {
        self.found[t].len() as f64 / positives as f64
    }

    /// Reads the curve of threshold `t` at the recall points: `write(point, precision, score)` for each.
    ///
    /// Once a point cannot be reached it and all later ones are 0, also where the points are not sorted.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(crate) fn read(
        &mut self,
        t: usize,
        events: &Events,
        reached: &[Reached],
        mut write: impl FnMut(usize, f64, f64),
    ) -> Result<()> {
        let found = &self.found[t];
        envelope::fill(&mut self.envelope, found.iter().map(|tp| tp.false_positives), 0)?;
        let mut points = reached.iter().enumerate();
        for (point, reached) in points.by_ref() {
            let (precision, score) = match (reached, self.first_score) {
                (Reached::AtOnce, Some(first)) => (self.envelope.first().copied().unwrap_or(0.0), first),
                (&Reached::By(i), _) if i < found.len() => {
                    (self.envelope[i], events.score(found[i].event as usize))
                }
                _ => {
                    write(point, 0.0, 0.0);
                    break;
                }
            };
            write(point, precision, score);
        }
        points.for_each(|(point, _)| write(point, 0.0, 0.0));
        Ok(())
    }
}
