//! Which score to act on, and how sure that is: operating points on other samples of images.
//!
//! As in [`super::resample`], a sample gives each image a weight, the times it was drawn.

use rayon::prelude::*;

use super::ranked::Ranked;
use crate::matching::MatchTable;
use crate::threads;

/// How a score is chosen. Of those that are equally good the highest is taken.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// This one.
    Score(f64),
    /// The most recall among those with at least this precision.
    Precision(f64),
    /// The best precision among those with at least this recall.
    Recall(f64),
    /// The most recall among those with at most so many false positives for each image.
    FalsePositives(f64),
    /// The most recall among those with a false positive in at most this share of the images without objects.
    FalseAlarms(f64),
}

/// What detections of some score or a higher one give: score, precision, recall, false positives for each image, and
/// the share of images without objects that have a false positive.
pub type Point = [f64; 5];

/// No score will do.
pub const NOWHERE: Point = [f64::NAN; 5];

/// The best false positive of each image that has nothing to find, highest first, and the number of such images.
pub fn alarms(
    table: &MatchTable,
    images: usize,
    group: usize,
    t: usize,
    area: usize,
    limit: usize,
) -> (Vec<f64>, usize) {
    let ranked = Ranked::new(table, group, area, limit);
    let mut clean = clean(&ranked, images);
    let count = clean.iter().filter(|&&clean| clean).count();
    let mut scores = Vec::new();
    for row in 0..ranked.len() {
        let clean = &mut clean[ranked.image[row] as usize];
        if *clean && ranked.verdict(row, t).1 {
            *clean = false;
            scores.push(ranked.score[row]);
        }
    }
    (scores, count)
}

fn clean(ranked: &Ranked, images: usize) -> Vec<bool> {
    let mut clean = vec![true; images];
    ranked.positives.iter().for_each(|&image| clean[image as usize] = false);
    clean
}

/// The point that the rule chooses on each sample, of weights `(B, I)`, row by row.
#[expect(clippy::too_many_arguments, reason = "what to look at, and how")]
pub fn points(
    table: &MatchTable,
    weights: &[u32],
    images: usize,
    group: usize,
    t: usize,
    area: usize,
    limit: usize,
    rule: Rule,
) -> Vec<Point> {
    let ranked = Ranked::new(table, group, area, limit);
    let clean = clean(&ranked, images);
    let samples: Vec<&[u32]> = if images == 0 { Vec::new() } else { weights.chunks_exact(images).collect() };
    let one = |alarmed: &mut Vec<bool>, weights: &&[u32]| {
        alarmed.clear();
        alarmed.resize(images, false);
        choose(&ranked, &clean, weights, t, rule, alarmed)
    };
    threads::run(|| samples.par_iter().map_init(Vec::new, one).collect())
}

fn choose(
    ranked: &Ranked,
    clean: &[bool],
    weights: &[u32],
    t: usize,
    rule: Rule,
    alarmed: &mut [bool],
) -> Point {
    let total = |images: &mut dyn Iterator<Item = u32>| images.map(u64::from).sum::<u64>() as f64;
    let positives = total(&mut ranked.positives.iter().map(|&image| weights[image as usize]));
    let images = total(&mut weights.iter().copied());
    let quiet = total(&mut clean.iter().zip(weights).filter(|(clean, _)| **clean).map(|(_, &weight)| weight));
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { f64::NAN };
    let (mut right, mut wrong, mut loud) = (0u64, 0u64, 0u64);
    let point = |score: f64, right: u64, wrong: u64, loud: u64| {
        let (right, wrong) = (right as f64, wrong as f64);
        [
            score,
            share(right, right + wrong),
            share(right, positives),
            share(wrong, images),
            share(loud as f64, quiet),
        ]
    };
    let mut best: Option<(f64, Point)> = None;
    let mut last: Option<f64> = None;
    let close = |score: f64, right: u64, wrong: u64, loud: u64, best: &mut Option<(f64, Point)>| {
        let point = point(score, right, wrong, loud);
        let [score, precision, recall, false_positives, false_alarms] = point;
        let worth = match rule {
            // The lowest score that is not below: what comes later replaces what came before.
            Rule::Score(least) => (score >= least).then_some(-score),
            Rule::Precision(least) => (precision >= least).then_some(recall),
            Rule::Recall(least) => (recall >= least).then_some(precision),
            Rule::FalsePositives(most) => (false_positives <= most).then_some(recall),
            Rule::FalseAlarms(most) => (false_alarms <= most).then_some(recall),
        };
        if let Some(worth) = worth
            && best.is_none_or(|(held, _)| worth > held)
        {
            *best = Some((worth, point));
        }
    };
    for row in 0..ranked.len() {
        let image = ranked.image[row] as usize;
        let weight = u64::from(weights[image]);
        let (is_right, is_wrong) = ranked.verdict(row, t);
        if weight == 0 || !(is_right || is_wrong) {
            continue;
        }
        let score = ranked.score[row];
        if let Some(last) = last
            && last != score
        {
            close(last, right, wrong, loud, &mut best);
        }
        last = Some(score);
        if is_right {
            right += weight;
        } else {
            wrong += weight;
            if clean[image] && !alarmed[image] {
                alarmed[image] = true;
                loud += weight;
            }
        }
    }
    if let Some(last) = last {
        close(last, right, wrong, loud, &mut best);
    }
    match (rule, best) {
        // Nothing is that sure: no detection, no false positive.
        (Rule::Score(least), None) => point(least, 0, 0, 0),
        (Rule::Score(least), Some((_, [_, rest @ ..]))) => [least, rest[0], rest[1], rest[2], rest[3]],
        (_, best) => best.map_or(NOWHERE, |(_, point)| point),
    }
}
