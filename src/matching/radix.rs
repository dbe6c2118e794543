//! Sorting by an integer, digit by digit.

/// Values of one digit.
const VALUES: usize = 256;

/// Sorts by `key`, equal ones as they came; `spare` is working memory.
///
/// Only digits in which the keys differ are looked at: scores that were single-precision numbers have few, images of one
/// batch too.
pub fn sort_by_integer<T: Copy>(items: &mut [T], spare: &mut Vec<T>, key: impl Fn(&T) -> u64) {
    if items.len() < VALUES {
        items.sort_by_key(key);
        return;
    }
    let differing = {
        let first = key(&items[0]);
        items.iter().fold(0, |differing, item| differing | (key(item) ^ first))
    };
    spare.clear();
    spare.extend_from_slice(items);
    let (mut from, mut to) = (&mut *items, &mut spare[..]);
    let mut swapped = false;
    let mut shift = differing.trailing_zeros();
    while shift < 64 && differing >> shift != 0 {
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
        shift += VALUES.trailing_zeros();
    }
    if swapped {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::sort_by_integer;

    #[test]
    fn sorts_as_the_standard_library_does() {
        let mut state = 1u64;
        let mut roll = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state ^ state >> 31
        };
        for length in [0, 1, 255, 256, 300, 5000] {
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
