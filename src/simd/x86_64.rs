//! SSE2, which every x86-64 processor has, and AVX2 with the bit instructions that came with it, which are detected.

use std::arch::x86_64::*;
use std::sync::atomic::{AtomicU8, Ordering};

use super::{Kernel, LAST, Simd};

/// 16 bytes at a time.
pub struct Sse2;

/// 32 bytes at a time. Only [`Avx2Detected::run`] names it.
struct Avx2;

/// Proof that this processor has AVX2, BMI1, BMI2, LZCNT and POPCNT.
pub(super) struct Avx2Detected(());

/// The detected features as one byte, which is read for each polygon and each set of keypoints.
static DETECTED: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

impl Avx2Detected {
    #[inline(always)]
    pub(super) fn get() -> Option<Avx2Detected> {
        match DETECTED.load(Ordering::Relaxed) {
            NO => None,
            YES => Some(Avx2Detected(())),
            _ => detect(),
        }
    }

    #[inline(always)]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn run<K: Kernel>(kernel: K) -> K::Output {
            kernel.run::<Avx2>()
        }
        // SAFETY: the processor has what is enabled.
        unsafe { run(kernel) }
    }
}

#[cold]
fn detect() -> Option<Avx2Detected> {
    let all = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt");
    DETECTED.store(if all { YES } else { NO }, Ordering::Relaxed);
    all.then_some(Avx2Detected(()))
}

#[inline(always)]
pub(super) fn prefetch(address: *const i8) {
    // SAFETY: every x86-64 processor has the instruction, which accesses nothing: any address is allowed.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

#[inline(always)]
fn load(text: &[u8; 16]) -> __m128i {
    // SAFETY: 16 bytes are there, and the load may be unaligned; every x86-64 processor has SSE2.
    unsafe { _mm_loadu_si128(text.as_ptr().cast()) }
}

#[inline(always)]
fn halves(text: &[u8; 32]) -> [__m128i; 2] {
    let (halves, _) = text.as_chunks();
    [load(&halves[0]), load(&halves[1])]
}

/// One bit for each of 32 bytes that are all ones or all zeros.
#[inline(always)]
fn bits([low, high]: [__m128i; 2]) -> u32 {
    // SAFETY: every x86-64 processor has SSE2.
    unsafe { _mm_movemask_epi8(low) as u32 | (_mm_movemask_epi8(high) as u32) << 16 }
}

/// Where the last `count` of 16 bytes are, all ones.
#[inline(always)]
fn last(count: usize) -> Option<__m128i> {
    LAST[count..].first_chunk().map(load)
}

impl Simd for Sse2 {
    #[inline(always)]
    fn equal(a: &[u8; 32], b: &[u8; 32]) -> u32 {
        let ([a, c], [b, d]) = (halves(a), halves(b));
        // SAFETY: every x86-64 processor has SSE2.
        bits(unsafe { [_mm_cmpeq_epi8(a, b), _mm_cmpeq_epi8(c, d)] })
    }

    #[inline(always)]
    fn special(text: &[u8; 32]) -> u32 {
        // SAFETY: every x86-64 processor has SSE2.
        bits(halves(text).map(|half| unsafe {
            let is = |byte: u8| _mm_cmpeq_epi8(half, _mm_set1_epi8(byte as i8));
            // As a signed byte, ASCII from the space on is what is greater than 31.
            let control = _mm_cmpgt_epi8(_mm_set1_epi8(0x20), half);
            _mm_or_si128(control, _mm_or_si128(is(b'"'), is(b'\\')))
        }))
    }

    #[inline(always)]
    fn digits(text: &[u8; 32]) -> u32 {
        // SAFETY: every x86-64 processor has SSE2.
        bits(halves(text).map(|half| unsafe {
            let value = _mm_xor_si128(half, _mm_set1_epi8(0x30));
            _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value)
        }))
    }

    #[inline(always)]
    fn positions(text: &[u8; 32], byte: u8) -> u32 {
        Sse2::equal(text, &[byte; 32])
    }

    #[inline(always)]
    fn decimal(text: &[u8; 16], count: usize) -> u64 {
        debug_assert!(text[16 - count..].iter().all(u8::is_ascii_digit));
        let Some(last) = last(count) else { return 0 };
        // SAFETY: every x86-64 processor has SSE2.
        let eights = unsafe {
            let values = _mm_and_si128(_mm_xor_si128(load(text), _mm_set1_epi8(0x30)), last);
            // The earlier digit of a pair is its lower byte: two digits in an element, then four, then eight.
            let earlier = _mm_and_si128(values, _mm_set1_epi16(0xff));
            let pairs =
                _mm_add_epi16(_mm_mullo_epi16(earlier, _mm_set1_epi16(10)), _mm_srli_epi16(values, 8));
            let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(1 << 16 | 100));
            let fours = _mm_packs_epi32(fours, fours);
            _mm_cvtsi128_si64(_mm_madd_epi16(fours, _mm_set1_epi32(1 << 16 | 10_000))) as u64
        };
        (eights & 0xffff_ffff) * 100_000_000 + (eights >> 32)
    }
}

#[inline(always)]
fn load_wide(text: &[u8; 32]) -> __m256i {
    // SAFETY: 32 bytes are there, and the load may be unaligned; the processor has AVX2, or this would not run.
    unsafe { _mm256_loadu_si256(text.as_ptr().cast()) }
}

impl Simd for Avx2 {
    #[inline(always)]
    fn equal(a: &[u8; 32], b: &[u8; 32]) -> u32 {
        // SAFETY: as in `load_wide`.
        unsafe { _mm256_movemask_epi8(_mm256_cmpeq_epi8(load_wide(a), load_wide(b))) as u32 }
    }

    #[inline(always)]
    fn special(text: &[u8; 32]) -> u32 {
        let text = load_wide(text);
        // SAFETY: as in `load_wide`.
        unsafe {
            let is = |byte: u8| _mm256_cmpeq_epi8(text, _mm256_set1_epi8(byte as i8));
            let control = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), text);
            _mm256_movemask_epi8(_mm256_or_si256(control, _mm256_or_si256(is(b'"'), is(b'\\')))) as u32
        }
    }

    #[inline(always)]
    fn digits(text: &[u8; 32]) -> u32 {
        // SAFETY: as in `load_wide`.
        unsafe {
            let value = _mm256_xor_si256(load_wide(text), _mm256_set1_epi8(0x30));
            let digit = _mm256_cmpeq_epi8(_mm256_min_epu8(value, _mm256_set1_epi8(9)), value);
            _mm256_movemask_epi8(digit) as u32
        }
    }

    #[inline(always)]
    fn positions(text: &[u8; 32], byte: u8) -> u32 {
        // SAFETY: as in `load_wide`.
        unsafe {
            _mm256_movemask_epi8(_mm256_cmpeq_epi8(load_wide(text), _mm256_set1_epi8(byte as i8))) as u32
        }
    }

    #[inline(always)]
    fn decimal(text: &[u8; 16], count: usize) -> u64 {
        let Some(last) = last(count) else { return 0 };
        // SAFETY: as in `load_wide`.
        let eights = unsafe {
            let values = _mm_and_si128(_mm_xor_si128(load(text), _mm_set1_epi8(0x30)), last);
            let pairs = _mm_maddubs_epi16(values, _mm_set1_epi16(1 << 8 | 10));
            let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(1 << 16 | 100));
            let fours = _mm_packus_epi32(fours, fours);
            _mm_cvtsi128_si64(_mm_madd_epi16(fours, _mm_set1_epi32(1 << 16 | 10_000))) as u64
        };
        (eights & 0xffff_ffff) * 100_000_000 + (eights >> 32)
    }
}
