//! JSON tokens in a piece of a file: exactly the grammar of Python's `json`.
//!
//! That is the standard's grammar plus `NaN`, `Infinity` and `-Infinity`. Strings must be UTF-8 without bare control
//! characters; lone surrogate escapes pass. Here are the cursor and what it reads in a byte or a word; [`numbers`],
//! [`strings`] and whole values that are passed over ([`skip`]) have a file each.

mod numbers;
mod skip;
mod strings;

pub(crate) use numbers::Number;

use super::error::{NotColumnar, ParseError};
use super::fast::Cursor;
use crate::error;

/// Zero bytes that must follow the text: no JSON holds a zero byte, so looking ahead needs no bounds of its own.
pub(crate) const PADDING: usize = 32;

/// Integers of more digits than this are left to Python, which may refuse them (4,300 by default, at least 640).
const LONG: usize = 600;

/// What is expected where the text ends with a number.
pub(crate) const AFTER_NUMBER: &str = "',' or a closing bracket";

/// The result of reading a token.
pub(crate) type Scan<T> = Result<T, ParseError>;

/// What was added to a column while a token was read, for which only memory can be missing.
#[inline(always)]
pub(crate) fn added<T>(added: error::Result<T>) -> Scan<T> {
    added.map_err(|_| ParseError::Memory)
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
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn skip(text: &[u8]) -> Scan<usize> {
        let mut bytes = text.to_vec();
        bytes.push(b' ');
        let end = bytes.len();
        bytes.extend([0; PADDING]);
        let mut scanner = Scanner::new(&bytes, end, 0, 0);
        scanner.skip()?;
        Ok(scanner.position())
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
}
