//! One group's rows as bootstrap resamples read them: what a curve needs of each, in the order of the ranking.
//!
//! Precision at a true positive is the true positives so far divided by the rows so far that count. The rows that count
//! are nearly the same at all thresholds, so their weights are added once for all thresholds; a row that is ignored at
//! some thresholds is taken off there.

use super::sample_weights::{SAMPLES, SampleCounts, WeightBlock};
use crate::error::{Result, collect, collect_growing, copied, push, reserve, with_capacity, zeros};
use crate::matching::{CountedThresholds, MatchTable, Outcome, Row, each_bit};
use crate::progress::{Progress, STRETCH};
use crate::sort::sort_by_integer;

/// A detection that matched, and its image.
#[derive(Clone, Copy)]
struct Matched {
    key: (u64, u64),
    image: u32,
    outcome: u32,
}

/// A row that is a true positive or ignored at some threshold.
#[derive(Clone, Copy)]
struct Event {
    image: u32,
    /// How many rows that are wrong at every threshold stand before it.
    wrong: u32,
}

/// Where precision may be highest at one threshold: at a true positive that no other one follows before a false positive.
#[derive(Clone, Copy)]
struct Read {
    event: u32,
    /// True positives up to it, and rows that are ignored.
    true_positives: u32,
    ignored: u32,
}

/// The rows of one group in one area range and under one limit.
pub(super) struct SampledRows {
    /// Images of the rows that are wrong at every threshold, those before the first event first.
    wrong: Vec<u32>,
    /// Best score first.
    events: Vec<Event>,
    /// Images of the true positives, one threshold after the other.
    true_positives: Vec<u32>,
    /// Images of the ignored events, in the same way.
    ignored: Vec<u32>,
    reads: Vec<Read>,
    /// Where those of each threshold begin, and the end.
    starts: Vec<[usize; 3]>,
    /// Image of each ground truth that is to be found.
    pub(super) positives: Vec<u32>,
}

/// What reads a curve.
pub(super) trait ReadCurve {
    /// Takes in the true positives and the rows up to where precision may be highest, best score first.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    fn enter(&mut self, true_positives: &SampleCounts, rows: &SampleCounts) -> Result<()>;
}

/// The rows of a group that may count: those that rank below the limit.
pub(super) fn evaluated(table: &MatchTable, group: usize, limit: usize) -> impl Iterator<Item = &Row> {
    table.rows(group).iter().filter(move |row| row.rank != Row::DROPPED && (row.rank as usize) < limit)
}

/// Image of each ground truth of a group that is to be found.
pub(super) fn positives(table: &MatchTable, group: usize, area: usize) -> Result<Vec<u32>> {
    let truths = table.truths(group).iter().filter(|truth| truth.areas >> area & 1 == 1);
    collect_growing(truths.map(|truth| truth.image))
}

impl SampledRows {
    /// Of one group of a table.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub(super) fn new(
        table: &MatchTable,
        group: usize,
        area: usize,
        limit: usize,
        progress: &Progress,
    ) -> Result<SampledRows> {
        let bits = table.bits;
        let counted = |outcome: u32, word| bits.counted(table.outcome(outcome as usize), area, word);
        let (mut matched, mut misses) = (Vec::new(), Vec::new());
        for (done, row) in evaluated(table, group, limit).enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let (key, image) = (row.sort_key(), row.image);
            match row.outcome() {
                Outcome::Unmatched(outside) if outside >> area & 1 == 1 => {}
                Outcome::Unmatched(_) => push(&mut misses, key)?,
                Outcome::Matched(index) => {
                    let outcome = index as u32;
                    let counted_words = || (0..bits.words()).map(|word| (word, counted(outcome, word)));
                    if counted_words().all(|(word, counted)| counted.false_positive == bits.used(word)) {
                        push(&mut misses, key)?;
                    } else if counted_words()
                        .any(|(_, counted)| counted.true_positive | counted.false_positive != 0)
                    {
                        push(&mut matched, Matched { key, image, outcome })?;
                    }
                }
            }
        }
        // Rows come image by image: of equal scores the first is the first.
        sort_by_integer(&mut matched, &mut Vec::new(), progress, |matched| matched.key.0)?;
        let (wrong, before) = placed(&misses, &matched, progress)?;
        drop(misses);
        let events =
            matched.iter().zip(&before).map(|(matched, &wrong)| Event { image: matched.image, wrong });
        let mut rows = SampledRows {
            wrong,
            events: collect(events)?,
            true_positives: Vec::new(),
            ignored: Vec::new(),
            reads: Vec::new(),
            starts: with_capacity(bits.thresholds + 1)?,
            positives: positives(table, group, area)?,
        };
        rows.starts.push([0; 3]);
        for word in 0..bits.words() {
            progress.check()?;
            let counted_words: Vec<CountedThresholds> =
                collect(matched.iter().map(|event| counted(event.outcome, word)))?;
            let mut pushed = Ok(());
            each_bit(bits.used(word), |bit| {
                if pushed.is_ok() {
                    pushed = progress.check().and_then(|()| rows.push_threshold(&counted_words, bit));
                }
            });
            pushed?;
        }
        Ok(rows)
    }

    /// Appends the rows of one threshold.
    fn push_threshold(&mut self, counted_words: &[CountedThresholds], bit: usize) -> Result<()> {
        let &[true_positives, ignored, _] = self.starts.last().unwrap_or(&[0; 3]);
        // The rows that stand before the last true positive and are wrong.
        let mut last_wrong = None;
        let mut misses = 0;
        for (place, counted) in counted_words.iter().enumerate() {
            let event = self.events[place];
            if counted.false_positive >> bit & 1 == 1 {
                misses += 1;
            } else if counted.true_positive >> bit & 1 == 0 {
                push(&mut self.ignored, event.image)?;
            } else {
                push(&mut self.true_positives, event.image)?;
                let wrong = Some(event.wrong + misses);
                if wrong == last_wrong {
                    self.reads.pop();
                }
                last_wrong = wrong;
                let (true_positives, ignored) =
                    (self.true_positives.len() - true_positives, self.ignored.len() - ignored);
                push(
                    &mut self.reads,
                    Read {
                        event: place as u32,
                        true_positives: true_positives as u32,
                        ignored: ignored as u32,
                    },
                )?;
            }
        }
        push(&mut self.starts, [self.true_positives.len(), self.ignored.len(), self.reads.len()])
    }

    /// Writes how many rows there are up to each event, those that are ignored at single thresholds too.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    #[inline(always)]
    pub(super) fn count_rows(
        &self,
        weights: &WeightBlock,
        progress: &Progress,
        rows: &mut Vec<SampleCounts>,
    ) -> Result<()> {
        rows.clear();
        reserve(rows, self.events.len())?;
        let mut count = [0; SAMPLES];
        let mut from = 0;
        for events in self.events.chunks(STRETCH) {
            progress.check()?;
            for event in events {
                weights.add(&mut count, &self.wrong[from..event.wrong as usize], progress)?;
                from = event.wrong as usize;
                weights.add_one(&mut count, event.image);
                rows.push(count);
            }
        }
        Ok(())
    }

    /// Reads the curve of threshold `t`, given the rows up to each event; gives the true positives of all.
    ///
    /// # Errors
    ///
    /// Those of the reader; the work is cancelled.
    #[inline(always)]
    pub(super) fn walk(
        &self,
        t: usize,
        weights: &WeightBlock,
        rows: &[SampleCounts],
        progress: &Progress,
        reader: &mut impl ReadCurve,
    ) -> Result<SampleCounts> {
        let ([true_positives_start, ignored_start, start], [true_positives_end, ignored_end, end]) =
            (self.starts[t], self.starts[t + 1]);
        let (all_true_positives, ignoreds) = (
            &self.true_positives[true_positives_start..true_positives_end],
            &self.ignored[ignored_start..ignored_end],
        );
        let (mut true_positives, mut ignored) = ([0; SAMPLES], [0; SAMPLES]);
        let (mut true_positives_from, mut ignored_from) = (0, 0);
        for reads in self.reads[start..end].chunks(STRETCH) {
            progress.check()?;
            for at in reads {
                weights.add(
                    &mut true_positives,
                    &all_true_positives[true_positives_from..at.true_positives as usize],
                    progress,
                )?;
                true_positives_from = at.true_positives as usize;
                let mut counted = rows[at.event as usize];
                // None is, of most categories.
                if at.ignored > 0 {
                    weights.add(&mut ignored, &ignoreds[ignored_from..at.ignored as usize], progress)?;
                    ignored_from = at.ignored as usize;
                    for sample in 0..SAMPLES {
                        counted[sample] -= ignored[sample];
                    }
                }
                reader.enter(&true_positives, &counted)?;
            }
        }
        Ok(true_positives)
    }
}

/// The images of rows in the order of the events before which they stand, and how many stand before each event; rows
/// after the last one change no curve.
fn placed(misses: &[(u64, u64)], events: &[Matched], progress: &Progress) -> Result<(Vec<u32>, Vec<u32>)> {
    let place = |key: &(u64, u64)| events.partition_point(|event| event.key < *key);
    let mut places: Vec<u32> = with_capacity(misses.len())?;
    for misses in misses.chunks(STRETCH) {
        progress.check()?;
        places.extend(misses.iter().map(|key| place(key) as u32));
    }
    let mut before: Vec<u32> = zeros(events.len() + 1)?;
    places.iter().for_each(|&place| before[place as usize] += 1);
    let mut sum = 0;
    for count in &mut before {
        sum += *count;
        *count = sum;
    }
    // From the last one on, so that each count becomes the beginning of its rows, and then the end again.
    progress.check()?;
    let mut ends = copied(&before)?;
    let mut images: Vec<u32> = zeros(misses.len())?;
    for (key, &place) in misses.iter().zip(&places).rev() {
        let end = &mut ends[place as usize];
        *end -= 1;
        images[*end as usize] = (key.1 >> 32) as u32;
    }
    before.pop();
    images.truncate(before.last().map_or(0, |&count| count as usize));
    Ok((images, before))
}
