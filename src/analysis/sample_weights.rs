//! Weights of images in several resamples, side by side.

use crate::error::{Error, Result, filled};
use crate::progress::{Progress, STRETCH};

/// Resamples that go over the rows side by side.
pub(super) const SAMPLES: usize = 16;

/// One number for each of these resamples.
pub(super) type SampleCounts = [u32; SAMPLES];

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

/// The weights of each image in [`SAMPLES`] resamples, in half the memory: they are read once for each row.
pub(super) struct ImageWeights {
    of_image: Vec<[u16; SAMPLES]>,
    /// So many of them add up to 16 bits.
    together: usize,
}

impl ImageWeights {
    /// Of weights `(B, I)` of at most so many resamples.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; a weight has more than 16 bits.
    pub(super) fn new(weights: &[u32], images: usize) -> Result<ImageWeights> {
        let most = weights.iter().copied().max().unwrap_or(0).max(1);
        let Some(together) = u32::from(u16::MAX).checked_div(most).filter(|&together| together > 0) else {
            let limit = u16::MAX;
            return Err(Error::value(format!("weights: expected numbers of at most {limit}, found {most}")));
        };
        let mut of_image = filled(images, [0; SAMPLES])?;
        for (sample, weights) in weights.chunks_exact(images).enumerate() {
            of_image.iter_mut().zip(weights).for_each(|(all, &weight)| all[sample] = weight as u16);
        }
        Ok(ImageWeights { of_image, together: (together as usize).min(STRETCH) })
    }

    /// Adds the weights of one image.
    #[inline(always)]
    pub(super) fn add_one(&self, to: &mut SampleCounts, image: u32) {
        add_wide(to, &self.of_image[image as usize]);
    }

    /// Adds the weights of some images.
    ///
    /// # Errors
    ///
    /// The work is cancelled.
    #[inline(always)]
    pub(super) fn add(&self, to: &mut SampleCounts, images: &[u32], progress: &Progress) -> Result<()> {
        // Mostly there is one, or none.
        if let [image] = *images {
            self.add_one(to, image);
            return Ok(());
        }
        for images in images.chunks(self.together) {
            if images.len() == self.together {
                progress.check()?;
            }
            let mut sum = [0u16; SAMPLES];
            for &image in images {
                let weights = &self.of_image[image as usize];
                for sample in 0..SAMPLES {
                    sum[sample] += weights[sample];
                }
            }
            add_wide(to, &sum);
        }
        Ok(())
    }
}

/// Adds numbers of 16 bits.
#[inline(always)]
fn add_wide(to: &mut SampleCounts, more: &[u16; SAMPLES]) {
    for sample in 0..SAMPLES {
        to[sample] += u32::from(more[sample]);
    }
}
