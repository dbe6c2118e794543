//! Ids as small integers.

use super::integer_codes::IntegerCodes;
use crate::error::{Result, push, reserve, with_capacity};

/// A column of ids: for each record a code, and for each code the id and the record that used it first.
///
/// Codes are given in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct InternedIds {
    /// The code of each record.
    pub codes: Vec<u32>,
    /// The id that each code stands for.
    pub ids: Vec<i64>,
    /// The first record that has each code.
    pub first: Vec<usize>,
    known: IntegerCodes,
    last: Option<(i64, u32)>,
}

impl InternedIds {
    /// Adds the id of the next record.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    #[inline(always)]
    pub fn push(&mut self, id: i64) -> Result<()> {
        let code = match self.last {
            Some((last, code)) if last == id => code,
            _ => {
                let code = self.code(id, self.codes.len())?;
                self.last = Some((id, code));
                code
            }
        };
        push(&mut self.codes, code)
    }

    fn code(&mut self, id: i64, record: usize) -> Result<u32> {
        match self.known.find(id) {
            Some(code) => Ok(code),
            None => self.add(id, record),
        }
    }

    #[cold]
    fn add(&mut self, id: i64, record: usize) -> Result<u32> {
        let code = self.ids.len() as u32;
        // A code has its id, whatever fails.
        push(&mut self.ids, id)?;
        push(&mut self.first, record)?;
        self.known.insert(id, code)?;
        Ok(code)
    }

    /// The code of `id`, if a record has it.
    pub fn find(&self, id: i64) -> Option<u32> {
        self.known.find(id)
    }

    /// Adds the records of `part` after these.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn append(&mut self, part: &InternedIds) -> Result<()> {
        let start = self.codes.len();
        let mut renamed = with_capacity(part.ids.len())?;
        for (&id, &first) in part.ids.iter().zip(&part.first) {
            renamed.push(self.code(id, start + first)?);
        }
        reserve(&mut self.codes, part.codes.len())?;
        match renamed.first() {
            // As of images, most files have the objects of one after those of another.
            Some(&first) if renamed.iter().zip(first..).all(|(&code, next)| code == next) => {
                self.codes.extend(part.codes.iter().map(|&code| first + code));
            }
            _ => self.codes.extend(part.codes.iter().map(|&code| renamed[code as usize])),
        }
        Ok(())
    }

    /// Removes all records and keeps the memory.
    pub fn clear(&mut self) {
        self.codes.clear();
        self.first.clear();
        self.known.remove(&self.ids);
        self.ids.clear();
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_joined_are_the_whole() {
        let ids = [5, 5, -1, 7, 5, i64::MIN, 7, 8, -1];
        let mut whole = InternedIds::default();
        ids.iter().for_each(|&id| whole.push(id).unwrap());
        assert_eq!(whole.codes, [0, 0, 1, 2, 0, 3, 2, 4, 1]);
        assert_eq!(whole.first, [0, 2, 3, 5, 7]);
        for cut in 0..=ids.len() {
            let (mut joined, mut part) = (InternedIds::default(), InternedIds::default());
            for piece in [&ids[..cut], &ids[cut..]] {
                part.clear();
                piece.iter().for_each(|&id| part.push(id).unwrap());
                joined.append(&part).unwrap();
            }
            assert_eq!(
                (joined.codes, joined.ids, joined.first),
                (whole.codes.clone(), whole.ids.clone(), whole.first.clone())
            );
        }
        assert_eq!(whole.find(-1), Some(1));
        assert_eq!(whole.find(6), None);
    }
}
