//! What is compared of a box: its numbers first, its polygon where these say too little.

use std::cell::OnceCell;

use super::angle::AngleConvention;
use super::polygon::{Polygon, overlap, polygon_iou};
use super::screen::{MARGIN, SAFE};
use crate::columns::RotatedBox;

/// A box with cosine and sine of its angle, and its polygon once a pair needs it.
#[derive(Debug)]
pub(super) struct Shape {
    given: RotatedBox,
    turn: [f64; 2],
    polygon: OnceCell<Polygon>,
}

impl Shape {
    pub(super) fn new(given: &RotatedBox, convention: AngleConvention) -> Shape {
        Shape { given: *given, turn: convention.turn_of(given), polygon: OnceCell::new() }
    }

    /// Centre, width and height, of a box in space as it is seen from above; none of corners.
    #[inline]
    fn rectangle(&self) -> Option<[f64; 4]> {
        match self.given {
            RotatedBox::Angle([x, y, width, height, _])
            | RotatedBox::Cuboid([x, y, _, width, height, _, _]) => Some([x, y, width, height]),
            RotatedBox::Corners(_) => None,
        }
    }

    fn polygon(&self) -> &Polygon {
        self.polygon.get_or_init(|| Polygon::new(&self.given, self.turn))
    }
}

/// As [`polygon_iou`].
#[inline]
pub(super) fn shape_iou(detection: &Shape, ground_truth: &Shape, crowd: bool, floor: f64) -> f64 {
    if floor > 0.0 && !may_reach(detection, ground_truth, crowd, floor) {
        return 0.0;
    }
    polygon_iou(detection.polygon(), ground_truth.polygon(), crowd, floor)
}

/// As [`overlap`].
#[inline]
pub(super) fn shape_overlap(
    detection: &Shape,
    ground_truth: &Shape,
    crowd: bool,
    floor: f64,
) -> Option<[f64; 3]> {
    if floor > 0.0 && !may_reach(detection, ground_truth, crowd, floor) {
        return None;
    }
    overlap(detection.polygon(), ground_truth.polygon(), crowd, floor)
}

/// Whether the intersection over union (for a crowd: over the detection's area) may be `floor` or more: the intersection
/// is no larger than that of the ground truth with the rectangle, parallel to it, around the detection.
#[inline]
fn may_reach(detection: &Shape, ground_truth: &Shape, crowd: bool, floor: f64) -> bool {
    let (Some([x, y, width, height]), Some([other_x, other_y, other_width, other_height])) =
        (detection.rectangle(), ground_truth.rectangle())
    else {
        return true;
    };
    let (area, other_area) = (width * height, other_width * other_height);
    if !(SAFE.contains(&area) & SAFE.contains(&other_area)) {
        return true;
    }
    let ([cosine, sine], [other_cosine, other_sine]) = (detection.turn, ground_truth.turn);
    let (right, down) = (x - other_x, y - other_y);
    let (along, across) =
        (right * other_cosine - down * other_sine, right * other_sine + down * other_cosine);
    let parallel = (cosine * other_cosine + sine * other_sine).abs();
    let upright = (sine * other_cosine - cosine * other_sine).abs();
    // What rounding takes away is relative to all of these.
    let lost = (width + height + other_width + other_height + along.abs() + across.abs()) * 1e-14;
    let overlap = |distance: f64, own: f64, other: f64| {
        ((own + other) / 2.0 - distance.abs()).min(own).min(other).max(0.0) + lost
    };
    let most = (overlap(along, width * parallel + height * upright, other_width)
        * overlap(across, width * upright + height * parallel, other_height))
    .min(area)
    .min(other_area);
    let least = if crowd { area } else { area + other_area - most };
    !(most < floor * least * (1.0 - MARGIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, tries};

    #[test]
    fn only_what_is_below_the_floor_is_excluded() {
        let mut random = Random::new(7);
        let mut excluded = 0;
        for round in 0..tries(40_000) {
            let mut number = |most: f64| random.below(1000) as f64 / 1000.0 * most;
            let scale = [1.0, 1e-90, 1e-120, 1e90, 1e120][round % 5];
            let slender = [1.0, 1e-3, 1e-7][round % 3];
            let away = [0.0, 1e6][round % 2] * scale;
            let mut any = || {
                let [x, y, width, height] = [5.0, 5.0, 9.0, 9.0].map(|most| number(most) * scale);
                let angle = if round % 7 == 0 { 90.0 } else { number(360.0) };
                let given = RotatedBox::Angle([x + away, y, width, height * slender, angle]);
                Shape::new(&given, AngleConvention::default())
            };
            let (a, b) = (any(), any());
            for (one, other) in [(&a, &b), (&a, &a)] {
                for (crowd, floor) in [(false, 0.3), (true, 0.3), (false, 1.0), (true, 1.0)] {
                    let exact = shape_iou(one, other, crowd, f64::NEG_INFINITY);
                    let may = may_reach(one, other, crowd, floor);
                    assert!(may || exact < floor, "{one:?} {other:?} {exact}");
                    excluded += usize::from(!may);
                }
            }
        }
        assert!(excluded > tries(50_000), "{excluded}");
    }
}
