//! The rows of a colour PNG, one after the other, without the image ever being whole.
//!
//! Maps of segment ids are large flat regions. What an encoder makes of them are rows of zeros with a few other numbers
//! where a region begins or ends, and most of a decoder's work is to copy them about. Here the file is inflated into a
//! window that stays in the cache, and a row is made in the place of the row before it, a stretch at a time: a
//! stretch that only goes on, or only repeats the row above, is seen as such.
//!
//! Only what nearly all files are is read: eight bits of red, green and blue, not interlaced. `None` means that the file
//! is something else, or broken; [`super::png`] reads all kinds, and says what is wrong.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use png::{BitDepth, ColorType, Decoded, StreamingDecoder, UnfilterRegion};

/// Bytes of the file that are read at a time.
const CHUNK: usize = 1 << 15;
/// The farthest that inflating looks back.
const LOOK_BACK: usize = 1 << 15;
/// The window: rows that are being inflated, after what may be looked back at.
const WINDOW: usize = 1 << 17;
/// Most bytes of a row.
const MOST_ROW: usize = 1 << 22;
/// Bytes of a pixel.
pub(super) const PIXEL: usize = 3;
/// Bytes that are looked at together: sixteen pixels.
pub(super) const STRETCH: usize = 16 * PIXEL;

/// Memory that one thread reuses from file to file.
#[derive(Default)]
pub struct Buffers {
    chunk: Vec<u8>,
    window: Vec<u8>,
    row: Vec<u8>,
}

/// A file whose rows are read.
pub struct Rows<'a> {
    /// Rows and columns of the image.
    pub size: [usize; 2],
    file: File,
    decoder: StreamingDecoder,
    buffers: &'a mut Buffers,
    /// Bytes of `chunk` that hold the file, and those that are used.
    read: usize,
    used: usize,
    /// What `window` holds, and where the next row begins in it.
    region: UnfilterRegion,
    next: usize,
}

impl<'a> Rows<'a> {
    /// Reads the file up to its first row.
    pub fn open(path: &Path, buffers: &'a mut Buffers) -> Option<Rows<'a>> {
        let file = File::open(path).ok()?;
        buffers.chunk.resize(CHUNK, 0);
        let mut decoder = StreamingDecoder::new();
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let region = UnfilterRegion::default();
        let mut rows = Rows { size: [0; 2], file, decoder, buffers, read: 0, used: 0, region, next: 0 };
        while rows.decoder.info().is_none() {
            rows.go_on()?;
        }
        let info = rows.decoder.info()?;
        let plain = (info.color_type, info.bit_depth, info.interlaced);
        if plain != (ColorType::Rgb, BitDepth::Eight, false) {
            return None;
        }
        rows.size = [info.height as usize, info.width as usize];
        let line = info.raw_row_length();
        if line > MOST_ROW {
            return None;
        }
        rows.buffers.row.clear();
        rows.buffers.row.resize(line - 1, 0);
        let window = WINDOW.max(2 * (LOOK_BACK + line));
        if rows.buffers.window.len() < window {
            rows.buffers.window.resize(window, 0);
        }
        Some(rows)
    }

    /// The next row, red, green and blue of each pixel. To be called once for each row.
    pub fn next_row(&mut self) -> Option<&[u8]> {
        let line = self.buffers.row.len() + 1;
        while self.region.filled - self.next < line {
            self.go_on()?;
        }
        let bytes = &self.buffers.window[self.next..self.next + line];
        unfilter(bytes[0], &bytes[1..], &mut self.buffers.row)?;
        self.next += line;
        Some(&self.buffers.row)
    }

    /// Reads what follows the last row, so that a file whose checksum is wrong is not taken for a good one.
    pub fn finish(mut self) -> Option<()> {
        while !matches!(self.go_on()?, Decoded::ImageDataFlushed) {}
        Some(())
    }

    /// Decodes a little further.
    fn go_on(&mut self) -> Option<Decoded> {
        if self.used == self.read {
            self.read = self.file.read(&mut self.buffers.chunk).ok()?;
            self.used = 0;
            if self.read == 0 {
                return None;
            }
        }
        let chunk = &self.buffers.chunk[self.used..self.read];
        let window = &mut self.buffers.window;
        let space = window.len() - self.region.filled;
        if space < LOOK_BACK / 2 && self.next > 0 {
            // Back to the front with what is still needed.
            let first =
                self.next.min(self.region.filled.saturating_sub(LOOK_BACK)).min(self.region.available);
            window.copy_within(first..self.region.filled, 0);
            self.region.available -= first;
            self.region.filled -= first;
            self.next -= first;
        }
        let (used, decoded) = self.decoder.update(chunk, Some(&mut self.region.as_buf(window))).ok()?;
        self.used += used;
        Some(decoded)
    }
}

/// Puts a row in the place of the row above, given what the encoder left of it.
fn unfilter(filter: u8, rest: &[u8], row: &mut [u8]) -> Option<()> {
    match filter {
        0 => row.copy_from_slice(rest),
        1 => of_left(rest, row),
        2 => row.iter_mut().zip(rest).for_each(|(above, &rest)| *above = above.wrapping_add(rest)),
        3 => of_mean(rest, row),
        4 => of_nearest(rest, row),
        _ => return None,
    }
    Some(())
}

type Pixel = [u8; PIXEL];

fn add(a: Pixel, b: Pixel) -> Pixel {
    std::array::from_fn(|i| a[i].wrapping_add(b[i]))
}

fn of_left(rest: &[u8], row: &mut [u8]) {
    let mut left = [0; PIXEL];
    each_stretch(rest, row, |rest, row| {
        if rest.len() == STRETCH && is_zero(rest) {
            fill(row, left);
            return;
        }
        for (row, &rest) in row.as_chunks_mut().0.iter_mut().zip(rest.as_chunks().0) {
            left = add(left, rest);
            *row = left;
        }
    });
}

fn of_mean(rest: &[u8], row: &mut [u8]) {
    let mut left = [0; PIXEL];
    for (row, &rest) in row.as_chunks_mut::<PIXEL>().0.iter_mut().zip(rest.as_chunks::<PIXEL>().0) {
        let mean = std::array::from_fn(|i| ((u16::from(left[i]) + u16::from(row[i])) / 2) as u8);
        left = add(mean, rest);
        *row = left;
    }
}

fn of_nearest(rest: &[u8], row: &mut [u8]) {
    // Of each pixel to the left: what it is now, and what was above it.
    let (mut left, mut corner) = ([0; PIXEL], [0; PIXEL]);
    each_stretch(rest, row, |rest, row| {
        if rest.len() == STRETCH && is_zero(rest) {
            if left == corner {
                // Each pixel is the one above it.
                left = last(row);
                corner = left;
                return;
            }
            if goes_on(row, corner) {
                // Each pixel is the one left of it.
                fill(row, left);
                return;
            }
        }
        for (row, &rest) in row.as_chunks_mut().0.iter_mut().zip(rest.as_chunks().0) {
            let above = *row;
            let nearest = if above == corner {
                left
            } else if left == corner {
                above
            } else {
                std::array::from_fn(|i| paeth(left[i], above[i], corner[i]))
            };
            left = add(nearest, rest);
            *row = left;
            corner = above;
        }
    });
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, above, corner].map(i16::from);
    let (to_left, to_above) = ((b - c).abs(), (a - c).abs());
    let to_corner = (a + b - 2 * c).abs();
    if to_left <= to_above && to_left <= to_corner {
        left
    } else if to_above <= to_corner {
        above
    } else {
        corner
    }
}

#[inline(always)]
fn each_stretch(rest: &[u8], row: &mut [u8], mut work: impl FnMut(&[u8], &mut [u8])) {
    let (many, last) = rest.as_chunks::<STRETCH>();
    let (many_rows, last_row) = row.as_chunks_mut::<STRETCH>();
    many.iter().zip(many_rows).for_each(|(rest, row)| work(rest, row));
    work(last, last_row);
}

#[inline(always)]
fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |all, byte| all | byte) == 0
}

/// Whether all pixels are `pixel`.
#[inline(always)]
fn goes_on(row: &[u8], pixel: Pixel) -> bool {
    row[..PIXEL] == pixel && row[PIXEL..].iter().zip(row).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[inline(always)]
fn fill(row: &mut [u8], pixel: Pixel) {
    row.as_chunks_mut().0.iter_mut().for_each(|place| *place = pixel);
}

fn last(row: &[u8]) -> Pixel {
    std::array::from_fn(|i| row[row.len() - PIXEL + i])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(seed: &mut u64) -> u8 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        (*seed >> 32) as u8
    }

    /// What the encoder leaves of a row: each byte less what its filter expects there.
    fn filtered(filter: u8, row: &[u8], above: &[u8]) -> Vec<u8> {
        let before = |row: &[u8], i: usize| if i < PIXEL { 0 } else { row[i - PIXEL] };
        let expected = |i: usize| match filter {
            0 => 0,
            1 => before(row, i),
            2 => above[i],
            3 => ((u16::from(before(row, i)) + u16::from(above[i])) / 2) as u8,
            _ => {
                let [a, b, c] = [before(row, i), above[i], before(above, i)];
                let estimate = i32::from(a) + i32::from(b) - i32::from(c);
                let by_distance = |&value: &u8| (estimate - i32::from(value)).abs();
                [a, b, c].into_iter().min_by_key(by_distance).unwrap()
            }
        };
        (0..row.len()).map(|i| row[i].wrapping_sub(expected(i))).collect()
    }

    #[test]
    fn every_filter_is_undone() {
        let mut seed = 5;
        for pixels in [1, 2, 15, 16, 17, 40, 213] {
            let mut ours = vec![0; pixels * PIXEL];
            let mut above = ours.clone();
            for turn in 0..200 {
                // Mostly long runs, some of them those of the row above, some moved by a few pixels.
                let mut row = Vec::new();
                while row.len() < above.len() {
                    let run = PIXEL * (usize::from(random(&mut seed)) % 70 + 1);
                    let end = |start: usize| (start + run).min(above.len());
                    match random(&mut seed) % 3 {
                        0 => row.extend([random(&mut seed) % 5; PIXEL].repeat(run / PIXEL)),
                        1 => row.extend_from_slice(&above[row.len()..end(row.len())]),
                        _ => row.extend_from_slice(&above[..end(0)]),
                    }
                    row.truncate(above.len());
                }
                let filter = if turn % 2 == 0 { 4 } else { random(&mut seed) % 5 };
                unfilter(filter, &filtered(filter, &row, &above), &mut ours).unwrap();
                assert_eq!(ours, row, "filter {filter}, {pixels} pixels");
                above = row;
            }
        }
        assert!(unfilter(5, &[0; 3], &mut [0; 3]).is_none());
    }
}
