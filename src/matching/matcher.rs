//! What a matcher is, and the registry that lists them.

use std::fmt::Debug;

use super::argmax::Argmax;
use super::greedy::{Candidates, Greedy};
use super::greedy_first::GreedyFirst;
use super::group_of::GroupOf;
use super::kitti::Kitti;
use crate::error::{Error, Result};

/// All matchers. Names are spelt in their own files and in no other part of the core.
pub static MATCHERS: &[&dyn Matcher] =
    &[&Greedy, &GreedyFirst, &Argmax, &GroupOf { counted: false }, &GroupOf { counted: true }, &Kitti];

/// Decides which detection of a cell gets which ground truth.
pub trait Matcher: Debug + Send + Sync {
    /// Its name: a protocol's `matcher`.
    fn name(&self) -> &'static str;

    /// Matches at every threshold and calls `on_match(word, bits, detection, ground truth, kind)` for the pairs made: at
    /// the thresholds of `bits` in the `word`-th 64. `taken` is working memory.
    fn match_cell(&self, pairs: &CellPairs<'_>, taken: &mut Vec<u64>, on_match: OnMatch<'_>);

    /// Whether a cell all of whose ground truths are ignored is matched like one in which none is.
    fn all_ignored_is_none_ignored(&self) -> bool {
        false
    }

    /// Whether it also says whose scores are sampled, and asks which detections are ignored.
    fn samples(&self) -> bool {
        false
    }

    /// Whether crowds are objects to be found.
    fn counts_crowds(&self) -> bool {
        false
    }
}

/// Receives each match.
pub type OnMatch<'a> = &'a mut dyn FnMut(usize, u64, usize, usize, MatchKind);

/// What a match says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchKind {
    /// The detection matches the ground truth.
    Counted,
    /// It does so after another one: it is ignored, whatever it matches.
    Repeated,
    /// Its score is sampled, whatever it counts as.
    Sampled,
}

/// One cell in some area ranges, as a matcher sees it: detections best first, ground truths in input order.
pub struct CellPairs<'a> {
    /// The pairs that can match.
    pub candidates: &'a Candidates,
    /// Similarity thresholds.
    pub thresholds: &'a [f64],
    /// Which ground truths are ignored.
    pub ignored: &'a [bool],
    /// Which ground truths are crowds.
    pub crowd: &'a [bool],
    /// Which detections are ignored where they match nothing; empty for matchers that do not ask ([`Matcher::samples`]).
    pub uncounted: &'a [bool],
    /// Whether a match by that detection takes the ground truth away from those after it (in the reference, a detection
    /// whose id is not above zero does not).
    pub claims: &'a dyn Fn(usize) -> bool,
}

impl dyn Matcher {
    /// The matcher of that name.
    ///
    /// # Errors
    ///
    /// There is none; the message lists those that there are.
    pub fn named(name: &str) -> Result<&'static dyn Matcher> {
        let known = || {
            let names: Vec<String> = MATCHERS.iter().map(|matcher| format!("'{}'", matcher.name())).collect();
            names.join(" or ")
        };
        let found = MATCHERS.iter().find(|matcher| matcher.name() == name);
        found.copied().ok_or_else(|| Error::value(format!("expected {}, found {name:?}", known())))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The word of thresholds, those of it, the detection, the ground truth and the kind of each match of a cell.
    pub(in crate::matching) fn matches_of(
        matcher: &dyn Matcher,
        similarity: &[f64],
        thresholds: &[f64],
        [ignored, crowd]: [&[bool]; 2],
        claims: &dyn Fn(usize) -> bool,
    ) -> Vec<(usize, u64, usize, usize, MatchKind)> {
        let (mut candidates, mut made) = (Candidates::default(), Vec::new());
        candidates.collect(similarity, ignored.len(), thresholds).unwrap();
        let pairs = CellPairs { candidates: &candidates, thresholds, ignored, crowd, uncounted: &[], claims };
        matcher.match_cell(&pairs, &mut Vec::new(), &mut |word, bits, d, g, kind| {
            made.push((word, bits, d, g, kind));
        });
        made
    }

    #[test]
    fn each_matcher_is_found_by_its_name() {
        for matcher in MATCHERS {
            assert_eq!(<dyn Matcher>::named(matcher.name()).unwrap().name(), matcher.name());
        }
        let error = <dyn Matcher>::named("best").map(|matcher| matcher.name()).unwrap_err();
        let expected = "expected 'greedy' or 'greedy-first' or 'argmax' or 'group-of' or 'group-of-counted' \
                        or 'kitti', found \"best\"";
        assert_eq!(error.to_string(), expected);
    }
}
