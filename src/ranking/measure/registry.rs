//! Which measures there are, and what other tools call them.

use strsim::levenshtein;

use super::super::cwl::{Cwl, User};
use super::super::diversity::{Diversity, DiversityKind};
use super::{ELEVEN, MeasureKind, TextMeasure};
use crate::error::Error;

/// What may follow the `@` of a measure's name.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Cutoff {
    /// A rank, or nothing.
    May,
    /// A rank.
    Must,
    /// Nothing.
    Never,
    /// A recall, or a multiple of the number of relevant documents.
    Level,
}

/// A measure in the registry.
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// Other tools' names for the same, in lower case, without separators.
    others: &'static [&'static str],
    pub(super) kind: fn() -> MeasureKind,
    pub(super) cutoff: Cutoff,
}

const fn entry(
    name: &'static str,
    others: &'static [&'static str],
    kind: fn() -> MeasureKind,
    cutoff: Cutoff,
) -> Entry {
    Entry { name, others, kind, cutoff }
}

/// Every measure: our name, other tools' names, what it is with its default parameters, and its cut-off.
pub(super) const REGISTRY: &[Entry] = &[
    entry("map", &["ap", "mapcut", "averageprecision"], || MeasureKind::AveragePrecision, Cutoff::May),
    entry("gm_map", &[], || MeasureKind::LogAveragePrecision, Cutoff::Never),
    entry("ndcg", &["ndcgcut"], || MeasureKind::Ndcg, Cutoff::May),
    entry("dcg", &["dcgcut"], || MeasureKind::Dcg, Cutoff::May),
    entry("ndcg_rel", &[], || MeasureKind::NdcgAtRelevant, Cutoff::Never),
    entry("rndcg", &[], || MeasureKind::NdcgAtLevels, Cutoff::Never),
    entry("g", &[], || MeasureKind::Gain, Cutoff::Never),
    entry("bing", &[], || MeasureKind::BinaryGain, Cutoff::Never),
    entry("rr", &["mrr", "reciprank", "reciprocalrank"], || MeasureKind::ReciprocalRank, Cutoff::May),
    entry("p", &["precision", "setp"], || MeasureKind::Precision, Cutoff::May),
    entry("relative_p", &["setrelativep", "setrelp"], || MeasureKind::RelativePrecision, Cutoff::May),
    entry("recall", &["r", "setr", "setrecall"], || MeasureKind::Recall, Cutoff::May),
    entry("hit", &["success", "hitrate"], || MeasureKind::Hit, Cutoff::May),
    entry("hits", &[], || MeasureKind::Hits, Cutoff::May),
    entry("judged", &[], || MeasureKind::JudgedRate, Cutoff::May),
    entry("unjudged", &["unj"], || MeasureKind::UnjudgedRate, Cutoff::Must),
    entry("rprec", &["rprecision"], || MeasureKind::RPrecision, Cutoff::Never),
    entry("rprec_mult", &[], || MeasureKind::PrecisionAtMultiple(1.0), Cutoff::Level),
    entry("iprec", &["iprecatrecall"], || MeasureKind::InterpolatedPrecision(0.0), Cutoff::Level),
    entry("11pt_avg", &[], || MeasureKind::InterpolatedAverage(ELEVEN.to_vec()), Cutoff::Never),
    entry("set_map", &["setap"], || MeasureKind::SetAveragePrecision, Cutoff::Never),
    entry("bpref", &[], || MeasureKind::Bpref, Cutoff::Never),
    entry("gm_bpref", &[], || MeasureKind::LogBpref, Cutoff::Never),
    entry("rbp", &[], || MeasureKind::RankBiasedPrecision(0.9), Cutoff::May),
    entry("rbp_resid", &[], || MeasureKind::RankBiasedResidual(0.9), Cutoff::Never),
    entry("f1", &["f", "setf"], || MeasureKind::F(1.0), Cutoff::May),
    entry("err", &[], || MeasureKind::ExpectedReciprocalRank(None), Cutoff::Must),
    entry("infap", &[], || MeasureKind::InferredAp, Cutoff::Never),
    entry("compat", &["compatibility"], || MeasureKind::Compatibility(0.95, true), Cutoff::Never),
    entry("inst", &[], || MeasureKind::Cwl(Cwl::of(User::Inst(1.0))), Cutoff::Never),
    entry("insq", &[], || MeasureKind::Cwl(Cwl::of(User::Insq(1.0))), Cutoff::Never),
    entry("sdcg", &[], || MeasureKind::Cwl(Cwl::of(User::Sdcg)), Cutoff::Must),
    entry("nerr8", &[], || MeasureKind::Cwl(Cwl::of(User::Nerr8)), Cutoff::Must),
    entry("nerr9", &[], || MeasureKind::Cwl(Cwl::of(User::Nerr9)), Cutoff::Must),
    entry("nerr10", &[], || MeasureKind::Cwl(Cwl::of(User::Nerr10(0.9))), Cutoff::Never),
    entry("nerr11", &[], || MeasureKind::Cwl(Cwl::of(User::Nerr11(1.0))), Cutoff::Never),
    entry("alpha_dcg", &["αdcg"], || diversity(DiversityKind::Dcg), Cutoff::Must),
    entry("alpha_ndcg", &["αndcg"], || diversity(DiversityKind::Ndcg), Cutoff::Must),
    entry("err_ia", &[], || diversity(DiversityKind::Err), Cutoff::Must),
    entry("nerr_ia", &[], || diversity(DiversityKind::NormalizedErr), Cutoff::Must),
    entry("nrbp", &[], || diversity(DiversityKind::Nrbp), Cutoff::Never),
    entry("nnrbp", &[], || diversity(DiversityKind::NormalizedNrbp), Cutoff::Never),
    entry("p_ia", &[], || diversity(DiversityKind::Precision), Cutoff::Must),
    entry("map_ia", &["apia"], || diversity(DiversityKind::AveragePrecision), Cutoff::Never),
    entry("strec", &["strecall", "subtopicrecall"], || diversity(DiversityKind::Recall), Cutoff::Must),
    entry("utility", &[], || MeasureKind::Utility([1.0, -1.0, 0.0, 0.0]), Cutoff::Never),
    entry("num_q", &[], || MeasureKind::Queries, Cutoff::Never),
    entry("num_ret", &[], || MeasureKind::Retrieved, Cutoff::Never),
    entry("num_rel", &[], || MeasureKind::Relevant, Cutoff::Never),
    entry("num_rel_ret", &[], || MeasureKind::RelevantRetrieved, Cutoff::Never),
    entry("num_nonrel_judged_ret", &[], || MeasureKind::NotRelevantRetrieved, Cutoff::Never),
    entry("runid", &[], || MeasureKind::Text(TextMeasure::RunId), Cutoff::Never),
    entry("relstring", &[], || MeasureKind::Text(TextMeasure::Grades), Cutoff::Never),
];

fn diversity(kind: DiversityKind) -> MeasureKind {
    MeasureKind::Diversity(Diversity::of(kind))
}

/// The entry of a name, in any case and with any separators.
pub(super) fn find(name: &str) -> Option<&'static Entry> {
    // A separator without the cut-off that should follow it.
    if name.ends_with(['_', '.', '-']) {
        return None;
    }
    let plain = plain_name(name);
    REGISTRY.iter().find(|entry| plain_name(entry.name) == plain || entry.others.contains(&&*plain))
}

/// Lower case without separators.
pub(super) fn plain_name(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | '.' | ' ')).flat_map(char::to_lowercase).collect()
}

pub(super) fn unknown_measure(text: &str) -> Error {
    let stem = text.split(['@', '(']).next().unwrap_or(text);
    if stem.contains("prefs") || stem == "qrels_jg" || stem.ends_with("_avgjg") {
        return Error::value(format!(
            "measure {text:?}: judgements that are preferences, or of several judges, are not supported; expected a \
             measure of grades, such as \"map\" (pytrec_eval has no others)"
        ));
    }
    let stem = plain_name(stem.trim_end_matches(|c: char| c.is_ascii_digit()));
    let near = |entry: &Entry| {
        let least = entry.others.iter().map(|other| levenshtein(&stem, other)).min().unwrap_or(usize::MAX);
        (least.min(levenshtein(&stem, entry.name)), entry.name)
    };
    let nearest = REGISTRY.iter().map(near).min_by_key(|&(distance, _)| distance);
    let known: Vec<_> = REGISTRY.iter().map(|entry| entry.name).collect();
    let known = known.join(", ");
    match nearest {
        Some((distance, name)) if distance <= 2 && distance < stem.len() => {
            Error::value(format!("unknown measure {text:?}; did you mean {name:?}? (known: {known})"))
        }
        _ => Error::value(format!("unknown measure {text:?} (known: {known})")),
    }
}
