//! Pairs: the error type of a detection, and the ground truth that it refers to.

use super::partners::NO_PARTNER;

/// What a detection is. The errors are those of TIDE (Bolya et al., ECCV 2020).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ErrorType {
    /// It matched its partner, which is of its category.
    TruePositive,
    /// On a ground truth of another category.
    Classification,
    /// On a ground truth of its category, with a similarity below the threshold.
    Localisation,
    /// Near a ground truth of another category.
    Both,
    /// On a ground truth that a better detection matched.
    Duplicate,
    /// It matched nothing; with error types, no ground truth is near.
    Background,
    /// It counts as neither true nor false positive.
    #[default]
    Ignored,
}

impl ErrorType {
    /// All of them, by code.
    pub const ALL: [ErrorType; 7] = [
        ErrorType::TruePositive,
        ErrorType::Classification,
        ErrorType::Localisation,
        ErrorType::Both,
        ErrorType::Duplicate,
        ErrorType::Background,
        ErrorType::Ignored,
    ];

    /// Their names, by code.
    pub const NAMES: [&'static str; 7] =
        ["true_positive", "classification", "localisation", "both", "duplicate", "background", "ignored"];

    /// Its name.
    pub const fn name(self) -> &'static str {
        ErrorType::NAMES[self as usize]
    }

    /// The one of that code.
    pub fn of_code(code: u8) -> Option<ErrorType> {
        ErrorType::ALL.get(usize::from(code)).copied()
    }

    /// Whether it says which ground truth it is about.
    pub fn has_partner(self) -> bool {
        use ErrorType::{Classification, Duplicate, Localisation, TruePositive};
        matches!(self, TruePositive | Classification | Localisation | Duplicate)
    }

    /// Whether it may be corrected into a true positive, of a ground truth that nothing matched.
    pub fn is_correctable(self) -> bool {
        matches!(self, ErrorType::Classification | ErrorType::Localisation)
    }
}

/// A detection and the ground truth that it matched or is about: a row of confusion matrices and error tables, in 16
/// bytes. The categories are those of the groups that the two are in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// What the detection is.
    pub error: ErrorType,
    /// [`NO_PARTNER`] for none.
    object: u32,
    /// Similarity to the partner, else to the nearest ground truth that is to be found; NaN if it was not requested.
    pub similarity: f64,
}

impl Pair {
    /// A detection and what it is about.
    pub fn new(error: ErrorType, partner: Option<u32>, similarity: f64) -> Pair {
        Pair { error, object: partner.unwrap_or(NO_PARTNER), similarity }
    }

    /// The ground truth ([`super::Truth::object`]), if there is one.
    #[inline]
    pub fn partner(&self) -> Option<u32> {
        (self.object != NO_PARTNER).then_some(self.object)
    }

    /// The same of another ground truth, or of none.
    pub fn with_partner(self, partner: Option<u32>) -> Pair {
        Pair::new(self.error, partner, self.similarity)
    }
}

impl Default for Pair {
    fn default() -> Pair {
        Pair::new(ErrorType::default(), None, 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorType;

    #[test]
    fn a_code_is_a_place_among_all() {
        for (code, error) in (0..).zip(ErrorType::ALL) {
            assert_eq!((error as u8, ErrorType::of_code(code)), (code, Some(error)));
        }
        assert_eq!(ErrorType::of_code(7), None);
    }
}
