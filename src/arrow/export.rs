//! Export of columns as an Arrow stream.

use std::any::Any;
use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::Arc;

use super::abi::{ArrowArray, ArrowArrayStream, ArrowSchema};
use crate::error::{Error, Result, collect, push, reserve};

/// Memory that is owned while the stream is read.
#[derive(Clone)]
pub struct Buffer {
    start: *const c_void,
    owner: Arc<dyn Any + Send + Sync>,
}

// SAFETY: what is behind the pointer belongs to `owner`, which any thread may have, and does not change.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// The values of a vector.
    pub fn new<T: Send + Sync + 'static>(values: Vec<T>) -> Self {
        let owner = Arc::new(values);
        Buffer { start: owner.as_ptr().cast(), owner }
    }

    /// Memory with another owner.
    ///
    /// # Safety
    ///
    /// It stays where it is and as it is until `owner` is dropped.
    pub unsafe fn foreign(start: *const c_void, owner: Arc<dyn Any + Send + Sync>) -> Self {
        Buffer { start, owner }
    }
}

/// A column to be read by others.
#[derive(Clone)]
pub struct Exported {
    name: CString,
    format: CString,
    rows: usize,
    /// A bit for each row that has a value, and how many have none; None where all have.
    validity: Option<(Buffer, usize)>,
    /// Without the one for nulls.
    buffers: Vec<Buffer>,
    children: Vec<Exported>,
}

impl Exported {
    /// Values as they lie in memory; `format` is their type in the interface's letters.
    ///
    /// # Errors
    ///
    /// The name has a zero byte.
    pub fn values(name: &str, format: &str, rows: usize, values: Buffer) -> Result<Self> {
        Self::new(name, format, rows, vec![values], Vec::new())
    }

    /// Flags, packed into bits.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn flags(name: &str, flags: &[bool]) -> Result<Self> {
        Self::values(name, "b", flags.len(), Buffer::new(packed(flags)?))
    }

    /// Texts, with offsets of 32 bits where they suffice; None is a null.
    ///
    /// # Errors
    ///
    /// The name has a zero byte.
    pub fn texts<'a>(name: &str, texts: impl Iterator<Item = Option<&'a str>>) -> Result<Self> {
        let (mut bytes, mut offsets, mut present) = (Vec::new(), vec![0i64], Vec::new());
        for text in texts {
            let text_bytes = text.unwrap_or_default().as_bytes();
            reserve(&mut bytes, text_bytes.len())?;
            bytes.extend_from_slice(text_bytes);
            push(&mut offsets, bytes.len() as i64)?;
            push(&mut present, text.is_some())?;
        }
        let rows = present.len();
        let column = if bytes.len() > i32::MAX as usize {
            Self::new(name, "U", rows, vec![Buffer::new(offsets), Buffer::new(bytes)], Vec::new())
        } else {
            let offsets = collect(offsets.into_iter().map(|offset| offset as i32))?;
            Self::new(name, "u", rows, vec![Buffer::new(offsets), Buffer::new(bytes)], Vec::new())
        };
        column?.with_nulls(&present)
    }

    /// The column, with nulls where a row is not present.
    ///
    /// # Errors
    ///
    /// There is not one flag for each row; `OutOfMemory`.
    pub fn with_nulls(mut self, present: &[bool]) -> Result<Self> {
        if present.len() != self.rows {
            let message = format!("{} flags for the nulls of {} rows", present.len(), self.rows);
            return Err(Error::value(message));
        }
        let nulls = present.iter().filter(|&&there| !there).count();
        if nulls > 0 {
            self.validity = Some((Buffer::new(packed(present)?), nulls));
        }
        Ok(self)
    }

    /// Lists of `width` items each.
    ///
    /// # Errors
    ///
    /// The name has a zero byte.
    pub fn fixed_lists(name: &str, rows: usize, width: usize, items: Exported) -> Result<Self> {
        Self::new(name, &format!("+w:{width}"), rows, Vec::new(), vec![items])
    }

    /// A table.
    ///
    /// # Errors
    ///
    /// The name has a zero byte.
    pub fn table(rows: usize, columns: Vec<Exported>) -> Result<Self> {
        Self::new("", "+s", rows, Vec::new(), columns)
    }

    fn new(
        name: &str,
        format: &str,
        rows: usize,
        buffers: Vec<Buffer>,
        children: Vec<Exported>,
    ) -> Result<Self> {
        let text =
            |text: &str| CString::new(text).map_err(|_| Error::value(format!("{text:?} has a zero byte")));
        Ok(Exported { name: text(name)?, format: text(format)?, rows, validity: None, buffers, children })
    }

    /// The type.
    pub fn schema(&self) -> ArrowSchema {
        let mut held = Box::new(HeldSchema {
            name: self.name.clone(),
            format: self.format.clone(),
            children: self.children.iter().map(|child| Box::into_raw(Box::new(child.schema()))).collect(),
        });
        let mut schema = ArrowSchema::empty();
        schema.format = held.format.as_ptr();
        schema.name = held.name.as_ptr();
        schema.flags = if self.validity.is_some() { NULLABLE } else { 0 };
        schema.n_children = held.children.len() as i64;
        schema.children = held.children.as_mut_ptr();
        schema.release = Some(release_schema);
        schema.private_data = Box::into_raw(held).cast();
        schema
    }

    /// The values.
    pub fn array(&self) -> ArrowArray {
        // The first buffer is the validity bitmap.
        let validity = self.validity.iter().map(|(buffer, _)| buffer);
        let mut pointers = vec![validity.clone().next().map_or(std::ptr::null(), |buffer| buffer.start)];
        pointers.extend(self.buffers.iter().map(|buffer| buffer.start));
        let mut held = Box::new(HeldArray {
            pointers,
            children: self.children.iter().map(|child| Box::into_raw(Box::new(child.array()))).collect(),
            _owners: validity.chain(&self.buffers).map(|buffer| buffer.owner.clone()).collect(),
        });
        let mut array = ArrowArray::empty();
        array.length = self.rows as i64;
        array.null_count = self.validity.as_ref().map_or(0, |&(_, nulls)| nulls as i64);
        array.n_buffers = held.pointers.len() as i64;
        array.n_children = held.children.len() as i64;
        array.buffers = held.pointers.as_mut_ptr();
        array.children = held.children.as_mut_ptr();
        array.release = Some(release_array);
        array.private_data = Box::into_raw(held).cast();
        array
    }

    /// A stream of one batch.
    pub fn stream(self) -> ArrowArrayStream {
        let held = Box::new(HeldStream { exported: self, done: false });
        let mut stream = ArrowArrayStream::empty();
        stream.get_schema = Some(get_schema);
        stream.get_next = Some(get_next);
        stream.get_last_error = Some(get_last_error);
        stream.release = Some(release_stream);
        stream.private_data = Box::into_raw(held).cast();
        stream
    }
}

/// The flag of a column that may have nulls.
const NULLABLE: i64 = 2;

/// Flags as bits, the first the lowest.
fn packed(flags: &[bool]) -> Result<Vec<u8>> {
    let byte = |flags: &[bool]| flags.iter().rev().fold(0u8, |byte, &flag| byte << 1 | u8::from(flag));
    collect(flags.chunks(8).map(byte))
}

/// What a schema points to.
struct HeldSchema {
    name: CString,
    format: CString,
    children: Vec<*mut ArrowSchema>,
}

/// What an array points to.
struct HeldArray {
    pointers: Vec<*const c_void>,
    children: Vec<*mut ArrowArray>,
    _owners: Vec<Arc<dyn Any + Send + Sync>>,
}

/// What a stream points to.
struct HeldStream {
    exported: Exported,
    done: bool,
}

unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    // SAFETY: `schema` made both the structure and what it holds; a reader calls this once. A child that the reader
    // moved away has no `release`, and its box alone is freed.
    unsafe {
        let held = Box::from_raw((*schema).private_data.cast::<HeldSchema>());
        held.children.iter().for_each(|&child| drop(Box::from_raw(child)));
        (*schema).release = None;
    }
}

unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    // SAFETY: as for the schema.
    unsafe {
        let held = Box::from_raw((*array).private_data.cast::<HeldArray>());
        held.children.iter().for_each(|&child| drop(Box::from_raw(child)));
        (*array).release = None;
    }
}

unsafe extern "C" fn release_stream(stream: *mut ArrowArrayStream) {
    // SAFETY: as for the schema.
    unsafe {
        drop(Box::from_raw((*stream).private_data.cast::<HeldStream>()));
        (*stream).release = None;
    }
}

unsafe extern "C" fn get_schema(stream: *mut ArrowArrayStream, place: *mut ArrowSchema) -> c_int {
    // SAFETY: the stream is one of ours and not yet freed; the reader gives a place that owns nothing.
    unsafe {
        let held = &*(*stream).private_data.cast::<HeldStream>();
        place.write(held.exported.schema());
    }
    0
}

unsafe extern "C" fn get_next(stream: *mut ArrowArrayStream, place: *mut ArrowArray) -> c_int {
    // SAFETY: as for `get_schema`.
    unsafe {
        let held = &mut *(*stream).private_data.cast::<HeldStream>();
        let next = if held.done { ArrowArray::empty() } else { held.exported.array() };
        held.done = true;
        place.write(next);
    }
    0
}

unsafe extern "C" fn get_last_error(_stream: *mut ArrowArrayStream) -> *const c_char {
    // Nothing here fails.
    std::ptr::null()
}

#[cfg(test)]
mod tests {
    use super::super::Table;
    use super::super::column::{Column, Numbers};
    use super::*;

    fn table() -> Exported {
        let scores = Exported::values("score", "g", 3, Buffer::new(vec![0.5, 0.25, 1.0])).unwrap();
        let boxes = Exported::values("", "f", 6, Buffer::new(vec![1f32, 2., 3., 4., 5., 6.])).unwrap();
        let boxes = Exported::fixed_lists("box", 3, 2, boxes).unwrap();
        let names = Exported::texts("name", ["a", "", "größer"].into_iter().map(Some)).unwrap();
        let flags = Exported::flags("crowd", &[true, false, true]).unwrap();
        Exported::table(3, vec![scores, boxes, names, flags]).unwrap()
    }

    #[test]
    fn what_is_exported_is_read_again() {
        let table = Table::read(table().stream()).unwrap();
        assert_eq!(table.len, 3);
        assert_eq!(table.names().unwrap().unwrap(), ["score", "box", "name", "crowd"]);
        let values = Numbers::F64(vec![0.5, 0.25, 1.0].into());
        assert_eq!(table.column(0).unwrap(), Column::Numbers { values, shape: vec![3] });
        let values = Numbers::F32(vec![1., 2., 3., 4., 5., 6.].into());
        assert_eq!(table.column(1).unwrap(), Column::Numbers { values, shape: vec![3, 2] });
        let Column::Texts(texts) = table.column(2).unwrap() else { panic!("texts are expected") };
        assert_eq!(
            (0..3).map(|row| texts.text(row)).collect::<Vec<_>>(),
            [&b"a"[..], b"", "größer".as_bytes()]
        );
        let values = Numbers::Bool(vec![true, false, true]);
        assert_eq!(table.column(3).unwrap(), Column::Numbers { values, shape: vec![3] });
        assert!(table.column(4).is_err());
    }

    #[test]
    fn nulls_are_seen_by_readers() {
        let names = Exported::texts("name", [Some("a"), None, Some("c")].into_iter()).unwrap();
        let ids = Exported::values("id", "l", 3, Buffer::new(vec![1i64, 0, 3])).unwrap();
        let ids = ids.with_nulls(&[true, true, false]).unwrap();
        let table = Table::read(Exported::table(3, vec![names, ids]).unwrap().stream()).unwrap();
        assert!(table.column(0).unwrap_err().to_string().contains("row 1 is null"));
        assert!(table.column(1).unwrap_err().to_string().contains("row 2 is null"));
        let ids = Exported::values("id", "l", 3, Buffer::new(vec![1i64, 0, 3])).unwrap();
        assert!(ids.with_nulls(&[true]).is_err());
    }

    #[test]
    fn batches_become_one_column() {
        let (schema, batches) = (table().schema(), vec![table().array(), table().array()]);
        let table = Table::new(schema, batches).unwrap();
        let values = Numbers::F64(vec![0.5, 0.25, 1.0, 0.5, 0.25, 1.0].into());
        assert_eq!(table.column(0).unwrap(), Column::Numbers { values, shape: vec![6] });
        let Column::Texts(texts) = table.column(2).unwrap() else { panic!("texts are expected") };
        assert_eq!((texts.len(), texts.text(3)), (6, &b"a"[..]));
    }

    #[test]
    fn memory_is_freed_with_its_last_reader() {
        let owner: Arc<dyn Any + Send + Sync> = Arc::new(vec![7i64]);
        let start = owner.downcast_ref::<Vec<i64>>().unwrap().as_ptr().cast();
        // SAFETY: a vector that is not changed does not move.
        let buffer = unsafe { Buffer::foreign(start, owner.clone()) };
        let exported = Exported::table(1, vec![Exported::values("id", "l", 1, buffer).unwrap()]).unwrap();
        let table = Table::read(exported.stream()).unwrap();
        assert_eq!(Arc::strong_count(&owner), 2);
        let values = Numbers::I64(vec![7].into());
        assert_eq!(table.column(0).unwrap(), Column::Numbers { values, shape: vec![1] });
        drop(table);
        assert_eq!(Arc::strong_count(&owner), 1);
    }
}
