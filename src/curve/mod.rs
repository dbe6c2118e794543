//! Precision-recall curves from the match table.
//!
//! Source: `accumulate` of the COCO API, but never a curve point for each detection: between true positives a
//! precision curve can only fall, so its envelope is known from the true positives alone.

mod grid;
mod sweep;

use crate::curve::grid::{Grid, for_each_category};
use crate::curve::sweep::{Curves, Sorted};
use crate::matching::MatchTable;
use crate::threads;

/// Which curves to draw.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Groups of the table, in output order.
    pub groups: Vec<usize>,
    /// Area ranges of the table, in output order.
    pub areas: Vec<usize>,
    /// Limits on the detections of an image, in output order.
    pub max_detections: Vec<usize>,
    /// Images to use; all if there is no list.
    pub images: Option<Vec<bool>>,
    /// Recall points.
    pub recall_points: Vec<f64>,
}

/// Lengths of the output axes. Those of categories, area ranges and limits may exceed the selection's; what nothing
/// is selected for stays -1.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// K.
    pub categories: usize,
    /// A.
    pub areas: usize,
    /// M.
    pub limits: usize,
}

/// Precision and score `(T, R, K, A, M)` and recall `(T, K, A, M)`, row by row; -1 where there is nothing to find.
#[derive(Clone, Debug)]
pub struct Accumulated {
    /// Greatest precision at or beyond each recall point.
    pub precision: Vec<f64>,
    /// Recall reached.
    pub recall: Vec<f64>,
    /// Score at which each recall point is reached.
    pub scores: Vec<f64>,
}

/// Draws the selected curves of a table, in parallel over groups.
pub fn accumulate(table: &MatchTable, selection: &Selection, shape: Shape) -> Accumulated {
    let thresholds = table.bits().thresholds;
    let points = selection.recall_points.len();
    let inner = shape.areas * shape.limits;
    let size = thresholds * shape.categories * inner;
    let mut precision = vec![-1.0; size * points];
    let mut recall = vec![-1.0; size];
    let mut scores = vec![-1.0; size * points];
    {
        let [mut p, mut r, mut s] =
            [&mut precision, &mut recall, &mut scores].map(|data| Grid::new(data, shape.categories, inner));
        threads::run(|| {
            for_each_category(
                [&mut p, &mut r, &mut s],
                selection.groups.len(),
                |k, [mut p, mut r, mut s]| {
                    let sorted = Sorted::new(table, selection.groups[k], selection.images.as_deref());
                    let mut curves = Curves::new(thresholds);
                    for (a, &area) in selection.areas.iter().enumerate() {
                        let positives = sorted.positives(area);
                        if positives == 0 {
                            continue;
                        }
                        for (m, &limit) in selection.max_detections.iter().enumerate() {
                            let inner = a * shape.limits + m;
                            curves.sweep(&sorted, area, limit);
                            for t in 0..thresholds {
                                r.set(t, inner, curves.recall(t, positives));
                                curves.read(
                                    t,
                                    positives,
                                    &selection.recall_points,
                                    |point, precision, score| {
                                        p.set(t * points + point, inner, precision);
                                        s.set(t * points + point, inner, score);
                                    },
                                );
                            }
                        }
                    }
                },
            );
        });
    }
    Accumulated { precision, recall, scores }
}
