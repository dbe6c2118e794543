//! Argmax matching: a detection matches the most similar ground truth, or none if that is matched already.
//!
//! Source: `VOCevaldet.m` of the PASCAL VOC development kit. A detection whose most similar ground truth was taken by a
//! better one is a false positive, even if another ground truth would have done. (Ultralytics' pairing of each
//! detection with its best ground truth, each ground truth with the best-scored of those, is the same rule.)

use super::matcher::{CellPairs, MatchKind, Matcher, OnMatch};

/// The best of all, if it is still free.
///
/// An earlier ground truth wins a tie. One that is ignored is never taken: any number of detections may match it.
#[derive(Debug)]
pub struct Argmax;

impl Matcher for Argmax {
    fn name(&self) -> &'static str {
        "argmax"
    }

    fn match_cell(&self, pairs: &CellPairs<'_>, taken: &mut Vec<u64>, on_match: OnMatch<'_>) {
        let CellPairs { candidates, thresholds, ignored, .. } = pairs;
        for word in 0..thresholds.len().div_ceil(64) {
            taken.clear();
            taken.resize(ignored.len(), 0);
            for d in 0..candidates.len() {
                let Some((g, place)) = candidates.best(d) else { continue };
                let bits = candidates.reached(place, word) & !taken[g];
                if bits != 0 {
                    on_match(word, bits, d, g, MatchKind::Counted);
                }
                if !ignored[g] {
                    taken[g] |= bits;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::matcher::tests::matches_of;
    use super::*;

    fn matches(similarity: &[f64], thresholds: &[f64], ignored: &[bool]) -> Vec<(u64, usize, usize)> {
        let crowd = vec![false; ignored.len()];
        let made = matches_of(&Argmax, similarity, thresholds, [ignored, &crowd], &|_| true);
        made.into_iter().map(|(_, bits, d, g, _)| (bits, d, g)).collect()
    }

    #[test]
    fn a_duplicate_does_not_fall_back_to_another_ground_truth() {
        assert_eq!(matches(&[0.9, 0.6, 0.8, 0.7], &[0.5], &[false; 2]), [(1, 0, 0)]);
    }

    #[test]
    fn what_is_ignored_is_never_taken() {
        assert_eq!(matches(&[0.9, 0.9], &[0.5], &[true]), [(1, 0, 0), (1, 1, 0)]);
    }

    #[test]
    fn the_first_wins_a_tie_and_each_threshold_stands_alone() {
        assert_eq!(matches(&[0.6, 0.6], &[0.5, 0.7], &[false; 2]), [(1, 0, 0)]);
        assert_eq!(matches(&[0.6, 0.9], &[0.5, 0.7], &[false]), [(1, 0, 0), (2, 1, 0)]);
    }
}
