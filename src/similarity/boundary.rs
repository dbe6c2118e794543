//! Intersection over union of the boundaries of instance masks.

use super::mask::{MaskIou, MaskScratch};
use super::{Comparer, Similarity, SimilarityKind};
use crate::columns::{GeometryKind, Objects, SharedColumn};
use crate::error::{Error, Result, reserve};
use crate::rle::Foreground;

/// Intersection over union of masks, and of their boundaries if that is less.
pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "boundary",
    geometry: GeometryKind::Masks,
    parameters: &["dilation_ratio"],
    compare: |detections, ground_truths, parameters| {
        let ratio = parameters.dilation_ratio.unwrap_or(DILATION_RATIO);
        Ok(Box::new(BoundaryIou::new(detections, ground_truths, ratio)?))
    },
};

/// Width of the boundary as a share of the image's diagonal, as the paper has it.
pub const DILATION_RATIO: f64 = 0.02;

/// Most pixels of a mask's bounding box: 256 MiB of bits.
const MOST_PIXELS: u64 = 1 << 31;

/// The smaller of the intersection over union of two masks and that of their boundaries.
///
/// The boundary of a mask is what an erosion by a square of side `2 d + 1` takes away, `d` being a share of the image's
/// diagonal, and everything outside of the image background. Against a crowd, the mask's value alone. Masks are eroded
/// inside their bounding boxes only, and only where the masks themselves reach `floor`.
///
/// Source: Cheng et al., "Boundary IoU: Improving Object-Centric Image Segmentation Evaluation", CVPR 2021; the minimum
/// and the rule for crowds are those of its published code.
pub(super) struct BoundaryIou {
    masks: MaskIou,
    crowd: SharedColumn<bool>,
    ratio: f64,
}

impl BoundaryIou {
    /// Both sides must hold masks; `ratio` of the image's diagonal is the boundary's width, at least a pixel.
    pub(super) fn new(detections: &Objects, ground_truths: &Objects, ratio: f64) -> Result<Self> {
        if !(ratio > 0.0 && ratio.is_finite()) {
            let what = "the dilation ratio should be a positive number";
            return Err(Error::value(format!("{what}, found {ratio}")));
        }
        let masks = MaskIou::new(detections, ground_truths)?;
        Ok(BoundaryIou { masks, crowd: ground_truths.crowd.clone(), ratio })
    }
}

/// Working memory of [`BoundaryIou`].
#[derive(Default)]
struct BoundaryScratch {
    masks: MaskScratch,
    detection: Boundary,
    /// For each ground truth of the cell its boundary, once it has been computed.
    ground_truths: Vec<Boundary>,
    eroded: Vec<u64>,
}

impl Similarity for BoundaryIou {
    fn comparer(&self) -> Comparer<'_> {
        let mut scratch = BoundaryScratch::default();
        Box::new(move |detections, ground_truths, floor, out| {
            self.fill(&mut scratch, detections, ground_truths, floor, out)
        })
    }
}

impl BoundaryIou {
    fn fill(
        &self,
        scratch: &mut BoundaryScratch,
        detections: &[u32],
        ground_truths: &[u32],
        floor: f64,
        out: &mut [f64],
    ) -> Result<()> {
        let BoundaryScratch { masks, detection: rim, ground_truths: rims, eroded } = scratch;
        if rims.len() < ground_truths.len() {
            rims.resize_with(ground_truths.len(), Boundary::default);
        }
        rims.iter_mut().for_each(|rim| rim.drawn = false);
        self.masks.fill_with(masks, detections, ground_truths, floor, out, |detection, truths, index, iou| {
            if index == 0 {
                rim.drawn = false;
            }
            let crowd = self.crowd[ground_truths[index] as usize];
            if crowd || iou <= 0.0 || iou < floor {
                return Ok(iou);
            }
            let other = &mut rims[index];
            other.draw_once(truths, index, self.ratio, eroded)?;
            rim.draw_once(detection, 0, self.ratio, eroded)?;
            let intersection = rim.intersection(other);
            let union = rim.area + other.area - intersection;
            // Masks that meet have a boundary each, unless their run lengths are those of no mask.
            Ok(if union == 0 { 0.0 } else { iou.min(intersection as f64 / union as f64) })
        })
    }
}

/// The distance that a ratio of the image's diagonal is, in pixels: at least one.
pub fn distance(ratio: f64, height: u64, width: u64) -> u64 {
    let (h, w) = (height as f64, width as f64);
    // A cast saturates: whatever the ratio, no more is eroded than there is.
    let pixels = (ratio * (h * h + w * w).sqrt()).round_ties_even() as u64;
    pixels.clamp(1, height.max(width).max(1))
}

/// The boundary of a mask as bits, within the mask's bounding box.
///
/// A column of the box is `words` words; the lowest bit of the first is the image's row `64 first_word`, so that two
/// boundaries are compared word by word.
#[derive(Default)]
struct Boundary {
    drawn: bool,
    first_column: u64,
    columns: usize,
    first_word: u64,
    words: usize,
    bits: Vec<u64>,
    area: u64,
}

impl Boundary {
    fn draw_once(
        &mut self,
        masks: &Foreground,
        index: usize,
        ratio: f64,
        eroded: &mut Vec<u64>,
    ) -> Result<()> {
        if !self.drawn {
            self.draw(masks, index, ratio, eroded)?;
            self.drawn = true;
        }
        Ok(())
    }

    fn draw(&mut self, masks: &Foreground, index: usize, ratio: f64, eroded: &mut Vec<u64>) -> Result<()> {
        let [height, width] = masks.size(index);
        let [x, y, w, h] = masks.bounds(index).map(u64::from);
        let distance = distance(ratio, height, width);
        if w * h > MOST_PIXELS {
            return Err(Error::value(format!("a mask of {h} x {w} pixels is too large for its boundary")));
        }
        self.first_column = x;
        self.columns = w as usize;
        self.first_word = y / 64;
        self.words = if h == 0 { 0 } else { ((y + h - 1) / 64 - y / 64 + 1) as usize };
        for bits in [&mut self.bits, &mut *eroded] {
            bits.clear();
            reserve(bits, self.columns * self.words)?;
            bits.resize(self.columns * self.words, 0);
        }
        if self.bits.is_empty() {
            self.area = 0;
            return Ok(());
        }
        let rows = self.first_word * 64..(self.first_word + self.words as u64) * 64;
        // Down a column an erosion shortens each run by the distance on both sides.
        masks.each_run(index, |start, end| {
            let mut start = start;
            while start < end {
                let (column, row) = (start / height, start % height);
                let length = (height - row).min(end - start);
                // Run lengths that no mask encodes to may leave the box that the reference draws around them.
                if column < x || column - x >= w || row < rows.start || row + length > rows.end {
                    break;
                }
                let at = (column - x) as usize * self.words;
                let offset = row - self.first_word * 64;
                let column = at..at + self.words;
                set(&mut self.bits[column.clone()], offset, offset + length);
                if length > 2 * distance {
                    set(&mut eroded[column], offset + distance, offset + length - distance);
                }
                start += length;
            }
        });
        self.erode_across(eroded, distance as usize);
        self.area = self.bits.iter().map(|word| u64::from(word.count_ones())).sum();
        Ok(())
    }

    /// Takes from the mask what stays in all of the `2 distance + 1` columns around it.
    fn erode_across(&mut self, eroded: &mut [u64], distance: usize) {
        let side = 2 * distance + 1;
        if self.columns < side {
            return;
        }
        // What stays in `wide` columns from each on; the width is doubled until it is more than half of the side.
        let narrow = |eroded: &mut [u64], by: usize| {
            let shift = by * self.words;
            for i in 0..eroded.len() {
                eroded[i] &= eroded.get(i + shift).copied().unwrap_or(0);
            }
        };
        let mut wide = 1;
        while 2 * wide <= side {
            narrow(eroded, wide);
            wide *= 2;
        }
        narrow(eroded, side - wide);
        let inner = &mut self.bits[distance * self.words..];
        inner.iter_mut().zip(eroded.iter()).for_each(|(mask, inside)| *mask &= !inside);
    }

    /// Pixels that both boundaries hold.
    fn intersection(&self, other: &Boundary) -> u64 {
        let first = self.first_column.max(other.first_column);
        let last = (self.first_column + self.columns as u64).min(other.first_column + other.columns as u64);
        let top = self.first_word.max(other.first_word);
        let bottom = (self.first_word + self.words as u64).min(other.first_word + other.words as u64);
        if bottom <= top {
            return 0;
        }
        let column = |rim: &Boundary, column: u64| {
            let start = (column - rim.first_column) as usize * rim.words + (top - rim.first_word) as usize;
            start..start + (bottom - top) as usize
        };
        let common = |at: u64| -> u64 {
            let pairs = self.bits[column(self, at)].iter().zip(&other.bits[column(other, at)]);
            pairs.map(|(a, b)| u64::from((a & b).count_ones())).sum()
        };
        (first..last).map(common).sum()
    }
}

/// Sets the bits `start..end`, of which there is at least one.
fn set(words: &mut [u64], start: u64, end: u64) {
    let (first, last) = ((start / 64) as usize, ((end - 1) / 64) as usize);
    let from = u64::MAX << (start % 64);
    let to = u64::MAX >> (63 - (end - 1) % 64);
    if first == last {
        words[first] |= from & to;
        return;
    }
    words[first] |= from;
    words[first + 1..last].fill(u64::MAX);
    words[last] |= to;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::columns::{Geometry, Masks};
    use crate::random::Random;
    use crate::rle::pixels;

    /// A few overlapping rectangles with some holes: column-major, as run lengths are.
    fn mask(h: usize, w: usize, random: &mut Random) -> Vec<u8> {
        let mut mask = vec![0; h * w];
        for value in [1, 1, 1, 0] {
            let mut pick = |most: usize| random.below(most as u64 + 1) as usize;
            let (x, y) = (pick(w - 1), pick(h - 1));
            let (right, bottom) = (x + pick(w - x), y + pick(h - y));
            let (right, bottom) =
                if value == 0 { (right.min(x + 3), bottom.min(y + 2)) } else { (right, bottom) };
            (x..right).for_each(|x| mask[x * h + y..x * h + bottom].fill(value));
        }
        mask
    }

    fn naive_boundary(mask: &[u8], h: usize, w: usize, distance: usize) -> Vec<bool> {
        let d = distance as isize;
        let inside = |x: isize, y: isize| {
            x >= 0 && y >= 0 && x < w as isize && y < h as isize && mask[x as usize * h + y as usize] == 1
        };
        (0..mask.len() as isize)
            .map(|i| {
                let (x, y) = (i / h as isize, i % h as isize);
                inside(x, y) && (x - d..=x + d).any(|u| (y - d..=y + d).any(|v| !inside(u, v)))
            })
            .collect()
    }

    fn iou(a: &[bool], b: &[bool]) -> f64 {
        let count = |f: &dyn Fn((&bool, &bool)) -> bool| a.iter().zip(b).filter(|&(a, b)| f((a, b))).count();
        count(&|(a, b)| *a && *b) as f64 / count(&|(a, b)| *a || *b) as f64
    }

    fn objects(masks: &[Vec<u8>], h: usize, w: usize, crowd: &[bool]) -> Objects {
        let mut columns = Masks::default();
        for mask in masks {
            let mut counts = Vec::new();
            pixels::encode(mask, &mut counts).unwrap();
            columns.push_counts([h as u32, w as u32], &counts).unwrap();
        }
        Objects::in_one_cell(Geometry::Masks(Arc::new(columns)), crowd)
    }

    #[test]
    fn the_distance_is_two_percent_of_the_diagonal() {
        // Of an image with a diagonal of 800 pixels: one pixel more from 2.06 % on.
        assert_eq!(distance(DILATION_RATIO, 480, 640), 16);
        assert_eq!(distance(DILATION_RATIO, 4800, 6400), 160);
    }

    #[test]
    fn values_are_those_of_the_naive_twin() {
        let mut random = Random::new(11);
        let mut scratch = BoundaryScratch::default();
        let mut met = 0;
        for (h, w) in [(1, 1), (5, 9), (40, 30), (63, 20), (64, 64), (65, 130), (200, 40)] {
            for distance in [1, 2, 5, 20] {
                let ratio = distance as f64 / ((h * h + w * w) as f64).sqrt();
                let all: Vec<_> = (0..6).map(|_| mask(h, w, &mut random)).collect();
                let (d, g) = all.split_at(3);
                let sides = (objects(d, h, w, &[]), objects(g, h, w, &[false, false, true]));
                let boundary = BoundaryIou::new(&sides.0, &sides.1, ratio).unwrap();
                let masks = MaskIou::new(&sides.0, &sides.1).unwrap();
                let (mut ours, mut plain, mut high) = ([0.0; 9], [0.0; 9], [0.0; 9]);
                let every = f64::NEG_INFINITY;
                let (ids, cell) = ([0, 1, 2], &mut scratch);
                boundary.fill(cell, &ids, &ids, every, &mut ours).unwrap();
                boundary.fill(cell, &ids, &ids, 0.5, &mut high).unwrap();
                masks.comparer()(&ids, &ids, every, &mut plain).unwrap();
                let distance = super::distance(ratio, h as u64, w as u64) as usize;
                for i in 0..9 {
                    let rims = [&d[i / 3], &g[i % 3]].map(|mask| naive_boundary(mask, h, w, distance));
                    let rim = iou(&rims[0], &rims[1]);
                    let expected = if i % 3 == 2 || plain[i] == 0.0 { plain[i] } else { plain[i].min(rim) };
                    assert_eq!(ours[i], expected, "{h} x {w}, distance {distance}, pair {i}");
                    assert!(high[i] == expected || (high[i] < 0.5 && expected < 0.5));
                    met += usize::from(expected > 0.0);
                }
            }
        }
        assert!(met > 50);
    }

    #[test]
    fn a_ratio_that_is_none() {
        let empty = objects(&[], 1, 1, &[]);
        for ratio in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(BoundaryIou::new(&empty, &empty, ratio).is_err());
        }
    }
}
