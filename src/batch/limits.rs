//! Which detections and objects of an image count at all, before any are matched.

use std::sync::Arc;

use crate::columns::{Geometry, Objects};
use crate::error::{Result, collect, copied, filled};
use crate::matching::NOT_EVALUATED;
use crate::progress::Progress;
use crate::score::descending_key;
use crate::sort::sort_by_integer;

/// How much higher or lower than an object a detection is to be to take no part.
///
/// Source: `expFilter` of the evaluation of CityPersons.
const HEIGHT_MARGIN: f64 = 1.25;

/// Limits on what counts in an image.
#[derive(Clone, Debug, Default)]
pub struct ImageLimits {
    /// Limit on the detections of each image, over all categories.
    pub max_per_image: Option<usize>,
    /// Whether a protocol's limits on detections are of each image, too, and not of each category in it.
    pub limit_per_image: bool,
    /// Least and greatest height of an object that is not ignored.
    pub heights: Option<[f64; 2]>,
}

impl ImageLimits {
    /// Leaves out what is beyond the limits, of which `max_detections` is that of each category. Gives the rank of each
    /// detection among those of its image, where that is what limits of the protocol count.
    ///
    /// `by_category`: whether a cell is a category of an image; if not, it is an image. `images`: the number of images,
    /// or of codes of images if there are more of these.
    pub(super) fn apply(
        &self,
        (gt, dt): (&mut Objects, &mut Objects),
        by_category: bool,
        images: usize,
        max_detections: usize,
        progress: &Progress,
    ) -> Result<Option<Vec<u32>>> {
        let limit_per_image = self.limit_per_image && by_category;
        let mut ranks = None;
        if self.max_per_image.is_some() || limit_per_image {
            let of_image = ranks_in_images(dt, images, progress)?;
            let of_all = if limit_per_image { max_detections } else { usize::MAX };
            only_of_ranks(dt, &of_image, self.max_per_image.unwrap_or(usize::MAX).min(of_all))?;
            ranks = limit_per_image.then_some(of_image);
        }
        if let Some(heights) = self.heights {
            only_of_heights(gt, dt, heights)?;
        }
        Ok(ranks)
    }
}

/// The rank of each detection among all those of its image, best score first; 0 where that is none of the images.
fn ranks_in_images(dt: &Objects, images: usize, progress: &Progress) -> Result<Vec<u32>> {
    let mut order: Vec<u32> = collect(0..dt.len() as u32)?;
    sort_by_integer(&mut order, &mut Vec::new(), progress, |&d| descending_key(dt.score.get(d as usize)))?;
    let mut seen = filled(images, 0)?;
    let mut ranks = filled(dt.len(), 0)?;
    for d in order {
        let Some(count) = seen.get_mut(dt.image[d as usize] as usize) else { continue };
        ranks[d as usize] = *count;
        *count += 1;
    }
    Ok(ranks)
}

/// Leaves out the detections of that rank and beyond.
fn only_of_ranks(dt: &mut Objects, ranks: &[u32], limit: usize) -> Result<()> {
    let mut image = copied(&dt.image)?;
    let beyond = image.iter_mut().zip(ranks).filter(|(_, rank)| **rank as usize >= limit);
    beyond.for_each(|(image, _)| *image = NOT_EVALUATED);
    dt.image = Arc::new(image);
    Ok(())
}

/// Ignores the objects that are lower or higher than that, and leaves out detections that clearly are.
fn only_of_heights(gt: &mut Objects, dt: &mut Objects, [least, most]: [f64; 2]) -> Result<()> {
    if let Geometry::Boxes(boxes) = &gt.geometry {
        let outside = |g: usize| !(least..=most).contains(&boxes.size(g)[1]);
        gt.crowd = Arc::new(collect((0..gt.len()).map(|g| gt.crowd[g] || outside(g)))?);
        gt.ignore = Arc::new(collect((0..gt.len()).map(|g| gt.ignore[g] || outside(g)))?);
    }
    if let Geometry::Boxes(boxes) = &dt.geometry {
        let range = least / HEIGHT_MARGIN..most * HEIGHT_MARGIN;
        let image = |d: usize| if range.contains(&boxes.size(d)[1]) { dt.image[d] } else { NOT_EVALUATED };
        dt.image = Arc::new(collect((0..dt.len()).map(image))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::boxes;

    fn applied(limits: &ImageLimits, by_category: bool) -> (Objects, Objects, Option<Vec<u32>>) {
        // Scores 0.5, 0.9, 0.7 in image 0, 0.2 in image 1; of categories 0, 1, 0 and 0.
        let mut dt = boxes(&[(0, 0, 10.0, 0.5), (0, 1, 20.0, 0.9), (0, 0, 30.0, 0.7), (1, 0, 24.0, 0.2)]);
        let mut gt = boxes(&[(0, 0, 10.0, 0.0), (0, 0, 20.0, 0.0), (1, 0, 30.0, 0.0)]);
        let ranks = limits.apply((&mut gt, &mut dt), by_category, 2, 2, &Progress::default()).unwrap();
        (gt, dt, ranks)
    }

    #[test]
    fn without_limits_nothing_changes() {
        let (gt, dt, ranks) = applied(&ImageLimits::default(), true);
        assert_eq!((&*dt.image, &*gt.ignore, ranks), (&vec![0, 0, 0, 1], &vec![false; 3], None));
    }

    #[test]
    fn the_best_detections_of_an_image_count() {
        let limits = ImageLimits { max_per_image: Some(1), ..ImageLimits::default() };
        let (_, dt, ranks) = applied(&limits, true);
        assert_eq!((&*dt.image, ranks), (&vec![NOT_EVALUATED, 0, NOT_EVALUATED, 1], None));
    }

    #[test]
    fn limits_of_images_are_those_of_the_protocol_and_give_ranks() {
        let limits = ImageLimits { limit_per_image: true, ..ImageLimits::default() };
        let (_, dt, ranks) = applied(&limits, true);
        assert_eq!((&*dt.image, ranks), (&vec![NOT_EVALUATED, 0, 0, 1], Some(vec![2, 0, 1, 0])));
        // A cell that is an image is limited by the protocol itself.
        let (_, dt, ranks) = applied(&limits, false);
        assert_eq!((&*dt.image, ranks), (&vec![0, 0, 0, 1], None));
    }

    #[test]
    fn heights_have_a_margin_for_detections() {
        let limits = ImageLimits { heights: Some([15.0, 20.0]), ..ImageLimits::default() };
        let (gt, dt, _) = applied(&limits, true);
        assert_eq!((&*gt.ignore, &*gt.crowd), (&vec![true, false, true], &vec![true, false, true]));
        assert_eq!(*dt.image, [NOT_EVALUATED, 0, NOT_EVALUATED, 1]);
    }
}
