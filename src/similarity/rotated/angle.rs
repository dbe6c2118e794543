//! How angles are given.

use super::sin_cos::{sin_cos, sin_cos_of_degrees};
use crate::columns::RotatedBox;

/// How an angle is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AngleConvention {
    /// Whether it is in radians, not in degrees.
    pub radians: bool,
    /// Whether boxes turn clockwise as one sees them, where y points down; counter-clockwise otherwise.
    pub clockwise: bool,
}

impl AngleConvention {
    /// How boxes in space are given: in radians, from x towards y.
    pub(super) const YAW: AngleConvention = AngleConvention { radians: true, clockwise: true };

    /// Cosine and sine of a box's angle; of corners those of none.
    pub(super) fn turn_of(self, given: &RotatedBox) -> [f64; 2] {
        match given {
            RotatedBox::Angle([.., angle]) => self.cosine_and_sine(*angle),
            RotatedBox::Cuboid([.., yaw]) => AngleConvention::YAW.cosine_and_sine(*yaw),
            RotatedBox::Corners(_) => [1.0, 0.0],
        }
    }

    /// Cosine and sine of an angle, counter-clockwise. Right angles in degrees are exact.
    pub(super) fn cosine_and_sine(self, angle: f64) -> [f64; 2] {
        let [sine, cosine] = if self.radians { sin_cos(angle) } else { sin_cos_of_degrees(angle) };
        [cosine, if self.clockwise { -sine } else { sine }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_angles_are_exact() {
        let convention = |radians, clockwise| AngleConvention { radians, clockwise };
        for (angle, expected) in
            [(0.0, [1.0, 0.0]), (90.0, [0.0, 1.0]), (-90.0, [0.0, -1.0]), (540.0, [-1.0, 0.0])]
        {
            let found = convention(false, false).cosine_and_sine(angle);
            assert_eq!(found.map(|x| x + 0.0), expected, "{angle}");
            let turned = convention(false, true).cosine_and_sine(-angle);
            assert_eq!(turned.map(|x| x + 0.0), expected, "{angle}");
        }
        let [cosine, sine] = convention(false, false).cosine_and_sine(30.0);
        assert!((cosine - 0.75_f64.sqrt()).abs() < 2e-16 && (sine - 0.5).abs() < 1e-16);
        assert_eq!(convention(true, false).cosine_and_sine(30.0_f64.to_radians()), [cosine, sine]);
    }
}
