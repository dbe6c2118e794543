//! Error types of detections, and the ground truth that each error refers to.
//!
//! Source: Bolya, Foley, Hays, Hoffman, "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020.
//! Matching is the evaluation's own, at a single threshold, and what matched is read from its partners. A false
//! positive is then compared with the ground truths of all categories in its image. The rows are those of the
//! evaluation's match table, so batches and shards are gathered by the same [`crate::matching::MatchLog`].

use std::ops::Range;

use rayon::prelude::*;

use crate::error::{Result, copied, extend, filled, push, reserve, with_capacity, zeros};
use crate::evaluate::Evaluator;
use crate::matching::{Cells, ErrorType, InImage, MatchTable, Pair, Partners, Row, Truth};
use crate::progress::Progress;
use crate::score::descending_key;
use crate::similarity::Similarity;
use crate::threads;

/// An evaluated detection.
#[derive(Clone, Copy)]
struct GroupedDetection {
    row: Row,
    /// Its place in the table.
    place: u32,
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

/// Classifies each detection: the evaluation's table with a pair for each row, whose rank becomes that
/// within its image.
///
/// `evaluator` has one threshold, whose partners are stored, and one area range; `table` is what it matched.
/// `background` is the similarity up to which a detection has nothing to do with a ground truth.
///
/// # Errors
///
/// As of matching: work that is cancelled, memory that cannot be had.
pub fn error_table(
    evaluator: &Evaluator,
    similarity: &dyn Similarity,
    mut table: MatchTable,
    background: f64,
) -> Result<MatchTable> {
    let images = evaluator.protocol.extent.images;
    let mut found = ByImage::new(&table.rows, images, |row| row.rank != Row::DROPPED)?;
    let wanted = ByImage::new(&table.truths, images, |truth| truth.areas & 1 == 1)?;
    // The pair of each detection, in the order of `found`.
    let mut classified = filled(found.places.len(), Pair::default())?;
    let classifier = Classifier {
        table: &table,
        by_category: evaluator.protocol.extent.by_category,
        similarity,
        threshold: evaluator.protocol.thresholds[0],
        background,
    };
    let shares = shares(&mut found, &mut classified)?.into_par_iter();
    let progress = &evaluator.progress;
    threads::run(|| shares.try_for_each(|share| classifier.classify_images(share, &wanted, progress)))?;
    let mut pairs = filled(evaluator.detections.len(), Pair::default())?;
    let rows = &mut table.rows.items;
    rows.iter_mut().for_each(|row| row.rank = Row::DROPPED);
    for image in 0..images {
        for (place, rank) in found.of(image).zip(0..) {
            let row = &mut rows[found.places[place] as usize];
            row.rank = rank;
            pairs[row.object as usize] = classified[place];
        }
    }
    Ok(MatchTable { pairs: Some(pairs), partners: Partners::default(), ..table })
}

/// Leaves out the detections that cannot decide what the confident false positives are: those that matched nothing and
/// score less than all confident false positives of their image, of which there may be none.
///
/// `table` is what an evaluator with one threshold and one area range matched; `least` are the scores of each group from
/// which on a detection is confident.
///
/// # Errors
///
/// Memory that cannot be had.
pub fn leave_out_the_unconfident(table: &mut MatchTable, least: &[f64], images: usize) -> Result<()> {
    let mut lowest = filled(images, f64::INFINITY)?;
    let is_matched = |table: &MatchTable, row: &Row| table.matched_and_ignored(row, 0, 0);
    for (group, &least) in least.iter().enumerate().take(table.groups()) {
        for row in table.rows(group).iter().filter(|row| row.rank != Row::DROPPED && row.score >= least) {
            if is_matched(table, row) == (false, false) {
                let lowest: &mut f64 = &mut lowest[row.image as usize];
                *lowest = lowest.min(row.score);
            }
        }
    }
    for place in 0..table.rows.items.len() {
        let row = table.rows.items[place];
        if row.rank != Row::DROPPED
            && !is_matched(table, &row).0
            && !(row.score >= lowest[row.image as usize])
        {
            table.rows.items[place].rank = Row::DROPPED;
        }
    }
    Ok(())
}

/// Rows or ground truths image by image, those of a category together and in order.
struct ByImage {
    /// Places of the items in the table.
    places: Vec<u32>,
    /// Where each image starts, and the end.
    starts: Vec<u32>,
}

impl ByImage {
    fn new<T: InImage>(cells: &Cells<T>, images: usize, kept: impl Fn(&T) -> bool) -> Result<ByImage> {
        let kept = || cells.items.iter().zip(0..).filter(|(item, _)| kept(item));
        let mut starts: Vec<u32> = zeros(images + 1)?;
        kept().for_each(|(item, _)| starts[item.image() as usize + 1] += 1);
        for image in 0..images {
            starts[image + 1] += starts[image];
        }
        let mut places = zeros(starts[images] as usize)?;
        let mut next = copied(&starts)?;
        for (item, place) in kept() {
            let next = &mut next[item.image() as usize];
            places[*next as usize] = place;
            *next += 1;
        }
        Ok(ByImage { places, starts })
    }

    /// Where the items of an image stand.
    fn of(&self, image: usize) -> Range<usize> {
        self.starts[image] as usize..self.starts[image + 1] as usize
    }
}

/// Some images, with the places of their detections and where the pairs of these go.
struct Share<'a> {
    images: &'a [u32],
    first: usize,
    places: &'a mut [u32],
    pairs: &'a mut [Pair],
}

/// All images, cut into shares of a good many detections each.
fn shares<'a>(found: &'a mut ByImage, pairs: &'a mut [Pair]) -> Result<Vec<Share<'a>>> {
    const SHARE: usize = 4096;
    let ByImage { places, starts } = found;
    let (mut places, mut pairs, mut first) = (places.as_mut_slice(), pairs, 0);
    let images = starts.len() - 1;
    let mut shares = with_capacity(places.len() / SHARE + 1)?;
    while first < images {
        let start = starts[first] as usize;
        let end = starts[first + 1..].partition_point(|&end| (end as usize) < start + SHARE) + first + 1;
        let end = end.min(images);
        let count = starts[end] as usize - start;
        let (Some(of_places), Some(of_pairs)) = (places.split_off_mut(..count), pairs.split_off_mut(..count))
        else {
            unreachable!("the images are all items");
        };
        push(&mut shares, Share { images: &starts[first..=end], first, places: of_places, pairs: of_pairs })?;
        first = end;
    }
    Ok(shares)
}

/// Says of each detection what it is.
struct Classifier<'a> {
    table: &'a MatchTable,
    by_category: bool,
    similarity: &'a dyn Similarity,
    threshold: f64,
    background: f64,
}

impl Classifier<'_> {
    /// Sorts the detections of each image, best score first, and writes their pairs.
    fn classify_images(&self, share: Share<'_>, truths: &ByImage, progress: &Progress) -> Result<()> {
        progress.check()?;
        let (mut compare, mut values) = (self.similarity.comparer(), Vec::new());
        let (mut here, mut there) = (Vec::new(), Vec::new());
        let (mut counted, mut objects) = (Vec::new(), Vec::new());
        let start = share.images[0] as usize;
        for (ends, image) in share.images.windows(2).zip(share.first..) {
            let of_image = ends[0] as usize - start..ends[1] as usize - start;
            if of_image.is_empty() {
                continue;
            }
            let places = &mut share.places[of_image.clone()];
            self.sort_detections(places, &mut here)?;
            self.sort_truths(&truths.places[truths.of(image)], &mut there)?;
            counted.clear();
            extend(&mut counted, here.iter().filter(|found| !found.ignored).map(|found| found.row.object))?;
            objects.clear();
            extend(&mut objects, there.iter().map(|wanted: &GroupedTruth| wanted.truth.object))?;
            let cells = counted.len() * there.len();
            values.clear();
            reserve(&mut values, cells)?;
            values.resize(cells, 0.0);
            if cells > 0 {
                compare(&counted, &objects, self.background.min(self.threshold), &mut values)?;
            }
            let mut rest = values.as_slice();
            for (one, pair) in here.iter().zip(&mut share.pairs[of_image]) {
                *pair = if one.ignored {
                    Pair::new(ErrorType::Ignored, one.partner, f64::NAN)
                } else {
                    let (own, others) = rest.split_at(there.len());
                    rest = others;
                    self.classify(one, &there, own)
                };
            }
        }
        Ok(())
    }

    /// The detections at some places, best score first; the places come to stand so, too.
    fn sort_detections(&self, places: &mut [u32], found: &mut Vec<GroupedDetection>) -> Result<()> {
        found.clear();
        reserve(found, places.len())?;
        let mut group = 0;
        found.extend(places.iter().map(|&place| {
            let row = self.table.rows.items[place as usize];
            let (matched, ignored) = self.table.matched_and_ignored(&row, 0, 0);
            let partner = self.table.partner(&row, 0, 0);
            group = group_of(&self.table.rows, place, group);
            GroupedDetection { row, place, group, matched, ignored, partner }
        }));
        found.sort_unstable_by_key(|found| {
            // Of equal scores the order is that of the matching; across categories it is that of the input.
            let tie = if self.by_category { found.row.object } else { found.row.rank };
            (descending_key(found.row.score), tie)
        });
        places.iter_mut().zip(found).for_each(|(place, found)| *place = found.place);
        Ok(())
    }

    /// The ground truths at some places, in the order of the input.
    fn sort_truths(&self, places: &[u32], wanted: &mut Vec<GroupedTruth>) -> Result<()> {
        wanted.clear();
        reserve(wanted, places.len())?;
        let truths = &self.table.truths;
        let mut group = 0;
        wanted.extend(places.iter().map(|&place| {
            group = group_of(truths, place, group);
            GroupedTruth { truth: truths.items[place as usize], group }
        }));
        wanted.sort_unstable_by_key(|wanted| wanted.truth.object);
        Ok(())
    }

    /// `values`: the detection's similarity to each of the ground truths of its image that are to be found.
    fn classify(&self, found: &GroupedDetection, wanted: &[GroupedTruth], values: &[f64]) -> Pair {
        if let (true, Some(object)) = (found.matched, found.partner) {
            let place = wanted.binary_search_by_key(&object, |wanted| wanted.truth.object);
            let similarity = place.map_or(f64::NAN, |g| values[g]);
            return Pair::new(ErrorType::TruePositive, Some(object), similarity);
        }
        let [own, other] = best(values, |g| wanted[g].group == found.group);
        let near = |best: Option<(usize, f64)>, least: f64| best.filter(|&(_, value)| value >= least);
        let about = |error: ErrorType, (g, similarity): (usize, f64)| {
            Pair::new(error, Some(wanted[g].truth.object), similarity)
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
            Pair::new(error, None, nearest)
        }
    }
}

/// The group that the item at a place is in, if it is not before some group: mostly that one.
fn group_of<T>(cells: &Cells<T>, place: u32, least: u32) -> u32 {
    let rest = &cells.groups[least as usize + 1..];
    match rest.first() {
        Some(&end) if place < end => least,
        _ => least + rest.partition_point(|&start| start <= place) as u32,
    }
}

/// The first of the most similar ground truths among its own, and among the others.
fn best(values: &[f64], is_own: impl Fn(usize) -> bool) -> [Option<(usize, f64)>; 2] {
    let mut found = [None; 2];
    for (g, &value) in values.iter().enumerate() {
        let held = &mut found[usize::from(!is_own(g))];
        if !held.is_some_and(|(_, most)| !(value > most)) {
            *held = Some((g, value));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::best;

    #[test]
    fn of_equally_similar_ground_truths_the_first() {
        assert_eq!(best(&[0.2, 0.7, 0.7, 0.9], |g| g < 3), [Some((1, 0.7)), Some((3, 0.9))]);
        assert_eq!(best(&[0.2], |_| false), [None, Some((0, 0.2))]);
    }
}
