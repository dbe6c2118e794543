//! Sums in a stated order: the last bits of a mean are part of the answer.
//!
//! ```
//! use meanap::sum::pairwise;
//!
//! let tenths = [0.1; 8];
//! assert_eq!(pairwise(&tenths), 0.8);
//! assert_ne!(tenths.iter().sum::<f64>(), 0.8);
//! ```

/// Below this length NumPy adds in eight interleaved sums; above it, it halves.
const BLOCK: usize = 128;

/// The sum of values as `numpy.sum` adds a contiguous array of float64.
///
/// NumPy halves a long array (on a multiple of eight) and adds blocks of up to 128 in eight sums.
pub fn pairwise(values: &[f64]) -> f64 {
    if values.len() <= BLOCK {
        return block(values);
    }
    let (left, right) = values.split_at(left_half(values.len()));
    pairwise(left) + pairwise(right)
}

/// The same sum of `n` terms taken from `next` in order: no array is needed, as the left half is always finished before
/// the right one begins.
pub fn pairwise_of(n: usize, next: &mut impl FnMut() -> f64) -> f64 {
    if n <= BLOCK {
        let mut terms = [0.0; BLOCK];
        terms[..n].fill_with(next);
        return block(&terms[..n]);
    }
    let left = left_half(n);
    let sum = pairwise_of(left, next);
    sum + pairwise_of(n - left, next)
}

/// Where NumPy halves so many terms, more than a block.
fn left_half(n: usize) -> usize {
    n / 2 / 8 * 8
}

/// The sum of a block.
#[inline(always)]
fn block(values: &[f64]) -> f64 {
    let Some((first, rest)) = values.split_first_chunk::<8>() else {
        // NumPy starts from -0.0 so that a sum of negative zeros keeps its sign.
        return values.iter().fold(-0.0, |sum, value| sum + value);
    };
    let (chunks, rest) = rest.as_chunks::<8>();
    let mut sums = *first;
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum += value);
    }
    let [a, b, c, d, e, f, g, h] = sums;
    let whole = ((a + b) + (c + d)) + ((e + f) + (g + h));
    rest.iter().fold(whole, |sum, value| sum + value)
}

/// The same sum where most of the `n` terms are 0: `terms` stand at `places`, ascending. Runs on the current pool.
pub fn pairwise_sparse(n: usize, places: &[u32], terms: &[f64]) -> f64 {
    sparse(0, n, places, terms)
}

/// The terms from `start` on.
fn sparse(start: usize, n: usize, places: &[u32], terms: &[f64]) -> f64 {
    if terms.is_empty() {
        // As many positive zeros as there are, or numpy.sum of nothing.
        return 0.0;
    }
    if n <= BLOCK {
        let mut all = [0.0; BLOCK];
        for (&place, &term) in places.iter().zip(terms) {
            all[place as usize - start] = term;
        }
        return block(&all[..n]);
    }
    let half = left_half(n);
    let split = places.partition_point(|&place| (place as usize) < start + half);
    let left = || sparse(start, half, &places[..split], &terms[..split]);
    let right = || sparse(start + half, n - half, &places[split..], &terms[split..]);
    let (left, right) = if n > 1 << 16 { rayon::join(left, right) } else { (left(), right()) };
    left + right
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
            let total = pairwise_of(n, &mut || {
                i += 1;
                f64::from(i)
            });
            assert_eq!(total, (n * (n + 1) / 2) as f64);
            assert_eq!(i as usize, n, "each term is taken once");
        }
    }

    #[test]
    fn sparse_terms_add_up_as_all_do() {
        for n in [1usize, 7, 8, 9, 127, 128, 129, 1000, 4099, 200_000] {
            let all: Vec<f64> =
                (0..n).map(|i| if i * 7 % 5 < 2 { 1.0 / (i + 3) as f64 } else { 0.0 }).collect();
            let places: Vec<u32> = (0..n as u32).filter(|&i| all[i as usize] != 0.0).collect();
            let terms: Vec<f64> = places.iter().map(|&i| all[i as usize]).collect();
            let expected = pairwise(&all);
            let mut next = all.iter().copied();
            assert_eq!(pairwise_of(n, &mut || next.next().unwrap()).to_bits(), expected.to_bits(), "{n}");
            assert_eq!(pairwise_sparse(n, &places, &terms).to_bits(), expected.to_bits(), "{n}");
        }
        assert_eq!(pairwise_sparse(300, &[], &[]), 0.0);
        assert!(pairwise(&[]).is_sign_negative() && pairwise(&[-0.0; 3]).is_sign_negative());
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
