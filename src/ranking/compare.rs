//! Scores against scores: the one place here that asks which instructions the processor has.
//!
//! Both roads are one function, which the compiler turns into vector instructions; on the quicker one it may use
//! those of AVX2. There is nothing but comparisons and counts, so the result is the same.

use super::hits::Hit;

/// Up to so many bytes of scores are compared for each score of a list before finding the place of each score among
/// the hits is quicker.
const FEW: usize = 80;
/// The same with AVX2.
const FEW_AVX2: usize = 320;

/// A number of either precision.
pub trait Score: Copy + PartialOrd + Send + Sync {
    /// Whether it is no number.
    fn is_nan(self) -> bool;
}

impl Score for f32 {
    fn is_nan(self) -> bool {
        self.is_nan()
    }
}

impl Score for f64 {
    fn is_nan(self) -> bool {
        self.is_nan()
    }
}

/// Fills `above` and `tied` of each hit, unless there are so many of them that another way is quicker: then it does
/// nothing and returns false. `narrow` makes a hit's score one of the list's type.
pub fn count_few<S: Score>(scores: &[S], narrow: impl Fn(f64) -> S, hits: &mut [Hit]) -> bool {
    let bytes = hits.len() * std::mem::size_of::<S>();
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        if bytes > FEW_AVX2 {
            return false;
        }
        // SAFETY: the processor has AVX2, as was asked just above.
        unsafe { count_avx2(scores, narrow, hits) };
        return true;
    }
    if bytes > FEW {
        return false;
    }
    count(scores, narrow, hits);
    true
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn count_avx2<S: Score>(scores: &[S], narrow: impl Fn(f64) -> S, hits: &mut [Hit]) {
    count(scores, narrow, hits);
}

#[inline(always)]
fn count<S: Score>(scores: &[S], narrow: impl Fn(f64) -> S, hits: &mut [Hit]) {
    for hit in hits {
        let score = narrow(hit.score);
        // At most `scores.len()`, which fits: rows are u32.
        hit.above = passing(scores, |other| other > score);
        hit.tied = passing(scores, |other| other >= score) - hit.above;
    }
}

/// How many scores pass, counted in numbers as wide as they are: a vector of scores gives a vector of counts. Lists
/// are shorter than 2^32.
#[inline(always)]
fn passing<S: Copy>(scores: &[S], passes: impl Fn(S) -> bool) -> u32 {
    if std::mem::size_of::<S>() == 8 {
        scores.iter().map(|&score| u64::from(passes(score))).sum::<u64>() as u32
    } else {
        scores.iter().map(|&score| u32::from(passes(score))).sum()
    }
}

/// Whether any of the numbers is this one.
pub fn any_equal(numbers: &[u32], number: u32) -> bool {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as was asked just above.
        return unsafe { any_equal_avx2(numbers, number) };
    }
    passing(numbers, |other| other == number) > 0
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn any_equal_avx2(numbers: &[u32], number: u32) -> bool {
    passing(numbers, |other| other == number) > 0
}

/// Puts into `ranks` how many classes come before each of the labelled ones: those with greater scores, and with the
/// same score and a lower index. Returns false if a score is NaN.
pub fn ranks<S: Score>(scores: &[S], labels: &[i64], ranks: &mut Vec<usize>) -> bool {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as was asked just above.
        return unsafe { ranks_avx2(scores, labels, ranks) };
    }
    ranks_of(scores, labels, ranks)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn ranks_avx2<S: Score>(scores: &[S], labels: &[i64], ranks: &mut Vec<usize>) -> bool {
    ranks_of(scores, labels, ranks)
}

#[inline(always)]
fn ranks_of<S: Score>(scores: &[S], labels: &[i64], ranks: &mut Vec<usize>) -> bool {
    // Adding up would miss infinities of both signs; comparing is as quick.
    if passing(scores, S::is_nan) > 0 {
        return false;
    }
    ranks.clear();
    for &label in labels {
        let (before, after) = scores.split_at(label as usize);
        let score = after[0];
        ranks
            .push((passing(before, |other| other >= score) + passing(after, |other| other > score)) as usize);
    }
    true
}

/// Bits for each member of a set of `Bits`: one in twice as many finds another's bit set.
const BITS: usize = 64;

/// A set of the upper bits of numbers: what is in it is found, and a few others.
#[derive(Default)]
pub struct Bits {
    words: Vec<u64>,
    shift: u32,
}

impl Bits {
    /// Empties the set and makes room for so many.
    pub fn clear(&mut self, members: usize) {
        let size = (members * BITS).next_power_of_two().max(1 << 10);
        self.shift = 32 - size.trailing_zeros();
        self.words.clear();
        self.words.resize(size / 64, 0);
    }

    /// Puts a number in.
    pub fn insert(&mut self, number: u32) {
        let (word, bit) = place(number, self.shift);
        self.words[word] |= bit;
    }
}

#[inline(always)]
fn place(number: u32, shift: u32) -> (usize, u64) {
    let place = number >> shift;
    ((place / 64) as usize, 1 << (place % 64))
}

/// Puts the numbers into `seen`, one by one. The places of those that were perhaps in it go to `again`, and of those
/// that are perhaps in `judged` to `perhaps`.
pub fn sieve(numbers: &[u32], seen: &mut Bits, judged: &Bits, again: &mut Vec<u32>, perhaps: &mut Vec<u32>) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("bmi2") {
        // SAFETY: the processor has BMI2, as was asked just above.
        unsafe { sieve_bmi2(numbers, seen, judged, again, perhaps) };
        return;
    }
    sieve_of(numbers, seen, judged, again, perhaps);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi2")]
fn sieve_bmi2(numbers: &[u32], seen: &mut Bits, judged: &Bits, again: &mut Vec<u32>, perhaps: &mut Vec<u32>) {
    sieve_of(numbers, seen, judged, again, perhaps);
}

#[inline(always)]
fn sieve_of(numbers: &[u32], seen: &mut Bits, judged: &Bits, again: &mut Vec<u32>, perhaps: &mut Vec<u32>) {
    // Taken out of the structures, which otherwise would be read anew for each number.
    let (shift, words) = (seen.shift, &mut seen.words[..]);
    let (other_shift, others) = (judged.shift, &judged.words[..]);
    for (i, &number) in numbers.iter().enumerate() {
        let (word, bit) = place(number, shift);
        let (other, other_bit) = place(number, other_shift);
        let held = words[word];
        let (twice, known) = (held & bit, others[other] & other_bit);
        words[word] = held | bit;
        if twice | known != 0 {
            if twice != 0 {
                again.push(i as u32);
            }
            if known != 0 {
                perhaps.push(i as u32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_avx2() {
        let scores: Vec<f64> =
            (0..101).map(|i| f64::from(i * 37 % 20)).chain([f64::INFINITY, -0.0]).collect();
        let single: Vec<f32> = scores.iter().map(|&score| score as f32).collect();
        let hits: Vec<Hit> = (0..9).map(|row| Hit::new(row, 1, scores[row as usize * 12])).collect();
        let (mut one, mut other, mut third) = (hits.clone(), hits.clone(), hits);
        count(&scores, |score| score, &mut one);
        assert!(count_few(&scores, |score| score, &mut other));
        assert!(count_few(&single, |score| score as f32, &mut third));
        assert_eq!((&one, &one), (&other, &third));
        let expected = |hit: &Hit| scores.iter().filter(|&&score| score > hit.score).count();
        assert!(one.iter().all(|hit| hit.above as usize == expected(hit)));
        let (mut plain, mut quick) = (Vec::new(), Vec::new());
        let labels = [0, 7, 101, 102];
        assert!(ranks_of(&scores, &labels, &mut plain) && ranks(&scores, &labels, &mut quick));
        assert_eq!(plain, quick);
        assert_eq!(plain[2..], [0, 102]);
        assert!(!ranks(&[1.0, f64::NAN], &[0], &mut quick));
    }
}
