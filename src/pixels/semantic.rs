//! Counts of semantic segmentation, over batches of maps and over pairs of files.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::confusion::Confusion;
use super::contour::BoundaryCounts;
use super::labels::{LabelRule, Labels, MapSide};
use super::png::{read_labels, same_size};
use super::rows::{Buffers, LABELS, PngRows, both};
use crate::error::{Error, Result, collect_growing, extend, push, reserve};
use crate::progress::Progress;
use crate::similarity::distance;
use crate::threads;

/// What to count.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Which numbers are classes.
    pub rule: LabelRule,
    /// Width of the boundary as a share of the image's diagonal, if boundaries are counted.
    pub boundary: Option<f64>,
}

/// All that semantic segmentation is measured by: added up, never growing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SemanticCounts {
    /// Pixels by target and prediction.
    pub confusion: Confusion,
    /// Boundary pixels, if requested.
    pub boundary: Option<BoundaryCounts>,
}

/// Counts of the good pairs, and the pairs that could not be counted, in order.
pub type Counted = (SemanticCounts, Vec<(usize, Error)>);

impl SemanticCounts {
    fn new(settings: &Settings) -> Result<SemanticCounts> {
        let classes = settings.rule.classes();
        let boundary = settings.boundary.map(|_| BoundaryCounts::new(classes)).transpose()?;
        Ok(SemanticCounts { confusion: Confusion::new(classes)?, boundary })
    }

    fn merge(&mut self, other: &SemanticCounts) {
        self.confusion.merge(&other.confusion);
        if let (Some(ours), Some(theirs)) = (&mut self.boundary, &other.boundary) {
            ours.merge(theirs);
        }
    }

    /// Counts one pair of maps of `height` x `width` pixels, wholly or not at all.
    fn add(&mut self, pair: [Labels; 2], size: [usize; 2], settings: &Settings, alone: bool) -> Result<()> {
        let ([target, prediction], [height, width], rule) = (pair, size, &settings.rule);
        let count = if alone { Confusion::of_alone } else { Confusion::of };
        let confusion = count(target, prediction, rule, width)?;
        if let (Some(boundary), Some(ratio)) = (&mut self.boundary, settings.boundary) {
            let distance = distance(ratio, height as u64, width as u64) as usize;
            boundary.add(target, prediction, rule, width, distance)?;
        }
        self.confusion.merge(&confusion);
        Ok(())
    }
}

/// Counts `n` pairs of maps that lie one after the other, each of `height` x `width` pixels.
///
/// # Errors
///
/// Memory for the counts cannot be had.
pub fn of_maps(
    pair: [Labels; 2],
    shape: [usize; 3],
    settings: &Settings,
    progress: &Progress,
) -> Result<Counted> {
    let [n, height, width] = shape;
    let pixels = height * width;
    let of = |image: usize, counts: &mut SemanticCounts, alone| {
        let pair = pair.map(|labels| labels.slice(image * pixels, (image + 1) * pixels));
        counts.add(pair, [height, width], settings, alone)
    };
    if n == 1 {
        let mut counts = SemanticCounts::new(settings)?;
        let failed = of(0, &mut counts, false).err().map(|error| (0, error));
        return Ok((counts, collect_growing(failed)?));
    }
    gather(n, settings, progress, |_, image, counts| of(image, counts, true))
}

/// Counts pairs of PNG files: a target and its prediction. Errors name the file.
///
/// Each thread holds a few rows of one pair at a time; where boundaries are counted, or a file is unusual, one pair.
///
/// # Errors
///
/// Memory for the counts cannot be had.
pub fn of_files(pairs: &[(PathBuf, PathBuf)], settings: &Settings, progress: &Progress) -> Result<Counted> {
    let add = |scratch: &mut SemanticBuffers, index: usize, counts: &mut SemanticCounts| {
        let (target, prediction) = &pairs[index];
        let by_rows = if counts.boundary.is_none() {
            scratch.of_rows([target, prediction], &settings.rule)
        } else {
            None
        };
        match by_rows {
            Some(confusion) => counts.confusion.merge(&confusion),
            // Invalid files are left to the general path, which reads all kinds of files and names errors.
            None => add_images(counts, [target, prediction], settings)?,
        }
        Ok(())
    };
    gather(pairs.len(), settings, progress, add)
}

/// Memory that one thread reuses from pair to pair.
#[derive(Default)]
struct SemanticBuffers {
    target: Buffers,
    prediction: Buffers,
    counts: Vec<u64>,
}

impl SemanticBuffers {
    /// Counts two files row by row; None if there is anything unusual about them.
    fn of_rows(&mut self, files: [&Path; 2], rule: &LabelRule) -> Option<Confusion> {
        let mut target = PngRows::open(files[0], LABELS, &mut self.target)?;
        let mut prediction = PngRows::open(files[1], LABELS, &mut self.prediction)?;
        if target.size != prediction.size {
            return None;
        }
        let (codes, [height, width]) = (rule.codes(), target.size);
        self.counts.clear();
        reserve(&mut self.counts, codes * codes).ok()?;
        self.counts.resize(codes * codes, 0);
        for _ in 0..height {
            both(target.next_row()?, prediction.next_row()?, width, |t, p, pixels| {
                let (t, p) = (rule.target(i64::from(t)), rule.prediction(i64::from(p)));
                self.counts[usize::from(t) * codes + usize::from(p)] += pixels as u64;
            });
        }
        target.finish()?;
        prediction.finish()?;
        Confusion::of_codes(&self.counts, rule).ok()?
    }
}

/// Counts two files, each read as a whole.
fn add_images(counts: &mut SemanticCounts, files: [&PathBuf; 2], settings: &Settings) -> Result<()> {
    let (target, prediction) = (read_labels(files[0])?, read_labels(files[1])?);
    same_size(&target, files[0], &prediction, files[1])?;
    let rule = &settings.rule;
    let pair = [target.pixels.labels(), prediction.pixels.labels()];
    counts.add(pair, [target.height, target.width], settings, true).map_err(|error| {
        // The counts know sides; here a side has a name.
        let invalid = |side, labels: Labels, path: &PathBuf| {
            labels.refuse(rule, side, target.width).map(|error| error.at(path.display()))
        };
        invalid(MapSide::Target, pair[0], files[0])
            .or_else(|| invalid(MapSide::Prediction, pair[1], files[1]))
            .unwrap_or(error)
    })
}

fn gather(
    n: usize,
    settings: &Settings,
    progress: &Progress,
    add: impl Fn(&mut SemanticBuffers, usize, &mut SemanticCounts) -> Result<()> + Sync + Send,
) -> Result<Counted> {
    /// The counts of the images so far, if there were any, and the failures.
    type Part = (Option<SemanticCounts>, Vec<(usize, Error)>);
    let empty = || (None, Vec::new());
    let begun = |counts: Option<SemanticCounts>| counts.map_or_else(|| SemanticCounts::new(settings), Ok);
    let start = || (empty(), SemanticBuffers::default());
    let fold = |((counts, mut failed), mut scratch): (Part, SemanticBuffers), index: usize| {
        let mut counts = begun(counts)?;
        let added = progress.check().and_then(|()| add(&mut scratch, index, &mut counts));
        if let Err(error) = added {
            push(&mut failed, (index, error))?;
        }
        Ok(((Some(counts), failed), scratch))
    };
    let join = |(counts, mut failed): Part, (other, more): Part| {
        let counts = match (counts, other) {
            (Some(mut counts), Some(other)) => {
                counts.merge(&other);
                Some(counts)
            }
            (counts, other) => counts.or(other),
        };
        extend(&mut failed, more)?;
        Ok((counts, failed))
    };
    // The parts are joined in order, so the failures are in order too.
    let (counts, failed) = threads::run(|| {
        let parts = (0..n).into_par_iter().try_fold(start, fold);
        parts.map(|part: Result<_>| part.map(|(counted, _)| counted)).try_reduce(empty, join)
    })?;
    Ok((begun(counts)?, failed))
}
