//! Boxes of many objects.

use super::CompactDoubles;
use super::usable::first_unusable;
use crate::error::{Result, with_capacity};

/// Boxes `x, y, width, height` in pixels.
#[derive(Clone, Debug, Default)]
pub struct Boxes(CompactDoubles);

impl Boxes {
    /// The number of boxes.
    pub fn len(&self) -> usize {
        self.0.len() / 4
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The box at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> [f64; 4] {
        self.0.array(4 * index)
    }

    /// Width and height of the box at `index`.
    #[inline]
    pub fn size(&self, index: usize) -> [f64; 2] {
        self.0.array(4 * index + 2)
    }

    /// The first box that cannot be used, with what is wrong about it.
    pub fn first_unusable(&self) -> Option<(usize, &'static str)> {
        first_unusable::<4>(&self.0, 2..4)
    }

    /// That the boxes at these indices will be read soon.
    pub fn prefetch(&self, indices: &[u32]) {
        self.0.prefetch_rows(4, indices);
    }

    /// All boxes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = [f64; 4]> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }

    /// All numbers, box by box.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn flat(&self) -> Result<Vec<f64>> {
        let mut flat = with_capacity(self.0.len())?;
        self.0.read(0, self.0.len(), &mut flat);
        Ok(flat)
    }

    /// Adds a box.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, here as in all that adds boxes.
    #[inline]
    pub fn push(&mut self, sides: [f64; 4]) -> Result<()> {
        self.0.push_array(sides)
    }

    /// Adds the boxes of `other` after these, and empties it.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn append(&mut self, other: &mut Boxes) -> Result<()> {
        self.0.append(&mut other.0)
    }

    /// Removes all boxes and keeps the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Reserves memory for `more` boxes in the present representation.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn reserve(&mut self, more: usize) -> Result<()> {
        self.0.reserve(more.saturating_mul(4))
    }

    /// All boxes of an iterator.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn collect(boxes: impl IntoIterator<Item = [f64; 4]>) -> Result<Boxes> {
        let boxes = boxes.into_iter();
        let mut all = Boxes::default();
        all.reserve(boxes.size_hint().0)?;
        for sides in boxes {
            all.push(sides)?;
        }
        Ok(all)
    }

    /// Gives back memory that was reserved too generously.
    pub fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }
}

impl From<Vec<[f64; 4]>> for Boxes {
    /// In double precision as they are: nothing is copied.
    fn from(boxes: Vec<[f64; 4]>) -> Boxes {
        Boxes(CompactDoubles::Double(boxes.into_flattened()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_come_back() {
        let single = [[0.5, 1.0, 2.0, 3.25], [-1.5, 0.0, 1024.0, 4.0]];
        let boxes = Boxes::collect(single).unwrap();
        assert!(matches!(boxes.0, CompactDoubles::Single(_)));
        assert_eq!(boxes.iter().collect::<Vec<_>>(), single);
        let mut more = Boxes::from(vec![[0.1, 0.2, 0.3, 0.4]]);
        let mut all = boxes.clone();
        all.append(&mut more).unwrap();
        assert_eq!((all.len(), all.get(1), all.get(2)), (3, single[1], [0.1, 0.2, 0.3, 0.4]));
        assert_eq!(all.size(0), [2.0, 3.25]);
        assert_eq!((all.flat().unwrap().len(), more.len()), (12, 0));
    }
}
