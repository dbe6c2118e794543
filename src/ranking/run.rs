//! A run as columns.

use std::ops::Range;

use crate::score::Score;
use crate::simd;

use super::ids::{Ids, Texts};
use super::qrels::Groups;
use super::trec::Source;

/// Scores of either precision.
#[derive(Clone, Copy, Debug)]
pub enum Scores<'a> {
    /// Double.
    F64(&'a [f64]),
    /// Single.
    F32(&'a [f32]),
}

impl Scores<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Scores::F64(scores) => scores.len(),
            Scores::F32(scores) => scores.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The document column of a run.
#[derive(Clone, Copy, Debug)]
pub enum DocumentColumn<'a> {
    /// 64-bit integers.
    I64(&'a [i64]),
    /// 32-bit integers.
    I32(&'a [i32]),
    /// Text.
    Texts(&'a Texts<'a>),
}

impl DocumentColumn<'_> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            DocumentColumn::I64(ids) => ids.len(),
            DocumentColumn::I32(ids) => ids.len(),
            DocumentColumn::Texts(texts) => Ids::len(*texts),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A document as text, for messages.
    pub fn name(&self, row: usize) -> String {
        match self {
            DocumentColumn::I64(ids) => ids[row].to_string(),
            DocumentColumn::I32(ids) => ids[row].to_string(),
            DocumentColumn::Texts(texts) => texts.id(row).to_string(),
        }
    }
}

/// A run as columns.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The retrieved documents.
    pub documents: DocumentColumn<'a>,
    /// Their scores.
    pub scores: Scores<'a>,
    /// The rows of each query.
    pub groups: &'a Groups,
    /// The file that they were read from.
    pub source: Option<&'a Source>,
}

impl<'a> Run<'a> {
    /// The rows of a group.
    pub fn rows(&self, group: usize) -> Rows<'a> {
        let range = self.groups.offsets[group]..self.groups.offsets[group + 1];
        let listed = self.groups.rows.as_ref().map(|rows| &rows[range.clone()]);
        Rows { range, listed }
    }
}

/// Where the documents of one list stand in the columns.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    range: Range<usize>,
    /// One by one, where they do not stand side by side.
    listed: Option<&'a [u32]>,
}

impl Rows<'_> {
    /// The row of the list's i-th document.
    #[inline]
    pub fn at(&self, i: usize) -> usize {
        self.listed.map_or(self.range.start + i, |rows| rows[i] as usize)
    }

    /// The tags of the list's documents.
    pub fn tags<I: Ids + ?Sized>(&self, ids: &I, tags: &mut Vec<u32>) {
        tags.clear();
        match self.listed {
            None => ids.tags(self.range.clone(), tags),
            Some(rows) => rows.iter().for_each(|&row| ids.tags(row as usize..row as usize + 1, tags)),
        }
    }

    /// The list's scores: those of the column where they stand side by side, else of `held`.
    pub fn scores<'s, S: Score>(&self, column: &'s [S], held: &'s mut Vec<S>) -> &'s [S] {
        let Some(rows) = self.listed else { return &column[self.range.clone()] };
        held.clear();
        held.extend(rows.iter().map(|&row| column[row as usize]));
        held
    }

    /// The list's scores in single precision.
    pub fn rounded<'s>(&self, column: &[f64], held: &'s mut Vec<f32>) -> &'s [f32] {
        match self.listed {
            None => simd::to_single(&column[self.range.clone()], held),
            Some(rows) => {
                held.clear();
                held.extend(rows.iter().map(|&row| column[row as usize] as f32));
            }
        }
        held
    }

    /// The list's scores in double precision.
    pub fn widened<'s>(&self, column: &[f32], held: &'s mut Vec<f64>) -> &'s [f64] {
        held.clear();
        held.extend((0..self.range.len()).map(|i| f64::from(column[self.at(i)])));
        held
    }
}
