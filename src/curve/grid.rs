//! Outputs that are filled category by category though the category is not their first axis.

use std::marker::PhantomData;

use rayon::prelude::*;

/// An array `(outer, K, inner)` of doubles, row by row, to which each category writes its own entries.
pub struct Grid<'a> {
    data: *mut f64,
    categories: usize,
    inner: usize,
    outer: usize,
    owner: PhantomData<&'a mut [f64]>,
}

// SAFETY: a `Grid` stands for a mutable slice of doubles, which may go to another thread.
unsafe impl Send for Grid<'_> {}
// SAFETY: threads that share a `Grid` write through `Column`s only, and `for_each_category` hands out one for each
// category.
unsafe impl Sync for Grid<'_> {}

/// The entries of one category.
pub struct Column<'a> {
    grid: &'a Grid<'a>,
    category: usize,
}

impl<'a> Grid<'a> {
    /// A view of `data`, which has `outer * categories * inner` entries.
    pub fn new(data: &'a mut [f64], categories: usize, inner: usize) -> Grid<'a> {
        let row = categories * inner;
        let outer = data.len().checked_div(row).unwrap_or(0);
        assert_eq!(data.len(), outer * row, "a grid is a whole number of rows");
        Grid { data: data.as_mut_ptr(), categories, inner, outer, owner: PhantomData }
    }
}

impl Column<'_> {
    /// Writes the entry at `(outer, category, inner)`.
    #[inline]
    pub fn set(&mut self, outer: usize, inner: usize, value: f64) {
        let grid = self.grid;
        assert!(outer < grid.outer && inner < grid.inner, "an entry of the grid");
        let index = (outer * grid.categories + self.category) * grid.inner + inner;
        // SAFETY: the index is within the slice (both coordinates checked above, the category when the column was
        // made), and no other column holds it, since the category is part of it.
        unsafe { *grid.data.add(index) = value }
    }
}

/// Calls `work` once for each of the categories `0..categories`, in parallel, with that category's columns of all
/// three grids.
pub fn for_each_category(
    grids: [&mut Grid<'_>; 3],
    categories: usize,
    work: impl Fn(usize, [Column<'_>; 3]) + Sync,
) {
    let [a, b, c] = grids.map(|grid| &*grid);
    assert!(
        [a, b, c].iter().all(|grid| categories <= grid.categories),
        "no more categories than the grids have"
    );
    (0..categories).into_par_iter().with_max_len(1).for_each(|category| {
        work(category, [a, b, c].map(|grid| Column { grid, category }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_category_writes_its_own_entries() {
        let mut data = vec![0.0; 2 * 3 * 2];
        let (mut empty_a, mut empty_b) = (vec![], vec![]);
        let mut grid = Grid::new(&mut data, 3, 2);
        let (mut b, mut c) = (Grid::new(&mut empty_a, 3, 0), Grid::new(&mut empty_b, 3, 0));
        for_each_category([&mut grid, &mut b, &mut c], 3, |k, [mut column, _, _]| {
            for outer in 0..2 {
                for inner in 0..2 {
                    column.set(outer, inner, (100 * outer + 10 * k + inner) as f64);
                }
            }
        });
        assert_eq!(data, [0., 1., 10., 11., 20., 21., 100., 101., 110., 111., 120., 121.]);
    }
}
