//! How the text of a file is stored: plain UTF-8, behind a byte order mark, as UTF-16 or UTF-32, or packed by gzip.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use super::source::Source;
use crate::error::copied;

/// What gzip may unpack to: so many bytes, and beyond them so many for each byte of the file. JSON of boxes comes to 5
/// to 20 times its packed size; a file that is made to exhaust the memory comes to 1,000 times.
const UNPACKED: u64 = 64 << 20;
const RATIO: u64 = 100;
/// Bytes that are unpacked at a time.
const CHUNK: usize = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Plain,
    Marked,
    Utf16 { little: bool, mark: usize },
    Utf32 { little: bool, mark: usize },
    Gzip,
}

/// The file's text as UTF-8: the source itself where it is stored so.
///
/// What cannot be decoded is left as it is: reading it as JSON fails, and [`content`] then gives the reason.
///
/// DIFFERENCE: pycocotools refuses all of these but plain UTF-8. No file that it reads begins with such bytes.
pub(crate) fn text(source: Source) -> io::Result<Source> {
    let head = head(&source, 4)?;
    let stored = stored(&head);
    let decoded = match stored {
        Stored::Plain => return Ok(source),
        Stored::Gzip => match unpacked(&source)? {
            Some(bytes) => match self::stored(&bytes) {
                Stored::Plain | Stored::Gzip => Some(bytes),
                stored => utf8(&bytes, stored)?,
            },
            None => None,
        },
        stored => utf8(&source.read_all()?, stored)?,
    };
    Ok(decoded.map_or(source, Source::from))
}

fn head(source: &Source, length: usize) -> io::Result<Vec<u8>> {
    let mut head = vec![0; length];
    let count = source.read_at(0, &mut head)?;
    head.truncate(count);
    Ok(head)
}

/// By the mark, or by where zeros lie around the first two characters, which are ASCII in JSON.
fn stored(bytes: &[u8]) -> Stored {
    match *bytes {
        [0xef, 0xbb, 0xbf, ..] => Stored::Marked,
        [0x1f, 0x8b, ..] => Stored::Gzip,
        [0xff, 0xfe, 0, 0, ..] => Stored::Utf32 { little: true, mark: 4 },
        [0, 0, 0xfe, 0xff, ..] => Stored::Utf32 { little: false, mark: 4 },
        [0xff, 0xfe, ..] => Stored::Utf16 { little: true, mark: 2 },
        [0xfe, 0xff, ..] => Stored::Utf16 { little: false, mark: 2 },
        [0, 0, 0, last, ..] if last != 0 => Stored::Utf32 { little: false, mark: 0 },
        [first, 0, 0, 0, ..] if first != 0 => Stored::Utf32 { little: true, mark: 0 },
        [0, second, 0, last, ..] if second != 0 && last != 0 => Stored::Utf16 { little: false, mark: 0 },
        [first, 0, third, 0, ..] if first != 0 && third != 0 => Stored::Utf16 { little: true, mark: 0 },
        _ => Stored::Plain,
    }
}

/// `None` where a unit is no character, or there is a piece of one.
fn utf8(bytes: &[u8], stored: Stored) -> io::Result<Option<Vec<u8>>> {
    match stored {
        Stored::Plain | Stored::Gzip => Ok(None),
        Stored::Marked => Ok(Some(copied(&bytes[3..]).map_err(|_| io::ErrorKind::OutOfMemory)?)),
        Stored::Utf16 { little, mark } => {
            let (units, rest) = bytes[mark..].as_chunks::<2>();
            let units = units
                .iter()
                .map(|&unit| if little { u16::from_le_bytes(unit) } else { u16::from_be_bytes(unit) });
            let letters = char::decode_utf16(units).map(Result::ok);
            if rest.is_empty() { joined(letters, bytes.len()) } else { Ok(None) }
        }
        Stored::Utf32 { little, mark } => {
            let (units, rest) = bytes[mark..].as_chunks::<4>();
            let code = |&unit| if little { u32::from_le_bytes(unit) } else { u32::from_be_bytes(unit) };
            let letters = units.iter().map(|unit| char::from_u32(code(unit)));
            if rest.is_empty() { joined(letters, bytes.len()) } else { Ok(None) }
        }
    }
}

/// The text of these letters, about so many bytes; `None` where one is no character.
fn joined(letters: impl Iterator<Item = Option<char>>, bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let mut text = String::new();
    text.try_reserve(bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
    for letter in letters {
        let Some(letter) = letter else { return Ok(None) };
        text.try_reserve(letter.len_utf8()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        text.push(letter);
    }
    Ok(Some(text.into_bytes()))
}

/// `None` where the data are damaged, or unpack to too much.
fn unpacked(source: &Source) -> io::Result<Option<Vec<u8>>> {
    let most = UNPACKED.max(RATIO.saturating_mul(source.size()));
    let mut decoder = MultiGzDecoder::new(SourceReader { source, at: 0 });
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    loop {
        match decoder.read(&mut chunk) {
            Ok(0) => return Ok(Some(bytes)),
            Ok(count) => {
                if (bytes.len() + count) as u64 > most {
                    return Ok(None);
                }
                bytes.try_reserve(count).map_err(|_| io::ErrorKind::OutOfMemory)?;
                bytes.extend_from_slice(&chunk[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
}

/// A source, read from its beginning.
struct SourceReader<'a> {
    source: &'a Source,
    at: u64,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(self.at, buffer)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// What the first bytes of other files are.
const KINDS: [(&[u8], &str); 21] = [
    (b"version https://git-lfs", "a Git LFS pointer and not the file itself (\"git lfs pull\" fetches it)"),
    (b"\x1f\x8b", "gzip data that are damaged, cut off, or unpack to more than 100 times their size"),
    (b"\x28\xb5\x2f\xfd", "packed by Zstandard (.zst); unpack it first"),
    (b"BZh", "packed by bzip2; unpack it first"),
    (b"\xfd7zXZ\0", "packed by xz; unpack it first"),
    (b"\x04\x22\x4d\x18", "packed by LZ4; unpack it first"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"#", "text that begins with a comment"),
];

/// What a file is that holds no JSON, as far as its first bytes say; `at`: where reading stopped.
pub(crate) fn content(source: &Source, at: u64) -> Option<String> {
    let head = head(source, 512).ok()?;
    if source.size() == 0 || head.is_empty() {
        return Some("an empty file (0 bytes)".to_owned());
    }
    if head.iter().all(|&byte| byte == 0) {
        return Some("nothing but zero bytes at its beginning, as after a download that failed".to_owned());
    }
    if let Some((_, kind)) = KINDS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some((*kind).to_owned());
    }
    match stored(&head) {
        Stored::Utf16 { .. } => return Some("UTF-16 text with a character that is none".to_owned()),
        Stored::Utf32 { .. } => return Some("UTF-32 text with a character that is none".to_owned()),
        Stored::Plain | Stored::Marked | Stored::Gzip => {}
    }
    let text = head.trim_ascii_start();
    if text.is_empty() && head.len() as u64 == source.size() {
        return Some("nothing but white space".to_owned());
    }
    // Only what reading stopped at: JSON may hold any of these later on.
    let begins = at <= (head.len() - text.len()) as u64;
    if begins && text.starts_with(b"<") {
        let page = text.to_ascii_lowercase();
        let html = page.starts_with(b"<!doctype html") || page.starts_with(b"<html");
        return Some(if html { "an HTML page: a download gave a web page" } else { "XML" }.to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TEXT: &str = "{\"annotations\": [], \"name\": \"é😀\"}";

    fn read(bytes: Vec<u8>) -> Vec<u8> {
        text(Source::from(bytes)).unwrap().read_all().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn stored_in(bytes: usize, little: bool, mark: bool) -> Vec<u8> {
        let text = if mark { format!("\u{feff}{TEXT}") } else { TEXT.to_owned() };
        let mut out = Vec::new();
        let mut put = |unit: &[u8]| if little { out.extend(unit) } else { out.extend(unit.iter().rev()) };
        match bytes {
            2 => text.encode_utf16().for_each(|unit| put(&unit.to_le_bytes())),
            _ => text.chars().for_each(|letter| put(&(letter as u32).to_le_bytes())),
        }
        out
    }

    #[test]
    fn every_encoding_reads_as_utf8() {
        for bytes in [2, 4] {
            for little in [true, false] {
                for mark in [true, false] {
                    let stored = stored_in(bytes, little, mark);
                    assert_eq!(read(gzip(&stored)), TEXT.as_bytes(), "{bytes} {little} {mark}, packed");
                    assert_eq!(read(stored), TEXT.as_bytes(), "{bytes} {little} {mark}");
                }
            }
        }
        assert_eq!(read(format!("\u{feff}{TEXT}").into_bytes()), TEXT.as_bytes());
        assert_eq!(read(gzip(TEXT.as_bytes())), TEXT.as_bytes());
        assert_eq!(read([gzip(b"{\"a\":"), gzip(b" 1}")].concat()), b"{\"a\": 1}");
        for plain in ["", "{", "[]", "1", "{}  ", TEXT] {
            assert_eq!(read(plain.as_bytes().to_vec()), plain.as_bytes());
        }
    }

    #[test]
    fn what_cannot_be_decoded_stays_as_it_is() {
        let packed = gzip(TEXT.as_bytes());
        let half = packed[..packed.len() / 2].to_vec();
        let odd = [stored_in(2, true, true), vec![0x5b]].concat();
        for bytes in
            [half, odd, vec![0xff, 0xfe, 0x00, 0xd8, 0x5b, 0x00], vec![0xff, 0xfe, 0, 0, 0, 0, 0x11, 0]]
        {
            assert_eq!(read(bytes.clone()), bytes);
            assert!(content(&Source::from(bytes), 0).is_some());
        }
    }

    #[test]
    fn gzip_is_bounded() {
        let edge = usize::try_from(UNPACKED).unwrap();
        assert_eq!(read(gzip(&vec![b' '; edge])).len(), edge);
        let beyond = gzip(&vec![b' '; edge + 1]);
        assert!(beyond.len() as u64 * RATIO < UNPACKED);
        assert_eq!(read(beyond.clone()), beyond);
    }
}
