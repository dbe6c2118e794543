//! KITTI's matching, in which each ground truth chooses.
//!
//! Source: `compute_statistics` of KITTI's object development kit, which matches again at each score threshold. There the
//! ground truths, in their order, take the detection they are most similar to of those with that score or more and not
//! taken yet. When the next detection by its score comes in, it goes to the first ground truth that prefers it to what it
//! has, whose former detection goes on to the later ones, and so on; in the end one more ground truth has a detection, or
//! one detection is left over. So each detection adds one true positive, one false positive or neither, and what it adds
//! does not depend on those after it.
//!
//! The scores at which the kit counts are found by another matching: there each ground truth takes the best score.
//! Detections that are ignored take part in that alone, as a ground truth prefers any other.

use super::matcher::{CellPairs, MatchKind, Matcher, OnMatch};

/// Ground truths choose detections.
#[derive(Debug)]
pub(super) struct Kitti;

/// Which detection each ground truth has at one threshold, while detections come in.
struct Holders<'a> {
    crowd: &'a [bool],
    /// Ground truths that each detection reaches, in their order, and the similarities.
    pairs: Vec<Vec<(usize, f64)>>,
    /// The detection of each ground truth, and their similarity.
    held: Vec<Option<(usize, f64)>>,
}

impl<'a> Holders<'a> {
    fn new(cell: &CellPairs<'a>, t: usize) -> Self {
        let candidates = cell.candidates;
        let in_order = |d: usize| {
            let reached = candidates
                .pairs_of(d)
                .filter(|&(.., place)| candidates.reached(place, t / 64) >> (t % 64) & 1 == 1);
            let mut pairs: Vec<_> = reached.map(|(g, value, _)| (g, value)).collect();
            pairs.sort_unstable_by_key(|&(g, _)| g);
            pairs
        };
        let pairs = (0..candidates.len()).map(in_order).collect();
        Holders { crowd: cell.crowd, pairs, held: vec![None; cell.ignored.len()] }
    }

    /// Lets the next detection in: the ground truth that has one now and had none, or the crowd of the one left over.
    /// `on_change(ground truth, detection, former one)` is called for each that has another one.
    fn enter(&mut self, d: usize, mut on_change: impl FnMut(usize, usize, Option<usize>)) -> Option<usize> {
        let (mut left, mut passed) = (d, 0);
        loop {
            let prefers = |&&(g, value): &&(usize, f64)| {
                g >= passed && !self.crowd[g] && self.held[g].is_none_or(|(_, held)| value > held)
            };
            let Some(&(g, value)) = self.pairs[left].iter().find(prefers) else {
                return self.pairs[left].iter().find(|(g, _)| self.crowd[*g]).map(|&(g, _)| g);
            };
            let former = self.held[g].replace((left, value)).map(|(former, _)| former);
            on_change(g, left, former);
            match former {
                None => return Some(g),
                Some(former) => (left, passed) = (former, g + 1),
            }
        }
    }
}

/// What each detection of a cell adds, at one threshold, to the sum of `value(detection, ground truth)` over the pairs of
/// the ground truths that are not ignored.
pub fn added_values(cell: &CellPairs<'_>, t: usize, value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut holders = Holders::new(cell, t);
    let added = |d: usize| {
        let mut sum = 0.0;
        if !cell.uncounted[d] {
            holders.enter(d, |g, now, former| {
                if !cell.ignored[g] {
                    sum += value(now, g) - former.map_or(0.0, |former| value(former, g));
                }
            });
        }
        sum
    };
    (0..cell.candidates.len()).map(added).collect()
}

impl Matcher for Kitti {
    fn name(&self) -> &'static str {
        "kitti"
    }

    fn match_cell(&self, cell: &CellPairs<'_>, _: &mut Vec<u64>, on_match: OnMatch<'_>) {
        let CellPairs { thresholds, ignored, crowd, uncounted, .. } = *cell;
        for t in 0..thresholds.len() {
            let (word, bit) = (t / 64, 1 << (t % 64));
            let (mut holders, mut sampled) = (Holders::new(cell, t), vec![false; ignored.len()]);
            for d in 0..cell.candidates.len() {
                let small = uncounted.get(d).is_some_and(|&small| small);
                if let Some(&(g, _)) = holders.pairs[d].iter().find(|(g, _)| !crowd[*g] && !sampled[*g]) {
                    sampled[g] = true;
                    if !ignored[g] && !small {
                        on_match(word, bit, d, g, MatchKind::Sampled);
                    }
                }
                if small {
                    continue;
                }
                if let Some(g) = holders.enter(d, |_, _, _| ()) {
                    on_match(word, bit, d, g, MatchKind::Counted);
                }
            }
        }
    }

    fn samples(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::greedy::Candidates;
    use super::*;
    use crate::random::Random;

    /// True positives and false positives among the best detections, the similarities of the true ones, and whether the
    /// last of them is sampled, at one threshold, as the kit counts them.
    fn counted(
        similarity: &[f64],
        flags: [&[bool]; 3],
        threshold: f64,
        some: usize,
    ) -> ([usize; 2], f64, Vec<usize>) {
        let [ignored, crowd, small] = flags;
        let objects = ignored.len();
        let value = |d: usize, g: usize| similarity[d * objects + g];
        let (mut assigned, mut hits, mut sum) = (vec![false; some], 0, 0.0);
        for g in (0..objects).filter(|&g| !crowd[g]) {
            let free = |d: &usize| !assigned[*d] && value(*d, g) >= threshold;
            let mut best = None;
            for d in (0..some).filter(|d| !small[*d]).filter(free) {
                if best.is_none_or(|b| value(d, g) > value(b, g)) {
                    best = Some(d);
                }
            }
            hits += usize::from(best.is_some() && !ignored[g]);
            sum += best.filter(|_| !ignored[g]).map_or(0.0, |d| value(d, g));
            if let Some(d) = best.or_else(|| (0..some).filter(|&d| small[d]).find(free)) {
                assigned[d] = true;
            }
        }
        let stuff = |d: usize| (0..objects).any(|g| crowd[g] && value(d, g) >= threshold);
        let misses = (0..some).filter(|&d| !assigned[d] && !small[d] && !stuff(d)).count();
        let (mut assigned, mut samples) = (vec![false; some], Vec::new());
        for g in (0..objects).filter(|&g| !crowd[g]) {
            if let Some(d) = (0..some).find(|&d| !assigned[d] && value(d, g) >= threshold) {
                assigned[d] = true;
                if !ignored[g] && !small[d] {
                    samples.push(d);
                }
            }
        }
        samples.sort_unstable();
        ([hits, misses], sum, samples)
    }

    #[test]
    fn what_each_detection_adds_is_what_the_kit_counts_more() {
        let mut random = Random::new(4);
        for _ in 0..3000 {
            let (detections, objects) = (1 + random.below(7) as usize, 1 + random.below(5) as usize);
            let similarity: Vec<f64> = (0..detections * objects).map(|_| random.unit()).collect();
            let mut flags = |n: usize| (0..n).map(|_| random.below(4) == 0).collect::<Vec<bool>>();
            let (crowd, small) = (flags(objects), flags(detections));
            let ignored: Vec<bool> = flags(objects).iter().zip(&crowd).map(|(a, b)| a | b).collect();
            let thresholds = [0.2, 0.5];
            let mut candidates = Candidates::default();
            candidates.collect(&similarity, objects, &thresholds).unwrap();
            let cell = CellPairs {
                candidates: &candidates,
                thresholds: &thresholds,
                ignored: &ignored,
                crowd: &crowd,
                uncounted: &small,
                claims: &|_| true,
            };
            let mut made = Vec::new();
            Kitti.match_cell(&cell, &mut Vec::new(), &mut |_, bit, d, g, kind| {
                made.push((bit, d, g, kind));
            });
            for (t, &threshold) in thresholds.iter().enumerate() {
                let of = |kind: MatchKind| {
                    let made = made.iter().filter(move |(bit, .., k)| *bit == 1 << t && *k == kind);
                    made.map(|&(_, d, g, _)| (d, g)).collect::<Vec<_>>()
                };
                let added = added_values(&cell, t, |d, g| similarity[d * objects + g]);
                let (matched, sampled) = (of(MatchKind::Counted), of(MatchKind::Sampled));
                for some in 1..=detections {
                    let hits = matched.iter().filter(|(d, g)| *d < some && !ignored[*g]).count();
                    let unmatched = |d: usize| !small[d] && matched.iter().all(|(other, _)| *other != d);
                    let misses = (0..some).filter(|&d| unmatched(d)).count();
                    let (expected, sum, samples) =
                        counted(&similarity, [&ignored, &crowd, &small], threshold, some);
                    assert_eq!([hits, misses], expected);
                    assert!((added[..some].iter().sum::<f64>() - sum).abs() < 1e-12);
                    if some == detections {
                        assert_eq!(sampled.iter().map(|(d, _)| *d).collect::<Vec<_>>(), samples);
                    }
                }
            }
        }
    }
}
