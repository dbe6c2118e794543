//! Matching where some ground truth is a group of objects: that of Open Images.
//!
//! Source: `per_image_evaluation.py` of TensorFlow's object detection API. A detection first goes to the most similar
//! single object, as in argmax matching. One that does not match goes to the group that covers most of it (the
//! similarity to a crowd region is relative to the detection). A group is one object, found by the best of its
//! detections, or none; further detections within it are ignored.

use super::matcher::{CellPairs, MatchKind, Matcher, OnMatch};

/// Single objects first, then groups.
#[derive(Debug)]
pub struct GroupOf {
    /// Whether a group counts as one object. If not, all detections within it are ignored.
    pub counted: bool,
}

impl Matcher for GroupOf {
    fn name(&self) -> &'static str {
        if self.counted { "group-of-counted" } else { "group-of" }
    }

    fn match_cell(&self, pairs: &CellPairs<'_>, taken: &mut Vec<u64>, on_match: OnMatch<'_>) {
        let CellPairs { candidates, thresholds, ignored, crowd, .. } = pairs;
        for word in 0..thresholds.len().div_ceil(64) {
            taken.clear();
            taken.resize(ignored.len(), 0);
            for d in 0..candidates.len() {
                let mut open = u64::MAX;
                if let Some((g, place)) = candidates.best_of(d, |g| !crowd[g]) {
                    let bits = candidates.reached(place, word) & !taken[g];
                    if bits != 0 {
                        on_match(word, bits, d, g, MatchKind::Counted);
                    }
                    if !ignored[g] {
                        taken[g] |= bits;
                    }
                    open = !bits;
                }
                if let Some((g, place)) = candidates.best_of(d, |g| crowd[g]) {
                    let bits = candidates.reached(place, word) & open;
                    let first = bits & !taken[g];
                    if first != 0 {
                        on_match(word, first, d, g, MatchKind::Counted);
                    }
                    if bits & !first != 0 {
                        on_match(word, bits & !first, d, g, MatchKind::Repeated);
                    }
                    if !ignored[g] {
                        taken[g] |= first;
                    }
                }
            }
        }
    }

    fn counts_crowds(&self) -> bool {
        self.counted
    }
}

#[cfg(test)]
mod tests {
    use super::super::matcher::tests::matches_of;
    use super::*;

    fn matches(
        similarity: &[f64],
        thresholds: &[f64],
        crowd: &[bool],
        counted: bool,
    ) -> Vec<(u64, usize, usize, bool)> {
        let ignored: Vec<bool> = crowd.iter().map(|&crowd| crowd && !counted).collect();
        let made = matches_of(&GroupOf { counted }, similarity, thresholds, [&ignored, crowd], &|_| true);
        made.into_iter().map(|(_, bits, d, g, kind)| (bits, d, g, kind == MatchKind::Repeated)).collect()
    }

    #[test]
    fn single_objects_go_first() {
        let similarity = [0.6, 0.9, 0.7, 0.8];
        let expected = [(1, 0, 0, false), (1, 1, 1, false)];
        assert_eq!(matches(&similarity, &[0.5], &[false, true], false), expected);
        assert_eq!(matches(&similarity, &[0.5], &[false, true], true), expected);
    }

    #[test]
    fn a_group_is_found_once() {
        let expected = [(1, 0, 0, false), (1, 1, 0, true)];
        assert_eq!(matches(&[0.9, 1.0], &[0.5], &[true], true), expected);
        assert_eq!(matches(&[0.9, 1.0], &[0.5], &[true], false), [(1, 0, 0, false), (1, 1, 0, false)]);
    }

    #[test]
    fn each_threshold_stands_alone_and_the_first_group_wins_a_tie() {
        let (similarity, thresholds) = ([0.6, 0.9, 0.9], [0.5, 0.7]);
        let expected = [(1, 0, 0, false), (2, 0, 1, false)];
        assert_eq!(matches(&similarity, &thresholds, &[false, true, true], true), expected);
    }
}
