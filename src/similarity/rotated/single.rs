//! Intersection over union of rotated boxes in single precision, as detectron2 and mmcv compute it.
//!
//! Source: the arithmetic of `box_iou_rotated` in detectron2 (its main branch of 2026) and mmcv (1.7 and 2.2), operation
//! by operation, as compiled for processors without fused multiplication (Python wheels): the bits depend on the order of
//! the sums, on what is done in double precision, and on the order of corners that count as equal.

use crate::columns::RotatedBox;

use super::angle::AngleConvention;
use super::rectangle::enclosing_rectangle;

/// Corners that are found at most, counted as often as they are found.
const MOST: usize = 24;
/// Shorter ranges are sorted by insertion alone.
const SHORT: usize = 16;

type Point = [f32; 2];

/// What the two libraries do differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Library {
    /// Angles are in degrees, counter-clockwise; corners that lie nearly inside count, and are sorted by exchanges.
    Detectron2,
    /// Angles are in radians, clockwise; corners are sorted as GCC's standard library does.
    Mmcv,
}

/// Directions whose cross product is less are the same.
const CLOSE: f64 = 1e-6;
/// How far outside a corner may lie to count as inside, for detectron2.
const TOLERANCE: f64 = 1e-5;

impl Library {
    fn convention(self) -> AngleConvention {
        match self {
            Library::Detectron2 => AngleConvention { radians: false, clockwise: false },
            Library::Mmcv => AngleConvention { radians: true, clockwise: true },
        }
    }

    /// Whether a value lies between zero and an end.
    fn between(self, value: f32, end: f32) -> bool {
        match self {
            Library::Detectron2 => {
                f64::from(value) > -TOLERANCE && f64::from(value) < f64::from(end) + TOLERANCE
            }
            Library::Mmcv => value >= 0.0 && value <= end,
        }
    }
}

/// A rotated box in single precision.
#[derive(Clone, Copy, Debug)]
pub(super) struct SingleBox {
    centre: Point,
    size: [f32; 2],
    /// Half the cosine and half the sine of its angle.
    half: [f32; 2],
    /// Half the diagonal and what lies nearly inside.
    reach: f32,
}

impl SingleBox {
    pub(super) fn new(given: &RotatedBox, convention: AngleConvention, library: Library) -> SingleBox {
        let [x, y, width, height, angle] = enclosing_rectangle(given, convention, library.convention());
        let angle = f64::from(angle as f32);
        // The constant is the library's: pi / 180 to ten digits.
        let theta = if library == Library::Detectron2 { angle * 0.01745329251 } else { angle };
        let size = [width as f32, height as f32];
        SingleBox {
            centre: [x as f32, y as f32],
            size,
            half: [theta.cos() as f32 * 0.5, theta.sin() as f32 * 0.5],
            reach: size[0].hypot(size[1]) * 0.501 + 4e-5 / size[0].min(size[1]),
        }
    }

    /// The corners, for a box that was moved to `centre`.
    fn corners(&self, [x, y]: Point, library: Library) -> [Point; 4] {
        let ([cosine, sine], [width, height]) = (self.half, self.size);
        let (first, second) = match library {
            Library::Detectron2 => (
                [x + sine * height + cosine * width, y + cosine * height - sine * width],
                [x - sine * height + cosine * width, y - cosine * height - sine * width],
            ),
            Library::Mmcv => (
                [x - sine * height - cosine * width, y + cosine * height - sine * width],
                [x + sine * height - cosine * width, y - cosine * height - sine * width],
            ),
        };
        let opposite = |corner: Point| [2.0 * x - corner[0], 2.0 * y - corner[1]];
        [first, second, opposite(first), opposite(second)]
    }
}

/// The intersection over union of two boxes, the detection first.
pub(super) fn single_iou(detection: &SingleBox, ground_truth: &SingleBox, library: Library) -> f32 {
    let area = |given: &SingleBox| given.size[0] * given.size[1];
    let areas = [area(detection), area(ground_truth)];
    if areas.iter().any(|&area| f64::from(area) < 1e-14) {
        return 0.0;
    }
    // Circles that share nothing: no line crosses another.
    let [right, down] = [0, 1].map(|axis| detection.centre[axis] - ground_truth.centre[axis]);
    let near = detection.reach + ground_truth.reach;
    if right * right + down * down > near * near * 1.001 {
        return 0.0;
    }
    // In the middle between the centres coordinates are smallest.
    let middle = [0, 1].map(|axis| f64::from(detection.centre[axis] + ground_truth.centre[axis]) / 2.0);
    let moved = |given: &SingleBox| {
        let centre = [0, 1].map(|axis| (f64::from(given.centre[axis]) - middle[axis]) as f32);
        given.corners(centre, library)
    };
    let (points, count) = shared_points(&moved(detection), &moved(ground_truth), library);
    if count <= 2 {
        return 0.0;
    }
    let intersection = hull_area(&points[..count], library);
    intersection / (areas[0] + areas[1] - intersection)
}

fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

fn cross(a: Point, b: Point) -> f32 {
    a[0] * b[1] - b[0] * a[1]
}

/// The points where sides cross, and the corners of each box that lie within the other one.
fn shared_points(first: &[Point; 4], second: &[Point; 4], library: Library) -> ([Point; MOST], usize) {
    let (mut points, mut count) = ([[0.0; 2]; MOST], 0);
    let mut add = |point: Point| {
        points[count] = point;
        count += 1;
    };
    let sides = |corners: &[Point; 4]| -> [Point; 4] {
        std::array::from_fn(|at| minus(corners[(at + 1) % 4], corners[at]))
    };
    let (of_first, of_second) = (sides(first), sides(second));
    for (start, side) in first.iter().zip(&of_first) {
        for (other_start, other) in second.iter().zip(&of_second) {
            let determinant = cross(*other, *side);
            // Parallel sides.
            if f64::from(determinant.abs()) <= 1e-14 {
                continue;
            }
            let between = minus(*other_start, *start);
            let along = cross(*other, between) / determinant;
            let along_other = cross(*side, between) / determinant;
            if library.between(along, 1.0) && library.between(along_other, 1.0) {
                add([start[0] + side[0] * along, start[1] + side[1] * along]);
            }
        }
    }
    for (corners, within, sides) in [(first, second, &of_second), (second, first, &of_first)] {
        let (along, back) = (sides[0], sides[3]);
        let (length, other_length) = (dot(along, along), dot(back, back));
        for &corner in corners {
            let from_first = minus(corner, within[0]);
            let (one, other) = (dot(from_first, along), -dot(from_first, back));
            if library.between(one, length) && library.between(other, other_length) {
                add(corner);
            }
        }
    }
    (points, count)
}

/// The area of the convex hull of three points or more.
///
/// Source: R. L. Graham, An efficient algorithm for determining the convex hull of a finite planar set, Information
/// Processing Letters 1 (1972), with the tolerances of the libraries.
fn hull_area(given: &[Point], library: Library) -> f32 {
    let count = given.len();
    let mut lowest = 0;
    for (at, point) in given.iter().enumerate() {
        let least = given[lowest];
        if point[1] < least[1] || (point[1] == least[1] && point[0] < least[0]) {
            lowest = at;
        }
    }
    let mut points = [[0.0; 2]; MOST];
    for (point, other) in points.iter_mut().zip(given) {
        *point = minus(*other, given[lowest]);
    }
    let points = &mut points[..count];
    points.swap(0, lowest);
    match library {
        Library::Detectron2 => exchange(points, 1),
        Library::Mmcv => sort(points, 1, |a, b| {
            let turn = cross(a, b);
            if f64::from(turn.abs()) < CLOSE { dot(a, a) < dot(b, b) } else { turn > 0.0 }
        }),
    }
    let distance = |at: usize| dot(points[at], points[at]);
    let Some(second) = (1..count).find(|&at| f64::from(distance(at)) > 1e-8) else { return 0.0 };
    points[1] = points[second];
    let mut kept = 2;
    for at in second + 1..count {
        while kept > 1 {
            let from = points[kept - 2];
            if cross(minus(points[at], from), minus(points[kept - 1], from)) < 0.0 {
                break;
            }
            kept -= 1;
        }
        points[kept] = points[at];
        kept += 1;
    }
    if kept <= 2 {
        return 0.0;
    }
    let mut area = 0.0;
    for pair in points[1..kept].windows(2) {
        area += cross(minus(pair[0], points[0]), minus(pair[1], points[0])).abs();
    }
    area / 2.0
}

/// Sorts `points[start..]` by direction and then by distance, each pair in turn.
fn exchange(points: &mut [Point], start: usize) {
    for i in start..points.len().saturating_sub(1) {
        for j in i + 1..points.len() {
            let turn = f64::from(cross(points[i], points[j]));
            let farther = dot(points[i], points[i]) > dot(points[j], points[j]);
            if turn < -CLOSE || (turn.abs() < CLOSE && farther) {
                points.swap(i, j);
            }
        }
    }
}

/// Sorts `points[start..]` as GCC's standard library does: the order of points that are equal for `before`, and of
/// those among which it contradicts itself, depends on the algorithm.
///
/// Source: introspective sort (D. R. Musser, Software: Practice and Experience 27, 1997), of so few points that its
/// limit of depth is never reached.
fn sort(points: &mut [Point], start: usize, before: impl Fn(Point, Point) -> bool) {
    partition_all(points, start, points.len(), &before);
    let insert = |points: &mut [Point], at: usize, guarded: bool| {
        let point = points[at];
        if guarded && before(point, points[start]) {
            points.copy_within(start..at, start + 1);
            points[start] = point;
            return;
        }
        let mut to = at;
        while to > 0 && before(point, points[to - 1]) {
            points[to] = points[to - 1];
            to -= 1;
        }
        points[to] = point;
    };
    for at in start + 1..points.len() {
        insert(points, at, at < start + SHORT);
    }
}

/// Divides what is longer than [`SHORT`] by the median of three points, again and again.
fn partition_all(
    points: &mut [Point],
    first: usize,
    mut last: usize,
    before: &impl Fn(Point, Point) -> bool,
) {
    while last - first > SHORT {
        let (a, b, c) = (first + 1, first + (last - first) / 2, last - 1);
        let less = |points: &[Point], one: usize, other: usize| before(points[one], points[other]);
        let median = match (less(points, a, b), less(points, b, c), less(points, a, c)) {
            (true, true, _) | (false, false, false) => b,
            (true, false, true) | (false, true, false) => c,
            _ => a,
        };
        points.swap(first, median);
        let pivot = points[first];
        let (mut left, mut right) = (first + 1, last);
        let cut = loop {
            while left < points.len() && before(points[left], pivot) {
                left += 1;
            }
            right -= 1;
            while right > 0 && before(pivot, points[right]) {
                right -= 1;
            }
            if left >= right {
                break left;
            }
            points.swap(left, right);
            left += 1;
        };
        partition_all(points, cut, last, before);
        last = cut;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iou(a: [f64; 5], b: [f64; 5], library: Library) -> f32 {
        let of = |numbers| SingleBox::new(&RotatedBox::Angle(numbers), library.convention(), library);
        single_iou(&of(a), &of(b), library)
    }

    #[test]
    fn upright_squares_overlap_as_one_expects() {
        for library in [Library::Detectron2, Library::Mmcv] {
            let found = iou([0.5, 0.5, 1.0, 1.0, 0.0], [1.0, 0.5, 1.0, 1.0, 0.0], library);
            assert!((found - 1.0 / 3.0).abs() < 1e-6, "{found}");
            assert_eq!(iou([0.5, 0.5, 1.0, 1.0, 0.0], [9.0, 0.5, 1.0, 1.0, 0.3], library), 0.0);
            assert_eq!(iou([0.5, 0.5, 0.0, 1.0, 0.0], [0.5, 0.5, 1.0, 1.0, 0.0], library), 0.0);
        }
    }

    #[test]
    fn longer_ranges_are_sorted_too() {
        let mut points: Vec<Point> = (0..24).map(|at| [(at * 7 % 24) as f32, 0.0]).collect();
        points[0] = [99.0, 0.0];
        sort(&mut points, 1, |a, b| a[0] < b[0]);
        assert_eq!(points[0][0], 99.0);
        assert!(points[1..].is_sorted_by(|a, b| a[0] <= b[0]));
    }
}
