//! Numbers and choices out of fuzz input.

/// The rest of an input. At its end everything is zero.
pub struct Take<'a>(pub &'a [u8]);

impl<'a> Take<'a> {
    /// One byte.
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    /// Up to `count` bytes.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Eight bytes as a number.
    pub fn word(&mut self) -> u64 {
        let mut word = [0; 8];
        let taken = self.bytes(8);
        word[..taken.len()].copy_from_slice(taken);
        u64::from_le_bytes(word)
    }

    /// A length or an offset: mostly small, sometimes anything.
    pub fn length(&mut self) -> i64 {
        match self.byte() {
            small @ 0..240 => i64::from(small % 40),
            240..248 => self.word() as i64,
            248..252 => i64::MAX - i64::from(self.byte()),
            _ => -i64::from(self.byte()),
        }
    }
}
