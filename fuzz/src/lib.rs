//! What the fuzz targets share.

pub mod json;
pub mod png;
pub mod take;

/// A fixed function of the input: decides how it is read, so that a crash is the same when it is run again.
pub fn hash(data: &[u8]) -> u64 {
    data.iter()
        .fold(0xcbf2_9ce4_8422_2325, |state, &byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
