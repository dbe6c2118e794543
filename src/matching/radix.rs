//! Sorting by an integer, digit by digit.

/// Bits of one digit.
const DIGIT: u32 = 8;

/// Values of one digit.
const VALUES: usize = 1 << DIGIT;

/// Sorts by `key`, equal ones as they came; `spare` is working memory.
///
/// Only digits in which the keys differ are processed: scores that were single-precision numbers have few, images of
/// one batch too. And of many only the first ones: what they leave together is little, and is sorted by comparing.
pub fn sort_by_integer<T: Copy>(items: &mut [T], spare: &mut Vec<T>, key: impl Fn(&T) -> u64) {
    if items.len() < VALUES {
        items.sort_by_key(key);
        return;
    }
    let differing = {
        let first = key(&items[0]);
        items.iter().fold(0, |differing, item| differing | (key(item) ^ first))
    };
    let digits = if items.len() < VALUES * VALUES / 4 { 2 } else { 3 };
    let end = 64 - differing.leading_zeros();
    let start = differing.trailing_zeros().max(end.saturating_sub(digits * DIGIT));
    sort_by_digits(items, spare, |item| key(item) >> start, end.saturating_sub(start));
    if start > differing.trailing_zeros() {
        let together = |a: &T, b: &T| key(a) >> start == key(b) >> start;
        items.chunk_by_mut(together).filter(|run| run.len() > 1).for_each(|run| run.sort_by_key(&key));
    }
}

/// Sorts by the lowest `bits` bits of `key`, which are all in which the keys differ.
fn sort_by_digits<T: Copy>(items: &mut [T], spare: &mut Vec<T>, key: impl Fn(&T) -> u64, bits: u32) {
    spare.clear();
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
        for item in from.iter() {
            let place = &mut places[digit(item)];
            to[*place as usize] = *item;
            *place += 1;
        }
        std::mem::swap(&mut from, &mut to);
        swapped = !swapped;
    }
    if swapped {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::sort_by_integer;
    use crate::random::Random;

    #[test]
    fn sorts_as_the_standard_library_does() {
        let mut random = Random::new(1);
        let mut roll = || random.next();
        // Miri takes a thousand times as long.
        let lengths: &[usize] = if cfg!(miri) { &[0, 1, 300] } else { &[0, 1, 255, 256, 300, 5000, 20_000] };
        for &length in lengths {
            for mask in [0, 1 << 63, 0xff, 0xff00_0000_0000_0001, u64::MAX, 0x3fff_fff0_0000_0000] {
                let mut items: Vec<(u64, usize)> = (0..length).map(|i| (roll() & mask, i)).collect();
                let mut expected = items.clone();
                expected.sort_by_key(|item| item.0);
                sort_by_integer(&mut items, &mut Vec::new(), |item| item.0);
                assert_eq!(items, expected);
            }
        }
    }
}
