//! A part of one ranking: the curves of a run of detections, given what stands before it.
//!
//! A ranking that is too long for one machine is cut by score (by image, where scores are equal). Of what comes before it a
//! part need only know the numbers of true and false positives; of what comes after it, the greatest precision there. So
//! each part is drawn by itself, and a maximum over parts, which rounds nothing, makes the curve of the whole.

use rayon::prelude::*;

use super::events::Events;
use super::sweep::{Curves, Reached, reached};
use crate::matching::{MatchTable, Outcome, Row, each_bit};
use crate::threads;

/// What a part holds of one group. Arrays are `(T, A, M)` row by row.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// True positives.
    pub hits: Vec<i64>,
    /// False positives.
    pub misses: Vec<i64>,
    /// Detections under each limit, ignored or not: `(M,)`.
    pub seen: Vec<i64>,
}

/// Counts what each group of a table holds, over all its area ranges.
pub fn tallies(table: &MatchTable, limits: &[usize]) -> Vec<Tally> {
    threads::run(|| (0..table.groups()).into_par_iter().map(|group| tally(table, group, limits)).collect())
}

fn tally(table: &MatchTable, group: usize, limits: &[usize]) -> Tally {
    let bits = table.bits;
    let (areas, m) = (bits.areas, limits.len());
    let size = bits.thresholds * areas * m;
    let mut tally = Tally { hits: vec![0; size], misses: vec![0; size], seen: vec![0; m] };
    // What is under a limit is under all greater ones: it is counted once, and summed in the end.
    let mut ascending: Vec<usize> = (0..m).collect();
    ascending.sort_by_key(|&m| limits[m]);
    // Unmatched detections are false positives at all thresholds alike.
    let mut unmatched = vec![0; areas * m];
    for part in &table.parts {
        for row in part.rows(group).iter().filter(|row| row.rank != Row::DROPPED) {
            let Some(&least) = ascending.iter().find(|&&m| (row.rank as usize) < limits[m]) else { continue };
            tally.seen[least] += 1;
            match row.outcome() {
                Outcome::Unmatched(outside) => {
                    for a in (0..areas).filter(|a| outside >> a & 1 == 0) {
                        unmatched[a * m + least] += 1;
                    }
                }
                Outcome::Matched(entry) => {
                    let outcome = &part.outcomes[entry * bits.entry()..(entry + 1) * bits.entry()];
                    for a in 0..areas {
                        for word in 0..bits.words() {
                            let (matched, ignored) = bits.get(outcome, a, word);
                            let counted = !ignored & bits.used(word);
                            let place = |t: usize| ((64 * word + t) * areas + a) * m + least;
                            each_bit(matched & counted, |t| tally.hits[place(t)] += 1);
                            each_bit(!matched & counted, |t| tally.misses[place(t)] += 1);
                        }
                    }
                }
            }
        }
    }
    for of_threshold in tally.misses.chunks_exact_mut(unmatched.len().max(1)) {
        of_threshold.iter_mut().zip(&unmatched).for_each(|(count, more)| *count += more);
    }
    for counts in [&mut tally.hits, &mut tally.misses, &mut tally.seen] {
        for of_limits in counts.chunks_exact_mut(m.max(1)) {
            ascending.iter().fold(0, |before, &m| {
                of_limits[m] += before;
                of_limits[m]
            });
        }
    }
    tally
}

/// The curves of one group's part. Arrays are row by row.
#[derive(Clone, Debug)]
pub struct Part {
    /// Greatest precision in this part at or beyond each recall point that is reached in it, `(T, R, A, M)`; -1 at others.
    pub precision: Vec<f64>,
    /// Recall reached at the end of the part, `(T, A, M)`; -1 where there is nothing to find.
    pub recall: Vec<f64>,
    /// Score at which each recall point is reached, where it is.
    pub scores: Vec<f64>,
    /// Greatest precision of the part, `(T, A, M)`; 0 where there is none.
    pub peak: Vec<f64>,
}

/// Draws one group of a table as a part: `positives` are to be found in each area range of the whole, `before` is what
/// stands before the part.
pub fn draw_part(
    table: &MatchTable,
    group: usize,
    points: &[f64],
    limits: &[usize],
    positives: &[usize],
    before: &Tally,
) -> Part {
    let (thresholds, areas, m) = (table.bits.thresholds, table.bits.areas, limits.len());
    let inner = areas * m;
    let mut part = Part {
        precision: vec![-1.0; thresholds * points.len() * inner],
        recall: vec![-1.0; thresholds * inner],
        scores: vec![-1.0; thresholds * points.len() * inner],
        peak: vec![0.0; thresholds * inner],
    };
    let (mut events, mut curves, mut envelope) = (Events::default(), Curves::default(), Vec::new());
    let all: Vec<usize> = (0..areas).collect();
    events.read(table, group, None, &all, limits);
    for a in all {
        if positives[a] == 0 {
            continue;
        }
        let reached = reached(points, positives[a]);
        for (place, &seen) in before.seen.iter().enumerate() {
            curves.sweep(thresholds, &events, a, place);
            for t in 0..thresholds {
                let at = t * inner + a * m + place;
                let (hits, misses) = (before.hits[at] as usize, before.misses[at] as u32);
                let found = curves.false_positives(t);
                let end = hits + found.len();
                part.recall[at] = end as f64 / positives[a] as f64;
                envelope.clear();
                envelope.extend(found.zip(hits as i32 + 1..).map(|(more, count)| {
                    // As `Curves::read` divides.
                    let count = f64::from(count);
                    count / (f64::from((misses + more) as i32) + count + f64::EPSILON)
                }));
                let mut best = 0.0;
                for precision in envelope.iter_mut().rev() {
                    if *precision > best {
                        best = *precision;
                    }
                    *precision = best;
                }
                part.peak[at] = best;
                for (r, reached) in reached.iter().enumerate() {
                    let found = match (reached, events.first_score(place)) {
                        (Reached::AtOnce, Some(first)) if seen == 0 => (best, first),
                        (&Reached::By(i), _) if (hits..end).contains(&i) => {
                            (envelope[i - hits], curves.score(t, i - hits, &events))
                        }
                        _ => continue,
                    };
                    let at = (t * points.len() + r) * inner + a * m + place;
                    (part.precision[at], part.scores[at]) = found;
                }
            }
        }
    }
    part
}
