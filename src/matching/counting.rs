//! Counting sort, in parallel.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use crate::threads;

/// Objects from which on it pays to wake another thread.
pub(crate) const MANY: usize = 1 << 14;

/// Pieces for each thread: no thread waits long for one that began late.
pub(crate) const PIECES: usize = 4;

/// Sorts the objects `0..count` by a small key, stable, dropping those whose key is none of `0..keys`. Gives what `make`
/// makes of each, and where each key's run starts, and the end.
///
/// Each piece has its own copy of both functions: what they refer to is in registers, whatever is written meanwhile.
pub(crate) fn counting_sort<T: Send>(
    count: usize,
    keys: usize,
    key: impl Fn(u32) -> u32 + Copy + Sync,
    make: impl Fn(u32) -> T + Copy + Sync,
) -> (Vec<T>, Vec<u32>) {
    if count < MANY {
        return sort_few(count, keys, key, make);
    }
    // A piece holds its place in the run of each key: no more of them than pay.
    let pieces = match threads::count() {
        1 => 1,
        threads => (PIECES * threads).min(count / (4 * keys + 1)).max(1),
    };
    sort_in_pieces(pieces, count, keys, key, make)
}

fn sort_few<T>(
    count: usize,
    keys: usize,
    key: impl Fn(u32) -> u32,
    make: impl Fn(u32) -> T,
) -> (Vec<T>, Vec<u32>) {
    let key_of: Vec<u32> = (0..count as u32).map(key).collect();
    let mut starts = vec![0; keys + 1];
    for &key in &key_of {
        if let Some(count) = starts[1..].get_mut(key as usize) {
            *count += 1;
        }
    }
    for key in 0..keys {
        starts[key + 1] += starts[key];
    }
    let mut places = starts.clone();
    let mut order = vec![0; starts[keys] as usize];
    for (&key, i) in key_of.iter().zip(0..) {
        if (key as usize) < keys {
            let place = &mut places[key as usize];
            order[*place as usize] = i;
            *place += 1;
        }
    }
    (order.into_iter().map(make).collect(), starts)
}

fn sort_in_pieces<T: Send>(
    pieces: usize,
    count: usize,
    keys: usize,
    key: impl Fn(u32) -> u32 + Copy + Sync,
    make: impl Fn(u32) -> T + Copy + Sync,
) -> (Vec<T>, Vec<u32>) {
    let piece = |p: usize| p * count / pieces..(p + 1) * count / pieces;
    let count_keys = |objects: Range<usize>| {
        let (key, mut counts) = (key, vec![0u32; keys]);
        for i in objects {
            if let Some(count) = counts.get_mut(key(i as u32) as usize) {
                *count += 1;
            }
        }
        counts
    };
    let counts: Vec<Vec<u32>> = in_parallel((0..pieces).collect(), |p| count_keys(piece(p)));
    let mut starts = Vec::with_capacity(keys + 1);
    starts.push(0);
    let mut total = 0;
    for key in 0..keys {
        total += counts.iter().map(|counts| counts[key]).sum::<u32>();
        starts.push(total);
    }

    let mut sorted: Vec<T> = Vec::with_capacity(total as usize);
    let mut rest = &mut sorted.spare_capacity_mut()[..total as usize];
    // For each piece its part of each key's run, of which the front is filled and dropped.
    let mut open: Vec<Vec<&mut [MaybeUninit<T>]>> = (0..pieces).map(|_| Vec::with_capacity(keys)).collect();
    for key in 0..keys {
        for (open, counts) in open.iter_mut().zip(&counts) {
            open.push(rest.split_off_mut(..counts[key] as usize).expect("the counts add up to the total"));
        }
    }
    let fill = |(p, mut open): (usize, Vec<&mut [MaybeUninit<T>]>)| {
        let (key, make) = (key, make);
        for i in piece(p) {
            if let Some(open) = open.get_mut(key(i as u32) as usize) {
                open.split_off_first_mut().expect("a key is the same each time").write(make(i as u32));
            }
        }
        open.iter().all(|open| open.is_empty())
    };
    let filled = in_parallel(open.into_iter().enumerate().collect(), fill);
    assert!(filled.into_iter().all(|filled| filled), "a key is the same each time");
    // SAFETY: the parts of all pieces are the first `total` places; a part that is empty now had each place written.
    unsafe { sorted.set_len(total as usize) };
    (sorted, starts)
}

/// `work` on each item, on the thread pool if there are several.
fn in_parallel<I: Send, O: Send>(items: Vec<I>, work: impl Fn(I) -> O + Sync) -> Vec<O> {
    if items.len() < 2 {
        return items.into_iter().map(work).collect();
    }
    threads::run(|| items.into_par_iter().with_max_len(1).map(&work).collect())
}

#[cfg(test)]
mod tests {
    use super::{sort_few, sort_in_pieces};
    use crate::random::Random;

    #[test]
    fn pieces_change_nothing() {
        let mut random = Random::new(3);
        let mut roll = |sides: u64| random.below(sides);
        for count in [0, 1, 5, 100] {
            for keys in [0, 1, 7, 200] {
                let key_of: Vec<u32> = (0..count).map(|_| roll(keys as u64 + 2) as u32).collect();
                let mut expected: Vec<u32> =
                    (0..count as u32).filter(|&i| (key_of[i as usize] as usize) < keys).collect();
                expected.sort_by_key(|&i| key_of[i as usize]);
                for pieces in [0, 1, 2, 3, 16] {
                    let (key, make) = (|i: u32| key_of[i as usize], |i: u32| i.to_string());
                    let (sorted, starts) = match pieces {
                        0 => sort_few(count, keys, key, make),
                        _ => sort_in_pieces(pieces, count, keys, key, make),
                    };
                    assert_eq!(sorted, expected.iter().map(u32::to_string).collect::<Vec<_>>());
                    for key in 0..keys {
                        let run = starts[key] as usize..starts[key + 1] as usize;
                        assert!(expected[run].iter().all(|&i| key_of[i as usize] as usize == key));
                    }
                    assert_eq!(starts.len(), keys + 1);
                    assert_eq!(starts[keys] as usize, expected.len());
                }
            }
        }
    }
}
