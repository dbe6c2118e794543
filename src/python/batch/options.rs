//! How objects are given, and what is allowed.

use crate::columns::{BoxFormat, Size};
use crate::python::bad_value;
use pyo3::prelude::*;

use crate::similarity::{AngleConvention, SimilarityKind};

/// How objects are given, and what is allowed.
#[derive(Clone)]
pub(crate) struct Options {
    /// How objects are compared.
    pub similarity: &'static SimilarityKind,
    /// How boxes are given.
    pub format: BoxFormat,
    /// What decides the area range.
    pub size: Size,
    /// Least and greatest score.
    pub scores: Option<(f64, f64)>,
    /// Whether crowds may be matched many times; if not, they are merely ignored.
    pub match_crowds: bool,
}

impl Options {
    /// From the names that Python uses.
    pub(crate) fn new(
        similarity: &str,
        format: &str,
        size: &str,
        scores: Option<(f64, f64)>,
        match_crowds: bool,
    ) -> PyResult<Options> {
        let unknown = |argument: &str, found: &str, expected: &str| {
            bad_value(format!("{argument}: expected {expected}, found {found:?}"))
        };
        Ok(Options {
            similarity: SimilarityKind::named(similarity).map_err(|error| error.at("similarity"))?,
            format: BoxFormat::named(format)
                .ok_or_else(|| unknown("box_format", format, "'xyxy', 'xywh' or 'cxcywh'"))?,
            size: Size::named(size).ok_or_else(|| {
                let [others @ .., last] = Size::NAMES;
                unknown("size", size, &format!("'{}' or '{last}'", others.join("', '")))
            })?,
            scores,
            match_crowds,
        })
    }
}

/// How angles are given, from the names that Python uses.
pub(crate) fn angle_convention(angle: &str, clockwise: bool) -> PyResult<AngleConvention> {
    let radians = match angle {
        "degrees" => false,
        "radians" => true,
        _ => return Err(bad_value(format!("angle: expected 'degrees' or 'radians', found {angle:?}"))),
    };
    Ok(AngleConvention { radians, clockwise })
}
