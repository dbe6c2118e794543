//! One group's rows as bootstrap resamples read them: what a curve needs of each, in the order of the ranking.
//!
//! Precision at a true positive is the true positives so far divided by the rows so far that count. The rows that count
//! are nearly the same at all thresholds, so their weights are added once for all thresholds; a row that is ignored at
//! some thresholds is taken off there.

use super::sample_weights::{SampleWeights, add};
use crate::error::{Result, collect, copied, extend, push, reserve, with_capacity, zeros};
use crate::matching::{MatchTable, Outcome, Row, Verdict, each_bit};
use crate::progress::{Progress, STRETCH};
use crate::sort::sort_by_integer;

/// A detection that matched, and its image.
#[derive(Clone, Copy)]
struct Event {
    key: (u64, u64),
    image: u32,
    outcome: u32,
}

/// What an event is at one threshold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StepKind {
    /// Ignored.
    Ignored,
    /// A true positive, followed by another one with no false positive between them: precision is higher there.
    Passed,
    /// A true positive at which precision may be highest.
    Read,
}

/// An event that is a true positive or ignored at one threshold.
#[derive(Clone, Copy)]
struct Step {
    event: u32,
    kind: StepKind,
}

/// The rows of one group in one area range and under one limit.
pub(super) struct SampledRows {
    /// Images of the rows that are wrong at every threshold, those before the first event first.
    wrong: Vec<u32>,
    /// For each event how many of them stand before it.
    before: Vec<u32>,
    /// Image of each event: a row that is right or ignored at some threshold, best score first.
    events: Vec<u32>,
    /// The steps of all thresholds, one threshold after the other.
    steps: Vec<Step>,
    /// Where the steps of each threshold begin, and the end.
    starts: Vec<usize>,
    /// Image of each ground truth that is to be found.
    pub(super) positives: Vec<u32>,
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
        let verdict = |outcome: u32, word| bits.verdict(table.outcome(outcome as usize), area, word);
        let (mut events, mut misses) = (Vec::new(), Vec::new());
        let evaluated = |row: &&Row| row.rank != Row::DROPPED && (row.rank as usize) < limit;
        for (done, row) in table.rows(group).iter().filter(evaluated).enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let (key, image) = (row.sort_key(), row.image);
            match row.outcome() {
                Outcome::Unmatched(outside) if outside >> area & 1 == 1 => {}
                Outcome::Unmatched(_) => push(&mut misses, key)?,
                Outcome::Matched(index) => {
                    let outcome = index as u32;
                    let verdicts = || (0..bits.words()).map(|word| (word, verdict(outcome, word)));
                    if verdicts().all(|(word, verdict)| verdict.miss == bits.used(word)) {
                        push(&mut misses, key)?;
                    } else if verdicts().any(|(_, verdict)| verdict.hit | verdict.miss != 0) {
                        push(&mut events, Event { key, image, outcome })?;
                    }
                }
            }
        }
        // Rows come image by image: of equal scores the first is the first.
        sort_by_integer(&mut events, &mut Vec::new(), progress, |event| event.key.0)?;
        let (wrong, before) = placed(&misses, &events, progress)?;
        let mut rows = SampledRows {
            wrong,
            before,
            events: collect(events.iter().map(|event| event.image))?,
            steps: Vec::new(),
            starts: with_capacity(bits.thresholds + 1)?,
            positives: Vec::new(),
        };
        rows.starts.push(0);
        for word in 0..bits.words() {
            progress.check()?;
            let verdicts: Vec<Verdict> = collect(events.iter().map(|event| verdict(event.outcome, word)))?;
            let mut pushed = Ok(());
            each_bit(bits.used(word), |bit| {
                if pushed.is_ok() {
                    pushed = progress.check().and_then(|()| rows.push_steps(&verdicts, bit));
                }
            });
            pushed?;
        }
        let truths = table.truths(group).iter().filter(|truth| truth.areas >> area & 1 == 1);
        extend(&mut rows.positives, truths.map(|truth| truth.image))?;
        Ok(rows)
    }

    /// Appends the steps of one threshold.
    fn push_steps(&mut self, verdicts: &[Verdict], bit: usize) -> Result<()> {
        // The last true positive, and the rows that were wrong before it.
        let mut last: Option<(usize, u32)> = None;
        let mut misses = 0;
        for (event, verdict) in verdicts.iter().enumerate() {
            let (right, wrong) = (verdict.hit >> bit & 1 == 1, verdict.miss >> bit & 1 == 1);
            misses += u32::from(wrong);
            if wrong {
                continue;
            }
            let mut kind = StepKind::Ignored;
            if right {
                let wrong_rows = self.before[event] + misses;
                if let Some((step, before)) = last
                    && before == wrong_rows
                {
                    self.steps[step].kind = StepKind::Passed;
                }
                last = Some((self.steps.len(), wrong_rows));
                kind = StepKind::Read;
            }
            push(&mut self.steps, Step { event: event as u32, kind })?;
        }
        push(&mut self.starts, self.steps.len())
    }

    /// How many ground truths there are to find.
    pub(super) fn count_positives(&self, weights: &[SampleWeights]) -> SampleWeights {
        let mut count = SampleWeights::default();
        self.positives.iter().for_each(|&image| add(&mut count, &weights[image as usize]));
        count
    }

    /// Writes how many rows there are up to each event, those that are ignored at single thresholds too.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    #[inline(always)]
    pub(super) fn count_rows(
        &self,
        weights: &[SampleWeights],
        progress: &Progress,
        rows: &mut Vec<SampleWeights>,
    ) -> Result<()> {
        rows.clear();
        reserve(rows, self.events.len())?;
        let mut count = SampleWeights::default();
        let mut from = 0;
        for (done, (&event, &to)) in self.events.iter().zip(&self.before).enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            for images in self.wrong[from..to as usize].chunks(STRETCH) {
                if images.len() == STRETCH {
                    progress.check()?;
                }
                images.iter().for_each(|&image| add(&mut count, &weights[image as usize]));
            }
            from = to as usize;
            add(&mut count, &weights[event as usize]);
            rows.push(count);
        }
        Ok(())
    }

    /// Calls `read(true positives, rows)` where precision at threshold `t` may be highest, given the rows up to each
    /// event; gives the true positives of all.
    ///
    /// # Errors
    ///
    /// Those of `read`; the work is cancelled.
    #[inline(always)]
    pub(super) fn walk(
        &self,
        t: usize,
        weights: &[SampleWeights],
        rows: &[SampleWeights],
        progress: &Progress,
        mut read: impl FnMut(&SampleWeights, &SampleWeights) -> Result<()>,
    ) -> Result<SampleWeights> {
        let (mut right, mut ignored) = (SampleWeights::default(), SampleWeights::default());
        for (done, step) in self.steps[self.starts[t]..self.starts[t + 1]].iter().enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let event = step.event as usize;
            let weight = &weights[self.events[event] as usize];
            if step.kind == StepKind::Ignored {
                add(&mut ignored, weight);
                continue;
            }
            add(&mut right, weight);
            if step.kind == StepKind::Read {
                let mut counted = rows[event];
                counted.iter_mut().zip(&ignored).for_each(|(rows, ignored)| *rows -= ignored);
                read(&right, &counted)?;
            }
        }
        Ok(right)
    }

    /// The true positives at threshold `t`.
    ///
    /// # Errors
    ///
    /// The work is cancelled.
    #[inline(always)]
    pub(super) fn count_right(
        &self,
        t: usize,
        weights: &[SampleWeights],
        progress: &Progress,
    ) -> Result<SampleWeights> {
        let mut right = SampleWeights::default();
        for steps in self.steps[self.starts[t]..self.starts[t + 1]].chunks(STRETCH) {
            progress.check()?;
            for step in steps.iter().filter(|step| step.kind != StepKind::Ignored) {
                add(&mut right, &weights[self.events[step.event as usize] as usize]);
            }
        }
        Ok(right)
    }
}

/// The images of rows in the order of the events before which they stand, and how many stand before each event; rows
/// after the last one change no curve.
fn placed(misses: &[(u64, u64)], events: &[Event], progress: &Progress) -> Result<(Vec<u32>, Vec<u32>)> {
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
