//! Which boxes can be used: their numbers are finite, their sizes not negative.

use std::ops::Range;

use super::CompactDoubles;

/// What cannot be used about a box, if anything; `sizes` are the places of its sizes.
pub(super) fn complaint(numbers: &[f64], sizes: Range<usize>) -> Option<&'static str> {
    let which = || if numbers.iter().all(|x| x.is_finite()) { "a negative size" } else { "NaN or infinite" };
    is_unusable(numbers, sizes).then(which)
}

/// Whether something is wrong about a box: without a branch, as it rarely is.
#[inline(always)]
pub(super) fn is_unusable(numbers: &[f64], sizes: Range<usize>) -> bool {
    // Times zero, what is not finite is NaN.
    let lost = numbers.iter().map(|x| x * 0.0).sum::<f64>() != 0.0;
    numbers[sizes].iter().fold(lost, |unusable, &size| unusable | (size < 0.0))
}

/// The first box of `N` numbers that cannot be used, with what is wrong about it.
pub(super) fn first_unusable<const N: usize>(
    numbers: &CompactDoubles,
    sizes: Range<usize>,
) -> Option<(usize, &'static str)> {
    let row = numbers.position_of_row::<N>(|row| is_unusable(&row, sizes.clone()))?;
    Some((row, complaint(&numbers.array::<N>(N * row), sizes)?))
}

#[cfg(test)]
mod tests {
    use crate::columns::{Boxes, RotatedBox, RotatedBoxes};

    #[test]
    fn the_first_box_that_cannot_be_used_is_found() {
        let first = |boxes: &[&[f64]]| {
            let mut all = RotatedBoxes::default();
            boxes.iter().for_each(|given| all.push(given).unwrap());
            let complaints = boxes.iter().map(|given| RotatedBox::of_numbers(given).unwrap().complaint());
            let expected = complaints.enumerate().find_map(|(row, complaint)| Some((row, complaint?)));
            assert_eq!(all.first_unusable(), expected);
            expected
        };
        let (nan, negative) = ("NaN or infinite", "a negative size");
        assert_eq!(first(&[&[1.0; 5], &[-1.0, -1.0, 0.0, 0.0, -720.0]]), None);
        assert_eq!(first(&[&[1.0; 5], &[0.0, 0.0, 1.0, 1.0, f64::NAN]]), Some((1, nan)));
        assert_eq!(first(&[&[0.0, 0.0, 1.0, -1.0, 0.0], &[f64::NAN; 5]]), Some((0, negative)));
        assert_eq!(first(&[&[-1.0, -1.0, -1.0, 1.0, 1.0, 1.0, -1.0]]), None);
        assert_eq!(
            first(&[&[1.0; 7], &[1.0; 7], &[0.0, 0.0, 0.0, 1.0, 1.0, -1.0, 0.0]]),
            Some((2, negative))
        );
        assert_eq!(first(&[&[-1.0; 8], &[f64::INFINITY; 8]]), Some((1, nan)));

        let mut upright = Boxes::default();
        let mut push = |sides| upright.push(sides).unwrap();
        push([-9.0, 0.25, 0.0, 7.0]);
        push([0.0, 0.0, 1.0, 1.5]);
        assert_eq!(upright.first_unusable(), None);
        upright.push([0.0, 0.0, -0.5, 1.0]).unwrap();
        upright.push([0.0, 0.0, 1.0, f64::INFINITY]).unwrap();
        assert_eq!(upright.first_unusable(), Some((2, negative)));
    }
}
