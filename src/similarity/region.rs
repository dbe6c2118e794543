//! Regions of images in which a detection that matches nothing does not count.

use std::sync::Arc;

use super::mask::measure;
use crate::columns::{Geometry, Keypoints, Objects};
use crate::error::{Error, Result, collect, filled, push};
use crate::progress::{Progress, STRETCH};

/// Corners of a polygon in pixels. It may be concave, and its last corner is joined with the first one.
pub type Region = Vec<[f64; 2]>;

/// Makes objects that lie in the regions of their image by `least` of their box or more ignored if they match nothing.
/// `regions` are by image code.
///
/// # Errors
///
/// The objects are rotated boxes; `OutOfMemory`; the work is cancelled.
pub fn ignore_within(
    objects: &mut Objects,
    regions: &[Vec<Region>],
    least: f64,
    progress: &Progress,
) -> Result<()> {
    let mut ignore = within_regions(objects, regions, least, progress)?;
    ignore.iter_mut().zip(&*objects.ignore).for_each(|(within, &ignored)| *within |= ignored);
    objects.ignore = Arc::new(ignore);
    Ok(())
}

/// Which objects lie in the regions.
fn within_regions(
    objects: &Objects,
    regions: &[Vec<Region>],
    least: f64,
    progress: &Progress,
) -> Result<Vec<bool>> {
    let measured = match &objects.geometry {
        Geometry::Masks(masks) => collect(
            measure(masks).into_iter().map(|found| found.map_or([f64::NAN; 4], |found| found.bounds)),
        )?,
        Geometry::RotatedBoxes(_) => return Err(Error::value("regions are of boxes, masks and keypoints")),
        Geometry::Boxes(_) | Geometry::Keypoints(_) => Vec::new(),
    };
    let mut within = filled(objects.len(), false)?;
    for (row, within) in within.iter_mut().enumerate() {
        if row.is_multiple_of(STRETCH) {
            progress.check()?;
        }
        let Some(regions) = regions.get(objects.image[row] as usize).filter(|regions| !regions.is_empty())
        else {
            continue;
        };
        let bounds = match &objects.geometry {
            Geometry::Boxes(boxes) => boxes.get(row),
            Geometry::Keypoints(poses) => extent(poses, row),
            Geometry::Masks(_) | Geometry::RotatedBoxes(_) => measured[row],
        };
        let area = bounds[2] * bounds[3];
        let mut covered = 0.0;
        for region in regions {
            covered += area_within(bounds, region)?;
        }
        *within = area > 0.0 && covered >= least * area;
    }
    Ok(within)
}

/// The box around the keypoints of a detection, which has no other.
fn extent(poses: &Keypoints, row: usize) -> [f64; 4] {
    let [mut left, mut top, mut right, mut bottom] =
        [f64::INFINITY, f64::INFINITY, -f64::INFINITY, -f64::INFINITY];
    for point in row * poses.per_object..(row + 1) * poses.per_object {
        let [x, y] = poses.points.array(2 * point);
        (left, right) = (left.min(x), right.max(x));
        (top, bottom) = (top.min(y), bottom.max(y));
    }
    [left, top, right - left, bottom - top]
}

/// The area of a box `x, y, width, height` that lies in a region.
///
/// Source: I. E. Sutherland and G. W. Hodgman, Reentrant polygon clipping, Communications of the ACM 17 (1974). Where
/// the box cuts a concave region into several, the edges that join them have no area.
///
/// # Errors
///
/// `OutOfMemory`
pub fn area_within([x, y, width, height]: [f64; 4], region: &[[f64; 2]]) -> Result<f64> {
    let (mut corners, mut kept) = (collect(region.iter().copied())?, Vec::new());
    for (axis, sign, limit) in [(0, 1.0, x), (0, -1.0, x + width), (1, 1.0, y), (1, -1.0, y + height)] {
        kept.clear();
        let inside = |corner: &[f64; 2]| sign * (corner[axis] - limit);
        for (at, &corner) in corners.iter().enumerate() {
            let next = corners[(at + 1) % corners.len()];
            let (here, there) = (inside(&corner), inside(&next));
            if here >= 0.0 {
                push(&mut kept, corner)?;
            }
            if (here > 0.0 && there < 0.0) || (here < 0.0 && there > 0.0) {
                let part = here / (here - there);
                let mut crossing =
                    [corner[0] + part * (next[0] - corner[0]), corner[1] + part * (next[1] - corner[1])];
                crossing[axis] = limit;
                push(&mut kept, crossing)?;
            }
        }
        std::mem::swap(&mut corners, &mut kept);
    }
    let cross = |at: usize| {
        let (a, b) = (corners[at], corners[(at + 1) % corners.len()]);
        (a[0] - x) * (b[1] - y) - (b[0] - x) * (a[1] - y)
    };
    Ok((0..corners.len()).map(cross).sum::<f64>().abs() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::area_within;

    #[test]
    fn the_part_of_a_box_within_a_region() {
        let bounds = [2.0, 2.0, 4.0, 4.0];
        let of = |region: &[[f64; 2]]| area_within(bounds, region).unwrap();
        assert_eq!(of(&[[0.0, 0.0], [9.0, 0.0], [9.0, 9.0], [0.0, 9.0]]), 16.0);
        assert_eq!(of(&[[0.0, 9.0], [4.0, 9.0], [4.0, 0.0], [0.0, 0.0]]), 8.0);
        assert_eq!(of(&[[2.0, 2.0], [6.0, 2.0], [2.0, 6.0]]), 8.0);
        assert_eq!(of(&[[7.0, 7.0], [9.0, 7.0], [9.0, 9.0]]), 0.0);
        // The letter U: its two arms are within.
        let letter =
            [[2.0, 0.0], [3.0, 0.0], [3.0, 8.0], [5.0, 8.0], [5.0, 0.0], [6.0, 0.0], [6.0, 9.0], [2.0, 9.0]];
        assert_eq!(of(&letter), 8.0);
        assert_eq!(of(&[]), 0.0);
    }
}
