//! Why a file could not be read: file, record, line and column, and what was expected there.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::blocks::Broken;
use super::encoding::cause;
use super::scanner::{Expected, Fault};
use super::source::Source;
use super::window::Halt;

/// Why a file could not be read.
#[derive(Debug)]
pub enum Failure {
    /// It is not JSON (`json.JSONDecodeError`).
    Json {
        /// File, record and what was expected, without the position.
        message: String,
        /// Where.
        position: Position,
    },
    /// It is not UTF-8 (`ValueError`).
    Text(String),
    /// It is JSON, but another kind of value (`AssertionError`, as in the reference).
    Top(String),
    /// It has been written to since it was read (`RuntimeError`).
    Changed(PathBuf),
    /// An error of the file system (`OSError` and its subclasses).
    File {
        /// The file.
        path: PathBuf,
        /// Its message.
        error: io::Error,
    },
}

/// A place in a text, counted as Python's `json` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Lines from 1.
    pub line: u64,
    /// Characters in the line, from 1.
    pub column: u64,
    /// Characters in the text, from 0; a carriage return and line feed are one.
    pub character: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {} (char {})", self.line, self.column, self.character)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Json { message, position } => write!(f, "{message}: {position}"),
            Failure::Text(message) | Failure::Top(message) => f.write_str(message),
            Failure::Changed(path) => write!(f, "{}: the file has changed since it was read", path.display()),
            Failure::File { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// The file system's answer for the file at `path`.
    pub fn file(path: &Path, error: io::Error) -> Failure {
        Failure::File { path: path.to_owned(), error }
    }
}

/// Why reading stopped, before it is known which file and line that is.
#[derive(Debug)]
pub enum Stopped {
    /// In an array: what to say before the record, and the record.
    Array(&'static str, Broken),
    /// Elsewhere.
    Elsewhere(Halt),
    /// The top of the file is something else: what was expected, what it is.
    Top(&'static str, &'static str),
}

impl From<Halt> for Stopped {
    fn from(halt: Halt) -> Self {
        Stopped::Elsewhere(halt)
    }
}

impl Stopped {
    /// The whole story.
    pub fn at(self, path: &Path, source: &Source) -> Failure {
        let file = path.display();
        let (place, halt) = match self {
            Stopped::Top(expected, found) => {
                return Failure::Top(format!("{file}: expected {expected} at the top, found {found}"));
            }
            Stopped::Elsewhere(halt) => (format!("{file}"), halt),
            Stopped::Array(label, Broken { record, halt }) => {
                (format!("{file}: {label}record {record}"), halt)
            }
        };
        let fault = match halt {
            Halt::File(error) => return Failure::file(path, error),
            Halt::Text(fault) => fault,
        };
        let cause = cause(source, fault.at);
        match fault {
            Fault { expected: Expected::Utf8, .. } if let Some(cause) = cause => {
                Failure::Text(format!("{file}: expected JSON, found {cause}"))
            }
            Fault { at, expected: Expected::Utf8 } => {
                Failure::Text(format!("{place}: the byte at offset {at} is not UTF-8"))
            }
            Fault { at, expected: Expected::Token(token) } => match locate(source, at) {
                Ok(position) => {
                    let message = match cause {
                        Some(cause) => format!("{file}: expected JSON, found {cause}"),
                        None if at >= source.size() => {
                            format!("{place}: expected {token}, found the end of the file: is it cut off?")
                        }
                        None => format!("{place}: expected {token}"),
                    };
                    Failure::Json { message, position }
                }
                Err(error) => Failure::file(path, error),
            },
        }
    }
}

/// The line, column and character at a byte offset.
fn locate(source: &Source, offset: u64) -> io::Result<Position> {
    let (mut position, mut returned) = (Position { line: 1, column: 1, character: 0 }, false);
    let mut buffer = vec![0; 64 << 10];
    let mut done = 0;
    while done < offset {
        let wanted = usize::try_from(offset - done).unwrap_or(usize::MAX).min(buffer.len());
        let count = source.read_at(done, &mut buffer[..wanted])?;
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
        let at = |offset| locate(&source, offset).unwrap();
        assert_eq!(at(0), Position { line: 1, column: 1, character: 0 });
        assert_eq!(at(2), Position { line: 1, column: 2, character: 1 });
        assert_eq!(at(4), Position { line: 2, column: 1, character: 2 });
        assert_eq!(at(7), Position { line: 3, column: 1, character: 5 });
        assert_eq!(at(12), Position { line: 3, column: 3, character: 7 });
    }
}
