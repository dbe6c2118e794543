//! The rows of a confusion matrix.
//!
//! Detections are matched with ground truths of any category, by the protocol's own matcher, and each is given with the
//! ground truth that it matched. The rows are those of a match table, so batches, shards and images that come twice are
//! gathered by the same [`crate::matching::MatchLog`].

use crate::error::{Result, filled, with_capacity};
use crate::evaluate::Evaluator;
use crate::matching::{CellGrid, Cells, ErrorType, InImage, MatchTable, Pair, Positions, Row};
use crate::progress::Progress;
use crate::similarity::Similarity;

/// Matches without regard to categories: a table with a pair for each detection, grouped by categories.
///
/// `evaluator` has one threshold whose partners are stored, one area range, and compares all categories together. A
/// detection that matched is a true positive or of another category than its partner, one that matched nothing is of
/// the background.
///
/// # Errors
///
/// As of matching: work that is cancelled, memory that cannot be had.
pub fn confusion_table(
    evaluator: &Evaluator,
    similarity: &dyn Similarity,
    dt: &Positions,
    gt: &Positions,
) -> Result<MatchTable> {
    with_pairs(evaluator.match_all(similarity, dt, gt)?, evaluator, dt, gt)
}

/// The table of a matching without regard to categories, with pairs, grouped by categories.
fn with_pairs(
    table: MatchTable,
    evaluator: &Evaluator,
    dt: &Positions,
    gt: &Positions,
) -> Result<MatchTable> {
    let detected = |object: u32| dt.of_category[evaluator.detections.category[object as usize] as usize];
    let of_truth = |object: u32| gt.of_category[evaluator.ground_truths.category[object as usize] as usize];
    let mut pairs = filled(evaluator.detections.len(), Pair::default())?;
    let mut rows = with_capacity(table.rows.items.len())?;
    for row in table.rows(0).iter().filter(|row| row.rank != Row::DROPPED) {
        let (matched, ignored) = table.matched_and_ignored(row, 0, 0);
        let partner = table.partner(row, 0, 0);
        let error = match partner {
            _ if ignored => ErrorType::Ignored,
            Some(truth) if matched && of_truth(truth) == detected(row.object) => ErrorType::TruePositive,
            Some(_) if matched => ErrorType::Classification,
            _ => ErrorType::Background,
        };
        let partner = if matched || ignored { partner } else { None };
        pairs[row.object as usize] = Pair { error, partner, similarity: f64::NAN };
        rows.push(*row);
    }
    let extent = CellGrid { by_category: true, ..evaluator.protocol.extent };
    let progress = &evaluator.progress;
    let rows = by_category(&rows, extent, progress, |row| detected(row.object))?;
    let truths = by_category(table.truths(0), extent, progress, |truth| of_truth(truth.object))?;
    Ok(MatchTable { pairs: Some(pairs), ..MatchTable::new(table.bits, rows, truths, table.outcomes) })
}

/// Rows or ground truths of all categories, grouped by category.
fn by_category<T: InImage + Send + Sync>(
    items: &[T],
    extent: CellGrid,
    progress: &Progress,
    category: impl Fn(&T) -> u32,
) -> Result<Cells<T>> {
    let (mut images, mut categories) = (with_capacity(items.len())?, with_capacity(items.len())?);
    images.extend(items.iter().map(InImage::image));
    categories.extend(items.iter().map(category));
    let positions = Positions::identity(extent);
    Cells::new(&images, &categories, &positions, extent, progress, |i, _| items[i as usize])
}
