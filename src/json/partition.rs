//! Partitioning a file by image: each record, as it stands in the file, is written to the bin of its image.
//!
//! One pass finds them, by the very readers that make columns of a file. What is in some of the bins reads as a file of
//! its own (a [`Source`] of pieces), so a part of a file that fits memory is read like a file.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use super::annotations::Annotations;
use super::id_table::IdTable;
use super::record::{Elements, Field, KeyOrder, fields};
use super::scanner::{Scan, Scanner, added};
use super::source::{Piece, Source};
use crate::columns::Key;
use crate::error::{Error, Result, can_allocate, collect, collect_growing, extend, push, reserve};

/// Bins in a temporary file.
#[derive(Debug)]
pub struct Bins {
    file: Arc<File>,
    /// Bytes that have been written.
    written: u64,
    /// Bytes that wait to be written, and how many may.
    waiting: usize,
    buffer_size: usize,
    /// For each bin images and annotations, and the numbers of the records of both.
    streams: Vec<[Stream; 4]>,
    problem: Option<Error>,
}

/// What has been put one behind the other: pieces of the file, and what is not yet there.
#[derive(Debug, Default)]
struct Stream {
    waiting: Vec<u8>,
    pieces: Vec<(u64, u64)>,
}

/// Which array records are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordList {
    /// `images`.
    Images,
    /// `annotations`, or results.
    Annotations,
}

/// Where the numbers of a list's records stand among a bin's streams.
const fn numbers(list: RecordList) -> usize {
    2 + list as usize
}

impl Bins {
    /// So many empty bins, of which `buffer_size` bytes may wait in memory to be written to `file`.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, here as in all that follows.
    pub fn new(file: File, count: usize, buffer_size: usize) -> Result<Bins> {
        let streams = collect((0..count.max(1)).map(|_| Default::default()))?;
        Ok(Bins { file: Arc::new(file), written: 0, waiting: 0, buffer_size, streams, problem: None })
    }

    /// The number of bins.
    pub fn count(&self) -> usize {
        self.streams.len()
    }

    fn put(&mut self, list: RecordList, bin: usize, record: usize, text: &[u8]) -> Result<()> {
        let streams = &mut self.streams[bin];
        let stream = &mut streams[list as usize];
        let first = stream.waiting.is_empty() && stream.pieces.is_empty();
        reserve(&mut stream.waiting, text.len() + 1)?;
        if !first {
            stream.waiting.push(b',');
        }
        stream.waiting.extend_from_slice(text);
        self.waiting += text.len() + 1;
        let numbers = &mut streams[numbers(list)].waiting;
        reserve(numbers, 8)?;
        numbers.extend_from_slice(&(record as u64).to_le_bytes());
        self.waiting += 8;
        if self.waiting >= self.buffer_size {
            self.write()?;
        }
        Ok(())
    }

    /// Writes the buffered records. An error of the file is stored until it is read.
    fn write(&mut self) -> Result<()> {
        self.waiting = 0;
        for stream in self.streams.iter_mut().flatten().filter(|stream| !stream.waiting.is_empty()) {
            if self.problem.is_none() {
                self.problem = (&*self.file).write_all(&stream.waiting).err().map(Error::io);
            }
            let length = stream.waiting.len() as u64;
            push(&mut stream.pieces, (self.written, length))?;
            self.written += length;
            stream.waiting = Vec::new();
        }
        Ok(())
    }

    /// Writes all that waits.
    ///
    /// An error if that, or anything before, could not be written.
    ///
    /// # Errors
    ///
    /// The file of the bins cannot be written.
    pub fn finish(&mut self) -> Result<()> {
        self.write()?;
        self.problem.take().map_or(Ok(()), Err)
    }

    /// The records of some bins, as the inside of an array.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn text(&self, list: RecordList, bins: Range<usize>) -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        for streams in &self.streams[bins] {
            let stream = &streams[list as usize];
            if !pieces.is_empty() && !stream.pieces.is_empty() {
                push(&mut pieces, Piece::Text(b",".to_vec()))?;
            }
            extend(&mut pieces, self.pieces(stream))?;
        }
        Ok(pieces)
    }

    /// The numbers that the records of some bins have in the whole file.
    ///
    /// # Errors
    ///
    /// The file of the bins cannot be read.
    pub fn records(&self, list: RecordList, bins: Range<usize>) -> Result<Vec<u64>> {
        let streams = self.streams[bins].iter();
        let pieces = collect_growing(streams.flat_map(|streams| self.pieces(&streams[numbers(list)])))?;
        let bytes = Source::from_pieces(pieces)?.read_all().map_err(Error::io)?;
        collect(bytes.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)))
    }

    fn pieces<'a>(&'a self, stream: &'a Stream) -> impl Iterator<Item = Piece> + 'a {
        stream.pieces.iter().map(|&(at, length)| Piece::File { file: Arc::clone(&self.file), at, length })
    }
}

/// The bin, of so many, of an image: the same for all files.
pub fn bin_of(image: &Key, count: usize) -> usize {
    let number = match image {
        Key::Number(number) => *number as u64,
        // FNV-1a.
        Key::Text(text) => hash(text.as_bytes()),
    };
    scattered(number, count)
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    let step = |state: u64, &byte: &u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// A bin, of so many, for a number.
fn scattered(number: u64, count: usize) -> usize {
    // The upper bits of a product scatter ids that follow one another, whatever their step.
    let upper = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    ((upper * count as u64) >> 32) as usize
}

/// Elements that know of which image the record is that was parsed last.
pub(crate) trait ImageElements: Elements {
    /// The field that says so.
    const FIELD: Field;
    /// Whose records these are.
    const LIST: RecordList;
    /// The image, if it is an integer and the record is plain.
    fn image(&self) -> Option<i64>;
    /// Removes the records, but keeps their number and their properties.
    fn discard(&mut self);
}

impl ImageElements for Annotations {
    const FIELD: Field = Field::ImageId;
    const LIST: RecordList = RecordList::Annotations;

    fn image(&self) -> Option<i64> {
        Annotations::image(self)
    }

    fn discard(&mut self) {
        Annotations::discard(self);
    }
}

impl ImageElements for IdTable {
    const FIELD: Field = Field::Id;
    const LIST: RecordList = RecordList::Images;

    fn image(&self) -> Option<i64> {
        self.id()
    }

    fn discard(&mut self) {
        self.ids.clear();
        self.sizes.clear();
    }
}

/// Elements that put the text of their records into bins.
pub(crate) struct Partitioned<'a, R> {
    rows: R,
    /// The texts of the records, one behind the other, and the one that was parsed last.
    text: Vec<u8>,
    /// Where each ends, and its bin.
    ends: Vec<(usize, usize)>,
    pending: usize,
    count: usize,
    bins: Option<&'a mut Bins>,
}

impl<'a, R: ImageElements> Partitioned<'a, R> {
    /// Elements as `rows`, put into these bins.
    pub(crate) fn new(rows: R, bins: &'a mut Bins) -> Self {
        let count = bins.count();
        Partitioned { rows, text: Vec::new(), ends: Vec::new(), pending: 0, count, bins: Some(bins) }
    }

    /// The rows without their records.
    pub(crate) fn into_rows(self) -> R {
        self.rows
    }
}

impl<R: ImageElements> Elements for Partitioned<'_, R> {
    fn fresh(&self) -> Self {
        let rows = self.rows.fresh();
        Partitioned { rows, text: Vec::new(), ends: Vec::new(), pending: 0, count: self.count, bins: None }
    }

    fn parse(&mut self, scanner: &mut Scanner<'_>, order: &mut KeyOrder) -> Scan<()> {
        let start = scanner.position();
        self.rows.parse(scanner, order)?;
        let text = scanner.since(start);
        self.text.truncate(self.ends.last().map_or(0, |end| end.0));
        added(reserve(&mut self.text, text.len()))?;
        self.text.extend_from_slice(text);
        self.pending = match self.rows.image() {
            Some(image) => bin_of(&Key::Number(image), self.count),
            None => {
                scanner.move_to(start);
                let image = read_id(scanner, R::FIELD)?;
                match image {
                    Some(image) => bin_of(&image, self.count),
                    // Images without an id are read first, so that this is reported before that an image is missing.
                    None if R::LIST == RecordList::Images => 0,
                    // Annotations may name their image otherwise.
                    None => scattered(hash(text), self.count),
                }
            }
        };
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.rows.commit()?;
        push(&mut self.ends, (self.text.len(), self.pending))
    }

    fn count(&self) -> usize {
        self.rows.count()
    }

    fn append(&mut self, part: &mut Self) -> Result<()> {
        let mut record = self.rows.count();
        self.rows.append(&mut part.rows)?;
        self.rows.discard();
        let mut start = 0;
        for (end, bin) in part.ends.drain(..) {
            if let Some(bins) = &mut self.bins {
                bins.put(R::LIST, bin, record, &part.text[start..end])?;
            }
            (start, record) = (end, record + 1);
        }
        part.text.clear();
        Ok(())
    }

    fn reserve(&mut self, _count: usize) -> Result<()> {
        Ok(())
    }
}

/// The id in a field of the record here, whatever else is in it. None if it is no id: who reads the record says so.
fn read_id(scanner: &mut Scanner<'_>, field: Field) -> Scan<Option<Key>> {
    let mut found = None;
    // All errors of the record have been noted.
    let _ = fields(scanner, &mut KeyOrder::default(), field.bit(), |scanner, _| {
        let start = scanner.position();
        scanner.skip()?;
        let text = scanner.since(start);
        // It is copied a few times on the way to its characters.
        added(can_allocate(text.len().saturating_mul(8)))?;
        found = id(text);
        Ok(Ok(()))
    })?;
    Ok(found)
}

/// The id that this JSON value is.
fn id(text: &[u8]) -> Option<Key> {
    match text {
        [b'"', inside @ .., b'"'] => Some(Key::Text(unescaped(inside).into())),
        number => {
            let number = std::str::from_utf8(number).ok()?;
            number.parse().ok().or_else(|| whole(number)).map(Key::Number)
        }
    }
}

/// The integer that a float equals.
fn whole(text: &str) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number: f64 = text.parse().ok()?;
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

/// The inside of a JSON string without its escapes.
fn unescaped(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut out = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.extend(character.encode_utf16(&mut [0; 2]).iter());
            continue;
        }
        let unit = match characters.next() {
            Some('u') => {
                let digits: String = characters.by_ref().take(4).collect();
                u16::from_str_radix(&digits, 16).unwrap_or(0xfffd)
            }
            Some('b') => 8,
            Some('t') => 9,
            Some('n') => 10,
            Some('f') => 12,
            Some('r') => 13,
            other => other.map_or(0xfffd, |other| other as u16),
        };
        out.push(unit);
    }
    String::from_utf16_lossy(&out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_they_stand_for() {
        for (text, number) in
            [("-17", -17), ("3.0", 3), ("-1e2", -100), ("9007199254740991.0", (1 << 53) - 1)]
        {
            assert_eq!(id(text.as_bytes()), Some(Key::Number(number)));
        }
        for text in [r#""a\u00e9\n\ud83d\ude00\\""#, "\"a\u{e9}\\n\u{1f600}\\\\\""] {
            assert_eq!(id(text.as_bytes()), Some(Key::Text("a\u{e9}\n\u{1f600}\\".into())));
        }
        for other in ["null", "1.5", "[1]", "99999999999999999999", "9007199254740992.0", "NaN", "Infinity"] {
            assert_eq!(id(other.as_bytes()), None);
        }
    }

    #[test]
    fn bins_are_filled_evenly() {
        for step in [1, 7, 64, 1 << 20] {
            let mut counts = [0; 10];
            (0..10_000).for_each(|i| counts[bin_of(&Key::Number(i * step), 10)] += 1);
            assert!(counts.iter().all(|&count| (500..2000).contains(&count)), "{step}: {counts:?}");
        }
    }
}
