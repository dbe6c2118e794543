//! The columns of a file, and the lines in which its rows stand.

use super::super::ids::{Ids, Texts};
use crate::error::{Result, push};

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
    pub(super) fn new() -> Self {
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
    pub(super) fn pass(&mut self, row: usize) -> Result<()> {
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
    pub(super) fn append(&mut self, part: &Lines, first: usize) -> Result<()> {
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

pub(super) fn append(texts: &mut Texts<'static>, more: &Texts) -> Result<()> {
    for row in 0..more.len() {
        texts.push(more.id(row).0)?;
    }
    Ok(())
}
