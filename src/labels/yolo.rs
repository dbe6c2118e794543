//! YOLO's label files: a text for each image with a line for each object, in fractions of the image.
//!
//! A line is `class x_center y_center width height`, `class x1 y1 x2 y2 x3 y3 …` (a polygon; of four corners also an
//! oriented box), or `class x_center y_center width height` and `x y` or `x y visibility` of each keypoint; those of
//! detections have the confidence at the end, or behind the class. No two tools agree on the bits of a box in pixels;
//! here its corner is `(center - size / 2) * image` in double precision.

use std::fs;
use std::path::Path;

use rayon::prelude::*;

use super::word::{number, shown};
use super::{Checked, Fault};
use crate::columns::GeometryKind;
use crate::error::{Error, Result, append, collect_parallel, extend, reserve};
use crate::progress::Progress;
use crate::threads;

/// Files that one thread reads in one go.
const FILES: usize = 64;
/// Faults that are described; more are counted only.
const MOST_FAULTS: usize = 10_000;
/// As far as an annotation may lie outside its image, in fractions of it: what Ultralytics allows.
const TOLERANCE: f64 = 0.01;
/// The same of detections, which not every detector clips.
const UNCLIPPED: f64 = 1.0;

/// What the lines of a folder hold.
#[derive(Clone, Copy, Debug)]
pub struct YoloLayout {
    /// Which of it is wanted.
    pub geometry: GeometryKind,
    /// Where the confidence stands; None for annotations.
    pub confidence: Option<Confidence>,
    /// Keypoints of an object, and numbers of a keypoint (2 or 3), where lines have some.
    pub keypoints: Option<[usize; 2]>,
}

/// Where the confidence stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// At the end, as Ultralytics writes it.
    Last,
    /// Behind the class.
    Second,
}

/// The objects of a folder, file by file and line by line.
#[derive(Debug, Default)]
pub struct YoloObjects {
    /// The file of each object.
    pub file: Vec<u32>,
    /// Its line in that file, from 1.
    pub line: Vec<u32>,
    /// Its class.
    pub class: Vec<u32>,
    /// Its confidence; empty for annotations.
    pub score: Vec<f64>,
    /// Its box `x, y, width, height` in pixels; of a polygon the box around it.
    pub boxes: Vec<[f64; 4]>,
    /// Corners of polygons in pixels, or `x, y, visibility` of keypoints; empty where boxes are wanted.
    pub points: Vec<f64>,
    /// Where the numbers of each object in `points` end.
    pub ends: Vec<u64>,
    /// How many lines are polygons, and how many of these have four corners.
    pub polygons: [u64; 2],
    /// Of lines with a box and a confidence: how many boxes leave the image as they are read, and how many would if the
    /// confidence stood in the other place.
    pub outside: [u64; 2],
    /// Lines with a box and a confidence.
    pub scored_boxes: u64,
    /// What is wrong, in the same order: the lines that are left out.
    pub faults: Vec<Fault>,
    /// How many lines are left out.
    pub left_out: u64,
}

impl YoloObjects {
    fn append(&mut self, mut other: YoloObjects) -> Result<()> {
        let end = self.ends.last().copied().unwrap_or(0);
        append(&mut self.file, &mut other.file)?;
        append(&mut self.line, &mut other.line)?;
        append(&mut self.class, &mut other.class)?;
        append(&mut self.score, &mut other.score)?;
        append(&mut self.boxes, &mut other.boxes)?;
        append(&mut self.points, &mut other.points)?;
        extend(&mut self.ends, other.ends.iter().map(|own| end + own))?;
        for (sum, more) in self.polygons.iter_mut().zip(other.polygons) {
            *sum += more;
        }
        for (sum, more) in self.outside.iter_mut().zip(other.outside) {
            *sum += more;
        }
        self.scored_boxes += other.scored_boxes;
        self.left_out += other.left_out;
        let space = MOST_FAULTS.saturating_sub(self.faults.len());
        extend(&mut self.faults, other.faults.into_iter().take(space))
    }
}

/// Reads label files, of images of these heights and widths.
///
/// # Errors
///
/// A file cannot be read; the error names it. Lines that cannot be used are in [`YoloObjects::faults`].
pub fn read<P: AsRef<Path> + Sync>(
    paths: &[P],
    sizes: &[[u32; 2]],
    layout: YoloLayout,
    progress: &Progress,
) -> Result<YoloObjects> {
    assert_eq!(paths.len(), sizes.len(), "a size for each file");
    let read = |(group, paths): (usize, &[P])| -> Result<YoloObjects> {
        progress.check()?;
        let mut rows = YoloObjects::default();
        let mut numbers = Vec::new();
        for (at, path) in paths.iter().enumerate() {
            let file = FILES * group + at;
            let text = fs::read(path).map_err(|error| Error::io(error).in_file(path.as_ref()))?;
            rows.read(file, &text, sizes[file], layout, &mut numbers)
                .map_err(|error| error.in_file(path.as_ref()))?;
        }
        Ok(rows)
    };
    let groups = threads::run(|| collect_parallel(paths.par_chunks(FILES).enumerate().map(read)))?;
    let mut all = YoloObjects::default();
    for rows in groups {
        all.append(rows?)?;
    }
    Ok(all)
}

impl YoloObjects {
    /// Adds the objects of a file.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn read(
        &mut self,
        file: usize,
        text: &[u8],
        size: [u32; 2],
        layout: YoloLayout,
        numbers: &mut Vec<f64>,
    ) -> Result<()> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        for (line, text) in text.split(|&byte| byte == b'\n').enumerate() {
            let text = text.trim_ascii();
            if text.is_empty() {
                continue;
            }
            self.reserve(text, layout, numbers)?;
            match self.object(text, size, layout, numbers) {
                Ok(()) => {
                    self.file.push(file as u32);
                    self.line.push(line as u32 + 1);
                }
                Err((code, error)) => {
                    self.left_out += 1;
                    if self.faults.len() < MOST_FAULTS {
                        self.faults.push(Fault { file, code, error: error.in_line(line + 1) });
                    }
                }
            }
        }
        Ok(())
    }

    /// Memory for all that this line may hold, or be wrong about.
    fn reserve(&mut self, text: &[u8], layout: YoloLayout, numbers: &mut Vec<f64>) -> Result<()> {
        numbers.clear();
        let words = text.len() / 2 + 1;
        reserve(numbers, words)?;
        reserve(&mut self.file, 1)?;
        reserve(&mut self.line, 1)?;
        reserve(&mut self.class, 1)?;
        reserve(&mut self.score, 1)?;
        reserve(&mut self.boxes, 1)?;
        if layout.geometry != GeometryKind::Boxes {
            // Two numbers of a keypoint become three.
            reserve(&mut self.points, words / 2 * 3 + 3)?;
            reserve(&mut self.ends, 1)?;
        }
        reserve(&mut self.faults, 1)
    }

    /// Adds the object of a line, without its place.
    fn object(
        &mut self,
        text: &[u8],
        size: [u32; 2],
        layout: YoloLayout,
        numbers: &mut Vec<f64>,
    ) -> Checked<()> {
        let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let class = words.next().map(class_of).transpose()?.unwrap_or(0);
        numbers.clear();
        for word in words {
            numbers.push(number(word).map_err(|error| {
                let field = numbers.len() + 1;
                ("not-a-number", error.field(format!("number {field}")).expected("a number"))
            })?);
        }
        let count = numbers.len();
        let shape = Shape::of(count, layout).ok_or_else(|| ("wrong-length", wrong_length(count, layout)))?;
        let score = match layout.confidence {
            Some(Confidence::Last) => numbers.pop(),
            Some(Confidence::Second) => Some(numbers.remove(0)),
            None => None,
        };
        if let Some(score) = score
            && !(0.0..=1.0).contains(&score)
        {
            let error = Error::value("").field("confidence").found(format!("is {score}"));
            return Err(("bad-score", error.expected("a number from 0 to 1")));
        }
        let slack = if score.is_some() { UNCLIPPED } else { TOLERANCE };
        self.geometry(shape, numbers, size, slack, layout)?;
        if let (Some(score), Shape::Box) = (score, shape) {
            let [x, y, width, height] = [numbers[0], numbers[1], numbers[2], numbers[3]];
            let last = layout.confidence == Some(Confidence::Last);
            let other = if last { [y, width, height, score] } else { [score, x, y, width] };
            self.scored_boxes += 1;
            self.outside[0] += u64::from(leaves([x, y, width, height]));
            self.outside[1] += u64::from(leaves(other));
        }
        self.class.push(class);
        self.score.extend(score);
        Ok(())
    }

    /// Adds the box of a line, and its corners or keypoints where these are wanted.
    fn geometry(
        &mut self,
        shape: Shape,
        numbers: &[f64],
        size: [u32; 2],
        slack: f64,
        layout: YoloLayout,
    ) -> Checked<()> {
        let [height, width] = size.map(f64::from);
        let inside = |numbers: &[f64], name: fn(usize) -> String| match numbers
            .iter()
            .position(|number| !(-slack..=1.0 + slack).contains(number))
        {
            None => Ok(()),
            Some(at) => {
                let error = Error::value("").field(name(at)).found(format!("is {}", numbers[at]));
                Err(("not-a-fraction", error.expected("a fraction of the image, from 0 to 1")))
            }
        };
        let wanted =
            |geometry, what: &str| {
                match layout.geometry == geometry {
            true => Err(("wrong-geometry", Error::value("").found(what).expected(match geometry {
                GeometryKind::RotatedBoxes => "four corners (class x1 y1 x2 y2 x3 y3 x4 y4)",
                GeometryKind::Masks => "a polygon (class x1 y1 x2 y2 x3 y3 ...)",
                _ => "a box and its keypoints (class x_center y_center width height x1 y1 visibility1 ...)",
            }))),
            false => Ok(()),
        }
            };
        let bounds = match shape {
            Shape::Box | Shape::Pose(_) => {
                let what = if shape == Shape::Box { "holds a box" } else { "holds keypoints" };
                wanted(GeometryKind::Masks, what)?;
                wanted(GeometryKind::RotatedBoxes, what)?;
                inside(&numbers[..4], |at| ["x_center", "y_center", "width", "height"][at].into())?;
                let [x, y, w, h] = [numbers[0], numbers[1], numbers[2], numbers[3]];
                for (name, side) in [("width", w), ("height", h)] {
                    if side < 0.0 {
                        let error = Error::value("").field(name).found(format!("is {side}"));
                        return Err((
                            "malformed-box",
                            error.expected("a fraction of the image, from 0 to 1"),
                        ));
                    }
                }
                [(x - w / 2.0) * width, (y - h / 2.0) * height, w * width, h * height]
            }
            Shape::Polygon => {
                wanted(GeometryKind::Keypoints, "holds a polygon")?;
                if numbers.len() != 8 {
                    let corners = numbers.len() / 2;
                    wanted(GeometryKind::RotatedBoxes, &format!("holds a polygon of {corners} corners"))?;
                }
                inside(numbers, |at| format!("{}{}", if at % 2 == 0 { "x" } else { "y" }, at / 2 + 1))?;
                let axis = |first: usize| numbers.iter().skip(first).step_by(2).copied();
                let least = |first| axis(first).fold(f64::INFINITY, f64::min);
                let most = |first| axis(first).fold(f64::NEG_INFINITY, f64::max);
                let [left, top] = [least(0), least(1)];
                [left * width, top * height, (most(0) - left) * width, (most(1) - top) * height]
            }
        };
        match (layout.geometry, shape) {
            (GeometryKind::Masks | GeometryKind::RotatedBoxes, _) => {
                let corners =
                    numbers.chunks_exact(2).flat_map(|corner| [corner[0] * width, corner[1] * height]);
                self.points.extend(corners);
                self.ends.push(self.points.len() as u64);
            }
            (GeometryKind::Keypoints, Shape::Pose(2)) => {
                for point in numbers[4..].chunks_exact(2) {
                    // Without a flag, a keypoint that is not labelled lies in the corner or outside.
                    let labelled = point[0] >= 0.0 && point[1] >= 0.0 && point[0] + point[1] > 0.0;
                    let visibility = if labelled { 2.0 } else { 0.0 };
                    self.points.extend([point[0] * width, point[1] * height, visibility]);
                }
                self.ends.push(self.points.len() as u64);
            }
            (GeometryKind::Keypoints, Shape::Pose(_)) => {
                let points = numbers[4..].chunks_exact(3);
                self.points.extend(points.flat_map(|p| [p[0] * width, p[1] * height, p[2]]));
                self.ends.push(self.points.len() as u64);
            }
            (GeometryKind::Keypoints, _) => {
                wanted(GeometryKind::Keypoints, "holds a box without keypoints")?;
            }
            // There are no lines of boxes in space.
            (GeometryKind::Boxes | GeometryKind::Boxes3d, _) => {}
        }
        if shape == Shape::Polygon {
            self.polygons[0] += 1;
            self.polygons[1] += u64::from(numbers.len() == 8);
        }
        self.boxes.push(bounds);
        Ok(())
    }
}

/// What the numbers behind the class are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Box,
    Polygon,
    /// A box and keypoints of so many numbers each.
    Pose(usize),
}

impl Shape {
    /// The shape of a line with so many numbers behind the class.
    fn of(count: usize, layout: YoloLayout) -> Option<Shape> {
        let count = count.checked_sub(usize::from(layout.confidence.is_some()))?;
        match (count, layout.keypoints) {
            (4, _) => Some(Shape::Box),
            (_, Some([keypoints, each])) if Some(count) == pose_length(keypoints, each) => {
                Some(Shape::Pose(each))
            }
            (6.., _) if count % 2 == 0 => Some(Shape::Polygon),
            // The keypoints of a line of which only the box is wanted.
            (7.., None) if (count - 4) % 3 == 0 => Some(Shape::Pose(3)),
            _ => None,
        }
    }
}

fn pose_length(keypoints: usize, each: usize) -> Option<usize> {
    keypoints.checked_mul(each)?.checked_add(4)
}

fn wrong_length(count: usize, layout: YoloLayout) -> Error {
    let confidence = match layout.confidence {
        None => "",
        Some(Confidence::Last) => " confidence",
        Some(Confidence::Second) => " (the confidence behind the class)",
    };
    let more = usize::from(layout.confidence.is_some());
    let expected = match (layout.geometry, layout.keypoints) {
        (GeometryKind::Keypoints, Some([keypoints, each])) => {
            let numbers = keypoints.saturating_mul(each).saturating_add(5 + more);
            format!(
                "{numbers}: class x_center y_center width height, {keypoints} keypoints of {each} numbers{confidence}"
            )
        }
        (GeometryKind::Masks, _) => {
            format!("class x1 y1 x2 y2 x3 y3 ...{confidence}")
        }
        _ => format!("{}: class x_center y_center width height{confidence}", 5 + more),
    };
    Error::value("").found(format!("has {} numbers", count + 1)).expected(expected)
}

/// Whether a box leaves the image by more than rounding.
fn leaves([x, y, width, height]: [f64; 4]) -> bool {
    [(x, width), (y, height)]
        .iter()
        .any(|&(center, side)| center - side / 2.0 < -TOLERANCE || center + side / 2.0 > 1.0 + TOLERANCE)
}

fn class_of(word: &[u8]) -> Checked<u32> {
    let whole = |number: &f64| number.fract() == 0.0 && (0.0..f64::from(i32::MAX)).contains(number);
    match number(word).ok().filter(whole) {
        Some(number) => Ok(number as u32),
        None => {
            let error = Error::value("").field("class").found(format!("is {}", shown(word)));
            Err(("malformed-id", error.expected("the index of a class, from 0")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::test_files::temporary;

    const BOXES: YoloLayout = YoloLayout { geometry: GeometryKind::Boxes, confidence: None, keypoints: None };

    fn rows(text: &str, layout: YoloLayout) -> YoloObjects {
        let mut rows = YoloObjects::default();
        rows.read(0, text.as_bytes(), [100, 200], layout, &mut Vec::new()).unwrap();
        rows
    }

    fn fault(text: &str, layout: YoloLayout) -> String {
        let rows = rows(text, layout);
        assert_eq!(
            (rows.file.len(), rows.class.len(), rows.boxes.len(), rows.left_out),
            (0, 0, 0, 1),
            "{text}"
        );
        assert!(rows.score.is_empty() && rows.points.is_empty() && rows.ends.is_empty(), "{text}");
        rows.faults[0].error.to_string()
    }

    #[test]
    fn lines_are_boxes_in_pixels() {
        let text = "\u{feff}3 0.5 0.5 0.25 0.1\r\n\n  1.0\t.5 5e-1 0 1 \n";
        let found = rows(text, BOXES);
        assert_eq!((found.class, found.line, found.file), (vec![3, 1], vec![1, 3], vec![0, 0]));
        let (x, w, y, h) = (0.5 - 0.25 / 2.0, 0.25, 0.5 - 0.1 / 2.0, 0.1);
        assert_eq!(found.boxes, [[x * 200.0, y * 100.0, w * 200.0, h * 100.0], [100.0, 0.0, 0.0, 100.0]]);
        assert_eq!(
            (found.faults.len(), rows("", BOXES).file.len(), rows("\n \n", BOXES).left_out),
            (0, 0, 0)
        );
    }

    #[test]
    fn the_confidence_is_last_or_second() {
        let last = YoloLayout { confidence: Some(Confidence::Last), ..BOXES };
        let second = YoloLayout { confidence: Some(Confidence::Second), ..BOXES };
        let (a, b) = (rows("0 0.1 0.2 0.1 0.2 0.95", last), rows("0 0.95 0.1 0.2 0.1 0.2", second));
        assert_eq!((&a.boxes, &a.score), (&b.boxes, &vec![0.95]));
        assert_eq!(b.score, a.score);
        // Read in the wrong way, the second one leaves the image.
        assert_eq!((a.outside, b.outside, a.scored_boxes), ([0, 1], [0, 1], 1));
        assert_eq!(rows("0 0.95 0.1 0.2 0.1 0.2", last).outside, [1, 0]);
    }

    #[test]
    fn polygons_and_poses_are_wanted_or_only_their_boxes() {
        let masks = YoloLayout { geometry: GeometryKind::Masks, ..BOXES };
        let text = "1 0.1 0.2 0.3 0.2 0.2 0.6";
        let found = rows(text, masks);
        assert_eq!((found.ends, found.polygons), (vec![6], [1, 0]));
        assert_eq!(
            found.points,
            [0.1, 0.2, 0.3, 0.2, 0.2, 0.6]
                .map(|x| x * 100.0)
                .iter()
                .enumerate()
                .map(|(at, x)| if at % 2 == 0 { [0.1, 0.3, 0.2][at / 2] * 200.0 } else { *x })
                .collect::<Vec<_>>()
        );
        let expected = [0.1 * 200.0, 0.2 * 100.0, (0.3 - 0.1) * 200.0, (0.6 - 0.2) * 100.0];
        assert_eq!((found.boxes, rows(text, BOXES).boxes), (vec![expected], vec![expected]));
        assert_eq!(rows("1 0.1 0.2 0.3 0.2 0.2 0.6 0.1 0.3", BOXES).polygons, [1, 1]);

        let pose = |geometry, each| YoloLayout { geometry, keypoints: Some([2, each]), confidence: None };
        let found = rows("0 0.5 0.5 1 1 0.1 0.2 2 0 0 0", pose(GeometryKind::Keypoints, 3));
        assert_eq!((found.points, found.ends), (vec![20.0, 20.0, 2.0, 0.0, 0.0, 0.0], vec![6]));
        let found = rows("0 0.5 0.5 1 1 0.1 0.2 0 0", pose(GeometryKind::Keypoints, 2));
        assert_eq!(found.points, [20.0, 20.0, 2.0, 0.0, 0.0, 0.0]);
        assert_eq!(
            rows("0 0.5 0.5 1 1 0.1 0.2 0 0", pose(GeometryKind::Boxes, 2)).boxes,
            [[0.0, 0.0, 200.0, 100.0]]
        );
        // An odd number of keypoints with flags can be nothing else.
        assert_eq!(rows("0 0.5 0.5 1 1 0.1 0.2 2", BOXES).boxes, [[0.0, 0.0, 200.0, 100.0]]);
    }

    #[test]
    fn what_is_wrong_in_a_line_is_said() {
        let masks = YoloLayout { geometry: GeometryKind::Masks, ..BOXES };
        let pose =
            YoloLayout { geometry: GeometryKind::Keypoints, keypoints: Some([2, 3]), confidence: None };
        let last = YoloLayout { confidence: Some(Confidence::Last), ..BOXES };
        for (text, layout, message) in [
            ("\n0 1 2 3", BOXES, "line 2 has 4 numbers, expected 5: class x_center y_center width height"),
            (
                "0 .5 .5 .1 .1",
                last,
                "line 1 has 5 numbers, expected 6: class x_center y_center width height confidence",
            ),
            ("cat .5 .5 .1 .1", BOXES, "line 1: \"class\" is \"cat\", expected the index of a class, from 0"),
            ("-1 .5 .5 .1 .1", BOXES, "line 1: \"class\" is -1, expected the index of a class, from 0"),
            ("1.5 .5 .5 .1 .1", BOXES, "line 1: \"class\" is 1.5, expected the index of a class, from 0"),
            ("0 .5 x .1 .1", BOXES, "line 1: \"number 2\" is \"x\", expected a number"),
            ("0 .5 nan .1 .1", BOXES, "line 1: \"number 2\" is nan, expected a number"),
            (
                "0 320 .5 .1 .1",
                BOXES,
                "line 1: \"x_center\" is 320, expected a fraction of the image, from 0 to 1",
            ),
            (
                "0 .5 .5 .1 -.005",
                BOXES,
                "line 1: \"height\" is -0.005, expected a fraction of the image, from 0 to 1",
            ),
            ("0 0 0 1 1 0 9", BOXES, "line 1: \"y3\" is 9, expected a fraction of the image, from 0 to 1"),
            ("0 .5 .5 .1 .1 7", last, "line 1: \"confidence\" is 7, expected a number from 0 to 1"),
            ("0 .5 .5 .1 .1", masks, "line 1 holds a box, expected a polygon (class x1 y1 x2 y2 x3 y3 ...)"),
            ("0 .5 .5 .1", masks, "line 1 has 4 numbers, expected class x1 y1 x2 y2 x3 y3 ..."),
            (
                "0 .5 .5 .1 .1",
                pose,
                "line 1 holds a box without keypoints, expected a box and its keypoints (class x_center y_center width height x1 y1 visibility1 ...)",
            ),
            (
                "0 .5 .5 .1 .1 0 0 2",
                pose,
                "line 1 has 8 numbers, expected 11: class x_center y_center width height, 2 keypoints of 3 numbers",
            ),
        ] {
            assert_eq!(fault(text, layout), message);
        }
        assert!(
            rows("0 1.01 -0.01 .1 .1", BOXES).faults.is_empty()
                && !rows("0 1.011 .5 .1 .1", BOXES).faults.is_empty()
        );
        assert!(
            rows("0 2 -1 .1 .1 1", last).faults.is_empty()
                && !rows("0 2.1 .5 .1 .1 1", last).faults.is_empty()
        );
    }

    #[test]
    fn files_are_read_in_their_order_by_any_number_of_threads() {
        let folder = temporary("yolo");
        fs::create_dir_all(&folder).unwrap();
        let paths: Vec<_> = (0..200).map(|file| folder.join(format!("{file}.txt"))).collect();
        for (file, path) in paths.iter().enumerate() {
            let lines: Vec<String> = (0..file % 5)
                .map(|line| format!("{line} 0.5 0.5 0.{} 0.5 {}\n", file + 1, file % 7))
                .collect();
            fs::write(path, lines.concat()).unwrap();
        }
        let layout = YoloLayout { confidence: Some(Confidence::Last), ..BOXES };
        let found = read(&paths, &[[10, 10]; 200], layout, &Progress::default()).unwrap();
        let mut whole = YoloObjects::default();
        for (file, path) in paths.iter().enumerate() {
            whole.read(file, &fs::read(path).unwrap(), [10, 10], layout, &mut Vec::new()).unwrap();
        }
        assert_eq!((found.file, found.line, found.boxes), (whole.file, whole.line, whole.boxes));
        let faults = |rows: &[Fault]| rows.iter().map(|f| (f.file, f.error.to_string())).collect::<Vec<_>>();
        assert_eq!((faults(&found.faults), found.left_out), (faults(&whole.faults), whole.left_out));
        assert!(found.left_out > 0);
        fs::remove_file(&paths[150]).unwrap();
        let error = read(&paths, &[[10, 10]; 200], layout, &Progress::default()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::System(_)) && error.to_string().contains("150.txt"));
        fs::remove_dir_all(folder).unwrap();
    }
}
