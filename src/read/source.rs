//! The bytes of a file, read by position so that many threads can share one handle.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use crate::watch::Watch;

/// An open file. What is not a regular file (a pipe, say) is read whole, once.
#[derive(Debug)]
pub struct Source {
    bytes: Bytes,
    size: u64,
    watch: Watch,
}

#[derive(Debug)]
enum Bytes {
    File { file: File, modified: Option<SystemTime> },
    Memory(Vec<u8>),
}

impl Source {
    /// Opens the file at `path`.
    pub fn open(path: &Path) -> io::Result<Source> {
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
                bytes: Bytes::File { file, modified },
                watch: Watch::default(),
            });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Source::from(bytes))
    }

    /// The same, with somebody who looks on; bytes that are read are counted.
    pub fn watched(self, watch: Watch) -> Source {
        Source { watch, ..self }
    }

    /// Nobody looks on any more.
    pub fn unwatched(&mut self) {
        self.watch = Watch::default();
    }

    /// The number of bytes when the file was opened.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills `buffer` from `offset` on and returns how many bytes there were.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.watch.check().map_err(io::Error::other)?;
        let count = self.read_bytes(offset, buffer)?;
        self.watch.advance(count as u64);
        Ok(count)
    }

    fn read_bytes(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.bytes {
            Bytes::Memory(bytes) => {
                let rest =
                    usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
            Bytes::File { file, .. } => {
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
        }
    }

    /// All bytes, in memory.
    pub fn read_all(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.size).map_err(|_| io::ErrorKind::OutOfMemory)?];
        let count = self.read_at(0, &mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Whether the file still has the size and the time of change that it was opened with.
    pub fn unchanged(&self) -> io::Result<bool> {
        match &self.bytes {
            Bytes::Memory(_) => Ok(true),
            Bytes::File { file, modified } => {
                let meta = file.metadata()?;
                Ok(meta.len() == self.size && meta.modified().ok() == *modified)
            }
        }
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Source {
        Source { size: bytes.len() as u64, bytes: Bytes::Memory(bytes), watch: Watch::default() }
    }
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
    // One cursor for all threads: seeking and reading must not be torn apart.
    static CURSOR: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _held = CURSOR.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    file.seek(SeekFrom::Start(offset))?;
    file.read(buffer)
}
