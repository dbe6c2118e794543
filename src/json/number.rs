//! JSON numbers to doubles, rounded as Python's `float()` rounds them: to the nearest, ties to even.
//!
//! Four paths, all with the same result. A number with a point, as most are, is its digits times 64 bits of a power of
//! five, whose error is known. Where that error could change the rounding, and where there is an exponent: up to 53
//! bits of digits and a power of ten up to `10^22` are both exact as doubles, so one multiplication or division rounds
//! once; more digits (the `repr` of a double has 17) are multiplied by up to 128 bits of the power; and what is open
//! even then, or not in the table, the standard library decides.
//!
//! Source of the products: D. Lemire, *Number Parsing at a Gigabyte per Second*, Software: Practice and Experience 51
//! (2021); here without its special cases, which use the last path.

use super::powers_of_five::{LIMIT, POWERS};

/// `10^n` for every `n` where it is exact.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// `10^n` as an integer, for every `n` where it is one of 64 bits (as many entries as spare a bound).
pub const POWERS_OF_TEN: [u64; 32] = {
    let mut powers = [1; 32];
    let mut n = 1;
    while n < 20 {
        powers[n] = 10 * powers[n - 1];
        n += 1;
    }
    powers
};

/// Reads the decimal digits at `position`, eight at a time, into `value` (modulo `2^64`) and returns how many there
/// were. `bytes` has at least eight readable bytes wherever a digit may stand.
#[inline(always)]
pub fn digits(bytes: &[u8], position: &mut usize, value: &mut u64) -> usize {
    let start = *position;
    loop {
        let (digits, count) = word(&load(bytes, *position).to_le_bytes());
        *value = value.wrapping_mul(POWERS_OF_TEN[count]).wrapping_add(digits);
        *position += count;
        if count < 8 {
            return *position - start;
        }
    }
}

/// The number that the decimal digits at the beginning of eight bytes write, and how many there are.
#[inline(always)]
pub fn word(text: &[u8; 8]) -> (u64, usize) {
    let word = u64::from_le_bytes(*text) ^ 0x3030_3030_3030_3030;
    // The high bit of each byte that is no digit; a carry only reaches bytes after the first of those.
    let others = (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080;
    let count = (others.trailing_zeros() / 8) as usize;
    // Digits go to the upper bytes, zeros below them count for nothing; two shifts, as one may not be by 64.
    let half = 4 * (8 - count);
    (together((word << half) << half), count)
}

/// Of text that writes digits, some other byte, and digits: the number that all digits write, how many stand before the
/// byte, and how many there are, if that is no more than six. There are some on either side.
#[inline(always)]
pub fn around_point(text: u64) -> Option<(u64, usize, usize)> {
    let others = |word: u64| (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080;
    let word = text ^ 0x3030_3030_3030_3030;
    let point = others(word).trailing_zeros() & !7;
    let before = !(u64::MAX.checked_shl(point)?);
    let joined = (word & before) | ((word >> 8) & !before);
    let (whole, count) = (point as usize / 8, others(joined).trailing_zeros() as usize / 8);
    let found = whole > 0 && whole < count && count < 7;
    found.then(|| (together(joined << (64 - 8 * count)), whole, count))
}

/// The number that all digits write of a text of `len` bytes, `whole` digits, a point, and digits.
#[inline(always)]
pub fn without_point(text: &[u8; 8], whole: usize, len: usize) -> u64 {
    debug_assert!((1..7).contains(&whole) && (whole + 2..=8).contains(&len));
    let word = u64::from_le_bytes(*text) ^ 0x3030_3030_3030_3030;
    let before = (1 << (8 * whole)) - 1;
    together(((word & before) | ((word >> 8) & !before)) << (64 - 8 * (len - 1)))
}

/// The number that the first `count` bytes write, which must be decimal digits, one to eight.
#[inline(always)]
pub fn few(text: &[u8; 8], count: usize) -> u64 {
    together((u64::from_le_bytes(*text) ^ 0x3030_3030_3030_3030) << (64 - 8 * count))
}

/// How many decimal digits four bytes begin with.
#[inline(always)]
pub fn leading_digits(text: &[u8; 4]) -> usize {
    let word = u32::from_le_bytes(*text) ^ 0x3030_3030;
    // As in [`word`].
    let others = (word.wrapping_add(0x7676_7676) | word) & 0x8080_8080;
    (others.trailing_zeros() / 8) as usize
}

/// The number that the first `count` bytes write, which must be decimal digits, one to four.
#[inline(always)]
pub fn fewer(text: &[u8; 4], count: usize) -> u64 {
    let digits = (u32::from_le_bytes(*text) ^ 0x3030_3030) << (32 - 8 * count);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff;
    u64::from(pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0xffff)
}

/// The number of eight digits, the first in the lowest byte.
#[inline(always)]
fn together(mut digits: u64) -> u64 {
    digits = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    digits = digits.wrapping_mul(100).wrapping_add(digits >> 16) & 0x0000_ffff_0000_ffff;
    digits.wrapping_mul(10_000).wrapping_add(digits >> 32) & 0xffff_ffff
}

/// Steps over decimal digits and returns how many there were.
#[inline(always)]
pub fn skip_digits(bytes: &[u8], position: &mut usize) -> usize {
    let start = *position;
    loop {
        let word = load(bytes, *position) ^ 0x3030_3030_3030_3030;
        let others = (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080;
        let count = (others.trailing_zeros() / 8) as usize;
        *position += count;
        if count < 8 {
            return *position - start;
        }
    }
}

/// Eight bytes from `position`, zeros beyond the end.
#[inline(always)]
pub fn load(bytes: &[u8], position: usize) -> u64 {
    match bytes.get(position..).and_then(<[u8]>::first_chunk::<8>) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => load_tail(bytes, position),
    }
}

#[cold]
fn load_tail(bytes: &[u8], position: usize) -> u64 {
    let mut chunk = [0; 8];
    if let Some(tail) = bytes.get(position..) {
        chunk[..tail.len()].copy_from_slice(tail);
    }
    u64::from_le_bytes(chunk)
}

/// `mantissa * 10^exponent` if it can be had exactly rounded without looking at the text again.
#[inline(always)]
pub fn scale(mantissa: u64, exponent: i32) -> Option<f64> {
    if mantissa <= 1 << 53 && (-22..=22).contains(&exponent) {
        let digits = mantissa as f64;
        return Some(if exponent < 0 {
            digits / TENS[-exponent as usize]
        } else {
            digits * TENS[exponent as usize]
        });
    }
    scale_wide(mantissa, exponent)
}

/// `10^-n`, as [`scale_down`] needs it.
#[derive(Clone, Copy)]
struct Down {
    /// The leading 64 bits of `5^-n`, rounded down.
    bits: u64,
    /// The biased exponent of the product with 64 bits of digits, the highest of them set, where the highest bit of the
    /// product is set too; less one, which the highest bit of a significand adds.
    exponent: u64,
}

const DOWN: [Down; 32] = {
    let mut down = [Down { bits: 0, exponent: 0 }; 32];
    let mut n = 0;
    while n < 32 {
        let power = POWERS[LIMIT as usize - n];
        // value = product * 2^(128 - 127 + power.exponent - n), of which the significand leaves out 11 bits.
        let exponent = 1 + power.exponent - n as i32 + 11 + 52 + 1023 - 1;
        down[n] = Down { bits: (power.bits >> 64) as u64, exponent: exponent as u64 };
        n += 1;
    }
    down
};

/// `mantissa / 10^places`, likewise; of less than 32 places.
///
/// All mantissas take one path, as which of several a number takes is unpredictable.
#[inline(always)]
pub fn scale_down(mantissa: u64, places: usize) -> Option<f64> {
    // How far the true product may be above this one: less than one by the lower half of the product, less than one by
    // what the power lacks; twice that once it is moved to the highest bit.
    const ABOVE: u64 = 4;
    const HALF: u64 = 1 << 10;
    if mantissa == 0 {
        return Some(0.0);
    }
    let zeros = mantissa.leading_zeros();
    let Down { bits, exponent } = DOWN[places % 32];
    let high = ((u128::from(mantissa << zeros) * u128::from(bits)) >> 64) as u64;
    let short = !high >> 63;
    let high = high << short;
    let rest = high % (2 * HALF);
    if rest.wrapping_sub(HALF - ABOVE + 1) < ABOVE {
        return scale_down_slowly(mantissa, places);
    }
    let significand = (high >> 11) + (high >> 10 & 1);
    Some(f64::from_bits(significand + ((exponent - u64::from(zeros) - short) << 52)))
}

#[cold]
fn scale_down_slowly(mantissa: u64, places: usize) -> Option<f64> {
    scale(mantissa, -(places as i32))
}

/// `digits / 10^places`, of so few digits that both are exact.
#[inline(always)]
pub fn scale_few(digits: u64, places: usize) -> f64 {
    debug_assert!(digits < 1 << 53);
    digits as f64 / TENS[places]
}

#[inline(never)]
fn scale_wide(mantissa: u64, exponent: i32) -> Option<f64> {
    if mantissa == 0 || !(-LIMIT..=LIMIT).contains(&exponent) {
        return None;
    }
    let zeros = mantissa.leading_zeros();
    let digits = mantissa << zeros;
    let power = POWERS[(exponent + LIMIT) as usize];
    let high = ((u128::from(digits) * u128::from((power.bits >> 64) as u64)) >> 64) as u64;
    let spare = 64 - 53 - high.leading_zeros();
    let (rest, half) = (high & ((1 << spare) - 1), 1u64 << (spare - 1));
    // The lower half of this product, and of the power, would each add less than one.
    if rest + 2 > half && rest <= half {
        return scale_widest(mantissa, exponent);
    }
    let significand = (high >> spare) + u64::from(rest > half);
    // value = high * 2^(128 - 127 + power.exponent + exponent - zeros)
    Some(double(significand, spare as i32 + 1 + power.exponent + exponent - zeros as i32))
}

/// With all bits of the power.
#[cold]
fn scale_widest(mantissa: u64, exponent: i32) -> Option<f64> {
    let zeros = mantissa.leading_zeros();
    let digits = u128::from(mantissa << zeros);
    let power = POWERS[(exponent + LIMIT) as usize];
    let (high, low) = (power.bits >> 64, power.bits & u128::from(u64::MAX));
    // The upper 128 of 192 bits. What is cut off here, and from the power by its rounding, is each less than one:
    // the true product lies in [product, product + 2).
    let product = digits * high + ((digits * low) >> 64);
    let spare = 128 - 53 - product.leading_zeros();
    let (rest, half) = (product & ((1 << spare) - 1), 1u128 << (spare - 1));
    if rest + 2 > half && rest <= half {
        return None;
    }
    let significand = (product >> spare) as u64 + u64::from(rest > half);
    // value = product * 2^(64 - 127 + power.exponent + exponent - zeros)
    Some(double(significand, spare as i32 - 63 + power.exponent + exponent - zeros as i32))
}

/// `significand * 2^binary`, of at most 53 bits, or 2^53.
#[inline(always)]
fn double(mut significand: u64, mut binary: i32) -> f64 {
    if significand == 1 << 53 {
        significand >>= 1;
        binary += 1;
    }
    // Every result is normal: the table ends long before the range of doubles does.
    let biased = (binary + 52 + 1023) as u64;
    f64::from_bits((biased << 52) | (significand & ((1 << 52) - 1)))
}

#[cfg(test)]
mod tests {
    use super::super::scanner::{Number, Scanner};
    use crate::random::tries;

    fn read(text: &str) -> f64 {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(b',');
        let end = bytes.len();
        bytes.extend([0; 64]);
        let mut scanner = Scanner::new(&bytes, end, 0, 0);
        let Ok(Some(Number { value, .. })) = scanner.number() else { panic!("{text} is a number") };
        assert_eq!(scanner.position(), text.len(), "{text}");
        value
    }

    fn check(text: &str) {
        assert_eq!(read(text).to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
    }

    /// A small generator of random words (splitmix64).
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = *state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    #[test]
    fn named_numbers() {
        for text in [
            "0",
            "1",
            "-1",
            "0.5",
            "258.15",
            "1e5",
            "1E+5",
            "1e-5",
            "0.1",
            "0.2",
            "0.30000000000000004",
            "1e22",
            "1e23",
            "9007199254740993",
            "9007199254740992",
            "9007199254740993.0",
            "9007199254740995.0",
            "123456789012345678",
            "18446744073709551615.0",
            "18446744073709551616.0",
            "0.000000000000000000000000000001234567890123456789",
            "1e400",
            "-1e400",
            "1e-400",
            "5e-324",
            "2.4703282292062327e-324",
            "2.2250738585072011e-308",
            "1.7976931348623157e308",
            "1.7976931348623159e308",
            "0e999999999999",
            "0.0",
            "-0.0",
            "1e99999999999999999999",
            "179769313486231580793728971405301e276",
            "6.02214076e23",
            "299792458.0",
            "8.41e21",
            "9.109e-31",
            "0.95914441347122192382812500000000000000000000001",
            "2.5e-1",
            "1.00000005960464477539062500000",
        ] {
            check(text);
        }
        assert_eq!(read("-0").to_bits(), 0f64.to_bits(), "an integer has no negative zero");
    }

    #[test]
    fn random_doubles_come_back() {
        let mut state = 1;
        for round in 0..tries(1_000_000) as u64 {
            let word = random(&mut state);
            let value = match round % 4 {
                0 => f64::from_bits(word),
                1 => (word >> 11) as f64 / (1u64 << 53) as f64,
                2 => f64::from(f32::from_bits(word as u32)),
                _ => (word % 100_000_000) as f64 / 1000.0,
            };
            if value.is_finite() {
                check(&format!("{value:?}"));
            }
        }
    }

    #[test]
    fn mantissas_are_scaled_down_as_the_standard_library_does() {
        let mut state = 3;
        let mut undecided = 0;
        for round in 0..tries(400_000) as u64 {
            let (word, places) = (random(&mut state), (random(&mut state) % 32) as usize);
            let mantissa = match round % 4 {
                // Halfway between two doubles, if the power of ten divides it, and next to that.
                0 => {
                    ((1 << 53) + 2 * (word >> 11 | 1)) / 10u64.pow(places as u32 % 4)
                        * 10u64.pow(places as u32 % 4)
                }
                1 => (word >> 10 | 1 << 53) + round % 3 - 1,
                _ => word >> (random(&mut state) % 64),
            };
            let expected: f64 = format!("{mantissa}e-{places}").parse().unwrap();
            match super::scale_down(mantissa, places) {
                Some(value) => assert_eq!(value.to_bits(), expected.to_bits(), "{mantissa}e-{places}"),
                None => undecided += usize::from(round % 4 > 1),
            }
        }
        // Of those that are not halfway on purpose.
        assert!(undecided < 200, "{undecided}");
        assert_eq!(super::scale_down(0, 3), Some(0.0));
        assert_eq!(super::scale_down(u64::MAX, 0), Some(u64::MAX as f64));
    }

    #[test]
    fn random_texts_are_rounded_as_the_standard_library_does() {
        let mut state = 2;
        for _ in 0..tries(500_000) {
            let (a, b, c) = (random(&mut state), random(&mut state), random(&mut state));
            let digits = &a.to_string()[..1 + (b % 19) as usize % a.to_string().len()];
            let fraction = &b.to_string()[..1 + (c % 19) as usize % b.to_string().len()];
            let exponent = (c >> 32) % 80;
            check(&format!("{digits}.{fraction}e-{exponent}"));
            check(&format!("{digits}.{fraction}e{exponent}"));
            check(&format!("0.{fraction}"));
            check(&format!("{digits}.5"));
        }
    }
}
