//! Poses: a fixed number of `x, y, visibility` triples for each object.

/// Keypoints of many objects, all with the same number of them.
#[derive(Clone, Debug, Default)]
pub struct Keypoints {
    /// Triples of one object.
    pub per_object: usize,
    /// `x, y, visibility` of all objects: `3 * per_object` numbers each.
    pub triples: Vec<f64>,
    /// `x, y, width, height` of each object; empty for detections.
    pub boxes: Vec<[f64; 4]>,
}

impl Keypoints {
    /// The triples of the object at `index`, flat.
    #[inline]
    pub fn of(&self, index: usize) -> &[f64] {
        let width = 3 * self.per_object;
        &self.triples[index * width..(index + 1) * width]
    }
}
