//! Runs the stages in order: columns, cells, similarity, matching, table.

use rayon::prelude::*;

use crate::columns::Objects;
use crate::error::Result;
use crate::matching::{
    AreaRange, Bits, Candidates, Cells, Extent, MatchTable, Matcher, Outcome, Positions, Row, Truth,
    descending_key, each_bit, end_of_cell, end_of_image, floor, match_best_first, match_greedily,
};
use crate::similarity::Similarity;
use crate::threads;
use crate::watch::Watch;

/// Detections in one share of the work: enough to forget the cost of sharing, few enough to spread.
const SHARE: usize = 1024;

/// Objects of either side between those that are matched and those that memory is asked for.
const AHEAD: usize = 24;

/// Objects that are matched in less time than it takes to wake another thread.
const FEW: usize = 4096;

/// Detections of a cell that there is room for from the start.
const USUAL: usize = 64;

/// What to match, and how.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// Similarity thresholds.
    pub thresholds: Vec<f64>,
    /// Area ranges, at most [`crate::matching::MOST_AREA_RANGES`].
    pub area_ranges: Vec<AreaRange>,
    /// Detections kept in each cell.
    pub max_detections: usize,
    /// Images, categories, and whether categories keep objects apart.
    pub extent: Extent,
    /// Who gets which ground truth.
    pub matcher: Matcher,
}

impl Protocol {
    /// The area ranges that `area` lies outside of, as a mask.
    #[inline]
    pub fn outside(&self, area: f64) -> u32 {
        let mask = |(a, range): (usize, &AreaRange)| u32::from(area < range[0] || area > range[1]) << a;
        self.area_ranges.iter().enumerate().map(mask).fold(0, |all, one| all | one)
    }

    /// How outcomes are laid out.
    pub fn bits(&self) -> Bits {
        Bits { areas: self.area_ranges.len(), thresholds: self.thresholds.len() }
    }
}

/// Both sides of an evaluation and what to do with them.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The detections.
    pub detections: Objects,
    /// The ground truth.
    pub ground_truths: Objects,
    /// What to match.
    pub protocol: Protocol,
    /// Who looks on; counts detections.
    pub watch: Watch,
}

/// One cell being matched.
#[derive(Default)]
pub struct Cell {
    /// Kept detections, best first: indices into the columns.
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

/// Shares that one thread matched one after the other.
#[derive(Default)]
struct Run<'a, S> {
    work: Workspace<S>,
    rows: Vec<&'a mut [Row]>,
    outcomes: Vec<u64>,
}

/// Working memory of one thread.
#[derive(Default)]
struct Workspace<S> {
    cell: Cell,
    scratch: S,
    ignored: Vec<bool>,
    taken: Vec<u64>,
}

impl Scene {
    /// Sorts both sides into cells and matches them, in parallel.
    pub fn match_all<S: Similarity>(
        &self,
        similarity: &S,
        dt: &Positions,
        gt: &Positions,
    ) -> Result<MatchTable> {
        if self.detections.len() + self.ground_truths.len() <= FEW {
            return self.match_few(similarity, self.rows(dt), self.truths(gt));
        }
        // All stages in one visit to the pool: its threads are awake from one to the next.
        threads::run(|| {
            let (mut rows, truths) = rayon::join(|| self.rows(dt), || self.truths(gt));
            let one = |run, share| self.match_next(similarity, run, share);
            let shares = shares(&mut rows, &truths).into_par_iter();
            let runs = shares.try_fold(Run::default, one).collect::<Result<Vec<_>>>()?;
            let bits = self.protocol.bits();
            let outcomes = join(runs, bits.entry());
            Ok(MatchTable { bits, rows, truths, outcomes })
        })
    }

    /// Matches both sides, sorted into cells, on the calling thread.
    fn match_few<S: Similarity>(
        &self,
        similarity: &S,
        mut rows: Cells<Row>,
        truths: Cells<Truth>,
    ) -> Result<MatchTable> {
        let bits = self.protocol.bits();
        let mut work = Workspace::default();
        work.cell.reserve(USUAL);
        let mut outcomes = Vec::with_capacity(bits.entry() * rows.items.len());
        for share in shares(&mut rows, &truths) {
            self.match_share(similarity, &mut work, share, &mut outcomes)?;
        }
        Ok(MatchTable { bits, rows, truths, outcomes })
    }

    /// Adds one share to a run.
    fn match_next<'a, S: Similarity>(
        &self,
        similarity: &S,
        mut run: Run<'a, S::Scratch>,
        (rows, truths): (&'a mut [Row], &[Truth]),
    ) -> Result<Run<'a, S::Scratch>> {
        self.match_share(similarity, &mut run.work, (&mut *rows, truths), &mut run.outcomes)?;
        run.rows.push(rows);
        Ok(run)
    }

    /// The area ranges in which a detection is no false positive, whatever becomes of it, as a mask.
    #[inline]
    fn unpunished(&self, d: u32) -> u32 {
        let dt = &self.detections;
        if dt.ignore.get(d as usize).is_some_and(|&ignore| ignore) {
            return self.protocol.bits().all_areas();
        }
        self.protocol.outside(dt.area.get(d as usize))
    }

    /// The detections, sorted into cells, none matched.
    fn rows(&self, positions: &Positions) -> Cells<Row> {
        let dt = &self.detections;
        Cells::new(&dt.image, &dt.category, positions, self.protocol.extent, |object, image| {
            Row::unmatched(
                dt.score.get(object as usize),
                image,
                object,
                Row::DROPPED,
                self.unpunished(object),
            )
        })
    }

    /// The ground truths, sorted into cells.
    fn truths(&self, positions: &Positions) -> Cells<Truth> {
        let gt = &self.ground_truths;
        let all = self.protocol.bits().all_areas();
        Cells::new(&gt.image, &gt.category, positions, self.protocol.extent, |object, image| {
            let inside = all & !self.protocol.outside(gt.area.get(object as usize));
            Truth { image, object, areas: if gt.ignore[object as usize] { 0 } else { inside } }
        })
    }

    /// Matches the cells of some images of one group. Outcomes of those that match go behind the ones that are there.
    fn match_share<S: Similarity>(
        &self,
        similarity: &S,
        work: &mut Workspace<S::Scratch>,
        (rows, truths): (&mut [Row], &[Truth]),
        outcomes: &mut Vec<u64>,
    ) -> Result<()> {
        self.watch.check()?;
        self.watch.advance(rows.len() as u64);
        let floor = floor(&self.protocol.thresholds);
        let (mut d, mut g) = (0, 0);
        let (mut later_d, mut later_g) = (0, 0);
        while d < rows.len() {
            let image = rows[d].image;
            let end = d + end_of_cell(&rows[d..], image);
            for row in &rows[later_d..rows.len().min(end + AHEAD)] {
                similarity.prefetch_detection(row.object);
                later_d += 1;
            }
            for truth in &truths[later_g..truths.len().min(g + AHEAD)] {
                similarity.prefetch_ground_truth(truth.object);
                later_g += 1;
            }
            let in_cell = &mut rows[d..end];
            d = end;
            in_cell.sort_by_key(|row| descending_key(row.score));
            let kept = in_cell.len().min(self.protocol.max_detections);
            let kept = &mut in_cell[..kept];
            kept.iter_mut().zip(0..).for_each(|(row, rank)| row.rank = rank);
            g += truths[g..].iter().take_while(|truth| truth.image < image).count();
            let of_cell = &truths[g..g + end_of_cell(&truths[g..], image)];
            g += of_cell.len();
            if of_cell.is_empty() {
                continue;
            }
            work.cell.open(kept, of_cell, &self.ground_truths);
            work.cell.fill(similarity, &mut work.scratch, floor)?;
            work.cell.find_candidates(&self.protocol.thresholds);
            if !work.cell.candidates.is_empty() {
                self.match_cell(work, kept, of_cell, outcomes);
            }
        }
        Ok(())
    }

    /// Matches one cell in which some pair can match.
    fn match_cell<S>(
        &self,
        work: &mut Workspace<S>,
        rows: &mut [Row],
        truths: &[Truth],
        outcomes: &mut Vec<u64>,
    ) {
        let Workspace { cell: Cell { detections, candidates, crowd, .. }, ignored, taken, .. } = work;
        let (dt, gt) = (&self.detections, &self.ground_truths);
        let bits = self.protocol.bits();
        let entry = bits.entry();
        let claims = |d: usize| dt.id.get(detections[d] as usize) > 0.0;
        let thresholds = &self.protocol.thresholds;
        for areas in self.alike(truths) {
            let a = areas.trailing_zeros();
            ignored.clear();
            ignored.extend(truths.iter().map(|truth| truth.areas >> a & 1 == 0));
            let on_match = |word: usize, made: u64, d: usize, g: usize| {
                let index = match rows[d].outcome() {
                    Outcome::Matched(index) => index,
                    Outcome::Unmatched(outside) => {
                        let index = outcomes.len() / entry;
                        rows[d].set_matched(index);
                        bits.push(outcomes, outside);
                        index
                    }
                };
                let outcome = &mut outcomes[index * entry..(index + 1) * entry];
                // In the reference, a match with a ground truth whose id is 0 reads like none.
                let matched = if gt.id.get(truths[g].object as usize) != 0.0 { made } else { 0 };
                each_bit(u64::from(areas), |a| {
                    let ignored = if truths[g].areas >> a & 1 == 0 { made } else { 0 };
                    bits.set(outcome, a, word, matched, ignored);
                });
            };
            match self.protocol.matcher {
                Matcher::Greedy => {
                    match_greedily(candidates, thresholds, ignored, crowd, claims, taken, on_match);
                }
                Matcher::Argmax => match_best_first(candidates, thresholds, ignored, taken, on_match),
            }
        }
    }

    /// The area ranges in which the same detections match the same ground truths, as masks.
    ///
    /// Only what is ignored tells area ranges apart. Where all is ignored, greedy matching prefers none, as where nothing
    /// is.
    fn alike(&self, truths: &[Truth]) -> impl Iterator<Item = u32> {
        let (all, none) =
            truths.iter().fold((u32::MAX, 0), |(all, any), truth| (all & truth.areas, any | truth.areas));
        let (all, none) = (all, !none);
        let greedy = self.protocol.matcher == Matcher::Greedy;
        let mut left = self.protocol.bits().all_areas();
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let a = left.trailing_zeros();
            let same = |b: u32| truths.iter().all(|truth| (truth.areas >> a ^ truth.areas >> b) & 1 == 0);
            let areas = match greedy && (all | none) >> a & 1 == 1 {
                true => left & (all | none),
                false => {
                    (a..u32::BITS).filter(|&b| left >> b & 1 == 1 && same(b)).fold(0, |mask, b| mask | 1 << b)
                }
            };
            left &= !areas;
            Some(areas)
        })
    }
}

/// The groups' rows, cut between images into shares, each with its ground truths.
fn shares<'a>(rows: &'a mut Cells<Row>, truths: &'a Cells<Truth>) -> Vec<(&'a mut [Row], &'a [Truth])> {
    let mut shares = Vec::new();
    let lengths: Vec<usize> = (0..rows.len()).map(|group| rows.group(group).len()).collect();
    let mut rest = rows.items.as_mut_slice();
    for (group, length) in lengths.into_iter().enumerate() {
        let (mut d, others) = rest.split_at_mut(length);
        rest = others;
        let mut g = &truths.items[truths.group(group)];
        while d.len() > SHARE {
            let last = d[SHARE - 1].image;
            let (share_d, rest_d) = d.split_at_mut(end_of_image(d, last));
            let (share_g, rest_g) = g.split_at(end_of_image(g, last));
            shares.push((share_d, share_g));
            (d, g) = (rest_d, rest_g);
        }
        if !d.is_empty() {
            shares.push((d, g));
        }
    }
    shares
}

/// The outcomes of all runs, one after the other; their rows are told where they are now.
fn join<S: Send>(mut runs: Vec<Run<'_, S>>, entry: usize) -> Vec<u64> {
    let before = runs.iter().scan(0, |before, run| {
        *before += run.outcomes.len();
        Some(*before - run.outcomes.len())
    });
    let before: Vec<usize> = before.collect();
    let later =
        before.par_iter().zip(&mut runs).filter(|(before, run)| **before > 0 && !run.outcomes.is_empty());
    later.for_each(|(before, run)| {
        let rows = run.rows.iter_mut().flat_map(|rows| rows.iter_mut());
        rows.for_each(|row| row.move_entry(before / entry));
    });
    // No more room than they need: they stay.
    let mut outcomes = Vec::with_capacity(runs.iter().map(|run| run.outcomes.len()).sum());
    runs.into_iter().for_each(|run| outcomes.extend(run.outcomes));
    outcomes
}

impl Cell {
    /// Makes room for so many objects a side, and as many pairs that can match.
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

    /// Fills in the similarities, and the candidates: the pairs not below `floor`.
    pub fn fill<S: Similarity>(
        &mut self,
        similarity: &S,
        scratch: &mut S::Scratch,
        floor: f64,
    ) -> Result<()> {
        if self.detections.is_empty() || self.ground_truths.is_empty() {
            return Ok(());
        }
        self.similarity.resize(self.detections.len() * self.ground_truths.len(), 0.0);
        similarity.fill(scratch, &self.detections, &self.ground_truths, floor, &mut self.similarity)
    }

    /// Finds the pairs that reach some threshold.
    pub fn find_candidates(&mut self, thresholds: &[f64]) {
        if !self.similarity.is_empty() {
            self.candidates.collect(&self.similarity, self.ground_truths.len(), thresholds);
        }
    }
}
