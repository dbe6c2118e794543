//! Detections from the best score down, in one area range and under one limit.

use std::ops::Range;

use crate::curve::{Area, Reached, area_of, precision, raise, reached};
use crate::error::{Result, collect, collect_growing, extend};
use crate::matching::{MatchTable, Row};
use crate::progress::Progress;
use crate::score::descending_key;
use crate::simd::prefetch_line;
use crate::sort::{sort_by_integer, sort_unstable_by_key};

/// Rows between one that is read and one that is prefetched.
const AHEAD: usize = 16;

/// How a curve becomes a number.
#[derive(Clone, Debug)]
pub enum Averaging {
    /// The mean precision at these recalls.
    Points(Vec<f64>),
    /// The area under it.
    Area(Area),
}

/// The order of the detections of one group, or of all groups together, in one area range and under one limit.
///
/// It refers to the rows of the table that it is of, and so takes four bytes a detection.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// Places of the rows that count at some threshold, best score first.
    rows: Vec<u32>,
    area: usize,
    /// Image of each ground truth that is to be found.
    positives: Vec<u32>,
}

impl Ranking {
    /// Sorts the rows of some groups. Of equal scores the first image is first, and in an image the least rank; of all
    /// groups together the first group.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn new(
        table: &MatchTable,
        groups: Range<usize>,
        area: usize,
        limit: usize,
        progress: &Progress,
    ) -> Result<Ranking> {
        let counts =
            |row: &Row| row.rank != Row::DROPPED && (row.rank as usize) < limit && table.counts(row, area);
        let places = table.rows.groups[groups.start]..table.rows.groups[groups.end];
        let items = &table.rows.items;
        let kept = places.filter(|&place| counts(&items[place as usize]));
        let mut order: Vec<(u64, u32)> =
            collect_growing(kept.map(|place| (descending_key(items[place as usize].score), place)))?;
        // The rows of a group come image by image and the best first: of one group, this is the order.
        sort_by_integer(&mut order, &mut Vec::new(), progress, |&(score, _)| score)?;
        if groups.len() > 1 {
            let of_place = |&(_, place): &(u64, u32)| {
                let row = &items[place as usize];
                (row.image, row.rank, place)
            };
            for equal in order.chunk_by_mut(|a, b| a.0 == b.0).filter(|equal| equal.len() > 1) {
                sort_unstable_by_key(equal, progress, of_place)?;
            }
        }
        let truths =
            groups.flat_map(|group| table.truths(group)).filter(|truth| truth.areas >> area & 1 == 1);
        Ok(Ranking {
            rows: collect(order.iter().map(|&(_, place)| place))?,
            area,
            positives: collect_growing(truths.map(|truth| truth.image))?,
        })
    }

    /// The rows themselves, of the table that it was made of.
    pub fn of<'a>(&'a self, table: &'a MatchTable) -> Ranked<'a> {
        Ranked { table, ranking: self }
    }
}

/// The detections of a ranking, best score first.
#[derive(Clone, Copy)]
pub struct Ranked<'a> {
    table: &'a MatchTable,
    ranking: &'a Ranking,
}

impl<'a> Ranked<'a> {
    /// The rows, each of them prefetched: those of all groups are anywhere in the table.
    #[inline]
    pub(crate) fn rows(self) -> impl Iterator<Item = &'a Row> {
        let (items, places) = (&self.table.rows.items, &self.ranking.rows);
        let later = places.iter().skip(AHEAD).map(Some).chain(std::iter::repeat(None));
        places.iter().zip(later).map(|(&place, later)| {
            if let Some(&later) = later {
                prefetch_line(items.as_ptr().wrapping_add(later as usize));
            }
            &items[place as usize]
        })
    }

    /// Image of each ground truth that is to be found.
    pub(crate) fn positives(&self) -> &'a [u32] {
        &self.ranking.positives
    }

    /// Whether a row is a true positive, and whether it is a false positive, at a threshold; neither if it is ignored.
    #[inline]
    pub(crate) fn counted(&self, row: &Row, t: usize) -> (bool, bool) {
        let (matched, ignored) = self.table.matched_and_ignored(row, self.ranking.area, t);
        (matched && !ignored, !matched && !ignored)
    }
}

/// True positives of one curve, best score first, in blocks that stand together: `(false positives before, how many)`.
pub(crate) type TruePositiveRuns = Vec<(u32, u32)>;

/// Reads curves as numbers, with the arithmetic that [`crate::curve::accumulate`] has.
pub(crate) struct AveragePrecision<'a> {
    averaging: &'a Averaging,
    reached: Vec<Reached>,
    positives: usize,
    envelope: Vec<f64>,
}

impl<'a> AveragePrecision<'a> {
    /// For curves with so many ground truths to find, at least one.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(crate) fn new(averaging: &'a Averaging, positives: usize) -> Result<AveragePrecision<'a>> {
        let reached = match averaging {
            Averaging::Points(points) => reached(points, positives)?,
            Averaging::Area(_) => Vec::new(),
        };
        Ok(AveragePrecision { averaging, reached, positives, envelope: Vec::new() })
    }

    /// The average precision.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub(crate) fn average(&mut self, found: &TruePositiveRuns) -> Result<f64> {
        match self.averaging {
            Averaging::Points(points) => {
                self.fill_envelope(found)?;
                let (mut sum, mut block, mut count) = (0.0, 0, 0usize);
                for reached in &self.reached {
                    let index = match *reached {
                        Reached::AtOnce => 0,
                        Reached::By(index) => index,
                    };
                    // Recall points rise; for one given out of order, start again.
                    if index < count {
                        (block, count) = (0, 0);
                    }
                    while block < found.len() && count + found[block].1 as usize <= index {
                        count += found[block].1 as usize;
                        block += 1;
                    }
                    let Some(&precision) = self.envelope.get(block) else { break };
                    sum += precision;
                }
                Ok(sum / points.len() as f64)
            }
            Averaging::Area(area) => {
                let each =
                    found.iter().flat_map(|&(before, many)| std::iter::repeat_n(before, many as usize));
                area_of(each, self.positives, *area, &mut self.envelope)
            }
        }
    }

    fn fill_envelope(&mut self, found: &TruePositiveRuns) -> Result<()> {
        self.envelope.clear();
        let mut count = 0;
        let precisions = found.iter().map(|&(before, many)| {
            count += many;
            precision(f64::from(count), f64::from(before))
        });
        extend(&mut self.envelope, precisions)?;
        raise(&mut self.envelope);
        Ok(())
    }
}
