//! Significance: bootstrap intervals, paired tests, correction for several of them.
//!
//! Random numbers come from a seed and the number of the draw, so a result does not depend on threads.

use rayon::prelude::*;

use crate::error::{Result, extend, filled, zeros};
use crate::progress::Progress;
use crate::random::Random;

/// The means of `samples` draws of as many values, with replacement, in the order of the draws: other values of the
/// same rows have the same draws, so that differences of their means are those of pairs. Runs on the current pool.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn bootstrap_means(values: &[f64], samples: usize, seed: u64, progress: &Progress) -> Result<Vec<f64>> {
    let n = values.len();
    let mut means: Vec<f64> = zeros(samples)?;
    means.par_iter_mut().enumerate().try_for_each(|(draw, mean)| {
        progress.check()?;
        let mut random = Random::of_resample(seed, draw as u64);
        *mean = (0..n).map(|_| values[random.below(n as u64) as usize]).sum::<f64>() / n as f64;
        Ok(())
    })?;
    Ok(means)
}

/// Up to so many differences, all choices of signs are tried.
const EXACT: usize = 16;

/// The two-sided p-value of the paired randomisation test (Fisher 1935; Smucker, Allan and Carterette 2007): how
/// often random signs give a mean difference at least as far from 0 as the one seen.
///
/// With at most 16 differences that are not 0 all choices of signs are counted and the value is exact; otherwise
/// `samples` are drawn, and the choice that was seen counts as one of them. Runs on the current pool.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn randomisation_test(
    differences: &[f64],
    samples: usize,
    seed: u64,
    progress: &Progress,
) -> Result<f64> {
    let mut values: Vec<f64> = Vec::new();
    extend(&mut values, differences.iter().copied().filter(|&value| value != 0.0))?;
    let seen = values.iter().sum::<f64>().abs();
    // Sums of the same numbers in another order may differ in their last bits.
    let enough = seen - 1e-12 * values.iter().map(|value| value.abs()).sum::<f64>();
    let sum = |sign: &mut dyn FnMut(usize) -> bool| {
        values.iter().enumerate().map(|(i, &value)| if sign(i) { -value } else { value }).sum::<f64>()
    };
    if values.len() <= EXACT {
        let all = 1u32 << values.len();
        let far = (0..all).filter(|signs| sum(&mut |i| signs >> i & 1 == 1).abs() >= enough).count();
        return Ok(far as f64 / f64::from(all));
    }
    let far = (0..samples as u64)
        .into_par_iter()
        .map(|draw| {
            progress.check()?;
            let mut random = Random::of_resample(seed, draw);
            let mut bits = 0;
            let mut sign = |i: usize| {
                if i & 63 == 0 {
                    bits = random.next();
                }
                bits >> (i & 63) & 1 == 1
            };
            Ok(usize::from(sum(&mut sign).abs() >= enough))
        })
        .try_reduce(|| 0, |one, other| Ok(one + other))?;
    Ok((far as f64 + 1.0) / (samples as f64 + 1.0))
}

/// The t statistic and two-sided p-value of the paired t test.
///
/// Without at least two differences both are NaN; where all differences are the same the p-value is 0, or 1 if they
/// are all 0.
pub fn paired_t_test(differences: &[f64]) -> (f64, f64) {
    let n = differences.len() as f64;
    if differences.len() < 2 {
        return (f64::NAN, f64::NAN);
    }
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    if mean == 0.0 && variance == 0.0 {
        return (0.0, 1.0);
    }
    let t = mean / (variance / n).sqrt();
    (t, two_sided_t(t, n - 1.0))
}

/// The probability that Student's t with so many degrees of freedom is at least as far from 0.
fn two_sided_t(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    regularised_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

/// The regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and Stegun 26.5.8,
/// evaluated as Lentz does).
fn regularised_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return f64::from(u8::from(x >= 1.0));
    }
    // The fraction converges quickly on one side of the mean; the other follows by symmetry.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - regularised_beta(1.0 - x, b, a);
    }
    let front = (log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp() / a;
    const TINY: f64 = 1e-300;
    let floor = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut c, mut d) = (1.0, 1.0 / floor(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..10_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for term in [even, odd] {
            d = 1.0 / floor(1.0 + term * d);
            c = floor(1.0 + term / c);
            fraction *= c * d;
        }
        if (fraction - before).abs() <= 1e-16 * fraction.abs() {
            break;
        }
    }
    front * fraction
}

/// The logarithm of the gamma function for positive x: Stirling's series, after stepping up to where it is exact.
fn log_gamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 15.0 {
        below += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse
        * (1.0 / 12.0
            - square
                * (1.0 / 360.0
                    - square * (1.0 / 1260.0 - square * (1.0 / 1680.0 - square * (1.0 / 1188.0)))));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - below
}

/// Holm's step-down correction (1979): p-values that hold together at the level that each would hold alone. NaN
/// stays NaN and does not count.
///
/// # Errors
///
/// `OutOfMemory`
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>> {
    let mut order: Vec<usize> = Vec::new();
    extend(&mut order, (0..p_values.len()).filter(|&i| !p_values[i].is_nan()))?;
    order.sort_unstable_by(|&a, &b| p_values[a].total_cmp(&p_values[b]).then(a.cmp(&b)));
    let mut corrected = filled(p_values.len(), f64::NAN)?;
    let mut greatest: f64 = 0.0;
    for (rank, &i) in order.iter().enumerate() {
        greatest = greatest.max(p_values[i] * (order.len() - rank) as f64).min(1.0);
        corrected[i] = greatest;
    }
    Ok(corrected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_t_from_tables() {
        // Two-sided 5 % points.
        for (t, freedom) in [(12.706204736, 1.0), (2.228138852, 10.0), (1.983971519, 100.0)] {
            assert!((two_sided_t(t, freedom) - 0.05).abs() < 1e-9, "{freedom}");
        }
        assert!((two_sided_t(0.0, 5.0) - 1.0).abs() < 1e-12);
        assert!((log_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-14);
        assert!((log_gamma(11.0) - 3_628_800f64.ln()).abs() < 1e-13);
    }

    #[test]
    fn a_randomisation_test_by_hand() {
        // Of the eight choices of signs, two give a sum of at least 6 in size.
        let test = |values: &[f64], samples, seed| {
            randomisation_test(values, samples, seed, &Progress::default()).unwrap()
        };
        assert_eq!(test(&[1.0, 2.0, 3.0], 0, 0), 0.25);
        assert_eq!(test(&[0.0; 40], 100, 0), 1.0);
        assert_eq!(test(&[], 100, 0), 1.0);
    }

    #[test]
    fn sampling_comes_near_the_normal_limit() {
        let differences: Vec<f64> = (0..100).map(|i| if i % 5 < 3 { 1.0 } else { -1.0 }).collect();
        // A sum of 20 of 100 signs: P(|S| >= 20) = 0.0569 by the binomial distribution.
        let p = randomisation_test(&differences, 100_000, 7, &Progress::default()).unwrap();
        assert!((p - 0.0569).abs() < 0.004, "{p}");
        assert_eq!(p, randomisation_test(&differences, 100_000, 7, &Progress::default()).unwrap());
    }

    #[test]
    fn holm_by_hand() {
        assert_eq!(holm(&[0.01, 0.04, 0.03]).unwrap(), [0.03, 0.06, 0.06]);
        assert_eq!(holm(&[0.9, 0.8]).unwrap(), [1.0, 1.0]);
        assert!(holm(&[f64::NAN, 0.01]).unwrap()[0].is_nan());
        assert_eq!(holm(&[f64::NAN, 0.01]).unwrap()[1], 0.01);
    }

    #[test]
    fn bootstrap_surrounds_the_mean() {
        let values: Vec<f64> = (0..200).map(f64::from).collect();
        let means = bootstrap_means(&values, 2000, 3, &Progress::default()).unwrap();
        let halves: Vec<f64> = values.iter().map(|value| value / 2.0).collect();
        let paired = bootstrap_means(&halves, 2000, 3, &Progress::default()).unwrap();
        assert!(means.iter().zip(&paired).all(|(mean, half)| mean / 2.0 == *half));
        let mut rising = means;
        rising.sort_unstable_by(f64::total_cmp);
        let (low, high) = (rising[50], rising[1949]);
        // The standard error is 57.9 / sqrt(200) = 4.1.
        assert!((low - (99.5 - 8.0)).abs() < 1.0 && (high - (99.5 + 8.0)).abs() < 1.0, "{low} {high}");
    }
}
