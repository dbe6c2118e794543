//! Rotated boxes of five numbers, of whatever was given.

use crate::columns::RotatedBox;

use super::angle::AngleConvention;
use super::polygon::convex_hull;

/// Centre, width, height and angle in the `wanted` convention: those that were given, or of corners the smallest rectangle
/// around them.
pub(super) fn enclosing_rectangle(
    given: &RotatedBox,
    convention: AngleConvention,
    wanted: AngleConvention,
) -> [f64; 5] {
    match *given {
        RotatedBox::Angle([x, y, width, height, angle]) => {
            let angle = match (convention.radians, wanted.radians) {
                (true, false) => angle.to_degrees(),
                (false, true) => angle.to_radians(),
                _ => angle,
            };
            [x, y, width, height, if convention.clockwise == wanted.clockwise { angle } else { -angle }]
        }
        RotatedBox::Cuboid([x, y, _, length, width, _, yaw]) => {
            enclosing_rectangle(&RotatedBox::Angle([x, y, length, width, yaw]), AngleConvention::YAW, wanted)
        }
        RotatedBox::Corners(numbers) => {
            let [x, y, width, height, angle] = smallest_rectangle(&numbers);
            let angle = if wanted.radians { angle } else { angle.to_degrees() };
            [x, y, width, height, if wanted.clockwise { angle } else { -angle }]
        }
    }
}

/// Centre, width, height and angle (radians, from x to y) of the rectangle of least area around four corners: one of its
/// sides lies on one of the hull's.
fn smallest_rectangle(numbers: &[f64; 8]) -> [f64; 5] {
    let corners = std::array::from_fn(|at| [numbers[2 * at], numbers[2 * at + 1]]);
    let (hull, count) = convex_hull(corners);
    let mut best = [0.0; 5];
    let mut least = f64::INFINITY;
    for at in 0..count {
        let (start, end) = (hull[at], hull[(at + 1) % count]);
        let (right, down) = (end[0] - start[0], end[1] - start[1]);
        let length = right.hypot(down);
        let (cosine, sine) = (right / length, down / length);
        let (mut along, mut across) = ([0.0_f64; 2], [0.0_f64; 2]);
        for corner in &hull[..count] {
            let (x, y) = (corner[0] - start[0], corner[1] - start[1]);
            let (one, other) = (x * cosine + y * sine, y * cosine - x * sine);
            along = [along[0].min(one), along[1].max(one)];
            across = [across[0].min(other), across[1].max(other)];
        }
        let (width, height) = (along[1] - along[0], across[1] - across[0]);
        if width * height < least {
            least = width * height;
            let (one, other) = ((along[0] + along[1]) / 2.0, (across[0] + across[1]) / 2.0);
            let x = start[0] + one * cosine - other * sine;
            let y = start[1] + one * sine + other * cosine;
            best = [x, y, width, height, sine.atan2(cosine)];
        }
    }
    if count == 0 {
        let [x, y] = [0, 1].map(|axis| corners.iter().map(|corner| corner[axis]).sum::<f64>() / 4.0);
        best = [x, y, 0.0, 0.0, 0.0];
    }
    best
}

#[cfg(test)]
mod tests {
    use super::super::polygon::rotated_corners;
    use super::*;

    const CLOCKWISE: AngleConvention = AngleConvention { radians: true, clockwise: true };

    #[test]
    fn units_and_directions_are_converted() {
        let degrees = AngleConvention { radians: false, clockwise: false };
        let given = RotatedBox::Angle([1.0, 2.0, 3.0, 4.0, 90.0]);
        let found = enclosing_rectangle(&given, degrees, CLOCKWISE);
        assert_eq!(found, [1.0, 2.0, 3.0, 4.0, -std::f64::consts::FRAC_PI_2]);
        assert_eq!(enclosing_rectangle(&given, degrees, degrees), [1.0, 2.0, 3.0, 4.0, 90.0]);
    }

    #[test]
    fn the_rectangle_of_its_corners_is_the_same_one() {
        let given = RotatedBox::Angle([10.0, 20.0, 8.0, 3.0, 0.3]);
        let corners = rotated_corners(&given, CLOCKWISE);
        let numbers: Vec<f64> = corners.into_iter().flatten().collect();
        let around = RotatedBox::Corners(numbers.try_into().unwrap());
        let found = RotatedBox::Angle(enclosing_rectangle(&around, CLOCKWISE, CLOCKWISE));
        let mut again = rotated_corners(&found, CLOCKWISE);
        let mut before = corners;
        again.sort_by(|a, b| a[0].total_cmp(&b[0]));
        before.sort_by(|a, b| a[0].total_cmp(&b[0]));
        for (a, b) in again.as_flattened().iter().zip(before.as_flattened()) {
            assert!((a - b).abs() < 1e-12, "{again:?} {before:?}");
        }
        // Of a triangle within it, the half.
        let triangle = RotatedBox::Corners([0.0, 0.0, 4.0, 0.0, 4.0, 0.0, 0.0, 2.0]);
        let [_, _, width, height, _] = enclosing_rectangle(&triangle, CLOCKWISE, CLOCKWISE);
        assert_eq!(width * height, 8.0);
    }
}
