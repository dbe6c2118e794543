//! Arrays of rounded numbers: where each begins and ends is found for all of them before any is converted.
//!
//! Read one after another, each number has to wait for the end of the one before it, which takes longer than to convert
//! it.

use super::number;
use crate::simd::{Baseline, Simd, both};

/// Bytes that are examined: no array is longer, and what converts a number may read a few more.
pub(super) const WINDOW: usize = 64 + 8;

/// Most bytes of a number, with its point, without its sign.
const MOST: usize = 8;

/// The array that text begins with, and its length, if all its numbers have a point, no exponent and at most seven
/// digits.
#[inline]
pub(super) fn rounded_array<const N: usize>(text: &[u8; WINDOW]) -> Option<([f64; N], usize)> {
    let window: &[u8; 64] = text.first_chunk()?;
    let others = !both(window, Baseline::digits);
    let [minus, spaces] = [b'-', b' '].map(|byte| both(window, |half| Baseline::positions(half, byte)));
    let is_at = |positions: u64, at: usize| (positions >> (at % 64)) as usize & 1;
    let (mut numbers, mut at) = ([0.0; N], 0);
    for (place, number) in numbers.iter_mut().enumerate() {
        if text[at] != if place > 0 { b',' } else { b'[' } {
            return None;
        }
        at += 1;
        at += if place > 0 { is_at(spaces, at) } else { 0 };
        let negative = is_at(minus, at);
        at += negative;
        let rest = others.checked_shr(at as u32)?;
        let whole = rest.trailing_zeros() as usize;
        let count = (rest & rest.wrapping_sub(1)).trailing_zeros() as usize;
        let digits: &[u8; MOST] = text[at..].first_chunk()?;
        let common = whole > 0
            && count > whole + 1
            && count <= MOST
            && digits[whole % MOST] == b'.'
            && (digits[0] != b'0' || whole == 1);
        if !common {
            return None;
        }
        let places = count - whole - 1;
        let value = number::scale_few(number::without_point(digits, whole, count), places);
        *number = f64::from_bits(value.to_bits() | (negative as u64) << 63);
        at += count;
    }
    (text.get(at) == Some(&b']')).then_some((numbers, at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn read<const N: usize>(text: &str) -> Option<([f64; N], usize)> {
        let mut bytes = [0; WINDOW];
        let len = text.len().min(WINDOW);
        bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
        rounded_array(&bytes)
    }

    #[test]
    fn rounded_numbers_are_read() {
        let five = [251.53, 179.105, 86.06, 22.85, -2.835636];
        for text in ["[251.53, 179.105, 86.06, 22.85, -2.835636]", "[251.53,179.105,86.06,22.85,-2.835636]"] {
            assert_eq!(read(&format!("{text}, \"id\": 1}}")), Some((five, text.len())));
        }
        assert_eq!(read("[-0.0]").map(|([zero], _)| f64::is_sign_negative(zero)), Some(true));
        let long = "[123456.7, -123456.7, 1.234567, -1.234567, 12.3, 4.5, 6.75]";
        let numbers = [123456.7, -123456.7, 1.234567, -1.234567, 12.3, 4.5, 6.75];
        assert_eq!(read(long), Some((numbers, long.len())));
    }

    #[test]
    fn other_forms_are_left() {
        for other in [
            "[1.5, 2.5",
            "[1.5]",
            "[1.5, 2.5, 3.5]",
            "[1, 2.5]",
            "[1.5,  2.5]",
            "[ 1.5, 2.5]",
            "[1.5, 2.5 ]",
            "[1.5 , 2.5]",
            "[1.5, 02.5]",
            "[1.5, .5]",
            "[1.5, 2.]",
            "[1.5, --2.5]",
            "[1.5, 2.5e1]",
            "[1.5, 2.2345678]",
            "[1.5, 12345678.5]",
            "[1.5, 2:5]",
            "[1.5, 2.5.5]",
            "(1.5, 2.5]",
            "[1.5; 2.5]",
            "",
        ] {
            assert_eq!(read::<2>(other), None, "{other}");
        }
        // One that ends behind the window.
        let long = format!("[{}1.25]", "123456.7, ".repeat(6));
        assert_eq!((long.len(), read::<7>(&long)), (66, None));
    }

    #[test]
    fn what_is_read_is_what_the_standard_library_reads() {
        let mut random = Random::new(3);
        let mut found = 0;
        for _ in 0..50_000 {
            let mut roll = |sides: u64| random.below(sides);
            let mut number = || {
                let scale = 10_u64.pow(1 + roll(8) as u32);
                let places = roll(7) as usize;
                format!("{}{:.places$}", ["", "-"][roll(2) as usize], roll(scale) as f64 / 1000.0)
            };
            let texts: [String; 4] = std::array::from_fn(|_| number());
            let text = format!("[{}]", texts.join([", ", ","][roll(2) as usize]));
            if let Some((numbers, len)) = read::<4>(&text) {
                let expected = texts.map(|text| text.parse::<f64>().unwrap().to_bits());
                assert_eq!((numbers.map(f64::to_bits), len), (expected, text.len()), "{text}");
                found += 1;
            }
        }
        assert!(found > 10_000, "{found}");
    }
}
