//! One threshold and area range of a match table: the table of an evaluation of these alone.

use super::cells::Cells;
use super::partners::Partners;
use super::table::{MatchTable, Outcome, OutcomeLayout, Row, Truth};
use crate::error::{Result, can_allocate, collect, copied, reserve};
use crate::progress::{Progress, STRETCH};

impl MatchTable {
    /// The rows at threshold `t` in area range `a`, with their partners. Nothing is matched again. None if the partners
    /// at this threshold were not requested.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn single(&self, a: usize, t: usize, progress: &Progress) -> Result<Option<MatchTable>> {
        let Some(place) = self.partners.place(t) else { return Ok(None) };
        let bits = OutcomeLayout { areas: 1, thresholds: 1, samples: self.bits.samples };
        let (mut outcomes, mut partners) = (Vec::new(), Partners::of(1, &[0]));
        can_allocate(size_of_val(&*self.rows.items))?;
        let mut rows = self.rows.clone();
        for (done, row) in rows.items.iter_mut().enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let (matched, ignored) = self.matched_and_ignored(row, a, t);
            let partner = self.partner(row, a, place);
            let (outside, sampled) = match row.outcome() {
                Outcome::Unmatched(outside) => (outside >> a & 1, 0),
                Outcome::Matched(index) => {
                    let entry = self.outcome(index);
                    ((entry[0] >> a & 1) as u32, self.bits.sampled(entry, a, t / 64) >> (t % 64) & 1)
                }
            };
            *row = Row::unmatched(row.score, row.image, row.object, row.rank, outside);
            if partner.is_none() && sampled == 0 {
                continue;
            }
            // An outcome is a word.
            let index = outcomes.len();
            row.set_matched(index);
            reserve(&mut outcomes, 1)?;
            bits.push(&mut outcomes, outside);
            bits.set(&mut outcomes[index..], 0, 0, u64::from(matched), u64::from(ignored));
            partners.reserve(1)?;
            partners.push();
            if let Some(object) = partner {
                partners.set(index, 1, 0, 1, object);
            }
            if sampled > 0 {
                bits.set_sampled(&mut outcomes[index..], 0, 0, sampled);
            }
        }
        let mut truths = Cells { groups: copied(&self.truths.groups)?, items: Vec::new() };
        truths.items =
            collect(self.truths.items.iter().map(|truth| Truth { areas: truth.areas >> a & 1, ..*truth }))?;
        Ok(Some(MatchTable { partners, ..MatchTable::new(bits, rows, truths, outcomes) }))
    }
}
