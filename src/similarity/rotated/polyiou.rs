//! Intersection over union of quadrilaterals as the development kit of DOTA computes it.
//!
//! Source: the arithmetic of its `polyiou`, operation by operation: both polygons are divided into triangles with the
//! origin of the image, with signs, and what is smaller than [`TOLERANCE`] counts as zero.

/// Lengths and areas that count as zero.
const TOLERANCE: f64 = 1e-8;
/// Most corners of a triangle that three lines have cut, and one that closes it.
const MOST: usize = 16;

type Point = [f64; 2];

/// The intersection over union of two quadrilaterals, the ground truth first; 0 where the kit does not compare them, as
/// the upright boxes around them, of whole pixels, do not overlap.
pub(super) fn quadrilateral_iou(mut ground_truth: [Point; 4], mut detection: [Point; 4]) -> f64 {
    if separate(&ground_truth, &detection) {
        return 0.0;
    }
    for corners in [&mut ground_truth, &mut detection] {
        if area(corners) < 0.0 {
            corners.reverse();
        }
    }
    let mut intersection = 0.0;
    for i in 0..4 {
        for j in 0..4 {
            let (one, other) =
                ([ground_truth[i], ground_truth[(i + 1) % 4]], [detection[j], detection[(j + 1) % 4]]);
            intersection += triangles(one, other);
        }
    }
    let union = area(&ground_truth).abs() + area(&detection).abs() - intersection;
    let iou = intersection / union;
    // Without an area on either side the kit has NaN, which matches nothing.
    if iou.is_nan() { 0.0 } else { iou }
}

fn separate(ground_truth: &[Point; 4], detection: &[Point; 4]) -> bool {
    let bounds = |corners: &[Point; 4], axis: usize| {
        let along = || corners.iter().map(|corner| corner[axis]);
        (along().fold(f64::INFINITY, f64::min), along().fold(f64::NEG_INFINITY, f64::max))
    };
    [0, 1].into_iter().any(|axis| {
        let ((a, b), (c, d)) = (bounds(ground_truth, axis), bounds(detection, axis));
        b.min(d) - a.max(c) + 1.0 <= 0.0
    })
}

fn sign(value: f64) -> i32 {
    i32::from(value > TOLERANCE) - i32::from(value < -TOLERANCE)
}

fn cross(origin: Point, a: Point, b: Point) -> f64 {
    (a[0] - origin[0]) * (b[1] - origin[1]) - (b[0] - origin[0]) * (a[1] - origin[1])
}

fn area(corners: &[Point]) -> f64 {
    let mut sum = 0.0;
    for (at, a) in corners.iter().enumerate() {
        let b = corners[(at + 1) % corners.len()];
        sum += a[0] * b[1] - a[1] * b[0];
    }
    sum / 2.0
}

/// The area that two triangles share, each made of a side and the origin; below zero if one side turns about the origin
/// in the other direction.
fn triangles(mut one: [Point; 2], mut other: [Point; 2]) -> f64 {
    let origin = [0.0; 2];
    let signs = [sign(cross(origin, one[0], one[1])), sign(cross(origin, other[0], other[1]))];
    if signs.contains(&0) {
        return 0.0;
    }
    for (side, sign) in [&mut one, &mut other].into_iter().zip(signs) {
        if sign < 0 {
            side.swap(0, 1);
        }
    }
    let mut polygon = [[0.0; 2]; MOST];
    polygon[1..3].copy_from_slice(&one);
    let mut count = 3;
    for (start, end) in [(origin, other[0]), (other[0], other[1]), (other[1], origin)] {
        count = cut(&mut polygon, count, start, end);
    }
    let shared = if count == 0 { 0.0 } else { area(&polygon[..count]).abs() };
    if signs[0] * signs[1] < 0 { -shared } else { shared }
}

/// Cuts off what lies to the right of a line; gives the number of corners that are left.
fn cut(polygon: &mut [Point; MOST], count: usize, start: Point, end: Point) -> usize {
    let (mut left, mut kept) = ([[0.0; 2]; MOST], 0);
    for at in 0..count {
        let (a, b) = (polygon[at], polygon[(at + 1) % count]);
        let [of_a, of_b] = [a, b].map(|corner| cross(start, end, corner));
        if sign(of_a) > 0 {
            left[kept] = a;
            kept += 1;
        }
        if sign(of_a) != sign(of_b) {
            // DIFFERENCE: a side that is nearly on the line has no point here in the kit, which then reads what an
            // earlier call has left in its place.
            if sign(of_b - of_a) != 0 {
                left[kept] = [0, 1].map(|axis| (a[axis] * of_b - b[axis] * of_a) / (of_b - of_a));
                kept += 1;
            }
        }
    }
    let same = |a: Point, b: Point| sign(a[0] - b[0]) == 0 && sign(a[1] - b[1]) == 0;
    let mut count = 0;
    for at in 0..kept {
        if at == 0 || !same(left[at], left[at - 1]) {
            polygon[count] = left[at];
            count += 1;
        }
    }
    while count > 1 && same(polygon[count - 1], polygon[0]) {
        count -= 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: [Point; 4] = [[1.0, 1.0], [3.0, 1.0], [3.0, 3.0], [1.0, 3.0]];

    fn moved(right: f64, down: f64) -> [Point; 4] {
        SQUARE.map(|[x, y]| [x + right, y + down])
    }

    #[test]
    fn squares_overlap_as_one_expects() {
        assert!((quadrilateral_iou(SQUARE, moved(1.0, 0.0)) - 1.0 / 3.0).abs() < 1e-12);
        assert!((quadrilateral_iou(moved(1.0, 1.0), SQUARE) - 1.0 / 7.0).abs() < 1e-12);
        let mut reversed = SQUARE;
        reversed.reverse();
        assert!((quadrilateral_iou(SQUARE, reversed) - 1.0).abs() < 1e-12);
        assert_eq!(quadrilateral_iou(SQUARE, moved(3.0, 0.0)), 0.0);
    }

    #[test]
    fn a_corner_within_the_triangle_of_the_others_counts() {
        let arrow = [[1.0, 1.0], [3.0, 1.0], [1.5, 1.5], [1.0, 3.0]];
        assert!((quadrilateral_iou(SQUARE, arrow) - 1.0 / 4.0).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_area_overlaps_nothing() {
        assert_eq!(quadrilateral_iou([[2.0; 2]; 4], [[2.0; 2]; 4]), 0.0);
    }
}
