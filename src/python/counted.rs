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

/// The rank of each detection among all those of its image, best score first; 0 where that is none of the images.
pub(super) fn ranks_in_images(dt: &Objects, images: usize, progress: &Progress) -> Result<Vec<u32>> {
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
pub(super) fn only_of_ranks(dt: &mut Objects, ranks: &[u32], limit: usize) -> Result<()> {
    let mut image = copied(&dt.image)?;
    let beyond = image.iter_mut().zip(ranks).filter(|(_, rank)| **rank as usize >= limit);
    beyond.for_each(|(image, _)| *image = NOT_EVALUATED);
    dt.image = Arc::new(image);
    Ok(())
}

/// Ignores the objects that are lower or higher than that, and leaves out detections that clearly are.
pub(super) fn only_of_heights(gt: &mut Objects, dt: &mut Objects, [least, most]: [f64; 2]) -> Result<()> {
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
