//! A log as columns: to send to workers as a table, or to read.
//!
//! Unlike bytes they can be put together in any order and cut anywhere between images: what a row means does not
//! depend on the rows around it, but for the outcomes of matched rows, which follow one another as those rows do.

use super::{Detections, Key, MatchLog, NOT_EVALUATED, Outcome, OutcomeLayout, Row, Truths, key_digest, mix};
use crate::error::{Error, Result, can_allocate, collect, filled, zeros};

/// The rows of a log.
#[derive(Clone, Debug, Default)]
pub struct LogColumns {
    /// Ids of the images, by code.
    pub images: Vec<Key>,
    /// Ids of the categories, by code.
    pub categories: Vec<Key>,
    /// Image code of each detection.
    pub image: Vec<u32>,
    /// Category code of each detection.
    pub category: Vec<u32>,
    /// Its rank in its cell.
    pub rank: Vec<u32>,
    /// Its score.
    pub score: Vec<f64>,
    /// Whether it matched at some threshold.
    pub matched: Vec<bool>,
    /// Area ranges that it lies outside of, if it did not match.
    pub outside: Vec<u32>,
    /// Outcomes of those that matched, in order, [`OutcomeLayout::entry`] words each.
    pub outcomes: Vec<u64>,
    /// Image code of each ground truth.
    pub truth_image: Vec<u32>,
    /// Category code of each ground truth.
    pub truth_category: Vec<u32>,
    /// Area ranges in which it is to be found.
    pub truth_areas: Vec<u32>,
}

impl MatchLog {
    /// The rows of all images, each image once.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn columns(&self) -> Result<LogColumns> {
        let (d, g) = (&self.detections, &self.truths);
        let keys = size_of_val(&*self.images.keys) + size_of_val(self.categories.keys());
        // A column that grows takes up to three times its size for a moment.
        let of_detection = 4 * size_of::<u32>() + size_of::<f64>() + size_of::<bool>();
        let of_all = d.image.len() * of_detection + 3 * g.image.len() * size_of::<u32>();
        can_allocate(3 * (keys + of_all + size_of_val(&*d.outcomes)))?;
        let mut codes = filled(self.images.keys.len(), NOT_EVALUATED)?;
        let mut columns = LogColumns { categories: self.categories.keys().to_vec(), ..LogColumns::default() };
        for (code, key) in self.images.keys.iter().enumerate().filter(|(code, _)| self.images.in_use[*code]) {
            codes[code] = columns.images.len() as u32;
            columns.images.push(key.clone());
        }
        let entry = self.bits.entry();
        for (i, &image) in d.image.iter().enumerate() {
            let image = codes[image as usize];
            if image == NOT_EVALUATED {
                continue;
            }
            columns.image.push(image);
            columns.category.push(d.category[i]);
            columns.rank.push(d.rank[i]);
            columns.score.push(d.score[i]);
            let (matched, outside) = match Row::restored(0.0, 0, 0, 0, d.outcome[i]).outcome() {
                Outcome::Unmatched(outside) => (false, outside),
                Outcome::Matched(index) => {
                    columns.outcomes.extend_from_slice(&d.outcomes[index * entry..(index + 1) * entry]);
                    (true, 0)
                }
            };
            columns.matched.push(matched);
            columns.outside.push(outside);
        }
        for (i, &image) in g.image.iter().enumerate() {
            let image = codes[image as usize];
            if image != NOT_EVALUATED {
                columns.truth_image.push(image);
                columns.truth_category.push(g.category[i]);
                columns.truth_areas.push(g.areas[i]);
            }
        }
        Ok(columns)
    }

    /// The log of these rows.
    ///
    /// # Errors
    ///
    /// The columns do not fit together, or an image is there twice.
    pub fn from_columns(bits: OutcomeLayout, by_category: bool, columns: LogColumns) -> Result<MatchLog> {
        let LogColumns { images, categories, matched, outside, outcomes, .. } = columns;
        let damaged = || Error::value("rows: columns that do not fit together");
        let entry = bits.entry();
        let hits = matched.iter().filter(|&&matched| matched).count();
        if matched.len() != outside.len() || outcomes.len() != hits * entry {
            return Err(damaged());
        }
        let mut next = 0;
        let word = |(&matched, &outside): (&bool, &u32)| {
            let mut row = Row::unmatched(0.0, 0, 0, 0, outside & bits.all_areas());
            if matched {
                row.set_matched(next);
                next += 1;
            }
            row.outcome_word()
        };
        let outcome = collect(matched.iter().zip(&outside).map(word))?;
        let mut log = MatchLog::new(bits, by_category, false);
        log.categories.codes(&categories)?;
        log.labels.codes(&categories)?;
        log.detections = Detections {
            image: columns.image,
            category: columns.category,
            rank: columns.rank,
            score: columns.score,
            outcome,
            outcomes,
        };
        log.truths = Truths {
            image: columns.truth_image,
            category: columns.truth_category,
            areas: columns.truth_areas,
        };
        let count = images.len();
        log.images.reserve(count)?;
        log.images.digest = zeros(count)?;
        log.images.in_use = filled(count, true)?;
        for (code, key) in images.into_iter().enumerate() {
            if log.images.code.insert(key.clone(), code as u32).is_some() {
                return Err(Error::value(format!("rows: image {key} is there twice")));
            }
            log.images.keys.push(key);
        }
        if log.categories.len() != categories.len() || !log.is_sound() {
            return Err(damaged());
        }
        log.images.digest = log.own_digests()?;
        Ok(log)
    }

    /// What [`MatchLog::append`] would have found to be the images' digests.
    fn own_digests(&self) -> Result<Vec<u64>> {
        let mut digests: Vec<u64> = zeros(self.images.keys.len())?;
        let keys = collect(self.categories.keys().iter().map(key_digest))?;
        let entry = self.bits.entry();
        let d = &self.detections;
        for i in 0..d.image.len() {
            let outcome = match Row::restored(0.0, 0, 0, 0, d.outcome[i]).outcome() {
                Outcome::Unmatched(outside) => u64::from(outside),
                Outcome::Matched(index) => {
                    mix(d.outcomes[index * entry..(index + 1) * entry].iter().copied())
                }
            };
            let key = keys[d.category[i] as usize];
            let digest = mix([key, u64::from(d.rank[i]), d.score[i].to_bits(), outcome]);
            let sum = &mut digests[d.image[i] as usize];
            *sum = sum.wrapping_add(digest);
        }
        let g = &self.truths;
        for i in 0..g.image.len() {
            let sum = &mut digests[g.image[i] as usize];
            *sum = sum.wrapping_add(mix([!keys[g.category[i] as usize], u64::from(g.areas[i])]));
        }
        Ok(digests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{Cells, ImageKeys, MatchTable, Truth};

    #[test]
    fn columns_make_the_log_they_came_from() {
        let bits = OutcomeLayout { areas: 2, thresholds: 3, samples: false };
        let mut matched = Row::restored(0.9, 0, 0, 0, 0);
        matched.set_matched(0);
        let rows = vec![matched, Row::unmatched(0.5, 0, 1, 1, 2), Row::unmatched(0.4, 1, 2, 0, 0)];
        let truths = vec![Truth { image: 0, object: 0, areas: 3 }];
        let table = MatchTable::new(
            bits,
            Cells { items: rows, groups: vec![0, 3] },
            Cells { items: truths, groups: vec![0, 1] },
            vec![0b1011_1000],
        );
        let keys = || ImageKeys::Given(vec![Key::Number(7), Key::Text("b".into())]);
        let mut log = MatchLog::new(bits, true, false);
        log.append(&table, keys(), &[Key::Number(3)]).unwrap();
        let columns = log.columns().unwrap();
        assert_eq!(columns.matched, [true, false, false]);
        assert_eq!(columns.outcomes, [0b1011_1000]);
        let again = MatchLog::from_columns(bits, true, columns.clone()).unwrap();
        assert_eq!(again.images.digest, log.images.digest);
        // An image that comes again counts once, also by way of columns.
        let mut both = log.clone();
        both.merge(&again).unwrap();
        assert_eq!(both.columns().unwrap().image, columns.image);
        let torn = LogColumns { outcomes: vec![1, 2], ..columns.clone() };
        assert!(MatchLog::from_columns(bits, true, torn).is_err());
        let strange = LogColumns { image: vec![0, 0, 9], ..columns };
        assert!(MatchLog::from_columns(bits, true, strange).is_err());
    }
}
