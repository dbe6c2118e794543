//! JSON tokens in a piece of a file: exactly the grammar of Python's `json`.
//!
//! That is the standard's grammar plus `NaN`, `Infinity` and `-Infinity`. Strings must be UTF-8 without bare control
//! characters; lone surrogate escapes pass.

use super::error::{NotColumnar, ParseError};
use super::fast::{self, Cursor};
use super::number;
use super::skip_numbers;
use crate::error::{self, push, reserve};
use crate::simd::{Baseline, Simd};

/// Zero bytes that must follow the text: no JSON holds a zero byte, so looking ahead needs no bounds of its own.
pub const PADDING: usize = 32;

/// Values nested deeper than this are left to Python, which may run into its recursion limit.
const DEEP: usize = 128;

/// Integers of more digits than this are left to Python, which may refuse them (4,300 by default, at least 640).
const LONG: usize = 600;

/// What is expected where the text ends with a number.
pub const AFTER_NUMBER: &str = "',' or a closing bracket";

/// The result of reading a token.
pub type Scan<T> = Result<T, ParseError>;

/// What was added to a column while a token was read, for which only memory can be missing.
#[inline(always)]
pub fn added<T>(added: error::Result<T>) -> Scan<T> {
    added.map_err(|_| ParseError::Memory)
}

/// A number and how it was written.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// The value, rounded to the nearest double.
    pub value: f64,
    /// Whether it was written as an integer.
    pub integer: bool,
}

/// What comes after an element of an array or a member of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// A comma: another one follows.
    Comma,
    /// The closing bracket.
    Close,
}

/// A cursor over one piece of a file.
pub struct Scanner<'a> {
    bytes: &'a [u8],
    end: usize,
    position: usize,
    base: u64,
    /// A value that is valid JSON but that Python might refuse was passed.
    pub doubtful: Option<NotColumnar>,
}

impl<'a> Scanner<'a> {
    /// A cursor at `position` of the text `bytes[..end]`, which begins at `base` of its file; [`PADDING`] zeros
    /// follow it in `bytes`.
    #[inline(always)]
    pub fn new(bytes: &'a [u8], end: usize, position: usize, base: u64) -> Self {
        debug_assert!(bytes.len() >= end + PADDING && bytes[end..].iter().all(|&byte| byte == 0));
        Scanner { bytes, end, position, base, doubtful: None }
    }

    /// Where the cursor stands in the file.
    #[inline(always)]
    pub fn place(&self) -> u64 {
        self.base + self.position as u64
    }

    /// Where the cursor stands.
    #[inline(always)]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Puts the cursor back to (or on to) `position`.
    #[inline(always)]
    pub fn move_to(&mut self, position: usize) {
        self.position = position;
    }

    /// The bytes from `start` up to the cursor.
    pub fn since(&self, start: usize) -> &'a [u8] {
        &self.bytes[start..self.position]
    }

    /// A cursor for what needs no care, at this one's place.
    #[inline(always)]
    pub fn cursor(&self) -> Cursor<'a> {
        Cursor::new(self.bytes, self.position)
    }

    /// Skips the value at a cursor, and returns its position in the file and its length. `None` if it is not
    /// a whole one, or longer than 4 GiB.
    #[inline(always)]
    pub fn skip_from(&mut self, cursor: &mut Cursor<'_>) -> Option<(u64, u32)> {
        let start = cursor.at;
        self.position = start;
        self.skip().ok()?;
        cursor.at = self.position;
        Some((self.base + start as u64, u32::try_from(self.position - start).ok()?))
    }

    /// The whole piece, padding included.
    #[inline(always)]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What is left of the piece, padding included.
    #[inline(always)]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// What is left of the piece.
    pub fn text(&self) -> &'a [u8] {
        self.bytes.get(self.position..self.end).unwrap_or_default()
    }

    /// The byte at the cursor, zero at the end.
    #[inline(always)]
    pub fn peek(&self) -> u8 {
        self.bytes.get(self.position).copied().unwrap_or(0)
    }

    /// A fault at the cursor.
    #[cold]
    pub fn fault<T>(&self, expected: &'static str) -> Scan<T> {
        Err(ParseError::Token { at: self.position as u64, expected })
    }

    /// Whether the cursor is at the end of the piece.
    pub fn at_end(&self) -> bool {
        self.position >= self.end
    }

    /// Steps over white space.
    #[inline(always)]
    pub fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.position += 1;
        }
    }

    /// Steps over `byte` if it is the next token.
    #[inline(always)]
    pub fn take(&mut self, byte: u8) -> bool {
        self.space();
        let there = self.peek() == byte;
        self.position += usize::from(there);
        there
    }

    /// Steps over what follows an element or member, and over the white space after a comma.
    #[inline(always)]
    pub fn after(&mut self, close: u8, expected: &'static str) -> Scan<After> {
        if self.take(b',') {
            self.space();
            Ok(After::Comma)
        } else if self.peek() == close {
            self.position += 1;
            Ok(After::Close)
        } else {
            self.fault(expected)
        }
    }

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
    fn exponent(&mut self) -> Scan<i64> {
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

    /// `true` or `false`, or `None` (and the cursor where it was) if something else stands here.
    pub fn boolean(&mut self) -> Scan<Option<bool>> {
        self.space();
        match self.peek() {
            b't' => self.word(b"true").map(|()| Some(true)),
            b'f' => self.word(b"false").map(|()| Some(false)),
            _ => Ok(None),
        }
    }

    fn word(&mut self, word: &'static [u8]) -> Scan<()> {
        for &byte in word {
            if self.peek() != byte {
                return self.fault("a value");
            }
            self.position += 1;
        }
        Ok(())
    }

    /// Steps over a string from its opening quote and returns what stands between the quotes, escapes and all.
    #[inline(always)]
    pub fn string(&mut self) -> Scan<&'a [u8]> {
        if self.peek() != b'"' {
            return self.fault("a string in double quotes");
        }
        self.position += 1;
        let start = self.position;
        let mut ascii = true;
        loop {
            while let Some(chunk) = self.rest().first_chunk() {
                let plain = Baseline::special(chunk).trailing_zeros();
                self.position += plain as usize;
                if plain < 32 {
                    break;
                }
            }
            match self.peek() {
                b'"' => {
                    let text = self.since(start);
                    self.position += 1;
                    return if ascii { Ok(text) } else { self.utf8(start, text) };
                }
                b'\\' => self.escape()?,
                0..0x20 => return self.fault("a closing quote (control characters must be escaped)"),
                byte => {
                    ascii &= byte < 0x80;
                    self.position += 1;
                }
            }
        }
    }

    /// Steps over a string from its opening quote and adds its bytes to `into`. `None`, at any place, if not all of
    /// them are ASCII, or one is NUL.
    pub fn ascii(&mut self, into: &mut Vec<u8>) -> Scan<Option<()>> {
        if self.peek() != b'"' {
            return self.fault("a string in double quotes");
        }
        self.position += 1;
        loop {
            let Some(chunk) = self.rest().first_chunk::<32>() else { return self.fault("a closing quote") };
            let plain = Baseline::special(chunk).trailing_zeros() as usize;
            let end = into.len() + plain;
            added(reserve(into, chunk.len()))?;
            into.extend_from_slice(chunk);
            into.truncate(end);
            self.position += plain;
            match chunk.get(plain) {
                None => {}
                Some(b'"') => {
                    self.position += 1;
                    return Ok(Some(()));
                }
                Some(b'\\') => {
                    let start = self.position;
                    self.escape()?;
                    match unescaped(self.since(start)) {
                        Some(byte) => added(push(into, byte))?,
                        None => return Ok(None),
                    }
                }
                Some(_) if self.at_end() => return self.fault("a closing quote"),
                Some(_) => return Ok(None),
            }
        }
    }

    #[cold]
    fn utf8(&self, start: usize, text: &'a [u8]) -> Scan<&'a [u8]> {
        match std::str::from_utf8(text) {
            Ok(_) => Ok(text),
            Err(error) => Err(ParseError::Utf8 { at: (start + error.valid_up_to()) as u64 }),
        }
    }

    fn escape(&mut self) -> Scan<()> {
        self.position += 1;
        match self.peek() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.position += 1,
            b'u' => {
                self.position += 1;
                for _ in 0..4 {
                    if !self.peek().is_ascii_hexdigit() {
                        return self.fault("four hexadecimal digits");
                    }
                    self.position += 1;
                }
            }
            _ => return self.fault("an escape: one of \" \\ / b f n r t u"),
        }
        Ok(())
    }

    /// Steps over a key and its colon and returns what stands between the quotes.
    pub fn key(&mut self) -> Scan<&'a [u8]> {
        if self.peek() != b'"' {
            return self.fault("a key in double quotes");
        }
        let key = self.string()?;
        if !self.take(b':') {
            return self.fault("':'");
        }
        Ok(key)
    }

    /// Steps over any value. Nesting costs one bit for each level, and no stack.
    pub fn skip(&mut self) -> Scan<()> {
        let mut levels = Levels::default();
        loop {
            self.space();
            match self.peek() {
                b'{' => {
                    self.position += 1;
                    if !self.take(b'}') {
                        self.key()?;
                        levels.open(true)?;
                        continue;
                    }
                }
                b'[' => {
                    self.position += 1;
                    if !self.take(b']') {
                        levels.open(false)?;
                        continue;
                    }
                }
                b'"' => drop(self.string()?),
                b'-' | b'0'..=b'9' => {
                    if levels.in_array() {
                        self.position = skip_numbers::skip(self.bytes, self.position);
                    }
                    self.skip_number()?;
                }
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                b'N' => self.word(b"NaN")?,
                b'I' => self.word(b"Infinity")?,
                _ => return self.fault("a value"),
            }
            loop {
                if levels.depth == 0 {
                    if levels.deepest > DEEP {
                        self.doubtful = Some(NotColumnar::DeepNesting);
                    }
                    return Ok(());
                }
                let after = if levels.in_array() {
                    self.after(b']', "',' or ']'")?
                } else {
                    self.after(b'}', "',' or '}'")?
                };
                if after == After::Comma {
                    if !levels.in_array() {
                        self.key()?;
                    }
                    break;
                }
                levels.close();
            }
        }
    }

    #[inline(always)]
    fn skip_number(&mut self) -> Scan<()> {
        let negative = self.peek() == b'-';
        self.position += usize::from(negative);
        let whole = self.position;
        let count = number::skip_digits(self.bytes, &mut self.position);
        if count == 0 {
            return if negative && self.peek() == b'I' {
                self.word(b"Infinity")
            } else {
                self.fault("a digit")
            };
        }
        if count > 1 && self.bytes[whole] == b'0' {
            self.position = whole + 1;
            return self.fault("',' or a closing bracket (numbers have no leading zeros)");
        }
        let mut integer = true;
        if self.peek() == b'.' {
            integer = false;
            self.position += 1;
            if number::skip_digits(self.bytes, &mut self.position) == 0 {
                return self.fault("a digit");
            }
        }
        if self.peek() | 0x20 == b'e' {
            integer = false;
            self.exponent()?;
        }
        if self.at_end() {
            return self.fault(AFTER_NUMBER);
        }
        if integer && count > LONG {
            self.doubtful = Some(NotColumnar::LongInteger);
        }
        Ok(())
    }
}

/// The byte that an escape stands for, if it is ASCII and not NUL.
fn unescaped(escape: &[u8]) -> Option<u8> {
    match *escape.get(1)? {
        b'b' => Some(8),
        b'f' => Some(12),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'u' => {
            let digits = std::str::from_utf8(escape.get(2..)?).ok()?;
            u8::from_str_radix(digits, 16).ok().filter(|code| (1..0x80).contains(code))
        }
        same => Some(same),
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

/// Which of the open brackets are objects, the innermost in the lowest bit.
#[derive(Default)]
struct Levels {
    depth: usize,
    deepest: usize,
    objects: u64,
    outer: Vec<u64>,
}

impl Levels {
    #[inline(always)]
    fn open(&mut self, object: bool) -> Scan<()> {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            added(push(&mut self.outer, self.objects))?;
        }
        self.objects = (self.objects << 1) | u64::from(object);
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        Ok(())
    }

    fn close(&mut self) {
        self.objects >>= 1;
        self.depth -= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.objects = self.outer.pop().unwrap_or(0);
        }
    }

    fn in_array(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn skip(text: &[u8]) -> Scan<usize> {
        let mut bytes = text.to_vec();
        bytes.push(b' ');
        let end = bytes.len();
        bytes.extend([0; PADDING]);
        let mut scanner = Scanner::new(&bytes, end, 0, 0);
        scanner.skip()?;
        Ok(scanner.position())
    }

    /// Numbers in an array are passed over several at a time, the same numbers in an object one by one.
    #[test]
    fn plain_numbers_are_passed_over_as_others_are() {
        let mut random = Random::new(1);
        let mut roll = |sides: usize| random.below(sides as u64) as usize;
        for _ in 0..100_000 {
            let mut numbers = String::new();
            for place in 0..1 + roll(12) {
                if place > 0 {
                    numbers += [", ", ",", ", ", ",  ", ",,", " ,", ". "]
                        [if roll(8) == 0 { roll(7) } else { roll(3) }];
                }
                numbers += ["", "", "-", "--"][if roll(9) == 0 { roll(4) } else { roll(3) }];
                for _ in 0..roll(12) + usize::from(roll(20) > 0) {
                    numbers.push(char::from(b'0' + roll(10) as u8));
                }
                numbers += [".5", ".25", ".123456789", "", "e5", ".", ".1.2"]
                    [if roll(9) == 0 { roll(7) } else { roll(4) }];
            }
            if numbers.trim().is_empty() {
                continue;
            }
            let array = format!("[{numbers}]");
            let object: String = numbers.split(',').map(|number| format!("\"\":{number},")).collect();
            let object = format!("{{{}}}", object.trim_end_matches(','));
            let doubled =
                numbers.trim_end().ends_with(',') || numbers.split(',').any(|n| n.trim().is_empty());
            assert_eq!(
                skip(array.as_bytes()).is_ok(),
                !doubled && skip(object.as_bytes()).is_ok(),
                "{array}"
            );
        }
    }

    #[test]
    fn accepts_what_python_accepts() {
        for text in [
            "0",
            "-0",
            "-0.0",
            "1e5",
            "1E-5",
            "NaN",
            "Infinity",
            "-Infinity",
            "true",
            "false",
            "null",
            "\"\"",
            "[]",
            "{}",
            "[ ]",
            "{ }",
            "[1, 2,3]",
            "[1,-2.5e3 , [] ]",
            "{\"a\": [1, {\"b\": null}], \"a\": 2}",
            "\"\\ud800\"",
            "\"\\u00e9\\n\\/\"",
            "\"é漢😀\"",
            "[[[[[[1]]]]]]",
            "[1, -Infinity]",
            "\"\u{7f}\"",
            "\"0123456789abcdef\\\"xyz\"",
        ] {
            assert_eq!(skip(text.as_bytes()), Ok(text.len()), "{text}");
        }
    }

    #[test]
    fn rejects_what_python_rejects() {
        for text in [
            "01",
            "-",
            "+1",
            ".5",
            "1.",
            "1.e5",
            "1e",
            "1e+",
            "--1",
            "-NaN",
            "nul",
            "tru",
            "'a'",
            "\"a",
            "\"\t\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u 123\"",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "[1}",
            "{\"a\":1]",
            "[",
            "{",
            "",
            "inf",
            "0x10",
            "1_000",
            "\u{feff}1",
            "[01]",
            "[1,02]",
            "[1.]",
            "[1, -]",
        ] {
            let rejected = match skip(text.as_bytes()) {
                Err(_) => true,
                // A number that ended early leaves something that can follow no value.
                Ok(end) => end < text.len(),
            };
            assert!(rejected, "{text}");
        }
        assert_eq!(skip(b"\"ab\xff\""), Err(ParseError::Utf8 { at: 3 }));
        assert!(matches!(skip(b"\"\xed\xa0\x80\""), Err(ParseError::Utf8 { .. })));
    }

    #[test]
    fn nesting_needs_no_stack() {
        let depth = 1_000_000;
        let text =
            [b"[".repeat(depth), b"{\"a\":".repeat(70), b"1".to_vec(), b"}".repeat(70), b"]".repeat(depth)]
                .concat();
        assert_eq!(skip(&text), Ok(text.len()));
        let crossed = [b"[".repeat(200), b"{\"a\":1]".to_vec(), b"]".repeat(200)].concat();
        assert!(skip(&crossed).is_err());
    }

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
