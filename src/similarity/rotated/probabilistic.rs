//! Probabilistic intersection over union: one minus the Hellinger distance of normal distributions with the boxes' moments.
//!
//! Source: J. M. Llerena et al., Gaussian bounding boxes and probabilistic intersection-over-union for object detection,
//! arXiv 2106.06072, in single precision and with the small numbers that Ultralytics adds. Its cosines, logarithms and
//! exponentials are PyTorch's, which differ from the standard library's in the last bits.

use crate::columns::RotatedBox;

use super::angle::AngleConvention;
use super::rectangle::enclosing_rectangle;

/// What is added where a divisor, a logarithm or a root may be zero.
const EPSILON: f32 = 1e-7;

/// The normal distribution of a box: centre, variances along x and y, and covariance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gaussian {
    centre: [f32; 2],
    variance: [f32; 2],
    covariance: f32,
}

impl Gaussian {
    pub(super) fn new(given: &RotatedBox, convention: AngleConvention) -> Gaussian {
        let clockwise = AngleConvention { radians: true, clockwise: true };
        let [x, y, width, height, angle] =
            enclosing_rectangle(given, convention, clockwise).map(|number| number as f32);
        let [a, b] = [width, height].map(|side| side * side / 12.0);
        let (sine, cosine) = angle.sin_cos();
        let (cosine2, sine2) = (cosine * cosine, sine * sine);
        Gaussian {
            centre: [x, y],
            variance: [a * cosine2 + b * sine2, a * sine2 + b * cosine2],
            covariance: (a - b) * cosine * sine,
        }
    }
}

/// The similarity of two boxes, the ground truth first.
pub(super) fn probabilistic_iou(ground_truth: &Gaussian, detection: &Gaussian) -> f32 {
    let ([x1, y1], [x2, y2]) = (ground_truth.centre, detection.centre);
    let ([a1, b1], [a2, b2]) = (ground_truth.variance, detection.variance);
    let (c1, c2) = (ground_truth.covariance, detection.covariance);
    let square = |x: f32| x * x;
    let (a, b, c) = (a1 + a2, b1 + b2, c1 + c2);
    let determinant = a * b - square(c);
    let distance = (a * square(y1 - y2) + b * square(x1 - x2)) / (determinant + EPSILON) * 0.25;
    let turned = c * (x2 - x1) * (y1 - y2) / (determinant + EPSILON) * 0.5;
    let own = (a1 * b1 - square(c1)).max(0.0) * (a2 * b2 - square(c2)).max(0.0);
    let shape = (determinant / (4.0 * own.sqrt() + EPSILON) + EPSILON).ln() * 0.5;
    let bhattacharyya = (distance + turned + shape).clamp(EPSILON, 100.0);
    1.0 - (1.0 - (-bhattacharyya).exp() + EPSILON).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn similarity(a: [f64; 5], b: [f64; 5]) -> f32 {
        let convention = AngleConvention { radians: true, clockwise: true };
        let [a, b] = [a, b].map(|numbers| Gaussian::new(&RotatedBox::Angle(numbers), convention));
        probabilistic_iou(&a, &b)
    }

    #[test]
    fn the_same_boxes_are_nearly_one_and_far_ones_nearly_zero() {
        let given = [50.0, 50.0, 30.0, 10.0, 0.4];
        assert!(similarity(given, given) > 0.999);
        assert!(similarity(given, [500.0, 50.0, 30.0, 10.0, 0.4]) < 1e-6);
        // A square has no direction.
        let (square, turned) = ([5.0, 5.0, 4.0, 4.0, 0.0], [5.0, 5.0, 4.0, 4.0, 0.7]);
        assert!(similarity(square, turned) > 0.999);
    }
}
