//! Matching that asks for the best ground truth first, and only then whether it is still free.
//!
//! Source: `VOCevaldet.m` of the PASCAL VOC development kit. A detection whose most similar ground truth was taken by a
//! better one is a false positive, even if another ground truth would have done. (Ultralytics' pairing of each
//! detection with its best ground truth, each ground truth with the best-scored of those, is the same rule.)

use super::greedy::Candidates;

/// Matches at every threshold and calls `on_match(word, bits, detection, ground truth)` for the pairs made: at the
/// thresholds of `bits` in the `word`-th 64.
///
/// An earlier ground truth wins a tie. One that is `ignored` is never taken: any number of detections may match it.
pub fn match_best_first(
    candidates: &Candidates,
    thresholds: &[f64],
    ignored: &[bool],
    taken: &mut Vec<u64>,
    mut on_match: impl FnMut(usize, u64, usize, usize),
) {
    for word in 0..thresholds.len().div_ceil(64) {
        taken.clear();
        taken.resize(ignored.len(), 0);
        for d in 0..candidates.len() {
            let Some((g, place)) = candidates.best(d) else { continue };
            let bits = candidates.reached(place, word) & !taken[g];
            if bits != 0 {
                on_match(word, bits, d, g);
            }
            if !ignored[g] {
                taken[g] |= bits;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(similarity: &[f64], thresholds: &[f64], ignored: &[bool]) -> Vec<(u64, usize, usize)> {
        let (mut candidates, mut made) = (Candidates::default(), Vec::new());
        candidates.collect(similarity, ignored.len(), thresholds);
        let on_match = |_, bits, d, g| made.push((bits, d, g));
        match_best_first(&candidates, thresholds, ignored, &mut Vec::new(), on_match);
        made
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
