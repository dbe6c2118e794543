//! Where the judged documents of one list stand: counted, not sorted.

use std::cmp::Ordering;

use crate::error::{Result, extend, filled, with_capacity, zeros};
use crate::progress::{Progress, STRETCH, stretches};
use crate::score::Score;
use crate::simd;
use crate::sort::{sort_unstable_by, sort_unstable_by_key};

use super::conventions::Ties;
use super::ids::Id;

/// A judged document that was retrieved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its row in the list.
    pub row: u32,
    /// Its grade.
    pub grade: i64,
    /// Its score.
    pub score: f64,
    /// How many documents score higher.
    pub above: u32,
    /// How many have its score, itself among them.
    pub tied: u32,
    /// Its rank, from 0.
    pub rank: u32,
}

impl Hit {
    /// A document whose place is not known yet.
    pub fn new(row: u32, grade: i64, score: f64) -> Self {
        Hit { row, grade, score, above: 0, tied: 1, rank: 0 }
    }
}

/// Fills `above` and `tied` of each hit. No score is NaN.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn count<S: Score>(scores: &[S], hits: &mut [Hit], progress: &Progress) -> Result<()> {
    if !simd::has_few::<S>(hits.len()) {
        return count_many(scores, hits, progress);
    }
    for hit in hits {
        (hit.above, hit.tied) = simd::count_around(scores, S::nearest(hit.score));
    }
    Ok(())
}

fn sort_by_score(hits: &mut [Hit], progress: &Progress) -> Result<()> {
    sort_unstable_by(hits, progress, |a, b| a.score.total_cmp(&b.score))
}

/// Finds the place of each score among those of the hits.
fn count_many<S: Score>(scores: &[S], hits: &mut [Hit], progress: &Progress) -> Result<()> {
    sort_by_score(hits, progress)?;
    // The distinct scores of hits, ascending; -0.0 and 0.0 are one. The NaN at the end is equal to nothing.
    let mut steps: Vec<f64> = with_capacity(hits.len() + 1)?;
    for hit in hits.iter() {
        if steps.last() != Some(&hit.score) {
            steps.push(hit.score);
        }
    }
    let distinct = steps.len();
    steps.push(f64::NAN);
    // bins[2i]: scores less than steps[i] and greater than the step before; bins[2i + 1]: scores equal to steps[i].
    let mut bins: Vec<u32> = zeros(2 * steps.len())?;
    for stretch in scores.chunks(STRETCH) {
        progress.check()?;
        for &score in stretch {
            let score: f64 = score.into();
            let place = steps[..distinct].partition_point(|&step| step < score);
            bins[2 * place + usize::from(steps[place] == score)] += 1;
        }
    }
    let mut above = bins[2 * distinct];
    let mut step = distinct;
    for hit in hits.iter_mut().rev() {
        while steps[step] != hit.score {
            if step < distinct {
                above += bins[2 * step] + bins[2 * step + 1];
            }
            step -= 1;
        }
        hit.above = above;
        hit.tied = bins[2 * step + 1];
    }
    Ok(())
}

/// Whether the order of documents that are not hits decides the rank of a hit.
pub fn needs_documents(ties: Ties, hits: &[Hit]) -> bool {
    matches!(ties, Ties::DocumentDescending | Ties::DocumentAscending | Ties::Stable)
        && hits.iter().any(|hit| hit.tied > 1)
}

/// The order of a list's documents.
pub trait Order {
    /// Compares two rows by document id.
    fn compare(&self, a: u32, b: u32) -> Ordering;

    /// See `Id::prefix`; it spares most comparisons.
    fn prefix(&self, _row: u32) -> u64 {
        0
    }
}

impl<F: Fn(u32, u32) -> Ordering> Order for F {
    fn compare(&self, a: u32, b: u32) -> Ordering {
        self(a, b)
    }
}

/// The order of the ids of rows.
pub struct ById<F>(pub F);

impl<T: Id, F: Fn(u32) -> T> Order for ById<F> {
    fn compare(&self, a: u32, b: u32) -> Ordering {
        (self.0)(a).cmp(&(self.0)(b))
    }

    fn prefix(&self, row: u32) -> u64 {
        (self.0)(row).prefix()
    }
}

/// Fills `rank` and sorts the hits by it. `documents` is called only for rows that share their score with a hit, and
/// only if the ties go by document.
///
/// With expected or grouped ties the rank is that of the tie's first document.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled.
pub fn rank<S: Score>(
    scores: &[S],
    hits: &mut [Hit],
    ties: Ties,
    documents: &dyn Order,
    progress: &Progress,
) -> Result<()> {
    for hit in hits.iter_mut() {
        hit.rank = hit.above;
    }
    match ties {
        Ties::Expected | Ties::Grouped => {}
        Ties::Optimistic | Ties::Pessimistic => rank_by_grade(hits, ties == Ties::Optimistic, progress)?,
        _ if !needs_documents(ties, hits) => {}
        _ => rank_tied_rows(scores, hits, ties, documents, progress)?,
    }
    sort_by_rank(hits, progress)
}

/// Hits of one rank (expected, grouped) go by grade, so that sums over them do not depend on where they stood.
fn sort_by_rank(hits: &mut [Hit], progress: &Progress) -> Result<()> {
    sort_unstable_by_key(hits, progress, |hit| (hit.rank, std::cmp::Reverse(hit.grade), hit.row))
}

fn rank_by_grade(hits: &mut [Hit], best_first: bool, progress: &Progress) -> Result<()> {
    let key = |hit: &Hit| (hit.above, if best_first { -hit.grade } else { hit.grade }, hit.row);
    sort_unstable_by_key(hits, progress, key)?;
    for tie in hits.chunk_by_mut(|a, b| a.above == b.above) {
        let size = tie.len() as u32;
        for (i, hit) in tie.iter_mut().enumerate() {
            // Documents without a grade stand between those that gain and those that do not.
            let gains = hit.grade > 0;
            hit.rank = hit.above + i as u32 + if gains == best_first { 0 } else { hit.tied - size };
        }
    }
    Ok(())
}

/// Ranks the hits that share their scores: the rows of each tie are put into a bucket of their own and sorted there.
fn rank_tied_rows<S: Score>(
    scores: &[S],
    hits: &mut [Hit],
    ties: Ties,
    documents: &dyn Order,
    progress: &Progress,
) -> Result<()> {
    let shared = shared_scores(hits, progress)?;
    let tie = |row: usize| -> Option<usize> {
        let score: f64 = scores[row].into();
        let place = shared.partition_point(|&held| held < score);
        (shared.get(place) == Some(&score)).then_some(place)
    };
    // Where each tie begins, then where its next row goes, and in the end where it ends.
    let mut ends = filled(shared.len() + 1, 0usize)?;
    for rows in stretches(scores.len()) {
        progress.check()?;
        rows.filter_map(tie).for_each(|tie| ends[tie + 1] += 1);
    }
    for tie in 1..ends.len() {
        ends[tie] += ends[tie - 1];
    }
    let mut rows = filled(ends[shared.len()], (0u64, 0u32))?;
    for stretch in stretches(scores.len()) {
        progress.check()?;
        for row in stretch {
            if let Some(tie) = tie(row) {
                rows[ends[tie]] = (prefix(row as u32, ties, documents), row as u32);
                ends[tie] += 1;
            }
        }
    }
    let mut place: Vec<u32> = zeros(scores.len())?;
    let mut start = 0;
    for &end in &ends[..shared.len()] {
        let tied = &mut rows[start..end];
        sort_tied(tied, ties, documents, progress)?;
        for (i, &(_, row)) in (0..).zip(&*tied) {
            place[row as usize] = i;
        }
        start = end;
    }
    for hit in hits.iter_mut().filter(|hit| hit.tied > 1) {
        hit.rank = hit.above + place[hit.row as usize];
    }
    Ok(())
}

/// The scores of hits that others share, ascending.
fn shared_scores(hits: &[Hit], progress: &Progress) -> Result<Vec<f64>> {
    let mut shared: Vec<f64> = Vec::new();
    extend(&mut shared, hits.iter().filter(|hit| hit.tied > 1).map(|hit| hit.score))?;
    sort_unstable_by(&mut shared, progress, f64::total_cmp)?;
    shared.dedup();
    Ok(shared)
}

/// A number that orders most rows of a tie without their documents.
fn prefix(row: u32, ties: Ties, documents: &dyn Order) -> u64 {
    match ties {
        Ties::DocumentDescending => !documents.prefix(row),
        Ties::DocumentAscending => documents.prefix(row),
        _ => 0,
    }
}

/// Sorts the rows of one tie, each with its prefix.
fn sort_tied(tied: &mut [(u64, u32)], ties: Ties, documents: &dyn Order, progress: &Progress) -> Result<()> {
    let order = |a: &(u64, u32), b: &(u64, u32)| {
        let by_document = || match ties {
            Ties::DocumentDescending => documents.compare(b.1, a.1),
            Ties::DocumentAscending => documents.compare(a.1, b.1),
            _ => Ordering::Equal,
        };
        a.0.cmp(&b.0).then_with(by_document).then_with(|| a.1.cmp(&b.1))
    };
    if tied.is_sorted_by(|a, b| order(a, b) != Ordering::Greater) {
        return Ok(());
    }
    sort_unstable_by(tied, progress, order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, tries};

    /// Ranks by sorting the whole list.
    fn by_sorting(scores: &[f64], row: u32, before: impl Fn(u32, u32) -> Ordering) -> u32 {
        let mut rows: Vec<u32> = (0..scores.len() as u32).collect();
        rows.sort_by(|&a, &b| {
            scores[b as usize].partial_cmp(&scores[a as usize]).unwrap().then_with(|| before(a, b))
        });
        rows.iter().position(|&held| held == row).unwrap() as u32
    }

    fn numbers(seed: u64) -> impl FnMut() -> u64 {
        let mut random = Random::new(seed);
        move || random.next() >> 33
    }

    #[test]
    fn ranks_are_those_of_a_sorted_list() {
        let mut next = numbers(1);
        for case in 0..tries(300) {
            let n = 1 + (next() % 200) as usize;
            let spread = 1 + next() % 40;
            let mut scores: Vec<f64> = (0..n).map(|_| (next() % spread) as f64 - 3.0).collect();
            if case % 3 == 0 {
                scores[0] = -0.0;
            }
            let names: Vec<i64> = (0..n as i64).map(|i| i * 7919 % 61).collect();
            let by_name = |a: u32, b: u32| names[a as usize].cmp(&names[b as usize]);
            for ties in [Ties::DocumentDescending, Ties::DocumentAscending, Ties::Stable] {
                let mut hits: Vec<Hit> = (0..n as u32)
                    .filter(|_| next() & 1 == 0)
                    .map(|row| Hit::new(row, 1, scores[row as usize]))
                    .collect();
                count(&scores, &mut hits, &Progress::default()).unwrap();
                rank(&scores, &mut hits, ties, &ById(|row: u32| names[row as usize]), &Progress::default())
                    .unwrap();
                for hit in &hits {
                    let expected = by_sorting(&scores, hit.row, |a, b| match ties {
                        Ties::DocumentDescending => by_name(b, a),
                        Ties::DocumentAscending => by_name(a, b),
                        _ => a.cmp(&b),
                    });
                    assert_eq!(hit.rank, expected, "case {case} {ties:?}");
                }
                assert!(hits.is_sorted_by_key(|hit| hit.rank));
            }
        }
    }

    #[test]
    fn both_ways_to_count_agree() {
        let mut next = numbers(2);
        for _ in 0..300 {
            let n = 1 + (next() % 300) as usize;
            let spread = 1 + next() % 500;
            let scores: Vec<f64> = (0..n).map(|_| (next() % spread) as f64).collect();
            let rows = (0..n as u32).filter(|_| next() & 3 == 0);
            let mut many: Vec<Hit> = rows.map(|row| Hit::new(row, 1, scores[row as usize])).collect();
            let mut few = many.clone();
            count_many(&scores, &mut many, &Progress::default()).unwrap();
            few.chunks_mut(4).for_each(|few| count(&scores, few, &Progress::default()).unwrap());
            many.sort_unstable_by_key(|hit| hit.row);
            assert_eq!(many, few);
        }
    }

    #[test]
    fn best_and_worst_order_of_a_tie() {
        // Five documents tie; two gain, one is judged and does not.
        let scores = [1.0; 5];
        let hits = [Hit::new(0, 0, 1.0), Hit::new(2, 1, 1.0), Hit::new(4, 3, 1.0)];
        for (ties, expected) in
            [(Ties::Optimistic, [(3, 0), (1, 1), (0, 4)]), (Ties::Pessimistic, [(0, 0), (1, 3), (3, 4)])]
        {
            let mut hits = hits;
            count(&scores, &mut hits, &Progress::default()).unwrap();
            rank(&scores, &mut hits, ties, &|_: u32, _: u32| Ordering::Equal, &Progress::default()).unwrap();
            assert_eq!(hits.map(|hit| (hit.grade, hit.rank)), expected, "{ties:?}");
        }
    }

    #[test]
    fn infinite_scores_are_scores() {
        let scores = [f64::INFINITY, 1.0, f64::NEG_INFINITY];
        let mut hits = [Hit::new(2, 1, scores[2]), Hit::new(0, 1, scores[0])];
        count(&scores, &mut hits, &Progress::default()).unwrap();
        rank(&scores, &mut hits, Ties::Stable, &|_: u32, _: u32| Ordering::Equal, &Progress::default())
            .unwrap();
        assert_eq!(hits.map(|hit| (hit.row, hit.rank)), [(0, 0), (2, 2)]);
    }
}
