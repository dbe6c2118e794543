//! Why detections are wrong, and which objects are missed altogether.
//!
//! Source: Bolya, Foley, Hays, Hoffman, "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020.
//! Matching is the evaluation's own, at a single threshold. A detection that is wrong is then compared with the objects
//! of all categories in its image, and each detection and object becomes a row under a key that names what it is. The
//! rows are those of a match table, so batches and shards are gathered by the same [`crate::matching::MatchLog`].

use std::collections::HashMap;

use rayon::prelude::*;

use crate::columns::Key;
use crate::confusion::{SEPARATOR, key_text};
use crate::derive::mistakes::{BITS, push_similarity};
use crate::error::Result;
use crate::evaluate::Scene;
use crate::matching::{
    Cells, Extent, MatchTable, Matcher, NOT_EVALUATED, Outcome, Positions, Row, Truth, descending_key,
};
use crate::similarity::Similarity;
use crate::threads;

/// What a row is, as the first letter of its key. Of several errors about one object a single one can be put right:
/// that of the best score has the capital.
mod kind {
    /// A detection that is right, or the object it found.
    pub const RIGHT: char = 'r';
    /// The right place, the wrong category.
    pub const CLASSIFICATION: char = 'c';
    /// The right category, not quite the place.
    pub const LOCALISATION: char = 'l';
    /// Neither, but something is there.
    pub const BOTH: char = 'b';
    /// Of an object that a better one has found.
    pub const DUPLICATE: char = 'd';
    /// Of nothing.
    pub const BACKGROUND: char = 'g';
    /// An object that an error is about which can be put right.
    pub const MISTAKEN: char = 'u';
    /// An object that no detection comes near.
    pub const MISSED: char = 'm';
}

/// A detection that counts.
#[derive(Clone, Copy)]
struct Seen {
    row: Row,
    group: u32,
    right: bool,
}

/// An object that is to be found.
#[derive(Clone, Copy)]
struct Wanted {
    truth: Truth,
    group: u32,
}

/// What a row is: kind, the detection's group and the object's, either [`NOT_EVALUATED`] for none.
type What = (char, u32, u32);

/// The rows of some images.
#[derive(Default)]
struct Found {
    rows: Vec<(What, Row, f64)>,
    truths: Vec<(What, Truth)>,
}

/// Tells all detections and objects apart: a table with a row for each that counts.
///
/// `scene` has one threshold and one area range; `groups` has the key of each group of its matching. `background` is
/// the similarity up to which a detection has nothing to do with an object.
pub fn tell<S: Similarity>(
    scene: &Scene,
    similarity: &S,
    (dt, gt): (&Positions, &Positions),
    groups: &[Key],
    background: f64,
) -> Result<(MatchTable, Vec<Key>)> {
    let table = scene.match_all(similarity, dt, gt)?;
    let (mut seen, mut wanted) = (Vec::new(), Vec::new());
    for group in 0..table.groups() {
        let kept = table.rows(group).iter().filter(|row| row.rank != Row::DROPPED);
        seen.extend(kept.filter_map(|row| {
            let (right, ignored) = match row.outcome() {
                Outcome::Unmatched(outside) => (false, outside & 1 == 1),
                Outcome::Matched(index) => {
                    let (matched, ignored) = table.bits.get(table.outcome(index), 0, 0);
                    (matched & 1 == 1, ignored & 1 == 1)
                }
            };
            (!ignored).then_some(Seen { row: *row, group: group as u32, right })
        }));
        let truths = table.truths(group).iter().filter(|truth| truth.areas & 1 == 1);
        wanted.extend(truths.map(|truth| Wanted { truth: *truth, group: group as u32 }));
    }
    let judge = Judge { scene, similarity, threshold: scene.protocol.thresholds[0], background };
    let found = threads::run(|| {
        seen.par_sort_by_key(|seen| (seen.row.image, descending_key(seen.row.score), seen.row.object));
        wanted.par_sort_by_key(|wanted| (wanted.truth.image, wanted.truth.object));
        let one = |(seen, wanted): (&[Seen], &[Wanted])| judge.judge_images(seen, wanted);
        shares(&seen, &wanted).into_par_iter().map(one).collect::<Result<Vec<Found>>>()
    })?;
    Ok(assemble(found, scene.protocol.extent, groups))
}

/// Both sides cut between images, a good many detections in each.
fn shares<'a>(seen: &'a [Seen], wanted: &'a [Wanted]) -> Vec<(&'a [Seen], &'a [Wanted])> {
    const SHARE: usize = 4096;
    let mut shares = Vec::new();
    let (mut seen, mut wanted) = (seen, wanted);
    while seen.len() > SHARE {
        let last = seen[SHARE - 1].row.image;
        let (s, w) = (
            seen.partition_point(|seen| seen.row.image <= last),
            wanted.partition_point(|wanted| wanted.truth.image <= last),
        );
        shares.push((&seen[..s], &wanted[..w]));
        (seen, wanted) = (&seen[s..], &wanted[w..]);
    }
    shares.push((seen, wanted));
    shares
}

/// The rules of one run.
struct Judge<'a, S> {
    scene: &'a Scene,
    similarity: &'a S,
    threshold: f64,
    background: f64,
}

impl<S: Similarity> Judge<'_, S> {
    fn judge_images(&self, mut seen: &[Seen], mut wanted: &[Wanted]) -> Result<Found> {
        let mut found = Found::default();
        let (mut scratch, mut values) = (S::Scratch::default(), Vec::new());
        while !seen.is_empty() || !wanted.is_empty() {
            let next = |first: Option<u32>| first.unwrap_or(NOT_EVALUATED);
            let image = next(seen.first().map(|seen| seen.row.image))
                .min(next(wanted.first().map(|wanted| wanted.truth.image)));
            let (here, later) = seen.split_at(seen.partition_point(|seen| seen.row.image <= image));
            let (there, others) =
                wanted.split_at(wanted.partition_point(|wanted| wanted.truth.image <= image));
            (seen, wanted) = (later, others);
            values.clear();
            values.resize(here.len() * there.len(), 0.0);
            if !values.is_empty() {
                let detections: Vec<u32> = here.iter().map(|seen| seen.row.object).collect();
                let truths: Vec<u32> = there.iter().map(|wanted| wanted.truth.object).collect();
                let floor = self.background.min(self.threshold);
                self.similarity.fill(&mut scratch, &detections, &truths, floor, &mut values)?;
            }
            self.judge_image(here, there, &values, &mut found);
        }
        Ok(found)
    }

    /// `values`: similarity of each detection, best score first, to each object, row by row.
    fn judge_image(&self, seen: &[Seen], wanted: &[Wanted], values: &[f64], found: &mut Found) {
        let row = |d: usize| &values[d * wanted.len()..(d + 1) * wanted.len()];
        let partners = self.partners(seen, wanted, values);
        let mut taken = vec![false; wanted.len()];
        partners.iter().flatten().for_each(|&g| taken[g] = true);
        let mut about = vec![false; wanted.len()];
        for (d, one) in seen.iter().enumerate() {
            let mut put = |what: char, truth: u32, similarity: f64| {
                let row = Row::unmatched(one.row.score, one.row.image, one.row.object, d as u32, 0);
                found.rows.push(((what, one.group, truth), row, similarity));
            };
            if one.right {
                put(kind::RIGHT, one.group, partners[d].map_or(f64::NAN, |g| row(d)[g]));
                continue;
            }
            let own = best(row(d), |g| wanted[g].group == one.group);
            let other = best(row(d), |g| wanted[g].group != one.group);
            let near = |best: Option<(usize, f64)>, least: f64| best.filter(|&(_, value)| value >= least);
            // As TIDE asks: the first that applies.
            let off = |&(_, value): &(usize, f64)| value > 0.0 && value < self.threshold;
            if let Some((g, value)) = near(own, self.background).filter(off) {
                put(about_object(kind::LOCALISATION, g, &taken, &mut about), wanted[g].group, value);
            } else if let Some((g, value)) = near(other, self.threshold) {
                put(about_object(kind::CLASSIFICATION, g, &taken, &mut about), wanted[g].group, value);
            } else if let Some((g, value)) = near(own, self.threshold) {
                put(kind::DUPLICATE, wanted[g].group, value);
            } else {
                let nearest = [own, other].into_iter().flatten().fold(0.0, |most: f64, (_, v)| most.max(v));
                let what = if nearest <= self.background { kind::BACKGROUND } else { kind::BOTH };
                put(what, NOT_EVALUATED, nearest);
            }
        }
        for (g, one) in wanted.iter().enumerate() {
            let what = match (taken[g], about[g]) {
                (true, _) => kind::RIGHT,
                (false, true) => kind::MISTAKEN,
                (false, false) => kind::MISSED,
            };
            found.truths.push(((what, NOT_EVALUATED, one.group), one.truth));
        }
    }

    /// The object that each right detection found. Only these take objects that are to be found, so the matching can be
    /// gone over again without the others.
    fn partners(&self, seen: &[Seen], wanted: &[Wanted], values: &[f64]) -> Vec<Option<usize>> {
        let (dt, gt) = (&self.scene.detections, &self.scene.ground_truths);
        let mut free: Vec<bool> =
            wanted.iter().map(|wanted| gt.id.get(wanted.truth.object as usize) != 0.0).collect();
        let one = |(d, one): (usize, &Seen)| {
            if !one.right {
                return None;
            }
            let values = &values[d * wanted.len()..(d + 1) * wanted.len()];
            let possible =
                |g: usize| wanted[g].group == one.group && free[g] && !(values[g] < self.threshold);
            let places = 0..wanted.len();
            // A later object wins a tie in greedy matching, an earlier one where the best of all is asked.
            let better = |a: &usize, b: &usize| {
                values[*a].partial_cmp(&values[*b]).unwrap_or(std::cmp::Ordering::Equal)
            };
            let partner = match self.scene.protocol.matcher {
                Matcher::Greedy => places.filter(|&g| possible(g)).max_by(better),
                Matcher::Argmax => places.rev().filter(|&g| possible(g)).max_by(better),
            };
            if let Some(g) = partner {
                free[g] = dt.id.get(one.row.object as usize) <= 0.0;
            }
            partner
        };
        seen.iter().enumerate().map(one).collect()
    }
}

/// The first of the most similar objects among some.
fn best(values: &[f64], among: impl Fn(usize) -> bool) -> Option<(usize, f64)> {
    let better = |held: Option<(usize, f64)>, g: usize| match held {
        Some((_, most)) if !(values[g] > most) => held,
        _ => Some((g, values[g])),
    };
    (0..values.len()).filter(|&g| among(g)).fold(None, better)
}

/// The letter of an error about object `g`: a capital if putting it right would find the object.
fn about_object(kind: char, g: usize, taken: &[bool], about: &mut [bool]) -> char {
    if taken[g] || about[g] {
        return kind;
    }
    about[g] = true;
    kind.to_ascii_uppercase()
}

/// One table of all rows, a group for each kind and its categories.
fn assemble(found: Vec<Found>, extent: Extent, keys: &[Key]) -> (MatchTable, Vec<Key>) {
    let (mut places, mut named) = (HashMap::new(), Vec::new());
    let mut group = |what: What| {
        *places.entry(what).or_insert_with(|| {
            let (kind, detected, truth) = what;
            let key = |group: u32| key_text(keys.get(group as usize));
            let text = format!("{kind}{SEPARATOR}{}{SEPARATOR}{}", key(detected), key(truth));
            named.push(Key::Text(text.into()));
            named.len() as u32 - 1
        })
    };
    let (mut rows, mut truths, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut row_group, mut truth_group) = (Vec::new(), Vec::new());
    for part in found {
        for (what, mut row, similarity) in part.rows {
            push_similarity(&mut outcomes, &mut row, similarity);
            row_group.push(group(what));
            rows.push(row);
        }
        for (what, truth) in part.truths {
            truth_group.push(group(what));
            truths.push(truth);
        }
    }
    let extent = Extent { categories: named.len(), by_category: true, ..extent };
    let positions = Positions {
        of_image: (0..extent.images as u32).collect(),
        of_category: (0..extent.categories as u32).collect(),
    };
    let image: Vec<u32> = rows.iter().map(|row| row.image).collect();
    let rows = Cells::new(&image, &row_group, &positions, extent, |i, _| rows[i as usize]);
    let image: Vec<u32> = truths.iter().map(|truth| truth.image).collect();
    let truths = Cells::new(&image, &truth_group, &positions, extent, |i, _| truths[i as usize]);
    (MatchTable { bits: BITS, rows, truths, outcomes }, named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_error_about_an_object_can_be_put_right() {
        let (taken, mut about) = ([false, true], [false; 2]);
        let letters: Vec<char> =
            [0, 0, 1].into_iter().map(|g| about_object('l', g, &taken, &mut about)).collect();
        assert_eq!(letters, ['L', 'l', 'l']);
    }
}
