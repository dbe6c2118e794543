//! What each function does, byte by byte.

use super::Simd;

/// No vector instructions.
pub struct Portable;

fn bits(test: impl Fn(usize) -> bool) -> u32 {
    (0..32).fold(0, |bits, i| bits | u32::from(test(i)) << i)
}

impl Simd for Portable {
    fn equal(a: &[u8; 32], b: &[u8; 32]) -> u32 {
        bits(|i| a[i] == b[i])
    }

    fn special(text: &[u8; 32]) -> u32 {
        bits(|i| !matches!(text[i], b' ' | b'!' | b'#'..=b'[' | b']'..=0x7f))
    }

    fn digits(text: &[u8; 32]) -> u32 {
        bits(|i| text[i].is_ascii_digit())
    }

    fn positions(text: &[u8; 32], byte: u8) -> u32 {
        bits(|i| text[i] == byte)
    }

    fn decimal(text: &[u8; 16], count: usize) -> u64 {
        text[16 - count..].iter().fold(0, |value, &digit| value * 10 + u64::from(digit - b'0'))
    }
}
