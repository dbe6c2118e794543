//! The numbers on bootstrap resamples of the images, for confidence intervals.
//!
//! A resample gives each image a weight, the times it was drawn. An image drawn twice brings its detections and its
//! ground truths twice. Nothing is matched again: matching happens within an image. Rows are sorted once, and several
//! resamples go over them side by side, an image's weights in all of them next to each other.

use std::array;

use rayon::prelude::*;

use super::ranked::{AveragePrecision, Averaging, TruePositiveRuns};
use super::sample_weights::{ImageWeights, SAMPLES, SampleCounts, WeightBlock};
use super::sampled_precision::{PrecisionAtPoints, RecallPoints};
use super::sampled_recall::TruePositives;
use super::sampled_rows::{ReadCurve, SampledRows};
use crate::error::{Result, collect_blocks, filled, push, with_capacity};
use crate::matching::MatchTable;
use crate::progress::Progress;
use crate::simd::{Kernel, Simd, dispatch};
use crate::threads;

/// Average precision and recall `(B, T, K)`, row by row; NaN where a resample has nothing to find.
#[derive(Clone, Debug)]
pub struct Resampled {
    /// Average precision; empty if only recall was requested.
    pub precision: Vec<f64>,
    /// Recall reached.
    pub recall: Vec<f64>,
}

/// What is computed of each curve, and the groups' rows that it needs.
enum Wanted {
    Recall(Vec<TruePositives>),
    /// The mean precision at recall points that rise, too.
    Points(RecallPoints, Vec<SampledRows>),
    /// The average precision of any other kind, too: one curve after the other.
    Any(Averaging, Vec<SampledRows>),
}

/// The rows of all groups in one area range and under one limit, sorted once for all resamples.
pub struct Resampler {
    wanted: Wanted,
    shape: [usize; 2],
    images: usize,
}

impl Resampler {
    /// Of a table of so many images; of recall alone if there is no averaging.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn new(
        table: &MatchTable,
        images: usize,
        area: usize,
        limit: usize,
        averaging: Option<Averaging>,
        progress: &Progress,
    ) -> Result<Resampler> {
        // They differ much in size.
        let groups = || (0..table.groups()).into_par_iter().with_max_len(1);
        let wanted = match averaging {
            None => {
                let one = |group| Ok(Some(TruePositives::new(table, group, area, limit, progress)?));
                Wanted::Recall(threads::run(|| collect_blocks(groups().map(one)))?)
            }
            Some(averaging) => {
                let one = |group| Ok(Some(SampledRows::new(table, group, area, limit, progress)?));
                let rows = threads::run(|| collect_blocks(groups().map(one)))?;
                let rising = match &averaging {
                    Averaging::Points(points) => RecallPoints::new(points)?,
                    Averaging::Area(_) => None,
                };
                match rising {
                    Some(points) => Wanted::Points(points, rows),
                    None => Wanted::Any(averaging, rows),
                }
            }
        };
        Ok(Resampler { wanted, shape: [table.bits.thresholds, table.groups()], images })
    }

    /// The number of images.
    pub fn images(&self) -> usize {
        self.images
    }

    /// Whether there is average precision, not recall alone.
    pub fn has_precision(&self) -> bool {
        !matches!(self.wanted, Wanted::Recall(_))
    }

    /// Thresholds and groups: the shape of what a resample gives.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The numbers under each resample's weights.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn resample(&self, weights: &ImageWeights, progress: &Progress) -> Result<Resampled> {
        let [thresholds, groups] = self.shape;
        let places = weights.blocks.len() * groups * thresholds;
        // Of each block, group and threshold; in the order of the result when all are there.
        let mut recall = filled(places, NO_NUMBERS)?;
        let mut precision = filled(if self.has_precision() { places } else { 0 }, NO_NUMBERS)?;
        if places > 0 {
            let mut of_groups: Vec<&mut [SampleNumbers]> = with_capacity(weights.blocks.len() * groups)?;
            of_groups.extend(precision.chunks_mut(thresholds));
            of_groups.resize_with(weights.blocks.len() * groups, Default::default);
            let tasks = recall.par_chunks_mut(thresholds).zip(of_groups).enumerate();
            let make = || (None, Vec::new());
            threads::run(|| {
                tasks.try_for_each_init(make, |(at_points, counts), (task, (recall, precision))| {
                    let (weights, group) = (&weights.blocks[task / groups], task % groups);
                    let to = Numbers { recall, precision };
                    dispatch(OneGroup { of: self, group, weights, progress, to, at_points, counts })
                })
            })?;
        }
        let in_order = |numbers| in_order(numbers, weights.samples(), self.shape, progress);
        Ok(Resampled { precision: in_order(precision)?, recall: in_order(recall)? })
    }
}

/// One number for each resample of a block.
type SampleNumbers = [f64; SAMPLES];

const NO_NUMBERS: SampleNumbers = [f64::NAN; SAMPLES];

/// Where the numbers of a group go, one place for each threshold; none for precision if only recall was requested.
struct Numbers<'a> {
    recall: &'a mut [SampleNumbers],
    precision: &'a mut [SampleNumbers],
}

impl Numbers<'_> {
    /// Takes in those of one threshold, given its true positives; resamples with nothing to find have none.
    fn set(
        &mut self,
        t: usize,
        positives: &SampleCounts,
        true_positives: &SampleCounts,
        means: Option<&SampleNumbers>,
    ) {
        for sample in (0..SAMPLES).filter(|&sample| positives[sample] > 0) {
            self.recall[t][sample] = f64::from(true_positives[sample]) / f64::from(positives[sample]);
            if let Some(means) = means {
                self.precision[t][sample] = means[sample];
            }
        }
    }
}

/// One group on the resamples of a block.
struct OneGroup<'a, 'b> {
    of: &'a Resampler,
    group: usize,
    weights: &'a WeightBlock,
    progress: &'a Progress,
    to: Numbers<'b>,
    /// Memory that the next group needs again.
    at_points: &'b mut Option<PrecisionAtPoints<'a>>,
    counts: &'b mut Vec<SampleCounts>,
}

impl OneGroup<'_, '_> {
    /// How many ground truths the group has to find; None if no resample has any.
    fn positives(&self, images: &[u32]) -> Result<Option<SampleCounts>> {
        let mut positives = [0; SAMPLES];
        self.weights.add(&mut positives, images, self.progress)?;
        Ok((positives != [0; SAMPLES]).then_some(positives))
    }
}

impl Kernel for OneGroup<'_, '_> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<S: Simd>(mut self) -> Result<()> {
        let (weights, progress) = (self.weights, self.progress);
        let [thresholds, _] = self.of.shape;
        match &self.of.wanted {
            Wanted::Recall(groups) => {
                let rows = &groups[self.group];
                let Some(positives) = self.positives(&rows.positives)? else { return Ok(()) };
                rows.count(weights, progress, |t, true_positives| {
                    self.to.set(t, &positives, true_positives, None)
                })
            }
            Wanted::Points(points, groups) => {
                let rows = &groups[self.group];
                let Some(positives) = self.positives(&rows.positives)? else { return Ok(()) };
                let at_points = match self.at_points {
                    Some(at_points) => at_points,
                    none => none.insert(PrecisionAtPoints::new(points)?),
                };
                at_points.begin(&positives)?;
                rows.count_rows(weights, progress, self.counts)?;
                for t in 0..thresholds {
                    let true_positives = rows.walk(t, weights, self.counts, progress, at_points)?;
                    let means = at_points.means(&true_positives);
                    self.to.set(t, &positives, &true_positives, Some(&means));
                }
                Ok(())
            }
            Wanted::Any(averaging, groups) => {
                let rows = &groups[self.group];
                let Some(positives) = self.positives(&rows.positives)? else { return Ok(()) };
                let mut readers = with_capacity(SAMPLES)?;
                for &count in &positives {
                    readers.push(AveragePrecision::new(averaging, count as usize)?);
                }
                rows.count_rows(weights, progress, self.counts)?;
                for t in 0..thresholds {
                    let mut curves = Curves(Vec::new());
                    let true_positives = rows.walk(t, weights, self.counts, progress, &mut curves)?;
                    let means = one_by_one(&curves.0, &positives, &mut readers, progress)?;
                    self.to.set(t, &positives, &true_positives, Some(&means));
                }
                Ok(())
            }
        }
    }
}

/// The numbers of each resample `(B, T, K)`, given those of each block, group and threshold.
fn in_order(
    numbers: Vec<SampleNumbers>,
    samples: usize,
    [thresholds, groups]: [usize; 2],
    progress: &Progress,
) -> Result<Vec<f64>> {
    /// Groups that are copied at once: a cache line of each resample.
    const TILE: usize = 8;
    let per_sample = thresholds * groups;
    let mut out = filled(if numbers.is_empty() { 0 } else { samples * per_sample }, f64::NAN)?;
    if numbers.is_empty() {
        return Ok(out);
    }
    let blocks = numbers.par_chunks(per_sample).zip(out.par_chunks_mut(SAMPLES * per_sample));
    threads::run(|| {
        blocks.try_for_each(|(numbers, out)| {
            progress.check()?;
            let mut of_tile = [NO_NUMBERS; TILE];
            for (tile, numbers) in numbers.chunks(TILE * thresholds).enumerate() {
                let here = numbers.len() / thresholds;
                for t in 0..thresholds {
                    let from = t * groups + TILE * tile;
                    let of_group = numbers.chunks(thresholds);
                    of_tile.iter_mut().zip(of_group).for_each(|(to, numbers)| *to = numbers[t]);
                    for (sample, out) in out.chunks_mut(per_sample).enumerate().take(SAMPLES) {
                        let line: [f64; TILE] = array::from_fn(|group| of_tile[group][sample]);
                        out[from..from + here].copy_from_slice(&line[..here]);
                    }
                }
            }
            Ok(())
        })
    })?;
    Ok(out)
}

/// True positives and rows where precision may be highest.
struct Curves(Vec<(SampleCounts, SampleCounts)>);

impl ReadCurve for Curves {
    #[inline(always)]
    fn enter(&mut self, true_positives: &SampleCounts, rows: &SampleCounts) -> Result<()> {
        push(&mut self.0, (*true_positives, *rows))
    }
}

/// The average precision of each resample's curve, given true positives and rows where precision may be highest.
fn one_by_one(
    curves: &[(SampleCounts, SampleCounts)],
    positives: &SampleCounts,
    readers: &mut [AveragePrecision<'_>],
    progress: &Progress,
) -> Result<[f64; SAMPLES]> {
    let mut runs = TruePositiveRuns::new();
    let mut means = [f64::NAN; SAMPLES];
    for (sample, mean) in means.iter_mut().enumerate() {
        progress.check()?;
        runs.clear();
        let mut before = 0;
        for (true_positives, rows) in curves {
            let (true_positives, rows) = (true_positives[sample], rows[sample]);
            if true_positives > before {
                push(&mut runs, (rows - true_positives, true_positives - before))?;
            }
            before = true_positives;
        }
        if positives[sample] > 0 {
            *mean = readers[sample].average(&runs)?;
        }
    }
    Ok(means)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::{Area, Reached, area_of, precision, reached};
    use crate::matching::{Cells, OutcomeLayout, Row, Truth};
    use crate::random::Random;

    /// One group in some images, with all kinds of outcomes in two area ranges.
    fn random_table(random: &mut Random, images: u32, thresholds: usize) -> MatchTable {
        let bits = OutcomeLayout { areas: 2, thresholds, samples: false };
        let (mut rows, mut truths, mut outcomes) = (vec![], vec![], vec![]);
        for image in 0..images {
            let mut scores: Vec<f64> = (0..random.below(9)).map(|_| random.below(12) as f64 / 8.0).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            for (score, rank) in scores.into_iter().zip(0..) {
                let outside = random.below(4) as u32;
                let mut row = Row::unmatched(score, image, 0, rank, outside);
                if random.below(2) == 0 {
                    row.set_matched(outcomes.len() / bits.entry());
                    let mut entry = Vec::new();
                    bits.push(&mut entry, outside);
                    for (a, word) in (0..2).flat_map(|a| (0..bits.words()).map(move |word| (a, word))) {
                        let matched = (random.next() | random.next()) & bits.used(word);
                        let ignored = random.next() & random.next() & matched;
                        bits.set(&mut entry, a, word, matched, ignored);
                    }
                    outcomes.extend(entry);
                }
                rows.push(row);
            }
            let found = 0..2 + random.below(6);
            truths.extend(found.map(|_| Truth { image, object: 0, areas: random.below(4) as u32 }));
        }
        MatchTable::new(
            bits,
            Cells { groups: vec![0, rows.len() as u32], items: rows },
            Cells { groups: vec![0, truths.len() as u32], items: truths },
            outcomes,
        )
    }

    /// Average precision and recall of one resample, detection by detection.
    fn plain(
        table: &MatchTable,
        weights: &[u32],
        [area, limit, t]: [usize; 3],
        averaging: &Averaging,
    ) -> (f64, f64) {
        let truths = table.truths(0).iter().filter(|truth| truth.areas >> area & 1 == 1);
        let positives: u32 = truths.map(|truth| weights[truth.image as usize]).sum();
        let mut rows: Vec<&Row> = table.rows(0).iter().filter(|row| (row.rank as usize) < limit).collect();
        rows.sort_by(|a, b| b.score.total_cmp(&a.score));
        // True and false positives at each true positive that was drawn.
        let (mut true_positives, mut false_positives, mut curve) = (0, 0, Vec::new());
        for row in rows {
            let weight = weights[row.image as usize];
            match table.matched_and_ignored(row, area, t) {
                (_, true) => {}
                (false, false) => false_positives += weight,
                (true, false) => {
                    true_positives += weight;
                    curve.extend((weight > 0).then_some((true_positives, false_positives)));
                }
            }
        }
        if positives == 0 {
            return (f64::NAN, f64::NAN);
        }
        let recall = f64::from(true_positives) / f64::from(positives);
        let average = match averaging {
            Averaging::Points(points) => {
                let mut sum = 0.0;
                for at in reached(points, positives as usize).unwrap() {
                    let index = if let Reached::By(index) = at { index } else { 0 };
                    let later = curve.iter().filter(|&&(true_positives, _)| true_positives as usize > index);
                    let best = later.map(|&(tp, fp)| precision(f64::from(tp), f64::from(fp)));
                    let Some(best) = best.reduce(f64::max) else { break };
                    sum += best;
                }
                sum / points.len() as f64
            }
            Averaging::Area(area) => {
                let each = (0..true_positives)
                    .map(|i| curve.iter().find(|&&(true_positives, _)| true_positives > i).unwrap().1);
                area_of(each, positives as usize, *area, &mut Vec::new()).unwrap()
            }
        };
        (average, recall)
    }

    #[test]
    fn resamples_side_by_side_are_resamples_one_by_one() {
        let mut random = Random::new(3);
        let rising: Vec<f64> = (0..=10).map(|i| f64::from(i) / 10.0).collect();
        let kinds = [
            Averaging::Points(rising),
            Averaging::Points(vec![-1.0, 0.0, 0.0, 0.3, 1.0, 1.02, 7.0]),
            Averaging::Points(vec![0.5, 0.0, 0.9, 0.1]),
            Averaging::Points(vec![0.1, f64::NAN, 0.2]),
            Averaging::Area(Area::Exact),
            Averaging::Area(Area::Trapezium),
        ];
        for case in 0..120 {
            let images = 1 + random.below(if case % 10 == 0 { 400 } else { 7 }) as usize;
            let thresholds = [1, 3, 70][case % 3];
            let table = random_table(&mut random, images as u32, thresholds);
            let samples = 1 + random.below(2 * SAMPLES as u64) as usize;
            let most = if case % 12 == 1 { 256 } else { 4 };
            let weights: Vec<u32> = (0..samples * images).map(|_| random.below(most) as u32).collect();
            let averaging = &kinds[case % kinds.len()];
            let (area, limit) = (random.below(2) as usize, [1, 4, 100][random.below(3) as usize]);
            let progress = Progress::new();
            let resampler =
                Resampler::new(&table, images, area, limit, Some(averaging.clone()), &progress).unwrap();
            let of_images = ImageWeights::new(&weights, [samples, images], &progress).unwrap();
            let found = resampler.resample(&of_images, &progress).unwrap();
            let recall_alone = Resampler::new(&table, images, area, limit, None, &progress).unwrap();
            let recall_alone = recall_alone.resample(&of_images, &progress).unwrap();
            assert!(recall_alone.precision.is_empty());
            for (sample, weights) in weights.chunks(images).enumerate() {
                for t in 0..thresholds {
                    let place = sample * thresholds + t;
                    let (average, recall) = plain(&table, weights, [area, limit, t], averaging);
                    let numbers = [found.precision[place], found.recall[place], recall_alone.recall[place]];
                    let expected = [average, recall, recall];
                    let bits = |numbers: [f64; 3]| numbers.map(f64::to_bits);
                    assert_eq!(bits(numbers), bits(expected), "case {case}: {numbers:?}, {expected:?}");
                }
            }
        }
    }

    #[test]
    fn a_weight_of_more_than_8_bits_is_an_error() {
        let progress = Progress::new();
        assert!(ImageWeights::new(&[1, 255], [1, 2], &progress).is_ok());
        let error = ImageWeights::new(&[1, 256], [1, 2], &progress).err().unwrap();
        assert_eq!(error.to_string(), "weights: expected numbers of at most 255, found 256");
    }
}
