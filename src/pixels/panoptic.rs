//! Matching of segments: the counts of panoptic quality.
//!
//! A predicted and a true segment of one category match if their intersection over union is above one half, which
//! makes the match unique. Void pixels (id 0 of the ground truth) are taken out of the union; a prediction that lies
//! mostly on void, or on a crowd of its category, is no false positive. Source: Kirillov et al., "Panoptic
//! Segmentation", CVPR 2019, and `panopticapi`, whose rules these are to the letter.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::contour::boundary;
use super::labels::{Labels, MapSide, place};
use super::pairs::PairCounts;
use super::png::{read_ids, same_size};
use super::rows::{Buffers, IDS, PngRows};
use crate::error::{Error, Result, collect, collect_parallel, filled, push, zeros};
use crate::progress::Progress;
use crate::similarity::distance;
use crate::threads;

/// The id of pixels that belong to no segment.
pub const VOID: u32 = 0;

/// The record of one segment, without its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number in the map; no two segments of one map share it.
    pub id: u32,
    /// Position of its category.
    pub category: u32,
    /// A region of many objects: never matched, and predictions on it are ignored.
    pub crowd: bool,
    /// Pixels, as stated in the record, which is used for the ground truth, as in the source. If nothing is stated (or
    /// it is a prediction) they are counted.
    pub area: Option<i64>,
}

/// The segments of many images in one list.
#[derive(Clone, Debug, Default)]
pub struct Segments {
    /// Segments of all images.
    pub segments: Vec<Segment>,
    /// `segments[starts[i]..starts[i + 1]]` are those of image `i`.
    pub starts: Vec<usize>,
}

impl Segments {
    /// The segments of image `i`.
    pub fn of(&self, i: usize) -> &[Segment] {
        &self.segments[self.starts[i]..self.starts[i + 1]]
    }
}

/// What is measured of matches.
#[derive(Clone, Debug, Default)]
pub struct PanopticRules {
    /// Which categories are measured without matching: the sum of intersection over union of all pairs of segments, over
    /// the number of ground truths. For all others, where it is empty, too, a pair matches above one half.
    ///
    /// Source: Porzi et al., "Seamless Scene Segmentation", CVPR 2019, and `ModifiedPanopticQuality` of torchmetrics.
    pub modified: Vec<bool>,
    /// Width of boundaries as a fraction of the image's diagonal, if the intersection over union is the less of that of
    /// the segments and that of their boundaries.
    ///
    /// Source: Cheng et al., "Boundary IoU", CVPR 2021, and `coco_panoptic_api` of its code.
    pub dilation_ratio: Option<f64>,
}

impl PanopticRules {
    fn is_modified(&self, category: u32) -> bool {
        self.modified.get(category as usize).is_some_and(|&modified| modified)
    }
}

/// What one image adds to the counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentMatches {
    /// Category and intersection over union of each match, ground truths by id, then predictions by id.
    pub true_positives: Vec<(u32, f64)>,
    /// Category of each ground truth that nothing matched.
    pub false_negatives: Vec<u32>,
    /// Category of each prediction that matched nothing and is not ignored.
    pub false_positives: Vec<u32>,
    /// Category and intersection over union of pairs of segments that are not matched, and the category of each such
    /// ground truth.
    pub overlaps: Vec<(u32, f64)>,
    /// See [`SegmentMatches::overlaps`].
    pub overlapped: Vec<u32>,
}

/// Counts of panoptic quality by category.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PanopticCounts {
    /// Sum of intersection over union of the matches.
    pub iou: Vec<f64>,
    /// Matches.
    pub true_positives: Vec<i64>,
    /// Predictions that match nothing.
    pub false_positives: Vec<i64>,
    /// Ground truths that nothing matches.
    pub false_negatives: Vec<i64>,
}

impl PanopticCounts {
    /// Nothing yet.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn new(categories: usize) -> Result<PanopticCounts> {
        let none = || zeros(categories);
        Ok(PanopticCounts {
            iou: zeros(categories)?,
            true_positives: none()?,
            false_positives: none()?,
            false_negatives: none()?,
        })
    }

    /// Adds an image; the sums are in the order of the calls, so the bits are those of one pass over the images.
    pub fn add(&mut self, matches: &SegmentMatches) {
        for &(category, iou) in &matches.true_positives {
            self.iou[category as usize] += iou;
            self.true_positives[category as usize] += 1;
        }
        matches.overlaps.iter().for_each(|&(category, iou)| self.iou[category as usize] += iou);
        matches.overlapped.iter().for_each(|&category| self.true_positives[category as usize] += 1);
        matches.false_negatives.iter().for_each(|&category| self.false_negatives[category as usize] += 1);
        matches.false_positives.iter().for_each(|&category| self.false_positives[category as usize] += 1);
    }
}

/// Matches the segments of one image.
///
/// `truth` and `prediction` hold the id of each pixel. An id that the prediction's list does not know, and a listed
/// prediction without a pixel, are errors, as in the source; in the ground truth both are allowed.
///
/// # Errors
///
/// The maps differ in size, the prediction has an id that is not listed, a listed prediction has no pixel, or memory
/// cannot be had.
pub fn match_segments(
    maps: [&[u32]; 2],
    width: usize,
    truths: &[Segment],
    predictions: &[Segment],
    rules: &PanopticRules,
) -> Result<SegmentMatches> {
    let [truth_map, prediction_map] = maps;
    if truth_map.len() != prediction_map.len() {
        let (t, p) = (truth_map.len(), prediction_map.len());
        return Err(Error::value(format!("target has {t} pixels, prediction {p}")));
    }
    let mut pairs = PairCounts::default();
    pairs.add_maps(truth_map, prediction_map)?;
    let pairs = pairs.finish()?;
    let outlines = match rules.dilation_ratio {
        Some(ratio) => Some(outlines(maps, width, [truths, predictions], ratio)?),
        None => None,
    };
    match_pairs(&pairs, outlines.as_deref(), [truths, predictions], rules, |id| {
        place(prediction_map.iter().position(|&each| each == id).unwrap_or(0), width)
    })
}

/// The pixels of each pair of ids, where what is no boundary has an id that no segment has, void excepted.
fn outlines(
    maps: [&[u32]; 2],
    width: usize,
    listed: [&[Segment]; 2],
    ratio: f64,
) -> Result<Vec<(u32, u32, i64)>> {
    let height = maps[0].len() / width.max(1);
    let distance = distance(ratio, height as u64, width as u64) as usize;
    let known = |id: u32| listed.iter().flat_map(|segments| segments.iter()).any(|segment| segment.id == id);
    let inner = (1..=u32::MAX).rev().find(|&id| !known(id)).expect("no list has all ids");
    let mut drawn = [Vec::new(), Vec::new()];
    for (drawn, ids) in drawn.iter_mut().zip(maps) {
        let on = boundary(ids, width, distance)?;
        let pixel = |(&id, on): (&u32, bool)| if on || id == VOID { id } else { inner };
        *drawn = collect(ids.iter().zip(on).map(pixel))?;
    }
    let mut pairs = PairCounts::default();
    pairs.add_maps(&drawn[0], &drawn[1])?;
    pairs.finish()
}

/// The same, given the pixels of each pair of ids, and those of boundaries. `find` gives row and column of a predicted
/// id, for the message.
fn match_pairs(
    pairs: &[(u32, u32, i64)],
    outlines: Option<&[(u32, u32, i64)]>,
    [truths, predictions]: [&[Segment]; 2],
    rules: &PanopticRules,
    find: impl Fn(u32) -> (usize, usize),
) -> Result<SegmentMatches> {
    let place_of = |segments: &[Segment]| -> Result<FxHashMap<u32, usize>> {
        let mut places = FxHashMap::default();
        places.try_reserve(segments.len()).map_err(|_| Error::out_of_memory_for("the segments"))?;
        places.extend(segments.iter().enumerate().map(|(at, segment)| (segment.id, at)));
        Ok(places)
    };
    let (truth_at, prediction_at) = (place_of(truths)?, place_of(predictions)?);

    // Pixels of each prediction, and those of them on void and on each category's crowd.
    let mut area: Vec<i64> = zeros(predictions.len())?;
    let mut on_void: Vec<i64> = zeros(predictions.len())?;
    let mut truth_area: Vec<i64> = zeros(truths.len())?;
    for &(t, p, pixels) in pairs {
        if let Some(&at) = truth_at.get(&t) {
            truth_area[at] += pixels;
        }
        let Some(&at) = prediction_at.get(&p) else {
            if p == VOID {
                continue;
            }
            let (row, column) = find(p);
            return Err(Error::missing(format!(
                "prediction: row {row}, column {column}: segment {p} is not in segments_info"
            )));
        };
        area[at] += pixels;
        if t == VOID {
            on_void[at] = pixels;
        }
    }
    if let Some(at) = area.iter().position(|&pixels| pixels == 0) {
        let id = predictions[at].id;
        return Err(Error::missing(format!(
            "prediction: segment {id} is in segments_info, but no pixel has it"
        )));
    }

    let mut matches = SegmentMatches::default();
    let mut truth_matched = filled(truths.len(), false)?;
    let mut prediction_matched = filled(predictions.len(), false)?;
    for &(t, p, intersection) in pairs {
        let (Some(&t), Some(&p)) = (truth_at.get(&t), prediction_at.get(&p)) else { continue };
        let (truth, prediction) = (&truths[t], &predictions[p]);
        if truth.crowd || truth.category != prediction.category {
            continue;
        }
        let truth_area = truth.area.unwrap_or(truth_area[t]);
        let union = area[p].saturating_add(truth_area).saturating_sub(intersection + on_void[p]);
        let mut iou = intersection as f64 / union as f64;
        if let Some(outlines) = outlines {
            iou = iou.min(outline_iou(outlines, truth.id, prediction.id));
        }
        if rules.is_modified(truth.category) {
            if iou > 0.0 {
                push(&mut matches.overlaps, (truth.category, iou))?;
            }
        } else if iou > 0.5 {
            push(&mut matches.true_positives, (truth.category, iou))?;
            truth_matched[t] = true;
            prediction_matched[p] = true;
        }
    }
    // Of several crowds of a category the last forgives, as in the source.
    let mut crowds = HashMap::new();
    for (truth, matched) in truths.iter().zip(truth_matched) {
        if truth.crowd {
            crowds.try_reserve(1).map_err(|_| Error::out_of_memory_for("the segments"))?;
            crowds.insert(truth.category, truth.id);
        } else if rules.is_modified(truth.category) {
            push(&mut matches.overlapped, truth.category)?;
        } else if !matched {
            push(&mut matches.false_negatives, truth.category)?;
        }
    }
    let pixels_of =
        |t: u32, p: u32| pairs.binary_search_by_key(&(t, p), |&(t, p, _)| (t, p)).map_or(0, |at| pairs[at].2);
    for (at, prediction) in predictions.iter().enumerate() {
        if prediction_matched[at] || rules.is_modified(prediction.category) {
            continue;
        }
        let on_crowd = crowds.get(&prediction.category).map_or(0, |&crowd| pixels_of(crowd, prediction.id));
        if (on_void[at] + on_crowd) as f64 / area[at] as f64 <= 0.5 {
            push(&mut matches.false_positives, prediction.category)?;
        }
    }
    Ok(matches)
}

/// Intersection over union of two segments' boundaries, of which those of the prediction on void do not count.
fn outline_iou(pairs: &[(u32, u32, i64)], truth: u32, prediction: u32) -> f64 {
    let sum = |wanted: &dyn Fn(u32, u32) -> bool| -> i64 {
        pairs.iter().filter(|&&(t, p, _)| wanted(t, p)).map(|&(.., pixels)| pixels).sum()
    };
    let intersection = sum(&|t, p| (t, p) == (truth, prediction));
    let on_void = sum(&|t, p| (t, p) == (VOID, prediction));
    let union = sum(&|_, p| p == prediction) + sum(&|t, _| t == truth) - intersection - on_void;
    intersection as f64 / union as f64
}

/// Matches pairs of maps `(N, H, W)` that lie one after the other, in parallel.
///
/// # Errors
///
/// Memory for the matches cannot be had.
pub fn of_maps(
    pair: [Labels; 2],
    shape: [usize; 3],
    [truths, predictions]: [&Segments; 2],
    rules: &PanopticRules,
    progress: &Progress,
) -> Result<Matched> {
    let [n, height, width] = shape;
    let pixels = height * width;
    let one = |i: usize| {
        progress.check()?;
        let of_image = pair.map(|labels| labels.slice(i * pixels, (i + 1) * pixels));
        let truth = of_image[0].ids(width).map_err(|error| error.at(MapSide::Target.name()))?;
        let prediction = of_image[1].ids(width).map_err(|error| error.at(MapSide::Prediction.name()))?;
        match_segments([&truth, &prediction], width, truths.of(i), predictions.of(i), rules)
    };
    threads::run(|| collect_parallel((0..n).into_par_iter().map(one)))
}

/// The matches of each image, in order, or why it has none.
pub type Matched = Vec<Result<SegmentMatches>>;

/// Matches pairs of PNG files, in parallel; each thread holds a few rows of one pair at a time. Errors name the file.
///
/// # Errors
///
/// Memory for the matches cannot be had.
pub fn of_files(
    pairs: &[(PathBuf, PathBuf)],
    [truths, predictions]: [&Segments; 2],
    rules: &PanopticRules,
    progress: &Progress,
) -> Result<Matched> {
    let one = |scratch: &mut PanopticBuffers, (i, (truth, prediction)): (usize, &(PathBuf, PathBuf))| {
        progress.check()?;
        let listed = [truths.of(i), predictions.of(i)];
        // Boundaries need the whole image.
        let by_row = if rules.dilation_ratio.is_none() {
            scratch.of_rows([truth, prediction], listed, rules)
        } else {
            None
        };
        match by_row {
            Some(matches) => Ok(matches),
            // Unusual or invalid files are left to the general path, which reads all kinds of files and names errors.
            None => of_images([truth, prediction], listed, rules),
        }
    };
    let matched = pairs.par_iter().enumerate().map_init(PanopticBuffers::default, one);
    threads::run(|| collect_parallel(matched))
}

/// Memory that one thread reuses from pair to pair.
#[derive(Default)]
struct PanopticBuffers {
    truth: Buffers,
    prediction: Buffers,
    pairs: PairCounts,
}

impl PanopticBuffers {
    /// Matches two files row by row; None if there is anything unusual about them.
    fn of_rows(
        &mut self,
        files: [&Path; 2],
        listed: [&[Segment]; 2],
        rules: &PanopticRules,
    ) -> Option<SegmentMatches> {
        // What a pair of files that broke off has left.
        self.pairs.clear();
        let mut truth = PngRows::open(files[0], IDS, &mut self.truth)?;
        let mut prediction = PngRows::open(files[1], IDS, &mut self.prediction)?;
        if truth.size != prediction.size {
            return None;
        }
        let [height, width] = truth.size;
        for _ in 0..height {
            self.pairs.add_rows(truth.next_row()?, prediction.next_row()?, width).ok()?;
        }
        truth.finish()?;
        prediction.finish()?;
        match_pairs(&self.pairs.finish().ok()?, None, listed, rules, |_| (0, 0)).ok()
    }
}

/// Matches two files, each read as a whole.
fn of_images(
    files: [&Path; 2],
    [truths, predictions]: [&[Segment]; 2],
    rules: &PanopticRules,
) -> Result<SegmentMatches> {
    let (truth, prediction) = (read_ids(files[0])?, read_ids(files[1])?);
    same_size(&truth, files[0], &prediction, files[1])?;
    match_segments([&truth.pixels, &prediction.pixels], truth.width, truths, predictions, rules)
        .map_err(|error| error.at(files[1].display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(id: u32, category: u32, area: i64) -> Segment {
        Segment { id, category, crowd: false, area: (area > 0).then_some(area) }
    }

    #[test]
    fn a_match_a_miss_and_an_invention() {
        let truth = [1, 1, 1, 1, 2, 2, 0, 0];
        let prediction = [7, 7, 7, 8, 8, 8, 8, 9];
        let truths = [segment(1, 0, 4), segment(2, 1, 2)];
        let predictions = [segment(7, 0, 0), segment(8, 1, 0), segment(9, 0, 0)];
        let matches =
            match_segments([&truth, &prediction], 8, &truths, &predictions, &PanopticRules::default())
                .unwrap();
        // 8 is 4 pixels, one of them void: union 4 + 2 - 2 - 1. 9 lies on void.
        assert_eq!(matches.true_positives, [(0, 0.75), (1, 2.0 / 3.0)]);
        assert_eq!((matches.false_negatives.len(), matches.false_positives.len()), (0, 0));
    }

    #[test]
    fn segments_that_are_not_matched_are_summed_and_boundaries_may_be_less() {
        let (truth, prediction) = ([1, 1, 1, 2], [3, 3, 4, 4]);
        let (truths, predictions) =
            ([segment(1, 0, 3), segment(2, 1, 1)], [segment(3, 0, 0), segment(4, 1, 0)]);
        let rules = PanopticRules { modified: vec![false, true], ..PanopticRules::default() };
        let matches = match_segments([&truth, &prediction], 4, &truths, &predictions, &rules).unwrap();
        assert_eq!((matches.true_positives, matches.overlaps), (vec![(0, 2.0 / 3.0)], vec![(1, 0.5)]));
        assert_eq!(
            (matches.overlapped, matches.false_negatives.len(), matches.false_positives.len()),
            (vec![1], 0, 0)
        );
        // A square that is moved by one pixel: its boundary of one pixel is another one for the most part.
        let square = |from: usize| -> Vec<u32> {
            (0..400)
                .map(|i| u32::from((from..from + 10).contains(&(i % 20)) && (5..15).contains(&(i / 20))))
                .collect()
        };
        let of = |dilation_ratio| {
            let rules = PanopticRules { dilation_ratio, ..PanopticRules::default() };
            let listed = [segment(1, 0, 100)];
            match_segments([&square(4), &square(5)], 20, &listed, &listed, &rules).unwrap().true_positives
        };
        // 90 of 100 pixels, 10 on void; of 36 boundary pixels 18 are in both, 10 on void.
        assert_eq!((of(None), of(Some(0.02))), (vec![(0, 0.9)], vec![]));
    }

    #[test]
    fn one_half_is_no_match() {
        let (truth, prediction) = ([1, 1, 1, 2], [3, 3, 4, 4]);
        let truths = [segment(1, 0, 4), segment(2, 0, 1)];
        let predictions = [segment(3, 0, 0), segment(4, 0, 0)];
        let matches =
            match_segments([&truth, &prediction], 4, &truths, &predictions, &PanopticRules::default())
                .unwrap();
        assert_eq!(matches.true_positives, []);
        assert_eq!((matches.false_negatives, matches.false_positives), (vec![0, 0], vec![0, 0]));
    }

    #[test]
    fn ids_and_lists_that_disagree() {
        let error = |prediction: [u32; 4], predictions: &[Segment]| {
            let maps: [&[u32]; 2] = [&[1; 4], &prediction];
            match_segments(maps, 2, &[segment(1, 0, 4)], predictions, &PanopticRules::default())
                .unwrap_err()
                .to_string()
        };
        let stranger = error([5, 5, 0, 6], &[segment(5, 0, 0)]);
        assert_eq!(stranger, "prediction: row 1, column 1: segment 6 is not in segments_info");
        let ghost = error([5; 4], &[segment(5, 0, 0), segment(6, 0, 0)]);
        assert_eq!(ghost, "prediction: segment 6 is in segments_info, but no pixel has it");
    }
}
