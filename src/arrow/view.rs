//! One array of a batch as slices.
//!
//! The producer's lengths and offsets are trusted, as the interface cannot be used otherwise; what can be
//! checked (numbers of buffers and children, null pointers, order of offsets, ranges of codes) is.

use std::borrow::Cow;
use std::ffi::CStr;

use super::abi::{ArrowArray, ArrowSchema};
use crate::error::{Error, Result, with_capacity};

/// Rows of an array: those that its parents show of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    schema: &'a ArrowSchema,
    array: &'a ArrowArray,
    offset: usize,
    /// How many rows there are.
    pub len: usize,
}

/// Types that any bytes of the right length are a value of.
pub(crate) trait Primitive: Copy {}
impl Primitive for u8 {}
impl Primitive for u16 {}
impl Primitive for u32 {}
impl Primitive for u64 {}
impl Primitive for i8 {}
impl Primitive for i16 {}
impl Primitive for i32 {}
impl Primitive for i64 {}
impl Primitive for i128 {}
impl Primitive for f32 {}
impl Primitive for f64 {}

impl ArrowSchema {
    /// What the values are, in the interface's letters.
    pub fn format(&self) -> &str {
        // SAFETY: a schema that is owned has a format, a text that lives as long.
        let text = (!self.format.is_null()).then(|| unsafe { CStr::from_ptr(self.format) });
        text.and_then(|text| text.to_str().ok()).unwrap_or("?")
    }

    /// The column's name.
    pub fn name(&self) -> Cow<'_, str> {
        // SAFETY: null, or a text that lives as long as the schema.
        let text = (!self.name.is_null()).then(|| unsafe { CStr::from_ptr(self.name) });
        text.map_or(Cow::Borrowed(""), CStr::to_string_lossy)
    }

    /// The types of the columns within.
    pub fn children(&self) -> impl ExactSizeIterator<Item = &ArrowSchema> {
        let count = if self.children.is_null() { 0 } else { self.n_children.max(0) as usize };
        // SAFETY: there are `n_children` pointers to schemas that live as long as their parent.
        (0..count).map(|i| unsafe { &**self.children.add(i) })
    }

    /// The type of the values that codes stand for.
    pub fn dictionary(&self) -> Option<&ArrowSchema> {
        // SAFETY: null, or a schema that lives as long as its parent.
        unsafe { self.dictionary.as_ref() }
    }
}

impl<'a> View<'a> {
    /// A whole array.
    pub(crate) fn new(schema: &'a ArrowSchema, array: &'a ArrowArray) -> Result<Self> {
        let (Ok(offset), Ok(len)) = (usize::try_from(array.offset), usize::try_from(array.length)) else {
            return Err(broken("a negative length or offset"));
        };
        // Of the widest values, with one more for where the last one ends, each has an address.
        if offset.checked_add(len).is_none_or(|end| end >= isize::MAX as usize / 32) {
            return Err(broken("a length beyond memory"));
        }
        Ok(View { schema, array, offset, len })
    }

    /// What the values are, in the interface's letters.
    pub(crate) fn format(&self) -> &'a str {
        self.schema.format()
    }

    /// The column of a struct in this place.
    pub(crate) fn child(&self, i: usize) -> Result<View<'a>> {
        let schema = self.schema.children().nth(i);
        if self.array.children.is_null() || i as i64 >= self.array.n_children {
            return Err(broken("a child is missing"));
        }
        // SAFETY: there are `n_children` pointers to arrays that live as long as their parent.
        let array = unsafe { &**self.array.children.add(i) };
        View::new(schema.ok_or_else(|| broken("a child without a type"))?, array)
    }

    /// The column of a struct in this place, as far as the struct shows it.
    pub(crate) fn field(&self, i: usize) -> Result<View<'a>> {
        self.child(i)?.rows(self.offset, self.len)
    }

    /// The items of lists of `width`, as far as the lists show them.
    pub(crate) fn items(&self, width: usize) -> Result<View<'a>> {
        match (self.offset.checked_mul(width), self.len.checked_mul(width)) {
            (Some(start), Some(len)) => self.child(0)?.rows(start, len),
            _ => Err(broken("lists longer than memory")),
        }
    }

    /// Some rows.
    pub(crate) fn rows(&self, start: usize, len: usize) -> Result<View<'a>> {
        if start.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(broken("an array shorter than its parent"));
        }
        let offset = self.offset.checked_add(start).filter(|offset| offset.checked_add(len).is_some());
        let offset = offset.ok_or_else(|| broken("an offset beyond memory"))?;
        Ok(View { offset, len, ..*self })
    }

    /// The values that codes stand for, if these are codes.
    pub(crate) fn dictionary(&self) -> Result<Option<View<'a>>> {
        // SAFETY: null, or an array that lives as long as its parent.
        match (self.schema.dictionary(), unsafe { self.array.dictionary.as_ref() }) {
            (None, _) => Ok(None),
            (Some(schema), Some(array)) => View::new(schema, array).map(Some),
            (Some(_), None) => Err(broken("a dictionary is missing")),
        }
    }

    /// The first row that is null.
    pub(crate) fn first_null(&self) -> Result<Option<usize>> {
        if self.format() == "n" {
            return Ok((self.len > 0).then_some(0));
        }
        // Unions and run ends have no flags; `column` refuses them.
        if self.array.null_count == 0 || self.len == 0 || self.array.n_buffers == 0 {
            return Ok(None);
        }
        if self.pointer(0)?.is_null() {
            return Ok(None);
        }
        let flags: Cow<[u8]> = self.slice(0, self.offset / 8, (self.offset + self.len).div_ceil(8))?;
        let skipped = self.offset % 8;
        Ok((0..self.len).find(|row| flags[(skipped + row) / 8] & (1 << ((skipped + row) % 8)) == 0))
    }

    /// The values; copied only if they do not lie where the type may lie.
    pub(crate) fn values<T: Primitive>(&self) -> Result<Cow<'a, [T]>> {
        self.slice(1, self.offset, self.offset + self.len)
    }

    /// The flags, one a bit in the array.
    pub(crate) fn flags(&self) -> Result<Vec<bool>> {
        let bytes: Cow<[u8]> = self.slice(1, self.offset / 8, (self.offset + self.len).div_ceil(8))?;
        let skipped = self.offset % 8;
        let flag = |row: usize| bytes[(skipped + row) / 8] & (1 << ((skipped + row) % 8)) != 0;
        let mut flags = with_capacity(self.len)?;
        flags.extend((0..self.len).map(flag));
        Ok(flags)
    }

    /// Where each text or list begins, and where the last one ends.
    pub(crate) fn offsets(&self, wide: bool) -> Result<Vec<usize>> {
        if self.len == 0 {
            return Ok(vec![0]);
        }
        let (start, end) = (self.offset, self.offset + self.len + 1);
        let mut offsets = with_capacity(end - start)?;
        if wide {
            offsets.extend_from_slice(&self.slice::<i64>(1, start, end)?);
        } else {
            offsets.extend(self.slice::<i32>(1, start, end)?.iter().map(|&offset| i64::from(offset)));
        }
        if offsets[0] < 0 || offsets.windows(2).any(|pair| pair[1] < pair[0]) {
            return Err(broken("offsets that are not in order"));
        }
        Ok(offsets.into_iter().map(|offset| offset as usize).collect())
    }

    /// The bytes of texts from one offset to another.
    pub(crate) fn bytes(&self, start: usize, end: usize) -> Result<Cow<'a, [u8]>> {
        self.slice(2, start, end)
    }

    /// Hands each text of a column of text views to `each`.
    pub(crate) fn each_viewed(&self, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let views: Cow<[i128]> = self.values()?;
        // The last buffer has the lengths of those between.
        let count = self.array.n_buffers - 3;
        let lengths: Cow<[i64]> = match usize::try_from(count) {
            Ok(0) | Err(_) => Cow::Borrowed(&[]),
            Ok(count) => self.slice(count + 2, 0, count)?,
        };
        for view in views.iter() {
            let view = view.to_le_bytes();
            let word =
                |at: usize| u32::from_le_bytes([view[at], view[at + 1], view[at + 2], view[at + 3]]) as usize;
            let length = word(0);
            if length <= 12 {
                each(&view[4..4 + length])?;
                continue;
            }
            let (buffer, start) = (word(8), word(12));
            if lengths.get(buffer).is_none_or(|&held| ((start + length) as i64) > held) {
                return Err(broken("a text beyond its buffer"));
            }
            each(&self.slice(buffer + 2, start, start + length)?)?;
        }
        Ok(())
    }

    fn pointer(&self, buffer: usize) -> Result<*const u8> {
        if self.array.buffers.is_null() || buffer as i64 >= self.array.n_buffers {
            return Err(broken("a buffer is missing"));
        }
        // SAFETY: there are `n_buffers` pointers.
        Ok(unsafe { *self.array.buffers.add(buffer) }.cast())
    }

    fn slice<T: Primitive>(&self, buffer: usize, start: usize, end: usize) -> Result<Cow<'a, [T]>> {
        if start == end {
            return Ok(Cow::Borrowed(&[]));
        }
        let pointer = self.pointer(buffer)?;
        if pointer.is_null() {
            return Err(broken("a buffer is missing"));
        }
        let bytes = std::mem::size_of::<T>();
        // SAFETY: the producer says that the buffer holds `end` values, which live as long as the array.
        let first = unsafe { pointer.add(start * bytes) };
        if first.align_offset(std::mem::align_of::<T>()) == 0 {
            // SAFETY: as above, aligned, and any bytes are a value of a plain type.
            return Ok(Cow::Borrowed(unsafe { std::slice::from_raw_parts(first.cast(), end - start) }));
        }
        // SAFETY: as above, read without regard to alignment.
        let read = |i| unsafe { first.add(i * bytes).cast::<T>().read_unaligned() };
        let mut values = with_capacity(end - start)?;
        values.extend((0..end - start).map(read));
        Ok(Cow::Owned(values))
    }
}

/// The producer broke the rules of the interface.
fn broken(what: &str) -> Error {
    Error::value(format!("broken Arrow data: {what}"))
}
