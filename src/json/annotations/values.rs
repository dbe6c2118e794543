//! The values of a record: ids, numbers, boxes, geometry.

use super::super::eager::EagerGeometry;
use super::super::fast::Cursor;
use super::super::record::Field;
use super::super::scanner::{Number, Scan, Scanner};
use crate::columns::RotatedBox;

/// Integers up to here are doubles too.
pub(super) const EXACT: f64 = 9_007_199_254_740_992.0;

/// The numbers of a rotated box or of a 3D box; none if it is neither.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LongBox {
    pub(super) len: usize,
    pub(super) numbers: [f64; 8],
}

impl LongBox {
    /// Whether there are as many numbers as a rotated box or a 3D box has.
    pub(super) fn is_rotated(&self) -> bool {
        matches!(self.len, 5 | 7 | 8)
    }

    /// Whether it is a rotated box or a 3D box that can be used.
    #[inline]
    pub(super) fn is_usable(&self) -> bool {
        RotatedBox::are_usable(&self.numbers[..self.len])
    }

    /// The numbers of the array at the scanner; none if it is something else, or has too many.
    pub(super) fn read(scanner: &mut Scanner<'_>) -> Scan<Option<LongBox>> {
        let mut numbers = [0.0; 8];
        if !scanner.take(b'[') {
            return Ok(None);
        }
        if scanner.take(b']') {
            return Ok(Some(LongBox::default()));
        }
        for (index, number) in numbers.iter_mut().enumerate() {
            if real(scanner, number, &mut false)?.is_err() {
                return Ok(None);
            }
            if scanner.take(b']') {
                return Ok(Some(LongBox { len: index + 1, numbers }));
            }
            if !scanner.take(b',') {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// The same at a cursor, of as many numbers as there are here.
    #[inline(never)]
    pub(super) fn read_fast(&mut self, cursor: &mut Cursor<'_>, long: &mut bool) -> Option<()> {
        match self.len {
            5 => self.numbers[..5].copy_from_slice(&fast_numbers::<5>(cursor, long)?),
            7 => self.numbers[..7].copy_from_slice(&fast_numbers::<7>(cursor, long)?),
            8 => self.numbers = fast_numbers(cursor, long)?,
            _ => return None,
        }
        Some(())
    }
}

/// An id.
#[inline(always)]
pub(crate) fn integer(
    scanner: &mut Scanner<'_>,
    into: &mut i64,
) -> Scan<std::result::Result<(), &'static str>> {
    Ok(match scanner.integer()? {
        Some(value) => {
            *into = value;
            Ok(())
        }
        None => Err("an integer of 64 bits"),
    })
}

/// A number whose Python value is a double, or an integer that a double holds.
#[inline(always)]
pub(super) fn real(
    scanner: &mut Scanner<'_>,
    into: &mut f64,
    is_integer: &mut bool,
) -> Scan<std::result::Result<(), &'static str>> {
    Ok(match scanner.number()? {
        Some(Number { value, integer }) if !integer || value.abs() < EXACT => {
            *into = value;
            *is_integer = integer;
            Ok(())
        }
        Some(_) => Err("below 2^53"),
        None => Err("a number"),
    })
}

pub(super) const BOX: &str =
    "an array of 4 numbers (x, y, width, height), of 5 or 8 (a rotated box), or of 7 (a 3D box)";

#[inline(always)]
pub(super) fn fast_numbers<const N: usize>(cursor: &mut Cursor<'_>, long: &mut bool) -> Option<[f64; N]> {
    if !*long && let Some(numbers) = cursor.rounded_array() {
        return Some(numbers);
    }
    cursor.array(long)
}

/// Skips the geometry at a cursor, and decodes it if it is to be decoded eagerly. Returns its position in the file.
#[inline(always)]
pub(super) fn skip_geometry(
    eager: &mut EagerGeometry,
    field: Field,
    scanner: &mut Scanner<'_>,
    cursor: &mut Cursor<'_>,
) -> Option<(u64, u32)> {
    if eager.decodes(field) {
        scanner.move_to(cursor.at);
        let place = scanner.place();
        if let Ok(Some(())) = eager.read(scanner) {
            let start = std::mem::replace(&mut cursor.at, scanner.position());
            return Some((place, u32::try_from(cursor.at - start).ok()?));
        }
    }
    scanner.skip_from(cursor)
}

/// Any value: its position. It is decoded eagerly if requested and possible.
#[inline(always)]
pub(super) fn span(
    eager: &mut EagerGeometry,
    field: Field,
    scanner: &mut Scanner<'_>,
    into: &mut (u64, u32),
) -> Scan<std::result::Result<(), &'static str>> {
    scanner.space();
    let (place, start) = (scanner.place(), scanner.position());
    if !eager.decodes(field) || !matches!(eager.read(scanner), Ok(Some(()))) {
        scanner.move_to(start);
        scanner.skip()?;
    }
    Ok(match u32::try_from(scanner.position() - start) {
        Ok(len) => {
            *into = (place, len);
            Ok(())
        }
        Err(_) => Err("less than 4 GiB long"),
    })
}
