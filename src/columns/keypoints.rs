//! Keypoints: a fixed number for each object.

use std::sync::Arc;

use super::{Boxes, CompactDoubles};

/// Keypoints of many objects, all with the same number of them.
#[derive(Clone, Debug, Default)]
pub struct Keypoints {
    /// Keypoints of one object.
    pub per_object: usize,
    /// `x, y` of all keypoints of all objects.
    pub points: CompactDoubles,
    /// Whether each of them is labelled: its visibility is above zero. Empty for detections, for which it is not
    /// needed.
    pub labelled: Vec<bool>,
    /// `x, y, width, height` of each object; empty for detections.
    pub boxes: Arc<Boxes>,
}

impl Keypoints {
    /// The number of objects.
    pub fn len(&self) -> usize {
        self.points.len() / (2 * self.per_object).max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Adds the `x, y` of each keypoint of the object at `index` to `into`.
    #[inline]
    pub fn read(&self, index: usize, into: &mut Vec<f64>) {
        let width = 2 * self.per_object;
        self.points.read(index * width, width, into);
    }

    /// That the objects at these indices will be read soon.
    pub fn prefetch(&self, indices: &[u32]) {
        self.points.prefetch_rows(2 * self.per_object, indices);
    }

    /// Which keypoints of a ground truth are labelled.
    #[inline]
    pub fn labels(&self, index: usize) -> &[bool] {
        &self.labelled[index * self.per_object..(index + 1) * self.per_object]
    }
}
