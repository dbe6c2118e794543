//! The text of run lengths: six bits to a character.
//!
//! From the fourth length on, what is written is the difference from the length two places before. A number is cut
//! into groups of five bits, lowest first; a character holds a group, and a sixth bit that says whether more follow.
//! 48 is added to make it printable. The sign is the highest bit of the last group.

use crate::error::{Error, Result};

const FIRST: u8 = 48;
const GROUP: u8 = 0x1f;
const MORE: u8 = 0x20;

/// Lengths from here on may change when they are written and read again.
///
/// Numbers of seven characters lose bits in the reader's 32-bit shifts; below this, differences need six at most.
pub const ROUND_TRIP: u32 = 1 << 29;

/// Appends the text of `counts` to `text`.
pub fn write(counts: &[u32], text: &mut Vec<u8>) {
    text.reserve(counts.len() + counts.len() / 2);
    for (i, &count) in counts.iter().enumerate() {
        let before = if i > 2 { counts[i - 2] } else { 0 };
        let mut number = i64::from(count) - i64::from(before);
        loop {
            let group = number as u8 & GROUP;
            number >>= 5;
            let more = if group & 0x10 != 0 { number != -1 } else { number != 0 };
            text.push(FIRST + group + if more { MORE } else { 0 });
            if !more {
                break;
            }
        }
    }
}

/// The part of `text` that counts: up to the first NUL, as a C string.
///
/// DIFFERENCE: when the last number says that more follows, the reference reads on beyond the text; here that is an
/// error. The numbers before it cannot be unfinished, so one look at the last character is enough.
pub fn checked(text: &[u8]) -> Result<&[u8]> {
    let text = match text.contains(&0) {
        true => text.split(|&byte| byte == 0).next().unwrap_or_default(),
        false => text,
    };
    match text.last() {
        Some(last) if last.wrapping_sub(FIRST) & MORE != 0 => {
            Err(Error::value("invalid run lengths: the last number of \"counts\" is cut off"))
        }
        _ => Ok(text),
    }
}

/// The run lengths in `text`, which must have gone through [`checked`].
///
/// Any bytes can be read; numbers of seven characters and more wrap around in 32-bit shifts, as the reference's do.
pub fn read(text: &[u8]) -> Counts<'_> {
    Counts { text, one_before: 0, two_before: 0, place: 0 }
}

/// The run lengths of a text, one after the other. Made by [`read`].
#[derive(Clone)]
pub struct Counts<'a> {
    text: &'a [u8],
    one_before: u32,
    two_before: u32,
    /// Up to 3: whether differences have begun.
    place: u8,
}

impl Iterator for Counts<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let (&first, rest) = self.text.split_first()?;
        let first = first.wrapping_sub(FIRST);
        self.text = rest;
        let number = if first & MORE == 0 {
            // Five bits with their sign.
            ((u32::from(first) << 27) as i32 >> 27) as u32
        } else {
            self.long(u32::from(first & GROUP))
        };
        let count = if self.place > 2 { number.wrapping_add(self.two_before) } else { number };
        self.place = (self.place + 1).min(3);
        self.two_before = self.one_before;
        self.one_before = count;
        Some(count)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.text.len()))
    }
}

impl Counts<'_> {
    /// The rest of a number of more than one character.
    #[inline]
    fn long(&mut self, mut number: u32) -> u32 {
        let mut shift = 5;
        while let Some((&byte, rest)) = self.text.split_first() {
            let byte = byte.wrapping_sub(FIRST);
            self.text = rest;
            number |= u32::from(byte & GROUP).wrapping_shl(shift);
            shift = shift.wrapping_add(5);
            if byte & MORE == 0 {
                if byte & 0x10 != 0 {
                    number |= u32::MAX.wrapping_shl(shift);
                }
                break;
            }
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::{checked, read, write};

    fn text(counts: &[u32]) -> Vec<u8> {
        let mut text = Vec::new();
        write(counts, &mut text);
        text
    }

    fn counts(text: &[u8]) -> Vec<u32> {
        read(checked(text).unwrap()).collect()
    }

    #[test]
    fn known_text() {
        assert_eq!(text(&[9, 2, 2, 2, 5]), b"92203");
        assert_eq!(counts(b"92203"), [9, 2, 2, 2, 5]);
        assert_eq!(text(&[]), b"");
        assert_eq!(counts(b""), [0; 0]);
        // The widest numbers, as the reference writes them.
        assert_eq!(text(&[u32::MAX, 0, 0, u32::MAX, 1]), b"oooooo300oooooo31");
    }

    #[test]
    fn what_is_written_is_read() {
        let mut state = 1u64;
        for _ in 0..2000 {
            let run: Vec<u32> = (0..state % 40)
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (state >> 35) as u32 >> (state % 30)
                })
                .collect();
            state = state.wrapping_add(1);
            assert_eq!(counts(&text(&run)), run);
        }
    }

    #[test]
    fn a_text_ends_at_nul() {
        assert_eq!(counts(b"92\x00203"), [9, 2]);
        assert_eq!(counts(b"\x00"), [0; 0]);
    }

    #[test]
    fn a_cut_number_is_an_error() {
        for cut in [&b"P"[..], b"92P", b"9o", b"9P\x002"] {
            assert!(checked(cut).unwrap_err().message().contains("cut off"), "{cut:?}");
        }
    }

    #[test]
    fn long_numbers_wrap() {
        // Group 7 is shifted by 35, which is 3 in 32-bit arithmetic.
        assert_eq!(counts(b"PPPPPPP1"), [8]);
        assert_eq!(counts(b"PPPPPPP@")[0], (0x10 << 3) | (u32::MAX << 8));
    }
}
