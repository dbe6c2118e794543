//! Columns that grow record by record, and part by part.

use std::sync::Arc;

use crate::columns::{Boxes, CompactDoubles};

/// A column under construction.
pub trait Grow: Default {
    /// Records so far.
    fn count(&self) -> usize;
    /// Adds the records of `other`, and empties it.
    fn append(&mut self, other: &mut Self);
    /// Reserves memory for more records. A failure is ignored here: they may still fit, and if not, the allocation
    /// fails later.
    fn reserve(&mut self, more: usize);
    /// Gives back memory that was reserved too generously.
    fn shrink_to_fit(&mut self);
}

impl<T> Grow for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }
    fn append(&mut self, other: &mut Self) {
        self.append(other);
    }
    fn reserve(&mut self, more: usize) {
        let _ = self.try_reserve_exact(more);
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
            fn append(&mut self, other: &mut Self) {
                self.append(other);
            }
            fn reserve(&mut self, more: usize) {
                self.reserve(more);
            }
            fn shrink_to_fit(&mut self) {
                self.shrink_to_fit();
            }
        }
    )*};
}

growth!(CompactDoubles, Boxes);

/// Gives back memory that a column does not need: of one that lacks records all of it.
pub fn trim<C: Grow>(column: &mut C, count: usize) {
    if column.count() < count {
        *column = C::default();
    }
    column.shrink_to_fit();
}

/// Adds a part's column to ours where both are whole.
pub fn join<C: Grow>(ours: &mut C, theirs: &mut C, (before, more): (usize, usize)) {
    if ours.count() == before && theirs.count() == more {
        ours.append(theirs);
    }
}

/// Reserves memory for `count` records in all, if the column has had all `now` records so far.
pub fn reserve<C: Grow>(column: &mut C, now: usize, count: usize) {
    if column.count() == now && now > 0 {
        column.reserve(count.saturating_sub(now));
    }
}

/// The column, if it has all records.
pub fn share<C: Grow>(column: &mut C, count: usize) -> Option<Arc<C>> {
    (column.count() == count).then(|| Arc::new(std::mem::take(column)))
}
