//! Rotated boxes of many objects.

use super::CompactDoubles;
use crate::error::{Result, with_capacity};

/// Rotated boxes, all of one side given in the same form.
#[derive(Clone, Debug)]
pub enum RotatedBoxes {
    /// Centre, width, height and angle of each; unit and direction of the angle are for the similarity to know.
    Angles(CompactDoubles),
    /// The four corners of each, `x1, y1, x2, y2, x3, y3, x4, y4`, in any order. They need not be a rectangle's.
    Corners(CompactDoubles),
}

impl Default for RotatedBoxes {
    fn default() -> Self {
        RotatedBoxes::Angles(CompactDoubles::default())
    }
}

/// A rotated box as it was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RotatedBox {
    /// Centre, width, height and angle.
    Angle([f64; 5]),
    /// `x, y` of each corner.
    Corners([f64; 8]),
}

impl RotatedBoxes {
    /// Numbers of each box.
    pub fn width(&self) -> usize {
        match self {
            RotatedBoxes::Angles(_) => 5,
            RotatedBoxes::Corners(_) => 8,
        }
    }

    /// The numbers of all boxes, to add boxes of so many numbers; none if those before have another form.
    pub fn of_width(&mut self, width: usize) -> Option<&mut CompactDoubles> {
        if self.is_empty() && width != self.width() {
            let numbers = std::mem::take(self.numbers());
            *self = if width == 8 { RotatedBoxes::Corners(numbers) } else { RotatedBoxes::Angles(numbers) };
        }
        (self.width() == width).then(|| self.numbers())
    }

    fn numbers(&mut self) -> &mut CompactDoubles {
        match self {
            RotatedBoxes::Angles(numbers) | RotatedBoxes::Corners(numbers) => numbers,
        }
    }

    /// The numbers of all boxes.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, here as in what follows.
    pub fn flat(&self) -> Result<Vec<f64>> {
        let (RotatedBoxes::Angles(numbers) | RotatedBoxes::Corners(numbers)) = self;
        let mut flat = with_capacity(numbers.len())?;
        numbers.read(0, numbers.len(), &mut flat);
        Ok(flat)
    }

    /// Adds the boxes of `other`, and empties it; nothing is added if they have another form.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn append(&mut self, other: &mut RotatedBoxes) -> Result<()> {
        if !other.is_empty()
            && let Some(numbers) = self.of_width(other.width())
        {
            numbers.append(other.numbers())?;
        }
        other.clear();
        Ok(())
    }

    /// Removes all boxes and keeps the memory.
    pub fn clear(&mut self) {
        self.numbers().clear();
    }

    /// Reserves memory for `more` boxes of the present form.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn reserve(&mut self, more: usize) -> Result<()> {
        let width = self.width();
        self.numbers().reserve(more.saturating_mul(width))
    }

    /// Gives back memory that was reserved too generously.
    pub fn shrink_to_fit(&mut self) {
        self.numbers().shrink_to_fit();
    }

    /// The number of boxes.
    pub fn len(&self) -> usize {
        match self {
            RotatedBoxes::Angles(numbers) => numbers.len() / 5,
            RotatedBoxes::Corners(numbers) => numbers.len() / 8,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The box at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> RotatedBox {
        match self {
            RotatedBoxes::Angles(numbers) => RotatedBox::Angle(numbers.array(5 * index)),
            RotatedBoxes::Corners(numbers) => RotatedBox::Corners(numbers.array(8 * index)),
        }
    }

    /// That the boxes at these indices will be read soon.
    pub fn prefetch(&self, indices: &[u32]) {
        match self {
            RotatedBoxes::Angles(numbers) => numbers.prefetch_rows(5, indices),
            RotatedBoxes::Corners(numbers) => numbers.prefetch_rows(8, indices),
        }
    }
}

impl RotatedBox {
    /// All numbers.
    pub fn numbers(&self) -> &[f64] {
        match self {
            RotatedBox::Angle(numbers) => numbers,
            RotatedBox::Corners(numbers) => numbers,
        }
    }

    /// The area: width times height, or that within the corners in the order in which they are given.
    pub fn area(&self) -> f64 {
        match self {
            RotatedBox::Angle([_, _, width, height, _]) => width * height,
            RotatedBox::Corners([x1, y1, x2, y2, x3, y3, x4, y4]) => {
                // Half the cross product of the diagonals.
                ((x3 - x1) * (y4 - y2) - (x4 - x2) * (y3 - y1)).abs() / 2.0
            }
        }
    }

    /// Width and height; of corners the lengths of the first two sides.
    pub fn sides(&self) -> [f64; 2] {
        match *self {
            RotatedBox::Angle([_, _, width, height, _]) => [width, height],
            RotatedBox::Corners([x1, y1, x2, y2, x3, y3, _, _]) => {
                [(x2 - x1).hypot(y2 - y1), (x3 - x2).hypot(y3 - y2)]
            }
        }
    }

    /// What cannot be used about it, if anything.
    pub fn complaint(&self) -> Option<&'static str> {
        // Times zero, what is not finite is NaN.
        if self.numbers().iter().map(|x| x * 0.0).sum::<f64>() != 0.0 {
            return Some("NaN or infinite");
        }
        match self {
            RotatedBox::Angle([_, _, width, height, _]) if *width < 0.0 || *height < 0.0 => {
                Some("a negative size")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_come_back() {
        let numbers: Vec<f64> = (0..40).map(f64::from).collect();
        let (mut angles, mut corners) = (CompactDoubles::default(), CompactDoubles::default());
        angles.extend(&numbers).unwrap();
        corners.extend(&numbers).unwrap();
        let (angles, corners) = (RotatedBoxes::Angles(angles), RotatedBoxes::Corners(corners));
        assert_eq!((angles.len(), corners.len()), (8, 5));
        assert_eq!(angles.get(7).numbers(), &numbers[35..]);
        assert_eq!(corners.get(4).numbers(), &numbers[32..]);
        assert!(RotatedBoxes::default().is_empty());
    }

    #[test]
    fn boxes_of_one_form_are_added() {
        let of = |width: usize, count: usize| {
            let mut boxes = RotatedBoxes::default();
            boxes.of_width(width).unwrap().extend(&vec![1.0; width * count]).unwrap();
            boxes
        };
        let mut boxes = RotatedBoxes::default();
        boxes.append(&mut of(8, 2)).unwrap();
        boxes.append(&mut of(5, 0)).unwrap();
        boxes.append(&mut of(8, 1)).unwrap();
        assert_eq!((boxes.len(), boxes.width()), (3, 8));
        let mut others = of(5, 4);
        boxes.append(&mut others).unwrap();
        assert_eq!((boxes.len(), others.len()), (3, 0));
        assert!(boxes.of_width(5).is_none());
        boxes.clear();
        boxes.append(&mut of(5, 4)).unwrap();
        assert_eq!((boxes.len(), boxes.width()), (4, 5));
    }

    #[test]
    fn areas_are_of_both_forms() {
        assert_eq!(RotatedBox::Angle([9.0, 9.0, 2.0, 3.0, 40.0]).area(), 6.0);
        let corners = RotatedBox::Corners([0.0, 1.0, 2.0, 1.0, 2.0, 4.0, 0.0, 4.0]);
        assert_eq!((corners.area(), corners.sides()), (6.0, [2.0, 3.0]));
        let turned = RotatedBox::Corners([0.0, 4.0, 2.0, 4.0, 2.0, 1.0, 0.0, 1.0]);
        assert_eq!(turned.area(), 6.0);
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        assert_eq!(RotatedBox::Angle([0.0, 0.0, 1.0, 1.0, f64::NAN]).complaint(), Some("NaN or infinite"));
        assert_eq!(RotatedBox::Angle([0.0, 0.0, 1.0, -1.0, 0.0]).complaint(), Some("a negative size"));
        assert_eq!(RotatedBox::Angle([-1.0, -1.0, 0.0, 0.0, -720.0]).complaint(), None);
        assert_eq!(RotatedBox::Corners([f64::INFINITY; 8]).complaint(), Some("NaN or infinite"));
    }
}
