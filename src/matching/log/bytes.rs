//! A log as bytes: to send to another process, or to store.
//!
//! Little-endian columns, each behind its length. What is read is checked before it is used: the bytes may come from
//! anywhere.

use super::{Detections, Images, Interner, Key, MatchLog, Outcome, OutcomeLayout, Pair, Row, Truths};
use crate::error::{Error, Result, collect, reserve, with_capacity};
use crate::matching::{ErrorType, NO_PARTNER};

const MAGIC: &[u8; 8] = b"MATCHLG3";

impl MatchLog {
    /// The log as bytes for [`MatchLog::from_bytes`].
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut out = MAGIC.to_vec();
        let numbers = [
            self.bits.areas as u64,
            self.bits.thresholds as u64,
            u64::from(self.by_category) | u64::from(self.bits.samples) << 1,
            u64::from(self.images.counted),
            u64::from(self.has_pairs()),
        ];
        numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        keys(&mut out, &self.images.keys)?;
        column(&mut out, &self.images.digest, |x| x.to_le_bytes())?;
        column(&mut out, &self.images.in_use, |x| [u8::from(*x)])?;
        keys(&mut out, self.categories.keys())?;
        keys(&mut out, self.labels.keys())?;
        let d = &self.detections;
        for words in [&d.image, &d.category, &d.rank, &d.outcome] {
            column(&mut out, words, |x| x.to_le_bytes())?;
        }
        column(&mut out, &d.score, |x| x.to_bits().to_le_bytes())?;
        column(&mut out, &d.outcomes, |x| x.to_le_bytes())?;
        for words in [&self.truths.image, &self.truths.category, &self.truths.areas] {
            column(&mut out, words, |x| x.to_le_bytes())?;
        }
        if let Some(pairs) = &self.pairs {
            column(&mut out, pairs, |pair| [pair.error as u8])?;
            column(&mut out, pairs, |pair| pair.partner().unwrap_or(NO_PARTNER).to_le_bytes())?;
            column(&mut out, pairs, |pair| pair.similarity.to_bits().to_le_bytes())?;
        }
        Ok(out)
    }

    /// The log that was written as `bytes`.
    ///
    /// # Errors
    ///
    /// The bytes are of another version, cut off or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<MatchLog> {
        let mut rest = ByteReader { bytes };
        if rest.take(MAGIC.len())? != MAGIC {
            return Err(Error::value("state: not the bytes of a match log"));
        }
        let [areas, thresholds, flags, counted, has_pairs] =
            [rest.number()?, rest.number()?, rest.number()?, rest.number()?, rest.number()?];
        if areas > 31 || thresholds > 1 << 20 {
            return Err(damaged());
        }
        let (by_category, samples) = (flags & 1, flags >> 1 == 1);
        let bits = OutcomeLayout { areas: areas as usize, thresholds: thresholds as usize, samples };
        let mut images = Images {
            keys: rest.keys()?,
            digest: rest.column(u64::from_le_bytes)?,
            in_use: rest.column(|[x]: [u8; 1]| x != 0)?,
            counted: counted != 0,
            ..Images::default()
        };
        images.code.try_reserve(images.keys.len()).map_err(|_| Error::out_of_memory(bytes.len()))?;
        for (code, key) in
            images.keys.iter().enumerate().filter(|(code, _)| images.in_use.get(*code) == Some(&true))
        {
            if images.code.insert(key.clone(), code as u32).is_some() {
                return Err(damaged());
            }
        }
        let mut interners = [Interner::default(), Interner::default()];
        for interner in &mut interners {
            interner.codes(&rest.keys()?)?;
        }
        let [categories, labels] = interners;
        let mut words = || rest.column(u32::from_le_bytes);
        let [image, category, rank, outcome] = [words()?, words()?, words()?, words()?];
        let score = rest.column(|x| f64::from_bits(u64::from_le_bytes(x)))?;
        let outcomes = rest.column(u64::from_le_bytes)?;
        let mut words = || rest.column(u32::from_le_bytes);
        let truths = Truths { image: words()?, category: words()?, areas: words()? };
        let pairs = if has_pairs != 0 { Some(rest.pairs()?) } else { None };
        if !rest.bytes.is_empty() {
            return Err(damaged());
        }
        let detections = Detections { image, category, rank, score, outcome, outcomes };
        let by_category = by_category != 0;
        let log = MatchLog { bits, by_category, images, categories, labels, detections, truths, pairs };
        if log.is_sound() { Ok(log) } else { Err(damaged()) }
    }

    /// Whether columns are of one length and codes are within what they point into.
    pub(super) fn is_sound(&self) -> bool {
        let (d, g) = (&self.detections, &self.truths);
        let images = self.images.keys.len();
        let below = |codes: &[u32], limit: usize| codes.iter().all(|&code| (code as usize) < limit);
        let entries = d.outcomes.len().checked_div(self.bits.entry()).unwrap_or(0);
        let outcome = |&word: &u32| match Row::restored(0.0, 0, 0, 0, word).outcome() {
            Outcome::Unmatched(_) => true,
            Outcome::Matched(index) => index < entries,
        };
        let pair = |(pair, image): (&Pair, &u32)| match pair.partner() {
            Some(truth) => g.image.get(truth as usize) == Some(image),
            None => !pair.error.has_partner(),
        };
        let pairs = |pairs: &Vec<Pair>| pairs.len() == d.image.len() && pairs.iter().zip(&d.image).all(pair);
        let same = |lengths: &[usize]| lengths.windows(2).all(|pair| pair[0] == pair[1]);
        same(&[images, self.images.digest.len(), self.images.in_use.len()])
            && same(&[d.image.len(), d.category.len(), d.rank.len(), d.outcome.len(), d.score.len()])
            && same(&[g.image.len(), g.category.len(), g.areas.len()])
            && [&d.image, &g.image].into_iter().all(|codes| below(codes, images))
            && [&d.category, &g.category].into_iter().all(|codes| below(codes, self.categories.len()))
            && d.outcome.iter().all(outcome)
            && self.pairs.as_ref().is_none_or(pairs)
    }
}

fn damaged() -> Error {
    Error::value("state: the bytes of a match log are damaged")
}

fn column<T, const N: usize>(out: &mut Vec<u8>, values: &[T], bytes: impl Fn(&T) -> [u8; N]) -> Result<()> {
    reserve(out, size_of::<u64>() + values.len() * N)?;
    out.extend((values.len() as u64).to_le_bytes());
    values.iter().for_each(|value| out.extend(bytes(value)));
    Ok(())
}

fn keys(out: &mut Vec<u8>, keys: &[Key]) -> Result<()> {
    reserve(out, size_of::<u64>() * (1 + 2 * keys.len()))?;
    out.extend((keys.len() as u64).to_le_bytes());
    for key in keys {
        reserve(out, 1 + size_of::<u64>())?;
        match key {
            Key::Number(number) => {
                out.push(0);
                out.extend(number.to_le_bytes());
            }
            Key::Text(text) => {
                out.push(1);
                column(out, text.as_bytes(), |&byte| [byte])?;
            }
        }
    }
    Ok(())
}

struct ByteReader<'a> {
    bytes: &'a [u8],
}

impl<'a> ByteReader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(damaged)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.take(8)?.try_into().map_err(|_| damaged())?))
    }

    fn column<T, const N: usize>(&mut self, make: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
        let count = usize::try_from(self.number()?).map_err(|_| damaged())?;
        let bytes = self.take(count.checked_mul(N).ok_or_else(damaged)?)?;
        collect(bytes.as_chunks::<N>().0.iter().map(|&chunk| make(chunk)))
    }

    fn pairs(&mut self) -> Result<Vec<Pair>> {
        let errors = self.column(|[code]: [u8; 1]| code)?;
        let partners = self.column(u32::from_le_bytes)?;
        let similarity = self.column(|x| f64::from_bits(u64::from_le_bytes(x)))?;
        if errors.len() != partners.len() || errors.len() != similarity.len() {
            return Err(damaged());
        }
        let pair = |((code, partner), similarity): ((u8, u32), f64)| {
            let error = ErrorType::of_code(code).ok_or_else(damaged)?;
            Ok(Pair::new(error, (partner != NO_PARTNER).then_some(partner), similarity))
        };
        let mut pairs = with_capacity(errors.len())?;
        for found in errors.into_iter().zip(partners).zip(similarity).map(pair) {
            pairs.push(found?);
        }
        Ok(pairs)
    }

    fn keys(&mut self) -> Result<Vec<Key>> {
        let count = self.number()?;
        let mut keys = Vec::new();
        for _ in 0..count {
            reserve(&mut keys, 1)?;
            keys.push(match self.take(1)?[0] {
                0 => Key::Number(self.number()? as i64),
                1 => {
                    let text = String::from_utf8(self.column(|[byte]: [u8; 1]| byte)?);
                    Key::Text(text.map_err(|_| damaged())?.into())
                }
                _ => return Err(damaged()),
            });
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{Cells, ImageKeys, MatchTable, Truth};
    use crate::progress::Progress;

    fn log_of(partner: Option<u32>, error: ErrorType) -> MatchLog {
        let bits = OutcomeLayout { areas: 1, thresholds: 1, samples: false };
        let truth = |image| Truth { image, object: image, areas: 1 };
        let table = MatchTable::new(
            bits,
            Cells { groups: vec![0, 1], items: vec![Row::unmatched(0.5, 1, 0, 0, 0)] },
            Cells { groups: vec![0, 2], items: vec![truth(0), truth(1)] },
            Vec::new(),
        );
        let table = MatchTable { pairs: Some(vec![Pair::new(error, partner, 0.25)]), ..table };
        let mut log = MatchLog::new(bits, true, true);
        let images = ImageKeys::Given(vec![Key::Number(4), Key::Number(3)]);
        log.append(&table, images, &[Key::Text("a\u{1f}b".into())]).unwrap();
        log
    }

    #[test]
    fn pairs_survive_bytes_and_merging() {
        let log = log_of(Some(1), ErrorType::Duplicate);
        let again = MatchLog::from_bytes(&log.to_bytes().unwrap()).unwrap();
        let mut merged = MatchLog::new(log.bits(), true, true);
        merged.merge(&again).unwrap();
        merged.merge(&log).unwrap();
        for log in [log, again, merged] {
            let (table, legend) = log.table(&Progress::default()).unwrap();
            assert_eq!(legend.categories, [Key::Text("a\u{1f}b".into())]);
            let pair = table.pairs.as_ref().unwrap()[table.rows(0)[0].object as usize];
            let truth = table.truths(0).iter().find(|truth| Some(truth.object) == pair.partner()).unwrap();
            assert_eq!((truth.image, pair.error, pair.similarity), (0, ErrorType::Duplicate, 0.25));
        }
    }

    #[test]
    fn a_partner_in_another_image_or_none_where_there_must_be_one_is_damage() {
        for (partner, error) in [(Some(0), ErrorType::Ignored), (None, ErrorType::TruePositive)] {
            assert!(MatchLog::from_bytes(&log_of(partner, error).to_bytes().unwrap()).is_err());
        }
        assert!(MatchLog::from_bytes(&log_of(None, ErrorType::Both).to_bytes().unwrap()).is_ok());
    }
}
