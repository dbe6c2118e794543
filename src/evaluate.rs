//! Runs the stages in order: columns, cells, similarity, matching, table.

use std::ops::Range;

use rayon::prelude::*;

use crate::columns::Objects;
use crate::error::Result;
use crate::matching::{
    AreaRange, Bits, Candidates, Cells, Extent, MatchTable, Meeting, Positions, Rows, best_first, floor,
    match_greedily, meetings, shares,
};
use crate::similarity::Similarity;
use crate::threads;

/// Detections in one share of the work: enough to forget the cost of sharing, few enough to spread.
const SHARE: usize = 8192;

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
}

/// Both sides of an evaluation, sorted into cells: everything that matching needs, and nothing that it makes.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The detections.
    pub detections: Objects,
    /// The ground truth.
    pub ground_truths: Objects,
    /// What to match.
    pub protocol: Protocol,
    detection_cells: Cells,
    truth_cells: Cells,
}

/// What one cell holds: indices into the columns, detections best first.
#[derive(Default)]
pub struct Cell {
    /// Kept detections.
    pub detections: Vec<u32>,
    /// Ground truths, in input order.
    pub ground_truths: Vec<u32>,
    /// Their similarity, `(D, G)`.
    pub similarity: Vec<f64>,
    keyed: Vec<(u64, u32)>,
}

/// Working memory of one share.
#[derive(Default)]
struct Workspace<S> {
    cell: Cell,
    scratch: S,
    candidates: Candidates,
    crowd: Vec<bool>,
    ignored: Vec<bool>,
    last_ignored: Vec<bool>,
    taken: Vec<bool>,
    entries: Vec<u64>,
}

impl Scene {
    /// Sorts both sides into cells.
    pub fn new(
        detections: Objects,
        detection_positions: &Positions,
        ground_truths: Objects,
        truth_positions: &Positions,
        protocol: Protocol,
    ) -> Scene {
        let cells =
            |side: &Objects, positions| Cells::new(&side.image, &side.category, positions, protocol.extent);
        let detection_cells = cells(&detections, detection_positions);
        let truth_cells = cells(&ground_truths, truth_positions);
        Scene { detections, ground_truths, protocol, detection_cells, truth_cells }
    }

    /// Matches every cell, in parallel.
    pub fn match_all<S: Similarity>(&self, similarity: &S) -> Result<MatchTable> {
        let groups = self.protocol.extent.groups();
        let bits =
            Bits { areas: self.protocol.area_ranges.len(), thresholds: self.protocol.thresholds.len() };
        let shares: Vec<(usize, Range<usize>, Range<usize>)> = (0..groups)
            .flat_map(|group| {
                shares(&self.detection_cells, &self.truth_cells, group, SHARE)
                    .into_iter()
                    .map(move |(d, g)| (group, d, g))
            })
            .collect();
        let work = || -> Result<Vec<(usize, Rows)>> {
            let share = |work: &mut Workspace<S::Scratch>,
                         (group, d, g): &(usize, Range<usize>, Range<usize>)| {
                self.match_share(similarity, work, bits, d.clone(), g.clone()).map(|rows| (*group, rows))
            };
            shares.par_iter().map_init(Workspace::default, share).collect()
        };
        let mut parts = threads::run(work)?.into_iter().peekable();
        let groups = (0..groups).map(|group| {
            std::iter::from_fn(|| parts.next_if(|(of, _)| *of == group).map(|(_, rows)| rows)).collect()
        });
        let groups: Vec<Vec<Rows>> = groups.collect();
        Ok(MatchTable::new(bits, groups))
    }

    fn match_share<S: Similarity>(
        &self,
        similarity: &S,
        work: &mut Workspace<S::Scratch>,
        bits: Bits,
        d: Range<usize>,
        g: Range<usize>,
    ) -> Result<Rows> {
        let mut rows = Rows::with_capacity(d.len(), g.len());
        let floor = floor(&self.protocol.thresholds);
        for meeting in meetings(&self.detection_cells, d, &self.truth_cells, g) {
            self.open(&meeting, &mut work.cell);
            let cell = &mut work.cell;
            if cell.fill(similarity, &mut work.scratch, floor)? {
                work.candidates.collect(&cell.similarity, cell.ground_truths.len(), floor);
            } else {
                work.candidates.collect(&[], 0, floor);
            }
            self.match_cell(&meeting, work, bits, &mut rows);
        }
        Ok(rows)
    }

    fn match_cell<S>(&self, meeting: &Meeting, work: &mut Workspace<S>, bits: Bits, rows: &mut Rows) {
        let Workspace { cell, candidates, crowd, ignored, last_ignored, taken, entries, .. } = work;
        let truths = &cell.ground_truths;
        let gt = &self.ground_truths;
        crowd.clear();
        crowd.extend(truths.iter().map(|&g| gt.crowd[g as usize]));
        let first_truth = rows.truth_areas.len();
        rows.truth_image.extend(truths.iter().map(|_| meeting.image));
        rows.truth_areas.resize(first_truth + truths.len(), 0);
        let entry = bits.entry();
        entries.clear();
        if !candidates.is_empty() {
            entries.resize(entry * cell.detections.len(), 0);
        }
        for (a, range) in self.protocol.area_ranges.iter().enumerate() {
            std::mem::swap(ignored, last_ignored);
            ignored.clear();
            ignored.extend(truths.iter().map(|&g| self.is_ignored(g, range)));
            for (mask, &ignored) in rows.truth_areas[first_truth..].iter_mut().zip(ignored.iter()) {
                *mask |= u32::from(!ignored) << a;
            }
            if candidates.is_empty() {
                continue;
            }
            if a > 0 && ignored == last_ignored {
                // Only what is ignored tells area ranges apart: the same flags give the same matches.
                for entry in entries.chunks_exact_mut(entry) {
                    let half = entry.len() / bits.areas;
                    entry.copy_within((a - 1) * half..a * half, a * half);
                }
                continue;
            }
            let claims = |d: usize| self.detections.id.get(cell.detections[d] as usize) > 0.0;
            match_greedily(
                candidates,
                &self.protocol.thresholds,
                ignored,
                crowd,
                claims,
                taken,
                |t, d, g| {
                    let matched = gt.id.get(truths[g] as usize) != 0.0;
                    bits.set(&mut entries[d * entry..(d + 1) * entry], a, t, matched, ignored[g]);
                },
            );
        }
        for (rank, &d) in cell.detections.iter().enumerate() {
            let outside = self.outside(d);
            let score = self.detections.score[d as usize];
            if !candidates.has(rank) {
                rows.push_unmatched(meeting.image, rank, score, outside);
                continue;
            }
            let outcome = &mut entries[rank * entry..(rank + 1) * entry];
            for a in (0..bits.areas).filter(|a| outside >> a & 1 == 1) {
                bits.ignore_unmatched(outcome, a);
            }
            rows.push_matched(meeting.image, rank, score, outcome);
        }
    }

    /// Whether a ground truth neither rewards nor punishes in an area range.
    pub fn is_ignored(&self, g: u32, range: &AreaRange) -> bool {
        let area = self.ground_truths.area[g as usize];
        self.ground_truths.ignore[g as usize] || area < range[0] || area > range[1]
    }

    /// The area ranges that a detection lies outside of, as a mask.
    pub fn outside(&self, d: u32) -> u32 {
        let area = self.detections.area[d as usize];
        let mask = |(a, range): (usize, &AreaRange)| u32::from(area < range[0] || area > range[1]) << a;
        self.protocol.area_ranges.iter().enumerate().map(mask).fold(0, |all, one| all | one)
    }

    /// The cells of one group that have an object on either side, in image order.
    pub fn meetings(&self, group: usize) -> impl Iterator<Item = Meeting> + '_ {
        let (d, g) = (self.detection_cells.group(group), self.truth_cells.group(group));
        meetings(&self.detection_cells, d, &self.truth_cells, g)
    }

    /// Looks up a cell's objects, detections best first and cut to the number kept.
    pub fn open(&self, meeting: &Meeting, cell: &mut Cell) {
        let detections = self.detection_cells.objects(meeting.detections.clone());
        let limit = self.protocol.max_detections;
        best_first(detections, &self.detections.score, limit, &mut cell.keyed, &mut cell.detections);
        cell.ground_truths.clear();
        cell.ground_truths.extend_from_slice(self.truth_cells.objects(meeting.ground_truths.clone()));
    }
}

impl Cell {
    /// Fills in the similarities. False, and nothing filled, if a side is empty.
    pub fn fill<S: Similarity>(
        &mut self,
        similarity: &S,
        scratch: &mut S::Scratch,
        floor: f64,
    ) -> Result<bool> {
        self.similarity.clear();
        if self.detections.is_empty() || self.ground_truths.is_empty() {
            return Ok(false);
        }
        self.similarity.resize(self.detections.len() * self.ground_truths.len(), 0.0);
        similarity.fill(scratch, &self.detections, &self.ground_truths, floor, &mut self.similarity)?;
        Ok(true)
    }
}
