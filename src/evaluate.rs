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

use rayon::prelude::*;

use crate::columns::Objects;
use crate::error::{Result, can_allocate, collect, push, reserve, with_capacity};
use crate::matching::{
    AreaRange, Candidates, CellGrid, CellPairs, Cells, MatchKind, MatchTable, Matcher, Outcome,
    OutcomeLayout, Partners, Positions, Row, Truth, each_bit, end_of_cell, end_of_image, lowest_threshold,
};
use crate::progress::Progress;
use crate::score::descending_key;
use crate::similarity::{Comparer, Side, Similarity};
use crate::sort::sort_by_integer;
use crate::threads;

/// Detections in one share of the work: enough to amortise the overhead of a task, few enough to balance the load.
const SHARE: usize = 1024;

/// Runs of shares for each thread.
const RUNS: usize = 8;

/// Most objects of either side between those that are matched and those that are prefetched; half as many at least.
const AHEAD: usize = 24;

/// Objects that are matched in less time than it takes to wake another thread.
const FEW: usize = 4096;

/// Initial capacity for the detections of a cell.
const INITIAL_CAPACITY: usize = 64;

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
        let mask = |(a, range): (usize, &AreaRange)| u32::from(area < range[0] || area > range[1]) << a;
        self.area_ranges.iter().enumerate().map(mask).fold(0, |all, one| all | one)
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

/// One cell being matched.
#[derive(Default)]
pub struct Cell {
    /// Evaluated detections, best first: indices into the columns.
    pub detections: Vec<u32>,
    /// Ground truths, in input order: indices into the columns.
    pub ground_truths: Vec<u32>,
    /// Their similarity, `(D, G)`; empty if a side is.
    pub similarity: Vec<f64>,
    /// The pairs that can match.
    pub candidates: Candidates,
    /// The crowds among the ground truths.
    pub crowd: Vec<bool>,
}

/// What became of detections that matched: an entry of either column for each.
struct MatchedOutcomes {
    outcomes: Vec<u64>,
    partners: Partners,
}

/// Shares that one thread matched one after the other.
struct MatchedCells<'a> {
    work: CellBuffers<'a>,
    rows: Vec<&'a mut [Row]>,
    matches: MatchedOutcomes,
}

/// Working memory of one thread.
struct CellBuffers<'a> {
    cell: Cell,
    compare: Comparer<'a>,
    ignored: Vec<bool>,
    uncounted: Vec<bool>,
    taken: Vec<u64>,
    /// What detections are sorted with.
    spare: Vec<Row>,
}

impl<'a> CellBuffers<'a> {
    fn new(similarity: &'a dyn Similarity) -> Self {
        let compare = similarity.comparer();
        CellBuffers {
            cell: Cell::default(),
            compare,
            ignored: Vec::new(),
            uncounted: Vec::new(),
            taken: Vec::new(),
            spare: Vec::new(),
        }
    }
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
            let work = CellBuffers::new(similarity);
            MatchedCells { work, rows: Vec::new(), matches: self.protocol.matches() }
        };
        let one = |run, share| self.match_next(similarity, run, share);
        let shares = shares(&mut rows, &truths)?;
        // A run that has begun is never divided: several for each thread, so that none waits long for the last one.
        let most = (shares.len() / (RUNS * threads::count())).max(1);
        let shares = shares.into_par_iter().with_max_len(most);
        let runs = shares.try_fold(new, one).collect::<Result<Vec<_>>>()?;
        let bits = self.protocol.bits();
        let mut matches = self.protocol.matches();
        join(runs, bits.entry(), &mut matches)?;
        let table = MatchTable::new(bits, rows, truths, matches.outcomes);
        Ok(MatchTable { partners: matches.partners, ..table })
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
        let table = MatchTable::new(bits, rows, truths, matches.outcomes);
        Ok(MatchTable { partners: matches.partners, ..table })
    }

    /// Adds one share to a run.
    fn match_next<'a>(
        &self,
        similarity: &dyn Similarity,
        mut run: MatchedCells<'a>,
        (rows, truths): (&'a mut [Row], &[Truth]),
    ) -> Result<MatchedCells<'a>> {
        self.match_share(similarity, &mut run.work, (&mut *rows, truths), &mut run.matches)?;
        push(&mut run.rows, rows)?;
        Ok(run)
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
        let row = |object: u32, image| {
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
        let truth = |object: u32, image| {
            let inside = all & !self.protocol.outside(gt.area.get(object as usize));
            let ignore = gt.ignore[object as usize] && !(counts_crowds && gt.crowd[object as usize]);
            Truth { image, object, areas: if ignore { 0 } else { inside } }
        };
        Cells::new(&gt.image, &gt.category, positions, extent, &self.progress, truth)
    }

    /// Matches the cells of some images of one group. What became of those that match goes behind what is there.
    fn match_share(
        &self,
        similarity: &dyn Similarity,
        work: &mut CellBuffers<'_>,
        (rows, truths): (&mut [Row], &[Truth]),
        matches: &mut MatchedOutcomes,
    ) -> Result<()> {
        self.progress.check()?;
        self.progress.advance(rows.len() as u64);
        let lowest_threshold = lowest_threshold(&self.protocol.thresholds);
        let (mut d, mut g) = (0, 0);
        let (mut later_d, mut later_g) = (0, 0);
        while d < rows.len() {
            let image = rows[d].image;
            let end = d + end_of_cell(&rows[d..], image);
            // Many at a time: most cells are small, and each call costs more than an object.
            if later_d < rows.len().min(end + AHEAD / 2) {
                let soon = rows.len().min(end + AHEAD);
                prefetch(similarity, Side::Detections, &rows[later_d..soon], |row| row.object);
                later_d = soon;
            }
            if later_g < truths.len().min(g + AHEAD / 2) {
                let soon = truths.len().min(g + AHEAD);
                prefetch(similarity, Side::GroundTruth, &truths[later_g..soon], |truth| truth.object);
                later_g = soon;
            }
            let in_cell = &mut rows[d..end];
            d = end;
            sort_by_integer(in_cell, &mut work.spare, &self.progress, |row| descending_key(row.score))?;
            let kept = in_cell.len().min(self.protocol.max_detections);
            let kept = &mut in_cell[..kept];
            match &self.ranks {
                None => kept.iter_mut().zip(0..).for_each(|(row, rank)| row.rank = rank),
                Some(ranks) => kept.iter_mut().for_each(|row| row.rank = ranks[row.object as usize]),
            }
            g += truths[g..].iter().take_while(|truth| truth.image < image).count();
            let of_cell = &truths[g..g + end_of_cell(&truths[g..], image)];
            g += of_cell.len();
            if of_cell.is_empty() {
                continue;
            }
            work.cell.open(kept, of_cell, &self.ground_truths);
            work.cell.fill(&mut work.compare, lowest_threshold)?;
            work.cell.find_candidates(&self.protocol.thresholds);
            if !work.cell.candidates.is_empty() {
                matches.partners.reserve(kept.len())?;
                reserve(&mut matches.outcomes, kept.len() * self.protocol.bits().entry())?;
                self.match_cell(work, kept, of_cell, matches);
            }
        }
        Ok(())
    }

    /// Matches one cell in which some pair can match.
    fn match_cell(
        &self,
        work: &mut CellBuffers<'_>,
        rows: &mut [Row],
        truths: &[Truth],
        matches: &mut MatchedOutcomes,
    ) {
        let MatchedOutcomes { outcomes, partners } = matches;
        let CellBuffers { cell, ignored, uncounted, taken, .. } = work;
        let Cell { detections, candidates, crowd, .. } = cell;
        let (dt, gt) = (&self.detections, &self.ground_truths);
        let bits = self.protocol.bits();
        let entry = bits.entry();
        let claims = |d: usize| dt.id.get(detections[d] as usize) > 0.0;
        let thresholds = &self.protocol.thresholds;
        let samples = bits.samples;
        let outside = |d: &u32| if samples { self.ignored_if_unmatched(*d) } else { 0 };
        for areas in self.alike(truths, detections) {
            let a = areas.trailing_zeros();
            ignored.clear();
            ignored.extend(truths.iter().map(|truth| truth.areas >> a & 1 == 0));
            if samples {
                uncounted.clear();
                uncounted.extend(detections.iter().map(|d| outside(d) >> a & 1 == 1));
            }
            let mut on_match = |word: usize, made: u64, d: usize, g: usize, kind: MatchKind| {
                let index = match rows[d].outcome() {
                    Outcome::Matched(index) => index,
                    Outcome::Unmatched(outside) => {
                        let index = outcomes.len() / entry;
                        rows[d].set_matched(index);
                        bits.push(outcomes, outside);
                        partners.push();
                        index
                    }
                };
                let outcome = &mut outcomes[index * entry..(index + 1) * entry];
                if kind == MatchKind::Sampled {
                    each_bit(u64::from(areas), |a| bits.set_sampled(outcome, a, word, made));
                    return;
                }
                // In the reference, a match with a ground truth whose id is 0 reads like none.
                let matched = if gt.id.get(truths[g].object as usize) != 0.0 { made } else { 0 };
                each_bit(u64::from(areas), |a| {
                    let ignored =
                        if kind == MatchKind::Repeated || truths[g].areas >> a & 1 == 0 { made } else { 0 };
                    bits.set(outcome, a, word, matched, ignored);
                });
                partners.set(index, areas, word, made, truths[g].object);
            };
            let pairs = CellPairs { candidates, thresholds, ignored, crowd, uncounted, claims: &claims };
            self.protocol.matcher.match_cell(&pairs, taken, &mut on_match);
        }
    }

    /// The area ranges in which the same detections match the same ground truths, as masks.
    ///
    /// Area ranges differ only in what is ignored, of the detections only where the matcher asks.
    fn alike(&self, truths: &[Truth], detections: &[u32]) -> impl Iterator<Item = u32> {
        let (all, none) =
            truths.iter().fold((u32::MAX, 0), |(all, any), truth| (all & truth.areas, any | truth.areas));
        let (all, none) = (all, !none);
        let extremes_alike = self.protocol.matcher.all_ignored_is_none_ignored();
        let mut left = self.protocol.bits().all_areas();
        let samples = self.protocol.matcher.samples();
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let a = left.trailing_zeros();
            let differ = |mask: u32, b: u32| (mask >> a ^ mask >> b) & 1 == 1;
            let same = |b: u32| {
                let asked = if samples { detections } else { &[] };
                truths.iter().all(|truth| !differ(truth.areas, b))
                    && asked.iter().all(|&d| !differ(self.ignored_if_unmatched(d), b))
            };
            let areas = match extremes_alike && (all | none) >> a & 1 == 1 {
                true => left & (all | none),
                false => {
                    let mut areas = 0;
                    each_bit(u64::from(left), |b| areas |= u32::from(same(b as u32)) << b);
                    areas
                }
            };
            left &= !areas;
            Some(areas)
        })
    }
}

/// Prefetches objects that will be compared soon, a few at a time.
fn prefetch<T>(similarity: &dyn Similarity, side: Side, items: &[T], object: impl Fn(&T) -> u32) {
    for some in items.chunks(AHEAD) {
        let mut objects = [0; AHEAD];
        objects.iter_mut().zip(some).for_each(|(place, item)| *place = object(item));
        similarity.prefetch(side, &objects[..some.len()]);
    }
}

/// The groups' rows, cut between images into shares, each with its ground truths.
fn shares<'a>(
    rows: &'a mut Cells<Row>,
    truths: &'a Cells<Truth>,
) -> Result<Vec<(&'a mut [Row], &'a [Truth])>> {
    let mut shares = Vec::new();
    let lengths = collect((0..rows.len()).map(|group| rows.group(group).len()))?;
    let mut rest = rows.items.as_mut_slice();
    for (group, length) in lengths.into_iter().enumerate() {
        let (mut d, others) = rest.split_at_mut(length);
        rest = others;
        let mut g = &truths.items[truths.group(group)];
        while d.len() > SHARE {
            let last = d[SHARE - 1].image;
            let (share_d, rest_d) = d.split_at_mut(end_of_image(d, last));
            let (share_g, rest_g) = g.split_at(end_of_image(g, last));
            push(&mut shares, (share_d, share_g))?;
            (d, g) = (rest_d, rest_g);
        }
        if !d.is_empty() {
            push(&mut shares, (d, g))?;
        }
    }
    Ok(shares)
}

/// Puts what all runs found behind one another, into `into`; their rows are updated to its new position.
fn join(mut runs: Vec<MatchedCells<'_>>, entry: usize, into: &mut MatchedOutcomes) -> Result<()> {
    let before = runs.iter().scan(0, |before, run| {
        *before += run.matches.outcomes.len();
        Some(*before - run.matches.outcomes.len())
    });
    let before: Vec<usize> = before.collect();
    let later = before
        .par_iter()
        .zip(&mut runs)
        .filter(|(before, run)| **before > 0 && !run.matches.outcomes.is_empty());
    later.for_each(|(before, run)| {
        let rows = run.rows.iter_mut().flat_map(|rows| rows.iter_mut());
        rows.for_each(|row| row.move_entry(before / entry));
    });
    // No more capacity than they need, as they are stored.
    let outcomes = runs.iter().map(|run| run.matches.outcomes.len()).sum::<usize>();
    into.outcomes = with_capacity(outcomes)?;
    into.partners.reserve(outcomes / entry.max(1))?;
    for run in runs {
        into.outcomes.extend(run.matches.outcomes);
        into.partners.append(&run.matches.partners);
    }
    Ok(())
}

impl Cell {
    /// Reserves memory for so many objects a side, and as many pairs that can match.
    fn reserve(&mut self, objects: usize) {
        self.detections.reserve(objects);
        self.ground_truths.reserve(objects);
        self.crowd.reserve(objects);
        self.similarity.reserve(2 * objects);
        self.candidates.reserve(objects);
    }

    /// Takes in the objects of a cell.
    pub fn open(&mut self, rows: &[Row], truths: &[Truth], ground_truths: &Objects) {
        self.detections.clear();
        self.detections.extend(rows.iter().map(|row| row.object));
        self.ground_truths.clear();
        self.ground_truths.extend(truths.iter().map(|truth| truth.object));
        self.crowd.clear();
        self.crowd.extend(truths.iter().map(|truth| ground_truths.crowd[truth.object as usize]));
        self.similarity.clear();
        self.candidates.clear();
    }

    /// Fills in the similarities, and the candidates: the pairs not below `lowest_threshold`.
    ///
    /// # Errors
    ///
    /// A mask that cannot be decoded or compared.
    pub fn fill(&mut self, compare: &mut Comparer<'_>, lowest_threshold: f64) -> Result<()> {
        if self.detections.is_empty() || self.ground_truths.is_empty() {
            return Ok(());
        }
        self.similarity.resize(self.detections.len() * self.ground_truths.len(), 0.0);
        compare(&self.detections, &self.ground_truths, lowest_threshold, &mut self.similarity)
    }

    /// Finds the pairs that reach some threshold.
    pub fn find_candidates(&mut self, thresholds: &[f64]) {
        if !self.similarity.is_empty() {
            self.candidates.collect(&self.similarity, self.ground_truths.len(), thresholds);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::columns::{AnnotationIds, Areas, Boxes, CompactDoubles, Geometry, GeometryKind};
    use crate::matching::{Greedy, MATCHERS};
    use crate::random::Random;
    use crate::similarity::{KINDS, Parameters, SimilarityKind};

    /// Boxes on a coarse grid in three images and two categories, every fifth of them a crowd or ignored.
    fn objects(count: usize, roll: &mut impl FnMut(u64) -> u64) -> Objects {
        let mut boxes = Boxes::default();
        (0..count).for_each(|_| boxes.push([(); 4].map(|()| (1 + roll(4)) as f64)).unwrap());
        let mut column = |sides| Arc::new((0..count).map(|_| roll(sides) as u32).collect::<Vec<u32>>());
        let (image, category) = (column(3), column(2));
        let crowd: Vec<bool> = column(10).iter().map(|&side| side == 0).collect();
        let ignore = column(10).iter().zip(&crowd).map(|(&side, &crowd)| crowd || side == 0).collect();
        let mut score = CompactDoubles::default();
        column(5).iter().for_each(|&side| score.push(f64::from(side)).unwrap());
        let boxes = Arc::new(boxes);
        Objects {
            image,
            category,
            id: AnnotationIds::Counted,
            area: Areas::OfBoxes(boxes.clone()),
            score: Arc::new(score),
            crowd: Arc::new(crowd),
            ignore: Arc::new(ignore),
            geometry: Geometry::Boxes(boxes),
        }
    }

    fn compared(kind: &str, evaluator: &Evaluator) -> Box<dyn Similarity> {
        let kind = SimilarityKind::named(kind).unwrap();
        (kind.compare)(&evaluator.detections, &evaluator.ground_truths, &Parameters::default()).unwrap()
    }

    /// One of the kinds is known to the tests alone: its file and its line in the registry are all that it takes.
    #[test]
    fn each_kind_is_matched_by_its_own_values() {
        let mut random = Random::new(11);
        let mut roll = |sides: u64| random.below(sides);
        let none = |count| Arc::new(vec![false; count]);
        let (extent, threshold) = (CellGrid { images: 3, categories: 2, by_category: true }, 0.45);
        let mut names = Vec::new();
        for kind in KINDS.iter().filter(|kind| kind.geometry == GeometryKind::Boxes) {
            names.push(kind.name);
            let ground_truths = objects(60, &mut roll);
            let ground_truths = Objects { crowd: none(60), ignore: none(60), ..ground_truths };
            let detections = Objects { ignore: Arc::new(Vec::new()), ..objects(60, &mut roll) };
            let protocol = Protocol {
                thresholds: vec![threshold],
                area_ranges: vec![[0.0, 1e5]],
                max_detections: 500,
                extent,
                matcher: &Greedy,
                partners: Vec::new(),
            };
            let evaluator =
                Evaluator { detections, ground_truths, protocol, ranks: None, progress: Progress::default() };
            let similarity = compared(kind.name, &evaluator);
            let positions = Positions::identity(extent);
            let table = evaluator.match_all(&*similarity, &positions, &positions).unwrap();
            let (d, g) = (&evaluator.detections, &evaluator.ground_truths);
            let (mut compare, mut free, mut matched) = (similarity.comparer(), vec![true; g.len()], 0);
            for group in 0..table.groups() {
                for row in table.rows(group) {
                    let i = row.object as usize;
                    let cell = |&j: &usize| (g.image[j], g.category[j]) == (d.image[i], d.category[i]);
                    let mut best = None;
                    for j in (0..g.len()).filter(|&j| free[j]).filter(cell) {
                        let mut value = [0.0];
                        compare(&[i as u32], &[j as u32], f64::NEG_INFINITY, &mut value).unwrap();
                        if value[0] >= best.map_or(threshold, |(_, value)| value) {
                            best = Some((j, value[0]));
                        }
                    }
                    assert_eq!(table.matched_and_ignored(row, 0, 0).0, best.is_some(), "{}", kind.name);
                    if let Some((j, _)) = best {
                        (free[j], matched) = (false, matched + 1);
                    }
                }
            }
            assert!(matched > 5, "{}: {matched}", kind.name);
        }
        assert_eq!(names, ["bbox", "temporal", "giou", "diou", "ciou", "centres"]);
    }

    /// Few and many objects are matched by two ways that fill the partners.
    #[test]
    fn partners_are_those_whom_the_outcomes_tell() {
        let mut random = Random::new(7);
        let mut roll = |sides: u64| random.below(sides);
        for (case, count) in [20, 60, 200, 1000].into_iter().enumerate() {
            for &matcher in MATCHERS {
                let ground_truths = objects(count, &mut roll);
                let detections = Objects { ignore: Arc::new(Vec::new()), ..objects(count, &mut roll) };
                let extent = CellGrid { images: 3, categories: 2, by_category: case % 2 == 0 };
                let protocol = Protocol {
                    thresholds: vec![0.3, 0.5, 0.8],
                    area_ranges: vec![[0.0, 1e5], [0.0, 6.0], [6.0, 1e5]],
                    max_detections: 500,
                    extent,
                    matcher,
                    partners: vec![0, 2],
                };
                let mut evaluator = Evaluator {
                    detections,
                    ground_truths,
                    protocol,
                    ranks: None,
                    progress: Progress::default(),
                };
                let similarity = compared("bbox", &evaluator);
                let positions = Positions::identity(extent);
                let table = evaluator.match_all(&*similarity, &positions, &positions).unwrap();
                evaluator.protocol.partners = Vec::new();
                let plain = evaluator.match_all(&*similarity, &positions, &positions).unwrap();
                assert!(plain.partners.is_empty() && plain.outcomes == table.outcomes);
                evaluator.protocol.partners = vec![0, 2];
                let again = evaluator.match_again(&*similarity, &plain).unwrap();
                let mut pairs = 0;
                for group in 0..table.groups() {
                    for (row, other) in table.rows(group).iter().zip(again.rows(group)) {
                        for (a, (place, t)) in (0..3).flat_map(|a| [(0, 0), (1, 2)].map(|at| (a, at))) {
                            let partner = table.partner(row, a, place);
                            assert_eq!(again.partner(other, a, place), partner);
                            let (matched, ignored) = table.matched_and_ignored(row, a, t);
                            assert_eq!(partner.is_some(), matched);
                            let Some(object) = partner else { continue };
                            let truth =
                                table.truths(group).iter().find(|truth| truth.object == object).unwrap();
                            assert_eq!(truth.image, row.image);
                            // A group that counts is found once.
                            let outside = truth.areas >> a & 1 == 0;
                            assert!(outside == ignored || (ignored && matcher.counts_crowds()));
                            pairs += 1;
                        }
                    }
                }
                assert!(pairs > 0);
            }
        }
    }
}
