//! Ground truth and detections as structs of arrays.
//!
//! Readers (JSON, Python dictionaries, arrays) make these; similarity and matching read them. A column has one
//! entry per object, in the order of the input. No column holds a Python object, and none grows with
//! images x categories.
//!
//! ```
//! use meanap::columns::{Interner, Key};
//!
//! let mut categories = Interner::default();
//! let names = ["dog", "cat", "dog"].map(|name| Key::Text(name.into()));
//! assert_eq!(categories.codes(&names)?, [0, 1, 0]);
//! # Ok::<(), meanap::Error>(())
//! ```

mod box_format;
mod boxes;
mod compact_doubles;
mod integer_codes;
mod interned;
mod key;
mod keypoints;
mod masks;
mod rotated;
mod sizes;
mod usable;

use std::sync::Arc;

pub use box_format::BoxFormat;
pub use boxes::Boxes;
pub use compact_doubles::CompactDoubles;
pub use interned::InternedIds;
pub use key::{Interner, Key, KeyRef};
pub use keypoints::Keypoints;
pub use masks::{MaskShape, Masks, MasksEnd};
pub use rotated::{RotatedBox, RotatedBoxes};
pub use sizes::{Size, has_no_keypoints, level_of_height, take_areas, take_exact_areas};

/// A shared column, passed on without copies.
pub type SharedColumn<T> = Arc<Vec<T>>;

/// The objects of one side of an evaluation, ready to be compared.
///
/// `image` and `category` are *codes*: small integers that stand for ids. The reader that made the columns keeps
/// the list of ids (integers, strings, whatever the user has); the core never sees them.
#[derive(Clone, Debug)]
pub struct Objects {
    /// Image code of each object.
    pub image: SharedColumn<u32>,
    /// Category code of each object.
    pub category: SharedColumn<u32>,
    /// Annotation ids.
    pub id: AnnotationIds,
    /// Area in pixels; decides membership of area ranges (never compared with the geometry).
    pub area: Areas,
    /// Confidence; empty for ground truth.
    pub score: Arc<CompactDoubles>,
    /// `iscrowd`: a detection may match it many times, and the union is the detection's own area. Empty for
    /// detections.
    pub crowd: SharedColumn<bool>,
    /// Ground truth that neither rewards nor punishes. Of detections: not a false positive if it matches nothing (its
    /// category was not labelled exhaustively in its image); may be empty if there is none such.
    pub ignore: SharedColumn<bool>,
    /// What is compared.
    pub geometry: Geometry,
}

impl Objects {
    /// Masks or other objects of one category in one image, each with an area of 1; crowds are ignored.
    #[cfg(test)]
    pub(crate) fn in_one_cell(geometry: Geometry, crowd: &[bool]) -> Objects {
        let count = crowd.len();
        Objects {
            image: Arc::new(vec![0; count]),
            category: Arc::new(vec![0; count]),
            id: AnnotationIds::Counted,
            area: Areas::Given(Arc::new(vec![1.0; count].into())),
            score: Arc::new(vec![1.0; count].into()),
            crowd: Arc::new(crowd.to_vec()),
            ignore: Arc::new(crowd.to_vec()),
            geometry,
        }
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        self.image.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.image.is_empty()
    }
}

/// Annotation ids, as the reference's match arrays hold them: doubles.
#[derive(Clone, Debug)]
pub enum AnnotationIds {
    /// 1, 2, 3, …: what `loadRes` gives.
    Counted,
    /// As given.
    Given(Arc<CompactDoubles>),
}

impl AnnotationIds {
    /// The id of the object at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> f64 {
        match self {
            AnnotationIds::Counted => (index + 1) as f64,
            AnnotationIds::Given(ids) => ids.get(index),
        }
    }
}

/// Areas in pixels.
#[derive(Clone, Debug)]
pub enum Areas {
    /// As given.
    Given(Arc<CompactDoubles>),
    /// Width times height of these boxes: what `loadRes` gives.
    OfBoxes(Arc<Boxes>),
    /// Those of these rotated boxes.
    OfRotatedBoxes(Arc<RotatedBoxes>),
}

impl Areas {
    /// The area of the object at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Areas::Given(areas) => areas.get(index),
            Areas::OfBoxes(boxes) => {
                let [width, height] = boxes.size(index);
                width * height
            }
            Areas::OfRotatedBoxes(boxes) => boxes.area(index),
        }
    }
}

/// Which geometry objects have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeometryKind {
    /// Boxes.
    Boxes,
    /// Instance masks.
    Masks,
    /// Poses.
    Keypoints,
    /// Rotated boxes.
    RotatedBoxes,
    /// Boxes in space, which turn about the vertical.
    Boxes3d,
}

impl GeometryKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            GeometryKind::Boxes => "boxes",
            GeometryKind::Masks => "masks",
            GeometryKind::Keypoints => "keypoints",
            GeometryKind::RotatedBoxes => "rotated boxes",
            GeometryKind::Boxes3d => "3D boxes",
        }
    }

    /// How many numbers each of its rotated boxes may have; none where it has no such.
    pub fn rotated_widths(self) -> &'static [usize] {
        match self {
            GeometryKind::RotatedBoxes => &[5, 8],
            GeometryKind::Boxes3d => &[7],
            GeometryKind::Boxes | GeometryKind::Masks | GeometryKind::Keypoints => &[],
        }
    }
}

/// What is compared. Boxes in space are held as rotated boxes of seven numbers.
#[derive(Clone, Debug)]
pub enum Geometry {
    /// `x, y, width, height` in pixels.
    Boxes(Arc<Boxes>),
    /// Instance masks, as given (polygons, compressed or plain run lengths).
    Masks(Arc<Masks>),
    /// Poses, and for ground truth the box that stands in when no keypoint is visible.
    Keypoints(Arc<Keypoints>),
    /// Rotated boxes, or quadrilaterals of four corners; or boxes in space.
    RotatedBoxes(Arc<RotatedBoxes>),
}
