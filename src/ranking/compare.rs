//! Each hit's score against all scores: the one place here that asks which instructions the processor has.
//!
//! Both roads are one function, which the compiler turns into vector instructions; on the quicker one it may use
//! those of AVX2. There is nothing but comparisons and counts, so the result is the same.

use super::hits::Hit;

/// Up to so many hits this is quicker than finding the place of each score among the hits.
const FEW: usize = 10;
/// The same with AVX2.
const FEW_AVX2: usize = 40;

/// Fills `above` and `tied` of each hit, unless there are so many of them that another way is quicker: then it does
/// nothing and returns false.
pub fn count_few(scores: &[f64], hits: &mut [Hit]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        if hits.len() > FEW_AVX2 {
            return false;
        }
        // SAFETY: the processor has AVX2, as was asked just above.
        unsafe { count_avx2(scores, hits) };
        return true;
    }
    if hits.len() > FEW {
        return false;
    }
    count(scores, hits);
    true
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn count_avx2(scores: &[f64], hits: &mut [Hit]) {
    count(scores, hits);
}

#[inline(always)]
fn count(scores: &[f64], hits: &mut [Hit]) {
    for hit in hits {
        // As wide as the scores, so that a vector of scores gives a vector of counts.
        let (mut above, mut not_below) = (0u64, 0u64);
        for &score in scores {
            above += u64::from(score > hit.score);
            not_below += u64::from(score >= hit.score);
        }
        // At most `scores.len()`, which fits: rows are u32.
        hit.above = above as u32;
        hit.tied = (not_below - above) as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_avx2() {
        let scores: Vec<f64> =
            (0..101).map(|i| f64::from(i * 37 % 20)).chain([f64::INFINITY, -0.0]).collect();
        let hits: Vec<Hit> = (0..9).map(|row| Hit::new(row, 1, scores[row as usize * 12])).collect();
        let (mut one, mut other) = (hits.clone(), hits);
        count(&scores, &mut one);
        assert!(count_few(&scores, &mut other));
        assert_eq!(one, other);
        let expected = |hit: &Hit| scores.iter().filter(|&&score| score > hit.score).count();
        assert!(one.iter().all(|hit| hit.above as usize == expected(hit)));
    }
}
