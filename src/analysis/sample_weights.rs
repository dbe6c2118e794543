//! Weights of images in several resamples, side by side.

use crate::error::{Result, filled};

/// Resamples that go over the rows side by side.
pub(super) const SAMPLES: usize = 16;

/// One number for each of these resamples.
pub(super) type SampleWeights = [u32; SAMPLES];

/// The weights `(B, I)` of at most so many resamples, those of each image next to each other; 0 for resamples that are
/// not there.
pub(super) fn side_by_side<const N: usize>(weights: &[u32], images: usize) -> Result<Vec<[u32; N]>> {
    let mut out = filled(images, [0; N])?;
    for (sample, weights) in weights.chunks_exact(images).enumerate() {
        out.iter_mut().zip(weights).for_each(|(all, &weight)| all[sample] = weight);
    }
    Ok(out)
}

/// Adds the numbers of each resample.
#[inline(always)]
pub(super) fn add<const N: usize>(to: &mut [u32; N], more: &[u32; N]) {
    for sample in 0..N {
        to[sample] += more[sample];
    }
}
