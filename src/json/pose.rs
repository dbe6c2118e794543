//! Keypoints as JSON has them: a flat array of numbers.

use super::fast;
use super::number;
use super::scanner::{After, Number, Scan, Scanner, added};
use std::sync::Arc;

use crate::columns::{Boxes, CompactDoubles, Keypoints};
use crate::error::{Result, append, reserve};
use crate::simd::{self, Kernel, Simd};

/// Integers beyond this are left to Python: sums of products of smaller ones are exact in doubles as in integers.
const EXACT: f64 = 33_554_432.0;

/// Some poses, all of equally many keypoints.
#[derive(Clone, Debug, Default)]
pub struct Poses {
    /// Whether it matters which keypoints are labelled.
    labels: bool,
    /// Poses that count.
    pub count: usize,
    /// The keypoints of each.
    width: usize,
    points: CompactDoubles,
    labelled: Vec<bool>,
    pending: Pose,
}

/// The pose that was read last.
#[derive(Clone, Debug, Default)]
struct Pose {
    points: Vec<f64>,
    labelled: Vec<bool>,
}

impl Poses {
    /// None yet, of ground truth or of detections.
    pub fn new(labels: bool) -> Poses {
        Poses { labels, ..Poses::default() }
    }

    /// None yet, of the same kind.
    pub fn fresh(&self) -> Poses {
        Poses::new(self.labels)
    }

    /// Reads the pose at the scanner, numbers in threes, as many as in those before; [`Poses::commit`] makes it count.
    pub fn read(&mut self, scanner: &mut Scanner<'_>) -> Scan<Option<()>> {
        let start = scanner.position();
        let (pose, text) = (&mut self.pending, scanner.bytes());
        let common = if self.labels {
            simd::dispatch(FastPose::<true> { pose, text, at: start })
        } else {
            simd::dispatch(FastPose::<false> { pose, text, at: start })
        };
        match common {
            Some(end) => scanner.move_to(end),
            None if self.pending.read(scanner)?.is_none() => return Ok(None),
            None => {}
        }
        let width = self.pending.points.len() / 2;
        if self.count == 0 {
            self.width = width;
        }
        Ok((width == self.width).then_some(()))
    }

    /// Whether a pose was read that does not count yet.
    pub fn pending(&self) -> bool {
        !self.pending.points.is_empty()
    }

    /// The pose that was read last counts.
    pub fn commit(&mut self) -> Result<()> {
        self.count += 1;
        self.points.extend(&self.pending.points)?;
        if self.labels {
            reserve(&mut self.labelled, self.pending.labelled.len())?;
            self.labelled.extend_from_slice(&self.pending.labelled);
        }
        self.discard();
        Ok(())
    }

    /// Discards a pose that does not count.
    pub fn discard(&mut self) {
        self.pending.clear();
    }

    /// As columns, with the objects' boxes where they have some.
    pub fn into_keypoints(self, boxes: Arc<Boxes>) -> Keypoints {
        Keypoints { per_object: self.width, points: self.points, labelled: self.labelled, boxes }
    }

    /// Adds the poses of `part` after these, and empties it; false if theirs are of another width.
    pub fn append(&mut self, part: &mut Poses) -> Result<bool> {
        let alike = self.width == part.width || self.count == 0 || part.count == 0;
        if part.count > 0 {
            self.width = part.width;
        }
        self.count += std::mem::take(&mut part.count);
        self.points.append(&mut part.points)?;
        append(&mut self.labelled, &mut part.labelled)?;
        part.discard();
        Ok(alike)
    }
}

impl Pose {
    fn clear(&mut self) {
        self.points.clear();
        self.labelled.clear();
    }

    /// Reserves memory for one more keypoint.
    #[inline(always)]
    fn make_room(&mut self) -> Scan<()> {
        added(reserve(&mut self.points, 2).and_then(|()| reserve(&mut self.labelled, 1)))
    }

    /// Any pose.
    fn read(&mut self, scanner: &mut Scanner<'_>) -> Scan<Option<()>> {
        self.clear();
        if !scanner.take(b'[') {
            return Ok(None);
        }
        let mut read = 0;
        loop {
            self.make_room()?;
            match scanner.number()? {
                Some(Number { value, integer }) if !integer || value.abs() <= EXACT => match read % 3 {
                    2 if value.is_finite() => self.labelled.push(value > 0.0),
                    2 => return Ok(None),
                    _ => self.points.push(value),
                },
                _ => return Ok(None),
            }
            read += 1;
            if scanner.after(b']', "',' or ']'")? == After::Close {
                return Ok((read % 3 == 0).then_some(()));
            }
        }
    }

    /// A pose as nearly all files have it, at `at`, and the place behind it. What is read here
    /// [`Pose::read`] would read likewise. Without `LABELS` the third numbers are not converted.
    #[inline(always)]
    fn read_fast<L: Simd, const LABELS: bool>(&mut self, text: &[u8], mut at: usize) -> Option<usize> {
        self.clear();
        if *text.get(at)? != b'[' {
            return None;
        }
        at += 1;
        loop {
            self.make_room().ok()?;
            let end = if LABELS && nothing(text, at) {
                self.points.extend([0.0; 2]);
                self.labelled.push(false);
                at + NOTHING.len()
            } else {
                let mut point = [0.0; 2];
                for value in &mut point {
                    (*value, at) = if LABELS {
                        let (value, end) = pixel(text, at);
                        (value, behind_comma(text, end)?)
                    } else {
                        coordinate::<L>(text, at)
                    };
                }
                self.points.extend_from_slice(&point);
                if LABELS {
                    let (value, end) = label(text, at);
                    self.labelled.push(value > 0.0);
                    end
                } else {
                    passed::<L>(text, at)
                }
            };
            if *text.get(end)? == b']' {
                return Some(end + 1);
            }
            at = behind_comma(text, end)?;
        }
    }
}

/// A pose at `at`.
struct FastPose<'a, const LABELS: bool> {
    pose: &'a mut Pose,
    text: &'a [u8],
    at: usize,
}

impl<const LABELS: bool> Kernel for FastPose<'_, LABELS> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<L: Simd>(self) -> Option<usize> {
        self.pose.read_fast::<L, LABELS>(self.text, self.at)
    }
}

// The end of a number determines where the next one begins, so that each has to wait for the one before. It is computed
// in the shortest way: where the next comma is, which is then checked to be the number's end. Rare cases are in
// branches of their own, which the processor predicts correctly, and which add nothing to that wait. Nor do return
// values that fit into registers: a failure is a number that ends at `NOWHERE`, behind all text.

const NOWHERE: usize = usize::MAX;

/// The place behind a comma at `at`, and behind a space.
#[inline(always)]
fn behind_comma(text: &[u8], at: usize) -> Option<usize> {
    let pair = *text.get(at..)?.first_chunk()?;
    if pair == *b", " { Some(at + 2) } else { behind_bare_comma(pair, at) }
}

#[inline(never)]
fn behind_bare_comma(pair: [u8; 2], at: usize) -> Option<usize> {
    (pair[0] == b',').then_some(at + 1)
}

/// A keypoint that is not labelled, which is the most common one in ground truth.
const NOTHING: &[u8; 7] = b"0, 0, 0";

#[inline(always)]
fn nothing(text: &[u8], at: usize) -> bool {
    match text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        Some(&[ref zeros @ .., next]) => zeros == NOTHING && matches!(next, b',' | b']'),
        None => false,
    }
}

/// As [`number`], where whole numbers of at most three digits are common.
#[inline(always)]
fn pixel(text: &[u8], at: usize) -> (f64, usize) {
    let Some(chunk) = chunk::<4>(text, at) else { return (0.0, NOWHERE) };
    let count = number::leading_digits(chunk);
    let common = count.wrapping_sub(1) < 3 && (chunk[0] != b'0' || count == 1);
    if common && matches!(chunk[count % 4], b',' | b']') {
        (number::fewer(chunk, count) as f64, at + count)
    } else {
        number(text, at)
    }
}

/// As [`number`], where whole numbers of a single digit are common.
#[inline(always)]
fn label(text: &[u8], at: usize) -> (f64, usize) {
    match chunk(text, at) {
        Some([digit @ b'0'..=b'9', b',' | b']']) => (f64::from(digit - b'0'), at + 1),
        _ => number(text, at),
    }
}

/// A number with a point at `at`, if it has the common form, else any; and the position after the comma that follows
/// it.
#[inline(always)]
fn coordinate<L: Simd>(text: &[u8], at: usize) -> (f64, usize) {
    // All bytes that are read, so that bounds are checked once.
    if let Some(around) = chunk::<48>(text, at.wrapping_sub(16))
        && let Some(window) = around.last_chunk()
    {
        let len = L::positions(window, b',').trailing_zeros() as usize;
        if let Some(whole) = point::<L>(window, len)
            && around[16 + (len + 1) % 32] == b' '
            && let Some(value) = fast::plain_of::<L>(around, whole, len)
        {
            return (value, at + len + 2);
        }
    }
    any_coordinate(text, at)
}

/// How many digits are before the single byte of the first `len` that is none.
#[inline(always)]
fn point<L: Simd>(window: &[u8; 32], len: usize) -> Option<usize> {
    let others = !L::digits(window) & ((1u64 << len) - 1) as u32;
    (others & others.wrapping_sub(1) == 0).then_some(others.trailing_zeros() as usize)
}

#[inline(never)]
fn any_coordinate(text: &[u8], at: usize) -> (f64, usize) {
    let (value, end) = number(text, at);
    (value, behind_comma(text, end).unwrap_or(NOWHERE))
}

/// The number at `at`, and where it ends: whole, or with a point, of at most 7 digits before it and not many more
/// behind it than a double has. What follows has to be checked: it may be an exponent.
#[inline(never)]
fn number(text: &[u8], at: usize) -> (f64, usize) {
    let negative = chunk(text, at) == Some(b"-");
    let start = at.wrapping_add(usize::from(negative));
    let Some(window) = chunk::<32>(text, start) else { return (0.0, NOWHERE) };
    let fast::Extent { whole, .. } = fast::extent(window);
    let point = window[whole % 32] == b'.';
    let (value, end) = if point {
        fast::with_point(text, start)
    } else if whole.wrapping_sub(1) < 7
        && (window[0] != b'0' || whole == 1)
        && let Some(head) = window.first_chunk()
    {
        (number::few(head, whole) as f64, start + whole)
    } else {
        return (0.0, NOWHERE);
    };
    // As an integer, minus zero is zero.
    let value = if negative && (point || value != 0.0) { -value } else { value };
    (value, if end > 0 { end } else { NOWHERE })
}

/// Where the number at `at` ends.
#[inline(always)]
fn passed<L: Simd>(text: &[u8], at: usize) -> usize {
    let Some(window) = chunk::<32>(text, at) else { return NOWHERE };
    let len = (L::positions(window, b',') | L::positions(window, b']')).trailing_zeros() as usize;
    let common = |whole: usize| {
        whole.wrapping_sub(1) < 7
            && window[whole % 32] == b'.'
            && whole + 1 < len
            && (window[0] != b'0' || whole == 1)
    };
    if point::<L>(window, len).is_some_and(common) { at + len } else { number(text, at).1 }
}

/// Some bytes at `at`.
#[inline(always)]
fn chunk<const N: usize>(text: &[u8], at: usize) -> Option<&[u8; N]> {
    text.get(at..)?.first_chunk()
}

/// The box around all keypoints of a pose (`x, y` of each), labelled or not, as `x, y, width, height`: what `loadRes`
/// makes of a result that has nothing else. `None` with NaN.
pub fn bounding_box(pose: &[f64]) -> Option<[f64; 4]> {
    let range = |offset: usize| {
        let mut values = pose.iter().skip(offset).step_by(2);
        values.try_fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
            (!value.is_nan()).then(|| (low.min(value), high.max(value)))
        })
    };
    let ((left, right), (top, bottom)) = (range(0)?, range(1)?);
    Some([left, top, right - left, bottom - top])
}

#[cfg(test)]
mod tests {
    use super::super::scanner::PADDING;
    use super::*;
    use crate::random::{Random, tries};
    use crate::simd::Baseline;

    fn pad(text: &str) -> Vec<u8> {
        [&[b' '; 16], text.as_bytes(), &[0; PADDING]].concat()
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    /// Of any text, either nothing is read, or what is read with care, to the same place.
    fn agree(text: &str) -> bool {
        let bytes = pad(text);
        let mut scanner = Scanner::new(&bytes, 16 + text.len(), 16, 0);
        let mut careful = Pose::default();
        let read = careful.read(&mut scanner);
        let (mut common, mut unlabelled) = (Pose::default(), Pose::default());
        let end = common.read_fast::<Baseline, true>(&bytes, 16);
        let passed = unlabelled.read_fast::<Baseline, false>(&bytes, 16);
        let mut wide = [Pose::default(), Pose::default()];
        let [pose, other] = &mut wide;
        assert_eq!(simd::dispatch(FastPose::<true> { pose, text: &bytes, at: 16 }), end, "{text}");
        assert_eq!(simd::dispatch(FastPose::<false> { pose: other, text: &bytes, at: 16 }), passed, "{text}");
        assert_eq!(wide.map(|pose| bits(&pose.points)), [bits(&common.points), bits(&unlabelled.points)]);
        if let Some(passed) = passed {
            assert!(matches!(read, Ok(Some(()))), "{text}");
            assert_eq!(
                (passed, bits(&unlabelled.points)),
                (scanner.position(), bits(&careful.points)),
                "{text}"
            );
            assert!(unlabelled.labelled.is_empty());
        }
        if end.is_some() {
            assert_eq!(passed, end, "{text}");
            assert_eq!(bits(&common.points), bits(&careful.points), "{text}");
            assert_eq!(common.labelled, careful.labelled, "{text}");
        }
        end.is_some()
    }

    #[test]
    fn usual_poses_are_read_as_with_care() {
        for common in [
            "[1, 2, 2]",
            "[1.5,2.25,0,0, 0, 0],",
            "[0, 0, 0, 0, 0, 1, 0, 0, 0]",
            "[0, 0, 0.5, 0, 0, 0.0, 0, 0, 0]",
            "[382.5304870605469, 521.5719604492188, 0.9376968145370483, -3.5, -0.25, 1]",
            "[0.12345678901234567, 0.5, 0.0, -0.0, -1, 9999999]",
            "[512.0000000000001, 255.99999999999997, 1, 4.000000000000001, 1.0000000000000002, 2.0]",
        ] {
            assert!(agree(common), "{common}");
        }
        for other in [
            "[]",
            "[1, 2]",
            "[1, 2, 3, 4]",
            "[1, 2, 3",
            "[1, 2, 3}",
            "[-0, 1, 2]",
            "[01, 2, 3]",
            "[1., 2, 3]",
            "[1, 2e1, 3]",
            "[1, 2, 3e1]",
            "[1, 2, 3.5e1]",
            "[ 1, 2, 3]",
            "[1,  2, 3]",
            "[1, 2, 3 ]",
            "[--1, 2, 3]",
            "[1, 2, -]",
            "[1, 2, NaN]",
            "[12345678, 2, 3]",
            "[1, 2, \"3\"]",
            "[1, 2, [3]]",
        ] {
            assert_eq!(agree(other), other == "[-0, 1, 2]", "{other}");
        }
    }

    #[test]
    fn numbers_of_all_lengths_are_rounded_once() {
        let mut random = Random::new(1);
        let mut roll = |sides: u64| random.below(sides);
        let (mut common, rounds) = (0, tries(60_000));
        for _ in 0..rounds {
            let number = |roll: &mut dyn FnMut(u64) -> u64| {
                let value = (roll(1 << 31) as f64 / (1u64 << 31) as f64)
                    * [1.0, 16.0, 700.0, 70_000.0][roll(4) as usize];
                let sign = ["", "", "", "-"][roll(4) as usize];
                match roll(5) {
                    0 => format!("{sign}{:?}", f64::from(value as f32)),
                    1 => format!("{sign}{value:?}"),
                    2 => format!("{sign}{value:.*}", roll(19) as usize),
                    // About halfway between two doubles.
                    3 => format!("{sign}{:.13}", value.floor() + 0.5 + f64::EPSILON * 128.0),
                    _ => format!("{sign}{}", value as u32),
                }
            };
            let numbers: Vec<String> = (0..6).map(|_| number(&mut roll)).collect();
            common += usize::from(agree(&format!("[{}]", numbers.join([", ", ","][roll(2) as usize]))));
        }
        assert!(common > rounds / 2, "{common}");
    }

    #[test]
    fn poses_are_all_of_one_width() {
        let text = pad("[1, 2, 0] [3, 4, 1] [1, 2, 1, 3, 4, 1]");
        let mut scanner = Scanner::new(&text, text.len() - PADDING, 16, 0);
        let mut poses = Poses::new(true);
        for _ in 0..2 {
            assert_eq!(poses.read(&mut scanner), Ok(Some(())));
            assert!(poses.pending());
            poses.commit().unwrap();
            scanner.space();
        }
        let wide = scanner.position();
        assert_eq!(poses.read(&mut scanner), Ok(None));
        poses.discard();
        scanner.move_to(wide);
        let mut other = poses.fresh();
        assert_eq!(other.read(&mut scanner), Ok(Some(())));
        other.commit().unwrap();
        let mut same = poses.clone();
        assert!(same.append(&mut poses.fresh()).unwrap() && same.append(&mut poses.clone()).unwrap());
        assert!(!same.append(&mut other).unwrap());
        let keypoints = poses.into_keypoints(Arc::default());
        let mut points = Vec::new();
        (0..keypoints.len()).for_each(|index| keypoints.read(index, &mut points));
        assert_eq!((points, keypoints.labelled), (vec![1.0, 2.0, 3.0, 4.0], vec![false, true]));
    }
}
