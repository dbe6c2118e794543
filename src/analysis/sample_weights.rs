//! Weights of images in several resamples, side by side.

use rayon::prelude::*;

use crate::error::{Error, Result, collect, collect_blocks, filled};
use crate::progress::Progress;
use crate::threads;

/// Resamples that go over the rows side by side.
pub(super) const SAMPLES: usize = 32;

/// One number for each of these resamples.
pub(super) type SampleCounts = [u32; SAMPLES];

/// Weights of a byte in each word: a sum of words is a sum of each weight, as long as none exceeds a byte.
const PER_WORD: usize = size_of::<u64>();

/// The weights of one image in [`SAMPLES`] resamples.
type Words = [u64; SAMPLES / PER_WORD];

/// How often each image is in each resample; read once for each row, by as many resamples as fit side by side.
pub struct ImageWeights {
    samples: usize,
    images: usize,
    pub(super) blocks: Vec<WeightBlock>,
}

impl ImageWeights {
    /// Of weights `(B, I)`, row by row.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; a weight has more than 8 bits; the work is cancelled.
    pub fn new(weights: &[u32], [samples, images]: [usize; 2], progress: &Progress) -> Result<ImageWeights> {
        let several = (SAMPLES * images).max(1);
        let block = |weights| progress.check().and_then(|()| Ok(Some(WeightBlock::new(weights, images)?)));
        let blocks = threads::run(|| collect_blocks(weights.par_chunks(several).map(block)))?;
        Ok(ImageWeights { samples, images, blocks })
    }

    /// The number of resamples.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The number of images.
    pub fn images(&self) -> usize {
        self.images
    }
}

/// The weights of each image in at most [`SAMPLES`] resamples; 0 in those that are not there.
pub(super) struct WeightBlock {
    of_image: Vec<Words>,
    /// So many of them add up to 8 bits.
    together: usize,
}

impl WeightBlock {
    fn new(weights: &[u32], images: usize) -> Result<WeightBlock> {
        let most = weights.iter().copied().max().unwrap_or(0).max(1);
        let Some(together) = u32::from(u8::MAX).checked_div(most).filter(|&together| together > 0) else {
            let limit = u8::MAX;
            return Err(Error::value(format!("weights: expected numbers of at most {limit}, found {most}")));
        };
        let mut bytes = filled(images, [0; SAMPLES])?;
        for (sample, weights) in weights.chunks_exact(images).enumerate() {
            bytes.iter_mut().zip(weights).for_each(|(all, &weight)| all[sample] = weight as u8);
        }
        let words = |bytes: &[u8; SAMPLES]| {
            let mut words: Words = [0; _];
            let eights = bytes.as_chunks::<PER_WORD>().0;
            words.iter_mut().zip(eights).for_each(|(word, eight)| *word = u64::from_le_bytes(*eight));
            words
        };
        Ok(WeightBlock { of_image: collect(bytes.iter().map(words))?, together: together as usize })
    }

    /// Adds the weights of one image.
    #[inline(always)]
    pub(super) fn add_one(&self, to: &mut SampleCounts, image: u32) {
        add_bytes(to, &self.of_image[image as usize]);
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
            let mut sum: Words = [0; _];
            for &image in images {
                let words = &self.of_image[image as usize];
                sum.iter_mut().zip(words).for_each(|(sum, word)| *sum += word);
            }
            add_bytes(to, &sum);
        }
        Ok(())
    }
}

/// Adds numbers of 8 bits.
#[inline(always)]
fn add_bytes(to: &mut SampleCounts, more: &Words) {
    let mut bytes = [0; SAMPLES];
    let eights = bytes.as_chunks_mut::<PER_WORD>().0;
    eights.iter_mut().zip(more).for_each(|(eight, word)| *eight = word.to_le_bytes());
    for sample in 0..SAMPLES {
        to[sample] += u32::from(bytes[sample]);
    }
}
