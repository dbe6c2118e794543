//! Areas of convex polygons and of their intersection.

use super::double_double::Real;

pub(super) type Point<R> = [R; 2];

/// More corners than the intersection of two quadrilaterals has, which are eight.
const MOST: usize = 10;

/// Corners, and one more that turns out not to be any.
type Corners<R> = [Point<R>; MOST + 1];

/// Twice the areas of the intersection and of both polygons.
///
/// Source: I. E. Sutherland and G. W. Hodgman, Reentrant polygon clipping, Communications of the ACM 17 (1974).
#[inline]
pub(super) fn areas<R: Real>(first: &[Point<R>], second: &[Point<R>]) -> [f64; 3] {
    let zero = R::from_double(0.0);
    let (mut polygon, mut spare): (Corners<R>, Corners<R>) = ([[zero; 2]; MOST + 1], [[zero; 2]; MOST + 1]);
    let (mut polygon, mut spare) = (&mut polygon, &mut spare);
    let mut count = first.len();
    polygon[..count].copy_from_slice(first);
    for (at, &start) in second.iter().enumerate() {
        let next = if at + 1 == second.len() { 0 } else { at + 1 };
        match cut(polygon, count, start, second[next], spare) {
            Cut::Nothing => {}
            Cut::To(0..3) => return [0.0, double_area(first).to_double(), double_area(second).to_double()],
            Cut::To(left) => {
                count = left;
                std::mem::swap(&mut polygon, &mut spare);
            }
        }
    }
    let of_both = [double_area(first), double_area(second)].map(R::to_double);
    let intersection = double_area(&polygon[..count]).to_double();
    [intersection.max(0.0).min(of_both[0]).min(of_both[1]), of_both[0], of_both[1]]
}

/// What has been cut off a polygon: nothing, or all but a polygon of so many corners.
enum Cut {
    Nothing,
    To(usize),
}

/// Cuts off what lies to the right of the line from `start` to `end`; what is left is in `left`, if it is less.
///
/// Which corners are left is as good as random, so nothing in the loop depends on a branch: each corner is written, and
/// the next one over it if it does not count.
#[inline]
fn cut<R: Real>(
    polygon: &Corners<R>,
    count: usize,
    start: Point<R>,
    end: Point<R>,
    left: &mut Corners<R>,
) -> Cut {
    let mut sides = [R::from_double(0.0); MOST];
    let (mut inside, mut outside) = (false, false);
    for (side, corner) in sides.iter_mut().zip(&polygon[..count]) {
        *side = cross(start, end, *corner);
        outside |= side.is_negative();
        inside |= side.is_positive();
    }
    if !outside {
        return Cut::Nothing;
    }
    if !inside {
        return Cut::To(0);
    }
    let mut kept = 0;
    // The rounding of what is nearly on a line may make a corner more than there should be, of no area.
    let mut keep = |corner: Point<R>, counts: bool| {
        left[kept] = corner;
        kept += usize::from(counts & (kept < MOST));
    };
    for at in 0..count {
        let next = if at + 1 == count { 0 } else { at + 1 };
        let ([a, b], [of_a, of_b]) = ([polygon[at], polygon[next]], [sides[at], sides[next]]);
        keep(a, !of_a.is_negative());
        let crosses = (of_a.is_positive() & of_b.is_negative()) | (of_a.is_negative() & of_b.is_positive());
        let part = of_a / (of_a - of_b);
        keep([a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1])], crosses);
    }
    Cut::To(kept)
}

/// Twice the area of the triangle `a, b, c`; above zero where `c` lies to the left of the line from `a` to `b`.
#[inline]
pub(super) fn cross<R: Real>(a: Point<R>, b: Point<R>, c: Point<R>) -> R {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// Twice the area of a polygon: the triangles that its first corner makes with the other sides.
#[inline]
pub(super) fn double_area<R: Real>(points: &[Point<R>]) -> R {
    let mut sum = R::from_double(0.0);
    if let Some((first, others)) = points.split_first() {
        for side in others.windows(2) {
            sum = sum + cross(*first, side[0], side[1]);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_intersection_is_what_both_have() {
        let square = |left: f64, top: f64, side: f64| {
            [[left, top], [left + side, top], [left + side, top + side], [left, top + side]]
        };
        let of = |a: [Point<f64>; 4], b: [Point<f64>; 4]| areas(&a, &b);
        assert_eq!(of(square(0.0, 0.0, 4.0), square(2.0, 1.0, 4.0)), [12.0, 32.0, 32.0]);
        assert_eq!(of(square(0.0, 0.0, 4.0), square(1.0, 1.0, 2.0)), [8.0, 32.0, 8.0]);
        assert_eq!(of(square(0.0, 0.0, 4.0), square(0.0, 0.0, 4.0)), [32.0, 32.0, 32.0]);
        assert_eq!(of(square(0.0, 0.0, 4.0), square(5.0, 0.0, 4.0)), [0.0, 32.0, 32.0]);
        // An octagon.
        let diamond = [[2.0, -1.0], [5.0, 2.0], [2.0, 5.0], [-1.0, 2.0]];
        assert_eq!(of(square(0.0, 0.0, 4.0), diamond), [28.0, 32.0, 36.0]);
    }

    #[test]
    fn there_are_never_more_corners_than_the_most() {
        // Sides that alternate, as of no convex polygon.
        let zigzag: [Point<f64>; 10] =
            std::array::from_fn(|at| [at as f64, if at % 2 == 0 { 1.0 } else { -1.0 }]);
        let mut polygon = [[0.0; 2]; MOST + 1];
        polygon[..MOST].copy_from_slice(&zigzag);
        let mut left = polygon;
        assert!(matches!(cut(&polygon, MOST, [0.0, 0.0], [1.0, 0.0], &mut left), Cut::To(MOST)));
    }
}
