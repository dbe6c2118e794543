//! Reads the lines of a piece of a file.

use std::borrow::Cow;

use super::layout::{FileFields, LONGEST_HEADER, LineLayout, Separator, split};
use super::table::{Latin1, TrecTable};
use super::text::{is_passed_over, without_mark};
use crate::error::{Error, ErrorKind, can_allocate, extend, push};

/// Why a piece is not read.
pub(super) enum PieceError {
    /// What is wrong with this line of it.
    Line(usize, Error),
    /// What is not the file's fault.
    Other(Error),
}

impl From<Error> for PieceError {
    fn from(error: Error) -> PieceError {
        PieceError::Other(error)
    }
}

/// A piece and how many lines it has.
pub(super) type Piece<V> = std::result::Result<(TrecTable<V>, usize), PieceError>;

pub(super) fn read_part<V>(
    part: &[u8],
    layout: &LineLayout,
    header: Option<usize>,
    parse: &impl Fn(&str) -> Option<V>,
) -> Piece<V> {
    let mut table = TrecTable::new();
    let mut lines = 0;
    // trec_eval's files have comments; below the header of a CSV file `#` begins an id like any other character.
    let comments = layout.separator == Separator::Space;
    for (number, line) in part.split_inclusive(|&byte| byte == layout.end).enumerate() {
        lines = number + 1;
        let line = without_mark(line);
        if header.is_some_and(|header| number <= header) || is_passed_over(line, comments) {
            table.lines.pass(table.values.len())?;
            continue;
        }
        read_line(line, number, layout, &mut table, parse)?;
    }
    Ok((table, lines))
}

fn read_line<V>(
    line: &[u8],
    number: usize,
    layout: &LineLayout,
    table: &mut TrecTable<V>,
    parse: &impl Fn(&str) -> Option<V>,
) -> std::result::Result<(), PieceError> {
    let fault = |error: Error| Err(PieceError::Line(number, error));
    if line.contains(&0) {
        let expected = "UTF-8 text, or UTF-16 with a byte order mark";
        return fault(Error::new(ErrorKind::NotText, "").found("a NUL byte").expected(expected));
    }
    if line.len() > LONGEST_HEADER {
        // Fields that are quoted or in another encoding are copied.
        can_allocate(3 * line.len())?;
    }
    let FileFields { value_name, value_expected, .. } = *layout.kind;
    let mut found: [Option<Cow<[u8]>>; 3] = [None, None, None];
    let mut count = 0;
    for field in split(line, layout.separator) {
        if let Some(column) = layout.columns.iter().position(|&column| column == count) {
            found[column] = Some(field);
        }
        count += 1;
    }
    let fields = |expected: String| {
        let found = format!("has {count} fields");
        Error::value("").found(found).expected(expected).coded("number-of-fields")
    };
    let open =
        layout.kind.open && layout.separator == Separator::Space && layout.fields == layout.kind.fields;
    if count < layout.fields || count > layout.fields && !open {
        let expected = match layout.separator {
            Separator::Space if layout.columns == layout.kind.columns => layout.kind.expected.to_owned(),
            _ => format!("{} as the header has", layout.fields),
        };
        return fault(fields(expected));
    }
    let [Some(query), Some(document), Some(value)] = found else {
        return fault(fields(layout.fields.to_string()));
    };
    let Some(value) = std::str::from_utf8(&value).ok().and_then(parse) else {
        let shown = String::from_utf8_lossy(&value[..value.len().min(SHOWN)]);
        let (kind, found, code) = match shown.parse::<f64>() {
            Ok(number) if number.is_nan() => (ErrorKind::Value, "is NaN".to_owned(), "nan"),
            Ok(_) => (ErrorKind::Type, format!("is {shown}"), "not-a-whole-number"),
            Err(_) if shown.is_empty() => (ErrorKind::Type, "is missing".to_owned(), "missing-value"),
            Err(_) => (ErrorKind::Type, format!("is {shown:?}"), "not-a-number"),
        };
        let error = Error::new(kind, "").field(value_name).found(found);
        return fault(error.expected(value_expected).coded(code));
    };
    for (field, what) in [(&query, "query"), (&document, "document")] {
        if field.is_empty() {
            let error = Error::value("").field(what).found("is missing");
            return fault(error.expected("an id").coded("missing-value"));
        }
    }
    for (field, texts) in [(query, &mut table.queries), (document, &mut table.documents)] {
        match std::str::from_utf8(&field) {
            Ok(_) => texts.push(&field)?,
            Err(error) => {
                let byte = field[error.valid_up_to()];
                table.latin1 = table.latin1.or(Some(Latin1 { line: number + 1, byte }));
                let mut letters = Vec::new();
                for &byte in &*field {
                    extend(&mut letters, char::from(byte).encode_utf8(&mut [0; 4]).bytes())?;
                }
                texts.push(&letters)?;
            }
        }
    }
    Ok(push(&mut table.values, value)?)
}

/// Bytes of a value that an error shows at most.
const SHOWN: usize = 100;
