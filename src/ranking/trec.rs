//! Text files of judgements and runs.
//!
//! Without a header they are TREC's: qrels (`query iteration document grade`) and runs (`query Q0 document rank score
//! tag`), with fields between spaces or tabs. The rank field is not read: as in trec_eval, the order is that of the
//! scores; and what follows the tag is passed over. With a header, which names the columns as BEIR and MTEB do
//! (`query-id corpus-id score`), fields lie between tabs, commas or semicolons, and may be quoted.
//!
//! Empty lines and lines that begin with `#` are passed over, as trec_eval 10 does. The text is UTF-8, or UTF-16 with
//! a byte order mark; a field that is not UTF-8 is read as Latin-1, and the table says so.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::error::{
    Error, ErrorKind, Result, can_allocate, collect_parallel, extend, push, reserve, with_capacity,
};
use crate::progress::Progress;

use super::ids::{Ids, Texts};

/// The columns of a file.
pub struct TrecTable<V> {
    /// The query of each row.
    pub queries: Texts<'static>,
    /// The document.
    pub documents: Texts<'static>,
    /// The grade or the score.
    pub values: Vec<V>,
    /// The line of each row.
    pub lines: Lines,
    /// The first byte that was read as Latin-1 for want of UTF-8.
    pub latin1: Option<Latin1>,
}

impl<V> TrecTable<V> {
    fn new() -> Self {
        TrecTable {
            queries: Texts::new(),
            documents: Texts::new(),
            values: Vec::new(),
            lines: Lines::default(),
            latin1: None,
        }
    }
}

/// A byte that is not UTF-8, and its line from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latin1 {
    /// The line.
    pub line: usize,
    /// The byte.
    pub byte: u8,
}

/// Which line each row stands in: most lines are rows, so only the others are noted.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// The row that follows some lines that are none, and how many there were down to it.
    passed: Vec<(usize, usize)>,
}

impl Lines {
    /// The line of a row, from 1.
    pub fn of(&self, row: usize) -> usize {
        let place = self.passed.partition_point(|&(first, _)| first <= row);
        row + 1 + place.checked_sub(1).map_or(0, |place| self.passed[place].1)
    }

    /// Notes that a line before this row is no row.
    fn pass(&mut self, row: usize) -> Result<()> {
        match self.passed.last_mut() {
            Some((first, count)) if *first == row => {
                *count += 1;
                Ok(())
            }
            Some(&mut (_, count)) => push(&mut self.passed, (row, count + 1)),
            None => push(&mut self.passed, (row, 1)),
        }
    }

    /// Adds those of a part whose first row is this one.
    fn append(&mut self, part: &Lines, first: usize) -> Result<()> {
        let before = self.passed.last().map_or(0, |&(_, count)| count);
        for &(row, count) in &part.passed {
            match self.passed.last_mut() {
                Some((last, total)) if *last == first + row => *total = before + count,
                _ => push(&mut self.passed, (first + row, before + count))?,
            }
        }
        Ok(())
    }
}

/// The file that a table was read from.
#[derive(Clone, Debug)]
pub struct TableSource {
    /// Its name.
    pub name: String,
    /// Which line each row stands in.
    pub lines: Lines,
}

/// Where two rows of a table stand, for errors: the lines of its file, or the rows.
pub fn places(source: Option<&TableSource>, first: usize, second: usize) -> String {
    match source {
        Some(TableSource { name, lines }) => {
            format!("{name}: lines {} and {}", lines.of(first), lines.of(second))
        }
        None => format!("rows {first} and {second}"),
    }
}

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
struct FileFields {
    /// Which fields are query, document and value where there is no header.
    columns: [usize; 3],
    /// How many fields a line has.
    fields: usize,
    /// Whether it may have more.
    open: bool,
    expected: &'static str,
    value_name: &'static str,
    value_expected: &'static str,
}

const QRELS: FileFields = FileFields {
    columns: [0, 2, 3],
    fields: 4,
    open: false,
    expected: "4 (query iteration document grade), or a header such as query-id, corpus-id, score",
    value_name: "grade",
    value_expected: "a whole number",
};

const RUN: FileFields = FileFields {
    columns: [0, 2, 4],
    fields: 6,
    open: true,
    expected: "6 (query Q0 document rank score tag), or a header such as query-id, corpus-id, score",
    value_name: "score",
    value_expected: "a number",
};

/// Reads relevance judgements; `name` is the file's. Runs on the current pool.
///
/// # Errors
///
/// The first line that cannot be read; `OutOfMemory`; the work is cancelled.
pub fn read_qrels(name: &str, text: &[u8], names: &Names, progress: &Progress) -> Result<TrecTable<i64>> {
    read(name, text, &QRELS, names, grade, progress)
}

/// Reads a run; `name` is the file's. Runs on the current pool.
///
/// # Errors
///
/// The first line that cannot be read; `OutOfMemory`; the work is cancelled.
pub fn read_run(name: &str, text: &[u8], names: &Names, progress: &Progress) -> Result<TrecTable<f64>> {
    let score = |field: &str| field.parse().ok().filter(|score: &f64| !score.is_nan());
    read(name, text, &RUN, names, score, progress)
}

/// A whole number, perhaps written as `1.0`.
fn grade(field: &str) -> Option<i64> {
    field.parse().ok().or_else(|| whole(field.parse().ok()?))
}

/// The integer that a grade given as a float is. What is beyond 2^53 is refused with all grades that are.
pub fn whole(grade: f64) -> Option<i64> {
    (grade.fract() == 0.0 && grade.abs() < 2f64.powi(62)).then_some(grade as i64)
}

/// What lies between two fields.
#[derive(Clone, Copy, PartialEq)]
enum Separator {
    Space,
    Byte(u8),
}

/// How the lines of one file are read.
struct LineLayout<'a> {
    kind: &'a FileFields,
    separator: Separator,
    /// Which fields are query, document and value.
    columns: [usize; 3],
    fields: usize,
    /// How a line ends.
    end: u8,
}

fn read<V: Send>(
    name: &str,
    text: &[u8],
    kind: &FileFields,
    names: &Names,
    parse: impl Fn(&str) -> Option<V> + Sync,
    progress: &Progress,
) -> Result<TrecTable<V>> {
    let text = decoded(text).map_err(|error| error.at(name))?;
    // Where no line ends with a line feed, carriage returns alone end them, as on old Macintoshes.
    let end = if text.contains(&b'\n') { b'\n' } else { b'\r' };
    let (layout, header) = layout(&text, kind, names, end);
    let chunks = chunks(&text, 1 << 20, end)?;
    let parts = collect_parallel(chunks.into_par_iter().enumerate().map(|(i, part)| {
        progress.check()?;
        read_part(part, &layout, if i == 0 { header } else { None }, &parse)
    }))?;
    let mut table = TrecTable::new();
    let read = || parts.iter().filter_map(|part| part.as_ref().ok()).map(|(part, _)| part);
    let rows = read().map(|part| part.values.len()).sum();
    table.queries.reserve(rows, read().map(|part| part.queries.bytes.len()).sum())?;
    table.documents.reserve(rows, read().map(|part| part.documents.bytes.len()).sum())?;
    reserve(&mut table.values, rows)?;
    let mut lines = 0;
    for part in parts {
        let (part, length) = part.map_err(|fault| match fault {
            PieceError::Line(line, error) => error.in_line(lines + line + 1).at(name),
            PieceError::Other(error) => error,
        })?;
        table.lines.append(&part.lines, table.values.len())?;
        append(&mut table.queries, &part.queries)?;
        append(&mut table.documents, &part.documents)?;
        table.values.extend(part.values);
        let moved = part.latin1.map(|Latin1 { line, byte }| Latin1 { line: lines + line, byte });
        table.latin1 = table.latin1.or(moved);
        lines += length;
    }
    Ok(table)
}

/// The text as UTF-8 and perhaps Latin-1, without a byte order mark.
fn decoded(text: &[u8]) -> Result<Cow<'_, [u8]>> {
    let wide = |pair: fn([u8; 2]) -> u16| {
        let (pairs, rest) = text[2..].as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Error::value("is UTF-16 text with an odd number of bytes"));
        }
        let mut text = with_capacity(pairs.len())?;
        for letter in char::decode_utf16(pairs.iter().map(|&bytes| pair(bytes))) {
            let letter = letter.map_err(|_| Error::value("is not valid UTF-16 text"))?;
            extend(&mut text, letter.encode_utf8(&mut [0; 4]).bytes())?;
        }
        Ok(Cow::Owned(text))
    };
    match text {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => {
            Err(Error::value("is UTF-32 text, expected UTF-8 or UTF-16"))
        }
        [0xFF, 0xFE, ..] => wide(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => wide(u16::from_be_bytes),
        _ => Ok(Cow::Borrowed(text)),
    }
}

/// The byte order mark in UTF-8. Where files were joined, one may stand at the beginning of any line.
const MARK: &[u8] = b"\xEF\xBB\xBF";

fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(MARK).unwrap_or(line)
}

fn is_passed_over(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    line.is_empty() || line[0] == b'#'
}

/// A line of more bytes is no header.
const LONGEST_HEADER: usize = 1 << 16;

/// How the file is laid out, and the number of its header line if it has one.
fn layout<'a>(text: &[u8], kind: &'a FileFields, names: &Names, end: u8) -> (LineLayout<'a>, Option<usize>) {
    let mut lines = text.split(|&byte| byte == end).map(without_mark).enumerate();
    if let Some((number, line)) = lines.find(|(_, line)| !is_passed_over(line))
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
fn split(line: &[u8], separator: Separator) -> impl Iterator<Item = Cow<'_, [u8]>> {
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

/// Cuts a text into pieces of about `size` bytes that end where a line does.
fn chunks(mut text: &[u8], size: usize, end: u8) -> Result<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !text.is_empty() {
        let end = text
            .get(size..)
            .and_then(|rest| rest.iter().position(|&byte| byte == end))
            .map_or(text.len(), |place| size + place + 1);
        let (part, rest) = text.split_at(end);
        push(&mut parts, part)?;
        text = rest;
    }
    Ok(parts)
}

/// Why a piece is not read.
enum PieceError {
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
type Piece<V> = std::result::Result<(TrecTable<V>, usize), PieceError>;

fn read_part<V>(
    part: &[u8],
    layout: &LineLayout,
    header: Option<usize>,
    parse: &impl Fn(&str) -> Option<V>,
) -> Piece<V> {
    let mut table = TrecTable::new();
    let mut lines = 0;
    for (number, line) in part.split_inclusive(|&byte| byte == layout.end).enumerate() {
        lines = number + 1;
        let line = without_mark(line);
        if header == Some(number) || is_passed_over(line) {
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
    let wrong = |error: Error| Err(PieceError::Line(number, error));
    if line.contains(&0) {
        let expected = "UTF-8 text, or UTF-16 with a byte order mark";
        return wrong(Error::new(ErrorKind::NotText, "").found("a NUL byte").expected(expected));
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
        return wrong(fields(expected));
    }
    let [Some(query), Some(document), Some(value)] = found else {
        return wrong(fields(layout.fields.to_string()));
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
        return wrong(error.expected(value_expected).coded(code));
    };
    for (field, what) in [(&query, "query"), (&document, "document")] {
        if field.is_empty() {
            let error = Error::value("").field(what).found("is missing");
            return wrong(error.expected("an id").coded("missing-value"));
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

fn append(texts: &mut Texts<'static>, more: &Texts) -> Result<()> {
    for row in 0..more.len() {
        texts.push(more.id(row).0)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Names {
            query: list(&["query_id"]),
            document: list(&["corpus_id"]),
            value: list(&["relevance", "score"]),
        }
    }

    fn qrels(text: &[u8]) -> Result<TrecTable<i64>> {
        read_qrels("q", text, &names(), &Progress::default())
    }

    fn run(text: &[u8]) -> Result<TrecTable<f64>> {
        read_run("r", text, &names(), &Progress::default())
    }

    fn rows(table: &TrecTable<i64>) -> Vec<(String, String, i64, usize)> {
        let text = |texts: &Texts, row| String::from_utf8(texts.id(row).0.to_vec()).unwrap();
        (0..table.values.len())
            .map(|row| {
                let (query, document) = (text(&table.queries, row), text(&table.documents, row));
                (query, document, table.values[row], table.lines.of(row))
            })
            .collect()
    }

    #[test]
    fn a_file() {
        let text = b"# comment\nq1 0 d1 1\r\n\nq1\t0\td2   -1\n \t\nq2 0 d1 2";
        let table = qrels(text).unwrap();
        assert_eq!(table.values, [1, -1, 2]);
        assert_eq!(table.queries.id(2).0, b"q2");
        assert_eq!(table.documents.id(1).0, b"d2");
        assert_eq!([0, 1, 2].map(|row| table.lines.of(row)), [2, 4, 6]);
        assert_eq!(run(b"q1 Q0 d1 1 1.5e-3 tag\n").unwrap().values, [1.5e-3]);
        assert!(run(b"").unwrap().values.is_empty());
    }

    #[test]
    fn lines_of_a_file_in_several_parts() {
        let mut text = b"\n\n".to_vec();
        for _ in 0..150_000 {
            text.extend_from_slice(b"q1 0 d 1\n#\n");
        }
        let table = qrels(&text).unwrap();
        assert!((0..150_000).all(|row| table.lines.of(row) == 3 + 2 * row));
    }

    #[test]
    fn the_line_is_named_in_a_long_file() {
        let mut text = b"q1 0 d 1\n".repeat(300_000);
        text.extend_from_slice(b"q1 0 d\n");
        let error = read_qrels("judged.txt", &text, &names(), &Progress::default()).err().unwrap();
        let expected = "judged.txt: line 300001 has 3 fields, expected 4 (query iteration document grade)";
        assert!(error.to_string().starts_with(expected), "{error}");
    }

    #[test]
    fn the_same_text_in_every_encoding() {
        let text = "q 0 caf\u{e9} 1\nq 0 d\u{1F600} 2\n";
        let expected = rows(&qrels(text.as_bytes()).unwrap());
        let marked: Vec<u8> = [MARK, text.as_bytes()].concat();
        let little: Vec<u8> =
            "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> =
            "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
        for encoded in [marked, little, big] {
            let table = qrels(&encoded).unwrap();
            assert_eq!(rows(&table), expected);
            assert_eq!(table.latin1, None);
        }
        let joined: Vec<u8> = [MARK, b"a 0 d 1\r\n", MARK, b"b 0 d 1\r\n"].concat();
        assert_eq!(qrels(&joined).unwrap().queries.id(1).0, b"b");
        assert_eq!(qrels(b"a 0 d 1\rb 0 d 2\r").unwrap().values, [1, 2]);
    }

    #[test]
    fn what_is_not_utf_8_is_latin_1() {
        let table = qrels(b"q 0 d 1\nq 0 caf\xe9 1\nq 0 \xc3\xa9 1\n").unwrap();
        assert_eq!(table.latin1, Some(Latin1 { line: 2, byte: 0xe9 }));
        assert_eq!(table.documents.id(1).0, "caf\u{e9}".as_bytes());
        assert_eq!(table.documents.id(2).0, "\u{e9}".as_bytes());
    }

    #[test]
    fn a_header_names_the_columns() {
        let expected = [("q1", "d 1", 2, 2), ("q2", "d2", 0, 3)];
        let expected = expected.map(|(q, d, g, line)| (q.to_owned(), d.to_owned(), g, line));
        for text in [
            "query-id\tcorpus-id\tscore\nq1\td 1\t2\nq2\td2\t0\n",
            "Query_ID,score,corpus id\r\nq1,2.0,d 1\r\nq2,0,d2\r\n",
            "score;x;query-id;corpus-id\n2;;q1;\"d 1\"\n0;;q2;d2",
            "\u{FEFF}\"query-id\",\"corpus-id\",\"other\",\"score\"\n\"q1\",\"d 1\",\"a,\"\"b\",2\nq2,d2,,0",
        ] {
            assert_eq!(rows(&qrels(text.as_bytes()).unwrap()), expected, "{text}");
        }
        let both = qrels(b"query-id\tcorpus-id\tscore\trelevance\nq\td\t9\t1\n").unwrap();
        assert_eq!(both.values, [1], "the first of the names goes first");
        let error = qrels(b"query-id\tcorpus-id\tscore\nq\td\n").err().unwrap();
        assert_eq!(error.to_string(), "q: line 2 has 2 fields, expected 3 as the header has");
    }

    #[test]
    fn what_cannot_be_read() {
        for (line, part) in [
            ("q Q0 d 1 high tag", "r: line 1: \"score\" is \"high\", expected a number"),
            ("q Q0 d 1 nan tag", "r: line 1: \"score\" is NaN, expected a number"),
            ("q Q0 d 1 1", "has 5 fields, expected 6"),
            (
                "q Q0 d\0 1 1 t",
                "line 1: expected UTF-8 text, or UTF-16 with a byte order mark, found a NUL byte",
            ),
        ] {
            let error = run(line.as_bytes()).err().unwrap();
            assert!(error.to_string().contains(part), "{error}");
        }
        for (text, part) in [
            (&b"q 0 d 1.5"[..], "\"grade\" is 1.5, expected a whole number"),
            (b"q 0 d 1 2", "has 5 fields, expected 4"),
            (b"q\x00 \x000\x00", "NUL byte"),
            (b"\xff\xfeq", "odd number of bytes"),
            (b"\xff\xfe\x00\xd8", "not valid UTF-16"),
            (b"\xff\xfe\0\0q\0\0\0", "UTF-32"),
        ] {
            let error = qrels(text).err().unwrap();
            assert!(error.to_string().contains(part), "{error}");
        }
        // trec_eval does not read what follows the tag.
        assert_eq!(run(b"q Q0 d 1 2 tag a note").unwrap().values, [2.0]);
    }

    #[test]
    fn a_line_of_any_length_is_an_error_and_no_copy() {
        let mut text = b"q 0 d ".to_vec();
        text.resize(1 << 20, b'x');
        assert!(qrels(&text).err().unwrap().to_string().len() < 200);
        let progress = Progress::new();
        progress.cancel();
        let stopped = read_qrels("q", b"q 0 d 1", &names(), &progress).err().unwrap();
        assert_eq!(stopped.kind(), crate::error::ErrorKind::Cancelled);
    }
}
