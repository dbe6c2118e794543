//! Reading of PNG files as numbers.
//!
//! Two conventions: *labels* (grey or palette, the number is the grey level or the palette's index) and *segment ids*
//! (red + 256 green + 65536 blue, as COCO panoptic writes them). A colour map where labels are expected is an
//! error: which class a colour means is not in the file.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use png::{BitDepth, ColorType, Decoder, DecodingError, Info, Limits, Transformations};

use super::labels::Labels;
use crate::error::{Error, ErrorKind, Result, filled, with_capacity};

/// Most pixels of an image, and most bytes that it may decode to: an answer to files that lie about their size.
const MOST_BYTES: usize = 1 << 30;

/// Bytes that one byte of deflated data stands for, at most: two bits make a copy of 258.
const MOST_OF_A_BYTE: u64 = 1032;

/// A decoded image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image<T> {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Pixels, row by row.
    pub pixels: T,
}

/// Labels as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelType {
    /// Up to 8 bits.
    Bytes(Vec<u8>),
    /// 16 bits.
    Words(Vec<u16>),
}

impl LabelType {
    /// The labels.
    pub fn labels(&self) -> Labels<'_> {
        match self {
            LabelType::Bytes(pixels) => Labels::U8(pixels),
            LabelType::Words(pixels) => Labels::U16(pixels),
        }
    }
}

/// Reads labels: a grey or palette PNG of 1, 2, 4, 8 or 16 bits. Errors name the file.
///
/// # Errors
///
/// The file cannot be read, or is not such a PNG.
pub fn read_labels(path: &Path) -> Result<Image<LabelType>> {
    let raw = Raw::read(path)?;
    let pixels = match (raw.color, raw.depth) {
        (ColorType::Rgb | ColorType::Rgba, _) => {
            let what = "a colour image; expected labels (grey or palette)";
            return Err(Error::value(format!("{}: {what}", path.display())));
        }
        (ColorType::GrayscaleAlpha, _) => {
            let what = "a grey image with transparency; expected labels (grey or palette)";
            return Err(Error::value(format!("{}: {what}", path.display())));
        }
        (_, BitDepth::Eight) => LabelType::Bytes(raw.bytes),
        (_, BitDepth::Sixteen) => LabelType::Words(
            raw.each(|&word| u16::from_be_bytes(word)).map_err(|error| error.at(path.display()))?,
        ),
        (_, depth) => LabelType::Bytes(unpack(&raw, depth as u8).map_err(|error| error.at(path.display()))?),
    };
    Ok(Image { height: raw.height, width: raw.width, pixels })
}

/// Reads segment ids: an RGB (or RGBA, alpha unread) PNG of 8 bits, or labels that are ids themselves. Errors name the
/// file.
///
/// # Errors
///
/// The file cannot be read, or is not such a PNG.
pub fn read_ids(path: &Path) -> Result<Image<Vec<u32>>> {
    let raw = Raw::read(path)?;
    let pixels = match (raw.color, raw.depth) {
        (ColorType::Rgb, BitDepth::Eight) => raw.each(|&[r, g, b]| u32::from_le_bytes([r, g, b, 0])),
        (ColorType::Rgba, BitDepth::Eight) => raw.each(|&[r, g, b, _]| u32::from_le_bytes([r, g, b, 0])),
        (ColorType::Grayscale, BitDepth::Eight) => raw.each(|&[grey]| u32::from(grey)),
        (ColorType::Grayscale, BitDepth::Sixteen) => raw.each(|&word| u32::from(u16::from_be_bytes(word))),
        (color, depth) => {
            let what = format!("{color:?} of {} bits; expected segment ids (RGB of 8 bits)", depth as u8);
            return Err(Error::value(format!("{}: {what}", path.display())));
        }
    };
    let pixels = pixels.map_err(|error| error.at(path.display()))?;
    Ok(Image { height: raw.height, width: raw.width, pixels })
}

/// An error that names both files, unless the images have one size.
///
/// # Errors
///
/// The sizes differ.
pub fn same_size<T, U>(one: &Image<T>, one_path: &Path, other: &Image<U>, other_path: &Path) -> Result<()> {
    if (one.height, one.width) == (other.height, other.width) {
        return Ok(());
    }
    Err(Error::value(format!(
        "{}: {} x {} pixels (height x width), but {} has {} x {}",
        other_path.display(),
        other.height,
        other.width,
        one_path.display(),
        one.height,
        one.width
    )))
}

/// A file's pixels, as they lie in it.
struct Raw {
    height: usize,
    width: usize,
    color: ColorType,
    depth: BitDepth,
    bytes: Vec<u8>,
}

impl Raw {
    fn read(path: &Path) -> Result<Raw> {
        let meta = path.metadata().map_err(|error| io(path, &error))?;
        if meta.is_dir() {
            let error = Error::new(ErrorKind::Io(std::io::ErrorKind::IsADirectory), "is a directory");
            return Err(error.at(path.display()));
        }
        // To open a pipe may wait for ever.
        if !meta.is_file() {
            return Err(Error::value("not a regular file; expected a PNG image").at(path.display()));
        }
        let file = File::open(path).map_err(|error| io(path, &error))?;
        let mut decoder =
            Decoder::new_with_limits(BufReader::with_capacity(1 << 16, file), Limits { bytes: MOST_BYTES });
        decoder.set_transformations(Transformations::IDENTITY);
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let mut reader = decoder.read_info().map_err(|error| bad(path, error))?;
        let &Info { height, width, color_type: color, bit_depth: depth, .. } = reader.info();
        let few = u64::from(height) * u64::from(width) <= MOST_BYTES as u64;
        let size =
            reader.output_buffer_size().filter(|&size| few && size <= MOST_BYTES).ok_or_else(|| {
                Error::value(format!("{height} x {width} pixels are too many")).at(path.display())
            })?;
        if size as u64 > meta.len().saturating_mul(MOST_OF_A_BYTE) {
            return Err(Error::value(format!(
                "not a PNG image: {} bytes cannot hold {height} x {width} pixels",
                meta.len()
            ))
            .at(path.display()));
        }
        let mut bytes = filled(size, 0).map_err(|error| error.at(path.display()))?;
        reader.next_frame(&mut bytes).map_err(|error| bad(path, error))?;
        Ok(Raw { height: height as usize, width: width as usize, color, depth, bytes })
    }

    /// The number of each pixel, which has `N` bytes.
    fn each<const N: usize, T>(&self, number: impl Fn(&[u8; N]) -> T) -> Result<Vec<T>> {
        let pixels = self.bytes.as_chunks().0;
        let mut numbers = with_capacity(pixels.len())?;
        numbers.extend(pixels.iter().map(number));
        Ok(numbers)
    }
}

fn bad(path: &Path, error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            io(path, &error)
        }
        DecodingError::IoError(_) => {
            Error::value("not a PNG image: the file ends too early").at(path.display())
        }
        error => Error::value(format!("not a PNG image: {error}")).at(path.display()),
    }
}

fn io(path: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Io(error.kind()), reason(error)).at(path.display())
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Pixels of 1, 2 or 4 bits, first pixel in the highest bits, each row from a new byte.
fn unpack(raw: &Raw, depth: u8) -> Result<Vec<u8>> {
    let (per_byte, mask) = (usize::from(8 / depth), (1_u16 << depth) - 1);
    let line = raw.width.div_ceil(per_byte).max(1);
    let mut pixels = with_capacity(raw.height * raw.width)?;
    for row in raw.bytes.chunks_exact(line).take(raw.height) {
        pixels.extend((0..raw.width).map(|column| {
            let shift = 8 - usize::from(depth) * (column % per_byte + 1);
            row[column / per_byte] >> shift & mask as u8
        }));
    }
    Ok(pixels)
}
