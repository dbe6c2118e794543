//! Strings and keys.

use super::{Scan, Scanner, added};
use crate::error::{push, reserve};
use crate::json::error::ParseError;
use crate::simd::{Baseline, Simd};

impl<'a> Scanner<'a> {
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
