//! Codes of integers: the hash table behind interned ids.

use rustc_hash::FxHashMap;

use crate::error::{Error, Result, reserve};

/// Integers below this are looked up in a table, not by hash: class labels nearly always are.
const SMALL: i64 = 4096;

const NO_CODE: u32 = u32::MAX;

/// A code for each of some integers.
#[derive(Clone, Debug, Default)]
pub(super) struct IntegerCodes {
    /// The code of each small integer, as far as the greatest that had one.
    small: Vec<u32>,
    others: FxHashMap<i64, u32>,
}

impl IntegerCodes {
    /// The code of an integer, if it has one.
    #[inline]
    pub(super) fn find(&self, integer: i64) -> Option<u32> {
        if (0..SMALL).contains(&integer) {
            return self.small.get(integer as usize).copied().filter(|&code| code != NO_CODE);
        }
        self.others.get(&integer).copied()
    }

    /// Gives an integer a code.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; it has none then.
    pub(super) fn insert(&mut self, integer: i64, code: u32) -> Result<()> {
        if !(0..SMALL).contains(&integer) {
            self.others.try_reserve(1).map_err(|_| Error::out_of_memory_for("the codes of ids"))?;
            self.others.insert(integer, code);
            return Ok(());
        }
        let place = integer as usize;
        if place >= self.small.len() {
            let more = place + 1 - self.small.len();
            reserve(&mut self.small, more)?;
            self.small.resize(place + 1, NO_CODE);
        }
        self.small[place] = code;
        Ok(())
    }

    /// Removes the codes of these integers, which are all that have one, and keeps the memory.
    pub(super) fn remove(&mut self, integers: &[i64]) {
        for &integer in integers {
            if let Some(code) = usize::try_from(integer).ok().and_then(|place| self.small.get_mut(place)) {
                *code = NO_CODE;
            }
        }
        self.others.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_their_codes() {
        let mut codes = IntegerCodes::default();
        let integers = [7, 0, -1, SMALL - 1, SMALL, i64::MIN, i64::MAX, 1 << 40];
        for (&integer, code) in integers.iter().zip(0..) {
            assert_eq!(codes.find(integer), None);
            codes.insert(integer, code).unwrap();
            assert_eq!(codes.find(integer), Some(code));
        }
        assert!(integers.iter().zip(0..).all(|(&integer, code)| codes.find(integer) == Some(code)));
        assert_eq!([6, 8, SMALL - 2, SMALL + 1].map(|integer| codes.find(integer)), [None; 4]);
        codes.remove(&integers);
        assert!(integers.iter().all(|&integer| codes.find(integer).is_none()));
    }
}
