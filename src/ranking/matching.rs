//! Which documents of a list are judged, and what a document that stands twice gives.

use crate::error::{Result, collect, extend, push, reserve};
use crate::progress::{Progress, STRETCH};

use super::conventions::Duplicates;
use super::hits::Hit;
use super::ids::{Id, Lookup};
use super::sieve::Sieve;
use crate::score::Score;

/// No row.
const NONE: u32 = u32::MAX;

/// The judged documents of a query, as rows from 0.
pub struct Known<'a, J, P> {
    /// The document of a row.
    pub document: J,
    /// The grade of each row.
    pub grades: &'a [i64],
    /// Whether a document with this grade has to be found.
    pub places: P,
    /// Whether a document may stand in several rows: then the first one counts.
    pub repeated: bool,
}

/// The documents of a list that count.
#[derive(Debug, PartialEq)]
pub enum Counted<S> {
    /// All, with the scores that they were given.
    All,
    /// Some, with these scores; `Matching::kept` has their places.
    Some(Vec<S>),
    /// None: a document stands twice, in these places, and must not.
    Twice(usize, usize),
}

/// What one thread reuses from list to list.
#[derive(Default)]
pub struct Matching {
    /// Finds most; the tags of the list's documents have to be put into it.
    pub sieve: Sieve,
    table: Lookup,
    /// For each judged document, its place in the list, or that of its hit among all.
    place: Vec<u32>,
    /// For each document of the list, where it stands for the first time.
    first: Vec<u32>,
    /// And its judged row.
    row: Vec<u32>,
    /// The judged documents that were found.
    pub hits: Vec<Hit>,
    /// The place in the list of each document that counts, where some do not.
    pub kept: Option<Vec<u32>>,
}

impl Matching {
    /// Fills `hits` and `kept`; says which documents count.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn find<S: Score, T: Id, J: Fn(u32) -> T, P: Fn(i64) -> bool>(
        &mut self,
        known: &Known<J, P>,
        document: impl Fn(usize) -> T,
        scores: &[S],
        duplicates: Duplicates,
        progress: &Progress,
    ) -> Result<Counted<S>> {
        let Matching { sieve, hits, kept, .. } = self;
        *kept = None;
        hits.clear();
        let Known { grades, places, .. } = known;
        reserve(hits, grades.len().min(scores.len()))?;
        let hit = |i: u32, row: u32| hits.push(Hit::new(i, grades[row as usize], scores[i as usize].into()));
        let rows = (0..grades.len() as u32).filter(|&row| places(grades[row as usize]));
        if !known.repeated && sieve.find(&document, &known.document, rows, hit)? {
            return Ok(Counted::All);
        }
        self.hits.clear();
        let repeated = self.look_up(known, &document, scores.len(), progress)?;
        self.settle(known, scores, if repeated { duplicates } else { Duplicates::All })
    }

    /// Fills `first` and `row`; says whether a document stands twice.
    fn look_up<T: Id, J: Fn(u32) -> T, P>(
        &mut self,
        known: &Known<J, P>,
        document: impl Fn(usize) -> T,
        length: usize,
        progress: &Progress,
    ) -> Result<bool> {
        let Matching { table, place, first, row, .. } = self;
        let judged = known.grades.len() as u32;
        table.clear(judged as usize + length)?;
        for row in 0..judged {
            if (row as usize).is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let id = (known.document)(row);
            table.find_or_insert(id.hash(), row, |held| (known.document)(held) == id);
        }
        for (column, length) in [(&mut *place, judged as usize), (&mut *first, length), (&mut *row, length)] {
            column.clear();
            reserve(column, length)?;
        }
        place.resize(judged as usize, NONE);
        let mut repeated = false;
        for i in 0..length as u32 {
            if (i as usize).is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let id = document(i as usize);
            let same = |held: u32| match held.checked_sub(judged) {
                None => (known.document)(held) == id,
                Some(other) => document(other as usize) == id,
            };
            let held = table.find_or_insert(id.hash(), judged + i, same);
            let judged_row = held.filter(|&held| held < judged);
            let earlier = match judged_row {
                None => held.map_or(i, |held| held - judged),
                Some(row) if place[row as usize] != NONE => place[row as usize],
                Some(row) => {
                    place[row as usize] = i;
                    i
                }
            };
            repeated |= earlier != i;
            first.push(earlier);
            row.push(judged_row.unwrap_or(NONE));
        }
        Ok(repeated)
    }

    fn settle<S: Score, J, P: Fn(i64) -> bool>(
        &mut self,
        known: &Known<J, P>,
        scores: &[S],
        duplicates: Duplicates,
    ) -> Result<Counted<S>> {
        let Matching { place, first, row, hits, kept, .. } = self;
        let grade = |i: usize| match row[i] {
            NONE => None,
            row => Some(known.grades[row as usize]).filter(|&grade| (known.places)(grade)),
        };
        match duplicates {
            Duplicates::Error => {
                let twice = (0..scores.len()).find(|&i| first[i] as usize != i).unwrap_or(0);
                return Ok(Counted::Twice(first[twice] as usize, twice));
            }
            Duplicates::All => {
                let hit =
                    |(i, &score): (usize, &S)| grade(i).map(|grade| Hit::new(i as u32, grade, score.into()));
                extend(hits, scores.iter().enumerate().filter_map(hit))?;
            }
            Duplicates::Once => {
                for (i, &score) in scores.iter().enumerate() {
                    let Some(grade) = grade(i) else { continue };
                    let hit = Hit::new(i as u32, grade, score.into());
                    let place = &mut place[row[i] as usize];
                    if first[i] as usize == i {
                        *place = hits.len() as u32;
                        push(hits, hit)?;
                    } else if hits[*place as usize].score < hit.score {
                        hits[*place as usize] = hit;
                    }
                }
            }
            Duplicates::First | Duplicates::Last => {
                let mut places: Vec<u32> = Vec::new();
                extend(&mut places, (0..scores.len() as u32).filter(|&i| first[i as usize] == i))?;
                let mut left = collect(places.iter().map(|&i| scores[i as usize]))?;
                if duplicates == Duplicates::Last {
                    for (&first, &score) in first.iter().zip(scores) {
                        left[places.partition_point(|&place| place < first)] = score;
                    }
                }
                let hit = |(new, &i): (usize, &u32)| {
                    grade(i as usize).map(|grade| Hit::new(new as u32, grade, left[new].into()))
                };
                extend(hits, places.iter().enumerate().filter_map(hit))?;
                *kept = Some(places);
                return Ok(Counted::Some(left));
            }
        }
        Ok(Counted::All)
    }
}
