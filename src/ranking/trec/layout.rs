//! How the lines of a file are laid out: its kind, its header, what lies between fields.

use std::borrow::Cow;

use super::text::{is_passed_over, without_mark};

/// The names that a header gives to the columns of query, document and value, in lower case with `_` between words.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The query.
    pub query: Vec<String>,
    /// The document.
    pub document: Vec<String>,
    /// The grade or the score.
    pub value: Vec<String>,
}

/// What one kind of file holds.
pub(super) struct FileFields {
    /// Which fields are query, document and value where there is no header.
    pub(super) columns: [usize; 3],
    /// How many fields a line has.
    pub(super) fields: usize,
    /// Whether it may have more.
    pub(super) open: bool,
    pub(super) expected: &'static str,
    pub(super) value_name: &'static str,
    pub(super) value_expected: &'static str,
}

pub(super) const QRELS: FileFields = FileFields {
    columns: [0, 2, 3],
    fields: 4,
    open: false,
    expected: "4 (query iteration document grade), or a header such as query-id, corpus-id, score",
    value_name: "grade",
    value_expected: "a whole number",
};

pub(super) const RUN: FileFields = FileFields {
    columns: [0, 2, 4],
    fields: 6,
    open: true,
    expected: "6 (query Q0 document rank score tag), or a header such as query-id, corpus-id, score",
    value_name: "score",
    value_expected: "a number",
};

/// What lies between two fields.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Separator {
    Space,
    Byte(u8),
}

/// How the lines of one file are read.
pub(super) struct LineLayout<'a> {
    pub(super) kind: &'a FileFields,
    pub(super) separator: Separator,
    /// Which fields are query, document and value.
    pub(super) columns: [usize; 3],
    pub(super) fields: usize,
    /// How a line ends.
    pub(super) end: u8,
}

/// A line of more bytes is no header.
pub(super) const LONGEST_HEADER: usize = 1 << 16;

/// How the file is laid out, and the number of its header line if it has one.
pub(super) fn layout<'a>(
    text: &[u8],
    kind: &'a FileFields,
    names: &Names,
    end: u8,
) -> (LineLayout<'a>, Option<usize>) {
    let mut lines = text.split(|&byte| byte == end).map(without_mark).enumerate();
    if let Some((number, line)) = lines.find(|(_, line)| !is_passed_over(line, true))
        && line.len() <= LONGEST_HEADER
    {
        for separator in
            [Separator::Byte(b'\t'), Separator::Byte(b','), Separator::Byte(b';'), Separator::Space]
        {
            let fields: Vec<String> = split(line, separator).map(|field| plain_name(&field)).collect();
            let place = |known: &[String]| {
                known.iter().find_map(|name| fields.iter().position(|field| field == name))
            };
            if let (Some(query), Some(document), Some(value)) =
                (place(&names.query), place(&names.document), place(&names.value))
            {
                let columns = [query, document, value];
                return (LineLayout { kind, separator, columns, fields: fields.len(), end }, Some(number));
            }
        }
    }
    let FileFields { columns, fields, .. } = *kind;
    (LineLayout { kind, separator: Separator::Space, columns, fields, end }, None)
}

/// A column's name in lower case with `_` between words.
fn plain_name(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_lowercase().replace(['-', ' '], "_")
}

/// The fields of a line.
#[inline]
pub(super) fn split(line: &[u8], separator: Separator) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let mut rest = Some(line.trim_ascii_end());
    std::iter::from_fn(move || match separator {
        Separator::Space => {
            let text = rest?.trim_ascii_start();
            if text.is_empty() {
                return None;
            }
            let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
            rest = Some(&text[end..]);
            Some(Cow::Borrowed(&text[..end]))
        }
        Separator::Byte(separator) => {
            let text = rest?;
            if let Some(quoted) = text.trim_ascii_start().strip_prefix(b"\"")
                && let Some((field, after)) = unquoted(quoted)
            {
                rest = after.iter().position(|&byte| byte == separator).map(|end| &after[end + 1..]);
                return Some(Cow::Owned(field));
            }
            let end = text.iter().position(|&byte| byte == separator);
            rest = end.map(|end| &text[end + 1..]);
            Some(Cow::Borrowed(text[..end.unwrap_or(text.len())].trim_ascii()))
        }
    })
}

/// What stands between the quotation marks, of which two are one within, and what follows; None if they do not close.
fn unquoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut field = Vec::new();
    let mut bytes = text.iter().enumerate();
    while let Some((i, &byte)) = bytes.next() {
        match byte {
            b'"' if text.get(i + 1) == Some(&b'"') => {
                field.push(byte);
                bytes.next();
            }
            b'"' => return Some((field, &text[i + 1..])),
            _ => field.push(byte),
        }
    }
    None
}
