//! One group's detections from the best score down, with the fields that curves need.
//!
//! Detections that matched nothing are most of them, and all that a curve wants of one is how many true positives stand
//! before it. So only detections that matched are sorted; the others are counted into the gaps between them.

use crate::error::{Result, collect, copied, extend, filled, push, reserve};
use crate::matching::{CountedThresholds, MatchTable, Outcome, Row};
use crate::progress::{Progress, STRETCH};
use crate::score::descending_key;
use crate::sort::sort_by_integer;

/// The place of a detection in the total order: score, then image, then rank in the image.
type SortKey = (u64, u64);

/// A detection that matched.
#[derive(Clone, Copy)]
struct Event {
    key: SortKey,
    score: f64,
    rank: u32,
    /// Which outcome of the table it has.
    outcome: u32,
}

/// The matched detections of one group, best score first, and the false positives between them.
#[derive(Default)]
pub(crate) struct Events {
    events: Vec<Event>,
    spare: Vec<Event>,
    /// The first halves of the events' keys: what is searched.
    scores: Vec<u64>,
    /// `(words of thresholds, events)`, in one area range: in the order in which they are swept.
    counted: Vec<CountedThresholds>,
    /// `(events + 1, limits, area_words)`: unmatched detections before each event, summed from the first; the least limit
    /// first, the areas in the first of the words.
    gaps: Vec<u32>,
    buckets: Buckets,
    /// The very first detection below each limit.
    first: Vec<FirstBelowLimit>,
    truth_areas: Vec<u32>,
    areas: Vec<usize>,
    limits: Vec<usize>,
    /// The bits of the areas, in fours: [`Events::area_words`] of them.
    masks: Vec<[u32; 4]>,
    /// The limits in fours, the least first, and where each of them comes in that order.
    ascending: Vec<[u32; 4]>,
    order: Vec<usize>,
}

/// The first detection below a limit; none as long as there is no score.
#[derive(Clone, Copy)]
struct FirstBelowLimit {
    key: SortKey,
    score: Option<f64>,
}

impl Events {
    /// Bytes that so many detections take, at most.
    pub(super) fn bytes(table: &MatchTable, detections: usize, areas: usize, limits: usize) -> usize {
        let of_gap = limits * areas.next_multiple_of(4) * size_of::<u32>();
        let of_one = 2 * size_of::<Event>()
            + 3 * size_of::<u64>()
            + table.bits.words() * size_of::<CountedThresholds>();
        detections.saturating_mul(of_one + of_gap)
    }

    /// Takes in the rows of `group`, leaving out images that are not wanted.
    pub(crate) fn read(
        &mut self,
        table: &MatchTable,
        group: usize,
        images: Option<&[bool]>,
        areas: &[usize],
        limits: &[usize],
        progress: &Progress,
    ) -> Result<()> {
        let wanted = |image: u32| images.is_none_or(|images| images[image as usize]);
        let rows = || table.rows(group).iter().filter(|row| row.rank != Row::DROPPED && wanted(row.image));
        self.areas = copied(areas)?;
        self.masks = in_fours(areas.iter().map(|&area| 1 << area))?;
        self.set_limits(limits)?;
        self.truth_areas.clear();
        let truths = table.truths(group).iter().filter(|truth| wanted(truth.image));
        extend(&mut self.truth_areas, truths.map(|truth| truth.areas))?;

        self.events.clear();
        progress.check()?;
        for row in rows() {
            if let Outcome::Matched(index) = row.outcome() {
                let event =
                    Event { key: row.sort_key(), score: row.score, rank: row.rank, outcome: index as u32 };
                push(&mut self.events, event)?;
            }
        }
        // As rows come, image by image: of equal scores the first is the first.
        debug_assert!(self.events.is_sorted_by_key(|event| event.key.1));
        sort_by_integer(&mut self.events, &mut self.spare, progress, |event| event.key.0)?;
        self.scores.clear();
        extend(&mut self.scores, self.events.iter().map(|event| event.key.0))?;
        self.buckets.fill(&self.scores)?;
        progress.check()?;
        self.begin_counting()?;
        self.count_unmatched(rows(), progress)?;
        self.sum_up();
        Ok(())
    }

    fn set_limits(&mut self, limits: &[usize]) -> Result<()> {
        self.limits = copied(limits)?;
        let mut places: Vec<usize> = collect(0..limits.len())?;
        places.sort_unstable_by_key(|&m| (limits[m], m));
        self.ascending = in_fours(places.iter().map(|&m| u32::try_from(limits[m]).unwrap_or(u32::MAX)))?;
        self.order = filled(limits.len(), 0)?;
        places.iter().zip(0..).for_each(|(&m, place)| self.order[m] = place);
        Ok(())
    }

    /// Counts of a gap for one limit.
    fn area_words(&self) -> usize {
        4 * self.masks.len()
    }

    /// Reads the outcomes in the `a`-th area range: those that [`Events::each`] visits.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(crate) fn read_outcomes(&mut self, table: &MatchTable, a: usize) -> Result<()> {
        let (bits, area) = (table.bits, self.areas[a]);
        self.counted.clear();
        for word in 0..bits.words() {
            let of_event = |event: &Event| bits.counted(table.outcome(event.outcome as usize), area, word);
            extend(&mut self.counted, self.events.iter().map(of_event))?;
        }
        Ok(())
    }

    /// Empty gaps; and the very first of the detections that matched.
    fn begin_counting(&mut self) -> Result<()> {
        let size = (self.events.len() + 1) * self.limits.len() * self.area_words();
        self.gaps.clear();
        reserve(&mut self.gaps, size)?;
        self.gaps.resize(size, 0);
        self.first.clear();
        self.first.resize(self.limits.len(), FirstBelowLimit { key: (u64::MAX, u64::MAX), score: None });
        for (&limit, &place) in self.limits.iter().zip(&self.order) {
            if let Some(below) = self.events.iter().find(|event| (event.rank as usize) < limit) {
                self.first[place] = FirstBelowLimit { key: below.key, score: Some(below.score) };
            }
        }
        Ok(())
    }

    /// Counts unmatched detections into their gaps, each under the least limit that lets it pass.
    fn count_unmatched<'a>(
        &mut self,
        rows: impl Iterator<Item = &'a Row>,
        progress: &Progress,
    ) -> Result<()> {
        let (limits, area_words) = (self.limits.len(), self.area_words());
        let Events { events, scores, gaps, buckets, first, masks, ascending, .. } = self;
        for (done, row) in rows.enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let Outcome::Unmatched(outside) = row.outcome() else { continue };
            let passed = ascending.iter().flatten().map(|&limit| u32::from(row.rank >= limit));
            let class = passed.sum::<u32>() as usize;
            // A detection beyond all limits is not needed.
            let Some(first) = first.get_mut(class..).filter(|first| !first.is_empty()) else { continue };
            let score = descending_key(row.score);
            // What is not the first under its least limit is not under a greater one.
            if score <= first[0].key.0 {
                let key = row.sort_key();
                for first in first.iter_mut().filter(|first| first.score.is_none() || key < first.key) {
                    *first = FirstBelowLimit { key, score: Some(row.score) };
                }
            }
            let range = buckets.range(score);
            let mut before = range.start;
            before += match &scores[range] {
                [] => 0,
                &[one] if one != score => usize::from(one < score),
                some => {
                    let key = row.sort_key();
                    events[before..before + some.len()].partition_point(|event| event.key < key)
                }
            };
            // Nor how many come after the last event.
            if before == events.len() {
                continue;
            }
            let gap = &mut gaps[(before * limits + class) * area_words..][..area_words];
            for (counts, masks) in gap.as_chunks_mut::<4>().0.iter_mut().zip(&*masks) {
                for (count, mask) in counts.iter_mut().zip(masks) {
                    *count += u32::from(outside & mask == 0);
                }
            }
        }
        Ok(())
    }

    /// Sums the gaps, over the limits and from the first on.
    fn sum_up(&mut self) {
        let area_words = self.area_words();
        let width = area_words * self.limits.len();
        if width == 0 {
            return;
        }
        for gap in self.gaps.chunks_exact_mut(width) {
            for i in area_words..width {
                gap[i] += gap[i - area_words];
            }
        }
        for i in width..self.gaps.len() {
            self.gaps[i] += self.gaps[i - width];
        }
    }

    /// Ground truths to be found in an area range of the table.
    pub(crate) fn positives(&self, area: usize) -> usize {
        self.truth_areas.iter().filter(|&&areas| areas >> area & 1 == 1).count()
    }

    /// The score of the very first detection below the `m`-th limit, if there is one.
    pub(crate) fn first_score(&self, m: usize) -> Option<f64> {
        self.first[self.order[m]].score
    }

    /// How many detections matched.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Visits the matched detections of rank below the `m`-th limit, best score first: `visit(event, unmatched
    /// detections before it in the a-th area range, where it counts at the `word`-th 64 thresholds)`. The area range is the one
    /// that was judged last.
    ///
    /// # Errors
    ///
    /// The work is cancelled.
    pub(crate) fn each(
        &self,
        a: usize,
        m: usize,
        word: usize,
        progress: &Progress,
        mut visit: impl FnMut(usize, u32, CountedThresholds),
    ) -> Result<()> {
        let count = self.events.len();
        let counted = &self.counted[word * count..][..count];
        let (width, at) = (self.limits.len() * self.area_words(), self.order[m] * self.area_words() + a);
        let gaps = self.gaps.chunks_exact(width);
        for (i, ((event, gap), &at_thresholds)) in self.events.iter().zip(gaps).zip(counted).enumerate() {
            if i.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            if at_thresholds.true_positive | at_thresholds.false_positive != 0
                && (event.rank as usize) < self.limits[m]
            {
                visit(i, gap[at], at_thresholds);
            }
        }
        Ok(())
    }

    /// The score of an event.
    pub(crate) fn score(&self, event: usize) -> f64 {
        self.events[event].score
    }
}

/// Values in fours, the last ones filled up: masks of nothing, and limits that nothing passes.
fn in_fours(values: impl ExactSizeIterator<Item = u32>) -> Result<Vec<[u32; 4]>> {
    let values: Vec<u32> = collect(values)?;
    let four = |some: &[u32]| std::array::from_fn(|i| some.get(i).copied().unwrap_or(u32::MAX));
    collect(values.chunks(4).map(four))
}

/// An estimate of the position of a key among sorted keys: an index by leading bits.
#[derive(Default)]
struct Buckets {
    low: u64,
    shift: u32,
    starts: Vec<u32>,
}

impl Buckets {
    fn fill(&mut self, sorted: &[u64]) -> Result<()> {
        self.starts.clear();
        let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else { return Ok(()) };
        let span = high - low;
        let wanted = (4 * sorted.len() as u64).next_power_of_two();
        self.low = low;
        self.shift = (64 - span.leading_zeros()).saturating_sub(wanted.trailing_zeros());
        let size = (span >> self.shift) as usize + 2;
        reserve(&mut self.starts, size)?;
        self.starts.resize(size, 0);
        for key in sorted {
            self.starts[((key - low) >> self.shift) as usize + 1] += 1;
        }
        for i in 1..self.starts.len() {
            self.starts[i] += self.starts[i - 1];
        }
        Ok(())
    }

    /// The keys among which `key` stands: all before are smaller, all after are greater.
    #[inline]
    fn range(&self, key: u64) -> std::ops::Range<usize> {
        let Some(&last) = self.starts.last() else { return 0..0 };
        if key < self.low {
            return 0..0;
        }
        match self.starts.get(((key - self.low) >> self.shift) as usize..) {
            Some([start, end, ..]) => *start as usize..*end as usize,
            _ => last as usize..last as usize,
        }
    }
}
