//! Pixels to runs, and runs to pixels.

use rayon::prelude::*;

use crate::error::{Error, Result, push, with_capacity};
use crate::progress::Progress;
use crate::threads;

/// Replaces `counts` by the run lengths of `pixels`, which lie column by column.
///
/// As in the reference, a run ends where the value changes: adjacent pixels of different non-zero values are runs of
/// their own, which puts what follows on the other side.
///
/// # Errors
///
/// `OutOfMemory`
pub fn encode(pixels: &[u8], counts: &mut Vec<u32>) -> Result<()> {
    counts.clear();
    let mut value = 0;
    let mut rest = pixels;
    loop {
        let run = run_length(rest, value);
        push(counts, run as u32)?;
        rest = &rest[run..];
        match rest.first() {
            Some(&next) => value = next,
            None => return Ok(()),
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
///
/// # Errors
///
/// Runs go beyond the pixels, or the work is cancelled.
pub fn decode<C>(masks: &[C], pixels: &mut [u8], progress: &Progress) -> Result<()>
where
    C: Iterator<Item = u32> + Clone + Send + Sync,
{
    let mut rest = &mut *pixels;
    let mut parts = with_capacity(masks.len())?;
    for mask in masks {
        // A length that fits no memory fits no mask either.
        let total = mask.clone().try_fold(0usize, |total, count| total.checked_add(count as usize));
        let (part, after) = total
            .and_then(|total| rest.split_at_mut_checked(total))
            .ok_or_else(|| Error::value("invalid RLE mask: the runs are longer than the mask"))?;
        parts.push((mask, part));
        rest = after;
    }
    if parts.len() > 1 && worth_sharing(parts.iter().map(|(_, part)| part.len()).sum()) {
        threads::run(|| parts.into_par_iter().try_for_each(|(mask, part)| fill(mask.clone(), part, progress)))
    } else {
        parts.into_iter().try_for_each(|(mask, part)| fill(mask.clone(), part, progress))
    }
}

/// Pixels that are written between two checks for cancellation.
const STRETCH: usize = 1 << 26;

/// Writes one mask into as many pixels as it has.
fn fill(counts: impl Iterator<Item = u32>, pixels: &mut [u8], progress: &Progress) -> Result<()> {
    progress.check()?;
    let (mut rest, mut written) = (pixels, 0);
    let mut foreground = false;
    for count in counts {
        let (run, after) = rest.split_at_mut(count as usize);
        if foreground {
            run.fill(1);
        }
        written += run.len();
        if written > STRETCH {
            progress.check()?;
            written = 0;
        }
        foreground = !foreground;
        rest = after;
    }
    Ok(())
}

/// Whether so many pixels are worth waking other threads.
pub fn worth_sharing(pixels: usize) -> bool {
    pixels >= 1 << 21
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use crate::progress::Progress;
    use crate::random::Random;

    fn runs(pixels: &[u8]) -> Vec<u32> {
        let mut counts = Vec::new();
        encode(pixels, &mut counts).unwrap();
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
        let mut random = Random::new(7);
        for size in 0..300 {
            let mut pixels = Vec::new();
            while pixels.len() < size {
                let run = random.below(70) as usize;
                pixels.extend(std::iter::repeat_n(random.below(3) as u8, run));
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

    fn runs_to_pixels<const N: usize>(masks: &[&[u32]]) -> Option<[u8; N]> {
        let masks: Vec<_> = masks.iter().map(|mask| mask.iter().copied()).collect();
        let mut pixels = [0; N];
        decode(&masks, &mut pixels, &Progress::default()).ok().map(|()| pixels)
    }

    #[test]
    fn masks_follow_each_other() {
        assert_eq!(runs_to_pixels(&[&[1, 2], &[0, 1, 1]]), Some([0, 1, 1, 1, 0, 0]));
        assert_eq!(runs_to_pixels(&[&[], &[]]), Some([0; 3]));
    }

    #[test]
    fn too_long() {
        assert_eq!(runs_to_pixels::<4>(&[&[1, 2], &[0, 2]]), None);
        assert_eq!(runs_to_pixels::<4>(&[&[u32::MAX]]), None);
        assert_eq!(runs_to_pixels(&[&[4, 0]]), Some([0; 4]));
    }

    #[test]
    fn shared_work_writes_the_same() {
        let mask = [1000, 300_000, 5, 400_000, 347_571];
        let masks = vec![mask.iter().copied(); 3];
        let mut pixels = vec![0; 3 << 20];
        decode(&masks, &mut pixels, &Progress::default()).unwrap();
        for plane in pixels.chunks_exact(1 << 20) {
            assert_eq!(runs(plane), mask);
        }
    }
}
