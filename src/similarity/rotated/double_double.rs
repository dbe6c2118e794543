//! Numbers of which areas are computed: doubles, and sums of two doubles where one has too few digits.

use std::ops::{Add, Div, Mul, Sub};

/// A number that areas are computed with.
pub(super) trait Real:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// A double, exactly.
    fn from_double(value: f64) -> Self;
    /// The double that is next to it.
    fn to_double(self) -> f64;
    /// Whether it is above zero.
    fn is_positive(self) -> bool;
    /// Whether it is below zero.
    fn is_negative(self) -> bool;
}

impl Real for f64 {
    fn from_double(value: f64) -> f64 {
        value
    }

    fn to_double(self) -> f64 {
        self
    }

    fn is_positive(self) -> bool {
        self > 0.0
    }

    fn is_negative(self) -> bool {
        self < 0.0
    }
}

/// The sum of two doubles, the second no more than half a unit in the last place of the first: about 32 decimal digits.
///
/// Source: T. J. Dekker, A floating-point technique for extending the available precision, Numerische Mathematik 18
/// (1971), and D. E. Knuth, The Art of Computer Programming 2, 4.2.2.
#[derive(Clone, Copy, Debug)]
pub(super) struct DoubleDouble {
    high: f64,
    low: f64,
}

/// `a + b`, and what rounding has taken from it.
fn exact_sum(a: f64, b: f64) -> DoubleDouble {
    let high = a + b;
    let of_b = high - a;
    DoubleDouble { high, low: (a - (high - of_b)) + (b - of_b) }
}

/// As [`exact_sum`], if `a` is not less than `b` in magnitude.
fn exact_sum_ordered(a: f64, b: f64) -> DoubleDouble {
    let high = a + b;
    DoubleDouble { high, low: b - (high - a) }
}

/// `a * b`, and what rounding has taken from it.
fn exact_product(a: f64, b: f64) -> DoubleDouble {
    let split = |x: f64| {
        let scaled = 134_217_729.0 * x;
        let high = scaled - (scaled - x);
        (high, x - high)
    };
    let ((a1, a2), (b1, b2)) = (split(a), split(b));
    let high = a * b;
    DoubleDouble { high, low: ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2 }
}

impl Add for DoubleDouble {
    type Output = DoubleDouble;

    fn add(self, other: DoubleDouble) -> DoubleDouble {
        let (sum, lows) = (exact_sum(self.high, other.high), exact_sum(self.low, other.low));
        let part = exact_sum_ordered(sum.high, sum.low + lows.high);
        exact_sum_ordered(part.high, part.low + lows.low)
    }
}

impl Sub for DoubleDouble {
    type Output = DoubleDouble;

    fn sub(self, other: DoubleDouble) -> DoubleDouble {
        self + DoubleDouble { high: -other.high, low: -other.low }
    }
}

impl Mul for DoubleDouble {
    type Output = DoubleDouble;

    fn mul(self, other: DoubleDouble) -> DoubleDouble {
        let product = exact_product(self.high, other.high);
        exact_sum_ordered(product.high, product.low + (self.high * other.low + self.low * other.high))
    }
}

impl Div for DoubleDouble {
    type Output = DoubleDouble;

    fn div(self, other: DoubleDouble) -> DoubleDouble {
        // Long division, a double at a time.
        let first = self.high / other.high;
        let rest = self - other * DoubleDouble::from_double(first);
        let second = rest.high / other.high;
        let rest = rest - other * DoubleDouble::from_double(second);
        let sum = exact_sum_ordered(first, second);
        sum + DoubleDouble::from_double(rest.high / other.high)
    }
}

impl Real for DoubleDouble {
    fn from_double(value: f64) -> DoubleDouble {
        DoubleDouble { high: value, low: 0.0 }
    }

    fn to_double(self) -> f64 {
        self.high + self.low
    }

    fn is_positive(self) -> bool {
        self.high > 0.0
    }

    fn is_negative(self) -> bool {
        self.high < 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn sums_and_products_of_doubles_are_exact() {
        // Integers that need more than 53 bits, beside 128-bit integers.
        let mut random = Random::new(1);
        for _ in 0..1000 {
            let mut number = || (random.next() >> 12) as i64 - (1 << 51);
            let [a, b, c] = [number(), number(), number()];
            let [x, y, z] = [a, b, c].map(|value| DoubleDouble::from_double(value as f64));
            let found = x * y + z;
            let expected = i128::from(a) * i128::from(b) + i128::from(c);
            assert_eq!(found.high as i128 + found.low as i128, expected);
            let found = x * y - y * z;
            let expected = i128::from(b) * (i128::from(a) - i128::from(c));
            assert!((found.high as i128 + found.low as i128 - expected).abs() <= expected.abs() >> 100);
        }
    }

    #[test]
    fn a_quotient_times_its_divisor_is_the_dividend() {
        let [one, three] = [1.0, 3.0].map(DoubleDouble::from_double);
        let third = one / three;
        assert_eq!((third.high, third.low), (1.0 / 3.0, 1.850371707708594e-17));
        let rest = third * three - one;
        assert!(rest.high.abs() < 1e-31 && !rest.is_positive() | rest.is_positive());
        assert_eq!(third.to_double(), 1.0 / 3.0);
    }
}
