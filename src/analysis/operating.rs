//! Operating points (score thresholds for a target) on bootstrap resamples of the images.
//!
//! As in [`super::resample`], a sample gives each image a weight, the times it was drawn.

use rayon::prelude::*;

use super::ranked::Ranked;
use crate::error::{Result, collect, collect_blocks, collect_growing, copied, filled, push};
use crate::progress::{Progress, STRETCH};
use crate::threads;

/// How a score is chosen. Of those that are equally good the highest is taken.
#[derive(Clone, Copy, Debug)]
pub enum OperatingRule {
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
pub type OperatingPoint = [f64; 5];

/// Samples that go over the detections side by side.
const SAMPLES: usize = 16;

/// No score will do.
pub const NO_POINT: OperatingPoint = [f64::NAN; 5];

/// A detection that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountedAs {
    TruePositive,
    FalsePositive,
    /// The first false positive in an image without objects.
    FalseAlarm,
}

/// One group's detections at one threshold, from the best score down, sorted once for all samples.
pub struct OperatingPoints {
    score: Vec<f64>,
    image: Vec<u32>,
    counted_as: Vec<CountedAs>,
    /// Image of each ground truth that is to be found.
    positives: Vec<u32>,
    /// Whether an image has no objects.
    without_objects: Vec<bool>,
}

impl OperatingPoints {
    /// Of a ranking at threshold `t`, of a table of so many images.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn new(ranked: Ranked<'_>, images: usize, t: usize, progress: &Progress) -> Result<OperatingPoints> {
        let mut without_objects = filled(images, true)?;
        let positives = copied(ranked.positives())?;
        positives.iter().for_each(|&image| without_objects[image as usize] = false);
        let mut no_false_alarm = copied(&without_objects)?;
        let (mut score, mut image, mut counted_as) = (Vec::new(), Vec::new(), Vec::new());
        for (done, row) in ranked.rows().enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let at = row.image;
            let what = match ranked.counted(row, t) {
                (true, _) => CountedAs::TruePositive,
                (_, true) if std::mem::take(&mut no_false_alarm[at as usize]) => CountedAs::FalseAlarm,
                (_, true) => CountedAs::FalsePositive,
                _ => continue,
            };
            push(&mut score, row.score)?;
            push(&mut image, at)?;
            push(&mut counted_as, what)?;
        }
        Ok(OperatingPoints { score, image, counted_as, positives, without_objects })
    }

    /// The number of images.
    pub fn images(&self) -> usize {
        self.without_objects.len()
    }

    /// The best score of a false positive in each image without objects, highest first; and how many such
    /// images there are.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn false_alarms(&self) -> Result<(Vec<f64>, usize)> {
        let scores = self.score.iter().zip(&self.counted_as);
        let false_alarms =
            scores.filter(|(_, counted_as)| **counted_as == CountedAs::FalseAlarm).map(|(&score, _)| score);
        Ok((
            collect_growing(false_alarms)?,
            self.without_objects.iter().filter(|&&without_objects| without_objects).count(),
        ))
    }

    /// The point that the rule chooses on each sample, of weights `(B, I)`, row by row.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn points(
        &self,
        weights: &[u32],
        rule: OperatingRule,
        progress: &Progress,
    ) -> Result<Vec<OperatingPoint>> {
        let images = self.images();
        if images == 0 {
            return Ok(Vec::new());
        }
        let choose = |weights: &[u32]| {
            let chosen = self.choose(&side_by_side(weights, images)?, &[rule], progress)?;
            Ok(chosen.into_iter().flatten().take(weights.len() / images))
        };
        threads::run(|| collect_blocks(weights.par_chunks(SAMPLES * images).map(choose)))
    }

    /// The point that each rule chooses where each image is there once.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn of_rules(&self, rules: &[OperatingRule], progress: &Progress) -> Result<Vec<OperatingPoint>> {
        let chosen = self.choose::<1>(&filled(self.images(), [1])?, rules, progress)?;
        let none = self.images() == 0;
        collect(chosen.into_iter().map(|[point]| if none { NO_POINT } else { point }))
    }

    /// The points of several samples side by side, for each rule.
    ///
    /// # Errors
    ///
    /// The work is cancelled.
    fn choose<const N: usize>(
        &self,
        weights: &[[u32; N]],
        rules: &[OperatingRule],
        progress: &Progress,
    ) -> Result<Vec<[OperatingPoint; N]>> {
        let total = |images: &mut dyn Iterator<Item = &[u32; N]>| {
            let mut sum = [0; N];
            images.for_each(|weights| add(&mut sum, weights));
            sum.map(f64::from)
        };
        let positives = total(&mut self.positives.iter().map(|&image| &weights[image as usize]));
        let images = total(&mut weights.iter());
        let without_objects =
            self.without_objects.iter().zip(weights).filter(|(without_objects, _)| **without_objects);
        let without_objects = total(&mut without_objects.map(|(_, weights)| weights));
        let point = |score: f64, counts: &[[u32; N]; 3], sample: usize| {
            let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { f64::NAN };
            let [true_positives, false_positives, false_alarms] =
                counts.map(|count| f64::from(count[sample]));
            let recall = share(true_positives, positives[sample]);
            let (per_image, alarm_rate) =
                (share(false_positives, images[sample]), share(false_alarms, without_objects[sample]));
            [score, share(true_positives, true_positives + false_positives), recall, per_image, alarm_rate]
        };
        let mut best: Vec<[Option<(f64, OperatingPoint)>; N]> = filled(rules.len(), [None; N])?;
        // The points of scores that are given, once they have been passed.
        let mut passed: Vec<Option<[OperatingPoint; N]>> = filled(rules.len(), None)?;
        let given = rules.iter().any(|rule| matches!(rule, OperatingRule::Score(_)));
        // True positives, false positives, and images without objects that have a false positive.
        let mut counts = [[0; N]; 3];
        // The true positives up to the last score that added some, and whether anything was counted, or ever will be.
        let mut before = [0; N];
        let mut begun = images.map(|images| images == 0.0);
        let (mut row, mut next) = (0, 0);
        while row < self.score.len() {
            if row >= next {
                progress.check()?;
                next = row + STRETCH;
            }
            let score = self.score[row];
            if given {
                for (rule, passed) in rules.iter().zip(&mut passed) {
                    if let &OperatingRule::Score(least) = rule
                        && passed.is_none()
                        && !(score >= least)
                    {
                        *passed = Some(std::array::from_fn(|sample| point(least, &counts, sample)));
                    }
                }
                if passed.iter().all(Option::is_some) {
                    break;
                }
            }
            let mut adds_true_positives = false;
            while row < self.score.len() && self.score[row] == score {
                let weight = &weights[self.image[row] as usize];
                match self.counted_as[row] {
                    CountedAs::TruePositive => {
                        adds_true_positives = true;
                        add(&mut counts[0], weight);
                    }
                    CountedAs::FalsePositive => add(&mut counts[1], weight),
                    CountedAs::FalseAlarm => {
                        add(&mut counts[1], weight);
                        add(&mut counts[2], weight);
                    }
                }
                row += 1;
            }
            // A score that adds no true positive is worse than the one before it.
            if !adds_true_positives && begun == [true; N] {
                continue;
            }
            for sample in 0..N {
                let first = !begun[sample] && counts.iter().any(|count| count[sample] > 0);
                if counts[0][sample] > before[sample] || first {
                    let point = point(score, &counts, sample);
                    let held = rules.iter().zip(&mut best);
                    held.for_each(|(&rule, best)| consider(&mut best[sample], point, rule));
                }
                begun[sample] |= first;
            }
            before = counts[0];
        }
        let chosen = |((&rule, best), passed): ((&OperatingRule, [Option<_>; N]), Option<_>)| match rule {
            OperatingRule::Score(least) => {
                passed.unwrap_or_else(|| std::array::from_fn(|sample| point(least, &counts, sample)))
            }
            _ => best.map(|best: Option<(f64, OperatingPoint)>| best.map_or(NO_POINT, |(_, point)| point)),
        };
        collect(rules.iter().zip(best).zip(passed).map(chosen))
    }
}

/// Takes the point if it will do, and is better than the best so far.
fn consider(best: &mut Option<(f64, OperatingPoint)>, point: OperatingPoint, rule: OperatingRule) {
    let [_, precision, recall, false_positives, false_alarms] = point;
    let worth = match rule {
        OperatingRule::Score(_) => None,
        OperatingRule::Precision(least) => (precision >= least).then_some(recall),
        OperatingRule::Recall(least) => (recall >= least).then_some(precision),
        OperatingRule::FalsePositives(most) => (false_positives <= most).then_some(recall),
        OperatingRule::FalseAlarms(most) => (false_alarms <= most).then_some(recall),
    };
    if let Some(worth) = worth
        && best.is_none_or(|(held, _)| worth > held)
    {
        *best = Some((worth, point));
    }
}

/// The weights `(B, I)` of at most so many samples, those of each image next to each other; 0 for samples that are not
/// there.
fn side_by_side(weights: &[u32], images: usize) -> Result<Vec<[u32; SAMPLES]>> {
    let mut out = filled(images, [0; SAMPLES])?;
    for (sample, weights) in weights.chunks_exact(images).enumerate() {
        out.iter_mut().zip(weights).for_each(|(all, &weight)| all[sample] = weight);
    }
    Ok(out)
}

/// Adds the numbers of each sample.
#[inline(always)]
fn add<const N: usize>(to: &mut [u32; N], more: &[u32; N]) {
    for sample in 0..N {
        to[sample] += more[sample];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator() -> OperatingPoints {
        use CountedAs::{FalseAlarm, FalsePositive, TruePositive};
        OperatingPoints {
            score: vec![0.9, 0.8, 0.8, 0.7, 0.6],
            image: vec![0, 1, 0, 2, 0],
            counted_as: vec![TruePositive, TruePositive, FalsePositive, FalseAlarm, TruePositive],
            positives: vec![0, 0, 1, 1],
            without_objects: vec![false, false, true],
        }
    }

    #[test]
    fn each_rule_chooses() {
        let choose = |rule| operator().points(&[1, 1, 1], rule, &Progress::default()).unwrap()[0];
        assert_eq!(choose(OperatingRule::Precision(0.6)), [0.6, 0.6, 0.75, 2.0 / 3.0, 1.0]);
        assert_eq!(choose(OperatingRule::Recall(0.5)), [0.8, 2.0 / 3.0, 0.5, 1.0 / 3.0, 0.0]);
        assert_eq!(choose(OperatingRule::FalsePositives(0.0))[0], 0.9);
        assert_eq!(choose(OperatingRule::FalseAlarms(0.5))[0], 0.8);
        assert_eq!(choose(OperatingRule::Score(0.75))[..3], [0.75, 2.0 / 3.0, 0.5]);
        assert!(choose(OperatingRule::Recall(0.9)).iter().all(|x| x.is_nan()));
        let rules = [
            OperatingRule::Score(0.75),
            OperatingRule::Precision(0.6),
            OperatingRule::Score(0.1),
            OperatingRule::FalsePositives(0.0),
        ];
        let together = operator().of_rules(&rules, &Progress::default()).unwrap();
        assert_eq!(together, rules.map(choose));
    }

    #[test]
    fn weights_count_images_so_often() {
        let points =
            operator().points(&[1, 1, 1, 0, 2, 1], OperatingRule::Score(0.0), &Progress::default()).unwrap();
        assert_eq!(points[1], [0.0, 2.0 / 3.0, 0.5, 1.0 / 3.0, 1.0]);
        assert_eq!(
            points[..1],
            operator().points(&[1, 1, 1], OperatingRule::Score(0.0), &Progress::default()).unwrap()
        );
        assert_eq!(operator().false_alarms().unwrap(), (vec![0.7], 1));
    }
}
