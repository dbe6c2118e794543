//! Segmentations as JSON has them: polygons, compressed run lengths, plain run lengths.
//!
//! Only the forms that the reference takes without a second thought are read here; whatever is odd is `None`, and
//! left to Python.

use super::scanner::{After, Number, Scan, Scanner};
use crate::columns::{Masks, Shape};

/// Adds the segmentation at the scanner to `masks`. `image` is the height and width of its image, which polygons take
/// as theirs and run lengths do not.
pub fn read(scanner: &mut Scanner<'_>, image: [u32; 2], masks: &mut Masks) -> Scan<Option<()>> {
    match scanner.peek() {
        b'[' => polygons(scanner, image, masks),
        b'{' => run_lengths(scanner, masks),
        _ => Ok(None),
    }
}

/// An array of rings. The first decides how the reference reads all of them: it has more than four numbers, or it would
/// be a box.
fn polygons(scanner: &mut Scanner<'_>, image: [u32; 2], masks: &mut Masks) -> Scan<Option<()>> {
    scanner.take(b'[');
    let mut rings = 0;
    loop {
        if !scanner.take(b'[') {
            return Ok(None);
        }
        let start = masks.coordinates.len();
        loop {
            match scanner.number()? {
                Some(Number { value, .. }) if value.is_finite() => masks.coordinates.push(value),
                _ => return Ok(None),
            }
            if scanner.after(b']', "',' or ']'")? == After::Close {
                break;
            }
        }
        let count = masks.coordinates.len() - start;
        if count < 2 || (rings == 0 && count <= 4) {
            return Ok(None);
        }
        // The reference takes whole points, and leaves a number that is left over.
        masks.coordinates.truncate(start + count / 2 * 2);
        masks.push_ring([]);
        rings += 1;
        if scanner.after(b']', "',' or ']'")? == After::Close {
            masks.push_polygons(image, rings);
            return Ok(Some(()));
        }
    }
}

/// An object of `size` and `counts`, and nothing else.
fn run_lengths(scanner: &mut Scanner<'_>, masks: &mut Masks) -> Scan<Option<()>> {
    scanner.take(b'{');
    scanner.space();
    let mut size = None;
    let (bytes, counts) = (masks.bytes.len(), masks.counts.len());
    let mut compressed = None;
    loop {
        match scanner.key()? {
            b"size" if size.is_none() => {
                let Some(read) = pair(scanner)? else { return Ok(None) };
                size = Some(read);
            }
            b"counts" if compressed.is_none() => {
                scanner.space();
                compressed = match scanner.peek() {
                    b'"' => unescape(scanner.string()?, &mut masks.bytes).map(|()| true),
                    b'[' => plain_counts(scanner, &mut masks.counts)?.map(|()| false),
                    _ => None,
                };
                if compressed.is_none() {
                    return Ok(None);
                }
            }
            _ => return Ok(None),
        }
        if scanner.after(b'}', "',' or '}'")? == After::Close {
            break;
        }
    }
    let (Some(size), Some(compressed)) = (size, compressed) else { return Ok(None) };
    let (start, end) = if compressed { (bytes, masks.bytes.len()) } else { (counts, masks.counts.len()) };
    let Ok(len) = u32::try_from(end - start) else { return Ok(None) };
    let start = start as u64;
    masks.size.push(size);
    masks.shape.push(if compressed {
        Shape::Compressed { start, len }
    } else {
        Shape::Counts { start, len }
    });
    Ok(Some(()))
}

/// Height and width.
fn pair(scanner: &mut Scanner<'_>) -> Scan<Option<[u32; 2]>> {
    if !scanner.take(b'[') {
        return Ok(None);
    }
    let mut pair = [0; 2];
    for (side, next) in pair.iter_mut().zip([b',', b']']) {
        match scanner.integer()?.map(u32::try_from) {
            Some(Ok(value)) => *side = value,
            _ => return Ok(None),
        }
        if !scanner.take(next) {
            return Ok(None);
        }
    }
    Ok(Some(pair))
}

fn plain_counts(scanner: &mut Scanner<'_>, counts: &mut Vec<u32>) -> Scan<Option<()>> {
    scanner.take(b'[');
    if scanner.take(b']') {
        return Ok(Some(()));
    }
    loop {
        match scanner.integer()?.map(u32::try_from) {
            Some(Ok(count)) => counts.push(count),
            _ => return Ok(None),
        }
        if scanner.after(b']', "',' or ']'")? == After::Close {
            return Ok(Some(()));
        }
    }
}

/// Where the first backslash is. They are frequent in run lengths, so what lies between is looked at by the word.
#[inline]
fn backslash(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let zero_where = u64::from_le_bytes(*word) ^ (ONES * u64::from(b'\\'));
        // The lowest bit that is set is that of the first byte that is zero.
        let found = zero_where.wrapping_sub(ONES) & !zero_where & (ONES << 7);
        if found != 0 {
            return Some(8 * index + found.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|&byte| byte == b'\\').map(|at| 8 * words.len() + at)
}

/// Adds the bytes of a string whose characters are all ASCII, and none of them NUL.
fn unescape(text: &[u8], into: &mut Vec<u8>) -> Option<()> {
    if !text.is_ascii() {
        return None;
    }
    into.reserve(text.len());
    let mut rest = text;
    while let Some(at) = backslash(rest) {
        into.extend_from_slice(&rest[..at]);
        let (byte, used) = match rest.get(at + 1)? {
            b'b' => (8, 2),
            b'f' => (12, 2),
            b'n' => (b'\n', 2),
            b'r' => (b'\r', 2),
            b't' => (b'\t', 2),
            b'u' => {
                let digits = std::str::from_utf8(rest.get(at + 2..at + 6)?).ok()?;
                match u32::from_str_radix(digits, 16).ok()? {
                    code @ 1..0x80 => (code as u8, 6),
                    _ => return None,
                }
            }
            &same => (same, 2),
        };
        into.push(byte);
        rest = &rest[at + used..];
    }
    into.extend_from_slice(rest);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::scanner::PADDING;
    use super::*;

    fn masks(text: &str) -> Option<Masks> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.extend([0; PADDING]);
        let mut masks = Masks::default();
        read(&mut Scanner::new(&bytes, text.len(), 0, 0), [3, 4], &mut masks).ok()??;
        Some(masks)
    }

    #[test]
    fn the_three_forms() {
        let read = masks("[[1, 2.5, 3,4,5,-6e0], [7,8,9,10],[1,2,3]]").unwrap();
        assert_eq!((read.size[0], read.shape[0]), ([3, 4], Shape::Polygons { first: 0, count: 3 }));
        assert_eq!(read.ring(0), [1.0, 2.5, 3.0, 4.0, 5.0, -6.0]);
        assert_eq!((read.ring(1), read.ring(2)), (&[7.0, 8.0, 9.0, 10.0][..], &[1.0, 2.0][..]));
        let read = masks(r#"{"counts": "a\\b\u0041\/\"", "size": [5, 6]}"#).unwrap();
        assert_eq!((read.size[0], read.bytes.as_slice()), ([5, 6], &b"a\\bA/\""[..]));
        assert_eq!(read.shape[0], Shape::Compressed { start: 0, len: 6 });
        let read = masks(r#"{"size":[5,6],"counts":[1, 2,4294967295]}"#).unwrap();
        assert_eq!((read.shape[0], read.counts), (Shape::Counts { start: 0, len: 3 }, vec![1, 2, u32::MAX]));
    }

    #[test]
    fn what_is_odd_is_left_to_python() {
        for text in [
            "[]",
            "[[]]",
            "[[1,2,3,4]]",
            "[1,2,3,4,5,6]",
            "[[1,2,3,4,5,NaN]]",
            "[[1,2,3,4,5,6],[1]]",
            "null",
            "\"x\"",
            "{}",
            "[[1,2,3,4,5,\"6\"]]",
            r#"{"size":[1,2]}"#,
            r#"{"counts":"1"}"#,
            r#"{"size":[1,2,3],"counts":"1"}"#,
            r#"{"size":[1,-2],"counts":"1"}"#,
            r#"{"size":[1,2.0],"counts":"1"}"#,
            r#"{"size":[1,2],"counts":[-1]}"#,
            r#"{"size":[1,2],"counts":[1.0]}"#,
            r#"{"size":[1,2],"counts":[4294967296]}"#,
            r#"{"size":[1,2],"counts":null}"#,
            r#"{"size":[1,2],"counts":"é"}"#,
            r#"{"size":[1,2],"counts":"\u0000"}"#,
            r#"{"size":[1,2],"counts":"\u00e9"}"#,
            r#"{"size":[1,2],"counts":"1","x":1}"#,
            r#"{"size":[1,2],"size":[1,2],"counts":"1"}"#,
            r#"{"size":[1,2],"counts":"1","counts":[1]}"#,
        ] {
            assert!(masks(text).is_none(), "{text}");
        }
    }
}
