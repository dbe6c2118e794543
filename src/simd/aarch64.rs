//! NEON, which every aarch64 processor has.

use std::arch::aarch64::*;

use super::{LAST, Simd};

/// 16 bytes at a time.
pub struct Neon;

#[inline(always)]
pub(super) fn prefetch(address: *const u8) {
    // SAFETY: the instruction accesses nothing, and any address is allowed; it changes no register and no flag.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, readonly, preserves_flags));
    }
}

#[inline(always)]
fn load(text: &[u8; 16]) -> uint8x16_t {
    // SAFETY: 16 bytes are there, and the load may be unaligned; every aarch64 processor has NEON.
    unsafe { vld1q_u8(text.as_ptr()) }
}

#[inline(always)]
fn halves(text: &[u8; 32]) -> [uint8x16_t; 2] {
    let (halves, _) = text.as_chunks();
    [load(&halves[0]), load(&halves[1])]
}

/// One bit for each of 32 bytes that are all ones or all zeros.
#[inline(always)]
fn bits([low, high]: [uint8x16_t; 2]) -> u32 {
    const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    let bit = load(&BITS);
    // SAFETY: every aarch64 processor has NEON.
    unsafe {
        // Each sum of two neighbours has the bits of both: two bytes in one, then four, then eight.
        let pairs = vpaddq_u8(vandq_u8(low, bit), vandq_u8(high, bit));
        let fours = vpaddq_u8(pairs, pairs);
        let eights = vpaddq_u8(fours, fours);
        vgetq_lane_u32::<0>(vreinterpretq_u32_u8(eights))
    }
}

impl Simd for Neon {
    #[inline(always)]
    fn equal(a: &[u8; 32], b: &[u8; 32]) -> u32 {
        let ([a, c], [b, d]) = (halves(a), halves(b));
        // SAFETY: every aarch64 processor has NEON.
        bits(unsafe { [vceqq_u8(a, b), vceqq_u8(c, d)] })
    }

    #[inline(always)]
    fn special(text: &[u8; 32]) -> u32 {
        // SAFETY: every aarch64 processor has NEON.
        bits(halves(text).map(|half| unsafe {
            let is = |byte: u8| vceqq_u8(half, vdupq_n_u8(byte));
            // As a signed byte, ASCII from the space on is what is greater than 31.
            let control = vcltq_s8(vreinterpretq_s8_u8(half), vdupq_n_s8(0x20));
            vorrq_u8(control, vorrq_u8(is(b'"'), is(b'\\')))
        }))
    }

    #[inline(always)]
    fn digits(text: &[u8; 32]) -> u32 {
        // SAFETY: every aarch64 processor has NEON.
        bits(halves(text).map(|half| unsafe { vcleq_u8(veorq_u8(half, vdupq_n_u8(0x30)), vdupq_n_u8(9)) }))
    }

    #[inline(always)]
    fn positions(text: &[u8; 32], byte: u8) -> u32 {
        // SAFETY: every aarch64 processor has NEON.
        bits(halves(text).map(|half| unsafe { vceqq_u8(half, vdupq_n_u8(byte)) }))
    }

    #[inline(always)]
    fn decimal(text: &[u8; 16], count: usize) -> u64 {
        const TENS: [u8; 16] = [10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1];
        const HUNDREDS: [u16; 8] = [100, 1, 100, 1, 100, 1, 100, 1];
        const TEN_THOUSANDS: [u32; 4] = [10_000, 1, 10_000, 1];
        debug_assert!(text[16 - count..].iter().all(u8::is_ascii_digit));
        let Some(last) = LAST[count..].first_chunk() else { return 0 };
        // SAFETY: the constants are as long as what is loaded; every aarch64 processor has NEON.
        unsafe {
            let values = vandq_u8(veorq_u8(load(text), vdupq_n_u8(0x30)), load(last));
            // The earlier digit of a pair comes first: two digits in an element, then four, then eight.
            let pairs = vpaddlq_u8(vmulq_u8(values, load(&TENS)));
            let fours = vpaddlq_u16(vmulq_u16(pairs, vld1q_u16(HUNDREDS.as_ptr())));
            let eights = vpaddlq_u32(vmulq_u32(fours, vld1q_u32(TEN_THOUSANDS.as_ptr())));
            vgetq_lane_u64::<0>(eights) * 100_000_000 + vgetq_lane_u64::<1>(eights)
        }
    }
}
