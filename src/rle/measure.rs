//! Area and bounding box of masks.

use super::codec;
use crate::error::{Error, Result};

/// The number of foreground pixels, in 32 bits that wrap around.
pub fn area(counts: impl Iterator<Item = u32>) -> u32 {
    let mut foreground = false;
    counts.fold(0, |area: u32, count| {
        let area = if foreground { area.wrapping_add(count) } else { area };
        foreground = !foreground;
        area
    })
}

/// The smallest box around the foreground: `x, y, width, height`, whole pixels.
///
/// With a single run, all zeros. With foreground runs that are all empty, whatever the reference's unsigned
/// arithmetic makes of "no pixel" (`x = w`, `width = 1 - w`, wrapped).
///
/// DIFFERENCE: the reference crashes when a mask without height (modulo 2³²) has foreground; here that is an error.
///
/// # Errors
///
/// The height is 0, but the run lengths hold foreground.
pub fn bounding_box(h: u64, w: u64, counts: impl Iterator<Item = u32>) -> Result<[u32; 4]> {
    // As in the reference, 64-bit sizes are cut to 32 bits here.
    let (h, w) = (h as u32, w as u32);
    let (mut left, mut top, mut right, mut bottom) = (w, h, 0, 0);
    let mut number = 0usize;
    let mut end = 0u32;
    for count in counts {
        let start = end;
        end = start.wrapping_add(count);
        number += 1;
        if number % 2 == 1 || count == 0 {
            continue;
        }
        if h == 0 {
            return Err(Error::value("invalid mask: its height is 0, but its run lengths hold foreground"));
        }
        let last = end.wrapping_sub(1);
        let (first_column, last_column) = (start / h, last / h);
        left = left.min(first_column);
        right = right.max(last_column);
        if first_column < last_column {
            (top, bottom) = (0, h - 1);
        } else {
            top = top.min(start % h);
            bottom = bottom.max(last % h);
        }
    }
    if number < 2 {
        return Ok([0; 4]);
    }
    let extent = |low: u32, high: u32| high.wrapping_sub(low).wrapping_add(1);
    Ok([left, top, extent(left, right), extent(top, bottom)])
}

/// [`area`] of a text that has gone through [`codec::checked`]; `runs` is working memory.
pub fn area_of_text(text: &[u8], runs: &mut Vec<[u32; 2]>) -> u32 {
    runs.clear();
    match codec::read_runs(text, runs) {
        Some(_) => sum(runs),
        None => area(codec::read(text)),
    }
}

/// [`bounding_box`] of a text that has gone through [`codec::checked`]; `runs` is working memory.
///
/// # Errors
///
/// As of [`bounding_box`].
pub fn bounding_box_of_text(h: u64, w: u64, text: &[u8], runs: &mut Vec<[u32; 2]>) -> Result<[u32; 4]> {
    runs.clear();
    match codec::read_runs(text, runs) {
        Some(_) if h as u32 > 0 => Ok(around(runs, h, w)),
        _ => bounding_box(h, w, codec::read(text)),
    }
}

/// [`area`] of foreground runs `[start, end)` that add up to less than 2³².
pub(super) fn sum(runs: &[[u32; 2]]) -> u32 {
    runs.iter().map(|[start, end]| end - start).sum()
}

/// [`bounding_box`] of foreground runs `[start, end)` in order, none of them empty; `h` may be 0 if there is no run.
pub(super) fn around(runs: &[[u32; 2]], h: u64, w: u64) -> [u32; 4] {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return [0; 4] };
    let h = h as u32;
    let (first_column, right) = (first[0] / h, (last[1] - 1) / h);
    let (mut top, mut bottom) = (h, 0);
    let mut column = first_column * h;
    for &[start, end] in runs {
        // Most runs lie in the next column: no division.
        let mut into = start - column;
        if into >= h {
            let skipped = if into - h < h { h } else { into - into % h };
            column += skipped;
            into -= skipped;
        }
        let until = end - column;
        if until > h {
            (top, bottom) = (0, h);
            break;
        }
        top = top.min(into);
        bottom = bottom.max(until);
    }
    // Runs may begin beyond the mask; the box does not.
    let left = first_column.min(w as u32);
    [left, top, right - left + 1, bottom - top]
}

#[cfg(test)]
mod tests {
    use super::{area, area_of_text, bounding_box, bounding_box_of_text};
    use crate::random::Random;
    use crate::rle::codec;

    fn around(h: u64, w: u64, counts: &[u32]) -> [u32; 4] {
        bounding_box(h, w, counts.iter().copied()).unwrap()
    }

    #[test]
    fn areas() {
        assert_eq!(area([3, 4, 5, 6].into_iter()), 10);
        assert_eq!(area([].into_iter()), 0);
        assert_eq!(area([7].into_iter()), 0);
        assert_eq!(area([0, u32::MAX, 0, 2].into_iter()), 1);
    }

    #[test]
    fn boxes() {
        assert_eq!(around(4, 5, &[9, 2, 2, 2, 5]), [2, 1, 2, 2]);
        assert_eq!(around(4, 5, &[20]), [0; 4]);
        assert_eq!(around(4, 5, &[]), [0; 4]);
        // A run across columns covers the height.
        assert_eq!(around(4, 5, &[7, 2, 11]), [1, 0, 2, 4]);
        // No pixel at all.
        assert_eq!(around(4, 5, &[20, 0]), [5, 4, 1u32.wrapping_sub(5), 1u32.wrapping_sub(4)]);
    }

    #[test]
    fn foreground_without_height() {
        assert!(bounding_box(0, 5, [0, 3].into_iter()).is_err());
        assert!(bounding_box(1 << 32, 5, [0, 3].into_iter()).is_err());
        assert_eq!(around(0, 5, &[3, 0]), [5, 0, 1u32.wrapping_sub(5), 1]);
    }

    #[test]
    fn texts_measure_like_their_counts() {
        let mut random = Random::new(5);
        let mut runs = Vec::new();
        for _ in 0..3000 {
            let mut die = |end: u64| random.below(end);
            let (h, w) = (die(20), die(20));
            let longest = [2, 9, 40, 700, u64::from(u32::MAX)][die(5) as usize];
            let empty = die(3);
            let counts: Vec<u32> =
                (0..die(40)).map(|_| if die(20) < empty { 0 } else { 1 + die(longest) as u32 }).collect();
            let mut text = Vec::new();
            codec::write(&counts, &mut text).unwrap();
            let counts = || codec::read(&text);
            assert_eq!(area_of_text(&text, &mut runs), area(counts()));
            let expected = bounding_box(h, w, counts()).ok();
            assert_eq!(bounding_box_of_text(h, w, &text, &mut runs).ok(), expected);
        }
    }
}
