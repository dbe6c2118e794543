//! The text of a file: its encoding, its lines, and pieces of it.

use std::borrow::Cow;

use crate::error::{Error, Result, extend, push, with_capacity};

/// The text as UTF-8 and perhaps Latin-1, without a byte order mark.
pub(super) fn decoded(text: &[u8]) -> Result<Cow<'_, [u8]>> {
    let wide = |pair: fn([u8; 2]) -> u16| {
        let (pairs, rest) = text[2..].as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Error::value("is UTF-16 text with an odd number of bytes"));
        }
        let mut text = with_capacity(pairs.len())?;
        for letter in char::decode_utf16(pairs.iter().map(|&bytes| pair(bytes))) {
            let letter = letter.map_err(|_| Error::value("is not valid UTF-16 text"))?;
            extend(&mut text, letter.encode_utf8(&mut [0; 4]).bytes())?;
        }
        Ok(Cow::Owned(text))
    };
    match text {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => {
            Err(Error::value("is UTF-32 text, expected UTF-8 or UTF-16"))
        }
        [0xFF, 0xFE, ..] => wide(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => wide(u16::from_be_bytes),
        _ => Ok(Cow::Borrowed(text)),
    }
}

/// The byte order mark in UTF-8. Where files were joined, one may stand at the beginning of any line.
pub(super) const MARK: &[u8] = b"\xEF\xBB\xBF";

#[inline]
pub(super) fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(MARK).unwrap_or(line)
}

/// Whether a line is empty or, where the file has `comments`, a comment.
#[inline]
pub(super) fn is_passed_over(line: &[u8], comments: bool) -> bool {
    let line = line.trim_ascii_start();
    line.is_empty() || (comments && line[0] == b'#')
}

/// Cuts a text into pieces of about `size` bytes that end where a line does.
pub(super) fn chunks(mut text: &[u8], size: usize, end: u8) -> Result<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !text.is_empty() {
        let end = text
            .get(size..)
            .and_then(|rest| rest.iter().position(|&byte| byte == end))
            .map_or(text.len(), |place| size + place + 1);
        let (part, rest) = text.split_at(end);
        push(&mut parts, part)?;
        text = rest;
    }
    Ok(parts)
}
