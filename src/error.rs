//! The error type of the crate: source, record, field, found, expected.

use std::fmt;
use std::mem;

/// How a Python user would have caught it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A value that cannot be used (`ValueError`).
    Value,
    /// A value of the wrong type (`TypeError`).
    Type,
    /// A field that is not there (`KeyError`).
    Missing,
    /// An error of the file system (`OSError` and its subclasses, by the error number).
    Io(std::io::ErrorKind),
    /// Memory of a size that comes from the input cannot be had (`MemoryError`).
    OutOfMemory,
    /// The work was cancelled by the one who started it, who knows why (`KeyboardInterrupt`).
    Cancelled,
}

/// What went wrong, in one sentence that names file, record and field where there are any.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of the given kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into() }
    }

    /// A `ValueError`.
    pub fn value(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Value, message)
    }

    /// A `TypeError`.
    pub fn wrong_type(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Type, message)
    }

    /// A missing field.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Missing, message)
    }

    /// Memory for so many bytes cannot be had.
    #[cold]
    pub fn out_of_memory(bytes: usize) -> Self {
        Self::new(ErrorKind::OutOfMemory, format!("not enough memory: {bytes} bytes cannot be allocated"))
    }

    /// The work was cancelled.
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "cancelled")
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same error with a prefix for its location: `"detections.json: record 17"` before the sentence.
    pub fn at(self, place: impl fmt::Display) -> Self {
        Error { kind: self.kind, message: format!("{place}: {}", self.message) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
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

/// Whether memory for so many bytes can be had now; it is given back at once. For a stage that makes many arrays which
/// together are about this size.
///
/// # Errors
///
/// `OutOfMemory`
pub fn can_allocate(bytes: usize) -> Result<()> {
    with_capacity::<u8>(bytes).map(|room| drop(std::hint::black_box(room)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let kind = |error: Error| error.kind();
        let most = isize::MAX as usize;
        assert_eq!(filled(most / 8, 1.0).map_err(kind), Err(ErrorKind::OutOfMemory));
        assert_eq!(with_capacity::<u64>(usize::MAX).map_err(kind), Err(ErrorKind::OutOfMemory));
        assert_eq!(can_allocate(most).map_err(kind), Err(ErrorKind::OutOfMemory));
        let mut items = vec![1_u32, 2];
        assert_eq!(reserve(&mut items, most).map_err(kind), Err(ErrorKind::OutOfMemory));
        assert_eq!(items, [1, 2]);
        assert_eq!(zeros::<f64>(most / 8).map_err(kind), Err(ErrorKind::OutOfMemory));
        assert_eq!(zeros::<f64>(usize::MAX).map_err(kind), Err(ErrorKind::OutOfMemory));
        assert_eq!((zeros::<u32>(3).unwrap(), zeros::<f64>(0).unwrap()), (vec![0; 3], vec![]));
        assert_eq!(filled(3, 7).unwrap(), [7, 7, 7]);
        assert_eq!(copied(&[1, 2]).unwrap(), [1, 2]);
        assert!(can_allocate(1 << 10).is_ok() && reserve(&mut items, 1).is_ok());
    }
}
