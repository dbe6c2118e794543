//! Run-length masks: codec, polygon rasteriser, set operations.
//!
//! A mask of height `h` and width `w` is read column by column, and written as the lengths of its runs: background,
//! foreground, background, … The first run is background, and may be empty. Lengths are 32-bit and wrap around, as
//! in the COCO API, whose `maskApi.c` is the source of every function here: what it computes is computed to the
//! last bit. Where it would hang, crash or read memory that is not its own, the answer is an error (marked
//! `DIFFERENCE:`).
//!
//! | file | question |
//! |---|---|
//! | [`codec`] | How are run lengths written as text? |
//! | [`polygon`] | Which pixels does a polygon cover? |
//! | [`pixels`] | How do arrays of pixels become runs, and runs pixels? |
//! | [`measure`] | How large is a mask, and where? |
//! | [`combine`] | What is the union, the intersection of masks? |
//! | [`overlap`] | What is their intersection over union? |
//!
//! ```
//! use meanap::rle::{Rle, Rasterizer, codec, measure};
//!
//! let mut counts = Vec::new();
//! Rasterizer::default().polygon(&[1.0, 1.0, 3.0, 1.0, 3.0, 3.0, 1.0, 3.0], 4, 5, &mut counts)?;
//! let mask = Rle { h: 4, w: 5, counts };
//! assert_eq!(mask.counts, [5, 2, 2, 2, 9]);
//! assert_eq!(measure::area(mask.counts.iter().copied()), 4);
//!
//! let mut text = Vec::new();
//! codec::write(&mask.counts, &mut text)?;
//! assert_eq!(text, b"52207");
//! # Ok::<(), meanap::Error>(())
//! ```

pub mod codec;
pub mod combine;
pub mod measure;
pub mod overlap;
pub mod pixels;
pub mod polygon;

pub use overlap::Foreground;
pub use polygon::Rasterizer;

/// A mask as run lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rle {
    /// Height in pixels.
    pub h: u64,
    /// Width in pixels.
    pub w: u64,
    /// Lengths of background and foreground in turn, background first; down the columns, left to right.
    pub counts: Vec<u32>,
}
