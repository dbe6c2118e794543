//! Greedy matching in which the first of equals wins.
//!
//! Source: `Image.compare_caltech` of CrowdDet, for CrowdHuman. As in the matching of the COCO API, a detection takes
//! the ground truth that it is most similar to among those still free, and one that is ignored only if there is no
//! other; but of ground truths that are equally similar it takes the first one, not the last.

use std::cmp::Ordering;

use super::matcher::{CellPairs, MatchKind, Matcher, OnMatch};

/// The best that is still free; of two as good the earlier one.
#[derive(Debug)]
pub(super) struct GreedyFirst;

impl Matcher for GreedyFirst {
    fn name(&self) -> &'static str {
        "greedy-first"
    }

    fn match_cell(&self, pairs: &CellPairs<'_>, taken: &mut Vec<u64>, on_match: OnMatch<'_>) {
        let CellPairs { candidates, thresholds, ignored, crowd, .. } = *pairs;
        let mut order = Vec::new();
        for word in 0..thresholds.len().div_ceil(64) {
            taken.clear();
            taken.resize(ignored.len(), 0);
            for d in 0..candidates.len() {
                order.clear();
                order.extend(candidates.pairs_of(d));
                order.sort_by(|a: &(usize, f64, usize), b| {
                    let best = b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal);
                    ignored[a.0].cmp(&ignored[b.0]).then(best).then(a.0.cmp(&b.0))
                });
                let mut open = u64::MAX;
                for &(g, _, place) in &order {
                    let free = if crowd[g] { u64::MAX } else { !taken[g] };
                    let bits = candidates.reached(place, word) & free & open;
                    if bits != 0 {
                        on_match(word, bits, d, g, MatchKind::Counted);
                        taken[g] |= bits;
                        open &= !bits;
                    }
                }
            }
        }
    }

    fn all_ignored_is_none_ignored(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::matcher::tests::matches_of;
    use super::*;

    fn matches(similarity: &[f64], ignored: &[bool], crowd: &[bool]) -> Vec<(usize, usize)> {
        let made = matches_of(&GreedyFirst, similarity, &[0.5], [ignored, crowd], &|_| true);
        made.into_iter().map(|(_, _, d, g, _)| (d, g)).collect()
    }

    #[test]
    fn the_first_of_equals_is_taken() {
        assert_eq!(matches(&[0.6, 0.6], &[false; 2], &[false; 2]), [(0, 0)]);
        assert_eq!(matches(&[0.6, 0.7, 0.7, 0.8], &[false; 2], &[false; 2]), [(0, 1), (1, 0)]);
    }

    #[test]
    fn what_is_ignored_comes_last_and_a_crowd_stays_free() {
        assert_eq!(matches(&[0.9, 0.5], &[true, false], &[true, false]), [(0, 1)]);
        assert_eq!(matches(&[0.9, 0.9], &[true], &[true]), [(0, 0), (1, 0)]);
        assert_eq!(matches(&[0.9, 0.9], &[true], &[false]), [(0, 0)]);
    }
}
