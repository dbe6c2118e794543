//! Operating points (score thresholds for a target) on bootstrap resamples of the images.
//!
//! As in [`super::resample`], a sample gives each image a weight, the times it was drawn.

use rayon::prelude::*;

use super::ranked::Ranked;
use crate::matching::MatchTable;
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

/// No score will do.
pub const NO_POINT: OperatingPoint = [f64::NAN; 5];

/// A detection that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountedAs {
    Right,
    Wrong,
    /// Wrong, and the first such in an image that has nothing to find.
    Alarm,
}

/// One group's detections at one threshold, from the best score down, sorted once for all samples.
pub struct OperatingPoints {
    score: Vec<f64>,
    image: Vec<u32>,
    verdict: Vec<CountedAs>,
    /// Image of each ground truth that is to be found.
    positives: Vec<u32>,
    /// Whether an image has nothing to find.
    clean: Vec<bool>,
}

impl OperatingPoints {
    /// Of a table of so many images.
    pub fn new(
        table: &MatchTable,
        images: usize,
        group: usize,
        t: usize,
        area: usize,
        limit: usize,
    ) -> OperatingPoints {
        let ranked = Ranked::new(table, group, area, limit);
        let mut clean = vec![true; images];
        ranked.positives.iter().for_each(|&image| clean[image as usize] = false);
        let mut quiet = clean.clone();
        let (mut score, mut image, mut verdict) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..ranked.len() {
            let at = ranked.image[row] as usize;
            let what = match ranked.verdict(row, t) {
                (true, _) => CountedAs::Right,
                (_, true) if std::mem::take(&mut quiet[at]) => CountedAs::Alarm,
                (_, true) => CountedAs::Wrong,
                _ => continue,
            };
            score.push(ranked.score[row]);
            image.push(ranked.image[row]);
            verdict.push(what);
        }
        OperatingPoints { score, image, verdict, positives: ranked.positives, clean }
    }

    /// The number of images.
    pub fn images(&self) -> usize {
        self.clean.len()
    }

    /// The best score of a false positive in each image that has nothing to find, highest first; and how many such
    /// images there are.
    pub fn alarms(&self) -> (Vec<f64>, usize) {
        let scores = self.score.iter().zip(&self.verdict);
        let alarms = scores.filter(|(_, verdict)| **verdict == CountedAs::Alarm).map(|(&score, _)| score);
        (alarms.collect(), self.clean.iter().filter(|&&clean| clean).count())
    }

    /// The point that the rule chooses on each sample, of weights `(B, I)`, row by row.
    pub fn points(&self, weights: &[u32], rule: OperatingRule) -> Vec<OperatingPoint> {
        if self.images() == 0 {
            return Vec::new();
        }
        threads::run(|| weights.par_chunks(self.images()).map(|weights| self.choose(weights, rule)).collect())
    }

    fn choose(&self, weights: &[u32], rule: OperatingRule) -> OperatingPoint {
        let total = |images: &mut dyn Iterator<Item = u32>| images.map(u64::from).sum::<u64>() as f64;
        let positives = total(&mut self.positives.iter().map(|&image| weights[image as usize]));
        let images = total(&mut weights.iter().copied());
        let quiet = total(
            &mut self.clean.iter().zip(weights).filter(|(clean, _)| **clean).map(|(_, &weight)| weight),
        );
        let point = |score: f64, counts: &[u64; 3]| {
            let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { f64::NAN };
            let [right, wrong, loud] = counts.map(|count| count as f64);
            let precision = share(right, right + wrong);
            [score, precision, share(right, positives), share(wrong, images), share(loud, quiet)]
        };
        let mut best: Option<(f64, OperatingPoint)> = None;
        // Right ones, wrong ones, and images without objects that have a wrong one.
        let mut counts = [0; 3];
        let mut row = 0;
        while row < self.score.len() {
            let score = self.score[row];
            if let OperatingRule::Score(least) = rule
                && !(score >= least)
            {
                break;
            }
            let before = counts;
            while row < self.score.len() && self.score[row] == score {
                let weight = u64::from(weights[self.image[row] as usize]);
                match self.verdict[row] {
                    CountedAs::Right => counts[0] += weight,
                    CountedAs::Wrong => counts[1] += weight,
                    CountedAs::Alarm => {
                        counts[1] += weight;
                        counts[2] += weight;
                    }
                }
                row += 1;
            }
            // A score that brings nothing right is worse than the one before it.
            let first = before == [0; 3] && counts != before;
            if counts[0] > before[0] || first {
                consider(&mut best, point(score, &counts), rule);
            }
        }
        match (rule, best) {
            (OperatingRule::Score(least), _) => point(least, &counts),
            (_, best) => best.map_or(NO_POINT, |(_, point)| point),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn operator() -> OperatingPoints {
        use CountedAs::{Alarm, Right, Wrong};
        OperatingPoints {
            score: vec![0.9, 0.8, 0.8, 0.7, 0.6],
            image: vec![0, 1, 0, 2, 0],
            verdict: vec![Right, Right, Wrong, Alarm, Right],
            positives: vec![0, 0, 1, 1],
            clean: vec![false, false, true],
        }
    }

    #[test]
    fn each_rule_chooses() {
        let choose = |rule| operator().choose(&[1, 1, 1], rule);
        assert_eq!(choose(OperatingRule::Precision(0.6)), [0.6, 0.6, 0.75, 2.0 / 3.0, 1.0]);
        assert_eq!(choose(OperatingRule::Recall(0.5)), [0.8, 2.0 / 3.0, 0.5, 1.0 / 3.0, 0.0]);
        assert_eq!(choose(OperatingRule::FalsePositives(0.0))[0], 0.9);
        assert_eq!(choose(OperatingRule::FalseAlarms(0.5))[0], 0.8);
        assert_eq!(choose(OperatingRule::Score(0.75))[..3], [0.75, 2.0 / 3.0, 0.5]);
        assert!(choose(OperatingRule::Recall(0.9)).iter().all(|x| x.is_nan()));
    }

    #[test]
    fn weights_count_images_so_often() {
        let point = operator().choose(&[0, 2, 1], OperatingRule::Score(0.0));
        assert_eq!(point, [0.0, 2.0 / 3.0, 0.5, 1.0 / 3.0, 1.0]);
        assert_eq!(operator().alarms(), (vec![0.7], 1));
    }
}
