//! The ids that users give to images and categories, and the small integers that stand for them.

use std::collections::HashMap;

/// An image's or a category's id: an integer or a string. Integers come before strings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An integer.
    Number(i64),
    /// A string.
    Text(Box<str>),
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Number(number) => write!(f, "{number}"),
            Key::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// Integers below this are looked up in a table, not by hash: class labels nearly always are.
const SMALL: usize = 4096;

const NO_CODE: u32 = u32::MAX;

/// Codes for keys, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Codebook {
    keys: Vec<Key>,
    small: Vec<u32>,
    numbers: HashMap<i64, u32>,
    texts: HashMap<Box<str>, u32>,
}

impl Codebook {
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
    pub fn find(&self, key: &Key) -> Option<u32> {
        match key {
            Key::Number(number) => match usize::try_from(*number) {
                Ok(small) if small < SMALL => self.small.get(small).copied().filter(|&code| code != NO_CODE),
                _ => self.numbers.get(number).copied(),
            },
            Key::Text(text) => self.texts.get(text).copied(),
        }
    }

    /// The code of a key, a new one if it has none.
    pub fn code(&mut self, key: &Key) -> u32 {
        if let Some(code) = self.find(key) {
            return code;
        }
        let code = self.keys.len() as u32;
        self.keys.push(key.clone());
        match key {
            Key::Number(number) => match usize::try_from(*number) {
                Ok(small) if small < SMALL => {
                    if small >= self.small.len() {
                        self.small.resize(small + 1, NO_CODE);
                    }
                    self.small[small] = code;
                }
                _ => drop(self.numbers.insert(*number, code)),
            },
            Key::Text(text) => drop(self.texts.insert(text.clone(), code)),
        }
        code
    }

    /// The codes in the order of their keys.
    pub fn sorted(&self) -> Vec<u32> {
        let mut codes: Vec<u32> = (0..self.keys.len() as u32).collect();
        codes.sort_by(|&a, &b| self.keys[a as usize].cmp(&self.keys[b as usize]));
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_code() {
        let mut book = Codebook::default();
        let keys =
            [Key::Number(7), Key::Text("7".into()), Key::Number(-1), Key::Number(1 << 40), Key::Number(7)];
        let codes: Vec<u32> = keys.iter().map(|key| book.code(key)).collect();
        assert_eq!(codes, [0, 1, 2, 3, 0]);
        assert!(keys.iter().zip(codes).all(|(key, code)| book.find(key) == Some(code)));
        assert_eq!(book.find(&Key::Number(8)), None);
        assert_eq!(book.find(&Key::Number(4096)), None);
        assert_eq!(book.sorted(), [2, 0, 3, 1]);
    }
}
