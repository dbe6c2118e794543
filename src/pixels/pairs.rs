//! Counts of the pixels with each pair of ids.
//!
//! Maps of segments are large flat regions, so pixels are counted by the run: where both maps go on as they did nothing
//! happens, and the table is accessed once for each run.

use rustc_hash::FxHashMap;

use super::rows::{PixelRun, both};
use crate::error::{Error, Result, reserve, with_capacity};

/// Pixels that are compared with the run before them at once.
const STRETCH: usize = 16;

/// Places for the pairs that came last, a power of two.
const RECENT: usize = 512;

/// Pixels counted by pair of ids.
#[derive(Default)]
pub struct PairCounts {
    table: FxHashMap<u64, i64>,
    /// A pair and its pixels, at a place that the pair decides: most runs are of a pair that has just been counted.
    recent: Vec<(u64, i64)>,
}

impl PairCounts {
    #[inline(always)]
    fn add(&mut self, pair: u64, pixels: usize) -> Result<()> {
        let place = pair.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - RECENT.ilog2());
        let recent = &mut self.recent[place as usize];
        if recent.0 == pair {
            recent.1 += pixels as i64;
            return Ok(());
        }
        let (before, pixels) = std::mem::replace(recent, (pair, pixels as i64));
        if pixels > 0 {
            add_to(&mut self.table, before, pixels)?;
        }
        Ok(())
    }

    /// Counts all pixels of two maps of ids.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn add_maps(&mut self, truth: &[u32], prediction: &[u32]) -> Result<()> {
        self.begin()?;
        let (Some(&first_t), Some(&first_p)) = (truth.first(), prediction.first()) else { return Ok(()) };
        let (mut t, mut p, mut run) = (first_t, first_p, 0);
        let (ts, last_t) = truth.as_chunks::<STRETCH>();
        let (ps, last_p) = prediction.as_chunks::<STRETCH>();
        let stretches = ts.iter().zip(ps).map(|(ts, ps)| (&ts[..], &ps[..], true));
        for (ts, ps, whole) in stretches.chain([(last_t, last_p, false)]) {
            // No branch in the loop: it is a handful of vector instructions.
            if whole && (0..STRETCH).fold(0, |all, i| all | (ts[i] ^ t) | (ps[i] ^ p)) == 0 {
                run += STRETCH;
                continue;
            }
            for (&a, &b) in ts.iter().zip(ps) {
                if (a, b) != (t, p) {
                    self.add(pair(t, p), run)?;
                    (t, p, run) = (a, b, 0);
                }
                run += 1;
            }
        }
        self.add(pair(t, p), run)
    }

    /// Counts the pixels of two rows of ids.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn add_rows(&mut self, truth: &[PixelRun], prediction: &[PixelRun], width: usize) -> Result<()> {
        self.begin()?;
        let mut added = Ok(());
        both(truth, prediction, width, |t, p, pixels| {
            if let Err(error) = self.add(pair(t, p), pixels) {
                added = Err(error);
            }
        });
        added
    }

    fn begin(&mut self) -> Result<()> {
        if self.recent.is_empty() {
            reserve(&mut self.recent, RECENT)?;
            self.recent.resize(RECENT, (0, 0));
        }
        Ok(())
    }

    /// Discards all that was counted.
    pub fn clear(&mut self) {
        self.table.clear();
        self.recent.fill((0, 0));
    }

    /// Pixels of each pair of ids, `(truth, prediction, pixels)`, in order of truth, then prediction. Nothing is
    /// counted after that.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn finish(&mut self) -> Result<Vec<(u32, u32, i64)>> {
        for (pair, pixels) in &mut self.recent {
            if *pixels > 0 {
                add_to(&mut self.table, *pair, std::mem::take(pixels))?;
            }
        }
        let mut pairs = with_capacity(self.table.len())?;
        pairs.extend(self.table.drain().map(|(key, pixels)| ((key >> 32) as u32, key as u32, pixels)));
        pairs.sort_unstable();
        Ok(pairs)
    }
}

fn add_to(table: &mut FxHashMap<u64, i64>, pair: u64, pixels: i64) -> Result<()> {
    table.try_reserve(1).map_err(|_| Error::out_of_memory_for("the pairs of segments"))?;
    *table.entry(pair).or_insert(0) += pixels;
    Ok(())
}

#[inline(always)]
fn pair(truth: u32, prediction: u32) -> u64 {
    u64::from(truth) << 32 | u64::from(prediction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn runs_are_the_pixels_one_by_one() {
        let mut random = Random::new(3);
        let ids: Vec<u32> = [0, 1, 2, 256, 257, 65536, 0xFF_FFFF].into_iter().chain(3..700).collect();
        let mut pairs = PairCounts::default();
        for (width, few) in [(1, 3), (16, 3), (17, 7), (50, 7), (97, 700), (640, 7)] {
            let mut map = || {
                let mut map = Vec::new();
                while map.len() < width * 9 {
                    let id = ids[random.below(few.min(ids.len()) as u64) as usize];
                    let run = 1 + random.next() as usize % if random.below(2) == 0 { 3 } else { 60 };
                    map.extend(std::iter::repeat_n(id, run));
                }
                map.truncate(width * 9);
                map
            };
            let (truth, prediction) = (map(), map());
            let mut naive = std::collections::BTreeMap::new();
            for pair in truth.iter().zip(&prediction) {
                *naive.entry((*pair.0, *pair.1)).or_insert(0) += 1;
            }
            let expected: Vec<_> = naive.into_iter().map(|((t, p), pixels)| (t, p, pixels)).collect();
            pairs.add_maps(&truth, &prediction).unwrap();
            assert_eq!(pairs.finish().unwrap(), expected);
            let runs = |row: &[u32]| -> Vec<PixelRun> {
                let starts = (0..width).filter(|&i| i == 0 || row[i] != row[i - 1]);
                starts.map(|start| PixelRun { start, number: row[start] }).collect()
            };
            let rows = truth.chunks(width).zip(prediction.chunks(width));
            rows.for_each(|(t, p)| pairs.add_rows(&runs(t), &runs(p), width).unwrap());
            assert_eq!(pairs.finish().unwrap(), expected, "rows of {width}");
        }
        pairs.add_maps(&[], &[]).unwrap();
        assert_eq!(pairs.finish().unwrap(), []);
    }
}
