//! Intersection over union of masks.

use std::ops::Range;

use super::combine::RunPairs;
use super::{codec, measure};
use crate::error::{Error, Result, copied, with_capacity};

/// Masks made ready to be compared: the places where their foreground runs start and end, area, bounding box.
///
/// An arena: [`Foreground::clear`] keeps the memory for the next masks.
#[derive(Clone, Debug, Default)]
pub struct Foreground {
    masks: Vec<Mask>,
    /// `[start, end)` of each foreground run.
    runs: Vec<[u32; 2]>,
    /// Run lengths of the irregular masks.
    counts: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Mask {
    size: [u64; 2],
    /// `x, y, width, height`.
    bounds: [u32; 4],
    area: u32,
    form: RunForm,
}

#[derive(Clone, Debug)]
enum RunForm {
    /// No run but the first is empty, and the lengths add up to `total`, below 2³¹ (two of which do not wrap around
    /// when they are added): comparing intervals gives what the reference's walk gives.
    Regular { runs: Range<usize>, total: u32 },
    /// Anything else, left to the walk itself.
    Irregular { counts: Range<usize> },
}

impl Foreground {
    /// Removes all masks.
    pub fn clear(&mut self) {
        self.masks.clear();
        self.runs.clear();
        self.counts.clear();
    }

    /// The number of masks.
    pub fn len(&self) -> usize {
        self.masks.len()
    }

    /// The number of run lengths of all masks.
    pub fn runs(&self) -> usize {
        self.runs.len() + self.counts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.masks.is_empty()
    }

    /// Adds a mask of `size` (height, width) written as text.
    ///
    /// # Errors
    ///
    /// The text ends within a number, or holds foreground though the height is 0.
    pub fn push_text(&mut self, size: [u64; 2], text: &[u8]) -> Result<()> {
        let text = codec::checked(text)?;
        let first = self.runs.len();
        let total = codec::read_runs(text, &mut self.runs);
        self.push(size, first, total, || codec::read(text))
    }

    /// Adds a mask of `size` (height, width) given as run lengths.
    ///
    /// # Errors
    ///
    /// The run lengths hold foreground though the height is 0.
    pub fn push_counts(&mut self, size: [u64; 2], counts: &[u32]) -> Result<()> {
        let first = self.runs.len();
        let total = to_runs(counts, &mut self.runs);
        self.push(size, first, total, || counts.iter().copied())
    }

    /// Adds the mask whose runs begin at `first`, if its run lengths are regular, with their `total`; else what
    /// `counts` says.
    fn push<C: Iterator<Item = u32>>(
        &mut self,
        size: [u64; 2],
        first: usize,
        total: Option<u32>,
        counts: impl Fn() -> C,
    ) -> Result<()> {
        let [h, w] = size;
        let runs = &self.runs[first..];
        let mask = match total {
            Some(total) if h as u32 > 0 || runs.is_empty() => Mask {
                size,
                bounds: measure::around(runs, h, w),
                area: measure::sum(runs),
                form: RunForm::Regular { runs: first..self.runs.len(), total },
            },
            _ => {
                self.runs.truncate(first);
                let first = self.counts.len();
                self.counts.extend(counts());
                Mask {
                    size,
                    bounds: measure::bounding_box(h, w, counts())?,
                    area: measure::area(counts()),
                    form: RunForm::Irregular { counts: first..self.counts.len() },
                }
            }
        };
        self.masks.push(mask);
        Ok(())
    }

    /// Height and width of mask `index`.
    pub fn size(&self, index: usize) -> [u64; 2] {
        self.masks[index].size
    }

    /// `x, y, width, height` of the smallest box around mask `index`.
    pub fn bounds(&self, index: usize) -> [u32; 4] {
        self.masks[index].bounds
    }

    /// The number of foreground pixels of mask `index`.
    pub fn area(&self, index: usize) -> u32 {
        self.masks[index].area
    }

    /// Calls `run` with start and end of each run of mask `index`'s foreground, in order.
    pub fn each_run(&self, index: usize, mut run: impl FnMut(u64, u64)) {
        match &self.masks[index].form {
            RunForm::Regular { runs, .. } => {
                self.runs[runs.clone()].iter().for_each(|&[start, end]| run(start.into(), end.into()));
            }
            RunForm::Irregular { counts } => {
                let mut at = 0;
                for pair in self.counts[counts.clone()].chunks(2) {
                    let start = at + u64::from(pair[0]);
                    at = start + pair.get(1).map_or(0, |&length| u64::from(length));
                    run(start, at);
                }
            }
        }
    }

    /// Intersection over union of mask `index`, a detection, and `ground_truth` of `other`; for a crowd, intersection
    /// over the detection's area.
    ///
    /// 0 where the bounding boxes do not overlap; where they do, -1 if the masks differ in size. When the result is
    /// sure to be below `floor`, some value below `floor` instead.
    ///
    /// DIFFERENCE: masks of the same size whose run lengths add up to different totals make the reference loop
    /// forever; here that is an error.
    ///
    /// # Errors
    ///
    /// One mask ends before the other.
    pub fn iou(
        &self,
        index: usize,
        other: &Foreground,
        ground_truth: usize,
        crowd: bool,
        floor: f64,
    ) -> Result<f64> {
        let (d, g) = (&self.masks[index], &other.masks[ground_truth]);
        let common = common_pixels(&d.bounds, &g.bounds);
        if common == 0 {
            return Ok(0.0);
        }
        if d.size != g.size {
            return Ok(-1.0);
        }
        let (RunForm::Regular { runs, total }, RunForm::Regular { runs: other_runs, total: other_total }) =
            (&d.form, &g.form)
        else {
            return walk(&self.counts_of(d)?, &other.counts_of(g)?, crowd.then_some(d.area));
        };
        if total != other_total {
            return Err(Error::value(format!(
                "invalid masks: the run lengths of one add up to {total}, those of the other to {other_total}"
            )));
        }
        let ratio = |intersection: u32| {
            let union = if crowd { d.area } else { d.area + g.area - intersection };
            f64::from(intersection) / f64::from(union)
        };
        // The ratio grows with the intersection, exactly and as rounded.
        let at_most = ratio(d.area.min(g.area).min(u32::try_from(common).unwrap_or(u32::MAX)));
        if at_most < floor {
            return Ok(at_most);
        }
        Ok(ratio(intersection(&self.runs[runs.clone()], &other.runs[other_runs.clone()])))
    }

    /// The run lengths that a mask was made of.
    fn counts_of(&self, mask: &Mask) -> Result<Vec<u32>> {
        match &mask.form {
            RunForm::Irregular { counts } => copied(&self.counts[counts.clone()]),
            RunForm::Regular { runs, total } => {
                let mut before = 0;
                let mut counts = with_capacity(2 * runs.len() + 1)?;
                for &[start, end] in &self.runs[runs.clone()] {
                    counts.extend([start - before, end - start]);
                    before = end;
                }
                if before < *total {
                    counts.push(total - before);
                }
                Ok(counts)
            }
        }
    }
}

/// Appends the foreground runs of `counts`; their total, if they are regular.
fn to_runs(counts: &[u32], runs: &mut Vec<[u32; 2]>) -> Option<u32> {
    let mut end = 0u64;
    let mut regular = true;
    runs.extend(counts.chunks(2).enumerate().filter_map(|(pair, lengths)| {
        let start = end + u64::from(lengths[0]);
        regular &= lengths[0] > 0 || pair == 0;
        end = start + lengths.get(1).copied().map_or(0, u64::from);
        regular &= end > start || lengths.len() == 1;
        (lengths.len() == 2).then_some([start as u32, end as u32])
    }));
    (regular && end < 1 << 31).then_some(end as u32)
}

/// The number of pixels that two boxes have in common.
fn common_pixels(a: &[u32; 4], b: &[u32; 4]) -> u64 {
    let common = |axis: usize| {
        let [a, b] = [a, b].map(|bounds| {
            let start = u64::from(bounds[axis]);
            [start, start + u64::from(bounds[axis + 2])]
        });
        a[1].min(b[1]).saturating_sub(a[0].max(b[0]))
    };
    common(0) * common(1)
}

/// The number of pixels in both of two lists of runs.
fn intersection(mut a: &[[u32; 2]], mut b: &[[u32; 2]]) -> u32 {
    // What lies before the other's first run cannot count.
    let (Some(first_a), Some(first_b)) = (a.first(), b.first()) else { return 0 };
    let (start_a, start_b) = (first_a[0], first_b[0]);
    a = &a[a.partition_point(|run| run[1] <= start_b)..];
    b = &b[b.partition_point(|run| run[1] <= start_a)..];
    let (mut i, mut j, mut common) = (0, 0, 0);
    while let (Some(run), Some(other)) = (a.get(i), b.get(j)) {
        common += run[1].min(other[1]).saturating_sub(run[0].max(other[0]));
        // Without a branch: which of the two ends first is unpredictable.
        i += usize::from(run[1] <= other[1]);
        j += usize::from(other[1] <= run[1]);
    }
    common
}

/// The reference's walk over both masks; `area` is the detection's, if the ground truth is a crowd.
fn walk(detection: &[u32], ground_truth: &[u32], area: Option<u32>) -> Result<f64> {
    let mut walk = RunPairs::new(detection, ground_truth)?;
    let (mut intersection, mut union) = (0u32, 0u32);
    loop {
        let [a, b] = walk.foreground();
        let Some(length) = walk.step()? else { break };
        if a || b {
            union = union.wrapping_add(length);
        }
        if a && b {
            intersection = intersection.wrapping_add(length);
        }
    }
    let union = if intersection == 0 { 1 } else { area.unwrap_or(union) };
    Ok(f64::from(intersection) / f64::from(union))
}

#[cfg(test)]
mod tests {
    use super::{Foreground, walk};
    use crate::random::Random;
    use crate::rle::measure;

    const EXACT: f64 = f64::NEG_INFINITY;

    fn of(masks: &[(u64, u64, &[u32])]) -> Foreground {
        let mut foreground = Foreground::default();
        for &(h, w, counts) in masks {
            foreground.push_counts([h, w], counts).unwrap();
        }
        foreground
    }

    fn iou(a: (u64, u64, &[u32]), b: (u64, u64, &[u32]), crowd: bool) -> f64 {
        of(&[a]).iou(0, &of(&[b]), 0, crowd, EXACT).unwrap()
    }

    #[test]
    fn overlaps() {
        let a = (2, 5, &[2, 4, 4][..]);
        assert_eq!(iou(a, (2, 5, &[4, 4, 2]), false), 2.0 / 6.0);
        assert_eq!(iou(a, (2, 5, &[4, 4, 2]), true), 2.0 / 4.0);
        assert_eq!(iou(a, (2, 5, &[8, 2]), false), 0.0);
        assert_eq!(iou(a, (2, 5, &[10]), false), 0.0);
        assert_eq!(iou(a, (2, 5, &[]), false), 0.0);
    }

    #[test]
    fn other_sizes() {
        assert_eq!(iou((2, 2, &[0, 4]), (2, 3, &[0, 6]), false), -1.0);
        assert_eq!(iou((2, 2, &[0, 4]), (2, 3, &[4, 2]), false), 0.0);
    }

    #[test]
    fn other_totals() {
        for (a, b) in [([0, 4, 0], [0, 5, 0]), ([0, 4, 1], [0, 4, 2]), ([0, 3, 1], [0, 4, 2])] {
            let (a, b) = (of(&[(2, 2, &a)]), of(&[(2, 2, &b)]));
            assert!(a.iou(0, &b, 0, false, 0.99).is_err());
        }
    }

    #[test]
    fn regular_is_what_the_walk_says() {
        let mut random = Random::new(11);
        let mut die = |end: u64| random.below(end);
        let (mut regular, mut skipped) = (0, 0);
        for _ in 0..20_000 {
            let (h, w) = (1 + die(12), 1 + die(12));
            let mut mask = || {
                let mut left = (h * w) as u32;
                let mut counts = Vec::new();
                while left > 0 {
                    let run = (die(7) as u32).min(left);
                    if run > 0 || counts.is_empty() || die(6) == 0 {
                        counts.push(run);
                        left -= run;
                    }
                }
                counts
            };
            let (a, b) = (mask(), mask());
            let crowd = die(2) == 1;
            let (d, g) = (of(&[(h, w, &a)]), of(&[(h, w, &b)]));
            for (foreground, counts) in [(&d, &a), (&g, &b)] {
                let mask = &foreground.masks[0];
                assert_eq!(&foreground.counts_of(mask).unwrap(), counts);
                assert_eq!(mask.area, measure::area(counts.iter().copied()));
                assert_eq!(mask.bounds, measure::bounding_box(h, w, counts.iter().copied()).unwrap());
            }
            let exact = d.iou(0, &g, 0, crowd, EXACT).unwrap();
            if exact != 0.0 {
                assert_eq!(exact, walk(&a, &b, crowd.then_some(d.masks[0].area)).unwrap());
                regular += usize::from(d.counts.is_empty() && g.counts.is_empty());
            }
            let floor = die(100) as f64 / 100.0;
            let with_floor = d.iou(0, &g, 0, crowd, floor).unwrap();
            assert!(with_floor == exact || (with_floor < floor && exact <= with_floor));
            skipped += usize::from(with_floor != exact);
        }
        assert!(regular > 1000 && skipped > 100, "{regular} {skipped}");
    }

    #[test]
    fn text_and_counts_are_one() {
        let mut foreground = of(&[(4, 5, &[9, 2, 2, 2, 5])]);
        foreground.push_text([4, 5], b"92203").unwrap();
        assert_eq!(foreground.iou(1, &foreground, 0, false, EXACT).unwrap(), 1.0);
        assert!(foreground.push_text([4, 5], b"9P").is_err());
        assert!(foreground.push_text([0, 5], b"04").is_err());
        assert_eq!(foreground.len(), 2);
    }
}
