//! Pixels to runs, and runs to pixels.

use crate::error::{Error, Result};

/// Replaces `counts` by the run lengths of `pixels`, which lie column by column.
///
/// As in the reference, a run ends where the value changes: neighbours of different non-zero values are runs of
/// their own, which puts what follows on the other side.
pub fn encode(pixels: &[u8], counts: &mut Vec<u32>) {
    counts.clear();
    let mut value = 0;
    let mut rest = pixels;
    loop {
        let run = run_length(rest, value);
        counts.push(run as u32);
        rest = &rest[run..];
        match rest.first() {
            Some(&next) => value = next,
            None => break,
        }
    }
}

/// How many pixels at the start of `pixels` are `value`.
#[inline]
fn run_length(pixels: &[u8], value: u8) -> usize {
    const WORD: usize = 16;
    let same = u128::from_ne_bytes([value; WORD]);
    let mut length = 0;
    for word in pixels.chunks_exact(WORD) {
        let difference = u128::from_le_bytes(word.try_into().expect("chunks of one word")) ^ same;
        if difference != 0 {
            return length + difference.trailing_zeros() as usize / 8;
        }
        length += WORD;
    }
    length + pixels[length..].iter().take_while(|&&pixel| pixel == value).count()
}

/// Writes masks one after the other into `pixels`, which must be zeros: 1 for foreground.
///
/// `pixels` is as large as all masks together. As in the reference, a mask begins where the one before it ended,
/// wherever that was, and more runs than pixels are an error.
///
/// DIFFERENCE: what the runs do not reach stays 0; in the reference it is uninitialised memory.
pub fn decode<'a>(
    masks: impl IntoIterator<Item = impl IntoIterator<Item = u32> + 'a>,
    pixels: &mut [u8],
) -> Result<()> {
    let mut rest = pixels;
    for mask in masks {
        let mut value = 0;
        for count in mask {
            let (run, after) = rest
                .split_at_mut_checked(count as usize)
                .ok_or_else(|| Error::value("invalid RLE mask: the runs are longer than the mask"))?;
            if value != 0 {
                run.fill(value);
            }
            value ^= 1;
            rest = after;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    fn runs(pixels: &[u8]) -> Vec<u32> {
        let mut counts = Vec::new();
        encode(pixels, &mut counts);
        counts
    }

    #[test]
    fn values_make_runs() {
        assert_eq!(runs(&[0, 0, 1, 1, 0]), [2, 2, 1]);
        assert_eq!(runs(&[1, 1]), [0, 2]);
        assert_eq!(runs(&[1, 2, 0]), [0, 1, 1, 1]);
        assert_eq!(runs(&[]), [0]);
    }

    #[test]
    fn like_one_pixel_at_a_time() {
        let mut state = 7u64;
        for size in 0..300 {
            let mut pixels = Vec::new();
            while pixels.len() < size {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let run = (state >> 40) as usize % 70;
                pixels.extend(std::iter::repeat_n((state >> 33) as u8 % 3, run));
            }
            let mut naive = vec![0u32];
            let mut value = 0;
            for &pixel in &pixels {
                if pixel != value {
                    naive.push(0);
                    value = pixel;
                }
                *naive.last_mut().unwrap() += 1;
            }
            assert_eq!(runs(&pixels), naive);
        }
    }

    #[test]
    fn masks_follow_each_other() {
        let mut pixels = [0; 6];
        decode([vec![1, 2], vec![0, 1, 1]], &mut pixels).unwrap();
        assert_eq!(pixels, [0, 1, 1, 1, 0, 0]);
    }

    #[test]
    fn too_long() {
        assert!(decode([vec![1, 2], vec![0, 2]], &mut [0; 4]).is_err());
        assert!(decode([vec![u32::MAX]], &mut [0; 4]).is_err());
        assert!(decode([vec![4, 0]], &mut [0; 4]).is_ok());
    }
}
