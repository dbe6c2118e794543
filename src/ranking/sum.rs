//! Sums in a stated order: the last bits of a mean are part of the answer.

/// Below this length NumPy adds in eight interleaved lanes; above it, it halves.
const BLOCK: usize = 128;

/// The sum of `n` terms taken from `next` in order, added as `numpy.sum` adds a contiguous array of float64.
///
/// NumPy halves a long array (on a multiple of eight) and adds blocks of up to 128 in eight lanes. Because the left
/// half is always finished before the right one begins, the terms can come from a stream: no array is needed.
pub fn pairwise(n: usize, next: &mut impl FnMut() -> f64) -> f64 {
    if n < 8 {
        // NumPy starts from -0.0 so that a sum of negative zeros keeps its sign.
        let mut total = -0.0;
        for _ in 0..n {
            total += next();
        }
        return total;
    }
    if n <= BLOCK {
        let mut lanes = [0.0; 8];
        for lane in &mut lanes {
            *lane = next();
        }
        for _ in 1..n / 8 {
            for lane in &mut lanes {
                *lane += next();
            }
        }
        let [a, b, c, d, e, f, g, h] = lanes;
        let mut total = ((a + b) + (c + d)) + ((e + f) + (g + h));
        for _ in 0..n % 8 {
            total += next();
        }
        return total;
    }
    let half = n / 2;
    let half = half - half % 8;
    let left = pairwise(half, next);
    left + pairwise(n - half, next)
}

/// A running sum with Kahan's compensation, as pandas adds the rows of a group.
#[derive(Clone, Copy, Default)]
pub struct Compensated {
    total: f64,
    lost: f64,
}

impl Compensated {
    /// Adds a term.
    pub fn add(&mut self, term: f64) {
        let term = term - self.lost;
        let total = self.total + term;
        self.lost = total - self.total - term;
        self.total = total;
    }

    /// The sum so far.
    pub fn total(self) -> f64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairwise_of_integers_is_exact_for_every_length() {
        for n in 0..1100 {
            let mut i = 0u32;
            let total = pairwise(n, &mut || {
                i += 1;
                f64::from(i)
            });
            assert_eq!(total, (n * (n + 1) / 2) as f64);
            assert_eq!(i as usize, n, "each term is taken once");
        }
    }

    #[test]
    fn compensation_keeps_what_plain_addition_loses() {
        let mut sum = Compensated::default();
        let mut plain = 0.0f64;
        sum.add(1e16);
        plain += 1e16;
        for _ in 0..1000 {
            sum.add(1.0);
            plain += 1.0;
        }
        assert_eq!(sum.total(), 1e16 + 1000.0);
        assert_ne!(plain, sum.total());
    }
}
