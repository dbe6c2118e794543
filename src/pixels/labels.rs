//! The meaning of label values: a class, ignored, or invalid.
//!
//! Label maps come in every integer type. They are turned, a block at a time, into *codes*: the class, or one of two
//! numbers after the last class, so that counting needs no branch and no copy of a whole map.

use std::borrow::Cow;
use std::ops::BitOr;

use crate::error::{Error, Result, with_capacity};

/// The most classes that a rule may have: a code is 16 bits, and a matrix of this many classes is 128 MiB.
pub const MOST_CLASSES: usize = 4096;

/// Which numbers are classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelRule {
    classes: usize,
    ignore: Option<i64>,
    reduce_zero: bool,
}

impl LabelRule {
    /// Labels `0..classes` are classes. A pixel whose target is `ignore` is left out; a prediction of `ignore` (where
    /// that is not a class) is no class, and so never a true positive. With `reduce_zero` target 0 is left out too, and
    /// the classes of the target are numbered from 1.
    ///
    /// # Errors
    ///
    /// There is no class, or there are more than [`MOST_CLASSES`].
    pub fn new(classes: usize, ignore: Option<i64>, reduce_zero: bool) -> Result<LabelRule> {
        if classes == 0 || classes > MOST_CLASSES {
            return Err(Error::value(format!("classes: expected 1 to {MOST_CLASSES}, found {classes}")));
        }
        Ok(LabelRule { classes, ignore, reduce_zero })
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The code of a pixel that is left out (target) or of no class (prediction).
    #[inline]
    pub fn nothing(&self) -> u16 {
        self.classes as u16
    }

    /// The code of a label that is neither a class nor ignored.
    #[inline]
    pub fn unknown(&self) -> u16 {
        self.classes as u16 + 1
    }

    /// How many codes there are.
    #[inline]
    pub fn codes(&self) -> usize {
        self.classes + 2
    }

    /// The code of a target's number.
    #[inline]
    pub fn target(&self, label: i64) -> u16 {
        if Some(label) == self.ignore || (self.reduce_zero && label == 0) {
            return self.nothing();
        }
        let class = label.wrapping_sub(i64::from(self.reduce_zero));
        if (class as u64) < self.classes as u64 { class as u16 } else { self.unknown() }
    }

    /// The code of a prediction's number.
    #[inline]
    pub fn prediction(&self, label: i64) -> u16 {
        if (label as u64) < self.classes as u64 {
            label as u16
        } else if Some(label) == self.ignore {
            self.nothing()
        } else {
            self.unknown()
        }
    }

    /// The code of a number on either side.
    #[inline]
    pub fn code(&self, side: MapSide, label: i64) -> u16 {
        match side {
            MapSide::Target => self.target(label),
            MapSide::Prediction => self.prediction(label),
        }
    }

    /// What the numbers of one side may be, in words.
    pub fn expected(&self, side: MapSide) -> String {
        let first = usize::from(side == MapSide::Target && self.reduce_zero);
        let last = first + self.classes - 1;
        match self.ignore {
            Some(ignore) => format!("expected a class, {first} to {last}, or {ignore} (ignored)"),
            None => format!("expected a class, {first} to {last}"),
        }
    }
}

/// Ground truth or prediction: the same number may mean different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapSide {
    /// What is to be found.
    Target,
    /// What was found.
    Prediction,
}

impl MapSide {
    /// The side as messages name it.
    pub fn name(self) -> &'static str {
        match self {
            MapSide::Target => "target",
            MapSide::Prediction => "prediction",
        }
    }
}

/// Pixels of one map or many, in row-major order, as they were given.
#[derive(Clone, Copy, Debug)]
pub enum Labels<'a> {
    /// `uint8`
    U8(&'a [u8]),
    /// `int8`
    I8(&'a [i8]),
    /// `uint16`
    U16(&'a [u16]),
    /// `int16`
    I16(&'a [i16]),
    /// `uint32`
    U32(&'a [u32]),
    /// `int32`
    I32(&'a [i32]),
    /// `uint64`
    U64(&'a [u64]),
    /// `int64`
    I64(&'a [i64]),
}

/// Runs `$body` with `$pixels` bound to the slice of whatever type the labels have.
macro_rules! each_type {
    ($labels:expr, $pixels:ident => $body:expr) => {
        match $labels {
            Labels::U8($pixels) => $body,
            Labels::I8($pixels) => $body,
            Labels::U16($pixels) => $body,
            Labels::I16($pixels) => $body,
            Labels::U32($pixels) => $body,
            Labels::I32($pixels) => $body,
            Labels::U64($pixels) => $body,
            Labels::I64($pixels) => $body,
        }
    };
}

/// An integer that a label map may be made of.
trait Label: Copy + Default + PartialEq + BitOr<Output = Self> {
    /// The number; past the end of `i64`, its last one, which is no class.
    fn number(self) -> i64;

    /// Its lowest byte.
    fn byte(self) -> u8;
}

macro_rules! label {
    ($($kind:ty)*) => { $(impl Label for $kind {
        #[inline]
        fn number(self) -> i64 { i64::from(self) }

        #[inline]
        fn byte(self) -> u8 { self as u8 }
    })* };
}
label!(u8 i8 u16 i16 u32 i32 i64);

impl Label for u64 {
    #[inline]
    fn number(self) -> i64 {
        i64::try_from(self).unwrap_or(i64::MAX)
    }

    #[inline]
    fn byte(self) -> u8 {
        self as u8
    }
}

impl<'a> Labels<'a> {
    /// The number of pixels.
    pub fn len(&self) -> usize {
        each_type!(self, pixels => pixels.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pixels `start..end`.
    pub fn slice(&self, start: usize, end: usize) -> Labels<'a> {
        match *self {
            Labels::U8(pixels) => Labels::U8(&pixels[start..end]),
            Labels::I8(pixels) => Labels::I8(&pixels[start..end]),
            Labels::U16(pixels) => Labels::U16(&pixels[start..end]),
            Labels::I16(pixels) => Labels::I16(&pixels[start..end]),
            Labels::U32(pixels) => Labels::U32(&pixels[start..end]),
            Labels::I32(pixels) => Labels::I32(&pixels[start..end]),
            Labels::U64(pixels) => Labels::U64(&pixels[start..end]),
            Labels::I64(pixels) => Labels::I64(&pixels[start..end]),
        }
    }

    /// The number at `index`, wide enough for every type.
    pub fn number(&self, index: usize) -> i128 {
        each_type!(self, pixels => i128::from(pixels[index]))
    }

    /// Writes the code of each pixel to `out`, which is as long.
    pub fn encode(&self, rule: &LabelRule, side: MapSide, out: &mut [u16]) {
        each_type!(self, pixels => encode(pixels, rule, side, out));
    }

    /// The numbers as bytes, in `buffer` unless they are bytes already; nothing if one is none.
    pub fn bytes<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        match *self {
            Labels::U8(pixels) => Some(pixels),
            ref labels => each_type!(labels, pixels => narrow(pixels, buffer)),
        }
    }

    /// The first pixel whose number means nothing.
    pub fn first_wrong(&self, rule: &LabelRule, side: MapSide) -> Option<usize> {
        let is_unknown = |label: i64| rule.code(side, label) == rule.unknown();
        each_type!(self, pixels => pixels.iter().position(|label| is_unknown(label.number())))
    }

    /// The error for the first pixel without a valid label, in a map of this `width`.
    pub fn refuse(&self, rule: &LabelRule, side: MapSide, width: usize) -> Option<Error> {
        let index = self.first_wrong(rule, side)?;
        let (row, column) = place(index, width);
        let number = self.number(index);
        let expected = rule.expected(side);
        Some(Error::value(format!("row {row}, column {column}: label {number}; {expected}")))
    }

    /// The numbers as 32-bit segment ids. The error names the first that is none.
    ///
    /// # Errors
    ///
    /// A number is not an id of 32 bits, or memory cannot be had.
    pub fn ids(&self, width: usize) -> Result<Cow<'a, [u32]>> {
        if let Labels::U32(ids) = *self {
            return Ok(Cow::Borrowed(ids));
        }
        let id = |(index, number): (usize, i128)| {
            u32::try_from(number).map_err(|_| {
                let (row, column) = place(index, width);
                let most = u32::MAX;
                Error::value(format!(
                    "row {row}, column {column}: {number} is no segment id; expected 0 to {most}"
                ))
            })
        };
        let mut ids = with_capacity(self.len())?;
        each_type!(self, pixels => {
            for numbered in pixels.iter().map(|&p| i128::from(p)).enumerate() {
                ids.push(id(numbered)?);
            }
        });
        Ok(Cow::Owned(ids))
    }
}

/// Row and column of a pixel in a map of this width.
pub fn place(index: usize, width: usize) -> (usize, usize) {
    let width = width.max(1);
    (index / width, index % width)
}

/// Two loops without a branch: both become vector instructions.
fn narrow<'b, L: Label>(pixels: &[L], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let buffer = &mut buffer[..pixels.len()];
    let all = pixels.iter().fold(L::default(), |all, &label| all | label);
    pixels.iter().zip(buffer.iter_mut()).for_each(|(label, byte)| *byte = label.byte());
    (0..256).contains(&all.number()).then_some(buffer)
}

/// Label maps are mostly long runs: a stretch of one number is encoded once.
const STRETCH: usize = 32;

fn encode<L: Label>(pixels: &[L], rule: &LabelRule, side: MapSide, out: &mut [u16]) {
    assert_eq!(pixels.len(), out.len(), "a code for each pixel");
    let (pixels, last) = pixels.as_chunks::<STRETCH>();
    let (out, last_out) = out.as_chunks_mut::<STRETCH>();
    for (stretch, out) in pixels.iter().zip(out) {
        let first = stretch[0];
        if stretch.iter().all(|&label| label == first) {
            out.fill(rule.code(side, first.number()));
        } else {
            encode_each(stretch, rule, side, out);
        }
    }
    encode_each(last, rule, side, last_out);
}

fn encode_each<L: Label>(pixels: &[L], rule: &LabelRule, side: MapSide, out: &mut [u16]) {
    match side {
        MapSide::Target => pixels.iter().zip(out).for_each(|(&p, out)| *out = rule.target(p.number())),
        MapSide::Prediction => {
            pixels.iter().zip(out).for_each(|(&p, out)| *out = rule.prediction(p.number()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_sides() {
        let rule = LabelRule::new(3, Some(255), false).unwrap();
        assert_eq!([0, 2, 3, 255, -1, i64::MIN].map(|l| rule.target(l)), [0, 2, 4, 3, 4, 4]);
        assert_eq!([0, 2, 3, 255, -1, i64::MAX].map(|l| rule.prediction(l)), [0, 2, 4, 3, 4, 4]);
        let zero = LabelRule::new(3, Some(255), true).unwrap();
        assert_eq!([0, 1, 3, 4, 255].map(|l| zero.target(l)), [3, 0, 2, 4, 3]);
        assert_eq!([0, 1, 3].map(|l| zero.prediction(l)), [0, 1, 4]);
        // An ignored class is left out of the target, and stays a class of the prediction.
        let inside = LabelRule::new(3, Some(1), false).unwrap();
        assert_eq!((inside.target(1), inside.prediction(1)), (3, 1));
    }

    #[test]
    fn the_first_wrong_pixel_is_named() {
        let rule = LabelRule::new(3, None, false).unwrap();
        let mut pixels = vec![1_u64; 100];
        pixels[47] = u64::MAX;
        let error = Labels::U64(&pixels).refuse(&rule, MapSide::Target, 10).unwrap();
        let expected = "row 4, column 7: label 18446744073709551615; expected a class, 0 to 2";
        assert_eq!(error.to_string(), expected);
    }
}
