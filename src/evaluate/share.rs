//! Matches the cells of one share of the work, one after the other.

use super::{Cell, Evaluator};
use crate::error::{Result, reserve};
use crate::matching::{
    CellPairs, Cells, MatchKind, MatchTable, Outcome, OutcomeLayout, Partners, Row, Truth, each_bit,
    end_of_cell, lowest_threshold,
};
use crate::score::descending_key;
use crate::similarity::{Comparer, Side, Similarity};
use crate::sort::sort_by_integer;

/// Most objects of either side between those that are matched and those that are prefetched; half as many at least.
const AHEAD: usize = 24;

/// What became of detections that matched: an entry of either column for each.
pub(super) struct MatchedOutcomes {
    pub(super) outcomes: Vec<u64>,
    pub(super) partners: Partners,
}

impl MatchedOutcomes {
    /// The table of both sides, sorted into cells, whose rows name entries of these.
    pub(super) fn into_table(
        self,
        bits: OutcomeLayout,
        rows: Cells<Row>,
        truths: Cells<Truth>,
    ) -> MatchTable {
        let table = MatchTable::new(bits, rows, truths, self.outcomes);
        MatchTable { partners: self.partners, ..table }
    }
}

/// Working memory of one thread.
pub(super) struct CellBuffers<'a> {
    pub(super) cell: Cell,
    compare: Comparer<'a>,
    ignored: Vec<bool>,
    uncounted: Vec<bool>,
    taken: Vec<u64>,
    /// What detections are sorted with.
    spare: Vec<Row>,
}

impl<'a> CellBuffers<'a> {
    pub(super) fn new(similarity: &'a dyn Similarity) -> Self {
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
    /// Matches the cells of some images of one group. What became of those that match goes behind what is there.
    pub(super) fn match_share(
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
            work.cell.find_candidates(&self.protocol.thresholds)?;
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
