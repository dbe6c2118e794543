//! The rows of a PNG, one after the other, without the whole image in memory.
//!
//! Maps of labels and of segment ids are large flat regions. What an encoder makes of them are rows of zeros with a few
//! other numbers where a region begins or ends, and most of a decoder's work is to copy pixels about. Here the file is
//! inflated into a window that stays in the cache, and a row is never written out: it is a list of runs, made of the
//! runs of the row above and of the few places at which the encoder left something.
//!
//! Only what nearly all files are is read: eight or sixteen bits, not interlaced, of the kinds that the caller knows.
//! `None` means that the file is something else, or broken; [`super::png`] reads all kinds, and says what is wrong.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use png::{BitDepth, ColorType, Decoded, StreamingDecoder, UnfilterRegion};

use crate::simd::{Baseline, Simd};

/// Bytes of the file that are read at a time.
const CHUNK: usize = 1 << 15;
/// The farthest that inflating looks back.
const LOOK_BACK: usize = 1 << 15;
/// The window: rows that are being inflated, after what may be looked back at.
const WINDOW: usize = 1 << 17;
/// Most bytes of a row.
const MOST_ROW: usize = 1 << 22;
/// Bytes that are compared together: a bit of a word for each.
const PIECE: usize = 64;

/// Kinds of files whose pixels are segment ids.
pub const IDS: &[(ColorType, BitDepth)] = &[(ColorType::Rgb, BitDepth::Eight)];
/// Kinds of files whose pixels are labels.
pub const LABELS: &[(ColorType, BitDepth)] = &[
    (ColorType::Grayscale, BitDepth::Eight),
    (ColorType::Indexed, BitDepth::Eight),
    (ColorType::Grayscale, BitDepth::Sixteen),
];

/// Equal pixels, up to the next run or the end of the row. Two neighbouring runs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelRun {
    /// Its first pixel.
    pub start: usize,
    /// The number that each pixel holds: a label, or red + 256 green + 65536 blue.
    pub number: u32,
}

/// Calls `with` for each stretch of two rows in which neither changes: both numbers, and how many pixels.
#[inline(always)]
pub fn both(one: &[PixelRun], other: &[PixelRun], width: usize, mut with: impl FnMut(u32, u32, usize)) {
    let end = |runs: &[PixelRun], i: usize| runs.get(i + 1).map_or(width, |next| next.start);
    let (mut i, mut j, mut begin) = (0, 0, 0);
    while begin < width {
        let ends = [end(one, i), end(other, j)];
        let until = ends[0].min(ends[1]);
        with(one[i].number, other[j].number, until - begin);
        i += usize::from(ends[0] == until);
        j += usize::from(ends[1] == until);
        begin = until;
    }
}

/// Memory that one thread reuses from file to file.
#[derive(Default)]
pub struct Buffers {
    chunk: Vec<u8>,
    window: Vec<u8>,
    row: Vec<PixelRun>,
    above: Vec<PixelRun>,
}

/// A file whose rows are read.
pub struct PngRows<'a> {
    /// Rows and columns of the image.
    pub size: [usize; 2],
    /// Bytes of a pixel.
    depth: usize,
    file: File,
    decoder: StreamingDecoder,
    buffers: &'a mut Buffers,
    /// Bytes of `chunk` that hold the file, and those that are used.
    read: usize,
    used: usize,
    /// What `window` holds, and where the next row begins in it.
    region: UnfilterRegion,
    next: usize,
    /// Whether the decoder's last step neither took nor gave a byte.
    idle: bool,
}

impl<'a> PngRows<'a> {
    /// Reads the file up to its first row, if it is of one of these kinds.
    pub fn open(
        path: &Path,
        kinds: &[(ColorType, BitDepth)],
        buffers: &'a mut Buffers,
    ) -> Option<PngRows<'a>> {
        if !path.metadata().is_ok_and(|meta| meta.is_file()) {
            return None;
        }
        let file = File::open(path).ok()?;
        buffers.chunk.resize(CHUNK, 0);
        let mut decoder = StreamingDecoder::new();
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let region = UnfilterRegion::default();
        let mut rows = PngRows {
            size: [0; 2],
            depth: 0,
            file,
            decoder,
            buffers,
            read: 0,
            used: 0,
            region,
            next: 0,
            idle: false,
        };
        while rows.decoder.info().is_none() {
            rows.go_on()?;
        }
        let info = rows.decoder.info()?;
        if info.interlaced || !kinds.contains(&(info.color_type, info.bit_depth)) {
            return None;
        }
        rows.size = [info.height as usize, info.width as usize];
        rows.depth = info.bytes_per_pixel();
        let line = info.raw_row_length();
        if line > MOST_ROW {
            return None;
        }
        // Above the first row all is zero.
        rows.buffers.row.clear();
        rows.buffers.row.push(PixelRun { start: 0, number: 0 });
        let window = WINDOW.max(2 * (LOOK_BACK + line));
        if rows.buffers.window.len() < window {
            rows.buffers.window.resize(window, 0);
        }
        Some(rows)
    }

    /// The next row. To be called once for each row.
    pub fn next_row(&mut self) -> Option<&[PixelRun]> {
        let line = self.size[1] * self.depth + 1;
        while self.region.filled - self.next < line {
            self.go_on()?;
        }
        let Buffers { window, row, above, .. } = &mut *self.buffers;
        std::mem::swap(row, above);
        row.clear();
        let (filter, rest) = (window[self.next], &window[self.next + 1..self.next + line]);
        match self.depth {
            1 => unfilter::<1>(filter, rest, above, row)?,
            2 => unfilter::<2>(filter, rest, above, row)?,
            3 => unfilter::<3>(filter, rest, above, row)?,
            _ => return None,
        }
        self.next += line;
        Some(&self.buffers.row)
    }

    /// Reads what follows the last row, so that a file with an incorrect checksum is an error. Data beyond the
    /// last row are ignored, as by other decoders.
    pub fn finish(mut self) -> Option<()> {
        loop {
            self.next = self.region.filled;
            if matches!(self.go_on()?, Decoded::ImageDataFlushed) {
                return Some(());
            }
        }
    }

    /// Decodes a little further. Ends for every file: each two steps take a byte of it or give one, or there is no
    /// third.
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
        let filled = self.region.filled;
        let (used, decoded) = self.decoder.update(chunk, Some(&mut self.region.as_buf(window))).ok()?;
        self.used += used;
        let idle = used == 0
            && self.region.filled == filled
            && matches!(decoded, Decoded::Nothing | Decoded::ImageData);
        if idle && self.idle {
            return None;
        }
        self.idle = idle;
        Some(decoded)
    }
}

/// The number of a pixel. Filters take its bytes one by one, so their order is free.
#[inline(always)]
fn number<const DEPTH: usize>(row: &[u8], pixel: usize) -> u32 {
    let bytes = &row[pixel * DEPTH..(pixel + 1) * DEPTH];
    match DEPTH {
        2 => u32::from(bytes[0]) << 8 | u32::from(bytes[1]),
        _ => bytes.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte)),
    }
}

/// The marked pixels of a row, in order: those that are not as the one left of them, if `CHANGES`, else those that are
/// not zero.
struct MarkedPixels<'a, const DEPTH: usize, const CHANGES: bool> {
    row: &'a [u8],
    /// A bit for each byte of the piece that begins at `base`, without the pixels that were reported.
    bits: u64,
    base: usize,
    /// The first byte after the pixels that were reported.
    from: usize,
}

impl<'a, const DEPTH: usize, const CHANGES: bool> MarkedPixels<'a, DEPTH, CHANGES> {
    fn new(row: &'a [u8]) -> Self {
        let mut marks = MarkedPixels { row, bits: 0, base: 0, from: 0 };
        marks.look();
        marks
    }

    /// The next marked pixel; after the last the number of pixels.
    #[inline(always)]
    fn next(&mut self) -> usize {
        while self.bits == 0 {
            self.base += PIECE;
            if self.base >= self.row.len() {
                return self.row.len() / DEPTH;
            }
            self.look();
        }
        let pixel = (self.base + self.bits.trailing_zeros() as usize) / DEPTH;
        self.from = (pixel + 1) * DEPTH;
        self.bits &= self.not_told();
        pixel
    }

    /// Which bytes of the piece do not belong to a pixel that was reported.
    #[inline(always)]
    fn not_told(&self) -> u64 {
        u64::MAX.checked_shl(self.from.saturating_sub(self.base) as u32).unwrap_or(0)
    }

    /// Finds the changed bytes of the piece that begins at `base`.
    #[inline(always)]
    fn look(&mut self) {
        self.bits = match self.row[self.base..].first_chunk() {
            Some(piece) => self.differing(piece),
            None => {
                let last = &self.row[self.base..];
                let mut piece = [0; PIECE];
                piece[..last.len()].copy_from_slice(last);
                self.differing(&piece) & !(u64::MAX << last.len())
            }
        };
        if self.from > self.base {
            self.bits &= self.not_told();
        }
    }

    /// A bit for each byte of a piece that is not as the one left of it, or not zero.
    #[inline(always)]
    fn differing(&self, piece: &[u8; PIECE]) -> u64 {
        let mut other = [0; PIECE];
        if CHANGES {
            let before = self.base.min(DEPTH);
            other[DEPTH - before..DEPTH].copy_from_slice(&self.row[self.base - before..self.base]);
            other[DEPTH..].copy_from_slice(&piece[..PIECE - DEPTH]);
        }
        let (piece, other) = (piece.as_chunks().0, other.as_chunks().0);
        let equal = |half: usize| u64::from(Baseline::equal(&piece[half], &other[half]));
        !(equal(0) | equal(1) << 32)
    }
}

/// The runs of a row, given what the encoder left of it and the row above.
fn unfilter<const DEPTH: usize>(
    filter: u8,
    rest: &[u8],
    above: &[PixelRun],
    row: &mut Vec<PixelRun>,
) -> Option<()> {
    match filter {
        0 => each_mark::<DEPTH, true>(rest, row, |_, rest| rest),
        1 => each_mark::<DEPTH, false>(rest, row, add),
        2 => of_above::<DEPTH>(rest, above, row),
        3 => of_mean::<DEPTH>(rest, above, row),
        4 => of_nearest::<DEPTH>(rest, above, row),
        _ => return None,
    }
    Some(())
}

/// Four bytes added each for itself.
#[inline(always)]
fn add(a: u32, b: u32) -> u32 {
    const LOW: u32 = 0x7F7F_7F7F;
    ((a & LOW) + (b & LOW)) ^ ((a ^ b) & !LOW)
}

/// Adds a run, unless it only goes on.
#[inline(always)]
fn push(row: &mut Vec<PixelRun>, start: usize, number: u32) {
    if row.last().is_none_or(|last| last.number != number) {
        row.push(PixelRun { start, number });
    }
}

/// A pixel that is not marked is the one left of it; `with` computes a marked one, given that and the pixel left of it.
#[inline(always)]
fn each_mark<const DEPTH: usize, const CHANGES: bool>(
    rest: &[u8],
    row: &mut Vec<PixelRun>,
    with: impl Fn(u32, u32) -> u32,
) {
    let pixels = rest.len() / DEPTH;
    let mut marks = MarkedPixels::<DEPTH, CHANGES>::new(rest);
    let (mut at, mut left) = (marks.next(), 0);
    if at > 0 {
        push(row, 0, 0);
    }
    while at < pixels {
        left = with(left, number::<DEPTH>(rest, at));
        push(row, at, left);
        at = marks.next();
    }
}

fn of_above<const DEPTH: usize>(rest: &[u8], above: &[PixelRun], row: &mut Vec<PixelRun>) {
    let pixels = rest.len() / DEPTH;
    let mut marks = MarkedPixels::<DEPTH, false>::new(rest);
    let (mut marked, mut next, mut over) = (marks.next(), 0, 0);
    // A pixel after a marked one is what is above it again.
    let mut back = 0;
    loop {
        let begins = above.get(next).map_or(pixels, |run| run.start);
        let at = begins.min(marked).min(back);
        if at >= pixels {
            return;
        }
        if at == begins {
            over = above[next].number;
            next += 1;
        }
        back = pixels;
        if at == marked {
            push(row, at, add(over, number::<DEPTH>(rest, at)));
            marked = marks.next();
            back = at + 1;
        } else {
            push(row, at, over);
        }
    }
}

fn of_mean<const DEPTH: usize>(rest: &[u8], above: &[PixelRun], row: &mut Vec<PixelRun>) {
    let (mut next, mut over, mut left) = (0, 0, 0);
    for at in 0..rest.len() / DEPTH {
        if above.get(next).is_some_and(|run| run.start == at) {
            over = above[next].number;
            next += 1;
        }
        let mean = (left & over) + (((left ^ over) & 0xFEFE_FEFE) >> 1);
        left = add(mean, number::<DEPTH>(rest, at));
        push(row, at, left);
    }
}

fn of_nearest<const DEPTH: usize>(rest: &[u8], above: &[PixelRun], row: &mut Vec<PixelRun>) {
    let pixels = rest.len() / DEPTH;
    let mut marks = MarkedPixels::<DEPTH, false>::new(rest);
    // Of the pixel to the left: what it is, and what was above it. Where the row above goes on, and nothing is left, a
    // pixel is the one left of it.
    let (mut marked, mut next, mut left, mut corner) = (marks.next(), 0, 0, 0);
    loop {
        let begins = above.get(next).map_or(pixels, |run| run.start);
        let at = begins.min(marked);
        if at >= pixels {
            return;
        }
        let over = if at == begins { above[next].number } else { corner };
        next += usize::from(at == begins);
        left = if over == corner {
            left
        } else if left == corner {
            over
        } else {
            let [a, b, c] = [left, over, corner].map(u32::to_le_bytes);
            u32::from_le_bytes(std::array::from_fn(|i| paeth(a[i], b[i], c[i])))
        };
        if at == marked {
            left = add(left, number::<DEPTH>(rest, at));
            marked = marks.next();
        }
        push(row, at, left);
        corner = over;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// What the encoder leaves of a row: each byte less what its filter expects there.
    fn filtered(filter: u8, row: &[u8], above: &[u8], depth: usize) -> Vec<u8> {
        let before = |row: &[u8], i: usize| if i < depth { 0 } else { row[i - depth] };
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

    fn runs<const DEPTH: usize>(row: &[u8]) -> Vec<PixelRun> {
        let mut runs = Vec::new();
        (0..row.len() / DEPTH).for_each(|at| push(&mut runs, at, number::<DEPTH>(row, at)));
        runs
    }

    fn undone<const DEPTH: usize>(random: &mut Random) {
        let mut byte = || random.below(256) as u8;
        for pixels in [1, 2, 21, 22, 32, 40, 63, 64, 65, 213] {
            let mut above = vec![0; pixels * DEPTH];
            let mut runs_above = vec![PixelRun { start: 0, number: 0 }];
            for turn in 0..200 {
                // Mostly long runs, some of them those of the row above, some moved by a few pixels.
                let mut row = Vec::new();
                while row.len() < above.len() {
                    let run = DEPTH * (usize::from(byte()) % 70 + 1);
                    let end = |start: usize| (start + run).min(above.len());
                    match byte() % 4 {
                        0 => row.extend([byte() % 5; DEPTH].repeat(run / DEPTH)),
                        1 => row.extend_from_slice(&above[row.len()..end(row.len())]),
                        2 => row.extend((0..DEPTH).map(|_| byte())),
                        _ => row.extend_from_slice(&above[..end(0)]),
                    }
                    row.truncate(above.len());
                }
                let filter = if turn % 2 == 0 { 4 } else { byte() % 5 };
                let mut ours = Vec::new();
                let rest = filtered(filter, &row, &above, DEPTH);
                unfilter::<DEPTH>(filter, &rest, &runs_above, &mut ours).unwrap();
                assert_eq!(ours, runs::<DEPTH>(&row), "filter {filter}, {pixels} pixels of {DEPTH} bytes");
                (above, runs_above) = (row, ours);
            }
        }
        assert!(unfilter::<DEPTH>(5, &[0; 6], &[], &mut Vec::new()).is_none());
    }

    #[test]
    fn every_filter_is_undone() {
        let mut random = Random::new(5);
        undone::<1>(&mut random);
        undone::<2>(&mut random);
        undone::<3>(&mut random);
    }

    #[test]
    fn stretches_of_both_rows() {
        let run = |(start, number)| PixelRun { start, number };
        let (one, other) = ([(0, 5), (3, 6)].map(run), [(0, 1), (3, 2), (4, 1)].map(run));
        let mut found = Vec::new();
        both(&one, &other, 6, |a, b, pixels| found.push((a, b, pixels)));
        assert_eq!(found, [(5, 1, 3), (6, 2, 1), (6, 1, 2)]);
    }
}
