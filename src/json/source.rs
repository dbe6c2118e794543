//! The bytes of a file, read by position so that many threads can share one handle.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::encoding;
use crate::error::{Result, collect, filled};
use crate::progress::Progress;

/// An open file. What is not a regular file (a pipe, say) is read whole, once.
#[derive(Debug)]
pub struct Source {
    bytes: Content,
    size: u64,
    progress: Progress,
}

#[derive(Debug)]
enum Content {
    File {
        file: File,
        modified: Option<SystemTime>,
    },
    Memory(Vec<u8>),
    /// With where each of them ends.
    Pieces(Vec<(u64, Piece)>),
}

/// Bytes that stand in a source.
#[derive(Debug)]
pub enum Piece {
    /// These.
    Text(Vec<u8>),
    /// Those of a file.
    File {
        /// The file.
        file: Arc<File>,
        /// Where they begin.
        at: u64,
        /// How many they are.
        length: u64,
    },
}

impl Source {
    /// Pieces that read as if they were one file.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn from_pieces(pieces: Vec<Piece>) -> Result<Source> {
        let mut size = 0;
        let placed = |piece| {
            size += match &piece {
                Piece::Text(text) => text.len() as u64,
                Piece::File { length, .. } => *length,
            };
            (size, piece)
        };
        let pieces = collect(pieces.into_iter().map(placed))?;
        Ok(Source { bytes: Content::Pieces(pieces), size, progress: Progress::default() })
    }

    /// Opens the file at `path`, to be read as UTF-8 however its text is stored.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn open(path: &Path) -> io::Result<Source> {
        encoding::text(Source::open_bytes(path)?)
    }

    /// A file that was read, as UTF-8 however its text is stored.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn of_file(bytes: Vec<u8>) -> io::Result<Source> {
        encoding::text(Source::from(bytes))
    }

    fn open_bytes(path: &Path) -> io::Result<Source> {
        let mut file = File::open(path)?;
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        // Files that the system makes up say that they are regular and empty, so those are read to see.
        if meta.is_file() && meta.len() > 0 {
            let modified = meta.modified().ok();
            return Ok(Source {
                size: meta.len(),
                bytes: Content::File { file, modified },
                progress: Progress::default(),
            });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Source::from(bytes))
    }

    /// The same, with progress: bytes that are read are counted.
    pub fn with_progress(self, progress: Progress) -> Source {
        Source { progress, ..self }
    }

    /// Ends the progress.
    pub fn without_progress(&mut self) {
        self.progress = Progress::default();
    }

    /// The number of bytes when the file was opened.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills `buffer` from `offset` on and returns how many bytes there were.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.progress.check().map_err(io::Error::other)?;
        let count = self.read_bytes(offset, buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }

    fn read_bytes(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.bytes {
            Content::Memory(bytes) => {
                let rest =
                    usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
            Content::File { file, .. } => read_full(file, offset, buffer),
            Content::Pieces(pieces) => {
                let mut count = 0;
                let first = pieces.partition_point(|(end, _)| *end <= offset);
                for (end, piece) in &pieces[first..] {
                    let place = offset + count as u64;
                    let wanted = usize::try_from(end - place).unwrap_or(usize::MAX).min(buffer.len() - count);
                    let to = &mut buffer[count..count + wanted];
                    match piece {
                        Piece::Text(text) => {
                            let from = text.len() - (end - place) as usize;
                            to.copy_from_slice(&text[from..from + wanted]);
                        }
                        Piece::File { file, at, length } => {
                            if read_full(file, at + (length - (end - place)), to)? < wanted {
                                return Err(io::ErrorKind::UnexpectedEof.into());
                            }
                        }
                    }
                    count += wanted;
                    if count == buffer.len() {
                        break;
                    }
                }
                Ok(count)
            }
        }
    }

    /// All bytes, in memory.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn read_all(&self) -> io::Result<Vec<u8>> {
        self.read_range(0, self.size)
    }

    /// Bytes from `start` up to `end`, as far as there are.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn read_range(&self, start: u64, end: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(end.saturating_sub(start)).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = filled(length, 0).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let count = self.read_at(start, &mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Whether the file still has the size and the time of change that it was opened with.
    ///
    /// # Errors
    ///
    /// The file system does not answer.
    pub fn unchanged(&self) -> io::Result<bool> {
        match &self.bytes {
            Content::Memory(_) | Content::Pieces(_) => Ok(true),
            Content::File { file, modified } => {
                let meta = file.metadata()?;
                Ok(meta.len() == self.size && meta.modified().ok() == *modified)
            }
        }
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Source {
        Source { size: bytes.len() as u64, bytes: Content::Memory(bytes), progress: Progress::default() }
    }
}

/// Fills `buffer` as far as there are bytes.
fn read_full(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match read_some(file, offset + count as u64, &mut buffer[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

#[cfg(unix)]
fn read_some(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_some(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(not(any(unix, windows)))]
fn read_some(mut file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    use std::io::{Seek, SeekFrom};
    // One cursor for all threads: seeking and reading must not be separated.
    static CURSOR: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _held = CURSOR.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    file.seek(SeekFrom::Start(offset))?;
    file.read(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_files::temporary;

    #[test]
    fn pieces_read_as_one() {
        let path = temporary("pieces");
        std::fs::write(&path, b"0123456789").unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        let piece = |at, length| Piece::File { file: Arc::clone(&file), at, length };
        let text = |text: &str| Piece::Text(text.as_bytes().to_vec());
        let source =
            Source::from_pieces(vec![text("ab"), piece(3, 4), text(""), piece(0, 0), text("c"), piece(8, 2)])
                .unwrap();
        std::fs::remove_file(&path).unwrap();
        let whole = b"ab3456c89";
        assert_eq!((source.size(), source.read_all().unwrap()), (9, whole.to_vec()));
        for from in 0..=10 {
            for length in 0..12 {
                let mut buffer = vec![0; length];
                let count = source.read_at(from as u64, &mut buffer).unwrap();
                let expected = &whole[from.min(9)..(from + length).min(9).max(from.min(9))];
                assert_eq!(&buffer[..count], expected);
            }
        }
        assert!(source.unchanged().unwrap());
    }
}
