//! Columns of a whole data set or of a batch into a match table: ids coded alike on both sides ([`coded`]), limits on
//! what counts in an image ([`ImageLimits`]), matching and the pairs of analyses ([`BatchMatching`]).
//!
//! ```
//! use meanap::batch::{ImageOrder, SideWithIds, coded};
//! # use std::sync::Arc;
//! # use meanap::columns::{AnnotationIds, Areas, Boxes, CompactDoubles, Geometry, Objects};
//! use meanap::columns::{Interner, Key};
//! use meanap::progress::Progress;
//! # fn boxes(category: Vec<u32>) -> meanap::Result<Objects> {
//! #     let (mut boxes, count) = (Boxes::default(), category.len());
//! #     (0..count).try_for_each(|_| boxes.push([0.0, 0.0, 5.0, 5.0]))?;
//! #     let (boxes, no) = (Arc::new(boxes), Arc::new(vec![false; count]));
//! #     Ok(Objects {
//! #         image: Arc::new(vec![0; count]),
//! #         category: Arc::new(category),
//! #         id: AnnotationIds::Counted,
//! #         area: Areas::OfBoxes(boxes.clone()),
//! #         score: Arc::new(CompactDoubles::default()),
//! #         crowd: no.clone(),
//! #         ignore: no,
//! #         geometry: Geometry::Boxes(boxes),
//! #     })
//! # }
//!
//! // A cat and a dog in image 4, of which a detector calls one a dog.
//! let names = |names: &[&str]| names.iter().map(|&name| Key::Text(name.into())).collect::<Vec<_>>();
//! let (ground_truth, detections) = (boxes(vec![0, 1])?, boxes(vec![0])?);
//! let image_ids = vec![Key::Number(4)];
//! let sides = [
//!     SideWithIds { objects: &ground_truth, image_ids: image_ids.clone(), category_ids: names(&["cat", "dog"]) },
//!     SideWithIds { objects: &detections, image_ids, category_ids: names(&["dog"]) },
//! ];
//! let ([_, (detections, _)], ids) =
//!     coded(sides, &[], Interner::default(), ImageOrder::Given, &Progress::default())?;
//! assert_eq!(ids.categories.keys(), names(&["cat", "dog"]));
//! assert_eq!(*detections.category, [1]);
//! # Ok::<(), meanap::Error>(())
//! ```

mod coding;
mod limits;
mod matching;

pub use coding::{BatchIds, CodedSide, ImageOrder, SideWithIds, coded};
pub use limits::ImageLimits;
pub use matching::{BatchMatching, BuildSimilarity, PairAnalysis, TableHints};

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::columns::{AnnotationIds, Areas, Boxes, CompactDoubles, Geometry, Objects};

    /// Boxes from 0 on that are 100 wide: image, category, height and score of each.
    pub(super) fn boxes(objects: &[(u32, u32, f64, f64)]) -> Objects {
        let (mut boxes, mut score) = (Boxes::default(), CompactDoubles::default());
        for &(_, _, height, value) in objects {
            boxes.push([0.0, 0.0, 100.0, height]).unwrap();
            score.push(value).unwrap();
        }
        let (boxes, no) = (Arc::new(boxes), Arc::new(vec![false; objects.len()]));
        Objects {
            image: Arc::new(objects.iter().map(|object| object.0).collect()),
            category: Arc::new(objects.iter().map(|object| object.1).collect()),
            id: AnnotationIds::Counted,
            area: Areas::OfBoxes(boxes.clone()),
            score: Arc::new(score),
            crowd: no.clone(),
            ignore: no,
            geometry: Geometry::Boxes(boxes),
        }
    }
}
