//! One group's detections from the best score down, counted into curves.

use crate::matching::{Bits, MatchTable, Outcome, descending_key};

/// One group's rows, best score first; ties by image, then by rank.
pub struct Sorted {
    bits: Bits,
    score: Vec<f64>,
    rank: Vec<u32>,
    outcome: Vec<Outcome>,
    outcomes: Vec<u64>,
    truth_areas: Vec<u32>,
}

impl Sorted {
    /// Sorts the rows of `group`, leaving out images that are not wanted.
    pub fn new(table: &MatchTable, group: usize, images: Option<&[bool]>) -> Sorted {
        let parts = table.group(group);
        let wanted = |image: u32| images.is_none_or(|images| images[image as usize]);
        let rows = parts.iter().map(|part| part.len()).sum();
        let mut order: Vec<(u64, u32, u32)> = Vec::with_capacity(rows);
        let mut outcomes = Vec::with_capacity(parts.iter().map(|part| part.outcomes().len()).sum());
        let mut bases = Vec::with_capacity(parts.len());
        let mut truth_areas = Vec::new();
        let entry = table.bits().entry();
        for (p, part) in parts.iter().enumerate() {
            let kept = (0..part.len()).filter(|&row| wanted(part.image[row]));
            order.extend(kept.map(|row| (descending_key(part.score[row]), p as u32, row as u32)));
            bases.push(outcomes.len() / entry.max(1));
            outcomes.extend_from_slice(part.outcomes());
            let truths = part.truth_image.iter().zip(&part.truth_areas);
            truth_areas.extend(truths.filter(|(image, _)| wanted(**image)).map(|(_, areas)| areas));
        }
        order.sort_unstable();
        let outcome = |p: usize, row: usize| match parts[p].outcome(row) {
            Outcome::Matched(index) => Outcome::Matched(index + bases[p]),
            unmatched => unmatched,
        };
        Sorted {
            bits: table.bits(),
            score: order.iter().map(|&(_, p, row)| parts[p as usize].score[row as usize]).collect(),
            rank: order.iter().map(|&(_, p, row)| parts[p as usize].rank[row as usize]).collect(),
            outcome: order.iter().map(|&(_, p, row)| outcome(p as usize, row as usize)).collect(),
            outcomes,
            truth_areas,
        }
    }

    /// Ground truths to be found in an area range.
    pub fn positives(&self, area: usize) -> usize {
        self.truth_areas.iter().filter(|&&areas| areas >> area & 1 == 1).count()
    }
}

/// A true positive: how many false positives came before it, and its row.
#[derive(Clone, Copy)]
struct TruePositive {
    false_positives: u32,
    row: u32,
}

/// The curves of one area range and one limit on detections, one for each threshold.
pub struct Curves {
    found: Vec<Vec<TruePositive>>,
    extra: Vec<u32>,
    scores: Vec<f64>,
    first_score: Option<f64>,
    envelope: Vec<f64>,
}

impl Curves {
    /// Room for `thresholds` curves.
    pub fn new(thresholds: usize) -> Curves {
        Curves {
            found: vec![Vec::new(); thresholds],
            extra: vec![0; thresholds],
            scores: Vec::new(),
            first_score: None,
            envelope: Vec::new(),
        }
    }

    /// Counts the detections of rank below `limit`, from the best score down.
    pub fn sweep(&mut self, sorted: &Sorted, area: usize, limit: usize) {
        self.found.iter_mut().for_each(Vec::clear);
        self.extra.fill(0);
        self.scores.clear();
        self.first_score = None;
        let entry = sorted.bits.entry();
        // False positives at every threshold; `extra` has those of single thresholds.
        let mut everywhere = 0;
        for (row, &outcome) in sorted.outcome.iter().enumerate() {
            if sorted.rank[row] as usize >= limit {
                continue;
            }
            if self.first_score.is_none() {
                self.first_score = Some(sorted.score[row]);
            }
            match outcome {
                Outcome::Unmatched(outside) => everywhere += !outside >> area & 1,
                Outcome::Matched(index) => {
                    let entry = &sorted.outcomes[index * entry..(index + 1) * entry];
                    self.count(sorted.bits, entry, area, everywhere, sorted.score[row]);
                }
            }
        }
    }

    /// Counts one detection that matched at some threshold.
    fn count(&mut self, bits: Bits, entry: &[u64], area: usize, everywhere: u32, score: f64) {
        let row = self.scores.len() as u32;
        self.scores.push(score);
        for word in 0..bits.words() {
            let (matched, ignored) = bits.get(entry, area, word);
            let used = u64::MAX >> (64 - (bits.thresholds - 64 * word).min(64));
            each_bit(matched & !ignored & used, |bit| {
                let t = 64 * word + bit;
                self.found[t].push(TruePositive { false_positives: everywhere + self.extra[t], row });
            });
            each_bit(!matched & !ignored & used, |bit| self.extra[64 * word + bit] += 1);
        }
    }

    /// The recall reached at threshold `t`; 0 without detections.
    pub fn recall(&self, t: usize, positives: usize) -> f64 {
        self.found[t].len() as f64 / positives as f64
    }

    /// Reads the curve of threshold `t` at the recall points: `write(point, precision, score)` for each.
    ///
    /// Once a point cannot be reached it and all later ones are 0, also where the points are not sorted.
    pub fn read(
        &mut self,
        t: usize,
        positives: usize,
        points: &[f64],
        mut write: impl FnMut(usize, f64, f64),
    ) {
        let found = &self.found[t];
        self.envelope.clear();
        self.envelope.resize(found.len(), 0.0);
        let mut best = 0.0;
        for (i, tp) in found.iter().enumerate().rev() {
            let count = (i + 1) as f64;
            let precision = count / (f64::from(tp.false_positives) + count + f64::EPSILON);
            if precision > best {
                best = precision;
            }
            self.envelope[i] = best;
        }
        let recall = |i: usize| (i + 1) as f64 / positives as f64;
        let mut reachable = self.first_score.is_some();
        for (point, &wanted) in points.iter().enumerate() {
            if reachable && 0.0 >= wanted {
                // The very first detection reaches it, whatever became of it.
                write(point, self.envelope.first().copied().unwrap_or(0.0), self.first_score.unwrap_or(0.0));
                continue;
            }
            // An estimate, put right by the very division that the reference compares with.
            let mut i = ((wanted * positives as f64) as usize).saturating_sub(2).min(found.len());
            while i > 0 && recall(i - 1) >= wanted {
                i -= 1;
            }
            // Written so that a NaN is never reached.
            while i < found.len() && !(recall(i) >= wanted) {
                i += 1;
            }
            reachable &= i < found.len();
            if reachable {
                write(point, self.envelope[i], self.scores[found[i].row as usize]);
            } else {
                write(point, 0.0, 0.0);
            }
        }
    }
}

/// Calls `visit` with the index of each bit that is set.
fn each_bit(mut bits: u64, mut visit: impl FnMut(usize)) {
    while bits != 0 {
        visit(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}
