//! Cells: objects grouped by category and sorted by image, so that a cell (one category in one image) is
//! a run of them.

use std::ops::Range;

use rayon::prelude::*;

use super::counting::{MANY, PIECES, counting_sort};
use crate::error::{Result, can_allocate, collect_growing};
use crate::progress::Progress;
use crate::sort::sort_by_integer;
use crate::threads;

/// Objects outside the evaluated images or categories have this position.
pub const NOT_EVALUATED: u32 = u32::MAX;

/// Positions of one side's objects among the evaluated images and categories: `of_image[code]`, `of_category[code]`.
#[derive(Clone, Debug)]
pub struct Positions {
    /// Position of each image code, or [`NOT_EVALUATED`].
    pub of_image: Vec<u32>,
    /// Position of each category code, or [`NOT_EVALUATED`].
    pub of_category: Vec<u32>,
}

impl Positions {
    /// Where codes are positions already.
    pub fn identity(extent: CellGrid) -> Positions {
        Positions {
            of_image: (0..extent.images as u32).collect(),
            of_category: (0..extent.categories as u32).collect(),
        }
    }
}

/// The evaluated grid, never allocated.
#[derive(Clone, Copy, Debug)]
pub struct CellGrid {
    /// Evaluated images.
    pub images: usize,
    /// Evaluated categories.
    pub categories: usize,
    /// Whether only objects of the same category match. If not, all categories of an image are one cell, its objects in
    /// category order.
    pub by_category: bool,
}

impl CellGrid {
    /// Groups of cells: one for each category, or a single one.
    pub fn groups(&self) -> usize {
        if self.by_category { self.categories } else { 1 }
    }
}

/// What is sorted into cells.
pub trait InImage: Copy {
    /// Position of its image.
    fn image(&self) -> u32;
}

/// One side's objects, grouped by category, sorted by image within a group, in input order within a cell.
#[derive(Clone, Debug)]
pub struct Cells<T> {
    /// The objects.
    pub items: Vec<T>,
    /// Where each group starts, and the end.
    pub groups: Vec<u32>,
}

impl<T: InImage + Send> Cells<T> {
    /// Sorts by category, counting, and each group by image, digit by digit: linear in objects, images and categories.
    /// `make(object, image position)` is what is stored of an object.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn new(
        image: &[u32],
        category: &[u32],
        positions: &Positions,
        extent: CellGrid,
        progress: &Progress,
        make: impl Fn(u32, u32) -> T + Copy + Sync,
    ) -> Result<Cells<T>> {
        // The objects and what they are sorted by and into.
        let of_one = 2 * size_of::<T>() + 2 * size_of::<u32>();
        let of_categories = 6 * size_of::<u32>() * PIECES * threads::count() * extent.categories;
        can_allocate(image.len().saturating_mul(of_one).saturating_add(of_categories))?;
        let (of_image, of_category) = (&*positions.of_image, &*positions.of_category);
        let position = |of: &[u32], code: u32| of.get(code as usize).copied().unwrap_or(NOT_EVALUATED);
        let image_of = move |i: u32| position(of_image, image[i as usize]);
        let category_of = move |i: u32| match image_of(i) {
            NOT_EVALUATED => NOT_EVALUATED,
            _ => position(of_category, category[i as usize]),
        };
        let make = move |i: u32| make(i, image_of(i));
        let (mut items, mut groups) = counting_sort(image.len(), extent.categories, category_of, make);
        if !extent.by_category {
            groups = vec![0, items.len() as u32];
        }
        // Objects mostly come image by image, all or batch by batch; then there is nothing left to do.
        let of_group = |spare: &mut Vec<T>, items: &mut [T]| {
            if items.is_sorted_by_key(InImage::image) {
                return Ok(());
            }
            sort_by_integer(items, spare, progress, |item| u64::from(item.image()))
        };
        let mut rest = items.as_mut_slice();
        let mut parts = groups.windows(2).map(|ends| {
            let group = rest.split_off_mut(..(ends[1] - ends[0]) as usize);
            group.expect("the groups are all items")
        });
        if image.len() < MANY {
            let mut spare = Vec::new();
            parts.try_for_each(|part| of_group(&mut spare, part))?;
        } else {
            let parts = collect_growing(parts)?;
            let most = threads::items_of_task(parts.len());
            threads::run(|| parts.into_par_iter().with_max_len(most).try_for_each_init(Vec::new, of_group))?;
        }
        Ok(Cells { items, groups })
    }
}

impl<T: InImage + Send + Sync> Cells<T> {
    /// Objects that come image by image, grouped; those whose group is [`NOT_EVALUATED`] are left out.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn grouped(items: &[T], groups: usize, group: impl Fn(&T) -> u32 + Copy + Sync) -> Result<Cells<T>> {
        let of_groups = 6 * size_of::<u32>() * PIECES * threads::count() * groups;
        can_allocate(size_of_val(items).saturating_add(of_groups))?;
        let of = move |i: u32| group(&items[i as usize]);
        let (items, groups) = counting_sort(items.len(), groups, of, move |i| items[i as usize]);
        Ok(Cells { items, groups })
    }
}

impl<T: InImage> Cells<T> {
    /// The number of groups.
    pub fn len(&self) -> usize {
        self.groups.len() - 1
    }

    /// Whether there is no group.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Places of one group's objects.
    pub fn group(&self, group: usize) -> Range<usize> {
        self.groups[group] as usize..self.groups[group + 1] as usize
    }
}

/// The end of the images up to `image`, in a part of one group.
pub fn end_of_image<T: InImage>(items: &[T], image: u32) -> usize {
    items.partition_point(|item| item.image() <= image)
}

/// The end of the cell that an image-sorted run begins with; 0 if the run does not begin with that image.
pub fn end_of_cell<T: InImage>(items: &[T], image: u32) -> usize {
    items.iter().take_while(|item| item.image() == image).count()
}

/// One cell with an object on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedCell {
    /// Position of the image.
    pub image: u32,
    /// Places among the group's detections.
    pub detections: Range<usize>,
    /// Places among the group's ground truths.
    pub ground_truths: Range<usize>,
}

/// The cells of one group that have an object on either side, in image order.
pub fn shared_cells<'a, D: InImage, G: InImage>(
    detections: &'a [D],
    ground_truths: &'a [G],
) -> impl Iterator<Item = SharedCell> + 'a {
    let (mut d, mut g) = (0, 0);
    std::iter::from_fn(move || {
        let next_d = detections.get(d).map_or(NOT_EVALUATED, InImage::image);
        let next_g = ground_truths.get(g).map_or(NOT_EVALUATED, InImage::image);
        let image = next_d.min(next_g);
        if image == NOT_EVALUATED {
            return None;
        }
        let (first_d, first_g) = (d, g);
        d += end_of_cell(&detections[d..], image);
        g += end_of_cell(&ground_truths[g..], image);
        Some(SharedCell { image, detections: first_d..d, ground_truths: first_g..g })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Default, Debug, PartialEq)]
    struct At(u32, u32);

    impl InImage for At {
        fn image(&self) -> u32 {
            self.1
        }
    }

    fn cells(image: &[u32], category: &[u32], by_category: bool) -> Cells<At> {
        let positions = Positions { of_image: vec![0, 1, NOT_EVALUATED], of_category: vec![1, 0] };
        Cells::new(
            image,
            category,
            &positions,
            CellGrid { images: 2, categories: 2, by_category },
            &Progress::default(),
            At,
        )
        .unwrap()
    }

    #[test]
    fn objects_keep_their_order_within_a_cell() {
        let cells = cells(&[1, 0, 1, 2, 0, 1], &[0, 0, 0, 0, 1, 1], true);
        assert_eq!(cells.items[cells.group(0)], [At(4, 0), At(5, 1)]);
        assert_eq!(cells.items[cells.group(1)], [At(1, 0), At(0, 1), At(2, 1)]);
    }

    #[test]
    fn objects_of_one_group_are_grouped_in_order() {
        let items = [At(3, 0), At(4, 0), At(5, 1), At(6, 1)];
        let group = |item: &At| [1, NOT_EVALUATED, 0, 1][item.0 as usize - 3];
        let cells = Cells::grouped(&items, 3, group).unwrap();
        assert_eq!(cells.items, [At(5, 1), At(3, 0), At(6, 1)]);
        assert_eq!(cells.groups, [0, 1, 3, 3]);
    }

    #[test]
    fn codes_beyond_the_positions_are_not_evaluated() {
        let sorted = cells(&[0, 1, 2, 7], &[0, 9, 0, 0], true);
        assert_eq!(sorted.items, [At(0, 0)]);
    }

    #[test]
    fn without_categories_objects_come_in_category_order() {
        let cells = cells(&[0, 0, 1, 0, 2], &[0, 1, 0, 0, 0], false);
        assert_eq!(cells.items, [At(1, 0), At(0, 0), At(3, 0), At(2, 1)]);
        assert_eq!(cells.group(0), 0..4);
    }

    #[test]
    fn meetings_visit_each_cell_once() {
        let d = cells(&[0, 0, 1], &[0, 0, 0], true);
        let g = cells(&[1, 1], &[0, 0], true);
        let met: Vec<_> = shared_cells(&d.items[d.group(1)], &g.items[g.group(1)]).collect();
        assert_eq!(met[0], SharedCell { image: 0, detections: 0..2, ground_truths: 0..0 });
        assert_eq!(met[1], SharedCell { image: 1, detections: 2..3, ground_truths: 0..2 });
        assert_eq!(met.len(), 2);
        assert_eq!(shared_cells(&d.items[d.group(0)], &g.items[g.group(0)]).count(), 0);
    }
}
