//! Keypoints as JSON has them: a flat array of numbers.

use super::scanner::{After, Number, Scan, Scanner};
use crate::columns::Keypoints;

/// Integers beyond this are left to Python: sums of products of smaller ones are exact in doubles as in integers.
const EXACT: f64 = 33_554_432.0;

/// The numbers of some poses, all equally many.
#[derive(Clone, Debug, Default)]
pub struct Poses {
    /// The numbers of each pose.
    pub width: usize,
    /// The numbers of all poses.
    pub numbers: Vec<f64>,
}

impl Poses {
    /// Adds the pose at the scanner: numbers in threes, as many as in those before.
    pub fn read(&mut self, scanner: &mut Scanner<'_>) -> Scan<Option<()>> {
        let start = self.numbers.len();
        if !scanner.take(b'[') {
            return Ok(None);
        }
        // A number is most likely as long as the last one.
        let mut rounded = true;
        loop {
            let first = scanner.position();
            let number = if rounded { scanner.rounded_number() } else { scanner.number() };
            rounded = scanner.position() - first < 9;
            match number? {
                Some(Number { value, integer }) if !integer || value.abs() <= EXACT => {
                    self.numbers.push(value)
                }
                _ => return Ok(None),
            }
            if scanner.after(b']', "',' or ']'")? == After::Close {
                break;
            }
        }
        let width = self.numbers.len() - start;
        if start == 0 {
            self.width = width;
        }
        Ok((width == self.width && width.is_multiple_of(3)).then_some(()))
    }

    /// As a column, with the objects' boxes where they have some.
    pub fn into_keypoints(self, boxes: Vec<[f64; 4]>) -> Keypoints {
        Keypoints { per_object: self.width / 3, triples: self.numbers, boxes }
    }

    /// Adds the poses of `part` after these; false if theirs have another number of numbers.
    pub fn append(&mut self, mut part: Poses) -> bool {
        if self.numbers.is_empty() {
            self.width = part.width;
        }
        let alike = self.width == part.width || part.numbers.is_empty();
        self.numbers.append(&mut part.numbers);
        alike
    }
}

/// The box around all keypoints of a pose, seen or not, as `x, y, width, height`: what `loadRes` makes of a result
/// that has nothing else. `None` with NaN.
pub fn bounding_box(pose: &[f64]) -> Option<[f64; 4]> {
    let range = |offset: usize| {
        let mut values = pose.iter().skip(offset).step_by(3);
        values.try_fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
            (!value.is_nan()).then(|| (low.min(value), high.max(value)))
        })
    };
    let ((left, right), (top, bottom)) = (range(0)?, range(1)?);
    Some([left, top, right - left, bottom - top])
}
