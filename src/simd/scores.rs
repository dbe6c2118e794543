//! Rows of scores and ids compared, counted and converted.
//!
//! Each is a plain loop, which the compiler turns into vector instructions; [`dispatch`] runs it with those of AVX2
//! where the processor has them. Nothing is rounded that would not be elsewhere, so the result is the same.

use super::{Kernel, Simd, dispatch, has_wide_vectors};
use crate::score::Score;

/// Whether so few members of a list are found faster by [`count_around`] than by sorting.
pub fn has_few<S: Score>(members: usize) -> bool {
    let bytes = if has_wide_vectors() { 320 } else { 80 };
    members <= bytes / size_of::<S>()
}

/// How many scores are greater than this one, and how many are equal to it. There are fewer than 2^32.
pub fn count_around<S: Score>(scores: &[S], score: S) -> (u32, u32) {
    dispatch(CountAround { scores, score })
}

struct CountAround<'a, S> {
    scores: &'a [S],
    score: S,
}

impl<S: Score> Kernel for CountAround<'_, S> {
    type Output = (u32, u32);

    #[inline(always)]
    fn run<V: Simd>(self) -> (u32, u32) {
        let CountAround { scores, score } = self;
        (count(scores, |other| other > score), count(scores, |other| other == score))
    }
}

/// Whether any score is NaN.
pub fn any_nan<S: Score>(scores: &[S]) -> bool {
    dispatch(AnyNan(scores))
}

struct AnyNan<'a, S>(&'a [S]);

impl<S: Score> Kernel for AnyNan<'_, S> {
    type Output = bool;

    #[inline(always)]
    fn run<V: Simd>(self) -> bool {
        // Adding up would miss infinities of both signs; comparing is as fast.
        count(self.0, S::is_nan) > 0
    }
}

/// Replaces the content of `single`, which has the capacity, by the nearest number of single precision to each score.
pub fn to_single(scores: &[f64], single: &mut Vec<f32>) {
    dispatch(ToSingle { scores, single });
}

struct ToSingle<'a> {
    scores: &'a [f64],
    single: &'a mut Vec<f32>,
}

impl Kernel for ToSingle<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self) {
        self.single.clear();
        self.single.extend(self.scores.iter().map(|&score| score as f32));
    }
}

/// Adds the [`integer_tag`] of each id to `tags`, which has capacity for them.
pub fn integer_tags<I: Copy + Into<i64>>(ids: &[I], tags: &mut Vec<u32>) {
    dispatch(IntegerTags { ids, tags });
}

struct IntegerTags<'a, I> {
    ids: &'a [I],
    tags: &'a mut Vec<u32>,
}

impl<I: Copy + Into<i64>> Kernel for IntegerTags<'_, I> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self) {
        self.tags.extend(self.ids.iter().map(|&id| integer_tag(id.into())));
    }
}

/// 32 bits of an integer whose upper ones are well mixed (Fibonacci hashing); all integers of 32 bits have their own.
#[inline(always)]
pub fn integer_tag(id: i64) -> u32 {
    ((id ^ (id >> 32)) as u32).wrapping_mul(0x9E37_79B1)
}

/// Replaces the content of `ranks` by how many classes come before each of the labelled ones: those with greater
/// scores, and with the same score and a lower index. Returns false if a score is NaN.
pub fn ranks_of_labels<S: Score>(scores: &[S], labels: &[i64], ranks: &mut Vec<usize>) -> bool {
    dispatch(RanksOfLabels { scores, labels, ranks })
}

struct RanksOfLabels<'a, S> {
    scores: &'a [S],
    labels: &'a [i64],
    ranks: &'a mut Vec<usize>,
}

impl<S: Score> Kernel for RanksOfLabels<'_, S> {
    type Output = bool;

    #[inline(always)]
    fn run<V: Simd>(self) -> bool {
        let RanksOfLabels { scores, labels, ranks } = self;
        if AnyNan(scores).run::<V>() {
            return false;
        }
        ranks.clear();
        for &label in labels {
            let (before, after) = scores.split_at(label as usize);
            let score = after[0];
            let rank = count(before, |other| other >= score) + count(after, |other| other > score);
            ranks.push(rank as usize);
        }
        true
    }
}

/// How many scores pass, counted in numbers as wide as they are: a vector of scores gives a vector of counts.
#[inline(always)]
fn count<S: Copy>(scores: &[S], passes: impl Fn(S) -> bool) -> u32 {
    if size_of::<S>() == 8 {
        scores.iter().map(|&score| u64::from(passes(score))).sum::<u64>() as u32
    } else {
        scores.iter().map(|&score| u32::from(passes(score))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::simd::Portable;

    /// Lists of all lengths up to 100, at each alignment, with ties, infinities and both zeros.
    fn lists<S: Score>(mut check: impl FnMut(&[S], &mut Random)) {
        let mut random = Random::new(3);
        for length in 0..100 {
            for start in 0..8 {
                let mut score = || match random.below(12) {
                    0 => f64::INFINITY,
                    1 => f64::NEG_INFINITY,
                    2 => -0.0,
                    number => (number / 2) as f64 - 2.0,
                };
                let scores: Vec<S> = (0..start + length).map(|_| S::nearest(score())).collect();
                check(&scores[start..], &mut random);
            }
        }
    }

    fn scores_are_counted_and_ranked<S: Score>() {
        let mut ranks = Vec::new();
        lists::<S>(|scores, random| {
            for &score in scores.iter().take(3) {
                let naive = [
                    scores.iter().filter(|&&other| other > score).count() as u32,
                    scores.iter().filter(|&&other| other == score).count() as u32,
                ];
                assert_eq!(count_around(scores, score), naive.into());
                assert_eq!(CountAround { scores, score }.run::<Portable>(), naive.into());
            }
            assert!(!any_nan(scores) && !AnyNan(scores).run::<Portable>());
            let Some(last) = scores.len().checked_sub(1) else { return };
            let label = random.below(scores.len() as u64) as usize;
            let labels = [label as i64, last as i64];
            let naive = labels.map(|label| {
                let of = scores[label as usize];
                let before =
                    |&(other, &score): &(usize, &S)| score > of || score == of && other < label as usize;
                scores.iter().enumerate().filter(before).count()
            });
            assert!(ranks_of_labels(scores, &labels, &mut ranks));
            assert_eq!(ranks, naive);
            assert!(RanksOfLabels { scores, labels: &labels, ranks: &mut ranks }.run::<Portable>());
            assert_eq!(ranks, naive);
            let mut scores = scores.to_vec();
            scores[label] = S::nearest(f64::NAN);
            assert!(any_nan(&scores) && AnyNan(&scores).run::<Portable>());
            assert!(!ranks_of_labels(&scores, &labels, &mut ranks));
        });
    }

    #[test]
    fn scores_of_both_precisions_are_counted_and_ranked() {
        scores_are_counted_and_ranked::<f32>();
        scores_are_counted_and_ranked::<f64>();
    }

    #[test]
    fn doubles_become_the_nearest_single() {
        let (mut single, mut plain) = (vec![7.0], Vec::new());
        lists::<f64>(|scores, random| {
            let scores: Vec<f64> = scores.iter().map(|score| score * random.unit()).collect();
            to_single(&scores, &mut single);
            ToSingle { scores: &scores, single: &mut plain }.run::<Portable>();
            let bits = |scores: &[f32]| scores.iter().map(|score| score.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&single), bits(&plain));
            assert!(single.iter().zip(&scores).all(|(&single, &score)| {
                single.to_bits() == (score as f32).to_bits() || single.is_nan() && score.is_nan()
            }));
        });
    }

    #[test]
    fn equal_ids_of_all_types_have_equal_tags() {
        for length in 0..100 {
            let ids: Vec<i32> = (-50..length - 50).map(|i| i * 40_000_001).collect();
            let wide: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
            let (mut narrow_tags, mut wide_tags) = (vec![1], vec![1]);
            integer_tags(&ids, &mut narrow_tags);
            integer_tags(&wide, &mut wide_tags);
            assert_eq!(narrow_tags, wide_tags);
            assert_eq!(narrow_tags[1..], wide.iter().map(|&id| integer_tag(id)).collect::<Vec<_>>());
        }
    }
}
