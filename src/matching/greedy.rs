//! Greedy matching of the detections of one cell, best score first.
//!
//! Source: `evaluateImg` of the COCO API. A detection takes the ground truth it is most similar to among those
//! still free (a crowd is always free), a later one on a tie; one that is ignored only if no other reaches the
//! threshold.

/// The pairs of one cell that can match at all, detection by detection.
#[derive(Default)]
pub struct Candidates {
    pairs: Vec<(u32, f64)>,
    ends: Vec<u32>,
}

impl Candidates {
    /// Keeps the pairs of `similarity` (`(D, G)`, row by row, not empty) that are not below `floor`. A NaN is not below.
    pub fn collect(&mut self, similarity: &[f64], ground_truths: usize, floor: f64) {
        self.clear();
        for row in similarity.chunks_exact(ground_truths) {
            // Written so that a NaN passes, as it does in the reference.
            let reached = row.iter().enumerate().filter(|&(_, value)| !(*value < floor));
            self.pairs.extend(reached.map(|(g, &value)| (g as u32, value)));
            self.ends.push(self.pairs.len() as u32);
        }
    }

    /// Forgets all pairs.
    pub fn clear(&mut self) {
        self.pairs.clear();
        self.ends.clear();
    }

    /// Whether no pair can match.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Detections with at least one candidate, and their candidates in ground-truth order.
    fn rows(&self) -> impl Iterator<Item = (usize, &[(u32, f64)])> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let rows = starts.zip(&self.ends).enumerate();
        rows.filter(|(_, (start, end))| start < *end)
            .map(|(d, (start, &end))| (d, &self.pairs[start as usize..end as usize]))
    }

    /// Whether detection `d` has a candidate.
    pub fn has(&self, d: usize) -> bool {
        let end = |d: usize| self.ends.get(d).copied().unwrap_or(0);
        end(d) > if d == 0 { 0 } else { end(d - 1) }
    }
}

/// The lowest of the thresholds: below it nothing matches. With a NaN among them everything can.
pub fn floor(thresholds: &[f64]) -> f64 {
    if thresholds.iter().any(|t| t.is_nan()) {
        return f64::NEG_INFINITY;
    }
    thresholds.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Matches at each threshold and calls `on_match(threshold, detection, ground truth)` for each pair made, in the
/// order in which they are made.
///
/// `ignored`, `crowd`: one flag for each ground truth. `claims(d)`: whether a match by detection `d` takes the
/// ground truth away from those after it (in the reference, a detection whose id is not above zero does not).
pub fn match_greedily(
    candidates: &Candidates,
    thresholds: &[f64],
    ignored: &[bool],
    crowd: &[bool],
    claims: impl Fn(usize) -> bool,
    taken: &mut Vec<bool>,
    mut on_match: impl FnMut(usize, usize, usize),
) {
    for (t, &threshold) in thresholds.iter().enumerate() {
        taken.clear();
        taken.resize(ignored.len(), false);
        for (d, pairs) in candidates.rows() {
            let best_of = |wanted: bool| {
                let (mut best, mut found) = (threshold, None);
                for &(g, value) in pairs {
                    let g = g as usize;
                    if ignored[g] != wanted || (taken[g] && !crowd[g]) || value < best {
                        continue;
                    }
                    (best, found) = (value, Some(g));
                }
                found
            };
            if let Some(g) = best_of(false).or_else(|| best_of(true)) {
                on_match(t, d, g);
                taken[g] = claims(d);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(
        similarity: &[f64],
        thresholds: &[f64],
        ignored: &[bool],
        crowd: &[bool],
    ) -> Vec<(usize, usize, usize)> {
        let (mut candidates, mut made) = (Candidates::default(), Vec::new());
        candidates.collect(similarity, ignored.len(), floor(thresholds));
        match_greedily(
            &candidates,
            thresholds,
            ignored,
            crowd,
            |_| true,
            &mut Vec::new(),
            |t, d, g| {
                made.push((t, d, g));
            },
        );
        made
    }

    #[test]
    fn the_best_free_one_is_taken_and_a_later_one_wins_a_tie() {
        assert_eq!(matches(&[0.6, 0.7, 0.7, 0.8], &[0.5], &[false; 2], &[false; 2]), [(0, 0, 1), (0, 1, 0)]);
        assert_eq!(matches(&[0.6, 0.6], &[0.5], &[false; 2], &[false; 2]), [(0, 0, 1)]);
    }

    #[test]
    fn an_ignored_one_only_if_no_other_reaches() {
        assert_eq!(matches(&[0.9, 0.5], &[0.5, 0.6], &[true, false], &[false; 2]), [(0, 0, 1), (1, 0, 0)]);
    }

    #[test]
    fn a_crowd_stays_free() {
        assert_eq!(matches(&[0.9, 0.9], &[0.5], &[true], &[true]), [(0, 0, 0), (0, 1, 0)]);
        assert_eq!(matches(&[0.9, 0.9], &[0.5], &[true], &[false]), [(0, 0, 0)]);
    }

    #[test]
    fn a_nan_matches_anything() {
        assert_eq!(matches(&[f64::NAN], &[0.5], &[false], &[false]), [(0, 0, 0)]);
    }

    #[test]
    fn one_that_does_not_claim_leaves_its_match_free() {
        let (mut candidates, mut made) = (Candidates::default(), Vec::new());
        candidates.collect(&[0.9, 0.9], 1, 0.5);
        match_greedily(
            &candidates,
            &[0.5],
            &[false],
            &[false],
            |d| d > 0,
            &mut Vec::new(),
            |_, d, _| made.push(d),
        );
        assert_eq!(made, [0, 1]);
    }
}
