//! Sine and cosine that are the same on every platform, unlike those of the system's mathematical library, and are
//! compiled into the loops that need them.
//!
//! Source: W. J. Cody and W. Waite, Software Manual for the Elementary Functions (1980), for the reduction of the
//! argument; on what is left of it Taylor's series are below half a unit in the last place.

use std::f64::consts::FRAC_2_PI;

/// Half of π in three parts. The first two have 33 bits, so that their products with a small integer are exact.
const HALF_PI: [f64; 3] = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21];

/// Angles up to this are reduced here; what is beyond has few digits of a turn left.
const MOST: f64 = 1e6;

/// Sine and cosine of an angle in radians, within one unit in the last place of 1.
#[inline]
pub(super) fn sin_cos(angle: f64) -> [f64; 2] {
    // Neither NaN.
    if !(angle.abs() <= MOST) {
        return angle.sin_cos().into();
    }
    let quarters = nearest_integer(angle * FRAC_2_PI);
    let [most, more, least] = HALF_PI;
    let rest = ((angle - quarters * most) - quarters * more) - quarters * least;
    turned(of_eighth(rest), quarters)
}

/// Sine and cosine of an angle in degrees, those of right angles exact.
#[inline]
pub(super) fn sin_cos_of_degrees(angle: f64) -> [f64; 2] {
    let angle = if angle.abs() <= MOST { angle } else { angle % 360.0 };
    let quarters = nearest_integer(angle / 90.0);
    turned(of_eighth((angle - 90.0 * quarters).to_radians()), quarters)
}

/// The integer next to a number that is much less than 2^51.
#[inline]
fn nearest_integer(number: f64) -> f64 {
    /// From here to its double, doubles are integers.
    const INTEGERS: f64 = 3.0 * (1_u64 << 51) as f64;
    (number + INTEGERS) - INTEGERS
}

/// Sine and cosine of an angle in radians between minus and plus an eighth of a turn.
#[inline]
fn of_eighth(angle: f64) -> [f64; 2] {
    /// One over the factorial.
    const fn over_factorial(n: u32) -> f64 {
        let (mut product, mut k) = (1.0, 2);
        while k <= n {
            product *= k as f64;
            k += 1;
        }
        1.0 / product
    }
    /// Coefficients of `x^first`, `x^(first + 2)` and so on, the last one first.
    const fn series(first: u32) -> [f64; 7] {
        let (mut coefficients, mut at) = ([0.0; 7], 0);
        while at < 7 {
            let sign = if at % 2 == 0 { 1.0 } else { -1.0 };
            coefficients[6 - at] = sign * over_factorial(first + 2 * at as u32);
            at += 1;
        }
        coefficients
    }
    const OF_SINE: [f64; 7] = series(3);
    const OF_COSINE: [f64; 7] = series(4);
    let square = angle * angle;
    let sum = |coefficients: &[f64; 7]| coefficients.iter().fold(0.0, |sum, c| sum * square + c);
    let sine = angle - angle * square * sum(&OF_SINE);
    // 1 - x^2/2 loses digits, which are added again.
    let half = square / 2.0;
    let rounded = 1.0 - half;
    let cosine = rounded + (((1.0 - rounded) - half) + square * square * sum(&OF_COSINE));
    [sine, cosine]
}

/// Sine and cosine of an angle that is larger by so many quarters of a turn.
#[inline]
fn turned([sine, cosine]: [f64; 2], quarters: f64) -> [f64; 2] {
    let quarters = quarters as i64;
    let [sine, cosine] = if quarters & 1 == 0 { [sine, cosine] } else { [cosine, sine] };
    let sign = |negative: i64| if negative & 2 == 0 { 1.0 } else { -1.0 };
    [sine * sign(quarters), cosine * sign(quarters + 1)]
}

#[cfg(test)]
mod tests {
    use std::f64::consts::FRAC_PI_2;

    use super::*;
    use crate::random::Random;

    fn difference(found: [f64; 2], (sine, cosine): (f64, f64)) -> f64 {
        (found[0] - sine).abs().max((found[1] - cosine).abs())
    }

    #[test]
    fn they_are_those_of_the_library_but_for_the_last_digit() {
        let mut random = Random::new(11);
        for round in 0..200_000 {
            let size = [1.0, 10.0, 1e-3, 1e3, 9e5][round % 5];
            let angle = (random.below(1 << 40) as f64 / (1_u64 << 39) as f64 - 1.0) * size;
            assert!(difference(sin_cos(angle), angle.sin_cos()) < 2.3e-16, "{angle}");
            // Each bit of the angle in degrees counts, so that the library's is taken of what is left of it.
            let quarters = (angle / 90.0).round();
            let (sine, cosine) = (angle - 90.0 * quarters).to_radians().sin_cos();
            let expected = match quarters.rem_euclid(4.0) as u8 {
                0 => (sine, cosine),
                1 => (cosine, -sine),
                2 => (-sine, -cosine),
                _ => (-cosine, sine),
            };
            assert!(difference(sin_cos_of_degrees(angle), expected) < 2.3e-16, "{angle}");
        }
    }

    #[test]
    fn multiples_of_a_right_angle_lose_nothing() {
        for quarters in -4000_i32..=4000 {
            let angle = f64::from(quarters) * FRAC_PI_2;
            assert!(difference(sin_cos(angle), angle.sin_cos()) < 1e-24, "{quarters}");
            let [sine, cosine] = sin_cos_of_degrees(f64::from(quarters) * 90.0);
            let expected =
                [[0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0]][quarters.rem_euclid(4) as usize];
            assert_eq!([sine, cosine], expected);
        }
    }

    #[test]
    fn any_angle_has_them() {
        for angle in [1e6, -1e6, 1e6 + 1.0, 1e17, -1e300, f64::MAX] {
            assert!(difference(sin_cos(angle), angle.sin_cos()) < 2.3e-16, "{angle}");
            let [sine, cosine] = sin_cos_of_degrees(angle);
            assert!((sine * sine + cosine * cosine - 1.0).abs() < 1e-15, "{angle}");
        }
        assert!(sin_cos(f64::INFINITY).iter().chain(&sin_cos_of_degrees(f64::NAN)).all(|x| x.is_nan()));
    }
}
