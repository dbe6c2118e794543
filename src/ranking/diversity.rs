//! Measures of rankings for queries with several subtopics, as ndeval (TREC's web track) has them: what they are.

use crate::error::{Error, Result};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiversityKind {
    /// Gain of new subtopics, discounted by the logarithm of the rank, by the greatest that any collection allows (Clarke
    /// et al. 2008).
    Dcg,
    /// The same by that of the ideal list of the judged documents.
    Ndcg,
    /// Gain of new subtopics, discounted by the rank (Chapelle et al. 2011).
    Err,
    /// The same by that of the ideal list.
    NormalizedErr,
    /// Gain of new subtopics for a reader with some persistence (Clarke, Kolla and Vechtomova 2009).
    Nrbp,
    /// The same by that of the ideal list.
    NormalizedNrbp,
    /// Mean precision over subtopics.
    Precision,
    /// Mean average precision over subtopics.
    AveragePrecision,
    /// The fraction of subtopics that were found.
    Recall,
}

/// A measure with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diversity {
    /// What is measured.
    pub kind: DiversityKind,
    /// How much less each further document about a subtopic gains.
    pub alpha: f64,
    /// The persistence of the reader of NRBP.
    pub beta: f64,
}

impl Diversity {
    /// With ndeval's parameters.
    pub fn of(kind: DiversityKind) -> Self {
        Diversity { kind, alpha: 0.5, beta: 0.5 }
    }

    /// The parameters that the measure takes.
    fn known(&self) -> &'static [&'static str] {
        match self.kind {
            DiversityKind::Nrbp | DiversityKind::NormalizedNrbp => &["alpha", "beta"],
            DiversityKind::Precision | DiversityKind::AveragePrecision | DiversityKind::Recall => &[],
            _ => &["alpha"],
        }
    }

    /// The same with one parameter changed.
    ///
    /// # Errors
    ///
    /// There is no such parameter, or its value is out of range.
    pub fn with(mut self, name: &str, key: &str, value: &str) -> Result<Self> {
        let known = self.known();
        if !known.contains(&key) {
            let takes = if known.is_empty() { "no parameter".to_owned() } else { known.join(" and ") };
            return Err(Error::value(format!("{name} takes {takes}")));
        }
        let number = value.trim().parse::<f64>().ok();
        match (key, number) {
            ("alpha", Some(alpha)) if (0.0..=1.0).contains(&alpha) => self.alpha = alpha,
            ("beta", Some(beta)) if beta > 0.0 && beta < 1.0 => self.beta = beta,
            _ => return Err(Error::value(format!("{key} is {value:?}, expected a number between 0 and 1"))),
        }
        Ok(self)
    }

    /// The parameters that are not ndeval's, as a measure's name has them.
    pub fn parameters(&self) -> Vec<String> {
        [("alpha", self.alpha), ("beta", self.beta)]
            .into_iter()
            .filter(|&(_, value)| value != 0.5)
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }
}
