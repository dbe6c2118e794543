//! Compact doubles: a column stored in single precision while that is exact.

use crate::error::{Result, append, reserve, with_capacity};
use crate::simd;
use crate::threads;

/// Doubles, stored in 32 bits as long as that is exact for all of them: in single precision, as coordinates and scores
/// are that a network has made, and whole pixels; in hundredths, as coordinates are that were rounded; or as whole
/// numbers, as large ids are.
#[derive(Clone, Debug)]
pub enum CompactDoubles {
    /// All so far are of single precision.
    Single(Vec<f32>),
    /// All so far are whole numbers divided by 100.
    Hundredths(Vec<i32>),
    /// All so far are whole, from 0 on.
    Whole(Vec<u32>),
    /// None of these.
    Double(Vec<f64>),
}

impl Default for CompactDoubles {
    fn default() -> Self {
        CompactDoubles::Single(Vec::new())
    }
}

/// A number of 32 bits that stands for a double.
trait Narrow: Copy {
    /// The one that is next to a double; it need not stand for it.
    fn nearest(value: f64) -> Self;
    fn wide(self) -> f64;
    /// Whether this kind can stand for all values, bit by bit, so that neither a NaN nor minus zero is an exception.
    #[inline(always)]
    fn holds(values: impl IntoIterator<Item = f64>) -> bool {
        let exact = |value: f64| Self::nearest(value).wide().to_bits() == value.to_bits();
        values.into_iter().fold(true, |all, value| all & exact(value))
    }
}

impl Narrow for f32 {
    #[inline(always)]
    fn nearest(value: f64) -> f32 {
        value as f32
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Narrow for i32 {
    #[inline(always)]
    fn nearest(value: f64) -> i32 {
        (value * 100.0 + 0.5_f64.copysign(value)) as i32
    }
    /// What JSON makes of two digits behind a point: both are the double that is nearest.
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self) / 100.0
    }
}

impl Narrow for u32 {
    #[inline(always)]
    fn nearest(value: f64) -> u32 {
        value as u32
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

fn narrowed<N: Narrow>(values: &CompactDoubles) -> Result<Vec<N>> {
    let mut narrow = with_capacity(values.capacity())?;
    narrow.extend(values.iter().map(N::nearest));
    Ok(narrow)
}

/// `$use` of the vector of each kind.
macro_rules! each {
    ($reals:expr, $values:ident => $use:expr) => {
        match $reals {
            CompactDoubles::Single($values) => $use,
            CompactDoubles::Hundredths($values) => $use,
            CompactDoubles::Whole($values) => $use,
            CompactDoubles::Double($values) => $use,
        }
    };
}

impl Narrow for f64 {
    #[inline(always)]
    fn nearest(value: f64) -> f64 {
        value
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
}

impl CompactDoubles {
    /// How many there are.
    pub fn len(&self) -> usize {
        each!(self, values => values.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn capacity(&self) -> usize {
        each!(self, values => values.capacity())
    }

    /// The value at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> f64 {
        each!(self, values => values[index].wide())
    }

    /// All values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = f64> + Clone + '_ {
        (0..self.len()).map(|index| self.get(index))
    }

    /// The values from `first` on.
    #[inline(always)]
    pub fn array<const N: usize>(&self, first: usize) -> [f64; N] {
        each!(self, values => {
            let values = &values[first..first + N];
            std::array::from_fn(|i| values[i].wide())
        })
    }

    /// Adds the values from `first` to `first + count` to `into`.
    pub fn read(&self, first: usize, count: usize, into: &mut Vec<f64>) {
        each!(self, values => into.extend(values[first..first + count].iter().map(|value| value.wide())));
    }

    /// The first row of `N` values of which something is true.
    pub fn position_of_row<const N: usize>(&self, wanted: impl Fn([f64; N]) -> bool + Sync) -> Option<usize> {
        each!(self, values => {
            let rows = values.as_chunks::<N>().0;
            threads::position(rows.len(), &|piece| {
                rows[piece].iter().position(|row| wanted(row.map(Narrow::wide)))
            })
        })
    }

    /// That some rows of `width` values will be read soon.
    #[inline]
    pub fn prefetch_rows(&self, width: usize, rows: &[u32]) {
        each!(self, values => simd::prefetch_rows(values, width, rows));
    }

    /// Adds `value`.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, here as in all that adds values.
    #[inline]
    pub fn push(&mut self, value: f64) -> Result<()> {
        self.push_array([value])
    }

    /// Adds some values, a number of them that is known beforehand: nothing of it is a loop.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    #[inline]
    pub fn push_array<const K: usize>(&mut self, values: [f64; K]) -> Result<()> {
        #[inline(always)]
        fn fit<N: Narrow, const K: usize>(ours: &mut Vec<N>, values: [f64; K]) -> bool {
            let fit = N::holds(values) && ours.capacity() - ours.len() >= K;
            if fit {
                ours.extend_from_slice(&values.map(N::nearest));
            }
            fit
        }
        if each!(&mut *self, ours => fit(ours, values)) { Ok(()) } else { self.extend_seldom(&values) }
    }

    /// As `extend`, where the memory is full or a value needs another representation.
    #[cold]
    fn extend_seldom(&mut self, values: &[f64]) -> Result<()> {
        self.extend(values)
    }

    /// Adds `values`.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    #[inline]
    pub fn extend(&mut self, values: &[f64]) -> Result<()> {
        fn fit<N: Narrow>(ours: &mut Vec<N>, values: &[f64]) -> Result<bool> {
            let fit = N::holds(values.iter().copied());
            if fit {
                reserve(ours, values.len())?;
                ours.extend(values.iter().map(|&value| N::nearest(value)));
            }
            Ok(fit)
        }
        if !each!(&mut *self, ours => fit(ours, values))? {
            self.make_room_for(values)?;
            self.extend(values)?;
        }
        Ok(())
    }

    /// Adds the values of `other` after these, and empties it.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn append(&mut self, other: &mut CompactDoubles) -> Result<()> {
        match (&mut *self, &mut *other) {
            (CompactDoubles::Single(ours), CompactDoubles::Single(theirs)) => append(ours, theirs),
            (CompactDoubles::Hundredths(ours), CompactDoubles::Hundredths(theirs)) => append(ours, theirs),
            (CompactDoubles::Whole(ours), CompactDoubles::Whole(theirs)) => append(ours, theirs),
            (CompactDoubles::Double(ours), CompactDoubles::Double(theirs)) => append(ours, theirs),
            (CompactDoubles::Double(ours), theirs) => {
                reserve(ours, theirs.len())?;
                ours.extend(theirs.iter());
                theirs.clear();
                Ok(())
            }
            (_, theirs) if theirs.is_empty() => Ok(()),
            (_, CompactDoubles::Double(_)) => {
                self.widen()?;
                self.append(other)
            }
            (_, theirs) => {
                let mut values = with_capacity(theirs.len())?;
                theirs.read(0, theirs.len(), &mut values);
                self.extend(&values)?;
                theirs.clear();
                Ok(())
            }
        }
    }

    /// Removes all values and keeps the memory.
    pub fn clear(&mut self) {
        each!(self, values => values.clear());
    }

    /// Reserves memory for `more` values in the present representation.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn reserve(&mut self, more: usize) -> Result<()> {
        each!(self, values => reserve(values, more))
    }

    /// Gives back memory that was reserved too generously.
    pub fn shrink_to_fit(&mut self) {
        each!(self, values => values.shrink_to_fit());
    }

    /// Changes to the next representation that is exact for the stored values and for `values`.
    #[cold]
    fn make_room_for(&mut self, values: &[f64]) -> Result<()> {
        fn holds<N: Narrow>(ours: &CompactDoubles, values: &[f64]) -> bool {
            N::holds(values.iter().copied()) && N::holds(ours.iter())
        }
        if matches!(self, CompactDoubles::Single(_)) && holds::<i32>(self, values) {
            *self = CompactDoubles::Hundredths(narrowed(self)?);
        } else if !matches!(self, CompactDoubles::Whole(_)) && holds::<u32>(self, values) {
            *self = CompactDoubles::Whole(narrowed(self)?);
        } else {
            self.widen()?;
        }
        Ok(())
    }

    #[cold]
    fn widen(&mut self) -> Result<()> {
        *self = CompactDoubles::Double(narrowed(self)?);
        Ok(())
    }

    /// All values of an iterator.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn collect(values: impl IntoIterator<Item = f64>) -> Result<CompactDoubles> {
        let values = values.into_iter();
        let mut all = CompactDoubles::default();
        all.reserve(values.size_hint().0)?;
        for value in values {
            all.push(value)?;
        }
        Ok(all)
    }
}

impl From<Vec<f64>> for CompactDoubles {
    /// In double precision as they are: nothing is copied.
    fn from(values: Vec<f64>) -> CompactDoubles {
        CompactDoubles::Double(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(reals: &CompactDoubles) -> Vec<u64> {
        let mut values = Vec::new();
        reals.read(0, reals.len(), &mut values);
        values.into_iter().map(f64::to_bits).collect()
    }

    const SINGLE: [f64; 5] = [0.5, -0.0, 521.357_788_085_937_5, f64::INFINITY, 16_777_216.0];
    const HUNDREDTHS: [f64; 5] = [0.01, -4.35, 0.0, 16_777_217.25, 21_474_836.47];
    const WHOLE: [f64; 4] = [0.0, 7.0, 16_777_217.0, 4_294_967_295.0];
    const DOUBLE: [f64; 5] =
        [0.001, f64::MIN_POSITIVE, 21_474_836.48, 4_294_967_295.5, f64::from_bits(0x7ff8_0000_0000_0001)];

    fn of(values: &[f64]) -> CompactDoubles {
        CompactDoubles::collect(values.iter().copied()).unwrap()
    }

    #[test]
    fn each_kind_is_the_narrowest_that_holds_all() {
        assert!(matches!(of(&SINGLE), CompactDoubles::Single(_)));
        assert!(matches!(of(&[1.0, 7.5, 0.25]), CompactDoubles::Single(_)));
        assert!(matches!(of(&HUNDREDTHS), CompactDoubles::Hundredths(_)));
        assert!(matches!(of(&[1.0, 7.5, 0.1]), CompactDoubles::Hundredths(_)));
        assert!(matches!(of(&WHOLE), CompactDoubles::Whole(_)));
        assert!(matches!(of(&[7.0, 16_777_217.0]), CompactDoubles::Hundredths(_)));
        assert!(matches!(of(&[7.0, 16_777_217.0, 900_100_581.0]), CompactDoubles::Whole(_)));
        for other in [-1.0, 0.5, 4_294_967_296.0] {
            assert!(matches!(of(&[900_100_581.0, other, 0.001]), CompactDoubles::Double(_)), "{other}");
        }
        for other in DOUBLE {
            assert!(matches!(of(&[other]), CompactDoubles::Double(_)), "{other}");
            assert!(matches!(of(&[0.1, other]), CompactDoubles::Double(_)), "{other}");
        }
        for single in [-0.0, SINGLE[2], f64::INFINITY] {
            assert!(matches!(of(&[0.1, single]), CompactDoubles::Double(_)), "{single}");
        }
    }

    #[test]
    fn values_come_back_however_they_are_joined() {
        let kinds: [&[f64]; 5] = [&SINGLE, &HUNDREDTHS, &WHOLE, &DOUBLE, &[]];
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        for first in kinds {
            for second in kinds {
                for third in kinds {
                    let expected = bits(&[first, second, third].concat());
                    let (mut joined, mut grown) = (of(first), of(first));
                    for more in [second, third] {
                        let mut part = of(more);
                        joined.append(&mut part).unwrap();
                        assert!(part.is_empty());
                        grown.extend(more).unwrap();
                    }
                    assert_eq!((all(&joined), all(&grown)), (expected.clone(), expected.clone()));
                    assert_eq!(joined.iter().map(f64::to_bits).collect::<Vec<_>>(), expected);
                    joined.clear();
                    assert!(joined.is_empty());
                }
            }
        }
    }

    #[test]
    fn the_first_row_is_found() {
        for kind in [&[0.5, 1.5, 2.0, 7.0], &[0.25, 1.01, 2.0, 7.0], &[0.001, 1.5, 2.0, 7.0]] {
            let rows = of(kind);
            assert_eq!(rows.position_of_row(|[a, b]| a + b > 3.0), Some(1));
            assert_eq!(rows.position_of_row(|[a, b]| a > b), None);
            // What is less than a row is none.
            assert_eq!(rows.position_of_row(|[_, _, c]| c == 7.0), None);
        }
    }

    #[test]
    fn every_hundredth_comes_back() {
        for whole in [0, 7, 639, 65_535, 21_474_835] {
            for hundredth in 0..100 {
                let value: f64 = format!("{whole}.{hundredth:02}").parse().unwrap();
                let held = of(&[0.01, value, -value]);
                assert!(matches!(held, CompactDoubles::Hundredths(_)) || value == 0.0, "{value}");
                assert_eq!(held.array(1).map(f64::to_bits), [value, -value].map(f64::to_bits));
            }
        }
    }
}
