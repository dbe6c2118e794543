//! The fast path: values in the form that nearly all files have, read in one step each.
//!
//! Whatever is written in another way (an exponent, more digits, white space in an unusual place, the end of the piece)
//! is `None`, and the [`Scanner`](super::scanner::Scanner) has to go over it with care. What is read here it would read
//! likewise.

use super::number;
use super::rounded::rounded_array;
use crate::simd::{Baseline, Simd};

/// A number that [`short`] reads, with what is around it, is no longer than this.
const SHORT: usize = 10;

/// A cursor over text behind which zeros follow ([`PADDING`](super::scanner::PADDING)). No value ends with the piece:
/// the caller checks the byte after it, and a zero is never that.
pub struct Cursor<'a> {
    bytes: &'a [u8],
    /// Where it stands.
    pub at: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at `at`.
    #[inline(always)]
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Cursor { bytes, at }
    }

    /// What is left, padding included.
    #[inline(always)]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The byte at the cursor, zero at the end.
    #[inline(always)]
    pub fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// Steps over `byte`.
    #[inline(always)]
    pub fn take(&mut self, byte: u8) -> Option<()> {
        let there = self.peek() == byte;
        self.at += usize::from(there);
        there.then_some(())
    }

    #[inline(always)]
    fn chunk<const N: usize>(&self, at: usize) -> Option<&'a [u8; N]> {
        self.bytes.get(at..)?.first_chunk()
    }

    /// An integer of at most seven digits.
    #[inline(always)]
    pub fn integer(&mut self) -> Option<i64> {
        let text: &[u8; 8] = self.chunk(self.at)?;
        let (value, count) = number::word(text);
        self.at += count;
        let (common, next) = ((1..8).contains(&count) && (count == 1 || text[0] != b'0'), text[count % 8]);
        (common && next != b'.' && next | 0x20 != b'e').then_some(value as i64)
    }

    /// A number of few digits before the point, and not many more in all than a double has; and whether there is no
    /// point.
    #[inline(always)]
    pub fn real(&mut self) -> Option<(f64, bool)> {
        let (value, end) = with_point(self.bytes, self.at);
        if end > 0 {
            self.at = end;
            return Some((value, false));
        }
        let negative = self.peek() == b'-';
        self.at += usize::from(negative);
        let value = self.integer()?;
        // As an integer, minus zero is zero.
        (!negative || value != 0).then_some((if negative { -value } else { value } as f64, true))
    }

    /// As [`Cursor::real`]. `long`: whether to expect many digits; afterwards whether there were.
    #[inline(always)]
    pub fn real_as_before(&mut self, long: &mut bool) -> Option<(f64, bool)> {
        if !*long && let Some((value, end)) = short(self.bytes, self.at) {
            self.at = end;
            return Some((value, false));
        }
        let start = self.at;
        let found = self.real()?;
        *long = self.at - start >= SHORT;
        Some(found)
    }

    /// An array of `N` numbers of few digits, with or without a space behind each comma.
    #[inline(always)]
    pub fn rounded_array<const N: usize>(&mut self) -> Option<[f64; N]> {
        let (numbers, len) = rounded_array(self.chunk(self.at)?)?;
        self.at += len;
        Some(numbers)
    }

    /// An array of `N` numbers, with or without a space behind each comma. `long`: whether to expect numbers of many
    /// digits; afterwards whether there were.
    #[inline(always)]
    pub fn array<const N: usize>(&mut self, long: &mut bool) -> Option<[f64; N]> {
        let mut numbers = [0.0; N];
        let start = self.at;
        self.take(b'[')?;
        // One who rounds a number rounds all of them.
        let mut rounded = !*long;
        for (place, number) in numbers.iter_mut().enumerate() {
            if place > 0 {
                let [comma, next] = *self.chunk(self.at)?;
                if comma != b',' {
                    return None;
                }
                self.at += 1 + usize::from(next == b' ');
            }
            *number = match if rounded { short(self.bytes, self.at) } else { None } {
                Some((value, end)) => {
                    self.at = end;
                    value
                }
                None => {
                    rounded = false;
                    self.real()?.0
                }
            };
        }
        self.take(b']')?;
        *long = self.at - start > SHORT * N;
        Some(numbers)
    }
}

/// The number with a point at `at`, and where it ends, if it has at most six digits: coordinates that were rounded.
#[inline(always)]
pub(crate) fn short(bytes: &[u8], at: usize) -> Option<(f64, usize)> {
    let negative = *bytes.get(at)? == b'-';
    let start = at + usize::from(negative);
    let text: &[u8; 8] = bytes.get(start..)?.first_chunk()?;
    let (digits, whole, count) = number::around_point(u64::from_le_bytes(*text))?;
    let common = text[whole] == b'.' && (text[0] != b'0' || whole == 1) && text[count + 1] | 0x20 != b'e';
    if !common {
        return None;
    }
    let value = number::scale_few(digits, count - whole);
    Some((if negative { -value } else { value }, start + count + 1))
}

/// What a number without a sign is made of, if it has a point.
pub(crate) struct Extent {
    /// Digits before its point.
    pub whole: usize,
    /// Its bytes.
    pub len: usize,
}

/// The extent of the number that a piece of text begins with.
#[inline(always)]
pub(crate) fn extent(text: &[u8; 32]) -> Extent {
    let others = !Baseline::digits(text);
    // The digits end at the second byte that is none.
    Extent {
        whole: others.trailing_zeros() as usize,
        len: (others & others.wrapping_sub(1)).trailing_zeros() as usize,
    }
}

/// The number with a point that begins behind the first 16 of these bytes, and how many bytes it has, if it has no
/// sign, at most four digits before its point and at most 16 behind it. What follows has to be checked: it may be an
/// exponent.
#[inline(always)]
fn plain(around: &[u8; 48]) -> Option<(f64, usize)> {
    let Extent { whole, len } = extent(around.last_chunk()?);
    Some((plain_of::<Baseline>(around, whole, len)?, len))
}

/// The same of a number that has `len` bytes, all of them digits but the one behind `whole` of them.
#[inline(always)]
pub(crate) fn plain_of<L: Simd>(around: &[u8; 48], whole: usize, len: usize) -> Option<f64> {
    let text: &[u8; 32] = around.last_chunk()?;
    let fraction = len.wrapping_sub(whole + 1);
    let common = whole.wrapping_sub(1) < 4
        && fraction.wrapping_sub(1) < 16
        // No more than 19 digits.
        && len < 21
        && text[whole % 32] == b'.'
        && (whole == 1 || text[0] != b'0');
    if !common {
        return None;
    }
    let first = number::fewer(text.first_chunk()?, whole);
    let last = L::decimal(around[len % 32..].first_chunk()?, fraction);
    number::scale_down(first * number::POWERS_OF_TEN[fraction % 32] + last, fraction)
}

/// The number with a point at `at`, and where it ends; zero if it has another form.
///
/// One copy of it, called from everywhere: many copies would not fit the processor's cache of instructions.
#[inline(never)]
pub(crate) fn with_point(bytes: &[u8], at: usize) -> (f64, usize) {
    const NONE: (f64, usize) = (0.0, 0);
    // All bytes that are read, so that bounds are checked once.
    let around = at.checked_sub(16).and_then(|from| bytes.get(from..)?.first_chunk::<49>());
    let Some(around) = around else { return NONE };
    if let Some((value, len)) = around.first_chunk().and_then(plain)
        && around[16 + len % 32] | 0x20 != b'e'
    {
        return (value, at + len);
    }
    with_sign_or_more(around, at)
}

/// The same, with a sign, or more digits.
#[inline(never)]
fn with_sign_or_more(around: &[u8; 49], at: usize) -> (f64, usize) {
    const NONE: (f64, usize) = (0.0, 0);
    let negative = usize::from(around[16] == b'-');
    let Some(text) = around[16 + negative..].first_chunk::<32>() else { return NONE };
    let Extent { whole, len: end } = extent(text);
    let fraction = end.wrapping_sub(whole + 1);
    let (zero, long) = (text[0] == b'0', fraction > 16);
    let common = (1..8).contains(&whole)
        && text[whole] == b'.'
        && (1..20).contains(&fraction)
        && (long || whole + fraction < 20)
        && text[end % 32] | 0x20 != b'e'
        && !(zero && whole > 1)
        && (zero || !long);
    if !common {
        return NONE;
    }
    // The last 16 digits behind the point, and those before them; of a long fraction, that is less than one, the whole
    // is left out.
    let (from, first, last) = if long { (2, fraction - 16, 16) } else { (0, whole, fraction) };
    let (Some(head), Some(tail)) = (text[from..].first_chunk(), around[negative + end..].first_chunk())
    else {
        return NONE;
    };
    let mantissa =
        number::few(head, first) * number::POWERS_OF_TEN[last % 32] + Baseline::decimal(tail, last);
    match number::scale_down(mantissa, fraction) {
        // Without a branch, as signs of angles are as good as random.
        Some(value) => (f64::from_bits(value.to_bits() | (negative as u64) << 63), at + negative + end),
        None => NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scanner::{Number, PADDING, Scan, Scanner};
    use super::*;
    use crate::random::{Random, tries};

    fn pad(text: &str) -> (Vec<u8>, usize) {
        let mut bytes = b"                ".to_vec();
        bytes.extend(text.as_bytes());
        let end = bytes.len();
        bytes.extend([0; PADDING]);
        (bytes, end)
    }

    /// Of any text, either nothing is read, or what the scanner reads, to the same place.
    fn agree(text: &str) -> bool {
        let (bytes, end) = pad(text);
        let (mut cursor, mut scanner) = (Cursor::new(&bytes, 16), Scanner::new(&bytes, end, 16, 0));
        let real = cursor.real();
        if let Some((value, is_integer)) = real
            && cursor.at < end
        {
            let Ok(Some(Number { value: other, integer })) = scanner.number() else { panic!("{text}") };
            let expected: f64 = text[..cursor.at - 16].parse().unwrap();
            assert_eq!((value.to_bits(), is_integer), (expected.to_bits(), integer), "{text}");
            assert_eq!((other.to_bits(), scanner.position()), (value.to_bits(), cursor.at), "{text}");
        }
        let (mut cursor, mut scanner) = (Cursor::new(&bytes, 16), Scanner::new(&bytes, end, 16, 0));
        if let Some((value, short_end)) = short(&bytes, 16)
            && short_end < end
        {
            let expected: f64 = text[..short_end - 16].parse().unwrap();
            assert_eq!((value.to_bits(), real.is_some()), (expected.to_bits(), true), "{text}");
            assert!(short_end - 16 < 9, "{text}");
        }
        let (mut one, mut other) = (Scanner::new(&bytes, end, 16, 0), Scanner::new(&bytes, end, 16, 0));
        let outcome = |number: Scan<Option<Number>>| {
            number.map(|number| number.map(|n| (n.value.to_bits(), n.integer)))
        };
        let (rounded, number) = (outcome(one.rounded_number()), outcome(other.number()));
        assert_eq!((rounded, one.position()), (number, other.position()), "{text}");
        if let Some(value) = cursor.integer()
            && cursor.at < end
        {
            assert_eq!((scanner.integer(), scanner.position()), (Ok(Some(value)), cursor.at), "{text}");
        }
        real.is_some()
    }

    #[test]
    fn reads_what_the_scanner_reads() {
        for common in [
            "0.5,",
            "12,",
            "-3.25]",
            "640.1234567890123456,",
            "1234567}",
            "1234567.5}",
            "123456.1234567890123,",
            "0,",
            "-7 ",
            "0.0012345678901234567,",
            "999.0000001,",
        ] {
            assert!(agree(common), "{common}");
        }
        for other in [
            "-0,",
            "1e5,",
            "1.5e3,",
            "01.5,",
            "1.,",
            ".5,",
            "12345678.5,",
            "0.12345678901234567890,",
            "NaN,",
            "x",
        ] {
            assert!(!agree(other), "{other}");
        }
        for (text, long) in [("0.5,", false), ("7,", false), ("0.87654321,", true), ("-1.25]", false)] {
            let (bytes, _) = pad(text);
            for mut expected in [false, true] {
                let (mut one, mut other) = (Cursor::new(&bytes, 16), Cursor::new(&bytes, 16));
                assert_eq!(one.real_as_before(&mut expected), other.real(), "{text}");
                assert_eq!((one.at, expected), (other.at, long), "{text}");
            }
        }
        let mut random = Random::new(1);
        let mut roll = |sides: usize| random.below(sides as u64) as usize;
        for _ in 0..tries(300_000) {
            let digits = |roll: &mut dyn FnMut(usize) -> usize, most: usize| -> String {
                (0..1 + roll(most)).map(|_| char::from(b'0' + roll(10) as u8)).collect()
            };
            let sign = ["", "", "", "-"][roll(4)];
            let (whole, fraction) = (digits(&mut roll, 9), digits(&mut roll, 24));
            let point = [".", ".", ".", "", "e", ".."][roll(6)];
            let tail = [",", "]", "}", " ", "e1,", "", "x"][roll(7)];
            agree(&format!("{sign}{whole}{point}{fraction}{tail}"));
        }
    }

    #[test]
    fn short_numbers() {
        let read = |text: &str| short(&pad(text).0, 16).map(|(value, end)| (value, end - 16));
        for text in ["0.5,", "510.66]", "-1.25,", "12345.6,", "0.00001 ", "-0.0,"] {
            let number = &text[..text.len() - 1];
            assert_eq!(read(text), Some((number.parse().unwrap(), number.len())), "{text}");
        }
        assert!(read("-0.0,").unwrap().0.is_sign_negative());
        for text in
            ["12,", "1234567,", "1.,", ".5,", "01.5,", "1.5e3,", "1.5E3,", "123456.7,", "1.234567,", "x"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn boxes() {
        let read = |text: &str| {
            let (bytes, _) = pad(text);
            let (mut one, mut other) = (Cursor::new(&bytes, 16), Cursor::new(&bytes, 16));
            let found = one.array::<4>(&mut false).map(|four| (four, one.at - 16));
            // What is expected changes nothing.
            let mut long = true;
            assert_eq!(other.array::<4>(&mut long).map(|four| (four, other.at - 16)), found);
            found.map(|(four, end)| (four, end, long))
        };
        assert_eq!(read("[1, 2.5,-3, 4.0],"), Some(([1.0, 2.5, -3.0, 4.0], 16, false)));
        let most = [-12345.6, -1.23456, -123.456, -12.3456];
        assert_eq!(read("[-12345.6, -1.23456, -123.456, -12.3456],"), Some((most, 40, false)));
        let long = [214.1499938964844, 41.290000915527344, 348.260009765625, 243.77999877929688];
        assert_eq!(
            read("[214.1499938964844, 41.290000915527344, 348.260009765625, 243.77999877929688]"),
            Some((long, 77, true))
        );
        for other in [
            "[1, 2, 3]",
            "[1, 2, 3, 4",
            "[1,  2, 3, 4]",
            "[ 1, 2, 3, 4]",
            "[1, 2, 3, 4, 5]",
            "[]",
            "[1, 2, 3, 4 ]",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
