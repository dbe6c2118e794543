//! Rotated boxes of many objects, in the plane or in space.

use std::ops::Range;

use super::CompactDoubles;
use super::usable::{complaint, first_unusable, is_unusable};
use crate::error::{Result, with_capacity};

/// Rotated boxes, all of one side given in the same form.
#[derive(Clone, Debug)]
pub struct RotatedBoxes {
    width: usize,
    numbers: CompactDoubles,
}

impl Default for RotatedBoxes {
    fn default() -> Self {
        RotatedBoxes { width: 5, numbers: CompactDoubles::default() }
    }
}

/// A rotated box as it was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RotatedBox {
    /// Centre, width, height and angle; unit and direction of the angle are for the similarity to know.
    Angle([f64; 5]),
    /// In space: centre `x, y, z`, length, width, height, and yaw in radians: the turn about z from x towards y.
    Cuboid([f64; 7]),
    /// `x, y` of each of the four corners, in any order. They need not be a rectangle's.
    Corners([f64; 8]),
}

impl RotatedBox {
    /// The box of these numbers, if there are as many as a box has.
    #[inline]
    pub fn of_numbers(numbers: &[f64]) -> Option<RotatedBox> {
        match numbers.len() {
            5 => numbers.try_into().ok().map(RotatedBox::Angle),
            7 => numbers.try_into().ok().map(RotatedBox::Cuboid),
            8 => numbers.try_into().ok().map(RotatedBox::Corners),
            _ => None,
        }
    }
}

impl RotatedBoxes {
    /// Numbers of each box: 5, 7 or 8, one for each form of [`RotatedBox`].
    pub fn width(&self) -> usize {
        self.width
    }

    /// The numbers of all boxes, to add boxes of so many numbers; none if those before have another form.
    pub fn of_width(&mut self, width: usize) -> Option<&mut CompactDoubles> {
        if self.is_empty() && matches!(width, 5 | 7 | 8) {
            self.width = width;
        }
        (self.width == width).then_some(&mut self.numbers)
    }

    /// Adds a box; nothing if those before have another form.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, here as in what follows.
    #[inline]
    pub fn push(&mut self, given: &[f64]) -> Result<()> {
        let Some(numbers) = self.of_width(given.len()) else { return Ok(()) };
        match <[f64; 5]>::try_from(given) {
            Ok(five) => numbers.push_array(five),
            Err(_) => numbers.extend(given),
        }
    }

    /// The first box that cannot be used, with what is wrong about it.
    pub fn first_unusable(&self) -> Option<(usize, &'static str)> {
        let sizes = RotatedBox::sizes(self.width)?;
        match self.width {
            5 => first_unusable::<5>(&self.numbers, sizes),
            7 => first_unusable::<7>(&self.numbers, sizes),
            _ => first_unusable::<8>(&self.numbers, sizes),
        }
    }

    /// The numbers of all boxes.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn flat(&self) -> Result<Vec<f64>> {
        let mut flat = with_capacity(self.numbers.len())?;
        self.numbers.read(0, self.numbers.len(), &mut flat);
        Ok(flat)
    }

    /// Adds the boxes of `other`, and empties it; nothing is added if they have another form.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn append(&mut self, other: &mut RotatedBoxes) -> Result<()> {
        if !other.is_empty()
            && let Some(numbers) = self.of_width(other.width)
        {
            numbers.append(&mut other.numbers)?;
        }
        other.clear();
        Ok(())
    }

    /// Removes all boxes and keeps the memory.
    pub fn clear(&mut self) {
        self.numbers.clear();
    }

    /// Reserves memory for `more` boxes of the present form.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn reserve(&mut self, more: usize) -> Result<()> {
        self.numbers.reserve(more.saturating_mul(self.width))
    }

    /// Gives back memory that was reserved too generously.
    pub fn shrink_to_fit(&mut self) {
        self.numbers.shrink_to_fit();
    }

    /// The number of boxes.
    pub fn len(&self) -> usize {
        self.numbers.len() / self.width
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The box at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> RotatedBox {
        match self.width {
            5 => RotatedBox::Angle(self.numbers.array(5 * index)),
            7 => RotatedBox::Cuboid(self.numbers.array(7 * index)),
            _ => RotatedBox::Corners(self.numbers.array(8 * index)),
        }
    }

    /// The area of the box at `index`.
    ///
    /// Not inlined, which keeps [`Areas::get`](super::Areas::get) short for boxes that are not rotated.
    #[inline(never)]
    pub fn area(&self, index: usize) -> f64 {
        self.get(index).area()
    }

    /// That the boxes at these indices will be read soon.
    pub fn prefetch(&self, indices: &[u32]) {
        self.numbers.prefetch_rows(self.width, indices);
    }
}

impl RotatedBox {
    /// All numbers.
    pub fn numbers(&self) -> &[f64] {
        match self {
            RotatedBox::Angle(numbers) => numbers,
            RotatedBox::Cuboid(numbers) => numbers,
            RotatedBox::Corners(numbers) => numbers,
        }
    }

    /// The area, of a box in space as it is seen from above: width times height, or that within the corners in the order
    /// in which they are given.
    pub fn area(&self) -> f64 {
        match self {
            RotatedBox::Angle([_, _, width, height, _])
            | RotatedBox::Cuboid([_, _, _, width, height, _, _]) => width * height,
            RotatedBox::Corners([x1, y1, x2, y2, x3, y3, x4, y4]) => {
                // Half the cross product of the diagonals.
                ((x3 - x1) * (y4 - y2) - (x4 - x2) * (y3 - y1)).abs() / 2.0
            }
        }
    }

    /// Width and height; of corners the lengths of the first two sides.
    pub fn sides(&self) -> [f64; 2] {
        match *self {
            RotatedBox::Angle([_, _, width, height, _])
            | RotatedBox::Cuboid([_, _, _, width, height, _, _]) => [width, height],
            RotatedBox::Corners([x1, y1, x2, y2, x3, y3, _, _]) => {
                [(x2 - x1).hypot(y2 - y1), (x3 - x2).hypot(y3 - y2)]
            }
        }
    }

    /// The places of the sizes among so many numbers; none if no box has as many.
    #[inline]
    fn sizes(width: usize) -> Option<Range<usize>> {
        match width {
            5 => Some(2..4),
            7 => Some(3..6),
            8 => Some(0..0),
            _ => None,
        }
    }

    /// Whether these are the numbers of a box that can be used.
    #[inline]
    pub fn are_usable(numbers: &[f64]) -> bool {
        RotatedBox::sizes(numbers.len()).is_some_and(|sizes| !is_unusable(numbers, sizes))
    }

    /// What cannot be used about it, if anything.
    pub fn complaint(&self) -> Option<&'static str> {
        let numbers = self.numbers();
        complaint(numbers, RotatedBox::sizes(numbers.len())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_come_back() {
        let numbers: Vec<f64> = (0..280).map(f64::from).collect();
        for width in [5, 7, 8] {
            let mut boxes = RotatedBoxes::default();
            boxes.of_width(width).unwrap().extend(&numbers).unwrap();
            assert_eq!((boxes.len(), boxes.width()), (280 / width, width));
            assert_eq!(boxes.get(3).numbers(), &numbers[3 * width..4 * width]);
            assert_eq!(RotatedBox::of_numbers(&numbers[..width]).unwrap(), boxes.get(0));
        }
        assert!(RotatedBoxes::default().of_width(6).is_none() && RotatedBox::of_numbers(&[0.0; 6]).is_none());
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
        boxes.push(&[1.0; 5]).unwrap();
        assert_eq!(boxes.len(), 3);
        boxes.push(&[2.0; 8]).unwrap();
        assert_eq!(boxes.get(3).numbers(), [2.0; 8]);
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
        let cuboid = RotatedBox::Cuboid([9.0, 9.0, 9.0, 4.0, 2.0, 8.0, 1.0]);
        assert_eq!((cuboid.area(), cuboid.sides()), (8.0, [4.0, 2.0]));
    }
}
