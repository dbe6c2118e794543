//! Outputs that are filled category by category though the category is not their first axis.

use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::error::Result;
use crate::threads;

/// An array `(outer, K, inner)` of doubles, row by row, to which each category writes its own entries.
pub(crate) struct Grid<'a> {
    data: *mut f64,
    categories: usize,
    inner: usize,
    outer: usize,
    owner: PhantomData<&'a mut [f64]>,
}

// SAFETY: a `Grid` stands for a mutable slice of doubles, which may go to another thread.
unsafe impl Send for Grid<'_> {}
// SAFETY: threads that share a `Grid` write through `GridColumn`s only, and `for_each_category` hands out one for each
// category.
unsafe impl Sync for Grid<'_> {}

/// The entries of one category.
pub(crate) struct GridColumn<'a> {
    grid: &'a Grid<'a>,
    category: usize,
}

impl<'a> Grid<'a> {
    /// A view of `data`, which has `outer * categories * inner` entries.
    pub(crate) fn new(data: &'a mut [f64], categories: usize, inner: usize) -> Grid<'a> {
        let row = categories * inner;
        let outer = data.len().checked_div(row).unwrap_or(0);
        assert_eq!(data.len(), outer * row, "a grid is a whole number of rows");
        Grid { data: data.as_mut_ptr(), categories, inner, outer, owner: PhantomData }
    }
}

impl GridColumn<'_> {
    /// Writes the entries at `outer` for all inner ones.
    #[inline]
    pub(crate) fn set(&mut self, outer: usize, values: &[f64]) {
        let grid = self.grid;
        assert!(outer < grid.outer && values.len() == grid.inner, "a run of the grid");
        let index = (outer * grid.categories + self.category) * grid.inner;
        // SAFETY: the run is within the slice (the outer coordinate and its length are checked above, the category when
        // the column was made), and no other column holds any of it, since the category is part of the index.
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), grid.data.add(index), values.len()) }
    }
}

/// Calls `work` once for each category, in parallel, with that category's columns of all three grids. `init` makes the
/// working memory that goes from one category to the next: there is as much of it as work that runs at once.
///
/// # Errors
///
/// Those of `work`.
pub(crate) fn for_each_category<W: Send>(
    grids: [&mut Grid<'_>; 3],
    init: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, usize, [GridColumn<'_>; 3]) -> Result<()> + Sync,
) -> Result<()> {
    let [a, b, c] = grids.map(|grid| &*grid);
    let categories = a.categories;
    assert!([b, c].iter().all(|grid| categories == grid.categories), "grids of the same categories");
    let spare = Mutex::new(Vec::new());
    let held = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    let one = |category| {
        let kept = held().pop();
        let mut memory = kept.unwrap_or_else(&init);
        work(&mut memory, category, [a, b, c].map(|grid| GridColumn { grid, category }))?;
        held().push(memory);
        Ok(())
    };
    if categories == 1 {
        // There is no other thread to wait for.
        one(0)
    } else {
        threads::run(|| (0..categories).into_par_iter().with_max_len(1).try_for_each(one))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_category_writes_its_own_entries() {
        let mut data = vec![0.0; 2 * 3 * 2];
        let (mut empty_a, mut empty_b) = (vec![], vec![]);
        let mut grid = Grid::new(&mut data, 3, 2);
        let (mut b, mut c) = (Grid::new(&mut empty_a, 3, 0), Grid::new(&mut empty_b, 3, 0));
        for_each_category(
            [&mut grid, &mut b, &mut c],
            || (),
            |(), k, [mut column, _, _]| {
                for outer in 0..2 {
                    let at = |inner: usize| (100 * outer + 10 * k + inner) as f64;
                    column.set(outer, &[at(0), at(1)]);
                }
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(data, [0., 1., 10., 11., 20., 21., 100., 101., 110., 111., 120., 121.]);
    }

    #[test]
    fn memory_goes_from_one_category_to_the_next() {
        let (mut empty, categories) = ([vec![], vec![], vec![]], 500);
        let [mut a, mut b, mut c] = empty.each_mut().map(|data| Grid::new(data, categories, 0));
        let (made, seen) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let init = || made.fetch_add(1, Ordering::Relaxed);
        for_each_category([&mut a, &mut b, &mut c], init, |_, _, _| {
            seen.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        assert_eq!(seen.into_inner(), categories);
        assert!(made.into_inner() <= threads::count());
    }
}
