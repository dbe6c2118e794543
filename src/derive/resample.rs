//! The numbers on other samples of images: what bootstrap intervals are made of.
//!
//! A sample gives each image a weight, the times it was drawn. An image drawn twice brings its detections and its
//! ground truths twice. Nothing is matched again: matching happens within an image.

use rayon::prelude::*;

use super::ranked::{Found, Ranked, Reader, Reading};
use crate::matching::{MatchTable, each_bit};
use crate::threads;

/// Samples that one thread does in one go.
const CHUNK: usize = 32;

/// Average precision and recall `(B, T, K)`, row by row; NaN where a sample has nothing to find.
#[derive(Clone, Debug)]
pub struct Resampled {
    /// Average precision.
    pub precision: Vec<f64>,
    /// Recall reached.
    pub recall: Vec<f64>,
}

/// The numbers of all groups in one area range and under one limit, for each sample's weights `(B, I)`, row by row.
pub fn resample(
    table: &MatchTable,
    weights: &[u32],
    images: usize,
    area: usize,
    limit: usize,
    reading: &Reading,
) -> Resampled {
    let (groups, thresholds) = (table.groups(), table.bits.thresholds);
    let samples: Vec<&[u32]> = if images == 0 { Vec::new() } else { weights.chunks_exact(images).collect() };
    let size = samples.len() * thresholds * groups;
    let mut out = Resampled { precision: vec![f64::NAN; size], recall: vec![f64::NAN; size] };
    threads::run(|| {
        let ranked: Vec<Ranked> =
            (0..groups).into_par_iter().map(|group| Ranked::new(table, group, area, limit)).collect();
        let width = CHUNK * thresholds * groups;
        if width == 0 {
            return;
        }
        let chunks = samples.par_chunks(CHUNK).zip(out.precision.par_chunks_mut(width));
        chunks.zip(out.recall.par_chunks_mut(width)).for_each(|((samples, precision), recall)| {
            let mut found: Vec<Found> = vec![Vec::new(); thresholds];
            let mut wrong = vec![0u32; thresholds];
            for (group, ranked) in ranked.iter().enumerate() {
                for (b, weights) in samples.iter().enumerate() {
                    let positives: u32 = ranked.positives.iter().map(|&image| weights[image as usize]).sum();
                    if positives == 0 {
                        continue;
                    }
                    count(ranked, weights, &mut found, &mut wrong);
                    let mut reader = Reader::new(reading, positives as usize);
                    for (t, found) in found.iter().enumerate() {
                        let place = (b * thresholds + t) * groups + group;
                        precision[place] = reader.average(found);
                        let hits: u32 = found.iter().map(|&(_, many)| many).sum();
                        recall[place] = f64::from(hits) / f64::from(positives);
                    }
                }
            }
        });
    });
    out
}

/// Counts one group's rows under weights; `wrong` is working memory.
fn count(ranked: &Ranked, weights: &[u32], found: &mut [Found], wrong: &mut [u32]) {
    found.iter_mut().for_each(Vec::clear);
    wrong.fill(0);
    let words = ranked.bits.words();
    let mut everywhere = 0;
    for (row, &image) in ranked.image.iter().enumerate() {
        let weight = weights[image as usize];
        if ranked.wrong_everywhere(row) {
            everywhere += weight;
            continue;
        }
        if weight == 0 {
            continue;
        }
        for word in 0..words {
            let (hits, misses) = ranked.words(row, word);
            each_bit(hits, |bit| {
                let t = 64 * word + bit;
                found[t].push((everywhere + wrong[t], weight));
            });
            each_bit(misses, |bit| wrong[64 * word + bit] += weight);
        }
    }
}
