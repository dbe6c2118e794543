//! The class with the highest score in each pixel.

use rayon::prelude::*;

use super::labels::place;
use crate::error::{Error, Result, zeros};
use crate::score::Score;
use crate::threads;

/// Pixels whose best score and class are held at a time.
const BLOCK: usize = 2048;

/// The class of the highest score in each pixel; of equal scores the first.
///
/// `scores` is `(C, P)`, class by class; `width` is the number of pixels in a row, for messages. A NaN is an error.
///
/// # Errors
///
/// A score is NaN, or memory cannot be had.
pub fn best_class<S: Score>(scores: &[S], classes: usize, width: usize) -> Result<Vec<u16>> {
    let pixels = scores.len() / classes.max(1);
    let mut best: Vec<u16> = zeros(pixels)?;
    let block = |(index, best): (usize, &mut [u16])| {
        let start = index * BLOCK;
        let length = best.len();
        let of = |class: usize| &scores[class * pixels + start..][..length];
        let mut top = [of(0)[0]; BLOCK];
        let top = &mut top[..length];
        top.copy_from_slice(of(0));
        // A comparison with NaN is false, so a NaN never becomes the top; it is searched for separately.
        let mut nan = top.iter().fold(false, |nan, &s| nan | (s.partial_cmp(&s).is_none()));
        for class in 1..classes {
            for ((&score, top), best) in of(class).iter().zip(top.iter_mut()).zip(best.iter_mut()) {
                nan |= score.partial_cmp(&score).is_none();
                let higher = score > *top;
                *top = if higher { score } else { *top };
                *best = if higher { class as u16 } else { *best };
            }
        }
        nan
    };
    let nan = if pixels <= 8 * BLOCK {
        best.chunks_mut(BLOCK).enumerate().any(block)
    } else {
        threads::run(|| best.par_chunks_mut(BLOCK).enumerate().map(block).reduce(|| false, |a, b| a | b))
    };
    if nan {
        let not_a_number = |s: &S| s.partial_cmp(s).is_none();
        let first = (0..pixels).find_map(|pixel| {
            (0..classes)
                .find(|class| not_a_number(&scores[class * pixels + pixel]))
                .map(|class| (pixel, class))
        });
        let (pixel, class) = first.unwrap_or_default();
        let (row, column) = place(pixel, width);
        return Err(Error::value(format!(
            "prediction: row {row}, column {column}: the score of class {class} is NaN"
        )));
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_scores_wins() {
        let scores = [0.2_f32, 0.5, 0.1, 0.2, 0.5, 0.3, 0.1, 0.6, 0.3];
        assert_eq!(best_class(&scores, 3, 3).unwrap(), [0, 2, 1]);
        let one = [f64::NEG_INFINITY; 5];
        assert_eq!(best_class(&one, 1, 5).unwrap(), [0; 5]);
    }

    #[test]
    fn a_nan_is_named() {
        let mut scores = vec![0.5_f64; 3 * 10_000];
        scores[2 * 10_000 + 4321] = f64::NAN;
        let error = best_class(&scores, 3, 100).unwrap_err();
        assert_eq!(error.to_string(), "prediction: row 43, column 21: the score of class 2 is NaN");
    }
}
