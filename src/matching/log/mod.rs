//! Match-table rows gathered batch by batch.
//!
//! Rows are stored in the order in which they come, under codes; [`MatchLog::table`] sorts them by category and by the
//! images' ids. So the table does not depend on batches, shards, or their order, and merging two logs is putting one
//! behind the other. An image that comes twice (a sampler that pads its last batch, two ranks that saw the same image)
//! counts once.
//!
//! A log of pairs keeps for each detection also what it is and which ground truth it is about, itself a row of the log.

mod bytes;
mod columns;

use std::collections::HashMap;

use super::cells::{CellGrid, Cells, NOT_EVALUATED, Positions};
use super::pair::Pair;
use super::table::{MatchTable, Outcome, OutcomeLayout, Row, Truth};
use crate::columns::{Interner, Key};
use crate::error::{Error, Result, collect, collect_growing, copied, filled, reserve, with_capacity, zeros};
use crate::progress::Progress;
use crate::sort::sort_unstable_by;

pub use columns::LogColumns;

/// Rows of detections and ground truths, and of which images they are.
#[derive(Clone, Debug)]
pub struct MatchLog {
    bits: OutcomeLayout,
    by_category: bool,
    images: Images,
    categories: Interner,
    labels: Interner,
    detections: Detections,
    truths: Truths,
    /// Of each detection, if they are stored. A partner is given as its position in `truths`.
    pairs: Option<Vec<Pair>>,
}

#[derive(Clone, Debug, Default)]
struct Detections {
    image: Vec<u32>,
    category: Vec<u32>,
    rank: Vec<u32>,
    score: Vec<f64>,
    outcome: Vec<u32>,
    outcomes: Vec<u64>,
}

#[derive(Clone, Debug, Default)]
struct Truths {
    image: Vec<u32>,
    category: Vec<u32>,
    areas: Vec<u32>,
}

impl Detections {
    /// Reserves memory for so many more, and their outcomes in words.
    fn reserve(&mut self, more: usize, words: usize) -> Result<()> {
        for column in [&mut self.image, &mut self.category, &mut self.rank, &mut self.outcome] {
            reserve(column, more)?;
        }
        reserve(&mut self.score, more)?;
        reserve(&mut self.outcomes, words)
    }
}

impl Truths {
    /// Reserves memory for so many more.
    fn reserve(&mut self, more: usize) -> Result<()> {
        [&mut self.image, &mut self.category, &mut self.areas]
            .into_iter()
            .try_for_each(|column| reserve(column, more))
    }
}

/// Images by code. A code is superseded when another copy of its image was preferred.
#[derive(Clone, Debug, Default)]
struct Images {
    keys: Vec<Key>,
    /// What the rows of each decide; 0 if ids are counted.
    digest: Vec<u64>,
    in_use: Vec<bool>,
    code: HashMap<Key, u32>,
    /// Whether ids were counted here and not given.
    counted: bool,
}

/// What a table's positions stand for.
#[derive(Clone, Debug)]
pub struct LogIds {
    /// Image ids, in table order.
    pub images: Vec<Key>,
    /// Category ids, in table order.
    pub categories: Vec<Key>,
}

/// Where the ids of a batch's images come from.
pub enum ImageKeys {
    /// The log counts them.
    Counted(usize),
    /// The user gave them.
    Given(Vec<Key>),
}

impl Images {
    /// Takes in an image whose rows have this digest; gives its code, in use or superseded.
    ///
    /// Of two copies the one with the smaller digest is in use, whichever came first.
    ///
    /// The caller has reserved memory for it.
    fn add(&mut self, key: Key, digest: u64) -> u32 {
        let code = self.keys.len() as u32;
        let in_use = match self.code.get(&key) {
            Some(&known) if self.digest[known as usize] <= digest => false,
            Some(&known) => {
                self.in_use[known as usize] = false;
                true
            }
            None => true,
        };
        if in_use {
            self.code.insert(key.clone(), code);
        }
        self.keys.push(key);
        self.digest.push(digest);
        self.in_use.push(in_use);
        code
    }

    /// Reserves memory for so many more.
    fn reserve(&mut self, more: usize) -> Result<()> {
        reserve(&mut self.keys, more)?;
        reserve(&mut self.digest, more)?;
        reserve(&mut self.in_use, more)?;
        self.code.try_reserve(more).map_err(|_| Error::out_of_memory(more * size_of::<(Key, u32)>()))
    }

    fn count(&self) -> usize {
        self.code.len()
    }

    /// Whether ids of this origin may be added.
    fn check(&self, counted: bool) -> Result<()> {
        if self.keys.is_empty() || self.counted == counted {
            return Ok(());
        }
        Err(Error::value(
            "image ids: some images have an id and some have none; give one to every image or to none",
        ))
    }
}

/// Mixes numbers in order, one multiplication each: both halves of the product of the current value and an odd number
/// whose bits look random.
fn mix(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().fold(0x9e37_79b9_7f4a_7c15, |state: u64, number| {
        let product = u128::from(state ^ number) * 0xbf58_476d_1ce4_e5b9;
        (product >> 64) as u64 ^ product as u64
    })
}

fn key_digest(key: &Key) -> u64 {
    match key {
        Key::Number(number) => mix([1, *number as u64]),
        Key::Text(text) => mix(std::iter::once(2).chain(text.bytes().map(u64::from))),
    }
}

impl MatchLog {
    /// An empty log of outcomes so laid out, with or without pairs.
    pub fn new(bits: OutcomeLayout, by_category: bool, pairs: bool) -> MatchLog {
        MatchLog {
            bits,
            by_category,
            images: Images::default(),
            categories: Interner::default(),
            labels: Interner::default(),
            detections: Detections::default(),
            truths: Truths::default(),
            pairs: pairs.then(Vec::new),
        }
    }

    /// How outcomes are laid out.
    pub fn bits(&self) -> OutcomeLayout {
        self.bits
    }

    /// Whether only objects of the same category match.
    pub fn by_category(&self) -> bool {
        self.by_category
    }

    /// Whether it keeps what each detection is.
    pub fn has_pairs(&self) -> bool {
        self.pairs.is_some()
    }

    /// Whether the rows of another log mean the same.
    pub fn is_like(&self, other: &MatchLog) -> bool {
        let layout = |log: &MatchLog| (log.bits, log.by_category, log.has_pairs());
        layout(self) == layout(other)
    }

    /// The number of images.
    pub fn images(&self) -> usize {
        self.images.count()
    }

    /// The number of rows: detections, ground truths.
    pub fn rows(&self) -> (usize, usize) {
        (self.detections.image.len(), self.truths.image.len())
    }

    /// Bytes in use.
    pub fn bytes(&self) -> usize {
        let Detections { image, category, rank, score, outcome, outcomes } = &self.detections;
        let words =
            [image, category, rank, outcome, &self.truths.image, &self.truths.category, &self.truths.areas];
        words.iter().map(|column| 4 * column.capacity()).sum::<usize>()
            + 8 * (score.capacity() + outcomes.capacity())
            + self.images.keys.capacity() * 80
            + self.pairs.as_ref().map_or(0, |pairs| pairs.capacity() * size_of::<Pair>())
    }

    /// The categories that objects had, also where all categories are compared together.
    pub fn labels(&self) -> &Interner {
        &self.labels
    }

    /// Remembers which categories objects had.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn label(&mut self, labels: &[Key]) -> Result<()> {
        self.labels.codes(labels).map(drop)
    }

    /// The categories so far.
    pub fn categories(&self) -> &Interner {
        &self.categories
    }

    /// Makes categories known that may have no rows.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn declare(&mut self, categories: &[Key]) -> Result<()> {
        self.categories.codes(categories).map(drop)
    }

    /// Adds a batch: its table, the ids of its image positions and of its groups.
    ///
    /// Nothing is added if this is an error.
    ///
    /// # Errors
    ///
    /// Ids are given in one batch and counted in another, or memory cannot be had.
    pub fn append(&mut self, table: &MatchTable, images: ImageKeys, groups: &[Key]) -> Result<()> {
        if table.pairs.is_some() != self.has_pairs() {
            return Err(Error::value("a table with pairs goes into a log of pairs, and no other"));
        }
        let (count, truths) = (table.rows.items.len(), table.truths.items.iter());
        self.detections.reserve(count, table.outcomes.len())?;
        self.truths.reserve(truths.len())?;
        self.images.reserve(match &images {
            ImageKeys::Counted(count) => *count,
            ImageKeys::Given(keys) => keys.len(),
        })?;
        // Where each ground truth comes to lie among ours.
        let mut places = match &mut self.pairs {
            Some(pairs) => {
                reserve(pairs, count)?;
                filled(1 + truths.map(|truth| truth.object as usize).max().unwrap_or(0), NOT_EVALUATED)?
            }
            None => Vec::new(),
        };
        let (keys, digests) = match images {
            ImageKeys::Counted(count) => {
                self.images.check(true)?;
                self.images.counted = true;
                let next = self.images.keys.len() as i64;
                // None of them comes twice.
                (collect((0..count).map(|i| Key::Number(next + i as i64)))?, zeros(count)?)
            }
            ImageKeys::Given(keys) => {
                self.images.check(false)?;
                self.images.counted = false;
                let digests = self.digests(table, keys.len(), groups)?;
                (keys, digests)
            }
        };
        let entry = self.bits.entry().max(1);
        let (rows, truths) = (|group| table.rows(group), |group| table.truths(group));
        let present = |group: &usize| !(rows(*group).is_empty() && truths(*group).is_empty());
        let present = collect_growing((0..groups.len()).filter(present))?;
        let categories = self.categories.codes(present.iter().map(|&group| &groups[group]))?;
        let codes = collect(keys.into_iter().zip(digests).map(|(key, digest)| self.images.add(key, digest)))?;
        for (&group, &category) in present.iter().zip(&categories) {
            for truth in truths(group) {
                if self.pairs.is_some() {
                    places[truth.object as usize] = self.truths.image.len() as u32;
                }
                self.truths.image.push(codes[truth.image as usize]);
                self.truths.category.push(category);
                self.truths.areas.push(truth.areas);
            }
        }
        for (&group, &category) in present.iter().zip(&categories) {
            let to = &mut self.detections;
            for row in rows(group).iter().filter(|row| row.rank != Row::DROPPED) {
                if let (Some(ours), Some(pairs)) = (&mut self.pairs, &table.pairs) {
                    let pair = pairs[row.object as usize];
                    let partner = pair.partner().map(|object| places[object as usize]);
                    ours.push(pair.with_partner(partner));
                }
                to.image.push(codes[row.image as usize]);
                to.category.push(category);
                to.rank.push(row.rank);
                to.score.push(row.score);
                let mut kept = *row;
                if let Outcome::Matched(index) = row.outcome() {
                    kept.set_matched(to.outcomes.len() / entry);
                    to.outcomes.extend_from_slice(table.outcome(index));
                }
                to.outcome.push(kept.outcome_word());
            }
        }
        Ok(())
    }

    /// For each image of a table a number that its rows decide, whatever their order.
    fn digests(&self, table: &MatchTable, images: usize, groups: &[Key]) -> Result<Vec<u64>> {
        let mut digests: Vec<u64> = zeros(images)?;
        let of_truth = |key: u64, truth: &Truth| mix([!key, u64::from(truth.areas)]);
        let mut partners = Vec::new();
        if table.pairs.is_some() {
            let objects = table.truths.items.iter().map(|truth| truth.object as usize);
            partners = filled(1 + objects.max().unwrap_or(0), 0)?;
            for (group, key) in groups.iter().enumerate() {
                let key = key_digest(key);
                table.truths(group).iter().for_each(|t| partners[t.object as usize] = of_truth(key, t));
            }
        }
        for (group, key) in groups.iter().enumerate() {
            let (rows, truths) = (table.rows(group), table.truths(group));
            if rows.is_empty() && truths.is_empty() {
                continue;
            }
            let key = key_digest(key);
            for row in rows.iter().filter(|row| row.rank != Row::DROPPED) {
                let outcome = match row.outcome() {
                    Outcome::Unmatched(outside) => u64::from(outside),
                    Outcome::Matched(index) => mix(table.outcome(index).iter().copied()),
                };
                let mut digest = mix([key, u64::from(row.rank), row.score.to_bits(), outcome]);
                if let Some(pairs) = &table.pairs {
                    let pair = &pairs[row.object as usize];
                    let partner = pair.partner().map_or(0, |object| partners[object as usize]);
                    digest = mix([digest, pair.error as u64, partner, pair.similarity.to_bits()]);
                }
                let sum = &mut digests[row.image as usize];
                *sum = sum.wrapping_add(digest);
            }
            for truth in truths {
                let sum = &mut digests[truth.image as usize];
                *sum = sum.wrapping_add(of_truth(key, truth));
            }
        }
        Ok(digests)
    }

    /// Adds another log's rows. Its images without ids get numbers after ours.
    ///
    /// # Errors
    ///
    /// The logs have other settings, or ids are given in one and counted in the other.
    pub fn merge(&mut self, other: &MatchLog) -> Result<()> {
        if !self.is_like(other) {
            return Err(Error::value("logs of different thresholds or area ranges cannot be merged"));
        }
        if other.images.keys.is_empty() {
            self.label(other.labels.keys())?;
            self.declare(other.categories.keys())?;
            return Ok(());
        }
        self.images.check(other.images.counted)?;
        self.images.counted = other.images.counted;
        self.label(other.labels.keys())?;
        let shift = self.images.keys.len() as i64;
        let code = |code: usize, images: &mut Images| {
            if !other.images.in_use[code] {
                return NOT_EVALUATED;
            }
            let key = match &other.images.keys[code] {
                Key::Number(number) if other.images.counted => Key::Number(number + shift),
                key => key.clone(),
            };
            images.add(key, other.images.digest[code])
        };
        self.images.reserve(other.images.keys.len())?;
        self.detections.reserve(other.detections.image.len(), other.detections.outcomes.len())?;
        self.truths.reserve(other.truths.image.len())?;
        let images = collect((0..other.images.keys.len()).map(|c| code(c, &mut self.images)))?;
        let categories = self.categories.codes(other.categories.keys())?;
        let entry = self.bits.entry().max(1);
        let mut places = match &mut self.pairs {
            Some(pairs) => {
                reserve(pairs, other.detections.image.len())?;
                filled(other.truths.image.len(), NOT_EVALUATED)?
            }
            None => Vec::new(),
        };
        for i in 0..other.truths.image.len() {
            let image = images[other.truths.image[i] as usize];
            if image != NOT_EVALUATED {
                if let Some(place) = places.get_mut(i) {
                    *place = self.truths.image.len() as u32;
                }
                self.truths.image.push(image);
                self.truths.category.push(categories[other.truths.category[i] as usize]);
                self.truths.areas.push(other.truths.areas[i]);
            }
        }
        let (to, from) = (&mut self.detections, &other.detections);
        for i in 0..from.image.len() {
            let image = images[from.image[i] as usize];
            if image == NOT_EVALUATED {
                continue;
            }
            if let (Some(ours), Some(pairs)) = (&mut self.pairs, &other.pairs) {
                // A partner is in the same image, so it is there too.
                let partner = pairs[i].partner().map(|truth| places[truth as usize]);
                ours.push(pairs[i].with_partner(partner));
            }
            to.image.push(image);
            to.category.push(categories[from.category[i] as usize]);
            to.rank.push(from.rank[i]);
            to.score.push(from.score[i]);
            let mut row = Row::restored(0.0, 0, 0, 0, from.outcome[i]);
            if let Outcome::Matched(index) = row.outcome() {
                row.set_matched(to.outcomes.len() / entry);
                to.outcomes.extend_from_slice(&from.outcomes[index * entry..(index + 1) * entry]);
            }
            to.outcome.push(row.outcome_word());
        }
        Ok(())
    }

    /// The table of all rows, images and categories in the order of their ids.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn table(&self, progress: &Progress) -> Result<(MatchTable, LogIds)> {
        let keys = &self.images.keys;
        let in_use = (0..keys.len() as u32).filter(|&code| self.images.in_use[code as usize]);
        let mut images = collect_growing(in_use)?;
        // Each key is there once.
        sort_unstable_by(&mut images, progress, |&a, &b| keys[a as usize].cmp(&keys[b as usize]))?;
        let categories = self.categories.sorted(progress)?;
        let inverse = |order: &[u32], codes: usize| -> Result<Vec<u32>> {
            let mut positions = filled(codes, NOT_EVALUATED)?;
            order.iter().zip(0..).for_each(|(&code, position)| positions[code as usize] = position);
            Ok(positions)
        };
        let positions = Positions {
            of_image: inverse(&images, keys.len())?,
            of_category: inverse(&categories, categories.len())?,
        };
        let extent =
            CellGrid { images: images.len(), categories: categories.len(), by_category: self.by_category };
        let d = &self.detections;
        let mut rows = Cells::new(&d.image, &d.category, &positions, extent, progress, |i, image| {
            let at = i as usize;
            Row::restored(d.score[at], image, i, d.rank[at], d.outcome[at])
        })?;
        // Outcomes are stored in the order of their rows: a category is contiguous.
        let entry = self.bits.entry().max(1);
        let mut outcomes = with_capacity(d.outcomes.len())?;
        progress.check()?;
        for row in &mut rows.items {
            if let Outcome::Matched(index) = row.outcome() {
                row.set_matched(outcomes.len() / entry);
                outcomes.extend_from_slice(&d.outcomes[index * entry..(index + 1) * entry]);
            }
        }
        let g = &self.truths;
        let truths = Cells::new(&g.image, &g.category, &positions, extent, progress, |i, image| Truth {
            image,
            object: i,
            areas: g.areas[i as usize],
        })?;
        let legend = LogIds {
            images: collect(images.iter().map(|&code| keys[code as usize].clone()))?,
            categories: collect(
                categories.iter().map(|&code| self.categories.keys()[code as usize].clone()),
            )?,
        };
        let pairs = self.pairs.as_deref().map(copied).transpose()?;
        Ok((MatchTable { pairs, ..MatchTable::new(self.bits, rows, truths, outcomes) }, legend))
    }
}
