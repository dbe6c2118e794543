//! The batches of a stream as one column.

use std::borrow::Cow;
use std::fmt::Write;

use super::abi::{ArrowArray, ArrowArrayStream, ArrowSchema};
use super::view::{Plain, View};
use crate::error::{Error, Result};

/// Everything that a stream gave: a table, or one column if its type is not a struct.
#[derive(Debug)]
pub struct Table {
    // Before the schema: what frees a batch may look at its type.
    batches: Vec<ArrowArray>,
    schema: ArrowSchema,
    /// How many rows there are.
    pub len: usize,
}

/// Numbers of one type, where they lie if they lie in one piece.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
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

impl Table {
    /// Reads a stream to its end.
    pub fn read(mut stream: ArrowArrayStream) -> Result<Self> {
        let schema = stream.schema()?;
        let mut batches = Vec::new();
        while let Some(batch) = stream.next_batch()? {
            batches.push(batch);
        }
        Self::new(schema, batches)
    }

    /// One batch, or several of one type.
    pub fn new(schema: ArrowSchema, batches: Vec<ArrowArray>) -> Result<Self> {
        let lengths = batches.iter().map(|batch| Ok(View::new(&schema, batch)?.len));
        let len = lengths.sum::<Result<usize>>()?;
        Ok(Table { batches, schema, len })
    }

    /// The names of the columns; none if this is one column.
    pub fn names(&self) -> Option<Vec<String>> {
        let names = || self.schema.children().map(|child| child.name().into_owned()).collect();
        (self.schema.format() == "+s").then(names)
    }

    /// The column in this place.
    pub fn column(&self, i: usize) -> Result<Column<'_>> {
        let whole = self.views()?;
        no_nulls(&whole, &|row| format!("row {row}"))?;
        let pieces = whole.iter().map(|view| view.field(i)).collect::<Result<Vec<_>>>()?;
        let schema = self.schema.children().nth(i);
        let schema = schema.ok_or_else(|| Error::value(format!("there is no column {i}")))?;
        gather(schema, &pieces, &|row| format!("row {row}"))
    }

    /// The values, if this is one column.
    pub fn values(&self) -> Result<Column<'_>> {
        gather(&self.schema, &self.views()?, &|row| format!("row {row}"))
    }

    fn views(&self) -> Result<Vec<View<'_>>> {
        self.batches.iter().map(|batch| View::new(&self.schema, batch)).collect()
    }
}

fn no_nulls(pieces: &[View], place: &dyn Fn(usize) -> String) -> Result<()> {
    let mut before = 0;
    for piece in pieces {
        if let Some(row) = piece.first_null()? {
            return Err(Error::value(format!("{} is null", place(before + row))));
        }
        before += piece.len;
    }
    Ok(())
}

/// The rows of all pieces as one column; `place` names a row in errors.
fn gather<'a>(
    schema: &ArrowSchema,
    pieces: &[View<'a>],
    place: &dyn Fn(usize) -> String,
) -> Result<Column<'a>> {
    no_nulls(pieces, place)?;
    if schema.dictionary().is_some() {
        return decoded(schema, pieces);
    }
    let format = schema.format();
    let values = match format {
        "n" => Numbers::F64(Cow::Borrowed(&[])),
        "b" => Numbers::Bool(joined(pieces, |piece| piece.flags().map(Cow::Owned))?.into_owned()),
        "c" => Numbers::I8(joined(pieces, View::values)?),
        "C" => Numbers::U8(joined(pieces, View::values)?),
        "s" => Numbers::I16(joined(pieces, View::values)?),
        "S" => Numbers::U16(joined(pieces, View::values)?),
        "i" => Numbers::I32(joined(pieces, View::values)?),
        "I" => Numbers::U32(joined(pieces, View::values)?),
        "l" => Numbers::I64(joined(pieces, View::values)?),
        "L" => Numbers::U64(joined(pieces, View::values)?),
        "e" => Numbers::F32(joined(pieces, |piece| {
            Ok(Cow::Owned(piece.values::<u16>()?.iter().map(|&bits| half(bits)).collect()))
        })?),
        "f" => Numbers::F32(joined(pieces, View::values)?),
        "g" => Numbers::F64(joined(pieces, View::values)?),
        "u" | "U" | "vu" => return texts(pieces).map(Column::Texts),
        "+l" | "+L" => return lists(schema, pieces, format == "+L", place),
        _ => match format.split_once(':') {
            Some(("+w", width)) => return fixed_lists(schema, pieces, width, place),
            Some(("d", digits)) => Numbers::F64(decimals(pieces, digits)?),
            _ => return Err(unknown(format)),
        },
    };
    let rows = pieces.iter().map(|piece| piece.len).sum();
    Ok(Column::Numbers { values, shape: vec![rows] })
}

fn unknown(format: &str) -> Error {
    let kind = match format.split(':').next().unwrap_or_default() {
        "z" | "Z" | "vz" | "w" => "bytes",
        "+s" => "a struct",
        "+m" => "a map",
        "+r" => "run-length encoded",
        "+vl" | "+vL" => "list views",
        "d" => "decimals of more than 128 bits",
        kind if kind.starts_with('t') => "times",
        kind if kind.starts_with("+u") => "a union",
        _ => "of a type that is not known here",
    };
    Error::wrong_type(format!("the values are {kind} (Arrow's {format:?}), expected numbers, texts or lists"))
}

/// The values of all pieces; where there is one, as it gives them.
fn joined<'a, T: Clone>(
    pieces: &[View<'a>],
    values: impl Fn(&View<'a>) -> Result<Cow<'a, [T]>>,
) -> Result<Cow<'a, [T]>> {
    if let [piece] = pieces {
        return values(piece);
    }
    let mut all = Vec::with_capacity(pieces.iter().map(|piece| piece.len).sum());
    for piece in pieces {
        all.extend_from_slice(&values(piece)?);
    }
    Ok(Cow::Owned(all))
}

fn texts<'a>(pieces: &[View<'a>]) -> Result<Texts<'a>> {
    let viewed = pieces.first().is_some_and(|piece| piece.format() == "vu");
    if let ([piece], false) = (pieces, viewed) {
        let offsets = piece.offsets(piece.format() == "U")?;
        let bytes = piece.bytes(0, offsets[offsets.len() - 1])?;
        return Ok(Texts { offsets, bytes, codes: None });
    }
    let mut offsets = Vec::with_capacity(1 + pieces.iter().map(|piece| piece.len).sum::<usize>());
    offsets.push(0);
    let mut bytes = Vec::new();
    for piece in pieces {
        if viewed {
            piece.each_viewed(|text| {
                bytes.extend_from_slice(text);
                offsets.push(bytes.len());
            })?;
            continue;
        }
        let theirs = piece.offsets(piece.format() == "U")?;
        let (first, before) = (theirs[0], bytes.len());
        bytes.extend_from_slice(&piece.bytes(first, theirs[theirs.len() - 1])?);
        offsets.extend(theirs[1..].iter().map(|offset| offset - first + before));
    }
    Ok(Texts { offsets, bytes: Cow::Owned(bytes), codes: None })
}

/// Codes in the place of values: texts keep them, numbers are written out.
fn decoded<'a>(schema: &ArrowSchema, pieces: &[View<'a>]) -> Result<Column<'a>> {
    let within = |code: usize| format!("value {code} of a dictionary");
    let kind = schema.dictionary().ok_or_else(|| unknown(schema.format()))?;
    let mut dictionaries = Vec::with_capacity(pieces.len());
    let mut codes = Vec::with_capacity(pieces.iter().map(|piece| piece.len).sum());
    let mut before = 0;
    for piece in pieces {
        let Some(dictionary) = piece.dictionary()? else { return Err(unknown(schema.format())) };
        let theirs = codes_of(piece)?;
        if let Some(code) = theirs.iter().find(|&&code| code as usize >= dictionary.len) {
            let held = dictionary.len;
            return Err(Error::value(format!("broken Arrow data: code {code} of a dictionary of {held}")));
        }
        codes.extend(theirs.iter().map(|code| code + before as u32));
        before += dictionary.len;
        dictionaries.push(dictionary);
    }
    Ok(match gather(kind, &dictionaries, &within)? {
        Column::Texts(texts) if texts.codes.is_none() => Column::Texts(Texts { codes: Some(codes), ..texts }),
        Column::Numbers { values, shape } if shape.len() == 1 => {
            Column::Numbers { shape: vec![codes.len()], values: values.take(&codes) }
        }
        _ => return Err(Error::wrong_type("a dictionary of lists or of dictionaries")),
    })
}

fn codes_of(piece: &View) -> Result<Vec<u32>> {
    fn read<T: Plain + TryInto<u32>>(piece: &View) -> Result<Vec<u32>> {
        // What does not fit is beyond any dictionary, and found to be so.
        Ok(piece.values::<T>()?.iter().map(|&code| code.try_into().unwrap_or(u32::MAX)).collect())
    }
    match piece.format() {
        "c" => read::<i8>(piece),
        "C" => read::<u8>(piece),
        "s" => read::<i16>(piece),
        "S" => read::<u16>(piece),
        "i" => read::<i32>(piece),
        "I" => read::<u32>(piece),
        "l" => read::<i64>(piece),
        "L" => read::<u64>(piece),
        format => Err(unknown(format)),
    }
}

fn fixed_lists<'a>(
    schema: &ArrowSchema,
    pieces: &[View<'a>],
    width: &str,
    place: &dyn Fn(usize) -> String,
) -> Result<Column<'a>> {
    let width: usize = width.parse().map_err(|_| unknown(schema.format()))?;
    let items = pieces.iter().map(|piece| piece.items(width)).collect::<Result<Vec<_>>>()?;
    let kind = schema.children().next().ok_or_else(|| unknown(schema.format()))?;
    let rows: usize = pieces.iter().map(|piece| piece.len).sum();
    let of_item = |i: usize| format!("{}, item {}", place(i / width), i % width);
    match gather(kind, &items, &of_item)? {
        Column::Numbers { values, mut shape } => {
            shape.splice(0..1, [rows, width]);
            Ok(Column::Numbers { values, shape })
        }
        items => {
            Ok(Column::Lists { offsets: (0..=rows).map(|row| row * width).collect(), items: Box::new(items) })
        }
    }
}

fn lists<'a>(
    schema: &ArrowSchema,
    pieces: &[View<'a>],
    wide: bool,
    place: &dyn Fn(usize) -> String,
) -> Result<Column<'a>> {
    let kind = schema.children().next().ok_or_else(|| unknown(schema.format()))?;
    let mut offsets = vec![0];
    let mut items = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let theirs = piece.offsets(wide)?;
        let (first, last, before) = (theirs[0], theirs[theirs.len() - 1], offsets[offsets.len() - 1]);
        items.push(piece.child(0)?.rows(first, last - first)?);
        offsets.extend(theirs[1..].iter().map(|offset| offset - first + before));
    }
    let of_item = |i: usize| {
        let row = offsets.partition_point(|&offset| offset <= i) - 1;
        format!("{}, item {}", place(row), i - offsets[row])
    };
    let items = Box::new(gather(kind, &items, &of_item)?);
    Ok(Column::Lists { offsets, items })
}

/// Decimal numbers as the nearest doubles, as far as one division can tell.
fn decimals<'a>(pieces: &[View<'a>], digits: &str) -> Result<Cow<'a, [f64]>> {
    let mut parts = digits.split(',').skip(1);
    let scale: i32 = parts.next().and_then(|scale| scale.parse().ok()).unwrap_or(0);
    let number = |value: i128| match scale {
        // Up to 22 a power of ten is exact, and the quotient rounded once.
        0..=22 => value as f64 / 10f64.powi(scale),
        _ => {
            let mut text = String::new();
            let _ = write!(text, "{value}e{}", -scale);
            text.parse().unwrap_or(f64::NAN)
        }
    };
    let width = parts.next().unwrap_or("128");
    joined(pieces, |piece| {
        Ok(Cow::Owned(match width {
            "32" => piece.values::<i32>()?.iter().map(|&value| number(i128::from(value))).collect(),
            "64" => piece.values::<i64>()?.iter().map(|&value| number(i128::from(value))).collect(),
            "128" => piece.values::<i128>()?.iter().map(|&value| number(value)).collect(),
            _ => return Err(unknown("d")),
        }))
    })
}

/// A half-precision number; each is a single-precision one.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f32::from(bits & 0x3FF));
    match exponent {
        0 => sign * fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

impl<'a> Numbers<'a> {
    fn take(&self, rows: &[u32]) -> Numbers<'a> {
        fn pick<'a, T: Copy>(values: &[T], rows: &[u32]) -> Cow<'a, [T]> {
            Cow::Owned(rows.iter().map(|&row| values[row as usize]).collect())
        }
        match self {
            Numbers::Bool(values) => Numbers::Bool(pick(values, rows).into_owned()),
            Numbers::I8(values) => Numbers::I8(pick(values, rows)),
            Numbers::U8(values) => Numbers::U8(pick(values, rows)),
            Numbers::I16(values) => Numbers::I16(pick(values, rows)),
            Numbers::U16(values) => Numbers::U16(pick(values, rows)),
            Numbers::I32(values) => Numbers::I32(pick(values, rows)),
            Numbers::U32(values) => Numbers::U32(pick(values, rows)),
            Numbers::I64(values) => Numbers::I64(pick(values, rows)),
            Numbers::U64(values) => Numbers::U64(pick(values, rows)),
            Numbers::F32(values) => Numbers::F32(pick(values, rows)),
            Numbers::F64(values) => Numbers::F64(pick(values, rows)),
        }
    }
}

impl Texts<'_> {
    /// An empty column.
    pub fn new() -> Self {
        Texts { offsets: vec![0], bytes: Cow::Owned(Vec::new()), codes: None }
    }

    /// Adds a row with a text of its own, to a column where all rows have such.
    pub fn push(&mut self, text: &[u8]) {
        let bytes = self.bytes.to_mut();
        bytes.extend_from_slice(text);
        self.offsets.push(bytes.len());
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
    pub fn into_owned(self) -> Texts<'static> {
        Texts { offsets: self.offsets, bytes: Cow::Owned(self.bytes.into_owned()), codes: self.codes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision() {
        let known = [(0x3C00, 1.0), (0xC000, -2.0), (0x0001, 5.960_464_5e-8), (0x7BFF, 65504.0)];
        for (bits, value) in known {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7E00).is_nan());
        assert_eq!(half(0xFC00), f32::NEG_INFINITY);
    }
}
