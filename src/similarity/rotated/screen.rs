//! What a rotated box's numbers alone say about its overlap: no corner is computed.

use crate::columns::RotatedBox;

/// A circle around a box, and its area.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline {
    x: f64,
    y: f64,
    /// Infinite, or larger than it need be, where its square would have lost digits.
    radius: f64,
    /// NaN where it has lost digits, or only corners are known, which may be in any order.
    area: f64,
}

/// Areas beyond these may have lost digits.
pub(super) const SAFE: std::ops::Range<f64> = 1e-200..1e200;

/// Takes what rounding may add or take away.
pub(super) const MARGIN: f64 = 1e-9;

impl Outline {
    #[inline]
    pub(super) fn new(given: &RotatedBox) -> Outline {
        let circle = |x, y, radius: f64, area| Outline {
            x,
            y,
            radius: if radius < 1e99 { radius.max(1e-99) } else { f64::INFINITY },
            area: if SAFE.contains(&area) { area } else { f64::NAN },
        };
        match *given {
            RotatedBox::Angle([x, y, width, height, _])
            | RotatedBox::Cuboid([x, y, _, width, height, _, _]) => {
                circle(x, y, (width * width + height * height).sqrt() / 2.0, width * height)
            }
            RotatedBox::Corners([x1, y1, x2, y2, x3, y3, x4, y4]) => {
                let ends = |a: f64, b: f64, c: f64, d: f64| [a.min(b).min(c.min(d)), a.max(b).max(c.max(d))];
                let ([left, right], [top, bottom]) = (ends(x1, x2, x3, x4), ends(y1, y2, y3, y4));
                let (width, height) = (right - left, bottom - top);
                // The middle is rounded to digits of the corners, not of the size.
                let lost = (left.abs() + right.abs() + top.abs() + bottom.abs()) * f64::EPSILON;
                let radius = (width * width + height * height).sqrt() / 2.0 + lost;
                circle(left + width / 2.0, top + height / 2.0, radius, f64::NAN)
            }
        }
    }

    /// Whether the intersection over union (for a crowd: over the detection's area) may be `floor` or more, which is
    /// above zero.
    #[inline]
    pub(super) fn may_reach(detection: &Outline, ground_truth: &Outline, crowd: bool, floor: f64) -> bool {
        let (right, down) = (detection.x - ground_truth.x, detection.y - ground_truth.y);
        let reach = detection.radius + ground_truth.radius;
        let apart = right * right + down * down > reach * reach * (1.0 + MARGIN);
        let least = floor * (1.0 - MARGIN);
        let small = ground_truth.area < least * detection.area;
        let large = !crowd & (detection.area < least * ground_truth.area);
        !(apart | small | large)
    }
}

#[cfg(test)]
mod tests {
    use super::super::angle::AngleConvention;
    use super::super::polygon::{Polygon, polygon_iou, rotated_corners};
    use super::*;
    use crate::random::{Random, tries};

    #[test]
    fn only_what_is_below_the_floor_is_excluded() {
        let mut random = Random::new(5);
        let mut excluded = 0;
        for round in 0..tries(20_000) {
            let mut number = |most: f64| random.below(1000) as f64 / 1000.0 * most;
            let scale = [1.0, 1e-90, 1e-120, 1e90, 1e120][round % 5];
            let mut any = || {
                let [x, y, width, height] = [20.0, 20.0, 9.0, 9.0].map(|most| number(most) * scale);
                RotatedBox::Angle([x, y, width, height, number(360.0)])
            };
            let (a, b) = (any(), any());
            let corners = |given: &RotatedBox| {
                let points = rotated_corners(given, AngleConvention::default());
                RotatedBox::Corners(points.as_flattened().try_into().expect("four points"))
            };
            for (a, b) in [(a, b), (corners(&a), corners(&b)), (a, a)] {
                let polygon =
                    |given: &RotatedBox| Polygon::new(given, AngleConvention::default().turn_of(given));
                let polygons = [polygon(&a), polygon(&b)];
                for (crowd, floor) in [(false, 0.3), (true, 0.3), (false, 1.0), (true, 1.0)] {
                    let iou = polygon_iou(&polygons[0], &polygons[1], crowd, f64::NEG_INFINITY);
                    let may = Outline::may_reach(&Outline::new(&a), &Outline::new(&b), crowd, floor);
                    assert!(may || iou < floor, "{a:?} {b:?} {iou}");
                    excluded += usize::from(!may);
                }
            }
        }
        assert!(excluded > tries(10_000), "{excluded}");
    }
}
