//! The ids that users give to images and categories, and the small integers that stand for them.

use std::collections::HashMap;

use super::integer_codes::IntegerCodes;
use crate::error::{Error, Result, collect, copied_text, push};
use crate::progress::Progress;
use crate::sort::sort_unstable_by;

/// An image's or a category's id: an integer or a string. Integers come before strings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An integer.
    Number(i64),
    /// A string.
    Text(Box<str>),
}

/// A [`Key`] that is borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRef<'a> {
    /// An integer.
    Number(i64),
    /// A string.
    Text(&'a str),
}

impl<'a> From<&'a Key> for KeyRef<'a> {
    fn from(key: &'a Key) -> KeyRef<'a> {
        match key {
            Key::Number(number) => KeyRef::Number(*number),
            Key::Text(text) => KeyRef::Text(text),
        }
    }
}

impl KeyRef<'_> {
    /// A copy of it.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn copied(self) -> Result<Key> {
        Ok(match self {
            KeyRef::Number(number) => Key::Number(number),
            KeyRef::Text(text) => Key::Text(copied_text(text)?.into()),
        })
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Number(number) => write!(f, "{number}"),
            Key::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// Codes for keys, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Interner {
    keys: Vec<Key>,
    numbers: IntegerCodes,
    texts: HashMap<Box<str>, u32>,
}

impl Interner {
    /// The keys, by code.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The number of codes.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The code of a key, if it has one.
    #[inline]
    pub fn find<'a>(&self, key: impl Into<KeyRef<'a>>) -> Option<u32> {
        match key.into() {
            KeyRef::Number(number) => self.numbers.find(number),
            KeyRef::Text(text) => self.texts.get(text).copied(),
        }
    }

    /// The code of a key, a new one if it has none.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    #[inline]
    pub fn code<'a>(&mut self, key: impl Into<KeyRef<'a>>) -> Result<u32> {
        let key = key.into();
        match self.find(key) {
            Some(code) => Ok(code),
            None => self.add(key),
        }
    }

    #[cold]
    fn add(&mut self, key: KeyRef<'_>) -> Result<u32> {
        let code = self.keys.len() as u32;
        if let KeyRef::Text(_) = key {
            self.texts.try_reserve(1).map_err(|_| Error::out_of_memory_for("the codes of ids"))?;
        }
        push(&mut self.keys, key.copied()?)?;
        match key {
            KeyRef::Number(number) => self.numbers.insert(number, code)?,
            KeyRef::Text(text) => drop(self.texts.insert(copied_text(text)?.into(), code)),
        }
        Ok(code)
    }

    /// The codes of keys, new ones where they have none.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn codes<'a>(&mut self, keys: impl IntoIterator<Item = &'a Key>) -> Result<Vec<u32>> {
        let mut codes = Vec::new();
        for key in keys {
            push(&mut codes, self.code(key)?)?;
        }
        Ok(codes)
    }

    /// The codes in the order of their keys.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn sorted(&self, progress: &Progress) -> Result<Vec<u32>> {
        let mut codes: Vec<u32> = collect(0..self.keys.len() as u32)?;
        // Each key is there once.
        sort_unstable_by(&mut codes, progress, |&a, &b| self.keys[a as usize].cmp(&self.keys[b as usize]))?;
        Ok(codes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_code() {
        let mut book = Interner::default();
        let keys =
            [Key::Number(7), Key::Text("7".into()), Key::Number(-1), Key::Number(1 << 40), Key::Number(7)];
        let codes = book.codes(&keys).unwrap();
        assert_eq!(codes, [0, 1, 2, 3, 0]);
        assert!(keys.iter().zip(codes).all(|(key, code)| book.find(key) == Some(code)));
        assert_eq!(book.find(&Key::Number(8)), None);
        assert_eq!(book.find(&Key::Number(4096)), None);
        assert_eq!(book.sorted(&Progress::default()).unwrap(), [2, 0, 3, 1]);
    }
}
