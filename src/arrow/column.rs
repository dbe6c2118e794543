//! A column as plain arrays: numbers, texts, lists.

use std::borrow::Cow;

use crate::error::{self, Result, collect, copied, reserve};

/// Numbers of one type, where they lie if they lie in one piece.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "types by their names")]
pub enum Numbers<'a> {
    Bool(Vec<bool>),
    I8(Cow<'a, [i8]>),
    U8(Cow<'a, [u8]>),
    I16(Cow<'a, [i16]>),
    U16(Cow<'a, [u16]>),
    I32(Cow<'a, [i32]>),
    U32(Cow<'a, [u32]>),
    I64(Cow<'a, [i64]>),
    U64(Cow<'a, [u64]>),
    F32(Cow<'a, [f32]>),
    F64(Cow<'a, [f64]>),
}

/// Texts one after the other, and which of them each row has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts<'a> {
    /// Where each begins, and where the last one ends.
    pub offsets: Vec<usize>,
    /// UTF-8.
    pub bytes: Cow<'a, [u8]>,
    /// The number of the text of each row, where several rows may share one; else each row has its own.
    pub codes: Option<Vec<u32>>,
}

/// A column without nulls.
#[derive(Clone, Debug, PartialEq)]
pub enum Column<'a> {
    /// Numbers; the shape has more than one axis for lists of a fixed length.
    Numbers {
        /// The values, the last axis fastest.
        values: Numbers<'a>,
        /// Lengths of the axes.
        shape: Vec<usize>,
    },
    /// Texts.
    Texts(Texts<'a>),
    /// Lists of any length.
    Lists {
        /// Where each begins among the items, and where the last one ends.
        offsets: Vec<usize>,
        /// All items.
        items: Box<Column<'a>>,
    },
}

impl<'a> Numbers<'a> {
    /// The numbers in these rows.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(super) fn take(&self, rows: &[u32]) -> Result<Numbers<'a>> {
        fn pick<'a, T: Copy>(values: &[T], rows: &[u32]) -> Result<Cow<'a, [T]>> {
            collect(rows.iter().map(|&row| values[row as usize])).map(Cow::Owned)
        }
        Ok(match self {
            Numbers::Bool(values) => Numbers::Bool(pick(values, rows)?.into_owned()),
            Numbers::I8(values) => Numbers::I8(pick(values, rows)?),
            Numbers::U8(values) => Numbers::U8(pick(values, rows)?),
            Numbers::I16(values) => Numbers::I16(pick(values, rows)?),
            Numbers::U16(values) => Numbers::U16(pick(values, rows)?),
            Numbers::I32(values) => Numbers::I32(pick(values, rows)?),
            Numbers::U32(values) => Numbers::U32(pick(values, rows)?),
            Numbers::I64(values) => Numbers::I64(pick(values, rows)?),
            Numbers::U64(values) => Numbers::U64(pick(values, rows)?),
            Numbers::F32(values) => Numbers::F32(pick(values, rows)?),
            Numbers::F64(values) => Numbers::F64(pick(values, rows)?),
        })
    }
}

impl Texts<'_> {
    /// An empty column.
    pub fn new() -> Self {
        Texts { offsets: vec![0], bytes: Cow::Owned(Vec::new()), codes: None }
    }

    /// Adds a row with a text of its own, to a column where all rows have such and whose bytes are its own.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn push(&mut self, text: &[u8]) -> Result<()> {
        let bytes = self.bytes.to_mut();
        reserve(bytes, text.len())?;
        bytes.extend_from_slice(text);
        error::push(&mut self.offsets, bytes.len())
    }

    /// Reserves memory for more rows with so many bytes in all.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn reserve(&mut self, rows: usize, bytes: usize) -> Result<()> {
        reserve(&mut self.offsets, rows)?;
        reserve(self.bytes.to_mut(), bytes)
    }
}

impl<'a> Texts<'a> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.codes.as_ref().map_or(self.offsets.len().saturating_sub(1), Vec::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of a text.
    pub fn text(&self, code: usize) -> &[u8] {
        &self.bytes[self.offsets[code]..self.offsets[code + 1]]
    }

    /// The number of the text in this row.
    pub fn code(&self, row: usize) -> usize {
        self.codes.as_ref().map_or(row, |codes| codes[row] as usize)
    }

    /// The same with bytes of its own.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn into_owned(self) -> Result<Texts<'static>> {
        let bytes = match self.bytes {
            Cow::Owned(bytes) => bytes,
            Cow::Borrowed(bytes) => copied(bytes)?,
        };
        Ok(Texts { offsets: self.offsets, bytes: Cow::Owned(bytes), codes: self.codes })
    }
}
