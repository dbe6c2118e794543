//! One group's detections from the best score down, as far as curves need to know them.
//!
//! Detections that matched nothing are most of them, and all that a curve wants of one is how many true positives stand
//! before it. So only detections that matched are sorted; the others are counted into the gaps between them.

use crate::matching::{MatchTable, Outcome, Part, Row, Truth, descending_key};

/// The place of a detection in the total order: score, then image, then rank in the image.
type Key = (u64, u64);

fn key(row: &Row) -> Key {
    (descending_key(row.score), u64::from(row.image) << 32 | u64::from(row.rank))
}

/// A detection that matched.
struct Event {
    key: Key,
    score: f64,
    rank: u32,
    /// Its outcome: entry `entry` of part `part`.
    part: u32,
    entry: u32,
}

/// The thresholds, 64 of them, at which a detection is a true positive and at which a false one.
#[derive(Clone, Copy, Default)]
pub struct Verdict {
    /// True positive.
    pub hit: u64,
    /// False positive.
    pub miss: u64,
}

/// The matched detections of one group, best score first, and the false positives between them.
#[derive(Default)]
pub struct Events {
    events: Vec<Event>,
    /// `(areas, words of thresholds, events)`: in the order in which they are swept.
    verdicts: Vec<Verdict>,
    /// `(events + 1, limits, areas)`: unmatched detections before each event, summed from the first; the least limit
    /// first.
    gaps: Vec<u32>,
    buckets: Buckets,
    /// The very first detection below each limit.
    first: Vec<Option<(Key, f64)>>,
    truth_areas: Vec<u32>,
    areas: Vec<usize>,
    limits: Vec<usize>,
    /// The limits, the least first, and where each of them comes in that order.
    ascending: Vec<usize>,
    order: Vec<usize>,
}

impl Events {
    /// Takes in the rows of `group`, leaving out images that are not wanted.
    pub fn read<'a>(
        &mut self,
        table: &'a MatchTable,
        group: usize,
        images: Option<&[bool]>,
        areas: &[usize],
        limits: &[usize],
    ) {
        let wanted = |image: u32| images.is_none_or(|images| images[image as usize]);
        let rows = |part: &'a Part| {
            part.rows(group).iter().filter(|row| row.rank != Row::DROPPED && wanted(row.image))
        };
        self.areas = areas.to_vec();
        self.set_limits(limits);
        self.truth_areas.clear();
        let truths = table.parts.iter().flat_map(|part| part.truths(group));
        self.truth_areas.extend(truths.filter(|truth: &&Truth| wanted(truth.image)).map(|truth| truth.areas));

        self.events.clear();
        for (part, at) in table.parts.iter().zip(0..) {
            for row in rows(part) {
                if let Outcome::Matched(entry) = row.outcome() {
                    let entry = entry as u32;
                    self.events.push(Event {
                        key: key(row),
                        score: row.score,
                        rank: row.rank,
                        part: at,
                        entry,
                    });
                }
            }
        }
        self.events.sort_unstable_by_key(|event| event.key);
        self.judge(table);
        self.buckets.fill(self.events.iter().map(|event| event.key.0));
        self.begin_counting();
        for part in &table.parts {
            rows(part).for_each(|row| self.count_unmatched(row));
        }
        self.sum_up();
    }

    fn set_limits(&mut self, limits: &[usize]) {
        self.limits = limits.to_vec();
        let mut places: Vec<usize> = (0..limits.len()).collect();
        places.sort_by_key(|&m| limits[m]);
        self.ascending = places.iter().map(|&m| limits[m]).collect();
        self.order = vec![0; limits.len()];
        places.iter().zip(0..).for_each(|(&m, place)| self.order[m] = place);
    }

    /// Gathers the outcomes in the order of the events: they are read once for each limit.
    fn judge(&mut self, table: &MatchTable) {
        let bits = table.bits;
        let (count, words) = (self.events.len(), bits.words());
        self.verdicts.clear();
        self.verdicts.resize(self.areas.len() * words * count, Verdict::default());
        for (i, event) in self.events.iter().enumerate() {
            let start = event.entry as usize * bits.entry();
            let outcome = &table.parts[event.part as usize].outcomes[start..start + bits.entry()];
            for (a, &area) in self.areas.iter().enumerate() {
                for word in 0..words {
                    let (matched, ignored) = bits.get(outcome, area, word);
                    let counted = !ignored & bits.used(word);
                    let verdict = Verdict { hit: matched & counted, miss: !matched & counted };
                    self.verdicts[(a * words + word) * count + i] = verdict;
                }
            }
        }
    }

    /// Empty gaps; and the very first of the detections that matched.
    fn begin_counting(&mut self) {
        self.gaps.clear();
        self.gaps.resize((self.events.len() + 1) * self.areas.len() * self.limits.len(), 0);
        let first_below = |&limit: &usize| {
            let below = self.events.iter().find(|event| (event.rank as usize) < limit);
            below.map(|event| (event.key, event.score))
        };
        self.first = self.ascending.iter().map(first_below).collect();
    }

    /// Counts an unmatched detection into its gap, under the least limit that lets it pass.
    #[inline]
    fn count_unmatched(&mut self, row: &Row) {
        let Outcome::Unmatched(outside) = row.outcome() else { return };
        let (key, rank) = (key(row), row.rank as usize);
        let class = self.ascending.iter().take_while(|&&limit| rank >= limit).count();
        let Some(first) = self.first.get_mut(class..) else { return };
        // What is not the first under its least limit is not under a greater one.
        if first.first().is_some_and(|first| first.is_none_or(|(first, _)| key < first)) {
            for first in first {
                if first.is_none_or(|(first, _)| key < first) {
                    *first = Some((key, row.score));
                }
            }
        }
        let range = self.buckets.range(key.0);
        let before = range.start + self.events[range].partition_point(|event| event.key < key);
        let (areas, limits) = (self.areas.len(), self.limits.len());
        // Nobody asks how many come after the last event, nor for a detection beyond all limits.
        if before == self.events.len() || class == limits {
            return;
        }
        let gap = &mut self.gaps[(before * limits + class) * areas..][..areas];
        for (count, &area) in gap.iter_mut().zip(&self.areas) {
            *count += !outside >> area & 1;
        }
    }

    /// Sums the gaps, over the limits and from the first on.
    fn sum_up(&mut self) {
        let (areas, width) = (self.areas.len(), self.areas.len() * self.limits.len());
        if width == 0 {
            return;
        }
        for gap in self.gaps.chunks_exact_mut(width) {
            for i in areas..width {
                gap[i] += gap[i - areas];
            }
        }
        for i in width..self.gaps.len() {
            self.gaps[i] += self.gaps[i - width];
        }
    }

    /// Ground truths to be found in an area range of the table.
    pub fn positives(&self, area: usize) -> usize {
        self.truth_areas.iter().filter(|&&areas| areas >> area & 1 == 1).count()
    }

    /// The score of the very first detection below the `m`-th limit, if there is one.
    pub fn first_score(&self, m: usize) -> Option<f64> {
        self.first[self.order[m]].map(|(_, score)| score)
    }

    /// Visits the matched detections of rank below the `m`-th limit, best score first: `visit(event, unmatched
    /// detections before it in the a-th area range, verdict at the `word`-th 64 thresholds)`.
    pub fn each(
        &self,
        a: usize,
        m: usize,
        word: usize,
        words: usize,
        mut visit: impl FnMut(usize, u32, Verdict),
    ) {
        let count = self.events.len();
        let verdicts = &self.verdicts[(a * words + word) * count..][..count];
        let (width, at) = (self.areas.len() * self.limits.len(), self.order[m] * self.areas.len() + a);
        let gaps = self.gaps.chunks_exact(width);
        for (i, ((event, gap), &verdict)) in self.events.iter().zip(gaps).zip(verdicts).enumerate() {
            if verdict.hit | verdict.miss != 0 && (event.rank as usize) < self.limits[m] {
                visit(i, gap[at], verdict);
            }
        }
    }

    /// The score of an event.
    pub fn score(&self, event: usize) -> f64 {
        self.events[event].score
    }
}

/// A first guess at where a key stands among sorted keys: an index by leading bits.
#[derive(Default)]
struct Buckets {
    low: u64,
    shift: u32,
    starts: Vec<u32>,
}

impl Buckets {
    fn fill(&mut self, sorted: impl ExactSizeIterator<Item = u64> + DoubleEndedIterator + Clone) {
        self.starts.clear();
        let mut ends = sorted.clone();
        let (Some(low), high) = (ends.next(), ends.next_back()) else { return };
        let span = high.unwrap_or(low) - low;
        let wanted = (4 * sorted.len() as u64).next_power_of_two();
        self.low = low;
        self.shift = (64 - span.leading_zeros()).saturating_sub(wanted.trailing_zeros());
        self.starts.resize((span >> self.shift) as usize + 2, 0);
        for key in sorted {
            self.starts[((key - low) >> self.shift) as usize + 1] += 1;
        }
        for i in 1..self.starts.len() {
            self.starts[i] += self.starts[i - 1];
        }
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
