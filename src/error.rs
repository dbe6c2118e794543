//! The error type of the crate: source, record, field, found, expected.
//!
//! ```
//! use meanap::error::Place;
//!
//! let error = Place::record("detections.json", 17, "bbox").found("has 3 numbers").expected("4");
//! assert_eq!(error.to_string(), "detections.json: record 17: \"bbox\" has 3 numbers, expected 4");
//! ```

use std::collections::LinkedList;
use std::fmt;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

/// How a Python user would have caught it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A value that cannot be used (`ValueError`).
    Value,
    /// A value of the wrong type (`TypeError`).
    Type,
    /// A field that is not there (`KeyError`).
    Missing,
    /// Text that is not JSON, from this position on (`ValueError`).
    NotJson(Position),
    /// Bytes that are not text in any encoding that is read (`ValueError`).
    NotText,
    /// A file with another kind of content (`ValueError`).
    WrongFile,
    /// A file that has been written to since it was read (`RuntimeError`).
    Changed,
    /// An error of the file system (`OSError` and its subclasses).
    Io(io::ErrorKind),
    /// An error of the operating system, by its number (`OSError` and its subclasses).
    System(i32),
    /// Memory of a size that comes from the input cannot be had (`MemoryError`).
    OutOfMemory,
    /// The work was cancelled by the one who started it, who knows why (`KeyboardInterrupt`).
    Cancelled,
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

/// What a row of the input is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowNumber {
    /// An object of a JSON file or list.
    Record(u64),
    /// A row of a table or an array.
    Row(u64),
    /// A line of a text, from 1.
    Line(u64),
}

/// Where in the input something went wrong, and what was found and expected there, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file or the argument, and within it the list or the array: `detections.json`, `ground_truth: images`.
    pub source: Option<String>,
    /// The file itself, of which a source is the text.
    pub file: Option<PathBuf>,
    /// The record or the row.
    pub row: Option<RowNumber>,
    /// The field of the record.
    pub field: Option<String>,
    /// What is there: `has 3 numbers`, `is null`, `is missing`.
    pub found: Option<String>,
    /// What should be there: `4 (x, y, width, height)`.
    pub expected: Option<String>,
}

impl Place {
    /// This source.
    pub fn of(source: impl Into<String>) -> Place {
        Place { source: Some(source.into()), ..Place::default() }
    }

    /// This field of this record of this source.
    pub fn record(source: impl Into<String>, record: usize, field: impl Into<String>) -> Place {
        Place {
            source: Some(source.into()),
            row: Some(RowNumber::Record(record as u64)),
            field: Some(field.into()),
            ..Place::default()
        }
    }

    /// This row of this array or column.
    pub fn row(source: impl Into<String>, row: usize) -> Place {
        Place { source: Some(source.into()), row: Some(RowNumber::Row(row as u64)), ..Place::default() }
    }

    /// A value there that cannot be used: `is NaN`.
    pub fn found(self, found: impl Into<String>) -> Error {
        self.value("").found(found)
    }

    /// Something wrong there, in words.
    pub fn value(self, problem: impl Into<String>) -> Error {
        let mut error = Error::value(problem);
        error.report.place = Some(self);
        error
    }
}

/// What went wrong, in one sentence that names source, record and field where there are any.
///
/// ```
/// use meanap::error::Error;
///
/// let error = Error::value("")
///     .in_record(17)
///     .field("bbox")
///     .found("has 3 numbers")
///     .expected("4 (x, y, width, height)")
///     .at("detections.json");
/// let sentence = r#"detections.json: record 17: "bbox" has 3 numbers, expected 4 (x, y, width, height)"#;
/// assert_eq!(error.to_string(), sentence);
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    /// A pointer, so that a result takes a register: what fails is rare, and what may fail is in every loop.
    report: Box<Report>,
}

#[derive(Clone, Debug)]
struct Report {
    kind: ErrorKind,
    /// What is wrong in words, where it is not what was found and what was expected.
    problem: String,
    place: Option<Place>,
    /// The kind of fault, for programs: `not-a-number`.
    code: Option<&'static str>,
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of the given kind.
    pub fn new(kind: ErrorKind, problem: impl Into<String>) -> Self {
        Error { report: Box::new(Report { kind, problem: problem.into(), place: None, code: None }) }
    }

    /// A value that cannot be used.
    pub fn value(problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Value, problem)
    }

    /// A value of the wrong type.
    pub fn wrong_type(problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Type, problem)
    }

    /// A missing field.
    pub fn missing(problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Missing, problem)
    }

    /// Memory for so many bytes cannot be had.
    #[cold]
    pub fn out_of_memory(bytes: usize) -> Self {
        Self::new(ErrorKind::OutOfMemory, format!("not enough memory: {bytes} bytes cannot be allocated"))
    }

    /// Memory for this cannot be had.
    #[cold]
    pub fn out_of_memory_for(what: &str) -> Self {
        Self::new(ErrorKind::OutOfMemory, format!("not enough memory for {what}"))
    }

    /// What the system says of a file, by its number where there is one.
    pub fn io(error: io::Error) -> Self {
        if let Some(number) = error.raw_os_error() {
            return Self::new(ErrorKind::System(number), error.to_string());
        }
        match error.kind() {
            io::ErrorKind::OutOfMemory => Self::new(ErrorKind::OutOfMemory, "not enough memory"),
            // A path that no file can have.
            io::ErrorKind::InvalidInput => Self::value(error.to_string()),
            kind => match error.downcast::<Error>() {
                Ok(error) => error,
                Err(error) => Self::new(ErrorKind::Io(kind), error.to_string()),
            },
        }
    }

    /// The work was cancelled.
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "cancelled")
    }

    /// It is about this record of the source.
    pub fn in_record(mut self, record: usize) -> Self {
        self.place_mut().row = Some(RowNumber::Record(record as u64));
        self
    }

    /// It is about this row of the source.
    pub fn in_row(mut self, row: usize) -> Self {
        self.place_mut().row = Some(RowNumber::Row(row as u64));
        self
    }

    /// It is about this line of the source, counted from 1.
    pub fn in_line(mut self, line: usize) -> Self {
        self.place_mut().row = Some(RowNumber::Line(line as u64));
        self
    }

    /// It is about this field of the record.
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.place_mut().field = Some(field.into());
        self
    }

    /// The kind of fault, for programs: `not-a-number`.
    pub fn coded(mut self, code: &'static str) -> Self {
        self.report.code = Some(code);
        self
    }

    /// What is there.
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.place_mut().found = Some(found.into());
        self
    }

    /// What should be there.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.place_mut().expected = Some(expected.into());
        self
    }

    /// The same error said of a source, or of a larger one that holds it: `detections.json`.
    pub fn at(mut self, source: impl fmt::Display) -> Self {
        let place = self.place_mut();
        place.source = Some(match &place.source {
            Some(within) => format!("{source}: {within}"),
            None => source.to_string(),
        });
        self
    }

    /// The same error said of a file.
    pub fn in_file(mut self, path: &Path) -> Self {
        self.place_mut().file = Some(path.to_owned());
        self.at(path.display())
    }

    /// The same error said of a part of the record or of the work: `polygon 3` before the problem.
    pub fn within(mut self, part: impl fmt::Display) -> Self {
        if self.report.place.is_some() {
            return self.at(part);
        }
        self.report.problem = format!("{part}: {}", self.report.problem);
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.report.kind
    }

    /// What is wrong in words, where it is not what was found and what was expected.
    pub fn problem(&self) -> &str {
        &self.report.problem
    }

    /// The kind of fault, for programs.
    pub fn code(&self) -> Option<&'static str> {
        self.report.code
    }

    /// Where it is.
    pub fn place(&self) -> Option<&Place> {
        self.report.place.as_ref()
    }

    fn place_mut(&mut self) -> &mut Place {
        self.report.place.get_or_insert_default()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(place) = &self.report.place else { return f.write_str(&self.report.problem) };
        let source = place.source.clone();
        let row = place.row.map(|row| match row {
            RowNumber::Record(number) => format!("record {number}"),
            RowNumber::Row(number) => format!("row {number}"),
            RowNumber::Line(number) => format!("line {number}"),
        });
        let field = place.field.as_ref().map(|field| format!("\"{field}\""));
        let of_record = row.is_some() || field.is_some();
        let parts: Vec<String> = [source, row, field].into_iter().flatten().collect();
        f.write_str(&parts.join(": "))?;
        if let (ErrorKind::NotJson(_) | ErrorKind::NotText | ErrorKind::WrongFile, Some(expected)) =
            (self.report.kind, &place.expected)
        {
            let colon = if parts.is_empty() { "" } else { ": " };
            write!(f, "{colon}expected {expected}")?;
            if let Some(found) = &place.found {
                write!(f, ", found {found}")?;
            }
            return match self.report.kind {
                ErrorKind::NotJson(position) => write!(f, ": {position}"),
                _ => Ok(()),
            };
        }
        if let Some(found) = &place.found {
            f.write_str(if of_record {
                " "
            } else if parts.is_empty() {
                ""
            } else {
                ": "
            })?;
            f.write_str(found)?;
        }
        if !self.report.problem.is_empty() {
            f.write_str(if parts.is_empty() { "" } else { ": " })?;
            f.write_str(&self.report.problem)?;
        }
        match &place.expected {
            Some(expected) => write!(f, ", expected {expected}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// Reserves memory for so many more items: where their number comes from the input, memory that cannot be had is an
/// error of the caller's, not the end of the process.
///
/// # Errors
///
/// `OutOfMemory`; the vector is as it was.
#[inline]
pub fn reserve<T>(items: &mut Vec<T>, more: usize) -> Result<()> {
    items.try_reserve(more).map_err(|_| {
        Error::out_of_memory(items.len().saturating_add(more).saturating_mul(mem::size_of::<T>()))
    })
}

/// An empty vector with capacity for exactly so many items.
///
/// # Errors
///
/// `OutOfMemory`
#[inline]
pub fn with_capacity<T>(capacity: usize) -> Result<Vec<T>> {
    let mut items = Vec::new();
    match items.try_reserve_exact(capacity) {
        Ok(()) => Ok(items),
        Err(_) => Err(Error::out_of_memory(capacity.saturating_mul(mem::size_of::<T>()))),
    }
}

/// So many copies of a value.
///
/// # Errors
///
/// `OutOfMemory`
#[inline]
pub fn filled<T: Clone>(len: usize, value: T) -> Result<Vec<T>> {
    let mut items = with_capacity(len)?;
    items.resize(len, value);
    Ok(items)
}

/// Numbers of which zero is all bytes zero.
pub trait Zero: Copy + sealed::Sealed {}

mod sealed {
    /// For types that any bytes zero are a value of, the zero.
    pub trait Sealed {}
}

macro_rules! zero {
    ($($number:ty),*) => {$(
        impl sealed::Sealed for $number {}
        impl Zero for $number {}
    )*};
}

zero!(f64, f32, u8, u16, u32, u64, i64);

/// So many zeros. As of `vec![0; len]`, memory that is not written to costs nothing.
///
/// # Errors
///
/// `OutOfMemory`
pub fn zeros<T: Zero>(len: usize) -> Result<Vec<T>> {
    let none = || Error::out_of_memory(len.saturating_mul(mem::size_of::<T>()));
    let layout = std::alloc::Layout::array::<T>(len).map_err(|_| none())?;
    if layout.size() == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the layout has a size.
    let memory = unsafe { std::alloc::alloc_zeroed(layout) };
    if memory.is_null() {
        return Err(none());
    }
    // SAFETY: the global allocator gave the memory for an array of just so many, and of a `Zero` all bytes zero are a
    // value.
    Ok(unsafe { Vec::from_raw_parts(memory.cast(), len, len) })
}

/// A copy of these items.
///
/// # Errors
///
/// `OutOfMemory`
#[inline]
pub fn copied<T: Clone>(items: &[T]) -> Result<Vec<T>> {
    let mut copy = with_capacity(items.len())?;
    copy.extend_from_slice(items);
    Ok(copy)
}

/// A copy of this text.
///
/// # Errors
///
/// `OutOfMemory`
pub fn copied_text(text: &str) -> Result<String> {
    let mut copy = String::new();
    match copy.try_reserve_exact(text.len()) {
        Ok(()) => {
            copy.push_str(text);
            Ok(copy)
        }
        Err(_) => Err(Error::out_of_memory(text.len())),
    }
}

/// Adds an item.
///
/// # Errors
///
/// `OutOfMemory`; the vector is as it was.
#[inline(always)]
pub fn push<T>(items: &mut Vec<T>, item: T) -> Result<()> {
    if items.len() == items.capacity() {
        reserve(items, 1)?;
    }
    items.push(item);
    Ok(())
}

/// Adds the items of `other`, and empties it.
///
/// # Errors
///
/// `OutOfMemory`; the vectors are as they were.
pub fn append<T>(items: &mut Vec<T>, other: &mut Vec<T>) -> Result<()> {
    reserve(items, other.len())?;
    items.append(other);
    Ok(())
}

/// Adds items whose number need not be known.
///
/// # Errors
///
/// `OutOfMemory`; some may have been added.
pub fn extend<T>(items: &mut Vec<T>, more: impl IntoIterator<Item = T>) -> Result<()> {
    let mut more = more.into_iter();
    reserve(items, more.size_hint().0)?;
    loop {
        let free = items.capacity() - items.len();
        items.extend(more.by_ref().take(free));
        if items.len() < items.capacity() {
            return Ok(());
        }
        match more.next() {
            Some(item) => push(items, item)?,
            None => return Ok(()),
        }
    }
}

/// As many items as the iterator says.
///
/// # Errors
///
/// `OutOfMemory`
#[inline]
pub fn collect<T, I: IntoIterator<Item = T, IntoIter: ExactSizeIterator>>(items: I) -> Result<Vec<T>> {
    let items = items.into_iter();
    let mut all = with_capacity(items.len())?;
    all.extend(items);
    Ok(all)
}

/// All items, whose number need not be known.
///
/// # Errors
///
/// `OutOfMemory`
pub fn collect_growing<T>(items: impl IntoIterator<Item = T>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    extend(&mut all, items)?;
    Ok(all)
}

/// The items of a parallel iterator in their order. Runs on the current pool.
///
/// # Errors
///
/// `OutOfMemory`
pub fn collect_parallel<T: Send>(items: impl IndexedParallelIterator<Item = T>) -> Result<Vec<T>> {
    let mut all = with_capacity(items.len())?;
    items.collect_into_vec(&mut all);
    Ok(all)
}

/// What the blocks of a parallel iterator have, one block after the other. Runs on the current pool.
///
/// # Errors
///
/// `OutOfMemory`, or the first error of a block.
pub fn collect_blocks<T: Send, I: IntoIterator<Item = T>>(
    blocks: impl ParallelIterator<Item = Result<I>>,
) -> Result<Vec<T>> {
    let parts = blocks
        .try_fold(Vec::new, |mut part, block| extend(&mut part, block?).map(|()| part))
        .map(|part| part.map(|part| LinkedList::from([part])))
        .try_reduce(LinkedList::new, |mut parts, mut more| {
            parts.append(&mut more);
            Ok(parts)
        })?;
    let mut all = with_capacity(parts.iter().map(Vec::len).sum())?;
    parts.into_iter().for_each(|part| all.extend(part));
    Ok(all)
}

/// Bytes that are left beside what a stage needs, for its small allocations.
const SMALL: usize = 1 << 20;

/// Whether memory for so many bytes can be had now; it is given back at once. For a stage that makes many arrays or
/// Python objects which together are about this size.
///
/// # Errors
///
/// `OutOfMemory`
pub fn can_allocate(bytes: usize) -> Result<()> {
    match with_capacity::<u8>(bytes.saturating_add(SMALL)) {
        Ok(free) => {
            drop(std::hint::black_box(free));
            Ok(())
        }
        Err(_) => Err(Error::out_of_memory(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let kind = |error: Error| error.kind();
        let most = isize::MAX as usize;
        // Of addresses of 32 bits half may be free.
        let numbers = most / 8 + usize::from(cfg!(target_pointer_width = "32"));
        assert_eq!(filled(numbers, 1.0).map_err(kind), Err(ErrorKind::OutOfMemory));
        assert_eq!(with_capacity::<u64>(usize::MAX).map_err(kind), Err(ErrorKind::OutOfMemory));
        assert_eq!(can_allocate(most).map_err(kind), Err(ErrorKind::OutOfMemory));
        let mut items = vec![1_u32, 2];
        assert_eq!(reserve(&mut items, most).map_err(kind), Err(ErrorKind::OutOfMemory));
        assert_eq!(items, [1, 2]);
        assert_eq!(zeros::<f64>(numbers).map_err(kind), Err(ErrorKind::OutOfMemory));
        assert_eq!(zeros::<f64>(usize::MAX).map_err(kind), Err(ErrorKind::OutOfMemory));
        assert_eq!((zeros::<u32>(3).unwrap(), zeros::<f64>(0).unwrap()), (vec![0; 3], vec![]));
        assert_eq!(filled(3, 7).unwrap(), [7, 7, 7]);
        assert_eq!(copied(&[1, 2]).unwrap(), [1, 2]);
        assert_eq!(
            collect(0..usize::MAX / 4).map(|all| all.len()).map_err(kind),
            Err(ErrorKind::OutOfMemory)
        );
        let many = (0..usize::MAX / 4).into_par_iter();
        assert_eq!(collect_parallel(many).map(|all| all.len()).map_err(kind), Err(ErrorKind::OutOfMemory));
        assert!(can_allocate(1 << 10).is_ok() && reserve(&mut items, 1).is_ok());
    }

    #[test]
    fn items_are_collected_in_their_order() {
        let odd = |range: std::ops::Range<usize>| range.filter(|number| number % 2 == 1);
        let mut all = vec![7];
        extend(&mut all, odd(0..1000)).unwrap();
        extend(&mut all, std::iter::empty()).unwrap();
        push(&mut all, 8).unwrap();
        assert_eq!(all, [vec![7], odd(0..1000).collect(), vec![8]].concat());
        assert_eq!(collect([1, 2].iter().map(|x| 2 * x)).unwrap(), [2, 4]);
        let squares = (0..1000).into_par_iter().map(|x| x * x);
        assert_eq!(collect_parallel(squares).unwrap(), (0..1000).map(|x| x * x).collect::<Vec<_>>());
        let blocks = || (0..100_usize).into_par_iter().map(|i| Ok(odd(10 * i..10 * i + 10)));
        assert_eq!(collect_blocks(blocks()).unwrap(), odd(0..1000).collect::<Vec<_>>());
        let failed =
            blocks().enumerate().map(|(i, block)| if i < 3 { block } else { Err(Error::cancelled()) });
        assert_eq!(collect_blocks(failed).unwrap_err().kind(), ErrorKind::Cancelled);
    }
}
