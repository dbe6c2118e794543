//! Why a file cannot be read ([`ParseError`]), and why its records cannot be columns ([`NotColumnar`]).

use std::fmt;
use std::io;
use std::path::Path;

use super::encoding::content;
use super::source::Source;
use crate::error::{Error, ErrorKind, Position, Result, filled};

/// The text is not what it should be, or the piece of it that is being read ends too early.
///
/// An offset is a position in the piece, and after [`Window`](super::window::Window) has seen it, in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Another token than the one that is expected, or none.
    Token {
        /// The offset.
        at: u64,
        /// What is expected there.
        expected: &'static str,
    },
    /// Bytes that are not UTF-8.
    Utf8 {
        /// The offset of the first one.
        at: u64,
    },
    /// The file is JSON, but holds another kind of value.
    Kind {
        /// What it holds.
        found: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// Memory for a value of this size cannot be had.
    Memory,
}

impl ParseError {
    /// Whether it is at the end of a piece of so many bytes: there may be more.
    pub fn at_end(&self, len: u64) -> bool {
        matches!(*self, ParseError::Token { at, .. } | ParseError::Utf8 { at } if at >= len)
    }

    /// The same error with the offset in a file in which the piece begins at `base`.
    pub fn from(self, base: u64) -> ParseError {
        match self {
            ParseError::Token { at, expected } => ParseError::Token { at: base + at, expected },
            ParseError::Utf8 { at } => ParseError::Utf8 { at: base + at },
            other => other,
        }
    }

    /// As an error of the crate, which says what is wrong in the source, but not in which file and record.
    fn explained(self, source: &Source) -> Result<(Error, bool)> {
        let at = match self {
            ParseError::Token { at, .. } | ParseError::Utf8 { at } => at,
            ParseError::Kind { found, expected } => {
                let error = Error::new(ErrorKind::WrongFile, "").found(found);
                return Ok((error.expected(format!("{expected} at the top")), false));
            }
            ParseError::Memory => return Err(Error::out_of_memory_for("a value")),
        };
        let content = content(source, at);
        let whole = content.is_some();
        let error = match self {
            ParseError::Token { expected, .. } => {
                let error = Error::new(ErrorKind::NotJson(position(source, at)?), "");
                match content {
                    Some(content) => error.expected("JSON").found(content),
                    None if at >= source.size() => {
                        error.expected(expected).found("the end of the file: is it cut off?")
                    }
                    None => error.expected(expected),
                }
            }
            _ => match content {
                Some(content) => Error::new(ErrorKind::NotText, "").expected("JSON").found(content),
                None => Error::new(ErrorKind::NotText, format!("the byte at offset {at} is not UTF-8")),
            },
        };
        Ok((error, whole))
    }
}

/// Why reading stopped.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The text is not what it should be; the offset is in the file.
    Text(ParseError),
    /// The file could not be read, memory could not be had, or the work was cancelled.
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Failed(error)
    }
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Halt {
        Halt::Failed(Error::io(error))
    }
}

/// Why reading stopped, and in which record.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// Why.
    pub halt: Halt,
    /// The list and the record, counted from 0. Results are in no list that has a name.
    pub record: Option<(&'static str, usize)>,
}

impl<H: Into<Halt>> From<H> for Stopped {
    fn from(halt: H) -> Stopped {
        Stopped { halt: halt.into(), record: None }
    }
}

impl Stopped {
    /// As an error of the crate.
    pub(crate) fn in_file(self, path: &Path, source: &Source) -> Error {
        let error = match self.halt {
            Halt::Failed(error) => error,
            Halt::Text(error) => match (error.explained(source), self.record) {
                (Ok((error, false)), Some((list, record))) => {
                    let error = error.in_record(record);
                    if list.is_empty() { error } else { error.at(list) }
                }
                (Ok((error, _)) | Err(error), _) => error,
            },
        };
        error.in_file(path)
    }
}

/// The error for a file that has been written to since it was read.
pub(crate) fn changed(path: &Path) -> Error {
    Error::new(ErrorKind::Changed, "the file has changed since it was read").in_file(path)
}

/// The error for a file that does not hold JSON at all.
#[cfg(feature = "python")]
pub(crate) fn no_json(path: &Path, content: String) -> Error {
    let kind = ErrorKind::NotJson(Position { line: 1, column: 1, character: 0 });
    Error::new(kind, "").expected("JSON").found(content).in_file(path)
}

/// What columns cannot represent although it is valid JSON. Python reads such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotColumnar {
    /// A record that is not an object.
    NotAnObject,
    /// A key with a backslash in it: Python determines which one it is.
    EscapedKey,
    /// A key that is there twice.
    Repeated(&'static str),
    /// A field of another type or range.
    Field {
        /// Its name.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A field that is not there.
    Missing(&'static str),
    /// An integer of so many digits that Python may refuse it.
    LongInteger,
    /// Values nested so deeply that Python may refuse them.
    DeepNesting,
    /// Two images have the same id.
    SameImageId,
    /// Results that are captions.
    Captions,
    /// No results: they may be of any form.
    NoResults,
    /// A field that only some results have.
    NotInAll(&'static str),
}

impl fmt::Display for NotColumnar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotColumnar::NotAnObject => f.write_str("is not an object"),
            NotColumnar::EscapedKey => f.write_str("a key is written with a backslash"),
            NotColumnar::Repeated(name) => write!(f, "\"{name}\" is there twice"),
            NotColumnar::Field { name, expected } => write!(f, "\"{name}\" is not {expected}"),
            NotColumnar::Missing(name) => write!(f, "has no \"{name}\""),
            NotColumnar::LongInteger => f.write_str("an integer has more than 600 digits"),
            NotColumnar::DeepNesting => f.write_str("values are nested more than 128 deep"),
            NotColumnar::SameImageId => f.write_str("two images have the same id"),
            NotColumnar::Captions => f.write_str("the results are captions"),
            NotColumnar::NoResults => f.write_str("there are no results"),
            NotColumnar::NotInAll(name) => write!(f, "not every result has {name}"),
        }
    }
}

/// Why columns cannot represent a file, and in which record, counted from 0, that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// Why.
    pub why: NotColumnar,
    /// The list that the record is in; empty for results.
    pub list: &'static str,
    /// The record.
    pub record: Option<usize>,
}

impl From<NotColumnar> for Fallback {
    fn from(why: NotColumnar) -> Fallback {
        Fallback { why, list: "", record: None }
    }
}

impl Fallback {
    /// In this record of a list that has no name.
    pub fn in_record(record: usize, why: NotColumnar) -> Fallback {
        Fallback { why, list: "", record: Some(record) }
    }

    /// The same where `more` records come before the list's first.
    pub fn behind(self, more: usize) -> Fallback {
        Fallback { record: self.record.map(|record| more + record), ..self }
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.list.is_empty() {
            write!(f, "{}: ", self.list)?;
        }
        if let Some(record) = self.record {
            write!(f, "record {record}: ")?;
        }
        self.why.fmt(f)
    }
}

/// The line, column and character at a byte offset.
fn position(source: &Source, offset: u64) -> Result<Position> {
    let (mut position, mut returned) = (Position { line: 1, column: 1, character: 0 }, false);
    let mut buffer = filled(64 << 10, 0)?;
    let mut done = 0;
    while done < offset {
        let wanted = usize::try_from(offset - done).unwrap_or(usize::MAX).min(buffer.len());
        let count = source.read_at(done, &mut buffer[..wanted]).map_err(Error::io)?;
        if count == 0 {
            break;
        }
        for &byte in &buffer[..count] {
            let joined = byte == b'\n' && returned;
            returned = byte == b'\r';
            // Continuation bytes belong to the character before, and "\r\n" is one line end.
            if joined || byte & 0xc0 == 0x80 {
                continue;
            }
            position.character += 1;
            position.column += 1;
            if byte == b'\n' || byte == b'\r' {
                position.line += 1;
                position.column = 1;
            }
        }
        done += count as u64;
    }
    Ok(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let source = Source::from("é\r\nab\nc😀d".as_bytes().to_vec());
        let at = |offset| position(&source, offset).unwrap();
        assert_eq!(at(0), Position { line: 1, column: 1, character: 0 });
        assert_eq!(at(2), Position { line: 1, column: 2, character: 1 });
        assert_eq!(at(4), Position { line: 2, column: 1, character: 2 });
        assert_eq!(at(7), Position { line: 3, column: 1, character: 5 });
        assert_eq!(at(12), Position { line: 3, column: 3, character: 7 });
    }

    #[test]
    fn an_error_names_file_list_record_and_position() {
        let source = Source::from(b"{\"images\": [{}, x]}".to_vec());
        let halt = Halt::Text(ParseError::Token { at: 16, expected: "a value" });
        let error = Stopped { halt, record: Some(("images", 1)) }.in_file(Path::new("x.json"), &source);
        let sentence = "x.json: images: record 1: expected a value: line 1 column 17 (char 16)";
        assert_eq!(error.to_string(), sentence);
        let place = error.place().unwrap();
        assert_eq!(place.source.as_deref(), Some("x.json: images"));
        assert_eq!((place.found.as_deref(), place.expected.as_deref()), (None, Some("a value")));
    }
}
