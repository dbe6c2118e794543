//! A piece of a file in memory, which slides over it.

use std::io;

use super::error::{Halt, ParseError};
use super::scanner::{PADDING, Scan, Scanner};
use super::source::Source;
use crate::error::{Error, Result, zeros};

/// The bytes `base..base + len` of a file, with a cursor.
///
/// It grows only if a single record (or another value that is read as a whole) does not fit.
pub(crate) struct Window<'a> {
    source: &'a Source,
    /// The text, then [`PADDING`] zeros.
    buffer: Vec<u8>,
    base: u64,
    len: usize,
    position: usize,
    /// Bytes from here on are read only when they are needed.
    until: u64,
    finished: bool,
}

impl<'a> Window<'a> {
    /// A window of `capacity` bytes at the start of `source`.
    pub(crate) fn new(source: &'a Source, capacity: usize) -> Result<Self> {
        Ok(Window {
            source,
            buffer: zeros(capacity.max(2) + PADDING)?,
            base: 0,
            len: 0,
            position: 0,
            until: u64::MAX,
            finished: false,
        })
    }

    /// The cursor's place in the file.
    #[inline(always)]
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// Where in the file the text that has been read ends.
    pub(crate) fn end(&self) -> u64 {
        self.base + self.len as u64
    }

    /// Moves the cursor to `offset`; what lies beyond `until` will be read in small pieces.
    pub(crate) fn seek(&mut self, offset: u64, until: u64) {
        self.until = until;
        if offset >= self.base && offset <= self.base + self.len as u64 {
            self.position = (offset - self.base) as usize;
            return;
        }
        self.base = offset;
        self.position = 0;
        self.finished = false;
        self.set_len(0);
    }

    /// Tokens from the cursor on.
    #[inline(always)]
    pub(crate) fn scanner(&self) -> Scanner<'_> {
        Scanner::new(&self.buffer[..self.len + PADDING], self.len, self.position, self.base)
    }

    /// Moves the cursor to where a scanner came to.
    #[inline(always)]
    pub(crate) fn advance_to(&mut self, position: usize) {
        self.position = position;
    }

    /// Reads more where an error means no more than that the window ended: the cursor stands at the same place of the
    /// file.
    pub(crate) fn extend(&mut self, error: ParseError) -> std::result::Result<(), Halt> {
        let base = self.base;
        if error == ParseError::Memory {
            return Err(Error::out_of_memory_for("a value").into());
        }
        if !error.at_end(self.len as u64) || !self.refill()? {
            return Err(Halt::Text(error.from(base)));
        }
        Ok(())
    }

    /// Runs `read` at the cursor, again with more of the file when the window ended, and moves the cursor on.
    pub(crate) fn read<T>(
        &mut self,
        mut read: impl FnMut(&mut Scanner<'_>) -> Scan<T>,
    ) -> std::result::Result<T, Halt> {
        loop {
            let mut scanner = self.scanner();
            match read(&mut scanner) {
                Ok(value) => {
                    self.position = scanner.position();
                    return Ok(value);
                }
                Err(error) => self.extend(error)?,
            }
        }
    }

    /// Reads more behind what is there, dropping what lies before the cursor. False at the end of the file.
    pub(crate) fn refill(&mut self) -> io::Result<bool> {
        if self.finished {
            return Ok(false);
        }
        self.buffer.copy_within(self.position..self.len, 0);
        self.base += self.position as u64;
        let kept = self.len - self.position;
        self.position = 0;
        let capacity = self.buffer.len() - PADDING;
        if kept > capacity / 2 {
            let more = capacity;
            self.buffer.try_reserve_exact(more).map_err(|_| io::ErrorKind::OutOfMemory)?;
            self.buffer.resize(capacity + more + PADDING, 0);
        }
        let room = self.buffer.len() - PADDING - kept;
        let from = self.base + kept as u64;
        let wanted = usize::try_from(self.until.saturating_sub(from)).unwrap_or(usize::MAX);
        // At least as much again as is held: however long a record is, scanning it again each time adds up to few times
        // its length.
        let wanted = wanted.max(BEYOND).max(kept).min(room);
        // Until the new bytes are in, the old ones stay the text.
        self.set_len(kept);
        let count = self.source.read_at(from, &mut self.buffer[kept..kept + wanted])?;
        self.finished = count < wanted || from + count as u64 >= self.source.size();
        self.set_len(kept + count);
        Ok(count > 0)
    }

    fn set_len(&mut self, len: usize) {
        self.len = len;
        self.buffer[len..len + PADDING].fill(0);
    }
}

/// How much is read at a time beyond `until`.
const BEYOND: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_scanned_few_times() {
        for text in ["[".repeat(1 << 20) + &"]".repeat(1 << 20), format!("[{}1]", "1.5, ".repeat(1 << 19))] {
            let source = Source::from(text.into_bytes());
            let mut window = Window::new(&source, 64).unwrap();
            // As at the end of a block: what is beyond is read in small pieces.
            window.seek(0, 8);
            let (mut scans, mut scanned) = (0, 0);
            let end = window.read(|scanner| {
                let skipped = scanner.skip();
                (scans, scanned) = (scans + 1, scanned + scanner.position());
                skipped
            });
            // The value may end with the text.
            assert!(end.is_ok());
            assert!(scans < 40 && scanned as u64 <= 4 * source.size(), "{scans} scans of {scanned} bytes");
        }
    }

    #[test]
    fn a_value_larger_than_the_window_is_read() {
        let text = [b"[1, \"".to_vec(), b"x".repeat(10_000), b"\"] ".to_vec()].concat();
        let source = Source::from(text.clone());
        let mut window = Window::new(&source, 16).unwrap();
        window.read(|scanner| scanner.skip()).unwrap();
        assert_eq!(window.offset(), text.len() as u64 - 1);
        window.seek(1, 4);
        assert_eq!(window.read(|scanner| scanner.number()).unwrap().unwrap().value, 1.0);
        let error = window.read(|scanner| scanner.skip()).unwrap_err();
        assert!(matches!(error, Halt::Text(ParseError::Token { at: 2, .. })));
    }
}
