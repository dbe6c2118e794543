//! The measures by name.

use strsim::levenshtein;

use crate::error::{Error, Result};

use super::conventions::{Conventions, Gain};
use super::cwl::{Cwl, User};
use super::diversity::{Diversity, DiversityKind};

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

/// What may follow the `@` of a measure's name.
#[derive(Clone, Copy, PartialEq)]
enum Cutoff {
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
struct Entry {
    name: &'static str,
    /// Other tools' names for the same, in lower case, without separators.
    others: &'static [&'static str],
    kind: fn() -> MeasureKind,
    cutoff: Cutoff,
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
const REGISTRY: &[Entry] = &[
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
    entry("relative_p", &["setrelativep"], || MeasureKind::RelativePrecision, Cutoff::May),
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
    entry("alpha_dcg", &[], || diversity(DiversityKind::Dcg), Cutoff::Must),
    entry("alpha_ndcg", &[], || diversity(DiversityKind::Ndcg), Cutoff::Must),
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

/// Recall from 0 to 1 in tenths.
pub const ELEVEN: [f64; 11] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// The entry of a name, in any case and with any separators.
fn find(name: &str) -> Option<&'static Entry> {
    let plain = plain_name(name);
    REGISTRY.iter().find(|entry| plain_name(entry.name) == plain || entry.others.contains(&&*plain))
}

impl Measure {
    /// Reads a name such as `map`, `ndcg@10`, `iprec@0.1`, `rbp(p=0.95)`, `err(max=4)@20`, or another tool's (`P_10`,
    /// `ndcg_cut.10`, `recip_rank`, `nDCG@10`).
    ///
    /// # Errors
    ///
    /// The name is unknown, or its arguments are not what it takes.
    pub fn parse(text: &str) -> Result<Self> {
        let (head, cutoff) = match text.split_once('@') {
            Some((head, cutoff)) => (head, Some(cutoff)),
            None => (text, None),
        };
        let (name, parameter) = match head.trim().strip_suffix(')').and_then(|head| head.split_once('(')) {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (head.trim(), None),
        };
        // `P_10`, `ndcg_cut.10`, `iprec_at_recall_0.10`: the cut-off after a separator, as trec_eval and pytrec_eval
        // write it.
        let by_tail = || {
            let digit = |tail: &str| tail.starts_with(|c: char| c.is_ascii_digit());
            let ends = name.match_indices(['_', '.']).map(|(end, _)| (&name[..end], &name[end + 1..]));
            let mut known = ends.filter(|(_, tail)| digit(tail));
            known.find_map(|(head, tail)| Some((find(head)?, Some(tail))))
        };
        let found =
            find(name).map(|entry| (entry, cutoff)).or_else(|| cutoff.is_none().then(by_tail).flatten());
        let Some((entry, cutoff)) = found else { return Err(unknown_measure(text)) };
        let place = || format!("measure {text:?}");
        let mut kind = (entry.kind)();
        let (mut relevant, mut gain) = (None, None);
        // trec_eval's `ndcg.1=3,2=9`: no cut-off, but gains.
        let (cutoff, tail_parameters) = match cutoff {
            Some(tail) if tail.contains('=') => (None, Some(tail)),
            cutoff => (cutoff, None),
        };
        if let Some(parameters) = parameter.or(tail_parameters) {
            // A list of numbers is one parameter, and so is one of gains.
            let (mut numbers, mut gains) = (Vec::new(), Vec::new());
            let parameters = without_braces(parameters);
            for part in parameters.split(',') {
                let (key, value) = part.split_once('=').unwrap_or(("", part));
                let value = value.trim().trim_matches(['\'', '"']);
                match key.trim() {
                    "" => numbers.push(part),
                    "rel" => {
                        relevant =
                            Some(relevance(&kind, entry.name, value).map_err(|error| error.at(place()))?)
                    }
                    "dcg" => {
                        gain = Some(formulation(&kind, entry.name, value).map_err(|error| error.at(place()))?)
                    }
                    grade if grade.starts_with(|c: char| c.is_ascii_digit()) => {
                        gains.push(
                            gain_of_grade(&kind, entry.name, grade, value)
                                .map_err(|error| error.at(place()))?,
                        );
                    }
                    key => {
                        kind = with_parameter(kind, entry.name, &format!("{key}={value}"))
                            .map_err(|error| error.at(place()))?;
                    }
                }
            }
            if !gains.is_empty() {
                gains.sort_unstable_by_key(|&(grade, _)| grade);
                let twice = gains.windows(2).find(|pair| pair[0].0 == pair[1].0);
                let problem = match twice {
                    Some(pair) => format!("grade {} has two gains", pair[0].0),
                    None if gain.is_some() => "it has dcg and gains, expected one of them".to_owned(),
                    None => String::new(),
                };
                if !problem.is_empty() {
                    return Err(Error::value(problem).at(place()));
                }
                gain = Some(Gain::Given(gains.into()));
            }
            if !numbers.is_empty() {
                kind = with_parameter(kind, entry.name, &numbers.join(","))
                    .map_err(|error| error.at(place()))?;
            }
        }
        // The tail of trec_eval's `set_F_0.5` is no rank, and its other measures of sets take none.
        if plain_name(name).starts_with("set")
            && let Some(tail) = cutoff
        {
            let kind = with_parameter(kind, entry.name, &format!("x={tail}"));
            let kind = kind.map_err(|error| error.at(place()))?;
            return Ok(Measure { kind, cutoff: None, level: relevant, gain });
        }
        let cutoff = match cutoff {
            Some(digits) if entry.cutoff == Cutoff::Level => {
                let level = level(digits).map_err(|error| error.at(place()))?;
                kind = match kind {
                    MeasureKind::PrecisionAtMultiple(_) => MeasureKind::PrecisionAtMultiple(level),
                    _ => MeasureKind::InterpolatedPrecision(level),
                };
                None
            }
            Some(digits) => match digits.trim().parse::<u32>() {
                Ok(cutoff) if cutoff >= 1 && entry.cutoff != Cutoff::Never => Some(cutoff),
                Ok(cutoff) if cutoff >= 1 => {
                    return Err(Error::value(format!("{}: {} takes no cut-off", place(), entry.name)));
                }
                _ => {
                    return Err(Error::value(format!(
                        "{}: the cut-off is {digits:?}, expected a whole number of at least 1",
                        place()
                    )));
                }
            },
            None if matches!(entry.cutoff, Cutoff::Must | Cutoff::Level) => {
                let example = if entry.cutoff == Cutoff::Must { "20" } else { "0.1" };
                return Err(Error::value(format!(
                    "{}: {name} needs a cut-off, such as {name}@{example}",
                    place(),
                    name = entry.name
                )));
            }
            None => None,
        };
        Ok(Measure { kind, cutoff, level: relevant, gain })
    }

    /// The measure's name as we write it: `map@10`, `rbp(p=0.95)`.
    pub fn name(&self) -> String {
        // Two measures without a number differ by their whole name, others by their kind.
        let same = |kind: &MeasureKind| match self.kind {
            MeasureKind::Text(_) => *kind == self.kind,
            MeasureKind::Diversity(own) => {
                matches!(kind, MeasureKind::Diversity(diversity) if diversity.kind == own.kind)
            }
            MeasureKind::Cwl(own) => {
                matches!(kind, MeasureKind::Cwl(cwl) if std::mem::discriminant(&cwl.user) == std::mem::discriminant(&own.user))
            }
            _ => std::mem::discriminant(kind) == std::mem::discriminant(&self.kind),
        };
        let entry = REGISTRY.iter().find(|entry| same(&(entry.kind)())).expect("every kind has a name");
        let mut name = entry.name.to_owned();
        let (mut parameters, mut tail) = (Vec::new(), self.cutoff.map(|cutoff| cutoff.to_string()));
        match &self.kind {
            kind if *kind == (entry.kind)() && entry.cutoff != Cutoff::Level => {}
            MeasureKind::RankBiasedPrecision(p) | MeasureKind::RankBiasedResidual(p) => {
                parameters.push(format!("p={p}"));
            }
            MeasureKind::ExpectedReciprocalRank(Some(grade)) => parameters.push(format!("max={grade}")),
            MeasureKind::F(x) => {
                "f".clone_into(&mut name);
                parameters.push(format!("x={x}"));
            }
            MeasureKind::PrecisionAtMultiple(level) | MeasureKind::InterpolatedPrecision(level) => {
                tail = Some(level.to_string())
            }
            MeasureKind::InterpolatedAverage(levels) => parameters.extend(levels.iter().map(f64::to_string)),
            MeasureKind::Utility(worths) => parameters.extend(worths.iter().map(f64::to_string)),
            MeasureKind::Compatibility(p, normalize) => {
                parameters.push(format!("p={p}"));
                if !normalize {
                    parameters.push("normalize=False".to_owned());
                }
            }
            MeasureKind::Cwl(cwl) => parameters.extend(cwl.parameters()),
            MeasureKind::Diversity(diversity) => parameters.extend(diversity.parameters()),
            _ => {}
        }
        parameters.extend(self.level.map(|level| format!("rel={level}")));
        match &self.gain {
            None => {}
            Some(Gain::Linear) => parameters.push("dcg=log2".to_owned()),
            Some(Gain::Exponential) => parameters.push("dcg=exp-log2".to_owned()),
            Some(Gain::Given(gains)) => {
                parameters.extend(gains.iter().map(|(grade, gain)| format!("{grade}={gain}")));
            }
        }
        if !parameters.is_empty() {
            name.push_str(&format!("({})", parameters.join(",")));
        }
        if let Some(tail) = tail {
            name.push_str(&format!("@{tail}"));
        }
        name
    }

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

/// A recall or a multiple.
fn level(text: &str) -> Result<f64> {
    match text.trim().parse::<f64>() {
        // -0.0 would have a name of its own.
        Ok(level) if level >= 0.0 && level.is_finite() => Ok(level + 0.0),
        _ => Err(Error::value(format!("the level is {text:?}, expected a number of at least 0"))),
    }
}

/// The lowest grade that is relevant to a measure of this kind.
fn relevance(kind: &MeasureKind, name: &str, value: &str) -> Result<i64> {
    let graded = matches!(
        kind,
        MeasureKind::Ndcg
            | MeasureKind::Dcg
            | MeasureKind::NdcgAtRelevant
            | MeasureKind::NdcgAtLevels
            | MeasureKind::Gain
            | MeasureKind::JudgedRate
            | MeasureKind::UnjudgedRate
            | MeasureKind::RankBiasedResidual(_)
            | MeasureKind::ExpectedReciprocalRank(_)
            | MeasureKind::Compatibility(..)
            | MeasureKind::Cwl(_)
            | MeasureKind::Queries
            | MeasureKind::Retrieved
            | MeasureKind::Text(_)
    );
    if graded {
        return Err(Error::value(format!("{name} takes no rel")));
    }
    match value.parse() {
        Ok(level) if level >= 1 => Ok(level),
        _ => Err(Error::value(format!("rel is {value:?}, expected a whole number of at least 1"))),
    }
}

/// The gain of a grade by the formulation of discounted gain.
fn formulation(kind: &MeasureKind, name: &str, value: &str) -> Result<Gain> {
    if !matches!(kind, MeasureKind::Ndcg | MeasureKind::Dcg) {
        return Err(Error::value(format!("{name} takes no dcg")));
    }
    match value {
        "log2" => Ok(Gain::Linear),
        "exp-log2" => Ok(Gain::Exponential),
        _ => Err(Error::value(format!("dcg is {value:?}, expected \"log2\" or \"exp-log2\""))),
    }
}

/// A grade and its gain, in a measure that adds up gains.
fn gain_of_grade(kind: &MeasureKind, name: &str, grade: &str, gain: &str) -> Result<(i64, f64)> {
    let takes = matches!(
        kind,
        MeasureKind::Ndcg
            | MeasureKind::Dcg
            | MeasureKind::NdcgAtRelevant
            | MeasureKind::NdcgAtLevels
            | MeasureKind::Gain
    );
    if !takes {
        return Err(Error::value(format!("{name} takes no gains of grades")));
    }
    let Ok(grade) = grade.parse::<i64>() else {
        return Err(Error::value(format!("the grade is {grade:?}, expected a whole number of at least 0")));
    };
    match gain.parse::<f64>() {
        Ok(gain) if gain.is_finite() => Ok((grade, gain + 0.0)),
        _ => Err(Error::value(format!("the gain of grade {grade} is {gain:?}, expected a number"))),
    }
}

/// `gains={1:3,2:9}`, as ir_measures writes it, as `1=3,2=9`.
fn without_braces(parameters: &str) -> String {
    let Some((before, rest)) = parameters.split_once("gains={") else { return parameters.to_owned() };
    let Some((gains, after)) = rest.split_once('}') else { return parameters.to_owned() };
    format!("{before}{}{after}", gains.replace(':', "="))
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',')
        .map(|number| number.trim().parse().ok().filter(|number: &f64| number.is_finite()))
        .collect()
}

/// How likely a reader is to go on from one rank to the next.
fn persistence(value: &str) -> Result<f64> {
    match value.trim().parse::<f64>() {
        Ok(p) if p > 0.0 && p < 1.0 => Ok(p),
        _ => Err(Error::value(format!("p is {value:?}, expected a number between 0 and 1"))),
    }
}

fn with_parameter(kind: MeasureKind, name: &str, parameter: &str) -> Result<MeasureKind> {
    let (key, value) = parameter.split_once('=').unwrap_or(("", parameter));
    match (kind, key.trim()) {
        (MeasureKind::RankBiasedPrecision(_), "p") => {
            persistence(value).map(MeasureKind::RankBiasedPrecision)
        }
        (MeasureKind::RankBiasedResidual(_), "p") => persistence(value).map(MeasureKind::RankBiasedResidual),
        (MeasureKind::ExpectedReciprocalRank(_), "max") => match value.trim().parse::<u32>() {
            Ok(grade) if (1..=1000).contains(&grade) => Ok(MeasureKind::ExpectedReciprocalRank(Some(grade))),
            _ => Err(Error::value(format!("max is {value:?}, expected a whole number from 1 to 1000"))),
        },
        (MeasureKind::Compatibility(_, normalize), "p") => {
            persistence(value).map(|p| MeasureKind::Compatibility(p, normalize))
        }
        (MeasureKind::Compatibility(p, _), "normalize") => match value.trim() {
            "True" | "true" => Ok(MeasureKind::Compatibility(p, true)),
            "False" | "false" => Ok(MeasureKind::Compatibility(p, false)),
            _ => Err(Error::value(format!("normalize is {value:?}, expected True or False"))),
        },
        (MeasureKind::Diversity(diversity), key) => {
            diversity.with(name, key, value).map(MeasureKind::Diversity)
        }
        (MeasureKind::Cwl(cwl), key) => cwl.with(name, key, value).map(MeasureKind::Cwl),
        (MeasureKind::F(_), "x") => match value.trim().parse::<f64>() {
            Ok(x) if x >= 0.0 && x.is_finite() => Ok(MeasureKind::F(x)),
            _ => Err(Error::value(format!("x is {value:?}, expected a number of at least 0"))),
        },
        (MeasureKind::InterpolatedAverage(_), "") => match numbers(value) {
            Some(mut levels) if levels.iter().all(|&level| level >= 0.0) => {
                levels.sort_unstable_by(f64::total_cmp);
                Ok(MeasureKind::InterpolatedAverage(levels))
            }
            _ => Err(Error::value(format!("the recalls are {value:?}, expected numbers of at least 0"))),
        },
        (MeasureKind::Utility(_), "") => match numbers(value).map(<[f64; 4]>::try_from) {
            Some(Ok(worths)) => Ok(MeasureKind::Utility(worths)),
            _ => Err(Error::value(format!("the worths are {value:?}, expected four numbers"))),
        },
        (MeasureKind::RankBiasedPrecision(_) | MeasureKind::RankBiasedResidual(_), _) => {
            Err(Error::value(format!("{name} takes p, as in {name}(p=0.95)")))
        }
        (MeasureKind::ExpectedReciprocalRank(_), _) => {
            Err(Error::value("err takes max, as in err(max=4)@20"))
        }
        (MeasureKind::F(_), _) => Err(Error::value("f takes x, as in f(x=0.5)")),
        (MeasureKind::Compatibility(..), _) => {
            Err(Error::value("compat takes p and normalize, as in compat(p=0.8)"))
        }
        (MeasureKind::InterpolatedAverage(_), _) => {
            Err(Error::value("11pt_avg takes recalls, as in 11pt_avg(0.2,0.5,0.8)"))
        }
        (MeasureKind::Utility(_), _) => {
            Err(Error::value("utility takes four numbers, as in utility(1,-1,0,0)"))
        }
        _ => Err(Error::value(format!("{name} takes no parameter"))),
    }
}

/// Lower case without separators.
fn plain_name(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | '.' | ' ')).flat_map(char::to_lowercase).collect()
}

fn unknown_measure(text: &str) -> Error {
    let stem = text.split(['@', '(']).next().unwrap_or(text);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_several_tools() {
        for (text, name) in [
            ("map", "map"),
            ("AP", "map"),
            ("map@10", "map@10"),
            ("map_cut_5", "map@5"),
            ("map_cut.5", "map@5"),
            ("P_10", "p@10"),
            ("P.10", "p@10"),
            ("nDCG@20", "ndcg@20"),
            ("recip_rank", "rr"),
            ("Rprec", "rprec"),
            ("r-precision", "rprec"),
            ("infAP", "infap"),
            ("rbp(p=0.95)", "rbp(p=0.95)"),
            ("rbp", "rbp"),
            ("err(max=4)@20", "err(max=4)@20"),
            ("num_rel_ret", "num_rel_ret"),
            ("success_1", "hit@1"),
            ("R@5", "recall@5"),
            ("iprec_at_recall_0.10", "iprec@0.1"),
            ("IPrec@0", "iprec@0"),
            ("Rprec_mult.1.20", "rprec_mult@1.2"),
            ("11pt_avg", "11pt_avg"),
            ("11pt_avg(0.8,0.2)", "11pt_avg(0.2,0.8)"),
            ("set_F", "f1"),
            ("set_F_0.5", "f(x=0.5)"),
            ("set_F_1", "f1"),
            ("F@5", "f1@5"),
            ("utility(1,-1,0,0)", "utility"),
            ("utility(2,-1.5,0,0)", "utility(2,-1.5,0,0)"),
            ("set_relative_P", "relative_p"),
            ("relative_P_5", "relative_p@5"),
            ("relstring", "relstring"),
            ("AP(rel=2)", "map(rel=2)"),
            ("AP(rel=2)@10", "map(rel=2)@10"),
            ("SetF(x=0.5,rel=3)", "f(x=0.5,rel=3)"),
            ("IPrec(rel=2)@0.1", "iprec(rel=2)@0.1"),
            ("11pt_avg(0.2,0.8,rel=2)", "11pt_avg(0.2,0.8,rel=2)"),
            ("RBP(rel=1,p=0.8)", "rbp(p=0.8,rel=1)"),
            ("nDCG(dcg='exp-log2')@20", "ndcg(dcg=exp-log2)@20"),
            ("dcg@5", "dcg@5"),
            ("ndcg.1=3,2=9.0", "ndcg(1=3,2=9)"),
            ("ndcg(2=9,1=3)@10", "ndcg(1=3,2=9)@10"),
            ("nDCG(gains={1:3,2:9})@10", "ndcg(1=3,2=9)@10"),
            ("DCG(gains={0:-1,1:0.5})", "dcg(0=-1,1=0.5)"),
            ("Rndcg.1=3.5", "rndcg(1=3.5)"),
            ("hits@5", "hits@5"),
            ("Judged@10", "judged@10"),
            ("unj_10", "unjudged@10"),
            ("rbp_resid(p=0.8)", "rbp_resid(p=0.8)"),
            ("Compat(p=0.8)", "compat(p=0.8)"),
            ("Compat(p=0.8,normalize=False)", "compat(p=0.8,normalize=False)"),
            ("INST(T=2.0,min_rel=0,max_rel=3)", "inst(T=2,max_rel=3)"),
            ("SDCG(min_rel=1,max_rel=3)@10", "sdcg(min_rel=1,max_rel=3)@10"),
            ("NERR10(max_rel=3)", "nerr10(max_rel=3)"),
            ("NERR11(T=3)", "nerr11(T=3)"),
            ("alpha-nDCG@20", "alpha_ndcg@20"),
            ("alpha_nDCG(alpha=0.3)@10", "alpha_ndcg(alpha=0.3)@10"),
            ("NRBP(rel=2,alpha=0.3)", "nrbp(alpha=0.3,rel=2)"),
            ("StRecall(rel=2)@5", "strec(rel=2)@5"),
            ("ERR_IA@20", "err_ia@20"),
            ("NRBP(alpha=0.1,beta=0.9)", "nrbp(alpha=0.1,beta=0.9)"),
            ("AP_IA", "map_ia"),
            ("P-IA@5", "p_ia@5"),
            ("StRecall@10", "strec@10"),
            ("runid", "runid"),
            ("G", "g"),
        ] {
            assert_eq!(Measure::parse(text).unwrap().name(), name, "{text}");
        }
    }

    #[test]
    fn errors_say_what_was_expected() {
        for (text, part) in [
            ("ndgc@10", "did you mean \"ndcg\"?"),
            ("mapp", "did you mean \"map\"?"),
            ("completely else", "unknown measure"),
            ("Rprec_mult", "needs a cut-off, such as rprec_mult@0.1"),
            ("H", "unknown measure \"H\" (known"),
            ("iprec@-1", "at least 0"),
            ("set_P_5", "p takes no parameter"),
            ("set_F_x", "unknown measure"),
            ("f(x=-1)", "at least 0"),
            ("utility(1,2)", "expected four numbers"),
            ("11pt_avg(a)", "expected numbers"),
            ("map@0", "at least 1"),
            ("map@x", "at least 1"),
            ("bpref@10", "takes no cut-off"),
            ("err", "needs a cut-off"),
            ("rbp(p=2)", "between 0 and 1"),
            ("rbp_resid(x=2)", "rbp_resid takes p"),
            ("unjudged", "needs a cut-off, such as unjudged@20"),
            ("rbp(p=0)", "between 0 and 1"),
            ("rbp(p=1)", "between 0 and 1"),
            ("rbp_resid(p=1)", "between 0 and 1"),
            ("compat(p=0)", "between 0 and 1"),
            ("map(p=2)", "takes no parameter"),
            ("map(rel=0)", "rel is \"0\", expected a whole number of at least 1"),
            ("ndcg(rel=2)", "ndcg takes no rel"),
            ("map(dcg=log2)", "map takes no dcg"),
            ("map(1=2)", "map takes no gains of grades"),
            ("ndcg(1=x)", "the gain of grade 1 is \"x\", expected a number"),
            ("ndcg(1=2,1=3)", "grade 1 has two gains"),
            ("ndcg(dcg=log2,1=3)", "dcg and gains"),
            ("ndcg(1x=3)", "the grade is \"1x\""),
            ("ndcg_cut.1=3,5", "ndcg takes no parameter"),
            ("ndcg(dcg=ln)", "expected \"log2\" or \"exp-log2\""),
            ("compat(p=1)", "between 0 and 1"),
            ("inst(x=1)", "inst takes T, min_rel and max_rel"),
            ("inst(max_rel=0)", "max_rel is 0, expected more than min_rel, 0"),
            ("sdcg(max_rel=3)", "needs a cut-off"),
            ("alpha_ndcg(beta=0.5)@5", "alpha_ndcg takes alpha"),
            ("nrbp(beta=1)", "beta is \"1\", expected a number between 0 and 1"),
            ("strec(alpha=0.5)@5", "strec takes no parameter"),
            ("err_ia(rel=0)@5", "expected a whole number of at least 1"),
            ("", "unknown measure"),
            ("@", "unknown measure"),
        ] {
            let error = Measure::parse(text).unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }
}
