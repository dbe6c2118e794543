//! A run as columns.

use std::ops::Range;

use crate::error::{Result, reserve};
use crate::score::Score;
use crate::simd;

use super::ids::{IdSlice, Ids};
use super::qrels::Groups;
use super::trec::TableSource;

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

    /// One score.
    pub fn double(&self, row: usize) -> f64 {
        match self {
            Scores::F64(scores) => scores[row],
            Scores::F32(scores) => f64::from(scores[row]),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether most of them cannot be grades, which are whole numbers.
    pub fn are_fractions(&self) -> bool {
        let fractions = match self {
            Scores::F64(scores) => scores.iter().filter(|score| score.fract() != 0.0).count(),
            Scores::F32(scores) => scores.iter().filter(|score| score.fract() != 0.0).count(),
        };
        2 * fractions > self.len()
    }
}

/// A run as columns.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The retrieved documents.
    pub documents: IdSlice<'a>,
    /// Their scores.
    pub scores: Scores<'a>,
    /// The rows of each query.
    pub groups: &'a Groups,
    /// The file that they were read from.
    pub source: Option<&'a TableSource>,
}

impl<'a> Run<'a> {
    /// The rows of a group.
    pub fn rows(&self, group: usize) -> ListRows<'a> {
        let range = self.groups.offsets[group]..self.groups.offsets[group + 1];
        let listed = self.groups.rows.as_ref().map(|rows| &rows[range.clone()]);
        ListRows { range, listed }
    }
}

/// Where the documents of one list stand in the columns.
#[derive(Clone, Debug)]
pub struct ListRows<'a> {
    range: Range<usize>,
    /// One by one, where they do not stand side by side.
    listed: Option<&'a [u32]>,
}

impl ListRows<'_> {
    /// How many documents the list has.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The row of the list's i-th document.
    #[inline]
    pub fn at(&self, i: usize) -> usize {
        self.listed.map_or(self.range.start + i, |rows| rows[i] as usize)
    }

    /// The tags of the list's documents.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn tags<I: Ids + ?Sized>(&self, ids: &I, tags: &mut Vec<u32>) -> Result<()> {
        tags.clear();
        reserve(tags, self.range.len())?;
        match self.listed {
            None => ids.tags(self.range.clone(), tags),
            Some(rows) => rows.iter().for_each(|&row| ids.tags(row as usize..row as usize + 1, tags)),
        }
        Ok(())
    }

    /// The list's scores: those of the column where they stand side by side, else of `held`.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn scores<'s, S: Score>(&self, column: &'s [S], held: &'s mut Vec<S>) -> Result<&'s [S]> {
        let Some(rows) = self.listed else { return Ok(&column[self.range.clone()]) };
        held.clear();
        reserve(held, rows.len())?;
        held.extend(rows.iter().map(|&row| column[row as usize]));
        Ok(held)
    }

    /// The list's scores in single precision.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn rounded<'s>(&self, column: &[f64], held: &'s mut Vec<f32>) -> Result<&'s [f32]> {
        held.clear();
        reserve(held, self.range.len())?;
        match self.listed {
            None => simd::to_single(&column[self.range.clone()], held),
            Some(rows) => held.extend(rows.iter().map(|&row| column[row as usize] as f32)),
        }
        Ok(held)
    }

    /// The list's scores in double precision.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn widened<'s>(&self, column: &[f32], held: &'s mut Vec<f64>) -> Result<&'s [f64]> {
        held.clear();
        reserve(held, self.range.len())?;
        held.extend((0..self.range.len()).map(|i| f64::from(column[self.at(i)])));
        Ok(held)
    }
}
