//! Scores of single and double precision, and their order.
//!
//! ```
//! use meanap::score::descending_key;
//!
//! let mut scores = [0.25, f64::NAN, 0.75];
//! scores.sort_by_key(|&score| descending_key(score));
//! assert_eq!(scores[..2], [0.75, 0.25]);
//! ```

/// A score of either precision.
pub trait Score: Copy + PartialOrd + Into<f64> + Send + Sync {
    /// Whether it is NaN.
    fn is_nan(self) -> bool;

    /// The nearest score of this precision.
    fn nearest(score: f64) -> Self;
}

impl Score for f32 {
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.is_nan()
    }

    #[inline(always)]
    fn nearest(score: f64) -> Self {
        score as f32
    }
}

impl Score for f64 {
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.is_nan()
    }

    #[inline(always)]
    fn nearest(score: f64) -> Self {
        score
    }
}

/// An integer that sorts ascending where the reference's stable sort of negated scores puts the best first.
///
/// `-0.0` and `0.0` are one score, and all NaNs are the same and last, as in NumPy's sort.
#[inline]
pub fn descending_key(score: f64) -> u64 {
    if score.is_nan() {
        return u64::MAX;
    }
    let bits = (0.0 - score).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_scores_downwards() {
        let scores = [f64::INFINITY, 3.0, 0.5, 1e-300, 0.0, -1e-300, -2.0, f64::NEG_INFINITY, f64::NAN];
        let keys: Vec<u64> = scores.iter().map(|&s| descending_key(s)).collect();
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
        assert_eq!(descending_key(0.0), descending_key(-0.0));
        assert_eq!(descending_key(f64::NAN), descending_key(-f64::NAN));
    }
}
