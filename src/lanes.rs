//! Many bytes at a time: what stands at each place of a short piece of text or of a row of pixels, as one bit for each
//! byte.
//!
//! On x86-64 with instructions that every such machine has, some of it with [`Lanes`] that newer ones have; elsewhere
//! byte by byte. Each is tested against the others.

/// Bit `i`: whether the pieces have the same byte at `i`.
#[inline(always)]
pub fn equal(a: &[u8; 32], b: &[u8; 32]) -> u32 {
    wide::equal(a, b)
}

/// Bit `i`: whether byte `i` is not an ordinary one of a JSON string: a quote, a backslash, a control character, or not
/// ASCII.
#[inline(always)]
pub fn special(text: &[u8; 32]) -> u32 {
    wide::special(text)
}

/// What is done with text by instructions that only some machines have, and by those that all have: [`widest`] chooses.
pub trait Lanes {
    /// Bit `i`: whether byte `i` is a decimal digit.
    fn digits(text: &[u8; 32]) -> u32;
    /// Bit `i`: whether byte `i` is `byte`.
    fn places(text: &[u8; 32], byte: u8) -> u32;
    /// The number that the last `count` bytes write, which must be decimal digits, at most 16.
    fn value(text: &[u8; 16], count: usize) -> u64;
}

/// Work that is compiled for each kind of [`Lanes`].
pub trait Work {
    /// What it makes.
    type Made;
    /// Runs it; must be `#[inline(always)]`, like everything in it that uses `L`.
    fn run<L: Lanes>(self) -> Self::Made;
}

/// Does `work` with the widest instructions of this machine.
#[inline(always)]
pub fn widest<W: Work>(work: W) -> W::Made {
    #[cfg(target_arch = "x86_64")]
    if let Some(made) = avx2::on_this_machine() {
        return made.run(work);
    }
    work.run::<Every>()
}

/// What every machine has.
pub struct Every;

impl Lanes for Every {
    #[inline(always)]
    fn digits(text: &[u8; 32]) -> u32 {
        wide::digits(text)
    }

    #[inline(always)]
    fn places(text: &[u8; 32], byte: u8) -> u32 {
        equal(text, &[byte; 32])
    }

    #[inline(always)]
    fn value(text: &[u8; 16], count: usize) -> u64 {
        debug_assert!(text[16 - count..].iter().all(u8::is_ascii_digit));
        wide::value(text, count)
    }
}

/// Of each half of 64 bytes.
#[inline(always)]
pub fn both(text: &[u8; 64], bits: impl Fn(&[u8; 32]) -> u32) -> u64 {
    let (halves, _) = text.as_chunks();
    u64::from(bits(&halves[0])) | u64::from(bits(&halves[1])) << 32
}

/// Prefetches the memory of some items that will be read soon, where the processor supports it.
#[inline(always)]
pub fn prefetch<T>(items: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        /// Bytes that come together.
        const LINE: usize = 64;
        let bytes = items.as_ptr().cast::<i8>();
        for line in 0..size_of_val(items).div_ceil(LINE) {
            // SAFETY: every x86-64 processor has the instruction, and the place is within the items.
            unsafe {
                std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(bytes.add(line * LINE))
            }
        }
    }
    let _ = items;
}

/// Zeros, then ones: the 16 bytes from `count` on have their last `count` set.
const LAST: [u8; 33] = {
    let mut mask = [0; 33];
    let mut i = 16;
    while i < 33 {
        mask[i] = 0xff;
        i += 1;
    }
    mask
};

#[cfg(target_arch = "x86_64")]
use vector as wide;

#[cfg(not(target_arch = "x86_64"))]
use plain as wide;

#[cfg(target_arch = "x86_64")]
mod vector {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi16, _mm_and_si128, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_cvtsi128_si64,
        _mm_loadu_si128, _mm_madd_epi16, _mm_min_epu8, _mm_movemask_epi8, _mm_mullo_epi16, _mm_or_si128,
        _mm_packs_epi32, _mm_set1_epi8, _mm_set1_epi16, _mm_set1_epi32, _mm_srli_epi16, _mm_xor_si128,
    };

    #[inline(always)]
    fn load(text: &[u8; 16]) -> __m128i {
        // SAFETY: 16 bytes are there, wherever they begin; and every x86-64 processor has SSE2.
        unsafe { _mm_loadu_si128(text.as_ptr().cast()) }
    }

    #[inline(always)]
    fn halves(text: &[u8; 32]) -> [__m128i; 2] {
        let (halves, _) = text.as_chunks();
        [load(&halves[0]), load(&halves[1])]
    }

    /// One bit for each of 32 bytes, from whole bytes of ones.
    #[inline(always)]
    fn bits([low, high]: [__m128i; 2]) -> u32 {
        // SAFETY: every x86-64 processor has SSE2.
        unsafe { _mm_movemask_epi8(low) as u32 | (_mm_movemask_epi8(high) as u32) << 16 }
    }

    #[inline(always)]
    pub fn equal(a: &[u8; 32], b: &[u8; 32]) -> u32 {
        let ([a, c], [b, d]) = (halves(a), halves(b));
        // SAFETY: every x86-64 processor has SSE2.
        bits(unsafe { [_mm_cmpeq_epi8(a, b), _mm_cmpeq_epi8(c, d)] })
    }

    #[inline(always)]
    pub fn digits(text: &[u8; 32]) -> u32 {
        // SAFETY: every x86-64 processor has SSE2.
        bits(halves(text).map(|half| unsafe {
            let value = _mm_xor_si128(half, _mm_set1_epi8(0x30));
            _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value)
        }))
    }

    #[inline(always)]
    pub fn special(text: &[u8; 32]) -> u32 {
        // SAFETY: every x86-64 processor has SSE2.
        bits(halves(text).map(|half| unsafe {
            let is = |byte: u8| _mm_cmpeq_epi8(half, _mm_set1_epi8(byte as i8));
            // As a signed byte, ASCII from the space on is what is greater than 31.
            let control = _mm_cmpgt_epi8(_mm_set1_epi8(0x20), half);
            _mm_or_si128(control, _mm_or_si128(is(b'"'), is(b'\\')))
        }))
    }

    #[inline(always)]
    pub fn value(text: &[u8; 16], count: usize) -> u64 {
        let Some(last) = super::LAST[count..].first_chunk() else { return 0 };
        let (values, last) = (load(text), load(last));
        // SAFETY: every x86-64 processor has SSE2.
        let eights = unsafe {
            let values = _mm_and_si128(_mm_xor_si128(values, _mm_set1_epi8(0x30)), last);
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

/// 32 bytes at a time.
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_and_si128, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_madd_epi16,
        _mm_maddubs_epi16, _mm_packus_epi32, _mm_set1_epi8, _mm_set1_epi16, _mm_set1_epi32, _mm_xor_si128,
        _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_set1_epi8,
        _mm256_xor_si256,
    };

    use std::sync::atomic::{AtomicU8, Ordering};

    use super::{Lanes, Work};

    /// Proof that this machine has all of them.
    pub struct Here(());

    #[inline(always)]
    pub fn on_this_machine() -> Option<Here> {
        match ANSWER.load(Ordering::Relaxed) {
            NO => None,
            YES => Some(Here(())),
            _ => ask(),
        }
    }

    /// The detected processor features as one byte, which is read for each pose and each polygon.
    static ANSWER: AtomicU8 = AtomicU8::new(0);
    const NO: u8 = 1;
    const YES: u8 = 2;

    #[cold]
    fn ask() -> Option<Here> {
        let all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        ANSWER.store(if all { YES } else { NO }, Ordering::Relaxed);
        all.then_some(Here(()))
    }

    impl Here {
        #[inline(always)]
        pub fn run<W: Work>(self, work: W) -> W::Made {
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
            fn run<W: Work>(work: W) -> W::Made {
                work.run::<Avx2>()
            }
            // SAFETY: the machine has what is enabled.
            unsafe { run(work) }
        }
    }

    /// Only [`Here::run`] names it.
    struct Avx2;

    #[inline(always)]
    fn load(text: &[u8; 32]) -> __m256i {
        // SAFETY: 32 bytes are there, wherever they begin; the machine has AVX2, or this would not run.
        unsafe { _mm256_loadu_si256(text.as_ptr().cast()) }
    }

    #[inline(always)]
    fn load_half(text: &[u8; 16]) -> __m128i {
        // SAFETY: 16 bytes are there, wherever they begin.
        unsafe { _mm_loadu_si128(text.as_ptr().cast()) }
    }

    impl Lanes for Avx2 {
        #[inline(always)]
        fn digits(text: &[u8; 32]) -> u32 {
            // SAFETY: as in `load`.
            unsafe {
                let value = _mm256_xor_si256(load(text), _mm256_set1_epi8(0x30));
                _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(value, _mm256_set1_epi8(9)), value))
                    as u32
            }
        }

        #[inline(always)]
        fn places(text: &[u8; 32], byte: u8) -> u32 {
            // SAFETY: as in `load`.
            unsafe {
                _mm256_movemask_epi8(_mm256_cmpeq_epi8(load(text), _mm256_set1_epi8(byte as i8))) as u32
            }
        }

        #[inline(always)]
        fn value(text: &[u8; 16], count: usize) -> u64 {
            let Some(last) = super::LAST[count..].first_chunk() else { return 0 };
            // SAFETY: as in `load`.
            let eights = unsafe {
                let values =
                    _mm_and_si128(_mm_xor_si128(load_half(text), _mm_set1_epi8(0x30)), load_half(last));
                let pairs = _mm_maddubs_epi16(values, _mm_set1_epi16(1 << 8 | 10));
                let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(1 << 16 | 100));
                let fours = _mm_packus_epi32(fours, fours);
                _mm_cvtsi128_si64(_mm_madd_epi16(fours, _mm_set1_epi32(1 << 16 | 10_000))) as u64
            };
            (eights & 0xffff_ffff) * 100_000_000 + (eights >> 32)
        }
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain {
    fn bits(test: impl Fn(usize) -> bool) -> u32 {
        (0..32).fold(0, |bits, i| bits | u32::from(test(i)) << i)
    }

    pub fn equal(a: &[u8; 32], b: &[u8; 32]) -> u32 {
        bits(|i| a[i] == b[i])
    }

    pub fn digits(text: &[u8; 32]) -> u32 {
        bits(|i| text[i].is_ascii_digit())
    }

    pub fn special(text: &[u8; 32]) -> u32 {
        bits(|i| !matches!(text[i], b' ' | b'!' | b'#'..=b'[' | b']'..=0x7f))
    }

    pub fn value(text: &[u8; 16], count: usize) -> u64 {
        text[16 - count..].iter().fold(0, |value, &digit| value * 10 + u64::from(digit - b'0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// What the vector code makes of some bytes, the last `count` of the first 16 of which are digits.
    #[derive(Clone, Copy, Debug)]
    struct Look([u8; 64], usize);

    impl Work for Look {
        type Made = (u32, [u64; 3], u64);

        #[inline(always)]
        fn run<L: Lanes>(self) -> Self::Made {
            let Look(text, count) = self;
            let (Some(half), Some(quarter)) = (text.first_chunk(), text.first_chunk()) else {
                unreachable!()
            };
            let places = [b'0', b'.', 0xff].map(|byte| both(&text, |half| L::places(half, byte)));
            (L::digits(half), places, L::value(quarter, count))
        }
    }

    #[test]
    fn all_ways_agree() {
        let mut random = Random::new(1);
        let mut roll = || random.next() as usize;
        for _ in 0..20_000 {
            let mut text = [(); 64].map(|()| b"0123456789.,:/ -\x00\xff\x80e\"\\!#[]\x1f\x7f"[roll() % 28]);
            let (halves, _) = text.as_chunks::<32>();
            let (a, mut b) = (halves[0], halves[1]);
            assert_eq!(special(&a), plain::special(&a), "{a:?}");
            b[..16].copy_from_slice(&a[..16]);
            assert_eq!(equal(&a, &b), plain::equal(&a, &b), "{a:?} {b:?}");
            let count = roll() % 17;
            text[16 - count..16].iter_mut().for_each(|byte| *byte = b'0' + (roll() % 10) as u8);
            let (halves, _) = text.as_chunks::<32>();
            let (quarters, _) = text.as_chunks::<16>();
            let look = Look(text, count);
            let (digits, [zeros, ..], value) = look.run::<Every>();
            assert_eq!(digits, plain::digits(&halves[0]), "{look:?}");
            assert_eq!(zeros, both(&text, |half| plain::equal(half, &[b'0'; 32])), "{look:?}");
            assert_eq!(value, plain::value(&quarters[0], count), "{look:?}");
            assert_eq!(widest(look), look.run::<Every>(), "{look:?}");
        }
        assert_eq!(Every::value(b"9999999999999999", 16), 9_999_999_999_999_999);
    }
}
