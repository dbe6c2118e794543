//! A column of doubles that takes half the room while it can.

/// Doubles, kept in single precision as long as that is exact for all of them: coordinates that a network has made
/// are, and whole pixels.
#[derive(Clone, Debug)]
pub enum Reals {
    /// All so far are of single precision.
    Single(Vec<f32>),
    /// Not all.
    Double(Vec<f64>),
}

impl Default for Reals {
    fn default() -> Self {
        Reals::Single(Vec::new())
    }
}

impl Reals {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Reals::Single(values) => values.len(),
            Reals::Double(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Reals::Single(values) => f64::from(values[index]),
            Reals::Double(values) => values[index],
        }
    }

    /// All values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = f64> + Clone + '_ {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Adds `value`.
    #[inline]
    pub fn push(&mut self, value: f64) {
        self.extend(&[value]);
    }

    /// Adds `values`.
    #[inline]
    pub fn extend(&mut self, values: &[f64]) {
        if let Reals::Single(singles) = self {
            // Bits, so that a NaN is no exception.
            let exact = |value: f64| f64::from(value as f32).to_bits() == value.to_bits();
            if values.iter().fold(true, |all, &value| all & exact(value)) {
                singles.extend(values.iter().map(|&value| value as f32));
                return;
            }
        }
        self.widen().extend_from_slice(values);
    }

    /// Adds the values of `other` after these, and empties it.
    pub fn append(&mut self, other: &mut Reals) {
        match (&mut *self, &mut *other) {
            (Reals::Single(ours), Reals::Single(theirs)) => ours.append(theirs),
            (_, Reals::Double(theirs)) => self.widen().append(theirs),
            (Reals::Double(ours), Reals::Single(theirs)) => {
                ours.extend(theirs.drain(..).map(f64::from));
            }
        }
    }

    /// The values from `first` on.
    #[inline]
    pub fn array<const N: usize>(&self, first: usize) -> [f64; N] {
        match self {
            Reals::Single(values) => {
                let values = &values[first..first + N];
                std::array::from_fn(|i| f64::from(values[i]))
            }
            Reals::Double(values) => {
                let values = &values[first..first + N];
                std::array::from_fn(|i| values[i])
            }
        }
    }

    /// Adds the values from `first` to `first + count` to `into`.
    pub fn read(&self, first: usize, count: usize, into: &mut Vec<f64>) {
        match self {
            Reals::Single(values) => {
                into.extend(values[first..first + count].iter().map(|&value| f64::from(value)));
            }
            Reals::Double(values) => into.extend_from_slice(&values[first..first + count]),
        }
    }

    /// Forgets all values and keeps the memory.
    pub fn clear(&mut self) {
        match self {
            Reals::Single(values) => values.clear(),
            Reals::Double(values) => values.clear(),
        }
    }

    /// Makes room for `more` values, if there is any: should they fit after all, nobody needs to know.
    pub fn reserve(&mut self, more: usize) {
        let _ = match self {
            Reals::Single(values) => values.try_reserve_exact(more),
            Reals::Double(values) => values.try_reserve_exact(more),
        };
    }

    /// Gives back memory that was reserved too generously.
    pub fn shrink_to_fit(&mut self) {
        match self {
            Reals::Single(values) => values.shrink_to_fit(),
            Reals::Double(values) => values.shrink_to_fit(),
        }
    }

    #[cold]
    fn widen(&mut self) -> &mut Vec<f64> {
        if let Reals::Single(values) = self {
            *self = Reals::Double(values.iter().map(|&value| f64::from(value)).collect());
        }
        match self {
            Reals::Double(values) => values,
            Reals::Single(_) => unreachable!("widened"),
        }
    }
}

impl From<Vec<f64>> for Reals {
    /// In double precision as they are: nothing is copied.
    fn from(values: Vec<f64>) -> Reals {
        Reals::Double(values)
    }
}

impl FromIterator<f64> for Reals {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Reals {
        let values = values.into_iter();
        let mut all = Reals::default();
        all.reserve(values.size_hint().0);
        values.for_each(|value| all.push(value));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(reals: &Reals) -> Vec<u64> {
        let mut values = Vec::new();
        reals.read(0, reals.len(), &mut values);
        values.into_iter().map(f64::to_bits).collect()
    }

    #[test]
    fn values_come_back_in_either_precision() {
        let single = [0.5, -0.0, 521.357_788_085_937_5, f64::INFINITY, 16_777_216.0];
        for other in [0.1, f64::MIN_POSITIVE, 16_777_217.0, f64::from_bits(0x7ff8_0000_0000_0001)] {
            let (mut one, mut two) = (Reals::default(), Reals::default());
            one.extend(&single);
            assert!(matches!(one, Reals::Single(_)));
            let expected: Vec<f64> = [&single[..], &[other], &single].concat();
            two.extend(&[other]);
            assert!(matches!(two, Reals::Double(_)), "{other}");
            let mut three = one.clone();
            one.append(&mut two);
            assert!(two.is_empty());
            one.append(&mut three);
            assert_eq!(all(&one), expected.into_iter().map(f64::to_bits).collect::<Vec<_>>());
            one.clear();
            assert!(one.is_empty());
        }
    }
}
