//! How alike rotated boxes are: intersection over union of polygons, and the arithmetic of other packages by name.

mod angle;
mod bird_eye;
mod clip;
mod double_double;
mod polygon;
mod polyiou;
mod probabilistic;
mod rectangle;
mod screen;
mod shape;
mod sin_cos;
mod single;

use std::sync::Arc;

use super::{Comparer, Parameters, Side, Similarity, SimilarityKind};
use crate::columns::{Geometry, GeometryKind, RotatedBox, RotatedBoxes, SharedColumn};
use crate::error::{Error, Result, collect, extend, filled};
use crate::progress::Progress;
use polyiou::quadrilateral_iou;
use probabilistic::{Gaussian, probabilistic_iou};
use screen::Outline;
use shape::{Shape, shape_iou};
use single::{Library, SingleBox, single_iou};

pub use angle::AngleConvention;
pub(super) use bird_eye::{BEV, BOX_3D, sides_in_space};
pub use polygon::rotated_corners;

/// Intersection over union of rotated boxes, or of quadrilaterals.
pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "rotated",
    geometry: GeometryKind::RotatedBoxes,
    parameters: &["angle", "clockwise", "rotated_iou"],
    compare: |detections, ground_truths, parameters| match (&detections.geometry, &ground_truths.geometry) {
        (Geometry::RotatedBoxes(d), Geometry::RotatedBoxes(g)) if d.width() != 7 && g.width() != 7 => {
            Ok(similarity(d.clone(), g.clone(), ground_truths.crowd.clone(), parameters))
        }
        _ => Err(Error::wrong_type("rotated similarity needs rotated boxes on both sides")),
    },
};

/// Whose arithmetic compares rotated boxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RotatedIou {
    /// Our own: exact but for the last digits of a double.
    #[default]
    Exact,
    /// detectron2's, in single precision.
    Detectron2,
    /// mmcv's, in single precision.
    Mmcv,
    /// That of DOTA's development kit.
    Polyiou,
    /// Ultralytics' probabilistic one.
    Probiou,
}

impl RotatedIou {
    /// All of them, by name.
    pub const ALL: [(&'static str, RotatedIou); 5] = [
        ("exact", RotatedIou::Exact),
        ("detectron2", RotatedIou::Detectron2),
        ("mmcv", RotatedIou::Mmcv),
        ("polyiou", RotatedIou::Polyiou),
        ("probiou", RotatedIou::Probiou),
    ];

    /// The one of that name.
    ///
    /// # Errors
    ///
    /// There is none; the message lists those that there are.
    pub fn named(name: &str) -> Result<RotatedIou> {
        let known = || RotatedIou::ALL.map(|(name, _)| format!("'{name}'")).join(", ");
        let found = RotatedIou::ALL.iter().find(|(known, _)| *known == name).map(|(_, one)| *one);
        found.ok_or_else(|| Error::value(format!("expected one of {}, found {name:?}", known())))
    }
}

fn similarity(
    detections: Arc<RotatedBoxes>,
    ground_truths: Arc<RotatedBoxes>,
    crowd: SharedColumn<bool>,
    parameters: &Parameters,
) -> Box<dyn Similarity> {
    let (angles, sides) = (parameters.angles, (detections, ground_truths, crowd));
    match parameters.rotated_iou {
        RotatedIou::Exact => {
            let prepare = move |given: &RotatedBox| Shape::new(given, angles);
            prepared(sides, true, prepare, shape_iou)
        }
        RotatedIou::Detectron2 => single(sides, angles, Library::Detectron2),
        RotatedIou::Mmcv => single(sides, angles, Library::Mmcv),
        RotatedIou::Polyiou => {
            let prepare = move |given: &RotatedBox| rotated_corners(given, angles);
            prepared(sides, false, prepare, |d, g, _, _| quadrilateral_iou(*g, *d))
        }
        RotatedIou::Probiou => prepared(
            sides,
            false,
            move |given| Gaussian::new(given, angles),
            |d, g, _, _| f64::from(probabilistic_iou(g, d)),
        ),
    }
}

type Sides = (Arc<RotatedBoxes>, Arc<RotatedBoxes>, SharedColumn<bool>);

fn single(sides: Sides, angles: AngleConvention, library: Library) -> Box<dyn Similarity> {
    let prepare = move |given: &RotatedBox| SingleBox::new(given, angles, library);
    prepared(sides, false, prepare, move |d, g, _, _| f64::from(single_iou(d, g, library)))
}

fn prepared<T: Send + 'static>(
    (detections, ground_truths, crowd): Sides,
    screened: bool,
    prepare: impl Fn(&RotatedBox) -> T + Send + Sync + 'static,
    compare: impl Fn(&T, &T, bool, f64) -> f64 + Send + Sync + 'static,
) -> Box<dyn Similarity> {
    Box::new(Prepared { detections, ground_truths, crowd, screened, prepare, compare })
}

/// The similarity of all pairs, `(D, G)` row by row. Nothing is a crowd.
///
/// # Errors
///
/// The work is cancelled, or there is no memory for it.
pub fn rotated_similarity(
    detections: RotatedBoxes,
    ground_truths: RotatedBoxes,
    parameters: &Parameters,
    progress: &Progress,
) -> Result<Vec<f64>> {
    let (d, g) = (detections.len() as u32, ground_truths.len());
    let mut values = filled((d as usize).saturating_mul(g), 0.0)?;
    if g == 0 {
        return Ok(values);
    }
    let crowd = Arc::new(filled(g, false)?);
    let similarity = similarity(detections.into(), ground_truths.into(), crowd, parameters);
    let columns: Vec<u32> = collect(0..g as u32)?;
    // A cell of some detections, so that what is made of the ground truth is made once for all of them.
    const ROWS: usize = 64;
    let rows: Vec<u32> = collect(0..d)?;
    let mut compare = similarity.comparer();
    for (rows, out) in rows.chunks(ROWS).zip(values.chunks_mut(ROWS * g)) {
        progress.check()?;
        compare(rows, &columns, f64::NEG_INFINITY, out)?;
    }
    drop(compare);
    Ok(values)
}

/// One arithmetic over columns: what it makes of a box once, and of a pair, given whether the ground truth is a crowd and
/// the floor. Other packages have neither.
struct Prepared<P, C> {
    detections: Arc<RotatedBoxes>,
    ground_truths: Arc<RotatedBoxes>,
    crowd: SharedColumn<bool>,
    /// Whether pairs whose outlines show that they are below the floor are not compared: other packages' arithmetic
    /// decides about each.
    screened: bool,
    prepare: P,
    compare: C,
}

impl<T, P, C> Similarity for Prepared<P, C>
where
    T: Send + 'static,
    P: Fn(&RotatedBox) -> T + Send + Sync,
    C: Fn(&T, &T, bool, f64) -> f64 + Send + Sync,
{
    fn comparer(&self) -> Comparer<'_> {
        let mut outlines: Vec<(Outline, bool)> = Vec::new();
        let mut prepared: Vec<Option<T>> = Vec::new();
        let mut candidates: Vec<usize> = Vec::new();
        Box::new(move |detections, ground_truths, floor, out| {
            let screened = self.screened && floor > 0.0;
            outlines.clear();
            let objects = ground_truths.iter().map(|&g| g as usize);
            let given = objects.map(|g| (self.ground_truths.get(g), self.crowd[g]));
            extend(&mut outlines, given.map(|(given, crowd)| (Outline::new(&given), crowd)))?;
            prepared.clear();
            extend(&mut prepared, ground_truths.iter().map(|_| None))?;
            candidates.clear();
            extend(&mut candidates, 0..ground_truths.len())?;
            let mut count = candidates.len();
            for (row, &d) in out.chunks_exact_mut(ground_truths.len()).zip(detections) {
                let given = self.detections.get(d as usize);
                if screened {
                    let outline = Outline::new(&given);
                    count = 0;
                    // Which ones these are is as good as random, so nothing in the loop depends on a branch.
                    for (at, (other, crowd)) in outlines.iter().enumerate() {
                        candidates[count] = at;
                        count += usize::from(Outline::may_reach(&outline, other, *crowd, floor));
                    }
                }
                row.fill(0.0);
                let mut detection = None;
                for &at in &candidates[..count] {
                    let detection = detection.get_or_insert_with(|| (self.prepare)(&given));
                    let get = || (self.prepare)(&self.ground_truths.get(ground_truths[at] as usize));
                    let ground_truth = prepared[at].get_or_insert_with(get);
                    row[at] = (self.compare)(detection, ground_truth, outlines[at].1, floor);
                }
            }
            Ok(())
        })
    }

    fn prefetch(&self, side: Side, objects: &[u32]) {
        prefetch(side, objects, &self.detections, &self.ground_truths);
    }
}

fn prefetch(side: Side, objects: &[u32], detections: &RotatedBoxes, ground_truths: &RotatedBoxes) {
    let boxes = if side == Side::Detections { detections } else { ground_truths };
    boxes.prefetch(objects);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_arithmetic_is_found_by_its_name() {
        for (name, one) in RotatedIou::ALL {
            assert_eq!(RotatedIou::named(name).unwrap(), one);
        }
        let error = RotatedIou::named("iou").unwrap_err().to_string();
        assert!(error.contains("'polyiou'") && error.ends_with("found \"iou\""), "{error}");
    }
}
