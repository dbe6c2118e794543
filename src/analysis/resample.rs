//! The numbers on bootstrap resamples of the images, for confidence intervals.
//!
//! A sample gives each image a weight, the times it was drawn. An image drawn twice brings its detections and its
//! ground truths twice. Nothing is matched again: matching happens within an image.
//!
//! Most detections are wrong at every threshold, and of them a sample needs to know only how many stand before each
//! that is right. So some samples go over the rows side by side, an image's weights of all of them next to each other,
//! and such a row costs no more than adding two short vectors. Detections that are right and have none that is wrong
//! between them make one step of the curve, so that curves have far fewer steps than objects that were found.

use rayon::prelude::*;

use super::ranked::{AveragePrecision, Averaging, Ranked, TruePositiveRuns};
use crate::matching::{MatchTable, each_bit};
use crate::threads;

/// Samples that go over the rows side by side.
const SAMPLES: usize = 16;

/// One number for each of these samples.
type SampleWeights = [u32; SAMPLES];

/// Average precision and recall `(B, T, K)`, row by row; NaN where a sample has nothing to find.
#[derive(Clone, Debug)]
pub struct Resampled {
    /// Average precision.
    pub precision: Vec<f64>,
    /// Recall reached.
    pub recall: Vec<f64>,
}

/// The rows of all groups in one area range and under one limit, sorted once for all samples.
pub struct Resampler {
    ranked: Vec<Ranked>,
    thresholds: usize,
    images: usize,
}

impl Resampler {
    /// Of a table of so many images.
    pub fn new(table: &MatchTable, images: usize, area: usize, limit: usize) -> Resampler {
        let all = 0..table.groups();
        let ranked = threads::run(|| {
            all.into_par_iter().map(|group| Ranked::new(table, group, area, limit)).collect()
        });
        Resampler { ranked, thresholds: table.bits.thresholds, images }
    }

    /// The number of images.
    pub fn images(&self) -> usize {
        self.images
    }

    /// Thresholds and groups: the shape of what a sample gives.
    pub fn shape(&self) -> [usize; 2] {
        [self.thresholds, self.ranked.len()]
    }

    /// The numbers under each sample's weights `(B, I)`, row by row.
    pub fn resample(&self, weights: &[u32], averaging: &Averaging) -> Resampled {
        let per_sample = self.thresholds * self.ranked.len();
        let samples = weights.len().checked_div(self.images).unwrap_or(0);
        let size = samples * per_sample;
        let mut out = Resampled { precision: vec![f64::NAN; size], recall: vec![f64::NAN; size] };
        if size == 0 {
            return out;
        }
        threads::run(|| {
            let chunks = weights.par_chunks(SAMPLES * self.images);
            let chunks = chunks.zip(out.precision.par_chunks_mut(SAMPLES * per_sample));
            let chunks = chunks.zip(out.recall.par_chunks_mut(SAMPLES * per_sample));
            chunks.for_each(|((weights, precision), recall)| {
                self.draw(weights, averaging, precision, recall);
            });
        });
        out
    }

    /// The numbers of at most [`SAMPLES`] samples.
    fn draw(&self, weights: &[u32], averaging: &Averaging, precision: &mut [f64], recall: &mut [f64]) {
        let side_by_side = transposed(weights, self.images);
        let samples = weights.len() / self.images;
        let mut hits: Vec<Hits> = vec![Hits::default(); self.thresholds];
        let mut wrong = vec![[0; SAMPLES]; self.thresholds];
        let mut found = TruePositiveRuns::new();
        let groups = self.ranked.len();
        for (group, ranked) in self.ranked.iter().enumerate() {
            let mut positives = [0; SAMPLES];
            ranked.positives.iter().for_each(|&image| add(&mut positives, &side_by_side[image as usize]));
            if positives == [0; SAMPLES] {
                continue;
            }
            count(ranked, &side_by_side, &mut hits, &mut wrong);
            for (lane, &positives) in positives.iter().enumerate().take(samples) {
                if positives == 0 {
                    continue;
                }
                let mut reader = AveragePrecision::new(averaging, positives as usize);
                for (t, hits) in hits.iter().enumerate() {
                    let reached = hits.of(lane, &mut found);
                    let place = (lane * self.thresholds + t) * groups + group;
                    precision[place] = reader.average(&found);
                    recall[place] = f64::from(reached) / f64::from(positives);
                }
            }
        }
    }
}

/// The samples' weights of each image next to each other; nothing for samples that are not there.
fn transposed(weights: &[u32], images: usize) -> Vec<SampleWeights> {
    let mut out = vec![[0; SAMPLES]; images];
    for (lane, sample) in weights.chunks_exact(images).enumerate() {
        out.iter_mut().zip(sample).for_each(|(lanes, &weight)| lanes[lane] = weight);
    }
    out
}

fn add(to: &mut SampleWeights, more: &SampleWeights) {
    to.iter_mut().zip(more).for_each(|(sum, x)| *sum += x);
}

/// The true positives of one threshold, best score first, those together that have no false positive between them:
/// false positives before each lot, and how often its detections were drawn.
#[derive(Clone, Default)]
struct Hits {
    before: Vec<SampleWeights>,
    times: Vec<SampleWeights>,
    /// Rows that were wrong before the last lot, drawn or not.
    wrong_rows: usize,
}

impl Hits {
    /// Those that a sample has drawn; gives how many there are.
    fn of(&self, lane: usize, found: &mut TruePositiveRuns) -> u32 {
        found.clear();
        let (mut all, mut last) = (0, (0, 0));
        for (before, times) in self.before.iter().zip(&self.times) {
            let (before, times) = (before[lane], times[lane]);
            all += times;
            if times > 0 && before != last.0 {
                if last.1 > 0 {
                    found.push(last);
                }
                last = (before, 0);
            }
            last.1 += times;
        }
        if last.1 > 0 {
            found.push(last);
        }
        all
    }

    fn push(&mut self, wrong_rows: usize, weight: &SampleWeights, before: impl FnOnce() -> SampleWeights) {
        match self.times.last_mut() {
            Some(times) if self.wrong_rows == wrong_rows => add(times, weight),
            _ => {
                self.before.push(before());
                self.times.push(*weight);
                self.wrong_rows = wrong_rows;
            }
        }
    }
}

/// Counts one group's rows under weights; `wrong` is working memory.
fn count(ranked: &Ranked, weights: &[SampleWeights], hits: &mut [Hits], wrong: &mut [SampleWeights]) {
    for hits in hits.iter_mut() {
        hits.before.clear();
        hits.times.clear();
    }
    wrong.fill([0; SAMPLES]);
    let words = ranked.bits.words();
    // False positives at all thresholds, and at each of them besides; and the rows that they are.
    let mut everywhere = [0; SAMPLES];
    let mut everywhere_rows = 0;
    let mut wrong_rows = vec![0; wrong.len()];
    for (row, &image) in ranked.image.iter().enumerate() {
        let weight = &weights[image as usize];
        if ranked.wrong_everywhere(row) {
            add(&mut everywhere, weight);
            everywhere_rows += 1;
            continue;
        }
        for word in 0..words {
            let (right, misses) = ranked.words(row, word);
            each_bit(right, |bit| {
                let t = 64 * word + bit;
                hits[t].push(everywhere_rows + wrong_rows[t], weight, || {
                    let mut before = everywhere;
                    add(&mut before, &wrong[t]);
                    before
                });
            });
            each_bit(misses, |bit| {
                add(&mut wrong[64 * word + bit], weight);
                wrong_rows[64 * word + bit] += 1;
            });
        }
    }
}
