//! Error types of detections, and the ground truth that each error refers to.
//!
//! Source: Bolya, Foley, Hays, Hoffman, "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020.
//! Matching is the evaluation's own, at a single threshold, and what matched is read from its partners. A false
//! positive is then compared with the ground truths of all categories in its image. The rows are those of the
//! evaluation's match table, so batches and shards are gathered by the same [`crate::matching::MatchLog`].

use rayon::prelude::*;

use crate::error::{Result, collect, collect_growing, filled, reserve, with_capacity};
use crate::evaluate::Evaluator;
use crate::matching::{ErrorType, MatchTable, Pair, Partners, Positions, Row, Truth};
use crate::progress::Progress;
use crate::score::descending_key;
use crate::similarity::Similarity;
use crate::sort::par_sort_unstable_by;
use crate::threads;

/// An evaluated detection.
#[derive(Clone, Copy)]
struct GroupedDetection {
    row: Row,
    group: u32,
    matched: bool,
    ignored: bool,
    partner: Option<u32>,
}

/// A ground truth that is to be found.
#[derive(Clone, Copy)]
struct GroupedTruth {
    truth: Truth,
    group: u32,
}

/// A detection, its rank in its image, and what it is.
type Classified = (u32, u32, Pair);

/// Matches, and classifies each detection: the evaluation's table with a pair for each row, whose rank becomes that
/// within its image.
///
/// `evaluator` has one threshold, whose partners are stored, and one area range. `background` is the similarity up to which
/// a detection has nothing to do with a ground truth.
///
/// # Errors
///
/// As of matching: work that is cancelled, memory that cannot be had.
pub fn error_table(
    evaluator: &Evaluator,
    similarity: &dyn Similarity,
    dt: &Positions,
    gt: &Positions,
    background: f64,
) -> Result<MatchTable> {
    let table = evaluator.match_all(similarity, dt, gt)?;
    let (found, wanted) = sides(&table, evaluator.protocol.extent.by_category, &evaluator.progress)?;
    let threshold = evaluator.protocol.thresholds[0];
    let classifier = Classifier { similarity, threshold, background };
    let one =
        |(found, wanted): (&[GroupedDetection], &[GroupedTruth])| classifier.classify_images(found, wanted);
    let shares = shares(&found, &wanted).into_par_iter();
    let classified = threads::run(|| shares.map(one).collect::<Result<Vec<_>>>())?;
    with_pairs(table, evaluator.detections.len(), classified)
}

/// The evaluated detections and the ground truths that are not ignored, image by image.
fn sides(
    table: &MatchTable,
    by_category: bool,
    progress: &Progress,
) -> Result<(Vec<GroupedDetection>, Vec<GroupedTruth>)> {
    let mut found = with_capacity(table.rows.items.len())?;
    let mut wanted = with_capacity(table.truths.items.len())?;
    for group in 0..table.groups() {
        let kept = table.rows(group).iter().filter(|row| row.rank != Row::DROPPED);
        found.extend(kept.map(|row| {
            let (matched, ignored) = table.matched_and_ignored(row, 0, 0);
            let partner = table.partner(row, 0, 0);
            GroupedDetection { row: *row, group: group as u32, matched, ignored, partner }
        }));
        let truths = table.truths(group).iter().filter(|truth| truth.areas & 1 == 1);
        wanted.extend(truths.map(|truth| GroupedTruth { truth: *truth, group: group as u32 }));
    }
    let place = |found: &GroupedDetection| {
        // Of equal scores the order is that of the matching; across categories it is that of the input.
        let tie = if by_category { found.row.object } else { found.row.rank };
        (found.row.image, descending_key(found.row.score), tie)
    };
    let place_of_truth = |wanted: &GroupedTruth| (wanted.truth.image, wanted.truth.object);
    threads::run(|| {
        par_sort_unstable_by(&mut found, progress, |a, b| place(a).cmp(&place(b)))?;
        par_sort_unstable_by(&mut wanted, progress, |a, b| place_of_truth(a).cmp(&place_of_truth(b)))
    })?;
    Ok((found, wanted))
}

/// The table with what its detections are.
fn with_pairs(
    mut table: MatchTable,
    detections: usize,
    classified: Vec<Vec<Classified>>,
) -> Result<MatchTable> {
    let mut pairs = filled(detections, Pair::default())?;
    let mut ranks = filled(detections, Row::DROPPED)?;
    for (object, rank, pair) in classified.into_iter().flatten() {
        (pairs[object as usize], ranks[object as usize]) = (pair, rank);
    }
    table.rows.items.iter_mut().for_each(|row| row.rank = ranks[row.object as usize]);
    Ok(MatchTable { pairs: Some(pairs), partners: Partners::default(), ..table })
}

/// Both sides cut between images, a good many detections in each.
fn shares<'a>(
    found: &'a [GroupedDetection],
    wanted: &'a [GroupedTruth],
) -> Vec<(&'a [GroupedDetection], &'a [GroupedTruth])> {
    const SHARE: usize = 4096;
    let mut shares = Vec::new();
    let (mut found, mut wanted) = (found, wanted);
    while found.len() > SHARE {
        let last = found[SHARE - 1].row.image;
        let (f, w) = (
            found.partition_point(|found| found.row.image <= last),
            wanted.partition_point(|wanted| wanted.truth.image <= last),
        );
        shares.push((&found[..f], &wanted[..w]));
        (found, wanted) = (&found[f..], &wanted[w..]);
    }
    shares.push((found, wanted));
    shares
}

/// The thresholds of the error types.
struct Classifier<'a> {
    similarity: &'a dyn Similarity,
    threshold: f64,
    background: f64,
}

impl Classifier<'_> {
    fn classify_images(
        &self,
        found: &[GroupedDetection],
        mut wanted: &[GroupedTruth],
    ) -> Result<Vec<Classified>> {
        let mut classified = with_capacity(found.len())?;
        let (mut compare, mut values) = (self.similarity.comparer(), Vec::new());
        for here in found.chunk_by(|a, b| a.row.image == b.row.image) {
            let image = here[0].row.image;
            wanted = &wanted[wanted.partition_point(|wanted| wanted.truth.image < image)..];
            let there = &wanted[..wanted.partition_point(|wanted| wanted.truth.image <= image)];
            let counted: Vec<u32> =
                collect_growing(here.iter().filter(|found| !found.ignored).map(|found| found.row.object))?;
            let cells = counted.len() * there.len();
            values.clear();
            reserve(&mut values, cells)?;
            values.resize(cells, 0.0);
            if cells > 0 {
                let truths: Vec<u32> = collect(there.iter().map(|wanted| wanted.truth.object))?;
                let floor = self.background.min(self.threshold);
                compare(&counted, &truths, floor, &mut values)?;
            }
            let mut rest = values.as_slice();
            for (one, rank) in here.iter().zip(0..) {
                let pair = if one.ignored {
                    Pair { error: ErrorType::Ignored, partner: one.partner, similarity: f64::NAN }
                } else {
                    let (own, others) = rest.split_at(there.len());
                    rest = others;
                    self.classify(one, there, own)
                };
                classified.push((one.row.object, rank, pair));
            }
        }
        Ok(classified)
    }

    /// `values`: the detection's similarity to each of the ground truths of its image that are to be found.
    fn classify(&self, found: &GroupedDetection, wanted: &[GroupedTruth], values: &[f64]) -> Pair {
        if let (true, Some(object)) = (found.matched, found.partner) {
            let place = wanted.binary_search_by_key(&object, |wanted| wanted.truth.object);
            let similarity = place.map_or(f64::NAN, |g| values[g]);
            return Pair { error: ErrorType::TruePositive, partner: Some(object), similarity };
        }
        let own = best(values, |g| wanted[g].group == found.group);
        let other = best(values, |g| wanted[g].group != found.group);
        let near = |best: Option<(usize, f64)>, least: f64| best.filter(|&(_, value)| value >= least);
        let about = |error: ErrorType, (g, similarity): (usize, f64)| Pair {
            error,
            partner: Some(wanted[g].truth.object),
            similarity,
        };
        // As in TIDE: the first that applies.
        let off = |&(_, value): &(usize, f64)| value > 0.0 && value < self.threshold;
        if let Some(best) = near(own, self.background).filter(off) {
            about(ErrorType::Localisation, best)
        } else if let Some(best) = near(other, self.threshold) {
            about(ErrorType::Classification, best)
        } else if let Some(best) = near(own, self.threshold) {
            about(ErrorType::Duplicate, best)
        } else {
            let nearest = [own, other].into_iter().flatten().fold(0.0, |most: f64, (_, v)| most.max(v));
            let error = if nearest <= self.background { ErrorType::Background } else { ErrorType::Both };
            Pair { error, partner: None, similarity: nearest }
        }
    }
}

/// The first of the most similar ground truths among some.
fn best(values: &[f64], among: impl Fn(usize) -> bool) -> Option<(usize, f64)> {
    let better = |held: Option<(usize, f64)>, g: usize| match held {
        Some((_, most)) if !(values[g] > most) => held,
        _ => Some((g, values[g])),
    };
    (0..values.len()).filter(|&g| among(g)).fold(None, better)
}

#[cfg(test)]
mod tests {
    use super::best;

    #[test]
    fn of_equally_similar_ground_truths_the_first() {
        assert_eq!(best(&[0.2, 0.7, 0.7, 0.9], |g| g < 3), Some((1, 0.7)));
        assert_eq!(best(&[0.2], |_| false), None);
    }
}
