//! Rank-biased overlap of two runs (Webber, Moffat and Zobel, "A similarity measure for indefinite rankings", TOIS 2010).
//!
//! A document that ties has the rank of the first of its tie, so that at some depths a list has more documents than the
//! depth. `A(d) = 2 X(d) / (|S(d)| + |L(d)|)` is the agreement at depth d of lists that have X(d) documents in common.
//! Below its end the shorter list is taken to go on with the agreement of its end, and both beyond the end of the
//! longer one with the agreement there:
//!
//! ```text
//! RBO_ext = (1 - p) * sum over depths d of p^(d - 1) A(d)  +  p^l A(l)
//! ```

use rayon::prelude::*;

use crate::error::{Error, Result, collect, filled, with_capacity};
use crate::progress::Progress;
use crate::sort::sort_unstable_by;

use super::ids::{AnyId, Id, IdSlice, Lookup};
use super::run::Run;
use super::trec::places;

/// Compares the lists of two runs: `pairs` gives the group of each, or none for an empty list. Returns a value for each
/// pair; or why there are none, and for which pair and run. Runs on the current pool.
///
/// # Errors
///
/// The ids of documents are integers in one run and text in the other; the first pair with a score that is NaN, or with a
/// document that a list has twice; `OutOfMemory`; the work is cancelled.
pub fn rank_biased_overlap(
    runs: [&Run; 2],
    pairs: &[[Option<usize>; 2]],
    persistence: f64,
    progress: &Progress,
) -> std::result::Result<Vec<f64>, (Option<[usize; 2]>, Error)> {
    let texts = runs.map(|run| matches!(run.documents, IdSlice::Texts(_)));
    if texts[0] != texts[1] && runs.iter().all(|run| !run.documents.is_empty()) {
        let error = "the documents are integers in one run and text in the other";
        return Err((None, Error::wrong_type(error)));
    }
    let of_pair = |i: usize| {
        let list = |side: usize| {
            let ranked = RankedDocuments::new(runs[side], pairs[i][side], progress);
            ranked.map_err(|error| (Some([i, side]), error))
        };
        let (first, second) = (list(0)?, list(1)?);
        overlap(&first, &second, persistence).map_err(|error| (None, error))
    };
    (0..pairs.len()).into_par_iter().map(of_pair).collect()
}

/// A list's documents, each with its rank from 1.
struct RankedDocuments<'a> {
    ids: Vec<AnyId<'a>>,
    ranks: Vec<usize>,
    lookup: Lookup,
}

impl<'a> RankedDocuments<'a> {
    fn new(run: &Run<'a>, group: Option<usize>, progress: &Progress) -> Result<Self> {
        progress.check()?;
        let mut lookup = Lookup::default();
        let Some(group) = group else {
            lookup.clear(0)?;
            return Ok(RankedDocuments { ids: Vec::new(), ranks: Vec::new(), lookup });
        };
        let rows = run.rows(group);
        let ids = collect((0..rows.len()).map(|i| run.documents.any(rows.at(i))))?;
        let scores = collect((0..rows.len()).map(|i| run.scores.double(rows.at(i))))?;
        if let Some(i) = scores.iter().position(|score| score.is_nan()) {
            return Err(Error::value(format!("the score of document {} is NaN", ids[i])));
        }
        lookup.clear(ids.len())?;
        for (i, id) in ids.iter().enumerate() {
            if let Some(first) = lookup.find_or_insert(id.hash(), i as u32, |held| ids[held as usize] == *id)
            {
                let places = places(run.source, rows.at(first as usize), rows.at(i));
                let problem = format!("the run has document {id} twice ({places})");
                return Err(Error::value(problem).coded("duplicate-document"));
            }
        }
        let mut order = collect(0..ids.len())?;
        sort_unstable_by(&mut order, progress, |&a, &b| scores[b].total_cmp(&scores[a]))?;
        let mut ranks = filled(ids.len(), 0)?;
        for (place, &i) in order.iter().enumerate() {
            let tied = place
                .checked_sub(1)
                .map(|before| order[before])
                .filter(|&before| scores[before] == scores[i]);
            ranks[i] = tied.map_or(place + 1, |before| ranks[before]);
        }
        Ok(RankedDocuments { ids, ranks, lookup })
    }

    fn rank(&self, id: AnyId) -> Option<usize> {
        let row = self.lookup.find(id.hash(), |held| self.ids[held as usize] == id)?;
        Some(self.ranks[row as usize])
    }
}

fn overlap(first: &RankedDocuments, second: &RankedDocuments, persistence: f64) -> Result<f64> {
    let (short, long) = if first.ids.len() <= second.ids.len() { (first, second) } else { (second, first) };
    let (end, last) = (short.ids.len(), long.ids.len());
    if end == 0 {
        return Ok(if last == 0 { 1.0 } else { 0.0 });
    }
    // How many documents each list, and both, get at each depth.
    let (mut both, mut added) = (filled(last + 1, 0u32)?, with_capacity(2)?);
    for list in [short, long] {
        let mut counts = filled(last + 1, 0u32)?;
        list.ranks.iter().for_each(|&rank| counts[rank] += 1);
        added.push(counts);
    }
    for (&id, &rank) in short.ids.iter().zip(&short.ranks) {
        if let Some(other) = long.rank(id) {
            both[rank.max(other)] += 1;
        }
    }
    let (mut common, mut lengths) = (0.0, [0.0, 0.0]);
    let (mut total, mut weight) = (0.0, 1.0 - persistence);
    let (mut agreement, mut at_end) = (0.0, 0.0);
    for depth in 1..=last {
        common += f64::from(both[depth]);
        for (length, added) in lengths.iter_mut().zip(&added) {
            *length += f64::from(added[depth]);
        }
        let beyond = depth.saturating_sub(end) as f64;
        agreement = 2.0 * (common + beyond * at_end) / (lengths[0] + beyond + lengths[1]);
        if depth == end {
            at_end = agreement;
        }
        total += weight * agreement;
        weight *= persistence;
    }
    Ok(total + agreement * weight / (1.0 - persistence))
}

#[cfg(test)]
mod tests {
    use super::super::qrels::Groups;
    use super::super::run::Scores;
    use super::*;

    fn value(a: &[(i64, f64)], b: &[(i64, f64)], persistence: f64) -> f64 {
        let columns = [a, b].map(|list| list.iter().copied().unzip::<i64, f64, Vec<_>, Vec<_>>());
        let groups = [a, b].map(|list| Groups { first: vec![0], offsets: vec![0, list.len()], rows: None });
        let run = |i: usize| Run {
            documents: IdSlice::I64(&columns[i].0),
            scores: Scores::F64(&columns[i].1),
            groups: &groups[i],
            source: None,
        };
        let pairs = [[Some(0), Some(0)]];
        rank_biased_overlap([&run(0), &run(1)], &pairs, persistence, &Progress::default()).unwrap()[0]
    }

    #[test]
    fn by_hand() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-15, "{a} {b}");
        let abc = [(1, 3.0), (2, 2.0), (3, 1.0)];
        close(value(&abc, &abc, 0.9), 1.0);
        close(value(&abc, &[(7, 1.0)], 0.9), 0.0);
        // Agreements 0, 1, 1 and on.
        close(value(&abc, &[(2, 3.0), (1, 2.0), (3, 1.0)], 0.5), 0.25 + 0.125 + 0.125);
        // One list ends at rank 1 with agreement 1, and is taken to go on so: (1 + 1 * 1) / 2.
        close(value(&abc, &[(1, 1.0)], 0.5), 1.0);
        // 1 and 2 tie: 2 * 1 / (2 + 1) at rank 1, then all is the same.
        close(value(&[(1, 1.0), (2, 1.0)], &[(1, 2.0), (2, 1.0)], 0.5), 0.5 * 2.0 / 3.0 + 0.5);
    }
}
