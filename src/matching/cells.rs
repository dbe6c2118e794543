//! Which objects meet: a compressed index from (category, image) to the objects of one side.

use std::ops::Range;

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
    fn image(&self, code: u32) -> u32 {
        self.of_image.get(code as usize).copied().unwrap_or(NOT_EVALUATED)
    }

    fn category(&self, code: u32) -> u32 {
        self.of_category.get(code as usize).copied().unwrap_or(NOT_EVALUATED)
    }
}

/// The evaluated grid, never allocated.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Evaluated images.
    pub images: usize,
    /// Evaluated categories.
    pub categories: usize,
    /// Whether categories keep objects apart. If not, all categories of an image are one cell, its objects in
    /// category order.
    pub by_category: bool,
}

impl Extent {
    /// Groups of cells: one for each category, or a single one.
    pub fn groups(&self) -> usize {
        if self.by_category { self.categories } else { 1 }
    }
}

/// One side's objects, grouped by category and sorted by image, in input order within a cell.
#[derive(Clone, Debug)]
pub struct Cells {
    order: Vec<u32>,
    image: Vec<u32>,
    group: Vec<u32>,
}

impl Cells {
    /// Sorts objects into cells by counting: linear in objects, images and categories.
    pub fn new(image: &[u32], category: &[u32], positions: &Positions, extent: Extent) -> Cells {
        let kept: Vec<u32> = (0..image.len())
            .filter(|&i| {
                positions.image(image[i]) != NOT_EVALUATED && positions.category(category[i]) != NOT_EVALUATED
            })
            .map(|i| i as u32)
            .collect();
        let image_of = |i: u32| positions.image(image[i as usize]);
        let category_of = |i: u32| positions.category(category[i as usize]);
        let order = if extent.by_category {
            let by_image = counting_sort(kept, extent.images, image_of).0;
            let (order, group) = counting_sort(by_image, extent.categories, category_of);
            return Cells { image: order.iter().map(|&i| image_of(i)).collect(), order, group };
        } else {
            let by_category = counting_sort(kept, extent.categories, category_of).0;
            counting_sort(by_category, extent.images, image_of).0
        };
        let group = vec![0, order.len() as u32];
        Cells { image: order.iter().map(|&i| image_of(i)).collect(), order, group }
    }

    /// Places of one group's objects.
    pub fn group(&self, group: usize) -> Range<usize> {
        self.group[group] as usize..self.group[group + 1] as usize
    }

    /// The objects at `places`.
    pub fn objects(&self, places: Range<usize>) -> &[u32] {
        &self.order[places]
    }

    /// The image position of the object at `place`.
    pub fn image(&self, place: usize) -> u32 {
        self.image[place]
    }

    /// The places of one cell.
    pub fn cell(&self, group: usize, image: u32) -> Range<usize> {
        let range = self.group(group);
        let first = range.start + self.image[range.clone()].partition_point(|&i| i < image);
        first..self.end_of_image(range, image)
    }

    /// The end of `image` and those before it, within `range` of one group.
    fn end_of_image(&self, range: Range<usize>, image: u32) -> usize {
        range.start + self.image[range].partition_point(|&i| i <= image)
    }

    /// The end of the cell that begins at `place`, within `end`.
    fn cell_end(&self, place: usize, end: usize) -> usize {
        let image = self.image[place];
        let same = self.image[place..end].iter().take_while(|&&i| i == image).count();
        place + same
    }
}

/// Stable counting sort of `items` by a small key; also the start of each key's run, and the end.
fn counting_sort(items: Vec<u32>, keys: usize, key: impl Fn(u32) -> u32) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; keys + 1];
    let mut sorted = true;
    let mut last = 0;
    for &item in &items {
        let key = key(item);
        sorted &= key >= last;
        last = key;
        starts[key as usize + 1] += 1;
    }
    for key in 0..keys {
        starts[key + 1] += starts[key];
    }
    if sorted {
        return (items, starts);
    }
    let mut next = starts.clone();
    let mut order = vec![0; items.len()];
    for item in items {
        let place = &mut next[key(item) as usize];
        order[*place as usize] = item;
        *place += 1;
    }
    (order, starts)
}

/// One cell with an object on either side: its image and where its detections and ground truths are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// Position of the image.
    pub image: u32,
    /// Places among the detections' [`Cells`].
    pub detections: Range<usize>,
    /// Places among the ground truths' [`Cells`].
    pub ground_truths: Range<usize>,
}

/// The cells that have an object on either side, in image order, among the given places of one group.
pub fn meetings<'a>(
    detections: &'a Cells,
    mut d: Range<usize>,
    ground_truths: &'a Cells,
    mut g: Range<usize>,
) -> impl Iterator<Item = Meeting> + 'a {
    std::iter::from_fn(move || {
        let next_d = d.clone().next().map(|place| detections.image(place));
        let next_g = g.clone().next().map(|place| ground_truths.image(place));
        let image = match (next_d, next_g) {
            (None, None) => return None,
            (Some(image), None) | (None, Some(image)) => image,
            (Some(a), Some(b)) => a.min(b),
        };
        let take = |cells: &Cells, rest: &mut Range<usize>, next: Option<u32>| {
            let start = rest.start;
            if next == Some(image) {
                rest.start = cells.cell_end(start, rest.end);
            }
            start..rest.start
        };
        let detections = take(detections, &mut d, next_d);
        let ground_truths = take(ground_truths, &mut g, next_g);
        Some(Meeting { image, detections, ground_truths })
    })
}

/// One group cut between images into shares of about `size` detections: places of detections and of ground truths.
pub fn shares(
    detections: &Cells,
    ground_truths: &Cells,
    group: usize,
    size: usize,
) -> Vec<(Range<usize>, Range<usize>)> {
    let (mut d, mut g) = (detections.group(group), ground_truths.group(group));
    let mut shares = Vec::new();
    while d.len() > size {
        let last = detections.image(d.start + size - 1);
        let d_end = detections.end_of_image(d.clone(), last);
        let g_end = ground_truths.end_of_image(g.clone(), last);
        shares.push((d.start..d_end, g.start..g_end));
        (d.start, g.start) = (d_end, g_end);
    }
    shares.push((d, g));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(image: &[u32], category: &[u32], by_category: bool) -> Cells {
        let positions = Positions { of_image: vec![0, 1, NOT_EVALUATED], of_category: vec![1, 0] };
        Cells::new(image, category, &positions, Extent { images: 2, categories: 2, by_category })
    }

    #[test]
    fn objects_keep_their_order_within_a_cell() {
        let cells = cells(&[1, 0, 1, 2, 0, 1], &[0, 0, 0, 0, 1, 1], true);
        assert_eq!(cells.objects(cells.group(0)), [4, 5]);
        assert_eq!(cells.objects(cells.group(1)), [1, 0, 2]);
        assert_eq!(cells.objects(cells.cell(1, 1)), [0, 2]);
        assert!(cells.cell(0, 7).is_empty());
    }

    #[test]
    fn without_categories_objects_come_in_category_order() {
        let cells = cells(&[0, 0, 1, 0], &[0, 1, 0, 0], false);
        assert_eq!(cells.objects(cells.group(0)), [1, 0, 3, 2]);
    }

    #[test]
    fn meetings_visit_each_cell_once() {
        let d = cells(&[0, 0, 1], &[0, 0, 0], true);
        let g = cells(&[1, 1], &[0, 0], true);
        let met: Vec<_> = meetings(&d, d.group(1), &g, g.group(1)).collect();
        assert_eq!(met[0], Meeting { image: 0, detections: 0..2, ground_truths: 0..0 });
        assert_eq!(met[1], Meeting { image: 1, detections: 2..3, ground_truths: 0..2 });
        assert_eq!(met.len(), 2);
        assert_eq!(meetings(&d, d.group(0), &g, g.group(0)).count(), 0);
        assert_eq!(shares(&d, &g, 1, 1), [(0..2, 0..0), (2..3, 0..2)]);
    }
}
