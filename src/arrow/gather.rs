//! The pieces of a column, one from each batch, as one column.

use std::borrow::Cow;
use std::fmt::Write;

use super::abi::ArrowSchema;
use super::column::{Column, Numbers, Texts};
use super::view::{Primitive, View};
use crate::error::{Error, Result, collect, push, reserve, with_capacity};

/// Which row of the table an item of a column belongs to, and which item of that row it is: nothing for the row itself.
pub(crate) type RowOfItem<'a> = &'a dyn Fn(usize) -> (Option<usize>, Option<String>);

/// Each item is a row.
pub(crate) fn rows(item: usize) -> (Option<usize>, Option<String>) {
    (Some(item), None)
}

/// Errors with the first row that is null; `place` names it.
pub(crate) fn no_nulls(pieces: &[View], place: RowOfItem) -> Result<()> {
    let mut before = 0;
    for piece in pieces {
        if let Some(row) = piece.first_null()? {
            let (row, item) = place(before + row);
            let error = match item {
                None => Error::value("").found("is null"),
                Some(item) => Error::value(format!("{item} is null")),
            };
            return Err(match row {
                None => error,
                Some(row) => error.in_row(row),
            });
        }
        before += piece.len;
    }
    Ok(())
}

/// Most lists within lists.
const DEEPEST: usize = 64;

/// Errors if lists are nested too deep to be read one within the other.
pub(crate) fn not_too_deep(schema: &ArrowSchema) -> Result<()> {
    let mut inner = Some(schema);
    for _ in 0..DEEPEST {
        let Some(schema) = inner else { return Ok(()) };
        let is_list = ["+l", "+L", "+w:"].iter().any(|kind| schema.format().starts_with(kind));
        inner = schema.dictionary().or_else(|| schema.children().next().filter(|_| is_list));
    }
    Err(Error::wrong_type(format!("lists are nested more than {DEEPEST} deep")))
}

/// The rows of all pieces as one column; `place` names a row in errors.
pub(crate) fn gather<'a>(schema: &ArrowSchema, pieces: &[View<'a>], place: RowOfItem) -> Result<Column<'a>> {
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
        "e" => Numbers::F32(joined(pieces, |piece| Ok(Cow::Owned(each(&piece.values::<u16>()?, half)?)))?),
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

/// What `with` makes of each value.
fn each<T: Copy, U>(values: &[T], with: impl Fn(T) -> U) -> Result<Vec<U>> {
    collect(values.iter().map(|&value| with(value)))
}

/// The values of all pieces; where there is one, as it gives them.
fn joined<'a, T: Clone>(
    pieces: &[View<'a>],
    values: impl Fn(&View<'a>) -> Result<Cow<'a, [T]>>,
) -> Result<Cow<'a, [T]>> {
    if let [piece] = pieces {
        return values(piece);
    }
    let mut all = with_capacity(pieces.iter().map(|piece| piece.len).sum())?;
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
    let mut offsets = with_capacity(1 + pieces.iter().map(|piece| piece.len).sum::<usize>())?;
    offsets.push(0);
    let mut bytes = Vec::new();
    for piece in pieces {
        if viewed {
            piece.each_viewed(|text| {
                reserve(&mut bytes, text.len())?;
                bytes.extend_from_slice(text);
                push(&mut offsets, bytes.len())
            })?;
            continue;
        }
        let theirs = piece.offsets(piece.format() == "U")?;
        let (first, before) = (theirs[0], bytes.len());
        let theirs_bytes = piece.bytes(first, theirs[theirs.len() - 1])?;
        reserve(&mut bytes, theirs_bytes.len())?;
        bytes.extend_from_slice(&theirs_bytes);
        offsets.extend(theirs[1..].iter().map(|offset| offset - first + before));
    }
    Ok(Texts { offsets, bytes: Cow::Owned(bytes), codes: None })
}

/// Codes in the place of values: texts keep them, numbers are written out.
fn decoded<'a>(schema: &ArrowSchema, pieces: &[View<'a>]) -> Result<Column<'a>> {
    let within = |code: usize| (None, Some(format!("value {code} of a dictionary")));
    let kind = schema.dictionary().ok_or_else(|| unknown(schema.format()))?;
    let mut dictionaries = with_capacity(pieces.len())?;
    let mut codes = with_capacity(pieces.iter().map(|piece| piece.len).sum())?;
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
            Column::Numbers { shape: vec![codes.len()], values: values.take(&codes)? }
        }
        _ => return Err(Error::wrong_type("a dictionary of lists or of dictionaries")),
    })
}

fn codes_of(piece: &View) -> Result<Vec<u32>> {
    fn read<T: Primitive + TryInto<u32>>(piece: &View) -> Result<Vec<u32>> {
        // What does not fit is beyond any dictionary, and found to be so.
        each(&piece.values::<T>()?, |code| code.try_into().unwrap_or(u32::MAX))
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

/// An item of a list.
fn item_of((row, within): (Option<usize>, Option<String>), item: usize) -> (Option<usize>, Option<String>) {
    (row, Some(within.map_or_else(|| format!("item {item}"), |within| format!("{within}, item {item}"))))
}

fn fixed_lists<'a>(
    schema: &ArrowSchema,
    pieces: &[View<'a>],
    width: &str,
    place: RowOfItem,
) -> Result<Column<'a>> {
    let width: usize = width.parse().map_err(|_| unknown(schema.format()))?;
    let mut items = with_capacity(pieces.len())?;
    for piece in pieces {
        items.push(piece.items(width)?);
    }
    let kind = schema.children().next().ok_or_else(|| unknown(schema.format()))?;
    let rows: usize = pieces.iter().map(|piece| piece.len).sum();
    let of_item = |i: usize| item_of(place(i / width), i % width);
    match gather(kind, &items, &of_item)? {
        Column::Numbers { values, mut shape } => {
            shape.splice(0..1, [rows, width]);
            Ok(Column::Numbers { values, shape })
        }
        items => {
            let mut offsets = with_capacity(rows + 1)?;
            offsets.extend((0..=rows).map(|row| row * width));
            Ok(Column::Lists { offsets, items: Box::new(items) })
        }
    }
}

fn lists<'a>(schema: &ArrowSchema, pieces: &[View<'a>], wide: bool, place: RowOfItem) -> Result<Column<'a>> {
    let kind = schema.children().next().ok_or_else(|| unknown(schema.format()))?;
    let mut offsets = vec![0];
    let mut items = with_capacity(pieces.len())?;
    for piece in pieces {
        let theirs = piece.offsets(wide)?;
        let (first, last, before) = (theirs[0], theirs[theirs.len() - 1], offsets[offsets.len() - 1]);
        items.push(piece.child(0)?.rows(first, last - first)?);
        reserve(&mut offsets, theirs.len())?;
        offsets.extend(theirs[1..].iter().map(|offset| offset - first + before));
    }
    let of_item = |i: usize| {
        let row = offsets.partition_point(|&offset| offset <= i) - 1;
        item_of(place(row), i - offsets[row])
    };
    let items = Box::new(gather(kind, &items, &of_item)?);
    Ok(Column::Lists { offsets, items })
}

/// Decimal numbers as the nearest doubles, as far as one division is exact.
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
            "32" => each(&piece.values::<i32>()?, |value| number(i128::from(value)))?,
            "64" => each(&piece.values::<i64>()?, |value| number(i128::from(value)))?,
            "128" => each(&piece.values::<i128>()?, number)?,
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
