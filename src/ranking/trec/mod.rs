//! Text files of judgements and runs.
//!
//! Without a header they are TREC's: qrels (`query iteration document grade`) and runs (`query Q0 document rank score
//! tag`), with fields between spaces or tabs. The rank field is not read: as in trec_eval, the order is that of the
//! scores; and what follows the tag is passed over. With a header, which names the columns as BEIR and MTEB do
//! (`query-id corpus-id score`), fields lie between tabs, commas or semicolons, and may be quoted.
//!
//! Empty lines and lines that begin with `#` are passed over, as trec_eval 10 does. The text is UTF-8, or UTF-16 with
//! a byte order mark; a field that is not UTF-8 is read as Latin-1, and the table says so.

mod layout;
mod lines;
mod table;
#[cfg(test)]
mod tests;
mod text;

use rayon::prelude::*;

pub use self::layout::Names;
use self::layout::{FileFields, QRELS, RUN, layout};
use self::lines::{PieceError, read_part};
use self::table::append;
pub use self::table::{Latin1, Lines, TableSource, TrecTable, places};
use self::text::{chunks, decoded};
use crate::error::{Result, collect_parallel, reserve};
use crate::progress::Progress;

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
