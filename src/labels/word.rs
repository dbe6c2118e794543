//! A word of a line: as a number, and as it is shown in an error.

use crate::error::{Error, Result};

/// The finite number that a word writes.
///
/// # Errors
///
/// It is none; the error says what is there.
pub fn number(word: &[u8]) -> Result<f64> {
    let text = std::str::from_utf8(word).ok();
    match text.and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite()) {
        Some(number) => Ok(number),
        None => Err(Error::value("").found(format!("is {}", shown(word)))),
    }
}

/// The beginning of a word, readable.
pub fn shown(word: &[u8]) -> String {
    let text = String::from_utf8_lossy(word);
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None if text.parse::<f64>().is_ok() => text.into_owned(),
        None => format!("{text:?}"),
    }
}
