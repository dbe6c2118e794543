//! The text of run lengths: six bits to a character.
//!
//! From the fourth length on, what is written is the difference from the length two places before. A number is cut
//! into groups of five bits, lowest first; a character holds a group, and a sixth bit that says whether more follow.
//! 48 is added to make it printable. The sign is the highest bit of the last group.

use crate::error::{Error, Result, push, reserve};

const FIRST: u8 = 48;
const GROUP: u8 = 0x1f;
const MORE: u8 = 0x20;

/// Lengths from here on may change when they are written and read again.
///
/// Numbers of seven characters lose bits in the reader's 32-bit shifts; below this, differences need six at most.
pub const ROUND_TRIP: u32 = 1 << 29;

/// Appends the text of `counts` to `text`.
///
/// # Errors
///
/// `OutOfMemory`
pub fn write(counts: &[u32], text: &mut Vec<u8>) -> Result<()> {
    reserve(text, counts.len() + counts.len() / 2)?;
    for (i, &count) in counts.iter().enumerate() {
        let before = if i > 2 { counts[i - 2] } else { 0 };
        let mut number = i64::from(count) - i64::from(before);
        loop {
            let group = number as u8 & GROUP;
            number >>= 5;
            let more = if group & 0x10 != 0 { number != -1 } else { number != 0 };
            push(text, FIRST + group + if more { MORE } else { 0 })?;
            if !more {
                break;
            }
        }
    }
    Ok(())
}

/// The part of `text` that counts: up to the first NUL, as a C string.
///
/// DIFFERENCE: when the last number says that more follows, the reference reads on beyond the text; here that is an
/// error. The numbers before it cannot be unfinished, so checking the last character is enough.
///
/// # Errors
///
/// The text ends within a number.
pub fn checked(text: &[u8]) -> Result<&[u8]> {
    // Without a branch sixteen bytes are processed at a time.
    let ends_early = text.iter().fold(false, |found, &byte| found | (byte == 0));
    let text = match ends_early {
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
pub fn read(text: &[u8]) -> RunLengths<'_> {
    RunLengths { text, one_before: 0, two_before: 0, place: 0 }
}

/// The run lengths of a text, one after the other. Made by [`read`].
#[derive(Clone)]
pub struct RunLengths<'a> {
    text: &'a [u8],
    one_before: u32,
    two_before: u32,
    /// Up to 3: whether differences have begun.
    place: u8,
}

impl Iterator for RunLengths<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let number = number(&mut self.text)? as u32;
        let count = if self.place > 2 { number.wrapping_add(self.two_before) } else { number };
        self.place = (self.place + 1).min(3);
        self.two_before = self.one_before;
        self.one_before = count;
        Some(count)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.text.len()))
    }

    #[inline]
    fn fold<B, F: FnMut(B, u32) -> B>(mut self, start: B, mut add: F) -> B {
        let mut sum = start;
        loop {
            // Once differences have begun, eight numbers of one character each at once.
            while self.place > 2
                && let Some((word, rest)) = self.text.split_first_chunk::<8>()
                && let Some(numbers) = singles(u64::from_le_bytes(*word))
            {
                for number in numbers {
                    let count = (number as u32).wrapping_add(self.two_before);
                    self.two_before = std::mem::replace(&mut self.one_before, count);
                    sum = add(sum, count);
                }
                self.text = rest;
            }
            match self.next() {
                Some(count) => sum = add(sum, count),
                None => return sum,
            }
        }
    }
}

/// Takes one number off the front of `text`, in 32-bit arithmetic.
#[inline(always)]
fn number(text: &mut &[u8]) -> Option<i32> {
    let (&first, mut rest) = text.split_first()?;
    let first = first.wrapping_sub(FIRST);
    let value = if first & MORE == 0 {
        // Five bits with their sign.
        (i32::from(first) << 27) >> 27
    } else {
        let (mut value, mut shift) = (u32::from(first & GROUP), 5u32);
        while let Some((&byte, after)) = rest.split_first() {
            let byte = byte.wrapping_sub(FIRST);
            rest = after;
            value |= u32::from(byte & GROUP).wrapping_shl(shift);
            shift = shift.wrapping_add(5);
            if byte & MORE == 0 {
                if byte & 0x10 != 0 {
                    value |= u32::MAX.wrapping_shl(shift);
                }
                break;
            }
        }
        value as i32
    };
    *text = rest;
    Some(value)
}

/// Appends the foreground runs `[start, end)` in `text`, which must have gone through [`checked`]; returns the total of
/// all run lengths.
///
/// `None`, with anything appended, if a run other than the first is empty or the total is 2³¹ or more: [`read`] says
/// what such a text means.
pub fn read_runs(text: &[u8], runs: &mut Vec<[u32; 2]>) -> Option<u32> {
    let mut rest = text;
    let Some(first) = number(&mut rest) else { return Some(0) };
    let Some(second) = number(&mut rest) else { return u32::try_from(first).ok() };
    let (first, second) = (i64::from(first), i64::from(second));
    // The third number is no difference, so the first is dropped; it may also be 0.
    let mut pair =
        RunPair { background: 0, foreground: second, end: first + second, least: second.min(first + 1) };
    runs.reserve(text.len() / 2 + 1);
    runs.push([first as u32, pair.end as u32]);
    loop {
        // Nine numbers in ten are a single character, so many are looked for at once.
        if let Some((word, after)) = rest.split_first_chunk::<8>()
            && let Some(numbers) = singles(u64::from_le_bytes(*word))
        {
            let mut next = |place: usize| pair.next(numbers[place], numbers[place + 1]);
            runs.extend_from_slice(&[next(0), next(2), next(4), next(6)]);
            rest = after;
            continue;
        }
        let Some(background) = number(&mut rest) else { break };
        let Some(foreground) = number(&mut rest) else {
            // Background to the end.
            pair.background += i64::from(background);
            pair.least = pair.least.min(pair.background);
            pair.end += pair.background;
            break;
        };
        runs.push(pair.next(background.into(), foreground.into()));
    }
    u32::try_from(pair.end).ok().filter(|&end| pair.least > 0 && end < 1 << 31)
}

/// A background run and the foreground run after it.
///
/// In 64 bits nothing wraps around. Lengths that are positive here and add up to less than 2³¹ are what 32 bits that
/// wrap around would hold.
struct RunPair {
    background: i64,
    foreground: i64,
    end: i64,
    /// The shortest length so far.
    least: i64,
}

impl RunPair {
    /// Goes on to the next pair, by the differences of its lengths. Returns the foreground run.
    #[inline(always)]
    fn next(&mut self, background: i64, foreground: i64) -> [u32; 2] {
        self.background += background;
        self.foreground += foreground;
        self.least = self.least.min(self.background).min(self.foreground);
        let start = self.end + self.background;
        self.end = start + self.foreground;
        [start as u32, self.end as u32]
    }
}

/// The numbers in eight characters, if each is a number of its own.
#[inline(always)]
fn singles(word: u64) -> Option<[i64; 8]> {
    let groups = word.wrapping_sub(u64::from_le_bytes([FIRST; 8]));
    // A borrow cannot hide: the lowest character that is too small leaves high bits behind.
    if groups & u64::from_le_bytes([!GROUP; 8]) != 0 {
        return None;
    }
    // With the sign bit turned over a group is its number plus 16.
    let raised = groups ^ u64::from_le_bytes([0x10; 8]);
    Some(std::array::from_fn(|place| ((raised >> (8 * place)) & 0xff) as i64 - 16))
}

#[cfg(test)]
mod tests {
    use super::{ROUND_TRIP, checked, read, write};
    use crate::random::Random;

    fn text(counts: &[u32]) -> Vec<u8> {
        let mut text = Vec::new();
        write(counts, &mut text).unwrap();
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
    fn long_lengths_do_not_come_back() {
        // The last length is written as its difference from the second.
        let comes_back = |length: u32| counts(&text(&[0, length, 0, 0])) == [0, length, 0, 0];
        assert!(comes_back(ROUND_TRIP - 1));
        assert!(!comes_back(ROUND_TRIP + 1));
    }

    #[test]
    fn what_is_written_is_read() {
        let mut random = Random::new(1);
        for _ in 0..2000 {
            let run: Vec<u32> =
                (0..random.below(40)).map(|_| (random.next() >> 35) as u32 >> random.below(30)).collect();
            assert_eq!(counts(&text(&run)), run);
        }
    }

    #[test]
    fn folding_is_going_one_by_one() {
        let mut random = Random::new(9);
        for length in 0..300 {
            let mut die = || random.below(256) as u8;
            // Mostly numbers of one character.
            let text: Vec<u8> =
                (0..length).map(|_| 48 + if die() < 230 { die() & 0x1f } else { die() & 0x3f }).collect();
            let folded = read(&text).fold(Vec::new(), |mut counts, count| {
                counts.push(count);
                counts
            });
            let mut numbers = read(&text);
            let one_by_one: Vec<u32> = std::iter::from_fn(|| numbers.next()).collect();
            assert_eq!(folded, one_by_one);
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
            assert!(checked(cut).unwrap_err().to_string().contains("cut off"), "{cut:?}");
        }
    }

    #[test]
    fn long_numbers_wrap() {
        // Group 7 is shifted by 35, which is 3 in 32-bit arithmetic.
        assert_eq!(counts(b"PPPPPPP1"), [8]);
        assert_eq!(counts(b"PPPPPPP@")[0], (0x10 << 3) | (u32::MAX << 8));
    }
}
