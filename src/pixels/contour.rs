//! Boundary pixels: those near the edge of their region.
//!
//! A pixel belongs to the *boundary* of its class if the square of side `2 d + 1` around it holds another label or
//! reaches out of the image: what is left of a mask when it is eroded `d` times by a 3 x 3 square is not
//! boundary. Source: Cheng et al., "Boundary IoU", CVPR 2021.
//!
//! All classes are done in one pass: a pixel is no boundary if `2 d + 1` rows in turn are constant over `2 d + 1`
//! columns and equal, so that one counter for each column is enough.

use super::labels::{LabelRule, Labels, MapSide};
use crate::error::{Result, filled, zeros};

/// Boundary pixels of each class, over any number of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundaryCounts {
    /// On the boundary in both maps.
    pub intersection: Vec<u64>,
    /// On the target's boundary.
    pub target: Vec<u64>,
    /// On the prediction's boundary.
    pub prediction: Vec<u64>,
}

impl BoundaryCounts {
    /// No pixels yet.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn new(classes: usize) -> Result<BoundaryCounts> {
        let none = || zeros(classes);
        Ok(BoundaryCounts { intersection: none()?, target: none()?, prediction: none()? })
    }

    /// Adds another part of the data.
    pub fn merge(&mut self, other: &BoundaryCounts) {
        let add =
            |ours: &mut Vec<u64>, theirs: &[u64]| ours.iter_mut().zip(theirs).for_each(|(a, b)| *a += b);
        add(&mut self.intersection, &other.intersection);
        add(&mut self.target, &other.target);
        add(&mut self.prediction, &other.prediction);
    }

    /// Adds one pair of maps of `width` columns, whose labels are known to be good.
    ///
    /// A pixel that the target leaves out is no class in either map before boundaries are drawn, so a perfect
    /// prediction is perfect at the rim of what is left out.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; nothing is added.
    pub fn add(
        &mut self,
        target: Labels,
        prediction: Labels,
        rule: &LabelRule,
        width: usize,
        distance: usize,
    ) -> Result<()> {
        let nothing = rule.nothing();
        let mut t: Vec<u16> = zeros(target.len())?;
        let mut p: Vec<u16> = zeros(target.len())?;
        target.encode(rule, MapSide::Target, &mut t);
        prediction.encode(rule, MapSide::Prediction, &mut p);
        t.iter().zip(&mut p).filter(|(t, _)| **t == nothing).for_each(|(_, p)| *p = nothing);
        let (on_t, on_p) = (boundary(&t, width, distance)?, boundary(&p, width, distance)?);
        for (((&t, &p), &on_t), &on_p) in t.iter().zip(&p).zip(&on_t).zip(&on_p) {
            if on_t && t != nothing {
                self.target[usize::from(t)] += 1;
                self.intersection[usize::from(t)] += u64::from(on_p && p == t);
            }
            if on_p && p != nothing {
                self.prediction[usize::from(p)] += 1;
            }
        }
        Ok(())
    }
}

/// Whether each pixel is on the boundary of its region.
///
/// # Errors
///
/// `OutOfMemory`
pub fn boundary<T: Copy + PartialEq>(codes: &[T], width: usize, distance: usize) -> Result<Vec<bool>> {
    let mut on = filled(codes.len(), true)?;
    let side = 2 * distance + 1;
    if width < side || codes.len() / width.max(1) < side {
        return Ok(on);
    }
    // Rows in turn, up to this one, that are constant around the column and have the same label there.
    let mut rows = filled(width, 0_usize)?;
    let mut above: &[T] = &[];
    for (row, codes) in codes.chunks_exact(width).enumerate() {
        let mut start = 0;
        while start < width {
            let code = codes[start];
            let length = codes[start..].iter().position(|&c| c != code).unwrap_or(width - start);
            let end = start + length;
            let inner =
                (start + distance).min(end)..end.saturating_sub(distance).max((start + distance).min(end));
            rows[start..inner.start].fill(0);
            rows[inner.end..end].fill(0);
            for column in inner {
                let goes_on = above.get(column) == Some(&code);
                rows[column] = if goes_on { rows[column] + 1 } else { 1 };
                if rows[column] >= side {
                    on[(row - distance) * width + column] = false;
                }
            }
            start = end;
        }
        above = codes;
    }
    Ok(on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn naive(codes: &[u16], width: usize, distance: usize) -> Vec<bool> {
        let height = codes.len() / width;
        let d = distance as isize;
        let at = |y: isize, x: isize| {
            let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
            inside.then(|| codes[y as usize * width + x as usize])
        };
        (0..codes.len() as isize)
            .map(|i| {
                let (y, x) = (i / width as isize, i % width as isize);
                (y - d..=y + d).any(|v| (x - d..=x + d).any(|u| at(v, u) != at(y, x)))
            })
            .collect()
    }

    #[test]
    fn boundaries_are_those_of_the_naive_twin() {
        let mut random = Random::new(3);
        for (height, width, cell) in [(1, 1, 1), (7, 5, 3), (20, 31, 6), (40, 40, 11), (33, 64, 40)] {
            for distance in 1..5 {
                let mut colour = |y: usize, x: usize| {
                    let noise = random.below(97) == 0;
                    ((y / cell + x / cell) % 3 + usize::from(noise)) as u16
                };
                let codes: Vec<u16> = (0..height * width).map(|i| colour(i / width, i % width)).collect();
                assert_eq!(boundary(&codes, width, distance).unwrap(), naive(&codes, width, distance));
            }
        }
    }

    #[test]
    fn a_perfect_prediction_is_perfect_at_the_rim_of_what_is_left_out() {
        let rule = LabelRule::new(2, Some(255), false).unwrap();
        let target: Vec<u8> = (0..400).map(|i| [0, 1, 255][i % 20 / 7]).collect();
        let prediction: Vec<u8> = target.iter().map(|&l| l.min(1)).collect();
        let mut counts = BoundaryCounts::new(2).unwrap();
        counts.add(Labels::U8(&target), Labels::U8(&prediction), &rule, 20, 2).unwrap();
        assert_eq!(counts.target, counts.prediction);
        assert_eq!(counts.target, counts.intersection);
        assert!(counts.target[0] > 0);
    }
}
