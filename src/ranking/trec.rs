//! TREC's text files: qrels (`query iteration document grade`) and runs (`query Q0 document rank score tag`).
//!
//! Fields are separated by spaces or tabs. Empty lines and lines that begin with `#` are passed over, as trec_eval
//! 10 does. The rank field is not read: as in trec_eval, the order is that of the scores.

use rayon::prelude::*;

use crate::error::{Error, Result};

use super::ids::{Ids, Texts};

/// The columns of a file.
pub struct Table<V> {
    /// The first field of each line.
    pub queries: Texts<'static>,
    /// The third.
    pub documents: Texts<'static>,
    /// The grade or the score.
    pub values: Vec<V>,
}

/// How one kind of file is laid out.
struct Layout {
    fields: usize,
    value: usize,
    expected: &'static str,
    value_name: &'static str,
    value_expected: &'static str,
}

const QRELS: Layout = Layout {
    fields: 4,
    value: 3,
    expected: "4 (query iteration document grade)",
    value_name: "grade",
    value_expected: "a whole number",
};

const RUN: Layout = Layout {
    fields: 6,
    value: 4,
    expected: "6 (query Q0 document rank score tag)",
    value_name: "score",
    value_expected: "a number",
};

/// Reads relevance judgements. Errors name the line; `name` is the file's. Runs on the current pool.
pub fn read_qrels(name: &str, text: &[u8]) -> Result<Table<i64>> {
    read(name, text, &QRELS, |field| field.parse().ok())
}

/// Reads a run. Errors name the line; `name` is the file's. Runs on the current pool.
pub fn read_run(name: &str, text: &[u8]) -> Result<Table<f64>> {
    read(name, text, &RUN, |field| field.parse().ok().filter(|score: &f64| !score.is_nan()))
}

fn read<V: Send>(
    name: &str,
    text: &[u8],
    layout: &Layout,
    parse: impl Fn(&str) -> Option<V> + Sync,
) -> Result<Table<V>> {
    let parts: Vec<_> =
        chunks(text, 1 << 20).into_par_iter().map(|part| read_part(part, layout, &parse)).collect();
    let mut table = Table { queries: Texts::new(), documents: Texts::new(), values: Vec::new() };
    let mut lines = 0;
    for part in parts {
        match part {
            Ok((part, length)) => {
                append(&mut table.queries, &part.queries);
                append(&mut table.documents, &part.documents);
                table.values.extend(part.values);
                lines += length;
            }
            Err((line, message)) => {
                return Err(Error::value(format!("{name}: line {}: {message}", lines + line + 1)));
            }
        }
    }
    Ok(table)
}

/// Cuts a text into pieces of about `size` bytes that end where a line does.
fn chunks(mut text: &[u8], size: usize) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while !text.is_empty() {
        let end = text
            .get(size..)
            .and_then(|rest| rest.iter().position(|&byte| byte == b'\n'))
            .map_or(text.len(), |place| size + place + 1);
        let (part, rest) = text.split_at(end);
        parts.push(part);
        text = rest;
    }
    parts
}

/// A piece and how many lines it has, or the line within it that cannot be read.
type Part<V> = std::result::Result<(Table<V>, usize), (usize, String)>;

fn read_part<V>(part: &[u8], layout: &Layout, parse: &impl Fn(&str) -> Option<V>) -> Part<V> {
    let mut table = Table { queries: Texts::new(), documents: Texts::new(), values: Vec::new() };
    let mut lines = 0;
    for (number, line) in part.split_inclusive(|&byte| byte == b'\n').enumerate() {
        lines = number + 1;
        let line = std::str::from_utf8(line).map_err(|_| (number, "is not UTF-8 text".to_owned()))?;
        let mut fields = [""; 6];
        let mut count = 0;
        for field in line.split_ascii_whitespace() {
            if let Some(place) = fields.get_mut(count) {
                *place = field;
            }
            count += 1;
        }
        if count == 0 || fields[0].starts_with('#') {
            continue;
        }
        if count != layout.fields {
            return Err((number, format!("has {count} fields, expected {}", layout.expected)));
        }
        let Some(value) = parse(fields[layout.value]) else {
            let Layout { value_name, value_expected, .. } = layout;
            return Err((
                number,
                format!("{value_name} is {:?}, expected {value_expected}", fields[layout.value]),
            ));
        };
        table.queries.push(fields[0].as_bytes());
        table.documents.push(fields[2].as_bytes());
        table.values.push(value);
    }
    Ok((table, lines))
}

fn append(texts: &mut Texts<'static>, more: &Texts) {
    for row in 0..more.len() {
        texts.push(more.id(row).0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file() {
        let text = b"# comment\nq1 0 d1 1\r\n\nq1\t0\td2   -1\nq2 0 d1 2";
        let table = read_qrels("x", text).unwrap();
        assert_eq!(table.values, [1, -1, 2]);
        assert_eq!(table.queries.id(2).0, b"q2");
        assert_eq!(table.documents.id(1).0, b"d2");
        let run = read_run("x", b"q1 Q0 d1 1 1.5e-3 tag\n").unwrap();
        assert_eq!(run.values, [1.5e-3]);
        assert!(read_run("x", b"").unwrap().values.is_empty());
    }

    #[test]
    fn the_line_is_named_in_a_long_file() {
        let mut text = b"q1 0 d 1\n".repeat(300_000);
        text.extend_from_slice(b"q1 0 d\n");
        let error = read_qrels("judged.txt", &text).err().unwrap();
        assert_eq!(
            error.message(),
            "judged.txt: line 300001: has 3 fields, expected 4 (query iteration document grade)"
        );
    }

    #[test]
    fn what_is_not_a_number() {
        for (line, part) in [
            ("q Q0 d 1 high tag", "score is \"high\", expected a number"),
            ("q Q0 d 1 nan tag", "score is \"nan\", expected a number"),
            ("q Q0 d 1 1 a b", "has 7 fields, expected 6"),
        ] {
            let error = read_run("r", line.as_bytes()).err().unwrap();
            assert!(error.message().contains(part), "{error}");
        }
        let error = read_qrels("q", b"q 0 d 1.5").err().unwrap();
        assert!(error.message().contains("grade is \"1.5\", expected a whole number"));
        assert!(read_qrels("q", b"q 0 \xff 1").err().unwrap().message().contains("not UTF-8"));
    }
}
