//! The matching of two sides whose weights have the greatest sum.

use crate::error::{Result, filled};

/// For each row of `weights` (`(rows, columns)`, 0 where the two cannot match, none below) the column that it matches,
/// so that the sum of the weights is as large as can be.
///
/// Source: Kuhn's Hungarian method, with potentials and one shortest augmenting path for each row.
///
/// # Errors
///
/// `OutOfMemory`
pub(super) fn heaviest_matching(weights: &[f64], rows: usize, columns: usize) -> Result<Vec<Option<usize>>> {
    // Each row has a column of its own besides, at no cost, which is to match nothing.
    let all = columns + rows;
    let cost =
        |row: usize, column: usize| if column < columns { -weights[row * columns + column] } else { 0.0 };
    let (mut of_rows, mut of_columns) = (filled(rows, 0.0)?, filled(all, 0.0)?);
    let mut row_of: Vec<Option<usize>> = filled(all, None)?;
    for first in 0..rows {
        let mut least = filled(all, f64::INFINITY)?;
        let mut before: Vec<Option<usize>> = filled(all, None)?;
        let mut done = filled(all, false)?;
        let (mut row, mut last) = (first, None);
        let end = loop {
            let (mut step, mut next) = (f64::INFINITY, 0);
            for column in (0..all).filter(|&column| !done[column]) {
                let reduced = cost(row, column) - of_rows[row] - of_columns[column];
                if reduced < least[column] {
                    (least[column], before[column]) = (reduced, last);
                }
                if least[column] < step {
                    (step, next) = (least[column], column);
                }
            }
            of_rows[first] += step;
            for column in 0..all {
                match row_of[column] {
                    Some(row) if done[column] => {
                        of_rows[row] += step;
                        of_columns[column] -= step;
                    }
                    _ => least[column] -= step,
                }
            }
            match row_of[next] {
                None => break next,
                Some(matched) => {
                    done[next] = true;
                    (row, last) = (matched, Some(next));
                }
            }
        };
        // Each column of the path gets the row of the one before it.
        let mut column = end;
        while let Some(earlier) = before[column] {
            row_of[column] = row_of[earlier];
            column = earlier;
        }
        row_of[column] = Some(first);
    }
    let mut found = filled(rows, None)?;
    for (column, row) in row_of.into_iter().enumerate().take(columns) {
        if let Some(row) = row.filter(|&row| weights[row * columns + column] > 0.0) {
            found[row] = Some(column);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The greatest sum, by trying everything.
    fn greatest(weights: &[f64], columns: usize, row: usize, taken: u32) -> f64 {
        if row * columns >= weights.len() {
            return 0.0;
        }
        let without = greatest(weights, columns, row + 1, taken);
        (0..columns).filter(|c| taken >> c & 1 == 0).fold(without, |best, c| {
            best.max(weights[row * columns + c] + greatest(weights, columns, row + 1, taken | 1 << c))
        })
    }

    #[test]
    fn one_heavy_pair_is_worth_more_than_two_light_ones() {
        assert_eq!(heaviest_matching(&[0.6, 0.9, 0.0, 0.6], 2, 2).unwrap(), [Some(0), Some(1)]);
        assert_eq!(heaviest_matching(&[0.1, 0.9, 0.0, 0.2], 2, 2).unwrap(), [Some(1), None]);
        assert_eq!(heaviest_matching(&[], 0, 0).unwrap(), []);
    }

    #[test]
    fn the_sum_is_the_greatest() {
        let mut random = Random::new(3);
        for _ in 0..if cfg!(miri) { 20 } else { 2000 } {
            let (rows, columns) = (1 + random.below(4) as usize, 1 + random.below(4) as usize);
            let weights: Vec<f64> =
                (0..rows * columns).map(|_| random.below(9).saturating_sub(3) as f64).collect();
            let found = heaviest_matching(&weights, rows, columns).unwrap();
            let sum: f64 = (0..rows).filter_map(|row| found[row].map(|c| weights[row * columns + c])).sum();
            assert_eq!(sum, greatest(&weights, columns, 0, 0), "{weights:?}");
            let mut columns: Vec<usize> = found.into_iter().flatten().collect();
            columns.sort_unstable();
            assert!(columns.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
