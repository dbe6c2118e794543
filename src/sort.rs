//! Sorting that ends soon when the work is cancelled.
//!
//! Each comparison reads the flag of the progress, and the one that finds it set leaves the sort by unwinding: a sort
//! has no other way out. So the order and the memory are those of the standard library and of rayon, and a comparison
//! costs one load more.

use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rayon::prelude::*;

use crate::error::{Error, Result, can_allocate, reserve};
use crate::progress::{Progress, STRETCH};

/// Sorts by `order`; equal items in any order, without memory.
///
/// # Errors
///
/// The work is cancelled; the items are in any order.
pub fn sort_unstable_by<T>(
    items: &mut [T],
    progress: &Progress,
    mut order: impl FnMut(&T, &T) -> Ordering,
) -> Result<()> {
    stoppable(|| {
        items.sort_unstable_by(|a, b| {
            stop_if_cancelled(progress);
            order(a, b)
        });
    })
}

/// As [`sort_unstable_by`], by a key.
///
/// # Errors
///
/// As of [`sort_unstable_by`].
pub fn sort_unstable_by_key<T, K: Ord>(
    items: &mut [T],
    progress: &Progress,
    key: impl Fn(&T) -> K,
) -> Result<()> {
    sort_unstable_by(items, progress, |a, b| key(a).cmp(&key(b)))
}

/// As [`sort_unstable_by_key`], equal items as they came; what is sorted in parts takes little time.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled, and the items are in any order.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], progress: &Progress, key: impl Fn(&T) -> K) -> Result<()> {
    // The standard library's sort takes no more, and has no way to say that it is not there.
    can_allocate(size_of_val(items))?;
    stoppable(|| {
        items.sort_by(|a, b| {
            stop_if_cancelled(progress);
            key(a).cmp(&key(b))
        });
    })
}

/// As [`sort_unstable_by`], on the current pool.
///
/// # Errors
///
/// As of [`sort_unstable_by`].
pub fn par_sort_unstable_by<T: Send>(
    items: &mut [T],
    progress: &Progress,
    order: impl Fn(&T, &T) -> Ordering + Sync,
) -> Result<()> {
    stoppable(|| {
        items.par_sort_unstable_by(|a, b| {
            stop_if_cancelled(progress);
            order(a, b)
        });
    })
}

/// What a sort is left with.
struct Cancelled;

#[inline(always)]
fn stop_if_cancelled(progress: &Progress) {
    if progress.check().is_err() {
        stop();
    }
}

#[cold]
fn stop() -> ! {
    // Not `panic!`: nothing is to be reported.
    resume_unwind(Box::new(Cancelled))
}

fn stoppable(sort: impl FnOnce()) -> Result<()> {
    // A sort that is left so has all items, in any order.
    catch_unwind(AssertUnwindSafe(sort)).map_err(|reason| match reason.downcast::<Cancelled>() {
        Ok(_) => Error::cancelled(),
        Err(panic) => resume_unwind(panic),
    })
}

/// Bits of one digit.
const DIGIT: u32 = 8;

/// Values of one digit.
const VALUES: usize = 1 << DIGIT;

/// Sorts by `key`, equal ones as they came; `spare` is working memory.
///
/// Only digits in which the keys differ are processed: scores that were single-precision numbers have few, images of
/// one batch too. And of many only the first ones: what they leave together is little, and is sorted on its own.
///
/// # Errors
///
/// `OutOfMemory`; the work is cancelled. The items may be lost then.
pub fn sort_by_integer<T: Copy>(
    items: &mut [T],
    spare: &mut Vec<T>,
    progress: &Progress,
    key: impl Fn(&T) -> u64 + Copy,
) -> Result<()> {
    if items.len() < VALUES {
        items.sort_by_key(key);
        return Ok(());
    }
    let differing = {
        let first = key(&items[0]);
        items.iter().fold(0, |differing, item| differing | (key(item) ^ first))
    };
    let digits = if items.len() < VALUES * VALUES / 4 { 2 } else { 3 };
    let end = 64 - differing.leading_zeros();
    let start = differing.trailing_zeros().max(end.saturating_sub(digits * DIGIT));
    sort_by_digits(items, spare, progress, |item| key(item) >> start, end.saturating_sub(start))?;
    if start > differing.trailing_zeros() {
        let together = |a: &T, b: &T| key(a) >> start == key(b) >> start;
        let mut done = 0;
        for run in items.chunk_by_mut(together) {
            done += run.len();
            if done >= STRETCH {
                progress.check()?;
                done = 0;
            }
            if run.len() > 1 {
                sort_by_integer(run, spare, progress, key)?;
            }
        }
    }
    Ok(())
}

/// Sorts by the lowest `bits` bits of `key`, which are all in which the keys differ.
fn sort_by_digits<T: Copy>(
    items: &mut [T],
    spare: &mut Vec<T>,
    progress: &Progress,
    key: impl Fn(&T) -> u64,
    bits: u32,
) -> Result<()> {
    spare.clear();
    reserve(spare, items.len())?;
    spare.extend_from_slice(items);
    let (mut from, mut to) = (&mut *items, &mut spare[..]);
    let mut swapped = false;
    for shift in (0..bits).step_by(DIGIT as usize) {
        let digit = |item: &T| (key(item) >> shift) as usize % VALUES;
        let mut places = [0u32; VALUES];
        from.iter().for_each(|item| places[digit(item)] += 1);
        let mut place = 0;
        for count in &mut places {
            place += std::mem::replace(count, place);
        }
        for stretch in from.chunks(STRETCH) {
            progress.check()?;
            for item in stretch {
                let place = &mut places[digit(item)];
                to[*place as usize] = *item;
                *place += 1;
            }
        }
        std::mem::swap(&mut from, &mut to);
        swapped = !swapped;
    }
    if swapped {
        to.copy_from_slice(from);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::random::{Random, tries};
    use crate::threads;

    #[test]
    fn sorts_as_the_standard_library_does() {
        let mut random = Random::new(1);
        let mut roll = || random.next();
        // Miri takes a thousand times as long.
        let lengths: &[usize] = if cfg!(miri) { &[0, 1, 300] } else { &[0, 1, 255, 256, 300, 5000, 20_000] };
        for &length in lengths {
            for mask in [0, 1 << 63, 0xff, 0xff00_0000_0000_0001, u64::MAX, 0x3fff_fff0_0000_0000, 0xffff] {
                let mut items: Vec<(u64, usize)> = (0..length).map(|i| (roll() & mask, i)).collect();
                if let Some(last) = items.last_mut() {
                    // Far from the others, which then share their first digits.
                    last.0 |= 1 << 63;
                }
                let mut expected = items.clone();
                expected.sort_by_key(|item| item.0);
                sort_by_integer(&mut items, &mut Vec::new(), &Progress::new(), |item| item.0).unwrap();
                assert_eq!(items, expected);
            }
        }
    }

    #[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
    #[test]
    fn sorts_end_when_cancelled() {
        let mut random = Random::new(2);
        let many: Vec<u64> =
            (0..if cfg!(miri) { 1 << 10 } else { tries(1 << 20) }).map(|_| random.next()).collect();
        let mut sorted = many.clone();
        sorted.sort_unstable();
        type Sort = fn(&mut [u64], &Progress) -> Result<()>;
        let sorts: [Sort; 5] = [
            |items, progress| sort_unstable_by(items, progress, Ord::cmp),
            |items, progress| sort_unstable_by_key(items, progress, |item| *item),
            |items, progress| sort_by_key(items, progress, |item| *item),
            |items, progress| threads::run(|| par_sort_unstable_by(items, progress, Ord::cmp)),
            |items, progress| sort_by_integer(items, &mut Vec::new(), progress, |item| *item),
        ];
        for sort in sorts {
            let progress = Progress::new();
            let mut items = many.clone();
            sort(&mut items, &progress).unwrap();
            assert_eq!(items, sorted);
            progress.cancel();
            assert_eq!(sort(&mut many.clone(), &progress).unwrap_err().kind(), ErrorKind::Cancelled);
        }
    }

    #[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
    #[test]
    fn a_panic_of_the_order_stays_one() {
        let order = |_: &u8, _: &u8| -> Ordering { resume_unwind(Box::new("the order's own")) };
        let mut items = [0; 2];
        let panic = catch_unwind(AssertUnwindSafe(|| sort_unstable_by(&mut items, &Progress::new(), order)));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"the order's own"));
    }
}
