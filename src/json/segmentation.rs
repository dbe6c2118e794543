//! Segmentations as JSON has them: polygons, compressed run lengths, plain run lengths.
//!
//! Only the common forms of the reference are read here; anything else is `None`, and
//! left to Python.

use super::scanner::{After, Number, Scan, Scanner, added};
use crate::columns::{MaskShape, Masks};
use crate::error::push;
use crate::rle::polygon::is_coordinate;

/// Adds the segmentation at the scanner to `masks`. `image` is the height and width of its image, which polygons take
/// as theirs and run lengths do not.
pub(crate) fn read(scanner: &mut Scanner<'_>, image: [u32; 2], masks: &mut Masks) -> Scan<Option<()>> {
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
            match scanner.rounded_number()? {
                Some(Number { value, .. }) if is_coordinate(value) => {
                    added(push(&mut masks.coordinates, value))?
                }
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
        added(masks.push_ring([]))?;
        rings += 1;
        if scanner.after(b']', "',' or ']'")? == After::Close {
            added(masks.push_polygons(image, rings))?;
            return Ok(Some(()));
        }
    }
}

/// An object of `size` and `counts`, and nothing else.
fn run_lengths(scanner: &mut Scanner<'_>, masks: &mut Masks) -> Scan<Option<()>> {
    scanner.take(b'{');
    scanner.space();
    let mut size = None;
    let counts = masks.counts.len();
    let mut shape = None;
    loop {
        match scanner.key()? {
            b"size" if size.is_none() => {
                let Some(read) = pair(scanner)? else { return Ok(None) };
                size = Some(read);
            }
            b"counts" if shape.is_none() => {
                scanner.space();
                shape = match scanner.peek() {
                    b'"' => masks.add_text(|text| scanner.ascii(text))?,
                    b'[' => plain_counts(scanner, &mut masks.counts)?.map(|()| {
                        let len = (masks.counts.len() - counts) as u32;
                        MaskShape::Counts { start: counts as u64, len }
                    }),
                    _ => None,
                };
                if shape.is_none() {
                    return Ok(None);
                }
            }
            _ => return Ok(None),
        }
        if scanner.after(b'}', "',' or '}'")? == After::Close {
            break;
        }
    }
    let (Some(size), Some(shape)) = (size, shape) else { return Ok(None) };
    added(masks.push(size, shape))?;
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
            Some(Ok(count)) => added(push(counts, count))?,
            _ => return Ok(None),
        }
        if scanner.after(b']', "',' or ']'")? == After::Close {
            return Ok(Some(()));
        }
    }
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
        assert_eq!((read.size[0], read.shape[0]), ([3, 4], MaskShape::Polygons { first: 0, count: 3 }));
        assert_eq!(read.ring(0), [1.0, 2.5, 3.0, 4.0, 5.0, -6.0]);
        assert_eq!((read.ring(1), read.ring(2)), (&[7.0, 8.0, 9.0, 10.0][..], &[1.0, 2.0][..]));
        let read = masks(r#"{"counts": "a\\b\u0041\/\"", "size": [5, 6]}"#).unwrap();
        assert_eq!(read.shape[0], MaskShape::Compressed { piece: 0, start: 0, len: 6 });
        assert_eq!((read.size[0], read.text(0, 0, 6)), ([5, 6], &b"a\\bA/\""[..]));
        let read = masks(r#"{"size":[5,6],"counts":[1, 2,4294967295]}"#).unwrap();
        assert_eq!(
            (read.shape[0], read.counts),
            (MaskShape::Counts { start: 0, len: 3 }, vec![1, 2, u32::MAX])
        );
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
