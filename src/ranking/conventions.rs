//! Conventions on which tools disagree, each as a value.

use std::sync::Arc;

use crate::error::{Error, Result};

/// What the sum of precisions is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divisor {
    /// All relevant documents of the query.
    Relevant,
    /// All relevant documents, but at most the cut-off.
    RelevantUpToCutoff,
    /// The relevant documents found within the cut-off.
    Found,
}

/// How documents with equal scores are ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// The greater document id first (bytewise for text).
    DocumentDescending,
    /// The smaller document id first.
    DocumentAscending,
    /// As they came.
    Stable,
    /// The more relevant first: the greatest value that any order gives.
    Optimistic,
    /// The less relevant first: the least value that any order gives.
    Pessimistic,
    /// The mean over all orders of each tie.
    Expected,
    /// A tie is one step: average precision counts each of its documents at the rank of the last one. Every other
    /// measure takes the mean over all orders.
    Grouped,
}

/// What a document that a list names twice gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// An error.
    Error,
    /// The first occurrence counts, the others are as if they were not there.
    First,
    /// The last occurrence counts, with its score, in the place of the first.
    Last,
    /// Each takes a place; the best placed counts.
    Once,
    /// Each occurrence counts.
    All,
}

/// What a relevance grade is worth in nDCG.
#[derive(Clone, Debug, PartialEq)]
pub enum Gain {
    /// The grade itself (Järvelin and Kekäläinen 2002).
    Linear,
    /// `2^grade - 1` (Burges et al. 2005).
    Exponential,
    /// These grades have these gains, others are worth themselves: trec_eval's `-m ndcg.1=3,2=9`.
    Given(Arc<[(i64, f64)]>),
}

/// How many relevant documents a recall is, for interpolated precision, where it falls between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecallRounding {
    /// 0.9 is added, and the rest is dropped (trec_eval 9).
    Up,
    /// The nearest, a half away from zero (trec_eval 10).
    Nearest,
}

/// All of them together.
#[derive(Clone, Debug, PartialEq)]
pub struct Conventions {
    /// What average precision divides by.
    pub divisor: Divisor,
    /// The order within a tie.
    pub ties: Ties,
    /// Whether scores are rounded to float32 before they are compared.
    pub single: bool,
    /// Documents that a list names twice.
    pub duplicates: Duplicates,
    /// The gain in nDCG.
    pub gain: Gain,
    /// The lowest grade that is relevant.
    pub level: i64,
    /// Whether nDCG gives a gain to positive grades below the level.
    pub graded_below_level: bool,
    /// Whether a relevant document with a score of 0 or less counts as not relevant to average precision, precision,
    /// recall, F1 and reciprocal rank.
    pub positive_scores_only: bool,
    /// Whether documents without a judgement are taken out of the lists, as trec_eval's `-J` does.
    pub judged_only: bool,
    /// Whether average precision is added up with Kahan's compensation.
    pub compensated: bool,
    /// The rounding of a recall to a number of relevant documents.
    pub recall_rounding: RecallRounding,
}

impl Default for Conventions {
    /// trec_eval's, with scores in double.
    fn default() -> Self {
        Conventions {
            divisor: Divisor::Relevant,
            ties: Ties::DocumentDescending,
            single: false,
            duplicates: Duplicates::Error,
            gain: Gain::Linear,
            level: 1,
            graded_below_level: true,
            positive_scores_only: false,
            judged_only: false,
            compensated: false,
            recall_rounding: RecallRounding::Up,
        }
    }
}

impl Conventions {
    /// A score in the precision in which scores are compared.
    pub fn rounded(&self, score: f64) -> f64 {
        if self.single { f64::from(score as f32) } else { score }
    }
}

/// A convention's value by its name, or an error that lists the names.
fn named<T: Clone>(convention: &str, name: &str, values: &[(&str, T)]) -> Result<T> {
    values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()).ok_or_else(|| {
        let known: Vec<_> = values.iter().map(|(known, _)| format!("{known:?}")).collect();
        Error::value(format!("{convention} is {name:?}, expected one of {}", known.join(", ")))
    })
}

impl Divisor {
    /// By name.
    ///
    /// # Errors
    ///
    /// There is no such name; the message lists those that there are.
    pub fn named(name: &str) -> Result<Self> {
        let values = [
            ("relevant", Divisor::Relevant),
            ("min(relevant, k)", Divisor::RelevantUpToCutoff),
            ("found", Divisor::Found),
        ];
        named("divisor", name, &values)
    }
}

impl Ties {
    /// By name.
    ///
    /// # Errors
    ///
    /// There is no such name; the message lists those that there are.
    pub fn named(name: &str) -> Result<Self> {
        let values = [
            ("document-descending", Ties::DocumentDescending),
            ("document-ascending", Ties::DocumentAscending),
            ("stable", Ties::Stable),
            ("optimistic", Ties::Optimistic),
            ("pessimistic", Ties::Pessimistic),
            ("expected", Ties::Expected),
            ("grouped", Ties::Grouped),
        ];
        named("ties", name, &values)
    }
}

impl Duplicates {
    /// By name.
    ///
    /// # Errors
    ///
    /// There is no such name; the message lists those that there are.
    pub fn named(name: &str) -> Result<Self> {
        let values = [
            ("error", Duplicates::Error),
            ("first", Duplicates::First),
            ("last", Duplicates::Last),
            ("once", Duplicates::Once),
            ("all", Duplicates::All),
        ];
        named("duplicates", name, &values)
    }
}

impl Gain {
    /// By name.
    ///
    /// # Errors
    ///
    /// There is no such name; the message lists those that there are.
    pub fn named(name: &str) -> Result<Self> {
        named("gain", name, &[("linear", Gain::Linear), ("exponential", Gain::Exponential)])
    }

    /// The worth of a grade; none for a grade of 0 or less, but for a given one.
    pub fn of(&self, grade: i64) -> f64 {
        match self {
            Gain::Given(gains) => match gains.iter().find(|(known, _)| *known == grade) {
                Some(&(_, gain)) => gain,
                None => grade.max(0) as f64,
            },
            _ if grade <= 0 => 0.0,
            Gain::Linear => grade as f64,
            Gain::Exponential => (grade as f64).exp2() - 1.0,
        }
    }

    /// Whether a greater grade never has a lower gain.
    pub fn ascends(&self) -> bool {
        let grades = self.given().unwrap_or(&[]).iter().flat_map(|&(grade, _)| [grade - 1, grade, grade + 1]);
        let gains: Vec<f64> = grades.map(|grade| self.of(grade)).collect();
        gains.is_sorted()
    }

    /// The gains that are given, in the order of their grades.
    pub fn given(&self) -> Option<&[(i64, f64)]> {
        match self {
            Gain::Given(gains) => Some(gains),
            _ => None,
        }
    }
}

impl RecallRounding {
    /// By name.
    ///
    /// # Errors
    ///
    /// There is no such name; the message lists those that there are.
    pub fn named(name: &str) -> Result<Self> {
        let values = [("up", RecallRounding::Up), ("nearest", RecallRounding::Nearest)];
        named("recall_rounding", name, &values)
    }

    /// How many of this many relevant documents a recall, or a multiple of it, is.
    pub fn of(self, recall: f64, relevant: usize) -> usize {
        let exact = recall * relevant as f64;
        match self {
            RecallRounding::Up => (exact + 0.9) as usize,
            RecallRounding::Nearest => exact.round() as usize,
        }
    }
}

/// Whether scores are rounded to single precision, by the name of the dtype.
///
/// # Errors
///
/// It is another dtype.
pub fn single_named(name: &str) -> Result<bool> {
    named("score_dtype", name, &[("float64", false), ("float32", true)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = Ties::named("random").unwrap_err();
        assert!(error.to_string().contains("ties is \"random\", expected one of \"document-descending\""));
        assert_eq!(Divisor::named("found").unwrap(), Divisor::Found);
    }

    #[test]
    fn gains() {
        assert_eq!(Gain::Linear.of(3), 3.0);
        assert_eq!(Gain::Exponential.of(3), 7.0);
        assert_eq!(Gain::Exponential.of(-2), 0.0);
        let given = Gain::Given([(0, -1.0), (2, 9.0)].into());
        assert!(!given.ascends() && Gain::Given([(0, 1.0), (2, 3.0)].into()).ascends());
        assert!(!Gain::Given([(2, 4.0)].into()).ascends() && Gain::Exponential.ascends());
        assert_eq!([-1, 0, 1, 2, 3].map(|grade| given.of(grade)), [0.0, -1.0, 1.0, 9.0, 3.0]);
    }
}
