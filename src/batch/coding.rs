//! Both sides of a batch under the same codes, where each comes with codes of its own.

use std::sync::Arc;

use crate::columns::{Interner, Key, Objects};
use crate::error::{Result, can_allocate, collect, copied, zeros};
use crate::matching::NOT_EVALUATED;
use crate::progress::Progress;

/// Bytes that an id takes in a book of codes that grows, at most.
const OF_A_KEY: usize = 192;

/// Objects, and the ids that their codes stand for.
pub struct SideWithIds<'a> {
    /// The objects.
    pub objects: &'a Objects,
    /// The id of each image code.
    pub image_ids: Vec<Key>,
    /// The id of each category code.
    pub category_ids: Vec<Key>,
}

/// Objects whose categories are coded as those of the other side, and the position of each of their image codes.
pub type CodedSide = (Objects, Vec<u32>);

/// What the positions of images and the codes of categories stand for.
#[derive(Clone, Debug)]
pub struct BatchIds {
    /// The number of images.
    pub images: usize,
    /// The id of each image; none where they have no ids.
    pub image_ids: Vec<Key>,
    /// The categories.
    pub categories: Interner,
}

/// The order of the positions of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageOrder {
    /// That in which they first come.
    Given,
    /// That of their ids.
    Sorted,
}

/// Ground truth and detections under one code for each category, after those of `categories`, and one position for each
/// image. `images`: ids of all images, for those that have no objects.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn coded(
    [ground_truth, detections]: [SideWithIds<'_>; 2],
    images: &[Key],
    mut categories: Interner,
    order: ImageOrder,
    progress: &Progress,
) -> Result<([CodedSide; 2], BatchIds)> {
    let objects = ground_truth.objects.len() + detections.objects.len();
    let ids = ground_truth.image_ids.len() + detections.image_ids.len() + images.len();
    can_allocate(objects.saturating_mul(size_of::<u64>()).saturating_add(ids.saturating_mul(OF_A_KEY)))?;
    let mut book = Interner::default();
    book.codes(images)?;
    let mut side = |side: SideWithIds<'_>| -> Result<CodedSide> {
        let positions = book.codes(&side.image_ids)?;
        let renamed = categories.codes(&side.category_ids)?;
        let code = |&code: &u32| renamed.get(code as usize).copied().unwrap_or(NOT_EVALUATED);
        let category = Arc::new(collect(side.objects.category.iter().map(code))?);
        Ok((Objects { category, ..side.objects.clone() }, positions))
    };
    let mut sides = [side(ground_truth)?, side(detections)?];
    let image_ids = match order {
        ImageOrder::Given => copied(book.keys())?,
        ImageOrder::Sorted => {
            let order = book.sorted(progress)?;
            let mut places: Vec<u32> = zeros(order.len())?;
            order.iter().zip(0..).for_each(|(&code, place)| places[code as usize] = place);
            let positions = sides.iter_mut().flat_map(|(_, positions)| positions);
            positions.for_each(|position| *position = places[*position as usize]);
            collect(order.into_iter().map(|code| book.keys()[code as usize].clone()))?
        }
    };
    Ok((sides, BatchIds { images: image_ids.len(), image_ids, categories }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::boxes;

    fn text(name: &str) -> Key {
        Key::Text(name.into())
    }

    /// Ground truth of images b and a, detections of images a and c, whose categories are coded the other way round.
    fn case(order: ImageOrder) -> ([CodedSide; 2], BatchIds) {
        let (gt, dt) =
            (boxes(&[(0, 0, 9.0, 0.0), (1, 1, 9.0, 0.0)]), boxes(&[(0, 0, 9.0, 0.5), (1, 7, 9.0, 0.5)]));
        let side = |objects, images: [&str; 2], categories: [i64; 2]| SideWithIds {
            objects,
            image_ids: images.map(text).to_vec(),
            category_ids: categories.map(Key::Number).to_vec(),
        };
        let sides = [side(&gt, ["b", "a"], [5, 6]), side(&dt, ["a", "c"], [6, 5])];
        let mut known = Interner::default();
        known.code(&Key::Number(9)).unwrap();
        coded(sides, &[text("d")], known, order, &Progress::default()).unwrap()
    }

    #[test]
    fn categories_have_one_code_on_both_sides_after_those_known() {
        let ([gt, dt], ids) = case(ImageOrder::Given);
        assert_eq!(ids.categories.keys(), [9, 5, 6].map(Key::Number));
        assert_eq!((&*gt.0.category, &*dt.0.category), (&vec![1, 2], &vec![2, NOT_EVALUATED]));
    }

    #[test]
    fn images_are_in_the_order_given_or_sorted() {
        let ([gt, dt], ids) = case(ImageOrder::Given);
        assert_eq!(ids.image_ids, ["d", "b", "a", "c"].map(text));
        assert_eq!((ids.images, gt.1, dt.1), (4, vec![1, 2], vec![2, 3]));
        let ([gt, dt], ids) = case(ImageOrder::Sorted);
        assert_eq!(ids.image_ids, ["a", "b", "c", "d"].map(text));
        assert_eq!((ids.images, gt.1, dt.1), (4, vec![1, 0], vec![0, 2]));
    }
}
