//! The measures, and what each needs.

mod name;
mod parse;
mod registry;
#[cfg(test)]
mod tests;

use super::conventions::{Conventions, Gain};
use super::cwl::Cwl;
use super::diversity::Diversity;

/// What is measured.
#[derive(Clone, Debug, PartialEq)]
pub enum MeasureKind {
    /// Average precision.
    AveragePrecision,
    /// Its logarithm, whose mean is that of the geometric mean.
    LogAveragePrecision,
    /// Normalised discounted cumulative gain.
    Ndcg,
    /// The same without dividing by the gain of the ideal list.
    Dcg,
    /// The same, averaged over the relevant documents.
    NdcgAtRelevant,
    /// The same, averaged over the ranks at which the ideal gain changes.
    NdcgAtLevels,
    /// Normalised gain, discounted by what the ideal list gains more down to each document.
    Gain,
    /// Normalised gain of binary relevance, discounted by the documents above that are not relevant.
    BinaryGain,
    /// Reciprocal rank of the first relevant document.
    ReciprocalRank,
    /// Precision.
    Precision,
    /// Precision divided by the greatest that a list of this length can have.
    RelativePrecision,
    /// Recall.
    Recall,
    /// 1 if any relevant document was found.
    Hit,
    /// How many relevant documents were found.
    Hits,
    /// The fraction of documents that are judged.
    JudgedRate,
    /// The fraction of the first ranks that hold documents which are not judged; ranks beyond the list hold none.
    UnjudgedRate,
    /// What rank-biased precision with this persistence would gain if all documents that are not judged were relevant.
    RankBiasedResidual(f64),
    /// Precision at the number of relevant documents.
    RPrecision,
    /// Precision at this multiple of it.
    PrecisionAtMultiple(f64),
    /// The greatest precision at this recall or beyond.
    InterpolatedPrecision(f64),
    /// Its mean over these recalls, ascending.
    InterpolatedAverage(Vec<f64>),
    /// Precision times recall of the whole list.
    SetAveragePrecision,
    /// Binary preference.
    Bpref,
    /// Its logarithm.
    LogBpref,
    /// Rank-biased precision with this persistence.
    RankBiasedPrecision(f64),
    /// Weighted harmonic mean of precision and recall; how much recall counts for each precision.
    F(f64),
    /// Expected reciprocal rank; the greatest grade, where it is not the greatest of the judgements.
    ExpectedReciprocalRank(Option<u32>),
    /// Inferred average precision.
    InferredAp,
    /// Rank-biased overlap with the most similar ideal list; its persistence, and whether it is divided by that of the
    /// ideal list with itself.
    Compatibility(f64, bool),
    /// Expected gain of a reader who goes on from document to document with some probability.
    Cwl(Cwl),
    /// Of judgements by subtopic.
    Diversity(Diversity),
    /// What documents are worth: relevant and retrieved, not relevant and retrieved, relevant and not retrieved, neither.
    Utility([f64; 4]),
    /// One query.
    Queries,
    /// How many documents were retrieved.
    Retrieved,
    /// How many relevant documents there are.
    Relevant,
    /// How many relevant documents were retrieved.
    RelevantRetrieved,
    /// How many documents were retrieved that are judged and not relevant.
    NotRelevantRetrieved,
    /// What trec_eval prints as text, and pytrec_eval gives as 0.
    Text(TextMeasure),
}

/// What trec_eval prints as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMeasure {
    /// The run's name.
    RunId,
    /// The grades of the first documents.
    Grades,
}

/// A measure, perhaps with a cut-off.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What is measured.
    pub kind: MeasureKind,
    /// Only documents down to this rank count.
    pub cutoff: Option<u32>,
    /// The lowest grade that is relevant, where it is not that of the conventions.
    pub level: Option<i64>,
    /// The gain of a grade, where it is not that of the conventions.
    pub gain: Option<Gain>,
}

/// Recall from 0 to 1 in tenths.
pub const ELEVEN: [f64; 11] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

impl Measure {
    /// Whether its mean over queries is that of logarithms.
    pub fn is_logarithm(&self) -> bool {
        matches!(self.kind, MeasureKind::LogAveragePrecision | MeasureKind::LogBpref)
    }

    /// Whether the judgements have to be by subtopic.
    pub fn is_by_subtopic(&self) -> bool {
        matches!(self.kind, MeasureKind::Diversity(_))
    }

    /// Whether the grades of a query are needed in order.
    pub fn needs_ideal(&self) -> bool {
        matches!(
            self.kind,
            MeasureKind::Ndcg
                | MeasureKind::NdcgAtRelevant
                | MeasureKind::NdcgAtLevels
                | MeasureKind::Gain
                | MeasureKind::Compatibility(..)
        )
    }

    /// Whether the ranks of judged documents that are not relevant matter.
    pub fn needs_all_judged(&self) -> bool {
        matches!(
            self.kind,
            MeasureKind::Bpref
                | MeasureKind::LogBpref
                | MeasureKind::InferredAp
                | MeasureKind::JudgedRate
                | MeasureKind::UnjudgedRate
                | MeasureKind::RankBiasedResidual(_)
                | MeasureKind::NotRelevantRetrieved
        ) || self.gain.as_ref().is_some_and(|gain| gain.of(0) != 0.0)
    }

    /// Whether `positive_scores_only` applies: torchmetrics' average precision, precision, recall and reciprocal rank
    /// count no document with a score of 0 or less, its other measures do.
    pub fn may_need_positive_scores(&self) -> bool {
        matches!(
            self.kind,
            MeasureKind::AveragePrecision
                | MeasureKind::Precision
                | MeasureKind::Recall
                | MeasureKind::F(_)
                | MeasureKind::ReciprocalRank
        )
    }

    /// The conventions, changed as the measure says.
    pub fn conventions(&self, conventions: &Conventions) -> Conventions {
        Conventions {
            level: self.level.unwrap_or(conventions.level),
            gain: self.gain.as_ref().unwrap_or(&conventions.gain).clone(),
            ..conventions.clone()
        }
    }

    /// The cut-off, or one that nothing reaches.
    pub fn depth(&self) -> u32 {
        self.cutoff.unwrap_or(u32::MAX)
    }
}
