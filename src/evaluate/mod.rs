//! Runs the stages in order: columns, cells, similarity, matching, table.
//!
//! ```
//! use std::sync::Arc;
//!
//! use meanap::columns::{AnnotationIds, Areas, Boxes, CompactDoubles, Geometry, Objects};
//! use meanap::evaluate::{Evaluator, Protocol};
//! use meanap::matching::{CellGrid, Greedy, Positions};
//! use meanap::progress::Progress;
//! use meanap::similarity::{Parameters, SimilarityKind};
//!
//! let objects = |boxes: &[[f64; 4]], scores: &[f64]| -> meanap::Result<Objects> {
//!     let (mut columns, mut score) = (Boxes::default(), CompactDoubles::default());
//!     boxes.iter().try_for_each(|&bbox| columns.push(bbox))?;
//!     scores.iter().try_for_each(|&value| score.push(value))?;
//!     let (columns, zeros, no) = (Arc::new(columns), Arc::new(vec![0; boxes.len()]), vec![false; boxes.len()]);
//!     Ok(Objects {
//!         image: zeros.clone(),
//!         category: zeros,
//!         id: AnnotationIds::Counted,
//!         area: Areas::OfBoxes(columns.clone()),
//!         score: Arc::new(score),
//!         crowd: Arc::new(no.clone()),
//!         ignore: Arc::new(no),
//!         geometry: Geometry::Boxes(columns),
//!     })
//! };
//! let extent = CellGrid { images: 1, categories: 1, by_category: true };
//! let evaluator = Evaluator {
//!     detections: objects(&[[0.0, 0.0, 10.0, 9.0], [50.0, 0.0, 5.0, 5.0]], &[0.9, 0.8])?,
//!     ground_truths: objects(&[[0.0, 0.0, 10.0, 10.0]], &[])?,
//!     protocol: Protocol {
//!         thresholds: vec![0.5],
//!         area_ranges: vec![[0.0, 1e10]],
//!         max_detections: 100,
//!         extent,
//!         matcher: &Greedy,
//!         partners: Vec::new(),
//!     },
//!     ranks: None,
//!     progress: Progress::default(),
//! };
//! let compare = SimilarityKind::named("bbox")?.compare;
//! let similarity = compare(&evaluator.detections, &evaluator.ground_truths, &Parameters::default())?;
//! let positions = Positions::identity(extent);
//! let table = evaluator.match_all(&*similarity, &positions, &positions)?;
//! let matched: Vec<bool> = table.rows(0).iter().map(|row| table.matched_and_ignored(row, 0, 0).0).collect();
//! assert_eq!(matched, [true, false]);
//! # Ok::<(), meanap::Error>(())
//! ```

mod cell;
mod runs;
mod share;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

pub use self::cell::Cell;
use self::runs::{MatchedCells, join, shares};
use self::share::{CellBuffers, MatchedOutcomes};
use crate::columns::Objects;
use crate::error::{Result, can_allocate, push, reserve};
use crate::matching::{
    AreaRange, CellGrid, Cells, MatchTable, Matcher, OutcomeLayout, Partners, Positions, Row, Truth,
};
use crate::progress::Progress;
use crate::similarity::Similarity;
use crate::threads;

/// Initial capacity for the detections of a cell.
const INITIAL_CAPACITY: usize = 64;

/// Objects that are matched in less time than it takes to wake another thread.
const FEW: usize = 4096;

/// What to match, and how.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// Similarity thresholds.
    pub thresholds: Vec<f64>,
    /// Area ranges, at most [`crate::matching::MOST_AREA_RANGES`].
    pub area_ranges: Vec<AreaRange>,
    /// Limit on the detections of each cell.
    pub max_detections: usize,
    /// Images, categories, and whether only objects of the same category match.
    pub extent: CellGrid,
    /// Who gets which ground truth.
    pub matcher: &'static dyn Matcher,
    /// Thresholds, by index and rising, for which partners are stored; mostly none.
    pub partners: Vec<usize>,
}

impl Protocol {
    /// The area ranges that `area` lies outside of, as a mask.
    #[inline]
    pub fn outside(&self, area: f64) -> u32 {
        let add =
            |mask: u32, [least, most]: &AreaRange| mask << 1 | u32::from((area < *least) | (area > *most));
        self.area_ranges.iter().rev().fold(0, add)
    }

    /// How outcomes are laid out.
    pub fn bits(&self) -> OutcomeLayout {
        OutcomeLayout {
            areas: self.area_ranges.len(),
            thresholds: self.thresholds.len(),
            samples: self.matcher.samples(),
        }
    }

    fn matches(&self) -> MatchedOutcomes {
        MatchedOutcomes {
            outcomes: Vec::new(),
            partners: Partners::of(self.area_ranges.len(), &self.partners),
        }
    }
}

/// Both sides of an evaluation and what to do with them.
#[derive(Clone, Debug)]
pub struct Evaluator {
    /// The detections.
    pub detections: Objects,
    /// The ground truth.
    pub ground_truths: Objects,
    /// What to match.
    pub protocol: Protocol,
    /// The rank of each detection, where it is not the one among those of its cell: the one in its image.
    pub ranks: Option<Vec<u32>>,
    /// Who looks on; counts detections.
    pub progress: Progress,
}

impl Evaluator {
    /// Sorts both sides into cells and matches them, in parallel.
    ///
    /// # Errors
    ///
    /// The work is cancelled, a mask cannot be decoded or compared, or memory cannot be had.
    pub fn match_all(
        &self,
        similarity: &dyn Similarity,
        dt: &Positions,
        gt: &Positions,
    ) -> Result<MatchTable> {
        if self.is_small() {
            return self.match_few(similarity, self.rows(dt)?, self.truths(gt)?);
        }
        // All stages in one visit to the pool: its threads are awake from one to the next.
        threads::run(|| {
            let (rows, truths) = rayon::join(|| self.rows(dt), || self.truths(gt));
            self.match_many(similarity, rows?, truths?)
        })
    }

    /// The table that [`Evaluator::match_all`] made, matched with the partners that the protocol now requests.
    ///
    /// # Errors
    ///
    /// As of matching: work that is cancelled, memory that cannot be had.
    pub fn match_again(&self, similarity: &dyn Similarity, table: &MatchTable) -> Result<MatchTable> {
        let copy = size_of_val(&*table.rows.items) + size_of_val(&*table.truths.items);
        can_allocate(copy + 2 * size_of_val(&*table.rows.groups))?;
        let mut rows = table.rows.clone();
        for row in &mut rows.items {
            *row = Row::unmatched(
                row.score,
                row.image,
                row.object,
                Row::DROPPED,
                self.ignored_if_unmatched(row.object),
            );
        }
        let truths = table.truths.clone();
        if self.is_small() {
            return self.match_few(similarity, rows, truths);
        }
        threads::run(|| self.match_many(similarity, rows, truths))
    }

    fn is_small(&self) -> bool {
        self.detections.len() + self.ground_truths.len() <= FEW
    }

    /// Matches both sides, sorted into cells, in parallel.
    fn match_many(
        &self,
        similarity: &dyn Similarity,
        mut rows: Cells<Row>,
        truths: Cells<Truth>,
    ) -> Result<MatchTable> {
        let new = || {
            let run = MatchedCells { rows: Vec::new(), matches: self.protocol.matches() };
            (CellBuffers::new(similarity), run)
        };
        let one = |run, share| self.match_next(similarity, run, share);
        let shares = shares(&mut rows, &truths)?;
        let most = threads::items_of_task(shares.len());
        let runs = shares.into_par_iter().with_max_len(most).try_fold(new, one);
        let without_buffers = |run: Result<_>| run.map(|(_, run)| run);
        let runs = runs.map(without_buffers).collect::<Result<Vec<_>>>()?;
        let bits = self.protocol.bits();
        let mut matches = self.protocol.matches();
        join(runs, bits.entry(), &mut matches)?;
        Ok(matches.into_table(bits, rows, truths))
    }

    /// Matches both sides, sorted into cells, on the calling thread.
    fn match_few(
        &self,
        similarity: &dyn Similarity,
        mut rows: Cells<Row>,
        truths: Cells<Truth>,
    ) -> Result<MatchTable> {
        let bits = self.protocol.bits();
        let mut work = CellBuffers::new(similarity);
        work.cell.reserve(INITIAL_CAPACITY);
        let mut matches = self.protocol.matches();
        reserve(&mut matches.outcomes, bits.entry() * rows.items.len())?;
        for share in shares(&mut rows, &truths)? {
            self.match_share(similarity, &mut work, share, &mut matches)?;
        }
        Ok(matches.into_table(bits, rows, truths))
    }

    /// Adds one share to a run.
    fn match_next<'a>(
        &self,
        similarity: &dyn Similarity,
        (mut work, mut run): (CellBuffers<'a>, MatchedCells<'a>),
        (rows, truths): (&'a mut [Row], &[Truth]),
    ) -> Result<(CellBuffers<'a>, MatchedCells<'a>)> {
        self.match_share(similarity, &mut work, (&mut *rows, truths), &mut run.matches)?;
        push(&mut run.rows, rows)?;
        Ok((work, run))
    }

    /// The area ranges in which a detection that is not matched is ignored and no false positive, as a mask.
    #[inline]
    pub fn ignored_if_unmatched(&self, d: u32) -> u32 {
        let dt = &self.detections;
        if dt.ignore.get(d as usize).is_some_and(|&ignore| ignore) {
            return self.protocol.bits().all_areas();
        }
        self.protocol.outside(dt.area.get(d as usize))
    }

    /// The detections, sorted into cells, none matched.
    fn rows(&self, positions: &Positions) -> Result<Cells<Row>> {
        let (dt, extent) = (&self.detections, self.protocol.extent);
        let row = move |object: u32, image| {
            let score = dt.score.get(object as usize);
            Row::unmatched(score, image, object, Row::DROPPED, self.ignored_if_unmatched(object))
        };
        Cells::new(&dt.image, &dt.category, positions, extent, &self.progress, row)
    }

    /// The ground truths, sorted into cells.
    fn truths(&self, positions: &Positions) -> Result<Cells<Truth>> {
        let (gt, extent) = (&self.ground_truths, self.protocol.extent);
        let all = self.protocol.bits().all_areas();
        let counts_crowds = self.protocol.matcher.counts_crowds();
        let truth = move |object: u32, image| {
            let inside = all & !self.protocol.outside(gt.area.get(object as usize));
            let ignore = gt.ignore[object as usize] && !(counts_crowds && gt.crowd[object as usize]);
            Truth { image, object, areas: if ignore { 0 } else { inside } }
        };
        Cells::new(&gt.image, &gt.category, positions, extent, &self.progress, truth)
    }
}
