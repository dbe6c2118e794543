//! Precision, and the envelope of a precision-recall curve: the only place where they are rounded.

use crate::error::{Result, extend};

/// Precision of so many true and false positives, as the reference divides.
#[inline]
pub fn precision(true_positives: f64, false_positives: f64) -> f64 {
    true_positives / (false_positives + true_positives + f64::EPSILON)
}

/// Replaces each precision by the greatest from there on. Gives the greatest of all; 0 if there is none.
#[inline]
pub fn raise(precisions: &mut [f64]) -> f64 {
    let mut best = 0.0;
    for precision in precisions.iter_mut().rev() {
        if *precision > best {
            best = *precision;
        }
        *precision = best;
    }
    best
}

/// The envelope at each true positive, best score first, and its greatest value. `false_positives` are those before each
/// of them; `before` true positives come before the first.
///
/// # Errors
///
/// `OutOfMemory`
#[inline]
pub(crate) fn fill(
    envelope: &mut Vec<f64>,
    false_positives: impl Iterator<Item = u32>,
    before: usize,
) -> Result<f64> {
    // Divided first, several at once (through signed integers, which vector instructions convert); then raised.
    envelope.clear();
    let counts = before as i32 + 1..;
    let precisions =
        false_positives.zip(counts).map(|(fp, tp)| precision(f64::from(tp), f64::from(fp as i32)));
    extend(envelope, precisions)?;
    Ok(raise(envelope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_possible_number_is_added_to_the_divisor() {
        assert_eq!(precision(0.0, 0.0), 0.0);
        assert_eq!(precision(1.0, 0.0), 1.0 / (1.0 + f64::EPSILON));
        assert_eq!(precision(2.0, 1.0), 2.0 / 3.0);
    }

    #[test]
    fn each_value_is_the_greatest_from_there_on() {
        let mut envelope = Vec::new();
        assert_eq!(fill(&mut envelope, [3, 3, 4, 100].into_iter(), 2).unwrap(), precision(4.0, 3.0));
        let expected = [precision(4.0, 3.0), precision(4.0, 3.0), precision(5.0, 4.0), precision(6.0, 100.0)];
        assert_eq!(envelope, expected);
        assert_eq!(fill(&mut envelope, [].into_iter(), 0).unwrap(), 0.0);
    }
}
