//! Values that were only passed over when the file was read, read again where they lie.

use std::ops::Range;

use rayon::prelude::*;

use super::annotations::Spans;
use super::error::ParseError;
use super::scanner::{PADDING, Scan, Scanner};
use super::source::Source;
use crate::error::{Error, Result, push, reserve};
use crate::threads;

/// Bytes of the file that are read at a time.
const REGION: u64 = 1 << 20;

/// Reads all `spans` (which lie in the order of the file) in parallel, and gives what was made of them to `take` in
/// order.
///
/// `read` adds the value of record `index` at the scanner to a region's `T`; `None` means that columns cannot hold it,
/// which ends everything with `None`.
pub(crate) fn read<T: Default + Send>(
    source: &Source,
    spans: &Spans,
    read: impl Fn(&mut Scanner<'_>, usize, &mut T) -> Scan<Option<()>> + Sync,
    mut take: impl FnMut(T) -> Result<()> + Send,
) -> Result<Option<()>> {
    let regions = regions(spans)?;
    threads::run(|| {
        for group in regions.chunks(4 * threads::count()) {
            let parts: Vec<Result<Option<T>>> = group
                .par_iter()
                .map_init(Vec::new, |buffer, region| {
                    read_region(source, spans, region.clone(), buffer, &read)
                })
                .collect();
            for part in parts {
                match part? {
                    Some(part) => take(part)?,
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(()))
    })
}

/// Runs of records that lie within [`REGION`] bytes, or a single larger one.
fn regions(spans: &Spans) -> Result<Vec<Range<usize>>> {
    let mut regions = Vec::new();
    let mut first = 0;
    for index in 0..spans.start.len() {
        let end = spans.start[index] + u64::from(spans.len[index]);
        if index > first && end - spans.start[first] > REGION {
            push(&mut regions, first..index)?;
            first = index;
        }
    }
    if first < spans.start.len() {
        push(&mut regions, first..spans.start.len())?;
    }
    Ok(regions)
}

fn read_region<T: Default>(
    source: &Source,
    spans: &Spans,
    region: Range<usize>,
    buffer: &mut Vec<u8>,
    read: &(impl Fn(&mut Scanner<'_>, usize, &mut T) -> Scan<Option<()>> + Sync),
) -> Result<Option<T>> {
    let base = spans.start[region.start];
    let end = spans.start[region.end - 1] + u64::from(spans.len[region.end - 1]);
    let len = usize::try_from(end - base).unwrap_or(usize::MAX - PADDING);
    buffer.clear();
    reserve(buffer, len + PADDING)?;
    buffer.resize(len + PADDING, 0);
    source.read_at(base, &mut buffer[..len]).map_err(Error::io)?;
    let mut part = T::default();
    for index in region {
        let position = (spans.start[index] - base) as usize;
        // The text was read before, so a fault can only mean that the file is not the same any more.
        match read(&mut Scanner::new(buffer, len, position, base), index, &mut part) {
            Ok(Some(())) => {}
            Err(ParseError::Memory) => return Err(Error::out_of_memory_for("a value")),
            Ok(None) | Err(_) => return Ok(None),
        }
    }
    Ok(Some(part))
}
