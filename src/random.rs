//! Numbers that look random and are the same in each run, for tests.

/// A linear congruential generator (Knuth's MMIX).
pub(crate) struct Random(u64);

impl Random {
    /// A sequence for each seed.
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        // The lower bits of the state repeat soon.
        self.0 ^ self.0 >> 31
    }

    /// A number of `0..end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 33) % end
    }

    /// A number of `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 33) as f64 / f64::from(1u32 << 31)
    }
}
