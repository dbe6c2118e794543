//! Average precision of one class over very many examples.
//!
//! ```text
//! examples  ->  parts: each thread puts its own into buckets of ascending scores  ->  buckets, sorted one by one
//! ```
//!
//! A bucket fits the processor's cache, and how many examples lie beyond it is known before any is sorted. One array
//! of keys is all the memory that grows with the examples; beside it there is a term for each positive.

use std::ops::Range;

use rayon::prelude::*;

use crate::error::{Result, collect_parallel, copied, reserve, with_capacity, zeros};
use crate::progress::Progress;
use crate::sum::pairwise_sparse;

use super::classification::{Examples, Scored, Step, each_block, key, steps};

/// So many examples are worth it.
const MANY: usize = 1 << 16;
/// Scores in the sample that divides the buckets.
const SAMPLE: usize = 1 << 14;
/// Examples of one bucket, about.
const BUCKET: usize = 1 << 13;
/// Buckets at most: a part writes to each of them in turn.
const BUCKETS: usize = 1 << 10;
/// Stretches of keys that go to one bucket as a whole.
const STRETCHES: usize = 1 << 16;

/// Which bucket a key goes to: those of greater keys are never less.
struct Division {
    least: u64,
    shift: u32,
    bucket_of: Vec<u16>,
    buckets: usize,
}

impl Division {
    /// Divides keys by a sample of them.
    fn new(mut sample: Vec<u64>, buckets: usize) -> Result<Self> {
        sample.sort_unstable();
        let (least, greatest) = (sample[0], sample[sample.len() - 1]);
        let bits = 64 - (greatest - least).leading_zeros();
        let shift = bits.saturating_sub(STRETCHES.trailing_zeros());
        let mut bucket_of: Vec<u16> = zeros(STRETCHES)?;
        let mut below = 0;
        for (stretch, bucket) in bucket_of.iter_mut().enumerate() {
            *bucket = (below * buckets / (sample.len() + 1)) as u16;
            while sample.get(below).is_some_and(|key| (key - least) >> shift <= stretch as u64) {
                below += 1;
            }
        }
        Ok(Division { least, shift, bucket_of, buckets })
    }

    #[inline]
    fn bucket(&self, key: u64) -> usize {
        let stretch = key.saturating_sub(self.least) >> self.shift;
        usize::from(self.bucket_of[stretch.min(STRETCHES as u64 - 1) as usize])
    }
}

/// The keys of some examples by bucket, and within each bucket those of positives before those of negatives.
struct Part<'a> {
    keys: &'a [u64],
    /// Where the positives of bucket `b` begin (at `2 b`) and its negatives (at `2 b + 1`).
    offsets: Vec<u32>,
}

impl Part<'_> {
    fn of(&self, bucket: usize, negative: usize) -> &[u64] {
        let place = 2 * bucket + negative;
        &self.keys[self.offsets[place] as usize..self.offsets[place + 1] as usize]
    }
}

/// Puts the examples from `first` on into `keys`, unless a score is NaN: then returns the first such example.
fn part<'a>(
    first: usize,
    keys: &'a mut [u64],
    division: &Division,
    examples: &Examples<'_>,
) -> Result<std::result::Result<Part<'a>, usize>> {
    let range = first..first + keys.len();
    let place = |(score, positive): (f64, bool)| {
        let key = key(score);
        (key, 2 * division.bucket(key) + usize::from(!positive))
    };
    let mut next: Vec<u32> = zeros(2 * division.buckets + 1)?;
    let mut strange = false;
    each_block(examples, range.clone(), |block| {
        for &example in block {
            strange |= example.0.is_nan();
            next[place(example).1] += 1;
        }
    });
    if strange {
        return Ok(Err(first_nan(examples, range).unwrap_or(first)));
    }
    let mut sum = 0;
    for count in &mut next {
        (*count, sum) = (sum, sum + *count);
    }
    let offsets = copied(&next)?;
    each_block(examples, range, |block| {
        for &example in block {
            let (key, place) = place(example);
            keys[next[place] as usize] = key;
            next[place] += 1;
        }
    });
    Ok(Ok(Part { keys, offsets }))
}

/// The first example whose score is NaN.
fn first_nan(examples: &Examples<'_>, range: Range<usize>) -> Option<usize> {
    let (mut first, mut found) = (range.start, None);
    each_block(examples, range, |block| {
        found = found.or_else(|| block.iter().position(|example| example.0.is_nan()).map(|i| first + i));
        first += block.len();
    });
    found
}

/// What a bucket adds: how many distinct scores it has, and the terms that are not 0 with their places among those.
#[derive(Default)]
struct Terms {
    scores: usize,
    places: Vec<u32>,
    terms: Vec<f64>,
}

/// Average precision of `n` examples, fewer than 2^32, and how many of them are positive; or, within, the first whose
/// score is NaN. The same bits as `Scored::average_precision`. Runs on the current pool.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
fn average_precision(
    n: usize,
    examples: &Examples<'_>,
    progress: &Progress,
) -> Result<std::result::Result<(f64, usize), usize>> {
    if n == 0 {
        return Ok(Ok((0.0, 0)));
    }
    let sample = (0..SAMPLE.min(n)).map(|i| {
        let mut example = [(0.0, false)];
        examples((i as u64 * n as u64 / SAMPLE.min(n) as u64) as usize, &mut example);
        key(example[0].0)
    });
    let division = Division::new(sample.collect(), (n / BUCKET).clamp(1, BUCKETS))?;
    let mut keys: Vec<u64> = zeros(n)?;
    let size = n.div_ceil(2 * rayon::current_num_threads()).max(MANY / 4);
    let found = collect_parallel(keys.par_chunks_mut(size).enumerate().map(|(i, keys)| {
        progress.check()?;
        part(i * size, keys, &division, examples)
    }))?;
    let mut parts = with_capacity(found.len())?;
    for part in found {
        match part? {
            Ok(part) => parts.push(part),
            Err(nan) => return Ok(Err(nan)),
        }
    }
    let count = |bucket, negative| parts.iter().map(|part| part.of(bucket, negative).len()).sum::<usize>();
    let counts: Vec<(usize, usize)> = (0..division.buckets).map(|b| (count(b, 0), count(b, 1))).collect();
    let all_positives: usize = counts.iter().map(|count| count.0).sum();
    let (mut true_positives, mut false_positives) = (all_positives, n - all_positives);
    let starts: Vec<(usize, usize)> = counts
        .iter()
        .map(|&(positives, negatives)| {
            let start = (true_positives, false_positives);
            (true_positives, false_positives) = (true_positives - positives, false_positives - negatives);
            start
        })
        .collect();
    let by_bucket = collect_parallel((0..division.buckets).into_par_iter().map_init(
        <(Vec<u64>, Vec<u64>)>::default,
        |(positives, negatives), bucket| {
            progress.check()?;
            for (negative, keys) in [&mut *positives, &mut *negatives].into_iter().enumerate() {
                keys.clear();
                for part in &parts {
                    let more = part.of(bucket, negative);
                    reserve(keys, more.len())?;
                    keys.extend_from_slice(more);
                }
                keys.sort_unstable();
            }
            terms(steps(positives, negatives), positives.len(), starts[bucket], all_positives)
        },
    ))?;
    let by_bucket = by_bucket.into_iter().collect::<Result<Vec<Terms>>>()?;
    drop(parts);
    drop(keys);
    let all = by_bucket.iter().map(|bucket| bucket.terms.len()).sum();
    let (mut places, mut values) = (with_capacity(all)?, with_capacity(all)?);
    let mut scores = 0;
    for bucket in by_bucket {
        places.extend(bucket.places.iter().map(|place| place + scores as u32));
        values.extend(bucket.terms);
        scores += bucket.scores;
    }
    Ok(Ok(((-pairwise_sparse(scores, &places, &values)).max(0.0), all_positives)))
}

/// Average precision of any number of examples, as `average_precision` gives it. Runs on the current pool.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn average_precision_of(
    n: usize,
    examples: &Examples<'_>,
    progress: &Progress,
) -> Result<std::result::Result<(f64, usize), usize>> {
    if (MANY..u32::MAX as usize).contains(&n) {
        return average_precision(n, examples, progress);
    }
    if let Some(nan) = first_nan(examples, 0..n) {
        return Ok(Err(nan));
    }
    let mut positives = 0;
    each_block(examples, 0..n, |block| positives += block.iter().filter(|example| example.1).count());
    Ok(Ok((Scored::new(n, positives, examples, progress)?.average_precision(), positives)))
}

/// The terms of one bucket's steps; `start` has how many positives and negatives lie in it and beyond.
fn terms(
    steps: impl Iterator<Item = Step>,
    expected: usize,
    (mut true_positives, mut false_positives): (usize, usize),
    positives: usize,
) -> Result<Terms> {
    let total = positives as f64;
    let (places, values) = (with_capacity(expected)?, with_capacity(expected)?);
    let mut found = Terms { scores: 0, places, terms: values };
    for step in steps {
        if step.positives > 0 {
            let precision = true_positives as f64 / (true_positives + false_positives) as f64;
            let next = true_positives - step.positives;
            found.places.push(found.scores as u32);
            found.terms.push((next as f64 / total - true_positives as f64 / total) * precision);
            true_positives = next;
        }
        false_positives -= step.negatives;
        found.scores += 1;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::classification::Scored;
    use super::*;
    use crate::random::{Random, tries};

    fn draw(n: usize, score: impl Fn(u64) -> f64) -> Vec<(f64, bool)> {
        let mut random = Random::new(7);
        let mut next = || random.next() >> 33;
        (0..n).map(|_| (score(next()), next() % 10 == 0)).collect()
    }

    fn read(examples: &[(f64, bool)]) -> impl Fn(usize, &mut [(f64, bool)]) + Sync {
        |first, block| block.copy_from_slice(&examples[first..first + block.len()])
    }

    fn check(examples: &[(f64, bool)]) {
        let positives = examples.iter().filter(|example| example.1).count();
        let expected = Scored::new(examples.len(), positives, &read(examples), &Progress::default())
            .unwrap()
            .average_precision();
        let progress = Progress::default();
        let (found, counted) =
            average_precision(examples.len(), &read(examples), &progress).unwrap().unwrap();
        assert_eq!((found.to_bits(), counted), (expected.to_bits(), positives));
    }

    #[test]
    fn the_same_bits_as_by_one_sort() {
        check(&[]);
        check(&[(1.0, true)]);
        check(&draw(300, |x| x as f64));
        for n in [MANY - 1, MANY + tries(300_000)] {
            check(&draw(n, |x| x as f64 / 2f64.powi(31)));
            check(&draw(n, |x| (x % 1000) as f64 - 500.0));
            check(&draw(n, |_| 0.5));
            // Most in one stretch, with a tail of all sizes and both signs.
            check(&draw(n, |x| {
                if x % 3 == 0 { (x as f64 - 2f64.powi(30)).powi(9) } else { 1.0 + x as f64 * 1e-16 }
            }));
            check(&draw(n, |x| [f64::NEG_INFINITY, -0.0, 0.0, 1e-320, f64::INFINITY][x as usize % 5]));
        }
    }

    #[test]
    fn the_first_nan_is_named() {
        let mut examples = draw(100_000, |x| x as f64);
        examples[99_999].0 = f64::NAN;
        examples[70_001].0 = f64::NAN;
        let found = average_precision(examples.len(), &read(&examples), &Progress::default());
        assert_eq!(found.unwrap(), Err(70_001));
    }
}
