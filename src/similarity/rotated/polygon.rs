//! Intersection over union of convex polygons of up to four corners.

use super::angle::AngleConvention;
use super::clip::{Point, areas, cross, double_area};
use super::double_double::{DoubleDouble, Real};
use crate::columns::RotatedBox;

/// A union of less than the square of the largest coordinate divided by this is computed with more digits.
///
/// In doubles the areas are within about 20 units in the last place of that square, which is then less than 1e-12 of
/// the union.
const SLENDER: f64 = 200.0;

/// The convex hull of a box's corners.
#[derive(Clone, Copy, Debug)]
pub(super) struct Polygon {
    /// What the corners are relative to: a rotated box's centre, so that its size loses no digits far from the origin.
    centre: Point<f64>,
    /// Corners, in mathematically positive direction (x to y), the one that is first by its numbers first.
    corners: [Point<f64>; 4],
    /// How many there are; none if the polygon has no area.
    count: usize,
    /// Its area.
    area: f64,
    /// Bounds: least x, least y, most x, most y.
    bounds: [f64; 4],
}

impl Polygon {
    /// The hull of a box with cosine and sine of its angle: its corners may be given in any order, and one within the
    /// triangle of the others does not count.
    pub(super) fn new(given: &RotatedBox, turn: [f64; 2]) -> Polygon {
        let (centre, points) = relative_corners(given, turn);
        let [width, height] = given.sides();
        let (corners, count) = match given {
            RotatedBox::Angle(_) | RotatedBox::Cuboid(_) if is_plump(width, height) => {
                (from_first(points), 4)
            }
            _ => convex_hull(points),
        };
        let mut polygon = Polygon { centre, corners, count, area: 0.0, bounds: [0.0; 4] };
        polygon.bounds = polygon.measured_bounds();
        polygon.area = double_area(&polygon.corners[..count]) / 2.0;
        polygon
    }

    fn measured_bounds(&self) -> [f64; 4] {
        let [mut left, mut top] = [f64::INFINITY; 2];
        let [mut right, mut bottom] = [f64::NEG_INFINITY; 2];
        for [x, y] in &self.corners[..self.count] {
            (left, right) = (left.min(*x), right.max(*x));
            (top, bottom) = (top.min(*y), bottom.max(*y));
        }
        // No corner lies outside, however the sum is rounded.
        let outwards = |relative: f64, centre: f64, sign: f64| {
            let sum = centre + relative;
            sum + sign * (sum.abs() + centre.abs()) * f64::EPSILON
        };
        let [x, y] = self.centre;
        [outwards(left, x, -1.0), outwards(top, y, -1.0), outwards(right, x, 1.0), outwards(bottom, y, 1.0)]
    }

    /// Corners relative to a point, times a power of two.
    #[inline]
    fn around<R: Real>(&self, origin: Point<f64>, scale: f64) -> [Point<R>; 4] {
        let shift = |axis: usize| R::from_double(self.centre[axis]) - R::from_double(origin[axis]);
        let ([right, down], scale) = ([shift(0), shift(1)], R::from_double(scale));
        let mut points = [[scale; 2]; 4];
        for (point, [x, y]) in points.iter_mut().zip(&self.corners) {
            *point = [(right + R::from_double(*x)) * scale, (down + R::from_double(*y)) * scale];
        }
        points
    }

    /// Whether this one comes first when two are compared: an order of the numbers, so that it does not matter which
    /// one is given first.
    #[inline]
    fn precedes(&self, other: &Polygon) -> bool {
        let numbers = |polygon: &Polygon| [polygon.centre, polygon.corners[0], polygon.corners[2]];
        for (ours, theirs) in numbers(self).as_flattened().iter().zip(numbers(other).as_flattened()) {
            if ours != theirs {
                return ours < theirs;
            }
        }
        self.corners.as_flattened().partial_cmp(other.corners.as_flattened())
            != Some(std::cmp::Ordering::Greater)
    }
}

/// Whether the corners of a rectangle of these sides are all of its hull, however they are rounded.
fn is_plump(width: f64, height: f64) -> bool {
    let (least, most) = (width.min(height), width.max(height));
    least > 1e-6 * most && least > 1e-100 && most < 1e100
}

/// The corners of a rectangle, which are in positive direction already, as [`convex_hull`] begins them.
fn from_first(corners: [Point<f64>; 4]) -> [Point<f64>; 4] {
    let precedes = |[a, b]: Point<f64>, [c, d]: Point<f64>| (a < c) | ((a == c) & (b < d));
    let first = (1..4).fold(0, |first, at| if precedes(corners[at], corners[first]) { at } else { first });
    std::array::from_fn(|at| corners[(first + at) % 4])
}

/// A point, and the corners of a box, with cosine and sine of its angle, relative to it.
fn relative_corners(given: &RotatedBox, [cosine, sine]: [f64; 2]) -> (Point<f64>, [Point<f64>; 4]) {
    match *given {
        RotatedBox::Angle([x, y, width, height, _]) => {
            let along = [cosine * width / 2.0, -sine * width / 2.0];
            let across = [sine * height / 2.0, cosine * height / 2.0];
            let corner = |a: f64, b: f64| [a * along[0] + b * across[0], a * along[1] + b * across[1]];
            ([x, y], [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)])
        }
        RotatedBox::Cuboid([x, y, _, length, width, _, yaw]) => {
            relative_corners(&RotatedBox::Angle([x, y, length, width, yaw]), [cosine, sine])
        }
        RotatedBox::Corners([x1, y1, x2, y2, x3, y3, x4, y4]) => {
            ([0.0; 2], [[x1, y1], [x2, y2], [x3, y3], [x4, y4]])
        }
    }
}

/// The corners of a box in pixels: those that were given, or those of the rectangle, the one first that is the left
/// upper one without rotation.
pub fn rotated_corners(given: &RotatedBox, convention: AngleConvention) -> [[f64; 2]; 4] {
    let ([x, y], corners) = relative_corners(given, convention.turn_of(given));
    corners.map(|[right, down]| [x + right, y + down])
}

/// Intersection over union of a detection and a ground truth; for a crowd, over the detection's area alone. Nothing
/// without an area overlaps anything.
///
/// The same boxes give exactly 1, and without crowds the order does not matter. Where the value is less than `floor`,
/// only that is sure.
#[inline]
pub(super) fn polygon_iou(detection: &Polygon, ground_truth: &Polygon, crowd: bool, floor: f64) -> f64 {
    match overlap(detection, ground_truth, crowd, floor) {
        None => 0.0,
        Some([intersection, of_detection, of_ground_truth]) => {
            intersection / if crowd { of_detection } else { of_detection + of_ground_truth - intersection }
        }
    }
}

/// The areas of the intersection, the detection and the ground truth, in a unit of their own; none where they do not
/// overlap, or surely by less than `floor`.
#[inline]
pub(super) fn overlap(
    detection: &Polygon,
    ground_truth: &Polygon,
    crowd: bool,
    floor: f64,
) -> Option<[f64; 3]> {
    let (a, b) = (&detection.bounds, &ground_truth.bounds);
    let (width, height) = (a[2].min(b[2]) - a[0].max(b[0]), a[3].min(b[3]) - a[1].max(b[1]));
    if !(width > 0.0 && height > 0.0) || detection.count < 3 || ground_truth.count < 3 {
        return None;
    }
    // What it can be at most.
    let most = (width * height).min(detection.area).min(ground_truth.area);
    let least = if crowd { detection.area } else { detection.area + ground_truth.area - most };
    if most < floor * least * (1.0 - 1e-9) {
        return None;
    }
    let swapped = !detection.precedes(ground_truth);
    let (first, second) = if swapped { (ground_truth, detection) } else { (detection, ground_truth) };
    let ordered = |[intersection, of_first, of_second]: [f64; 3]| match swapped {
        true => [intersection, of_second, of_first],
        false => [intersection, of_first, of_second],
    };
    let origin = [first.centre[0] + first.corners[0][0], first.centre[1] + first.corners[0][1]];
    let (p, q) = (first.around::<f64>(origin, 1.0), second.around::<f64>(origin, 1.0));
    let reach =
        |points: &[Point<f64>]| points.as_flattened().iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    let reach = reach(&p[..first.count]).max(reach(&q[..second.count]));
    let areas = areas(&p[..first.count], &q[..second.count]);
    let union = areas[1] + areas[2] - areas[0];
    let divisor = if crowd { areas[1].min(areas[2]) } else { union };
    if divisor * SLENDER >= reach * reach && (1e-200..1e200).contains(&divisor) {
        return Some(ordered(areas));
    }
    Some(ordered(precise_areas(first, second, origin, reach)))
}

/// As [`areas`], of polygons that are slender, or very small or large, in which doubles lose too many digits.
#[cold]
fn precise_areas(first: &Polygon, second: &Polygon, origin: Point<f64>, reach: f64) -> [f64; 3] {
    let scale = to_one(reach);
    let (p, q) = (first.around::<DoubleDouble>(origin, scale), second.around::<DoubleDouble>(origin, scale));
    areas(&p[..first.count], &q[..second.count])
}

/// The power of two that makes a number about one, so that products neither overflow nor vanish.
fn to_one(number: f64) -> f64 {
    f64::powi(2.0, (-number.log2().round()).clamp(-1000.0, 1000.0) as i32)
}

/// Whether `c` lies to the left of the line from `a` to `b`.
fn turns_left(a: Point<f64>, b: Point<f64>, c: Point<f64>) -> bool {
    let (one, other) = ((b[0] - a[0]) * (c[1] - a[1]), (b[1] - a[1]) * (c[0] - a[0]));
    let rounding = 4.0 * f64::EPSILON * (one.abs() + other.abs());
    if (one - other).abs() > rounding && (1e-200..1e200).contains(&rounding) {
        return one > other;
    }
    let scale = to_one([a, b, c].as_flattened().iter().fold(0.0_f64, |most, x| most.max(x.abs())));
    let [a, b, c] = [a, b, c].map(|point| point.map(|x| DoubleDouble::from_double(x * scale)));
    cross(a, b, c).is_positive()
}

/// The convex hull of four points in positive direction, and the number of its corners; none if it has no area.
///
/// Source: A. M. Andrew, Another efficient algorithm for convex hulls in two dimensions, Information Processing Letters
/// 9 (1979).
pub(super) fn convex_hull(mut points: [Point<f64>; 4]) -> ([Point<f64>; 4], usize) {
    // No NaN gets here; -0 and 0 are the same.
    points.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let chain = |points: &mut dyn Iterator<Item = Point<f64>>| {
        let (mut chain, mut count) = ([[0.0; 2]; 4], 0);
        for point in points {
            while count >= 2 && !turns_left(chain[count - 2], chain[count - 1], point) {
                count -= 1;
            }
            chain[count] = point;
            count += 1;
        }
        // The last point is the first of the other chain.
        (chain, count - 1)
    };
    let (lower, upper) = (chain(&mut points.iter().copied()), chain(&mut points.iter().rev().copied()));
    let mut corners = [[0.0; 2]; 4];
    let count = lower.1 + upper.1;
    if !(3..=4).contains(&count) {
        return (corners, 0);
    }
    corners[..lower.1].copy_from_slice(&lower.0[..lower.1]);
    corners[lower.1..count].copy_from_slice(&upper.0[..upper.1]);
    (corners, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn polygon(given: &RotatedBox) -> Polygon {
        Polygon::new(given, AngleConvention::default().turn_of(given))
    }

    fn of(numbers: [f64; 5]) -> Polygon {
        polygon(&RotatedBox::Angle(numbers))
    }

    fn of_corners(numbers: [f64; 8]) -> Polygon {
        polygon(&RotatedBox::Corners(numbers))
    }

    fn iou(a: &Polygon, b: &Polygon) -> f64 {
        polygon_iou(a, b, false, f64::NEG_INFINITY)
    }

    #[test]
    fn positive_angles_turn_counter_clockwise_where_y_points_down() {
        // A wide box turned by a little has its right end higher up.
        let given = RotatedBox::Angle([50.0, 50.0, 40.0, 1.0, 20.0]);
        let right_end = |clockwise| {
            let corners = rotated_corners(&given, AngleConvention { radians: false, clockwise });
            corners.into_iter().max_by(|a, b| a[0].total_cmp(&b[0])).map(|corner| corner[1]).unwrap()
        };
        assert!(right_end(false) < 45.0 && right_end(true) > 55.0);
    }

    #[test]
    fn upright_boxes_overlap_as_upright_boxes() {
        let mut random = Random::new(2);
        for _ in 0..2000 {
            let mut number = |end: u64| random.below(end) as f64 / 4.0;
            let boxes = [0; 2].map(|_| [number(100), number(100), 1.0 + number(80), 1.0 + number(80)]);
            let expected = crate::similarity::box_iou(&boxes[0], &boxes[1], false);
            for turn in [0.0, 90.0, -180.0, 270.0] {
                let [a, b] = boxes.map(|[x, y, w, h]| {
                    let (width, height) = if turn % 180.0 == 0.0 { (w, h) } else { (h, w) };
                    of([x + w / 2.0, y + h / 2.0, width, height, turn])
                });
                assert!((iou(&a, &b) - expected).abs() < 1e-15, "{boxes:?} {turn}");
            }
        }
    }

    #[test]
    fn a_box_and_itself_overlap_wholly() {
        let mut random = Random::new(3);
        for _ in 0..5000 {
            let mut number = |scale: f64| (random.unit() - 0.5) * scale;
            let given = [number(1e4), number(1e4), number(100.0).abs(), number(1e-3).abs(), number(1000.0)];
            let turned = of(given);
            assert_eq!(iou(&turned, &turned), 1.0, "{given:?}");
            let corners = of_corners([0; 8].map(|_| number(500.0)));
            assert_eq!(iou(&corners, &corners), 1.0, "{corners:?}");
        }
        let tiny = of([0.0, 0.0, 1e-160, 1e-170, 33.0]);
        let huge = of([1e200, 1e200, 1e190, 1e195, 33.0]);
        assert_eq!((iou(&tiny, &tiny), iou(&huge, &huge)), (1.0, 1.0));
    }

    #[test]
    fn the_hull_of_a_rectangle_is_its_corners() {
        let mut random = Random::new(6);
        for at in 0..20_000 {
            let mut number = |scale: f64| (random.unit() - 0.5) * scale;
            let angle = if at % 4 == 0 { f64::from(at) * 22.5 } else { number(720.0) };
            let sides = [number(50.0).abs(), number(50.0).abs() * 10.0_f64.powi(-(at % 6))];
            let given = RotatedBox::Angle([number(99.0), number(99.0), sides[0], sides[1], angle]);
            let corners = relative_corners(&given, AngleConvention::default().turn_of(&given)).1;
            if is_plump(sides[0], sides[1]) {
                assert_eq!((from_first(corners), 4), convex_hull(corners), "{given:?}");
            }
        }
    }

    #[test]
    fn the_order_does_not_matter() {
        let mut random = Random::new(4);
        for _ in 0..20_000 {
            let mut number = |scale: f64| (random.unit() - 0.5) * scale;
            let turned =
                of([number(9.0), number(9.0), number(20.0).abs(), number(20.0).abs(), number(360.0)]);
            let corners = of_corners([0; 8].map(|_| number(20.0)));
            let other = of([number(9.0), number(9.0), number(20.0).abs(), number(1e-3).abs(), number(360.0)]);
            for (a, b) in [(&turned, &corners), (&turned, &other), (&corners, &other)] {
                let found = iou(a, b);
                assert_eq!(found, iou(b, a));
                assert!((0.0..=1.0).contains(&found), "{found}");
            }
        }
    }

    #[test]
    fn corners_count_in_any_order() {
        let square = [[1.0, 2.0], [4.0, 2.0], [4.0, 6.0], [1.0, 6.0]];
        let whole = of_corners([1.0, 2.0, 4.0, 2.0, 4.0, 6.0, 1.0, 6.0]);
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 1, 3], [1, 3, 2, 0]] {
            let corners: Vec<f64> = order.into_iter().flat_map(|at: usize| square[at]).collect();
            let polygon = of_corners(corners.try_into().unwrap());
            assert_eq!((polygon.count, iou(&polygon, &whole)), (4, 1.0));
        }
        // A corner within the triangle of the others, one on a side, and one twice.
        for inner in [[2.0, 3.0], [2.0, 2.0], [1.0, 2.0]] {
            let [x, y] = inner;
            let triangle = of_corners([1.0, 2.0, x, y, 4.0, 2.0, 1.0, 6.0]);
            assert_eq!((triangle.count, iou(&triangle, &whole)), (3, 0.5));
        }
    }

    #[test]
    fn what_has_no_area_overlaps_nothing() {
        let point = of([3.0, 3.0, 0.0, 0.0, 10.0]);
        let line = of([3.0, 3.0, 4.0, 0.0, 10.0]);
        let diagonal = of_corners([0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        let square = of([3.0, 3.0, 4.0, 4.0, 10.0]);
        for flat in [&point, &line, &diagonal] {
            assert_eq!((iou(flat, flat), iou(flat, &square), iou(&square, flat)), (0.0, 0.0, 0.0));
        }
    }

    #[test]
    fn touching_boxes_do_not_overlap() {
        let (a, b) = (of([0.0, 0.0, 2.0, 2.0, 0.0]), of([2.0, 0.0, 2.0, 2.0, 0.0]));
        assert!(iou(&a, &b) < 1e-15);
        let beyond = of([1.0 + 2.0_f64.sqrt() + 1e-9, 0.0, 2.0, 2.0, 45.0]);
        assert_eq!(iou(&a, &beyond), 0.0);
    }

    #[test]
    fn a_crowd_is_compared_with_the_area_of_the_detection() {
        let (small, large) = (of([0.0, 0.0, 2.0, 1.0, 30.0]), of([0.0, 0.0, 8.0, 8.0, 30.0]));
        assert!((polygon_iou(&small, &large, true, 0.0) - 1.0).abs() < 1e-15);
        assert!((polygon_iou(&large, &small, true, 0.0) - 2.0 / 64.0).abs() < 1e-15);
    }

    #[test]
    fn below_the_floor_a_value_is_below_the_floor() {
        let mut random = Random::new(5);
        for _ in 0..20_000 {
            let mut number = |scale: f64| (random.unit() - 0.5) * scale;
            let mut any =
                || of([number(9.0), number(9.0), number(20.0).abs(), number(20.0).abs(), number(360.0)]);
            let (a, b) = (any(), any());
            for crowd in [false, true] {
                let exact = polygon_iou(&a, &b, crowd, f64::NEG_INFINITY);
                let found = polygon_iou(&a, &b, crowd, 0.3);
                assert!(if exact >= 0.3 { found == exact } else { found < 0.3 });
            }
        }
    }
}
