//! Long rows of numbers compared, counted and converted, with the vector instructions that the
//! processor has.
//!
//! Every path is the same function, which the compiler turns into vector instructions; on the quicker one it may use
//! those of AVX2. Nothing is rounded that would not be elsewhere, so the result is the same.

/// A number of either precision.
pub trait Score: Copy + PartialOrd + Into<f64> + Send + Sync {
    /// Whether it is no number.
    fn is_nan(self) -> bool;

    /// The nearest number of this precision.
    fn nearest(score: f64) -> Self;
}

impl Score for f32 {
    #[inline]
    fn is_nan(self) -> bool {
        self.is_nan()
    }

    #[inline]
    fn nearest(score: f64) -> Self {
        score as f32
    }
}

impl Score for f64 {
    #[inline]
    fn is_nan(self) -> bool {
        self.is_nan()
    }

    #[inline]
    fn nearest(score: f64) -> Self {
        score
    }
}

/// An integer that is an id.
pub trait Integer: Copy + Into<i64> {}

impl<I: Copy + Into<i64>> Integer for I {}

/// Makes `$name` call `$plain`, compiled once more with AVX2 for the processors that have it.
macro_rules! with_avx2 {
    ($(#[$about:meta])* pub fn $name:ident[$($generics:tt)*]($($input:ident: $type:ty),*) $(-> $result:ty)?
     = $plain:ident) => {
        $(#[$about])*
        pub fn $name<$($generics)*>($($input: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            if has_avx2() {
                #[target_feature(enable = "avx2")]
                fn quick<$($generics)*>($($input: $type),*) $(-> $result)? {
                    $plain($($input),*)
                }
                // SAFETY: the processor has AVX2, as was checked just above.
                return unsafe { quick($($input),*) };
            }
            $plain($($input),*)
        }
    };
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

/// For how many members of a list `around` is quicker than finding the place of each score among theirs.
pub fn few<S: Score>() -> usize {
    let bytes = if has_avx2() { 320 } else { 80 };
    bytes / std::mem::size_of::<S>()
}

with_avx2! {
    /// How many scores are greater than this one, and how many are equal to it. Lists are shorter than 2^32.
    pub fn around[S: Score](scores: &[S], score: S) -> (u32, u32) = around_plain
}

#[inline(always)]
fn around_plain<S: Score>(scores: &[S], score: S) -> (u32, u32) {
    let above = passing(scores, |other| other > score);
    (above, passing(scores, |other| other == score))
}

with_avx2! {
    /// Whether any score is no number.
    pub fn any_nan[S: Score](scores: &[S]) -> bool = any_nan_plain
}

#[inline(always)]
fn any_nan_plain<S: Score>(scores: &[S]) -> bool {
    // Adding up would miss infinities of both signs; comparing is as quick.
    passing(scores, S::is_nan) > 0
}

with_avx2! {
    /// Puts the nearest number of single precision to each score into `nearest`.
    pub fn round[](scores: &[f64], nearest: &mut Vec<f32>) = round_plain
}

#[inline(always)]
fn round_plain(scores: &[f64], nearest: &mut Vec<f32>) {
    nearest.clear();
    nearest.extend(scores.iter().map(|&score| score as f32));
}

with_avx2! {
    /// Adds the tag of each id to `tags`.
    pub fn tags[I: Integer](ids: &[I], tags: &mut Vec<u32>) = tags_plain
}

#[inline(always)]
fn tags_plain<I: Integer>(ids: &[I], tags: &mut Vec<u32>) {
    tags.extend(ids.iter().map(|&id| tag(id.into())));
}

/// 32 bits of an integer whose upper ones are well mixed (Fibonacci hashing); all integers of 32 bits have their own.
#[inline(always)]
pub fn tag(id: i64) -> u32 {
    ((id ^ (id >> 32)) as u32).wrapping_mul(0x9E37_79B1)
}

/// How many scores pass, counted in numbers as wide as they are: a vector of scores gives a vector of counts.
#[inline(always)]
fn passing<S: Copy>(scores: &[S], passes: impl Fn(S) -> bool) -> u32 {
    if std::mem::size_of::<S>() == 8 {
        scores.iter().map(|&score| u64::from(passes(score))).sum::<u64>() as u32
    } else {
        scores.iter().map(|&score| u32::from(passes(score))).sum()
    }
}

with_avx2! {
    /// Puts into `ranks` how many classes come before each of the labelled ones: those with greater scores, and with
    /// the same score and a lower index. Returns false if a score is NaN.
    pub fn ranks[S: Score](scores: &[S], labels: &[i64], ranks: &mut Vec<usize>) -> bool = ranks_plain
}

#[inline(always)]
fn ranks_plain<S: Score>(scores: &[S], labels: &[i64], ranks: &mut Vec<usize>) -> bool {
    if any_nan_plain(scores) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_avx2() {
        let scores: Vec<f64> =
            (0..101).map(|i| f64::from(i * 37 % 20)).chain([f64::INFINITY, -0.0]).collect();
        let mut single = Vec::new();
        round(&scores, &mut single);
        assert_eq!(single, scores.iter().map(|&score| score as f32).collect::<Vec<_>>());
        for &score in &scores {
            let expected = (
                scores.iter().filter(|&&other| other > score).count() as u32,
                scores.iter().filter(|&&other| other == score).count() as u32,
            );
            assert_eq!(around(&scores, score), expected);
            assert_eq!(around_plain(&scores, score), expected);
            assert_eq!(around(&single, score as f32), expected);
        }
        let (mut plain, mut quick) = (Vec::new(), Vec::new());
        let labels = [0, 7, 101, 102];
        assert!(ranks_plain(&scores, &labels, &mut plain) && ranks(&scores, &labels, &mut quick));
        assert_eq!(plain, quick);
        assert_eq!(plain[2..], [0, 102]);
        assert!(!ranks(&[1.0, f64::NAN], &[0], &mut quick));
        assert!(any_nan(&[1.0, f32::NAN]) && !any_nan(&[f64::INFINITY, f64::NEG_INFINITY]));
    }

    #[test]
    fn tags_of_equal_ids_are_equal() {
        let ids: Vec<i32> = (-50..50).map(|i| i * 40_000_001).collect();
        let wide: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
        let (mut one, mut other) = (Vec::new(), Vec::new());
        tags(&ids, &mut one);
        tags(&wide, &mut other);
        assert_eq!(one, other);
        assert_eq!(one, wide.iter().map(|&id| tag(id)).collect::<Vec<_>>());
    }
}
