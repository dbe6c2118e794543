//! Powers of five to 128 bits, computed by the compiler.

/// Decimal exponents that the table covers lie within `-LIMIT..=LIMIT`.
pub(crate) const LIMIT: i32 = 64;

/// `5^q`, rounded down to `bits * 2^(exponent - 127)` with the highest of the 128 bits set.
#[derive(Clone, Copy)]
pub(crate) struct Power {
    /// The leading 128 bits.
    pub bits: u128,
    /// `floor(log2(5^q))`.
    pub exponent: i32,
}

/// `5^q` for `q` in `-LIMIT..=LIMIT`, at index `q + LIMIT`.
pub(crate) static POWERS: [Power; 2 * LIMIT as usize + 1] = table();

/// 320 bits, least significant word first: enough for `5^64` (149 bits) and for 128 bits of its reciprocal.
type Wide = [u64; 5];

const fn table() -> [Power; 2 * LIMIT as usize + 1] {
    let mut powers = [Power { bits: 0, exponent: 0 }; 2 * LIMIT as usize + 1];
    let mut up: Wide = [1, 0, 0, 0, 0];
    // 2^319: dividing it by five again and again leaves floor(2^319 / 5^q), since floors of floors agree.
    let mut down: Wide = [0, 0, 0, 0, 1 << 63];
    let mut q = 0;
    while q <= LIMIT as usize {
        powers[LIMIT as usize + q] = leading(&up, 0);
        powers[LIMIT as usize - q] = leading(&down, 319);
        up = times_five(up);
        down = over_five(down);
        q += 1;
    }
    powers
}

const fn times_five(mut wide: Wide) -> Wide {
    let mut carry = 0u128;
    let mut i = 0;
    while i < wide.len() {
        let product = wide[i] as u128 * 5 + carry;
        wide[i] = product as u64;
        carry = product >> 64;
        i += 1;
    }
    wide
}

const fn over_five(mut wide: Wide) -> Wide {
    let mut rest = 0u128;
    let mut i = wide.len();
    while i > 0 {
        i -= 1;
        let dividend = (rest << 64) | wide[i] as u128;
        wide[i] = (dividend / 5) as u64;
        rest = dividend % 5;
    }
    wide
}

/// The leading 128 bits of `wide / 2^scale`.
const fn leading(wide: &Wide, scale: i32) -> Power {
    let mut top = wide.len() - 1;
    while wide[top] == 0 {
        top -= 1;
    }
    let shift = wide[top].leading_zeros();
    let mut words = [0u64; 3];
    let mut i = 0;
    while i < 3 {
        words[i] = if i <= top { wide[top - i] } else { 0 };
        i += 1;
    }
    let mut bits = ((words[0] as u128) << 64) | words[1] as u128;
    if shift > 0 {
        bits = (bits << shift) | (words[2] >> (64 - shift)) as u128;
    }
    Power { bits, exponent: 64 * top as i32 + 63 - shift as i32 - scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_those_of_five() {
        for q in 0..=55 {
            let power = POWERS[(LIMIT + q) as usize];
            let exact = 5u128.pow(q as u32);
            assert_eq!(power.bits, exact << exact.leading_zeros());
            assert_eq!(power.exponent, 127 - exact.leading_zeros() as i32);
        }
        for q in -LIMIT..=LIMIT {
            let power = POWERS[(q + LIMIT) as usize];
            assert!(power.bits >> 127 == 1);
            let value = power.bits as f64 * 2f64.powi(power.exponent - 127);
            assert!((value / 5f64.powi(q) - 1.0).abs() < 1e-14, "5^{q}");
        }
        // A reciprocal times its power is just below one.
        for q in 1..=27u32 {
            let power = POWERS[(LIMIT - q as i32) as usize];
            let (high, low) =
                ((power.bits >> 64) * 5u128.pow(q), (power.bits & u64::MAX as u128) * 5u128.pow(q));
            let product = high + (low >> 64);
            assert_eq!(product >> (63 - power.exponent), 0, "5^-{q} is not rounded down");
            assert_eq!((product + 5u128.pow(q)) >> (63 - power.exponent), 1, "5^-{q} is too small");
        }
    }
}
