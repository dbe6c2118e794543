//! The numbers on bootstrap resamples of the images, for confidence intervals.
//!
//! A resample gives each image a weight, the times it was drawn. An image drawn twice brings its detections and its
//! ground truths twice. Nothing is matched again: matching happens within an image. Rows are sorted once, and several
//! resamples go over them side by side, an image's weights in all of them next to each other.

use rayon::prelude::*;

use super::ranked::{AveragePrecision, Averaging, TruePositiveRuns};
use super::sample_weights::{ImageWeights, SAMPLES, SampleCounts};
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
        let groups = || (0..table.groups()).into_par_iter();
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

    /// The numbers under each resample's weights `(B, I)`, row by row.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; a weight has more than 16 bits; the work is cancelled.
    pub fn resample(&self, weights: &[u32], progress: &Progress) -> Result<Resampled> {
        let [thresholds, groups] = self.shape;
        let per_sample = thresholds * groups;
        let samples = weights.len().checked_div(self.images).unwrap_or(0);
        let numbers = |wanted: bool| filled(if wanted { samples * per_sample } else { 0 }, f64::NAN);
        let mut out = Resampled { precision: numbers(self.has_precision())?, recall: numbers(true)? };
        if out.recall.is_empty() {
            return Ok(out);
        }
        let several = SAMPLES * per_sample;
        let mut precision: Vec<&mut [f64]> = with_capacity(samples.div_ceil(SAMPLES))?;
        precision.extend(out.precision.chunks_mut(several));
        precision.resize_with(samples.div_ceil(SAMPLES), Default::default);
        threads::run(|| {
            let chunks = weights.par_chunks(SAMPLES * self.images);
            let chunks = chunks.zip(out.recall.par_chunks_mut(several)).zip(precision);
            chunks.try_for_each(|((weights, recall), precision)| {
                let weights = &ImageWeights::new(weights, self.images)?;
                dispatch(Several { of: self, weights, progress, precision, recall })
            })
        })?;
        Ok(out)
    }
}

/// At most [`SAMPLES`] resamples, and where their numbers go.
struct Several<'a> {
    of: &'a Resampler,
    weights: &'a ImageWeights,
    progress: &'a Progress,
    precision: &'a mut [f64],
    recall: &'a mut [f64],
}

impl Several<'_> {
    /// How many ground truths a group has to find; None if no resample has any.
    fn positives(&self, images: &[u32]) -> Result<Option<SampleCounts>> {
        let mut positives = [0; SAMPLES];
        self.weights.add(&mut positives, images, self.progress)?;
        Ok((positives != [0; SAMPLES]).then_some(positives))
    }

    /// Takes in the numbers of one group at one threshold, given its true positives.
    fn set(
        &mut self,
        [t, group]: [usize; 2],
        positives: &SampleCounts,
        right: &SampleCounts,
        means: Option<&[f64; SAMPLES]>,
    ) {
        let [thresholds, groups] = self.of.shape;
        for sample in (0..SAMPLES).filter(|&sample| positives[sample] > 0) {
            let place = (sample * thresholds + t) * groups + group;
            self.recall[place] = f64::from(right[sample]) / f64::from(positives[sample]);
            if let Some(means) = means {
                self.precision[place] = means[sample];
            }
        }
    }
}

impl Kernel for Several<'_> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<S: Simd>(mut self) -> Result<()> {
        let (of, weights, progress) = (self.of, self.weights, self.progress);
        let [thresholds, _] = of.shape;
        let mut counts = Vec::new();
        match &of.wanted {
            Wanted::Recall(groups) => {
                for (group, rows) in groups.iter().enumerate() {
                    let Some(positives) = self.positives(&rows.positives)? else { continue };
                    rows.count(weights, progress, |t, right| self.set([t, group], &positives, right, None))?;
                }
            }
            Wanted::Points(points, groups) => {
                let mut at_points = PrecisionAtPoints::new(points)?;
                for (group, rows) in groups.iter().enumerate() {
                    let Some(positives) = self.positives(&rows.positives)? else { continue };
                    at_points.begin(&positives)?;
                    rows.count_rows(weights, progress, &mut counts)?;
                    for t in 0..thresholds {
                        let right = rows.walk(t, weights, &counts, progress, &mut at_points)?;
                        let means = at_points.means(&right);
                        self.set([t, group], &positives, &right, Some(&means));
                    }
                }
            }
            Wanted::Any(averaging, groups) => {
                for (group, rows) in groups.iter().enumerate() {
                    let Some(positives) = self.positives(&rows.positives)? else { continue };
                    let mut readers = with_capacity(SAMPLES)?;
                    for &count in &positives {
                        readers.push(AveragePrecision::new(averaging, count as usize)?);
                    }
                    rows.count_rows(weights, progress, &mut counts)?;
                    for t in 0..thresholds {
                        let mut curves = Curves(Vec::new());
                        let right = rows.walk(t, weights, &counts, progress, &mut curves)?;
                        let means = one_by_one(&curves.0, &positives, &mut readers, progress)?;
                        self.set([t, group], &positives, &right, Some(&means));
                    }
                }
            }
        }
        Ok(())
    }
}

/// True positives and rows where precision may be highest.
struct Curves(Vec<(SampleCounts, SampleCounts)>);

impl ReadCurve for Curves {
    #[inline(always)]
    fn enter(&mut self, right: &SampleCounts, rows: &SampleCounts) -> Result<()> {
        push(&mut self.0, (*right, *rows))
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
        for (right, rows) in curves {
            let (right, rows) = (right[sample], rows[sample]);
            if right > before {
                push(&mut runs, (rows - right, right - before))?;
            }
            before = right;
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
        let (mut right, mut wrong, mut curve) = (0, 0, Vec::new());
        for row in rows {
            let weight = weights[row.image as usize];
            match table.matched_and_ignored(row, area, t) {
                (_, true) => {}
                (false, false) => wrong += weight,
                (true, false) => {
                    right += weight;
                    curve.extend((weight > 0).then_some((right, wrong)));
                }
            }
        }
        if positives == 0 {
            return (f64::NAN, f64::NAN);
        }
        let recall = f64::from(right) / f64::from(positives);
        let average = match averaging {
            Averaging::Points(points) => {
                let mut sum = 0.0;
                for at in reached(points, positives as usize).unwrap() {
                    let index = if let Reached::By(index) = at { index } else { 0 };
                    let later = curve.iter().filter(|&&(right, _)| right as usize > index);
                    let best = later.map(|&(tp, fp)| precision(f64::from(tp), f64::from(fp)));
                    let Some(best) = best.reduce(f64::max) else { break };
                    sum += best;
                }
                sum / points.len() as f64
            }
            Averaging::Area(area) => {
                let each = (0..right).map(|i| curve.iter().find(|&&(right, _)| right > i).unwrap().1);
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
            let most = if case % 12 == 1 { 5000 } else { 4 };
            let weights: Vec<u32> = (0..samples * images).map(|_| random.below(most) as u32).collect();
            let averaging = &kinds[case % kinds.len()];
            let (area, limit) = (random.below(2) as usize, [1, 4, 100][random.below(3) as usize]);
            let progress = Progress::new();
            let resampler =
                Resampler::new(&table, images, area, limit, Some(averaging.clone()), &progress).unwrap();
            let found = resampler.resample(&weights, &progress).unwrap();
            let recall_alone = Resampler::new(&table, images, area, limit, None, &progress).unwrap();
            let recall_alone = recall_alone.resample(&weights, &progress).unwrap();
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
    fn a_weight_of_more_than_16_bits_is_an_error() {
        let table = random_table(&mut Random::new(1), 2, 1);
        let progress = Progress::new();
        let resampler = Resampler::new(&table, 2, 0, 100, None, &progress).unwrap();
        assert!(resampler.resample(&[1, 65_535], &progress).is_ok());
        let error = resampler.resample(&[1, 65_536], &progress).unwrap_err();
        assert_eq!(error.to_string(), "weights: expected numbers of at most 65535, found 65536");
    }
}
