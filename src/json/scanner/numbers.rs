//! Numbers.

use super::{AFTER_NUMBER, LONG, Scan, Scanner};
use crate::json::error::NotColumnar;
use crate::json::{fast, number};

/// A number and how it was written.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// The value, rounded to the nearest double.
    pub value: f64,
    /// Whether it was written as an integer.
    pub integer: bool,
}

impl Scanner<'_> {
    /// A number, or `None` (and the cursor where it was) if something else stands here.
    #[inline(always)]
    pub fn number(&mut self) -> Scan<Option<Number>> {
        self.space();
        let (value, end) = fast::with_point(self.bytes, self.position);
        // A number at the end of the piece may go on in the next.
        if end > 0 && end < self.end {
            self.position = end;
            return Ok(Some(Number { value, integer: false }));
        }
        let start = self.position;
        let negative = self.peek() == b'-';
        self.position += usize::from(negative);
        let mut mantissa = 0;
        let whole = self.position;
        let mut count = number::digits(self.bytes, &mut self.position, &mut mantissa);
        if count == 0 {
            return self.named_number(start, negative);
        }
        if count > 1 && self.bytes[whole] == b'0' {
            self.position = whole + 1;
            return self.fault("',' or a closing bracket (numbers have no leading zeros)");
        }
        let mut exponent = 0;
        let mut integer = true;
        if self.peek() == b'.' {
            integer = false;
            self.position += 1;
            let fraction = number::digits(self.bytes, &mut self.position, &mut mantissa);
            if fraction == 0 {
                return self.fault("a digit");
            }
            count += fraction;
            exponent = -(fraction as i64);
        }
        if self.peek() | 0x20 == b'e' {
            integer = false;
            exponent += self.exponent()?;
        }
        if self.at_end() {
            // The number may go on in the next piece.
            return self.fault(AFTER_NUMBER);
        }
        if count > 19 {
            if integer && count > LONG {
                self.doubtful = Some(NotColumnar::LongInteger);
            }
            count -= leading_zeros(&self.bytes[whole..self.position]);
        }
        let scaled = match i32::try_from(exponent) {
            Ok(exponent) if count <= 19 => number::scale(mantissa, exponent),
            _ => None,
        };
        let magnitude = scaled.unwrap_or_else(|| standard(&self.bytes[whole..self.position]));
        // As an integer, minus zero is zero.
        let value = if negative && !(integer && magnitude == 0.0) { -magnitude } else { magnitude };
        Ok(Some(Number { value, integer }))
    }

    /// As [`Scanner::number`], where numbers of few digits are common.
    #[inline(always)]
    pub fn rounded_number(&mut self) -> Scan<Option<Number>> {
        let mut cursor = self.cursor();
        let (value, end, integer) = match fast::short(self.bytes, self.position) {
            Some((value, end)) => (value, end, false),
            None => match cursor.integer() {
                Some(value) => (value as f64, cursor.at, true),
                None => return self.number(),
            },
        };
        // A number at the end of the piece may go on in the next.
        if end >= self.end {
            return self.number();
        }
        self.position = end;
        Ok(Some(Number { value, integer }))
    }

    /// The exponent of a number, from its `e`; digits beyond the range of a double are cut off.
    pub(super) fn exponent(&mut self) -> Scan<i64> {
        self.position += 1;
        let negative = self.peek() == b'-';
        self.position += usize::from(negative || self.peek() == b'+');
        let start = self.position;
        let mut value = 0;
        let count = number::digits(self.bytes, &mut self.position, &mut value);
        if count == 0 {
            return self.fault("a digit");
        }
        let zeros = self.since(start).iter().take_while(|&&byte| byte == b'0').count();
        let value = if count - zeros > 9 { 1_000_000_000 } else { value as i64 };
        Ok(if negative { -value } else { value })
    }

    #[cold]
    fn named_number(&mut self, start: usize, negative: bool) -> Scan<Option<Number>> {
        let value = match self.peek() {
            b'I' => {
                self.word(b"Infinity")?;
                if negative { f64::NEG_INFINITY } else { f64::INFINITY }
            }
            b'N' if !negative => {
                self.word(b"NaN")?;
                f64::NAN
            }
            _ if negative => return self.fault("a digit"),
            _ => {
                self.position = start;
                return Ok(None);
            }
        };
        Ok(Some(Number { value, integer: false }))
    }

    /// An integer within `i64`, or `None` (and the cursor where it was) if something else stands here.
    #[inline(always)]
    pub fn integer(&mut self) -> Scan<Option<i64>> {
        self.space();
        let start = self.position;
        let negative = self.peek() == b'-';
        self.position += usize::from(negative);
        let whole = self.position;
        let mut magnitude = 0u64;
        let count = number::digits(self.bytes, &mut self.position, &mut magnitude);
        let next = self.peek();
        let plain = (1..=18).contains(&count)
            && (count == 1 || self.bytes[whole] != b'0')
            && !matches!(next, b'.' | b'e' | b'E')
            && !self.at_end();
        if plain {
            return Ok(Some(if negative { -(magnitude as i64) } else { magnitude as i64 }));
        }
        self.position = start;
        self.uncommon_integer(start)
    }

    #[cold]
    fn uncommon_integer(&mut self, start: usize) -> Scan<Option<i64>> {
        let number = self.number()?;
        let text = self.since(start);
        let value = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        match number {
            Some(Number { integer: true, .. }) if value.is_some() => Ok(value),
            _ => {
                self.position = start;
                Ok(None)
            }
        }
    }
}

/// How many of a number's digits are zeros before its first other digit.
#[cold]
fn leading_zeros(text: &[u8]) -> usize {
    text.iter().take_while(|&&byte| matches!(byte, b'0' | b'.')).filter(|&&byte| byte == b'0').count()
}

#[cold]
fn standard(text: &[u8]) -> f64 {
    // The text follows the grammar of JSON, which the standard library's holds; were it not so, NaN would show it.
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::super::PADDING;
    use super::*;

    #[test]
    fn integers() {
        let read = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            bytes.push(b']');
            let end = bytes.len();
            bytes.extend([0; PADDING]);
            Scanner::new(&bytes, end, 0, 0).integer()
        };
        assert_eq!(read("-0"), Ok(Some(0)));
        assert_eq!(read("9223372036854775807"), Ok(Some(i64::MAX)));
        assert_eq!(read("-9223372036854775808"), Ok(Some(i64::MIN)));
        for text in ["9223372036854775808", "1.0", "1e3", "\"1\"", "null", "true", "NaN", "[1]"] {
            assert_eq!(read(text), Ok(None), "{text}");
        }
        assert!(read("01").is_err());
    }
}
