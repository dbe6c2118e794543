//! The kinds of similarity: their names, and all that the rest of the program has to know about each.

use super::{
    AngleConvention, Exp, RotatedIou, Similarity, bbox, boundary, centre_distance, ciou, diou, giou,
    keypoint, mask, polygon, rotated, temporal,
};
use crate::columns::{GeometryKind, Objects};
use crate::error::{Error, Result};

/// All kinds. Names are spelt here and in no other part of the core.
pub static KINDS: &[&SimilarityKind] = &[
    &bbox::KIND,
    &mask::KIND,
    &boundary::KIND,
    &polygon::KIND,
    &keypoint::KIND,
    &rotated::KIND,
    &rotated::BOX_3D,
    &rotated::BEV,
    &centre_distance::KIND,
    &temporal::KIND,
    &giou::KIND,
    &diou::KIND,
    &ciou::KIND,
    #[cfg(test)]
    &super::centres::KIND,
];

/// A kind of similarity.
pub struct SimilarityKind {
    /// Its name: `iouType` of the COCO API, `similarity=` and `--iou-type`.
    pub name: &'static str,
    /// What it compares. The area of objects and what makes ground truth ignored follow from it.
    pub geometry: GeometryKind,
    /// The parameters of a protocol that it uses.
    pub parameters: &'static [&'static str],
    /// Gives it the columns of detections and ground truth.
    pub compare: fn(&Objects, &Objects, &Parameters) -> Result<Box<dyn Similarity>>,
}

/// What a protocol says about how objects are compared. Each kind uses its own.
#[derive(Clone, Default)]
pub struct Parameters {
    /// Whether a box reaches from its first to its last pixel, both inside.
    pub inclusive_boxes: bool,
    /// Width of a mask's boundary as a fraction of the image's diagonal; [`super::DILATION_RATIO`] if it is not given.
    pub dilation_ratio: Option<f64>,
    /// `(2 sigma)²` of each keypoint.
    pub variances: Vec<f64>,
    /// The exponential; the standard library's if it is not given.
    pub exp: Option<Exp>,
    /// How the angles of rotated boxes are given.
    pub angles: AngleConvention,
    /// Whose arithmetic compares rotated boxes.
    pub rotated_iou: RotatedIou,
}

impl SimilarityKind {
    /// The kind of that name.
    ///
    /// # Errors
    ///
    /// There is none; the message lists those that there are.
    pub fn named(name: &str) -> Result<&'static SimilarityKind> {
        let known = || {
            let names: Vec<String> = KINDS.iter().map(|kind| format!("'{}'", kind.name)).collect();
            let (last, others) = names.split_last().expect("there are kinds");
            format!("{} or {last}", others.join(", "))
        };
        let found = KINDS.iter().find(|kind| kind.name == name);
        found.copied().ok_or_else(|| Error::value(format!("expected {}, found {name:?}", known())))
    }

    /// Whether it uses that setting of a protocol.
    pub fn uses(&self, setting: &str) -> bool {
        self.parameters.contains(&setting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_found_by_its_name() {
        for kind in KINDS {
            assert!(std::ptr::eq(SimilarityKind::named(kind.name).unwrap(), *kind), "{} twice", kind.name);
        }
    }

    #[test]
    fn an_unknown_kind_is_told_the_known_ones() {
        let error = SimilarityKind::named("box").map(|kind| kind.name).unwrap_err();
        assert!(KINDS.iter().all(|kind| error.to_string().contains(kind.name)), "{}", error.to_string());
        assert!(error.to_string().ends_with("found \"box\""));
    }
}
