//! Columns that grow record by record, and part by part.

use std::sync::Arc;

use crate::columns::{Boxes, CompactDoubles, RotatedBoxes};
use crate::error::{self, Result};

/// A column under construction.
pub(crate) trait Grow: Default {
    /// Records so far.
    fn count(&self) -> usize;
    /// Adds the records of `other`, and empties it.
    fn append(&mut self, other: &mut Self) -> Result<()>;
    /// Reserves memory for more records.
    fn reserve(&mut self, more: usize) -> Result<()>;
    /// Gives back memory that was reserved too generously.
    fn shrink_to_fit(&mut self);
}

impl<T> Grow for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }
    fn append(&mut self, other: &mut Self) -> Result<()> {
        error::append(self, other)
    }
    fn reserve(&mut self, more: usize) -> Result<()> {
        error::reserve(self, more)
    }
    fn shrink_to_fit(&mut self) {
        self.shrink_to_fit();
    }
}

macro_rules! growth {
    ($($column:ty),*) => {$(
        impl Grow for $column {
            fn count(&self) -> usize {
                self.len()
            }
            fn append(&mut self, other: &mut Self) -> Result<()> {
                self.append(other)
            }
            fn reserve(&mut self, more: usize) -> Result<()> {
                self.reserve(more)
            }
            fn shrink_to_fit(&mut self) {
                self.shrink_to_fit();
            }
        }
    )*};
}

growth!(CompactDoubles, Boxes, RotatedBoxes);

/// Gives back memory that a column does not need: of one that lacks records all of it.
pub(crate) fn trim<C: Grow>(column: &mut C, count: usize) {
    if column.count() < count {
        *column = C::default();
    }
    column.shrink_to_fit();
}

/// Adds a part's column to ours where both are whole.
pub(crate) fn join<C: Grow>(ours: &mut C, theirs: &mut C, (before, more): (usize, usize)) -> Result<()> {
    if ours.count() == before && theirs.count() == more { ours.append(theirs) } else { Ok(()) }
}

/// Reserves memory for `count` records in all, if the column has had all `now` records so far.
pub(crate) fn reserve<C: Grow>(column: &mut C, now: usize, count: usize) -> Result<()> {
    if column.count() == now && now > 0 { column.reserve(count.saturating_sub(now)) } else { Ok(()) }
}

/// The column, if it has all records.
pub(crate) fn share<C: Grow>(column: &mut C, count: usize) -> Option<Arc<C>> {
    (column.count() == count).then(|| Arc::new(std::mem::take(column)))
}
