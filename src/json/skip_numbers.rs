//! Numbers of an array, passed over many bytes at a time.
//!
//! A number is plain if it has digits and perhaps a minus and a point, but no exponent. One word for each kind of byte says
//! where in a piece of text it stands; a few operations on the words say whether all stand where they may, so that no
//! byte waits for the one before.

use crate::simd::{self, Kernel, Simd, both};

/// From one number of an array, at `at`, to a later one, as far as all between are plain.
pub(crate) fn skip(text: &[u8], at: usize) -> usize {
    simd::dispatch(Skip { text, at }).unwrap_or(at)
}

struct Skip<'a> {
    text: &'a [u8],
    at: usize,
}

impl Kernel for Skip<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<L: Simd>(self) -> Option<usize> {
        let Skip { text, at } = self;
        let piece = piece(text, at)?;
        let (commas, spaces) = (places::<L>(piece, b','), places::<L>(piece, b' '));
        let first_comma = commas & commas.wrapping_neg();
        if first_comma << 1 & spaces != 0 {
            Pieces::<true> { text, at, fraction: 0 }.skip::<L>()
        } else {
            Pieces::<false> { text, at, fraction: 0 }.skip::<L>()
        }
    }
}

/// Bytes of a piece that are seen in it, but were checked in the one before.
const BEFORE: usize = 2;

/// From one piece to the next.
const STEP: usize = 64 - BEFORE;

#[inline(always)]
fn piece(text: &[u8], at: usize) -> Option<&[u8; 64]> {
    text.get(at..)?.first_chunk()
}

#[inline(always)]
fn places<L: Simd>(text: &[u8; 64], byte: u8) -> u64 {
    both(text, |half| L::positions(half, byte))
}

/// What stands where in a piece: bit `i` of each is for byte `i`.
struct ByteMasks {
    digits: u64,
    zeros: u64,
    points: u64,
    commas: u64,
    spaces: u64,
}

impl ByteMasks {
    #[inline(always)]
    fn of<L: Simd>(text: &[u8; 64]) -> ByteMasks {
        ByteMasks {
            digits: both(text, L::digits),
            zeros: places::<L>(text, b'0'),
            points: places::<L>(text, b'.'),
            commas: places::<L>(text, b','),
            spaces: places::<L>(text, b' '),
        }
    }

    /// As if a number came to its end before the bytes that are checked.
    #[inline(always)]
    fn open(self, spaced: bool) -> ByteMasks {
        let checked = u64::MAX << BEFORE;
        let (comma, space) = if spaced { (1, 2) } else { (3, 0) };
        ByteMasks {
            digits: self.digits & checked,
            zeros: self.zeros & checked,
            points: self.points & checked,
            commas: self.commas & checked | comma,
            spaces: self.spaces & checked | space,
        }
    }
}

/// The rest of an array, with a space behind each comma if it is `SPACED`, else with none.
struct Pieces<'a, const SPACED: bool> {
    text: &'a [u8],
    /// Where it begins.
    at: usize,
    /// One if it begins with a digit behind a point.
    fraction: u64,
}

impl<const SPACED: bool> Pieces<'_, SPACED> {
    #[inline(always)]
    fn skip<L: Simd>(mut self) -> Option<usize> {
        let mut later = self.at;
        self.at = self.at.checked_sub(BEFORE)?;
        let mut masks = ByteMasks::of::<L>(piece(self.text, self.at)?).open(SPACED);
        loop {
            let (begins, odd) = self.check(masks);
            let begins = begins & (odd & odd.wrapping_neg()).wrapping_sub(1);
            if begins != 0 {
                later = self.at + begins.ilog2() as usize;
            }
            self.at += STEP;
            match piece(self.text, self.at) {
                Some(next) if odd == 0 => masks = ByteMasks::of::<L>(next),
                _ => return Some(later),
            }
        }
    }

    /// Where a number begins, and where something stands that may not stand there or is not known.
    #[inline(always)]
    fn check(&mut self, masks: ByteMasks) -> (u64, u64) {
        let ByteMasks { mut digits, zeros, points, commas, spaces } = masks;
        let (begins, spaces_due) = if SPACED { (spaces << 1, commas << 1) } else { (commas << 1, 0) };
        let mut unknown = !(digits | points | commas | spaces);
        if unknown != 0 {
            let minuses = self.minuses(begins, unknown);
            (digits, unknown) = (digits | minuses, unknown & !minuses);
        }
        let behind_points = points << 1;
        // Adding a one to the first digit behind a point carries to behind the last.
        let sum = digits.wrapping_add(behind_points & digits | self.fraction);
        self.fraction = (digits & !sum) >> STEP & 1;
        let odd = (points | commas) & !(digits << 1)
            | (behind_points | begins) & !digits
            | points & sum
            | spaces ^ spaces_due
            | (begins & zeros) << 1 & digits
            | unknown;
        let checked = u64::MAX << BEFORE;
        (begins & checked, odd & checked)
    }

    /// Where minuses are as they may be, before whatever else is unknown. A number is as plain as if it had a digit there.
    #[cold]
    #[inline(never)]
    fn minuses(&self, begins: u64, mut unknown: u64) -> u64 {
        let byte = |place: usize| self.text.get(self.at + place).copied().unwrap_or(0);
        let mut minuses = 0;
        while unknown != 0 {
            let place = unknown.trailing_zeros() as usize;
            let (first, second) = (byte(place + 1), byte(place + 2));
            let begins = place < BEFORE || begins >> place & 1 == 1;
            let zeros = first == b'0' && second.is_ascii_digit();
            if byte(place) != b'-' || !begins || !first.is_ascii_digit() || zeros {
                break;
            }
            minuses |= 1 << place;
            unknown &= unknown - 1;
        }
        minuses
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Baseline;

    #[test]
    fn plain_numbers_are_passed_over() {
        let last = |numbers: &str| {
            let text = [" [", numbers, "]", &" ".repeat(80)].concat();
            let later = skip(text.as_bytes(), 2);
            assert_eq!(Skip { text: text.as_bytes(), at: 2 }.run::<Baseline>().unwrap_or(2), later, "{text}");
            text[later..].split([',', ']']).next().map(str::to_owned).unwrap_or_default()
        };
        for separator in [", ", ","] {
            let plain = ["10.25", "0", "-0.5", "-7", "123456789012345678901234567890.5"];
            for count in 1..40 {
                let mut numbers: Vec<&str> = plain.iter().copied().cycle().take(count).collect();
                numbers.push("7.125");
                assert_eq!(last(&numbers.join(separator)), "7.125");
                // The last one that only plain ones come before, or an earlier one.
                for odd in ["1e5", "01", "-01", ".5", "5.", "1.2.3", "--1", "-", "+1", "x", "NaN", " 1", "1 "]
                {
                    numbers.push(odd);
                    numbers.extend(["8.5", "9.75"]);
                    let found = last(&numbers.join(separator));
                    assert!(!["8.5", "9.75"].contains(&found.as_str()), "{odd}: {found}");
                    numbers.truncate(count + 1);
                }
            }
        }
        assert_eq!(last("1, 2, 3,4, 5"), "3");
        assert_eq!(last("1,2,3, 4,5"), "3");
    }
}
