//! What decides the area range of an object, and which objects can be found.
//!
//! ```
//! use meanap::columns::Size;
//!
//! assert_eq!(Size::named("diagonal").unwrap().of_sides([3.0, 4.0]), Some(5.0));
//! ```

/// The part of a box that a person fills, on average, by CrowdPose's estimate.
const AREA_OF_A_PERSON: f64 = 0.53;

/// What decides an object's area range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Area in pixels.
    Area,
    /// Diagonal of the box in pixels.
    Diagonal,
    /// Longest side of the box in pixels.
    LongestSide,
    /// Area over that of the image.
    Fraction,
    /// That of a person in the box, as CrowdPose estimates it.
    Pose,
    /// How difficult it is by KITTI's levels: 1 easy, 2 moderate, 3 hard, 4 beyond.
    Difficulty,
    /// The same level of an object, where all detections are of the first one.
    Level,
}

impl Size {
    /// The names that protocols use.
    pub const NAMES: [&str; 7] = ["area", "diagonal", "side", "fraction", "pose", "difficulty", "level"];

    /// What a protocol calls so.
    pub fn named(name: &str) -> Option<Size> {
        const ALL: [Size; 7] = [
            Size::Area,
            Size::Diagonal,
            Size::LongestSide,
            Size::Fraction,
            Size::Pose,
            Size::Difficulty,
            Size::Level,
        ];
        ALL.into_iter().zip(Size::NAMES).find(|pair| pair.1 == name).map(|pair| pair.0)
    }

    /// The size of a box with this width and height; none where the object's area decides.
    pub fn of_sides(self, [width, height]: [f64; 2]) -> Option<f64> {
        match self {
            Size::Area | Size::Fraction | Size::Difficulty | Size::Level => None,
            Size::Diagonal => Some(width.hypot(height)),
            Size::LongestSide => Some(width.max(height)),
            Size::Pose => Some(width * height * AREA_OF_A_PERSON),
        }
    }
}

/// KITTI's level of a detection by the height of its box in the image: lower ones are no false positives.
pub fn level_of_height(height: f64) -> f64 {
    match height {
        _ if height >= 40.0 => 1.0,
        _ if height >= 25.0 => 2.0,
        _ => 4.0,
    }
}

/// Puts areas that are given in the place of measured ones. Zero stands for "not given", as torchmetrics has it.
///
/// # Errors
///
/// The first row with an area that is none.
pub fn take_areas(areas: &mut [f64], given: &[f64]) -> std::result::Result<(), usize> {
    for (row, (area, &given)) in areas.iter_mut().zip(given).enumerate() {
        if !given.is_finite() || given < 0.0 {
            return Err(row);
        }
        if given > 0.0 {
            *area = given;
        }
    }
    Ok(())
}

/// The same of areas as COCO's files have them: NaN stands for "not given".
pub fn take_exact_areas(areas: &mut [f64], given: &[f64]) {
    for (area, &given) in areas.iter_mut().zip(given).filter(|(_, given)| !given.is_nan()) {
        *area = given;
    }
}

/// Whether a pose has no labelled keypoint, and so cannot be found. As in the reference the number that is given says
/// so, not the keypoints; NaN stands for a record without one.
pub fn has_no_keypoints(number: f64, labels: &[bool]) -> bool {
    if number.is_nan() { !labels.contains(&true) } else { number == 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_their_names() {
        let sides = Size::NAMES.map(|name| Size::named(name).unwrap().of_sides([3.0, 4.0]));
        assert_eq!(sides, [None, Some(5.0), Some(4.0), None, Some(3.0 * 4.0 * 0.53), None, None]);
        assert_eq!(Size::named("volume"), None);
    }

    #[test]
    fn an_area_of_zero_is_not_given_and_one_that_is_none_is_named() {
        let mut areas = [1.0, 2.0, 3.0];
        assert_eq!(take_areas(&mut areas, &[0.0, 7.0, 0.5]), Ok(()));
        assert_eq!(areas, [1.0, 7.0, 0.5]);
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(take_areas(&mut areas, &[0.0, bad, 1.0]), Err(1));
        }
    }

    #[test]
    fn of_cocos_areas_only_nan_is_not_given() {
        let mut areas = [1.0, 2.0, 3.0];
        take_exact_areas(&mut areas, &[f64::NAN, 0.0, -4.0]);
        assert_eq!(areas, [1.0, 0.0, -4.0]);
    }

    #[test]
    fn the_number_of_keypoints_goes_before_their_labels() {
        assert!(has_no_keypoints(0.0, &[true]));
        assert!(!has_no_keypoints(2.0, &[false]));
        assert!(has_no_keypoints(f64::NAN, &[false, false]) && !has_no_keypoints(f64::NAN, &[false, true]));
    }
}
