//! Many bytes at a time: what stands at each place of a short piece of text or of a row of pixels, as one bit for each byte.
//!
//! On x86-64 with instructions that every such machine has, elsewhere byte by byte; each is tested against the other.

/// Bit `i`: whether the pieces have the same byte at `i`.
#[inline(always)]
pub fn equal(a: &[u8; 32], b: &[u8; 32]) -> u32 {
    wide::equal(a, b)
}

/// Bit `i`: whether byte `i` is a decimal digit.
#[inline(always)]
pub fn digits(text: &[u8; 32]) -> u32 {
    wide::digits(text)
}

/// Bit `i`: whether byte `i` is not an ordinary one of a JSON string: a quote, a backslash, a control character, or not
/// ASCII.
#[inline(always)]
pub fn special(text: &[u8; 32]) -> u32 {
    wide::special(text)
}

/// The number that the last `count` bytes write, which must be decimal digits, at most 16.
#[inline(always)]
pub fn value(text: &[u8; 16], count: usize) -> u64 {
    debug_assert!(text[16 - count..].iter().all(u8::is_ascii_digit));
    wide::value(text, count)
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
            // The earlier digit of a pair is its lower byte: two digits in a lane, then four, then eight.
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

    #[test]
    fn all_ways_agree() {
        let mut state = 1u64;
        let mut roll = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize
        };
        for _ in 0..20_000 {
            let mut piece =
                || [(); 32].map(|()| b"0123456789.,:/ -\x00\xff\x80e\"\\!#[]\x1f\x7f"[roll() % 28]);
            let (a, mut b) = (piece(), piece());
            assert_eq!(digits(&a), plain::digits(&a), "{a:?}");
            assert_eq!(special(&a), plain::special(&a), "{a:?}");
            b[..16].copy_from_slice(&a[..16]);
            assert_eq!(equal(&a, &b), plain::equal(&a, &b), "{a:?} {b:?}");
            let count = roll() % 17;
            let mut text = [b'x'; 16];
            text[16 - count..].iter_mut().for_each(|byte| *byte = b'0' + (roll() % 10) as u8);
            assert_eq!(value(&text, count), plain::value(&text, count), "{text:?}");
        }
        assert_eq!(value(b"9999999999999999", 16), 9_999_999_999_999_999);
    }
}
