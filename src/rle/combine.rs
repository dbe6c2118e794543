//! Union and intersection of masks.

use super::Rle;
use crate::error::{Error, Result, copied, push};
use crate::progress::Progress;

/// Masks of one size, or none where there is no foreground, next to each other as one wide mask: the frames of a video.
///
/// # Errors
///
/// A mask has another size, or the pixels are too many for run lengths; `OutOfMemory`.
pub fn beside(frames: &[Option<Rle>], [h, w]: [u64; 2]) -> Result<Rle> {
    let size = h.checked_mul(w).and_then(|size| u32::try_from(size).ok());
    let too_many = || Error::value("the masks of a track have more pixels than run lengths can count");
    let size = size.ok_or_else(too_many)?;
    size.checked_mul(frames.len() as u32).ok_or_else(too_many)?;
    let (mut counts, mut foreground) = (Vec::new(), false);
    push(&mut counts, 0)?;
    for (number, frame) in frames.iter().enumerate() {
        let empty = [size];
        let runs = match frame {
            None => &empty[..],
            Some(mask) if [mask.h, mask.w] == [h, w] => &mask.counts,
            Some(mask) => {
                let found = format!("has {} x {} pixels", mask.h, mask.w);
                let expected = format!("{h} x {w}");
                return Err(Error::value("")
                    .field(format!("frame {number}"))
                    .found(found)
                    .expected(expected));
            }
        };
        let mut covered = 0_u32;
        for (index, &run) in runs.iter().enumerate() {
            covered = covered.wrapping_add(run);
            if run == 0 {
                continue;
            }
            if (index % 2 == 1) != foreground {
                push(&mut counts, 0)?;
                foreground = !foreground;
            }
            if let Some(last) = counts.last_mut() {
                *last += run;
            }
        }
        if covered != size {
            return Err(Error::value(format!("frame {number}: its run lengths do not add up to its size")));
        }
    }
    Ok(Rle { h, w: w * frames.len() as u64, counts })
}

/// Two masks read side by side, a stretch at a time: the walk of the reference's merge and intersection over union.
///
/// The reference stops when nothing is left of both current runs. That is the end of both masks, but also a place
/// where both have an empty run (or where the two remainders add up to 2³²): the rest is then ignored.
pub(super) struct RunPairs<'a> {
    sides: [RunCursor<'a>; 2],
    left: u32,
}

struct RunCursor<'a> {
    /// Runs that have not begun.
    runs: std::slice::Iter<'a, u32>,
    /// What is left of the current run.
    left: u32,
    foreground: bool,
}

impl<'a> RunCursor<'a> {
    fn new(counts: &'a [u32]) -> Option<Self> {
        let mut runs = counts.iter();
        let left = *runs.next()?;
        Some(RunCursor { runs, left, foreground: false })
    }

    /// Uses up `length` of the current run; goes on to the next when it is over.
    #[inline]
    fn take(&mut self, length: u32) -> u32 {
        self.left -= length;
        if self.left == 0
            && let Some(&next) = self.runs.next()
        {
            self.left = next;
            self.foreground = !self.foreground;
        }
        self.left
    }

    fn is_over(&self) -> bool {
        self.left == 0 && self.runs.len() == 0
    }
}

impl<'a> RunPairs<'a> {
    /// DIFFERENCE: a mask without runs crashes the reference; here that is an error.
    pub(crate) fn new(a: &'a [u32], b: &'a [u32]) -> Result<Self> {
        match (RunCursor::new(a), RunCursor::new(b)) {
            (Some(a), Some(b)) => Ok(RunPairs { sides: [a, b], left: 1 }),
            _ => Err(Error::value("invalid mask: it has no run lengths")),
        }
    }

    /// Whether either side is foreground here.
    #[inline]
    pub(crate) fn foreground(&self) -> [bool; 2] {
        [self.sides[0].foreground, self.sides[1].foreground]
    }

    /// The length of the next stretch, over which neither side changes; `None` at the end.
    ///
    /// DIFFERENCE: when one mask ends before the other the reference never returns; here that is an error.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<Option<u32>> {
        if self.left == 0 {
            return Ok(None);
        }
        let [a, b] = &mut self.sides;
        let length = a.left.min(b.left);
        if length == 0 && ((a.is_over() && b.left > 0) || (b.is_over() && a.left > 0)) {
            return Err(Error::value(
                "invalid masks: the run lengths of one add up to less than those of the other",
            ));
        }
        self.left = a.take(length).wrapping_add(b.take(length));
        Ok(Some(length))
    }

    /// Whether [`RunPairs::step`] has nothing more to give.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }
}

/// The union of masks, or their intersection.
///
/// No mask gives an empty mask of size 0 x 0, and so do masks of which one differs in size from the first (but only
/// once the masks before it are merged). One mask is returned as it is.
///
/// # Errors
///
/// A mask has no run lengths or ends before the others, the work is cancelled, or memory cannot be had.
pub fn merge(masks: &[Rle], intersect: bool, progress: &Progress) -> Result<Rle> {
    let Some((first, others)) = masks.split_first() else { return Ok(Rle::default()) };
    let mut merged = copied(&first.counts)?;
    let mut before = Vec::new();
    for other in others {
        if (other.h, other.w) != (first.h, first.w) {
            return Ok(Rle::default());
        }
        progress.check()?;
        std::mem::swap(&mut merged, &mut before);
        merge_into(&before, &other.counts, intersect, &mut merged)?;
    }
    Ok(Rle { h: first.h, w: first.w, counts: merged })
}

/// Replaces `merged` by the runs of the union (intersection) of two masks of the same size.
///
/// # Errors
///
/// A mask has no run lengths, or ends before the other, or memory cannot be had.
pub fn merge_into(a: &[u32], b: &[u32], intersect: bool, merged: &mut Vec<u32>) -> Result<()> {
    merged.clear();
    let mut walk = RunPairs::new(a, b)?;
    let mut value = false;
    let mut run = 0u32;
    while let Some(length) = walk.step()? {
        run = run.wrapping_add(length);
        let [a, b] = walk.foreground();
        let next = if intersect { a && b } else { a || b };
        if next != value || walk.is_over() {
            push(merged, run)?;
            run = 0;
            value = next;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Rle, beside, merge as merge_with_progress};
    use crate::error::Result;
    use crate::progress::Progress;

    fn merge(masks: &[Rle], intersect: bool) -> Result<Rle> {
        merge_with_progress(masks, intersect, &Progress::default())
    }

    fn mask(h: u64, w: u64, counts: &[u32]) -> Rle {
        Rle { h, w, counts: counts.to_vec() }
    }

    #[test]
    fn frames_stand_beside_each_other() {
        let mask = |counts: &[u32]| Some(Rle { h: 2, w: 2, counts: counts.to_vec() });
        let frames = [mask(&[0, 4]), mask(&[0, 1, 3]), None, mask(&[1, 3]), mask(&[4])];
        let whole = beside(&frames, [2, 2]).unwrap();
        assert_eq!(whole, Rle { h: 2, w: 10, counts: vec![0, 5, 8, 3, 4] });
        assert_eq!(beside(&[], [2, 2]).unwrap().counts, [0]);
        assert!(beside(&[mask(&[3])], [2, 2]).is_err() && beside(&frames, [2, 3]).is_err());
    }

    #[test]
    fn union_and_intersection() {
        let masks = [mask(2, 5, &[2, 4, 4]), mask(2, 5, &[4, 4, 2])];
        assert_eq!(merge(&masks, false).unwrap().counts, [2, 6, 2]);
        assert_eq!(merge(&masks, true).unwrap().counts, [4, 2, 4]);
    }

    #[test]
    fn none_one_and_other_sizes() {
        assert_eq!(merge(&[], false).unwrap(), Rle::default());
        let odd = mask(3, 3, &[1, 0, 0, 77]);
        assert_eq!(merge(std::slice::from_ref(&odd), true).unwrap(), odd);
        assert_eq!(merge(&[odd, mask(3, 4, &[12])], false).unwrap(), Rle::default());
    }

    #[test]
    fn two_empty_runs_end_the_walk() {
        let masks = [mask(1, 10, &[3, 0, 2, 5]), mask(1, 10, &[3, 0, 1, 6])];
        assert_eq!(merge(&masks, false).unwrap().counts, [3]);
    }

    #[test]
    fn masks_of_other_totals() {
        assert!(merge(&[mask(2, 2, &[4]), mask(2, 2, &[0])], false).is_err());
        assert!(merge(&[mask(2, 2, &[4]), mask(2, 2, &[1, 4])], true).is_err());
        assert!(merge(&[mask(2, 2, &[4]), mask(2, 2, &[])], true).is_err());
    }
}
