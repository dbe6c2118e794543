//! Vector instructions: the functions that are written for single processors, behind one safe interface.
//!
//! x86-64 and aarch64 have code of their own; other processors use [`Portable`], the one-line twin of each function
//! that the others are tested against. [`Baseline`] uses instructions that every such processor has. Code that gains
//! from newer ones is a [`Kernel`]: [`dispatch`] detects them when it first runs.
//!
//! ```
//! use meanap::simd::{Baseline, Simd};
//!
//! let text = *b"[12, 3.5, 678, 9]               ";
//! assert_eq!(Baseline::positions(&text, b','), 1 << 3 | 1 << 8 | 1 << 13);
//! assert_eq!(Baseline::decimal(b"score = 00000123", 8), 123);
//! ```

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod portable;
mod scores;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use portable::Portable;
pub use scores::{any_nan, count_around, has_few, integer_tag, integer_tags, ranks_of_labels, to_single};

/// The instructions that every processor of this architecture has.
#[cfg(target_arch = "aarch64")]
pub type Baseline = aarch64::Neon;
/// The instructions that every processor of this architecture has.
#[cfg(target_arch = "x86_64")]
pub type Baseline = x86_64::Sse2;
/// The instructions that every processor of this architecture has.
#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
pub type Baseline = Portable;

/// Functions of 32 bytes of text, whose results have bit `i` for byte `i`.
pub trait Simd {
    /// Whether both have the same byte.
    fn equal(a: &[u8; 32], b: &[u8; 32]) -> u32;

    /// Whether the byte ends the plain part of a JSON string: a quote, a backslash, a control character, or not ASCII.
    fn special(text: &[u8; 32]) -> u32;

    /// Whether the byte is a decimal digit.
    fn digits(text: &[u8; 32]) -> u32;

    /// Whether the byte is `byte`.
    fn positions(text: &[u8; 32], byte: u8) -> u32;

    /// The number written by the last `count` bytes, at most 16, all of them decimal digits.
    fn decimal(text: &[u8; 16], count: usize) -> u64;
}

/// Code that is compiled for each set of instructions.
pub trait Kernel {
    /// The result.
    type Output;

    /// Runs it. Must be `#[inline(always)]`, like everything in it that uses `S`.
    fn run<S: Simd>(self) -> Self::Output;
}

/// Runs a kernel with the newest instructions that this processor has.
#[inline(always)]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = x86_64::Avx2Detected::get() {
        return avx2.run(kernel);
    }
    kernel.run::<Baseline>()
}

/// Whether kernels get vectors of 32 bytes, not 16.
#[inline]
fn has_wide_vectors() -> bool {
    #[cfg(target_arch = "x86_64")]
    return x86_64::Avx2Detected::get().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// A function of 32 bytes for 64 of them.
#[inline(always)]
pub fn both(text: &[u8; 64], bits: impl Fn(&[u8; 32]) -> u32) -> u64 {
    let (halves, _) = text.as_chunks();
    u64::from(bits(&halves[0])) | u64::from(bits(&halves[1])) << 32
}

/// Prefetches the memory of some rows of a table that will be read soon, where the processor supports it: `width`
/// items of `table` each.
#[inline(always)]
pub fn prefetch_rows<T>(table: &[T], width: usize, rows: &[u32]) {
    /// Bytes of a cache line.
    const LINE: usize = 64;
    let bytes = size_of::<T>() * width;
    for &row in rows {
        let start = table.as_ptr().cast::<u8>().wrapping_add((row as usize).wrapping_mul(bytes));
        for line in 0..bytes.div_ceil(LINE) {
            prefetch_line(start.wrapping_add(line * LINE));
        }
        // Rows that do not divide a line may end in the next one.
        if !LINE.is_multiple_of(bytes) {
            prefetch_line(start.wrapping_add(bytes.saturating_sub(1)));
        }
    }
}

/// Prefetches the cache line at an address, which need not be valid: this is a hint and never fails.
#[inline(always)]
pub fn prefetch_line<T>(address: *const T) {
    #[cfg(target_arch = "aarch64")]
    aarch64::prefetch(address.cast());
    #[cfg(target_arch = "x86_64")]
    x86_64::prefetch(address.cast());
    #[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
    let _ = address;
}

/// 16 zeros and 16 ones: the 16 bytes from `count` on have their last `count` bytes set.
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
const LAST: [u8; 32] = {
    let mut mask = [0; 32];
    let mut i = 16;
    while i < 32 {
        mask[i] = 0xff;
        i += 1;
    }
    mask
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// All functions of one text, in an order of no meaning.
    #[derive(Clone, Copy, Debug)]
    struct All<'a> {
        text: &'a [u8; 64],
        byte: u8,
        count: usize,
    }

    impl Kernel for All<'_> {
        type Output = ([u64; 3], u32, u64);

        #[inline(always)]
        fn run<S: Simd>(self) -> Self::Output {
            let All { text, byte, count } = self;
            let (halves, _) = text.as_chunks::<32>();
            let (quarters, _) = text.as_chunks::<16>();
            let bits =
                [both(text, S::digits), both(text, S::special), both(text, |half| S::positions(half, byte))];
            (bits, S::equal(&halves[0], &halves[1]), S::decimal(&quarters[0], count))
        }
    }

    #[test]
    fn each_instruction_set_agrees_with_its_portable_twin() {
        let mut random = Random::new(1);
        let mut memory = [0; 64 + 32];
        for round in 0..20_000 {
            // Of all bytes and of those that occur in numbers, at each alignment.
            let common = random.below(4) > 0;
            for byte in &mut memory {
                let number = random.next() >> 40;
                *byte = if common {
                    b"0123456789.,:/ -\x00\xff\x80e\"\\!#[]\x1f\x7f"[number as usize % 28]
                } else {
                    number as u8
                };
            }
            let at = round % 32;
            let count = random.below(17) as usize;
            let same = random.below(33) as usize;
            for i in 0..same {
                memory[at + 32 + i] = memory[at + i];
            }
            for byte in &mut memory[at + 16 - count..at + 16] {
                *byte = b'0' + random.below(10) as u8;
            }
            let text = memory[at..].first_chunk().unwrap();
            let byte = text[random.below(64) as usize];
            let all = All { text, byte, count };
            let expected = all.run::<Portable>();
            assert_eq!(all.run::<Baseline>(), expected, "{all:?}");
            assert_eq!(dispatch(all), expected, "{all:?}");
        }
    }

    #[test]
    fn the_greatest_and_the_least_numbers() {
        for (text, count, value) in [
            (b"9999999999999999", 16, 9_999_999_999_999_999),
            (b"9999999999999999", 1, 9),
            (b"9999999999999999", 0, 0),
            (b"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"", 0, 0),
            (b"0000000000000000", 16, 0),
        ] {
            assert_eq!((Baseline::decimal(text, count), Portable::decimal(text, count)), (value, value));
        }
    }

    #[test]
    fn any_address_can_be_prefetched() {
        prefetch_rows::<u8>(&[], 4, &[]);
        prefetch_rows(&[0u64; 100], 25, &[0, 3, u32::MAX]);
        prefetch_line(std::ptr::null::<u8>());
        prefetch_line(std::ptr::dangling::<u64>().wrapping_sub(usize::MAX / 3));
    }
}
