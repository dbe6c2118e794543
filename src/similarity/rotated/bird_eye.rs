//! Intersection over union of boxes in space that turn about the vertical: the intersection as it is seen from above,
//! times the height that both have.

use std::sync::Arc;

use super::angle::AngleConvention;
use super::shape::{Shape, shape_iou, shape_overlap};
use super::{Sides, prepared};
use crate::columns::{Geometry, GeometryKind, Objects, RotatedBox};
use crate::error::{Error, Result};
use crate::similarity::{Similarity, SimilarityKind};

/// Intersection over union of volumes.
pub(in crate::similarity) static BOX_3D: SimilarityKind = SimilarityKind {
    name: "box3d",
    geometry: GeometryKind::Boxes3d,
    parameters: &[],
    compare: |detections, ground_truths, _| {
        let sides = sides_in_space(detections, ground_truths)?;
        Ok(prepared(sides, true, Solid::new, solid_iou))
    },
};

/// Intersection over union of what is seen from above.
pub(in crate::similarity) static BEV: SimilarityKind = SimilarityKind {
    name: "bev",
    geometry: GeometryKind::Boxes3d,
    parameters: &[],
    compare: |detections, ground_truths, _| -> Result<Box<dyn Similarity>> {
        let sides = sides_in_space(detections, ground_truths)?;
        let seen_from_above = |given: &RotatedBox| Shape::new(given, AngleConvention::YAW);
        Ok(prepared(sides, true, seen_from_above, shape_iou))
    },
};

/// The columns of both sides, which must hold boxes in space.
///
/// # Errors
///
/// They hold something else.
pub(in crate::similarity) fn sides_in_space(detections: &Objects, ground_truths: &Objects) -> Result<Sides> {
    let boxes = |objects: &Objects| match &objects.geometry {
        Geometry::RotatedBoxes(boxes) if boxes.is_empty() || boxes.width() == 7 => Ok(Arc::clone(boxes)),
        _ => Err(Error::wrong_type("this similarity needs 3D boxes on both sides")),
    };
    Ok((boxes(detections)?, boxes(ground_truths)?, ground_truths.crowd.clone()))
}

/// A box in space: from above, and where along the vertical.
struct Solid {
    base: Shape,
    middle: f64,
    height: f64,
}

impl Solid {
    fn new(given: &RotatedBox) -> Solid {
        let (middle, height) = match given {
            RotatedBox::Cuboid([_, _, z, _, _, height, _]) => (*z, *height),
            RotatedBox::Angle(_) | RotatedBox::Corners(_) => (0.0, 0.0),
        };
        Solid { base: Shape::new(given, AngleConvention::YAW), middle, height }
    }
}

/// For a crowd over the detection's volume alone. It is at most the value from above, so that `floor` holds there.
fn solid_iou(detection: &Solid, ground_truth: &Solid, crowd: bool, floor: f64) -> f64 {
    // Of the same boxes exactly their height.
    let apart = (detection.middle - ground_truth.middle).abs();
    let shared = ((detection.height + ground_truth.height) / 2.0 - apart)
        .min(detection.height)
        .min(ground_truth.height);
    if !(shared > 0.0) {
        return 0.0;
    }
    match shape_overlap(&detection.base, &ground_truth.base, crowd, floor) {
        None => 0.0,
        Some([intersection, of_detection, of_ground_truth]) => {
            let (intersection, of_detection) = (intersection * shared, of_detection * detection.height);
            let of_ground_truth = of_ground_truth * ground_truth.height;
            intersection / if crowd { of_detection } else { of_detection + of_ground_truth - intersection }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn solid(numbers: [f64; 7]) -> Solid {
        Solid::new(&RotatedBox::Cuboid(numbers))
    }

    fn iou(a: [f64; 7], b: [f64; 7]) -> f64 {
        solid_iou(&solid(a), &solid(b), false, f64::NEG_INFINITY)
    }

    #[test]
    fn heights_count_and_are_about_the_middle() {
        let given = [0.0, 0.0, 1.0, 4.0, 2.0, 2.0, 0.0];
        assert_eq!(iou(given, [0.0, 0.0, 2.0, 4.0, 2.0, 2.0, 0.0]), 8.0 / 24.0);
        assert_eq!(iou(given, [0.0, 0.0, 3.0, 4.0, 2.0, 2.0, 0.0]), 0.0);
        assert_eq!(iou(given, [0.0, 0.0, 1.0, 4.0, 2.0, 1.0, 0.0]), 0.5);
        let above = [0.0, 0.0, 9.0, 4.0, 2.0, 2.0, 0.0];
        let (a, b) = (solid(given).base, solid(above).base);
        assert_eq!((shape_iou(&a, &b, false, 0.0), iou(given, above)), (1.0, 0.0));
    }

    #[test]
    fn yaw_turns_from_x_to_y() {
        // A long box turned by an eighth lies along x = y.
        let turned = [0.0, 0.0, 0.0, 10.0, 1.0, 1.0, std::f64::consts::FRAC_PI_4];
        assert!(iou(turned, [3.0, 3.0, 0.0, 0.1, 0.1, 1.0, 0.0]) > 0.0);
        assert_eq!(iou(turned, [3.0, -3.0, 0.0, 0.1, 0.1, 1.0, 0.0]), 0.0);
    }

    #[test]
    fn the_same_boxes_give_one_and_the_order_does_not_matter() {
        let mut random = Random::new(8);
        for _ in 0..5000 {
            let mut number = |scale: f64| (random.unit() - 0.5) * scale;
            let mut any = || {
                let sizes = [4.0, 4.0, 4.0].map(|scale| number(scale).abs());
                [number(3.0), number(3.0), number(3.0), sizes[0], sizes[1], sizes[2], number(9.0)]
            };
            let (a, b) = (any(), any());
            assert_eq!(iou(a, a), 1.0, "{a:?}");
            assert_eq!(iou(a, b), iou(b, a));
            let (one, other) = (solid(a), solid(b));
            for crowd in [false, true] {
                let exact = solid_iou(&one, &other, crowd, f64::NEG_INFINITY);
                assert!(exact <= shape_iou(&one.base, &other.base, crowd, f64::NEG_INFINITY) + 1e-15);
                let found = solid_iou(&one, &other, crowd, 0.2);
                assert!(if exact >= 0.2 { found == exact } else { found < 0.2 });
            }
        }
    }
}
