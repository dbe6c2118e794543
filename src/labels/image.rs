//! Height and width of an image, from the header of its file: no pixels are read.
//!
//! Of JPEG the orientation that EXIF gives is heeded: what a viewer shows upright is what annotators have drawn on.
//! Sources: the JFIF, EXIF 2.3, PNG, GIF 89a, BMP, TIFF 6.0 and WebP container specifications.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};

/// The code of an image whose size is not found.
pub const UNREADABLE: &str = "unreadable-image";

/// Bytes that are read in one go: a JPEG's size lies within them, unless it begins with a thumbnail or a profile.
const FIRST: usize = 4096;
/// Segments or directory entries that are read before a header counts as damaged.
const MOST_PARTS: usize = 4096;

/// Height and width in pixels of the image in a file.
///
/// # Errors
///
/// The file cannot be read, is no image of a known format, or is cut off.
pub fn size(path: &Path) -> Result<[u32; 2]> {
    size_of(&mut Header::new(File::open(path).map_err(Error::io)?))
}

/// As [`size`], of bytes in memory.
///
/// # Errors
///
/// As of [`size`].
pub fn size_of_bytes(bytes: &[u8]) -> Result<[u32; 2]> {
    size_of(&mut Header::new(io::Cursor::new(bytes)))
}

fn size_of<R: Read + Seek>(header: &mut Header<R>) -> Result<[u32; 2]> {
    let start = header.most(0, 12)?;
    let [height, width] = match *start {
        [0xff, 0xd8, ..] => jpeg(header)?,
        [0x89, b'P', b'N', b'G', ..] => png(header)?,
        [b'G', b'I', b'F', b'8', ..] => {
            let [w0, w1, h0, h1] = header.exactly(6)?;
            [u16::from_le_bytes([h0, h1]), u16::from_le_bytes([w0, w1])].map(u32::from)
        }
        [b'B', b'M', ..] => bmp(header)?,
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => tiff(header, 0)?.size()?,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => webp(header)?,
        [] => return Err(Error::value("the file is empty")),
        _ => return Err(unknown()),
    };
    match height == 0 || width == 0 {
        true => Err(Error::value(format!("an image of {width} by {height} pixels"))),
        false => Ok([height, width]),
    }
}

fn unknown() -> Error {
    Error::value("").found("no image header").expected("JPEG, PNG, BMP, GIF, WebP or TIFF")
}

fn damaged(format: &str) -> Error {
    Error::value(format!("a damaged {format} header: the size of the image is not found"))
}

/// A file of which some bytes are read, here and there.
struct Header<R> {
    file: R,
    start: u64,
    bytes: Vec<u8>,
}

impl<R: Read + Seek> Header<R> {
    fn new(file: R) -> Self {
        Header { file, start: 0, bytes: Vec::new() }
    }

    /// Up to `count` bytes at `offset`; fewer only at the end of the file.
    fn most(&mut self, offset: u64, count: usize) -> Result<&[u8]> {
        let ends = |header: &Self| header.start + header.bytes.len() as u64;
        if offset < self.start || offset + count as u64 > ends(self) {
            self.file.seek(SeekFrom::Start(offset)).map_err(Error::io)?;
            self.bytes.clear();
            let wanted = FIRST.max(count) as u64;
            (&mut self.file).take(wanted).read_to_end(&mut self.bytes).map_err(Error::io)?;
            self.start = offset;
        }
        let from = (offset - self.start) as usize;
        Ok(&self.bytes[from..self.bytes.len().min(from + count)])
    }

    /// The bytes at `offset`, all there.
    fn exactly<const N: usize>(&mut self, offset: u64) -> Result<[u8; N]> {
        let bytes = self.most(offset, N)?;
        bytes.try_into().map_err(|_| Error::value("the file ends within the header of the image"))
    }
}

/// Segments up to the first start of frame.
fn jpeg<R: Read + Seek>(header: &mut Header<R>) -> Result<[u32; 2]> {
    let mut turned = false;
    let mut at = 2;
    for _ in 0..MOST_PARTS {
        let [mark, kind] = header.exactly(at)?;
        if mark != 0xff {
            return Err(damaged("JPEG"));
        }
        match kind {
            // Fill bytes.
            0xff => at += 1,
            // Without a length.
            0x01 | 0xd0..=0xd8 => at += 2,
            // The end of the image, or the start of its pixels.
            0xd9 | 0xda => return Err(damaged("JPEG")),
            // A start of frame: none of these three are.
            0xc0..=0xcf if !matches!(kind, 0xc4 | 0xc8 | 0xcc) => {
                let [h0, h1, w0, w1] = header.exactly(at + 5)?;
                let [height, width] = [[h0, h1], [w0, w1]].map(|side| u32::from(u16::from_be_bytes(side)));
                return Ok(if turned { [width, height] } else { [height, width] });
            }
            _ => {
                let length = u64::from(u16::from_be_bytes(header.exactly(at + 2)?));
                if length < 2 {
                    return Err(damaged("JPEG"));
                }
                if kind == 0xe1 && length >= 16 && header.most(at + 4, 6)? == b"Exif\0\0" {
                    // A damaged EXIF block is none: viewers pass over it too.
                    let directory = tiff(header, at + 10);
                    turned |= directory.is_ok_and(|tags| matches!(tags.orientation, Some(5..=8)));
                }
                at += 2 + length;
            }
        }
    }
    Err(damaged("JPEG"))
}

fn png<R: Read + Seek>(header: &mut Header<R>) -> Result<[u32; 2]> {
    if header.exactly(12)? != *b"IHDR" {
        return Err(damaged("PNG"));
    }
    let [w0, w1, w2, w3, h0, h1, h2, h3] = header.exactly(16)?;
    Ok([u32::from_be_bytes([h0, h1, h2, h3]), u32::from_be_bytes([w0, w1, w2, w3])])
}

fn bmp<R: Read + Seek>(header: &mut Header<R>) -> Result<[u32; 2]> {
    let length = u32::from_le_bytes(header.exactly(14)?);
    if length == 12 {
        let [w0, w1, h0, h1] = header.exactly(18)?;
        return Ok([u16::from_le_bytes([h0, h1]), u16::from_le_bytes([w0, w1])].map(u32::from));
    }
    if length < 16 {
        return Err(damaged("BMP"));
    }
    let [w0, w1, w2, w3, h0, h1, h2, h3] = header.exactly(18)?;
    // A negative height says that the rows go from top to bottom.
    let [height, width] = [[h0, h1, h2, h3], [w0, w1, w2, w3]].map(i32::from_le_bytes);
    Ok([height.unsigned_abs(), u32::try_from(width).map_err(|_| damaged("BMP"))?])
}

fn webp<R: Read + Seek>(header: &mut Header<R>) -> Result<[u32; 2]> {
    let kind: [u8; 4] = header.exactly(12)?;
    let side = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    match &kind {
        b"VP8 " => {
            let [s0, s1, s2, w0, w1, h0, h1] = header.exactly(23)?;
            let is_frame = [s0, s1, s2] == [0x9d, 0x01, 0x2a];
            if is_frame { Ok([side(h0, h1), side(w0, w1)]) } else { Err(damaged("WebP")) }
        }
        b"VP8L" => {
            let [mark, bytes @ ..]: [u8; 5] = header.exactly(20)?;
            let bits = u32::from_le_bytes(bytes);
            if mark == 0x2f {
                Ok([(bits >> 14 & 0x3fff) + 1, (bits & 0x3fff) + 1])
            } else {
                Err(damaged("WebP"))
            }
        }
        b"VP8X" => {
            let [w0, w1, w2, h0, h1, h2] = header.exactly(24)?;
            let [height, width] = [[h0, h1, h2, 0], [w0, w1, w2, 0]].map(|side| u32::from_le_bytes(side) + 1);
            Ok([height, width])
        }
        _ => Err(damaged("WebP")),
    }
}

/// The tags of a TIFF directory that are of use here.
#[derive(Default)]
struct Tags {
    height: Option<u32>,
    width: Option<u32>,
    orientation: Option<u32>,
}

impl Tags {
    fn size(&self) -> Result<[u32; 2]> {
        Ok([self.height.ok_or_else(|| damaged("TIFF"))?, self.width.ok_or_else(|| damaged("TIFF"))?])
    }
}

/// The first directory of a TIFF file or an EXIF block, which begins at `base`.
fn tiff<R: Read + Seek>(header: &mut Header<R>, base: u64) -> Result<Tags> {
    let little = match header.exactly(base)? {
        [b'I', b'I', b'*', 0] => true,
        [b'M', b'M', 0, b'*'] => false,
        _ => return Err(damaged("TIFF")),
    };
    let long = |bytes: [u8; 4]| if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
    let short = |bytes: [u8; 2]| if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
    let directory = base + u64::from(long(header.exactly(base + 4)?));
    let entries = usize::from(short(header.exactly(directory)?)).min(MOST_PARTS);
    let mut tags = Tags::default();
    for entry in 0..entries {
        let [t0, t1, k0, k1, _, _, _, _, v0, v1, v2, v3] =
            header.exactly(directory + 2 + 12 * entry as u64)?;
        let value = match short([k0, k1]) {
            3 => Some(u32::from(short([v0, v1]))),
            4 => Some(long([v0, v1, v2, v3])),
            _ => None,
        };
        match short([t0, t1]) {
            256 => tags.width = value,
            257 => tags.height = value,
            274 => tags.orientation = value,
            _ => {}
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    /// A JPEG's start: an EXIF segment with this orientation, more segments, and the frame of 3 by 2 pixels.
    fn photograph(orientation: Option<u8>, between: usize) -> Vec<u8> {
        let exif = |o: u8| {
            let tiff: [&[u8]; 4] =
                [b"II*\0\x08\0\0\0", b"\x01\0", &[0x12, 1, 3, 0, 1, 0, 0, 0, o, 0, 0, 0], &[0; 4]];
            bytes(&[b"\xff\xe1\0\x22Exif\0\0", &tiff.concat()])
        };
        let filler = bytes(&[b"\xff\xe2\xff\xff", &[0; 65533]]).repeat(between);
        let frame = b"\xff\xc0\0\x11\x08\0\x02\0\x03\x03\x01\x22\0\x02\x11\x01\x03\x11\x01";
        bytes(&[b"\xff\xd8", &orientation.map_or(Vec::new(), exif), &filler, b"\xff\xff", &frame[1..]])
    }

    #[test]
    fn the_size_of_each_format_is_read_from_its_header() {
        let png = bytes(&[b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &[0, 0, 1, 2, 0, 0, 0, 3]]);
        let gif = bytes(&[b"GIF89a", &[2, 1, 3, 0]]);
        let old_bmp = bytes(&[b"BM", &[0; 12], &[12, 0, 0, 0, 2, 1, 3, 0]]);
        let bmp = bytes(&[b"BM", &[0; 12], &[40, 0, 0, 0, 2, 1, 0, 0], &(-3_i32).to_le_bytes()]);
        let lossy = bytes(&[b"RIFF\0\0\0\0WEBPVP8 ", &[0; 7], &[0x9d, 1, 0x2a, 2, 1, 3, 0x40]]);
        let bits = (257_u32 | 2 << 14).to_le_bytes();
        let lossless = bytes(&[b"RIFF\0\0\0\0WEBPVP8L", &[0; 4], b"\x2f", &bits]);
        let extended = bytes(&[b"RIFF\0\0\0\0WEBPVP8X", &[0; 8], &[1, 1, 0, 2, 0, 0]]);
        let little = bytes(&[
            b"II*\0\x08\0\0\0\x02\0",
            &[0, 1, 3, 0, 1, 0, 0, 0, 2, 1, 0, 0],
            &[1, 1, 4, 0, 1, 0, 0, 0, 3, 0, 0, 0],
        ]);
        let big = bytes(&[
            b"MM\0*\0\0\0\x08\0\x02",
            &[1, 0, 0, 3, 0, 0, 0, 1, 1, 2, 0, 0],
            &[1, 1, 0, 4, 0, 0, 0, 1, 0, 0, 0, 3],
        ]);
        for (name, image) in [
            ("png", &png),
            ("gif", &gif),
            ("old bmp", &old_bmp),
            ("bmp", &bmp),
            ("lossy webp", &lossy),
            ("lossless webp", &lossless),
            ("extended webp", &extended),
            ("tiff", &little),
            ("big-endian tiff", &big),
        ] {
            assert_eq!(size_of_bytes(image).unwrap(), [3, 258], "{name}");
            for end in 0..image.len() {
                // A header that is cut off is an error, or the numbers lie before the cut.
                if let Ok(found) = size_of_bytes(&image[..end]) {
                    assert_eq!(found, [3, 258], "{name} cut at {end}");
                }
            }
        }
    }

    #[test]
    fn a_photograph_that_is_shown_upright_has_the_size_that_is_seen() {
        assert_eq!(size_of_bytes(&photograph(None, 0)).unwrap(), [2, 3]);
        for orientation in 0..=9 {
            let seen = if (5..=8).contains(&orientation) { [3, 2] } else { [2, 3] };
            assert_eq!(size_of_bytes(&photograph(Some(orientation), 0)).unwrap(), seen, "{orientation}");
        }
    }

    #[test]
    fn the_frame_is_found_behind_large_segments() {
        assert_eq!(size_of_bytes(&photograph(Some(6), 3)).unwrap(), [3, 2]);
        // Too many parts to be an image.
        assert!(size_of_bytes(&bytes(&[b"\xff\xd8", &[0xff; 9000]])).is_err());
    }

    #[test]
    fn what_is_no_image_is_said_to_be_none() {
        let message = |bytes: &[u8]| size_of_bytes(bytes).unwrap_err().to_string();
        assert_eq!(message(b""), "the file is empty");
        assert_eq!(message(b"<html>"), "no image header, expected JPEG, PNG, BMP, GIF, WebP or TIFF");
        assert_eq!(message(b"\xff\xd8\xff\xda"), "a damaged JPEG header: the size of the image is not found");
        assert_eq!(message(b"GIF89a\0\0\x01\0"), "an image of 0 by 1 pixels");
    }
}
