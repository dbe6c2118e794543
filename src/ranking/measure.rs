//! The measures by name.

use crate::error::{Error, Result};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Average precision.
    AveragePrecision,
    /// Normalised discounted cumulative gain.
    Ndcg,
    /// Reciprocal rank of the first relevant document.
    ReciprocalRank,
    /// Precision.
    Precision,
    /// Recall.
    Recall,
    /// 1 if any relevant document was found.
    Hit,
    /// Precision at the number of relevant documents.
    RPrecision,
    /// Binary preference.
    Bpref,
    /// Rank-biased precision with this persistence.
    RankBiasedPrecision(f64),
    /// Harmonic mean of precision and recall.
    F1,
    /// Expected reciprocal rank; the greatest grade, where it is not the greatest of the judgements.
    ExpectedReciprocalRank(Option<u32>),
    /// Inferred average precision.
    InferredAp,
    /// How many documents were retrieved.
    Retrieved,
    /// How many relevant documents there are.
    Relevant,
    /// How many relevant documents were retrieved.
    RelevantRetrieved,
}

/// A measure, perhaps with a cut-off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// What is measured.
    pub kind: Kind,
    /// Only documents down to this rank count.
    pub cutoff: Option<u32>,
}

/// Whether a measure can, must or must not have a cut-off.
#[derive(Clone, Copy, PartialEq)]
enum Cutoff {
    May,
    Must,
    Never,
}

/// Our name, other tools' names for the same (lower case, without separators), and the cut-off it takes.
const NAMES: &[(&str, &[&str], Kind, Cutoff)] = &[
    ("map", &["ap", "mapcut", "averageprecision"], Kind::AveragePrecision, Cutoff::May),
    ("ndcg", &["ndcgcut"], Kind::Ndcg, Cutoff::May),
    ("rr", &["mrr", "reciprank", "reciprocalrank"], Kind::ReciprocalRank, Cutoff::May),
    ("p", &["precision", "setp"], Kind::Precision, Cutoff::May),
    ("recall", &["r", "setrecall"], Kind::Recall, Cutoff::May),
    ("hit", &["success", "hitrate"], Kind::Hit, Cutoff::May),
    ("rprec", &["rprecision"], Kind::RPrecision, Cutoff::Never),
    ("bpref", &[], Kind::Bpref, Cutoff::Never),
    ("rbp", &[], Kind::RankBiasedPrecision(0.9), Cutoff::May),
    ("f1", &["setf"], Kind::F1, Cutoff::May),
    ("err", &[], Kind::ExpectedReciprocalRank(None), Cutoff::Must),
    ("infap", &[], Kind::InferredAp, Cutoff::Never),
    ("num_ret", &["numret"], Kind::Retrieved, Cutoff::Never),
    ("num_rel", &["numrel"], Kind::Relevant, Cutoff::Never),
    ("num_rel_ret", &["numrelret"], Kind::RelevantRetrieved, Cutoff::Never),
];

impl Measure {
    /// Reads a name such as `map`, `ndcg@10`, `rbp(p=0.95)`, `err(max=4)@20`, or another tool's (`P_10`,
    /// `ndcg_cut.10`, `recip_rank`, `nDCG@10`).
    pub fn parse(text: &str) -> Result<Self> {
        let unknown = || unknown_measure(text);
        let (head, cutoff) = match text.split_once('@') {
            Some((head, cutoff)) => (head, Some(cutoff)),
            None => (text, None),
        };
        let (name, parameter) = match head.trim().strip_suffix(')').and_then(|head| head.split_once('(')) {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (head.trim(), None),
        };
        let plain = plain_name(name);
        let found =
            NAMES.iter().find(|(ours, others, ..)| plain_name(ours) == plain || others.contains(&&*plain));
        // `P_10`, `ndcg_cut.10`, `map_cut_5`: the cut-off after a separator, as trec_eval and pytrec_eval write it.
        let (entry, cutoff) = match (found, name.rsplit_once(['_', '.'])) {
            (Some(entry), _) => (entry, cutoff),
            (None, Some((name, tail)))
                if cutoff.is_none() && tail.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                let plain = plain_name(name);
                let entry = NAMES
                    .iter()
                    .find(|(ours, others, ..)| plain_name(ours) == plain || others.contains(&&*plain))
                    .ok_or_else(unknown)?;
                (entry, Some(tail))
            }
            _ => return Err(unknown()),
        };
        let &(ours, _, mut kind, takes) = entry;
        let cutoff = match cutoff {
            Some(digits) => match digits.trim().parse::<u32>() {
                Ok(cutoff) if cutoff >= 1 && takes != Cutoff::Never => Some(cutoff),
                Ok(cutoff) if cutoff >= 1 => {
                    return Err(Error::value(format!("measure {text:?}: {ours} takes no cut-off")));
                }
                _ => {
                    return Err(Error::value(format!(
                        "measure {text:?}: the cut-off is {digits:?}, expected a whole number of at least 1"
                    )));
                }
            },
            None if takes == Cutoff::Must => {
                return Err(Error::value(format!(
                    "measure {text:?}: {ours} needs a cut-off, such as {ours}@20"
                )));
            }
            None => None,
        };
        if let Some(parameter) = parameter {
            kind = with_parameter(kind, ours, parameter)
                .map_err(|error| error.at(format!("measure {text:?}")))?;
        }
        Ok(Measure { kind, cutoff })
    }

    /// The measure's name as we write it: `map@10`, `rbp(p=0.95)`.
    pub fn name(&self) -> String {
        let same = |kind: &Kind| std::mem::discriminant(kind) == std::mem::discriminant(&self.kind);
        let (ours, _, default, _) =
            NAMES.iter().find(|(_, _, kind, _)| same(kind)).expect("every kind has a name");
        let mut name = (*ours).to_owned();
        match self.kind {
            Kind::RankBiasedPrecision(p) if self.kind != *default => name.push_str(&format!("(p={p})")),
            Kind::ExpectedReciprocalRank(Some(grade)) => name.push_str(&format!("(max={grade})")),
            _ => {}
        }
        if let Some(cutoff) = self.cutoff {
            name.push_str(&format!("@{cutoff}"));
        }
        name
    }

    /// Whether the ranks of judged documents that are not relevant matter.
    pub fn needs_all_judged(&self) -> bool {
        matches!(self.kind, Kind::Bpref | Kind::InferredAp)
    }

    /// Whether `positive_scores_only` applies: torchmetrics' average precision, precision, recall and reciprocal rank
    /// count no document with a score of 0 or less, its other measures do.
    pub fn may_need_positive_scores(&self) -> bool {
        matches!(
            self.kind,
            Kind::AveragePrecision | Kind::Precision | Kind::Recall | Kind::F1 | Kind::ReciprocalRank
        )
    }

    /// The cut-off, or one that nothing reaches.
    pub fn depth(&self) -> u32 {
        self.cutoff.unwrap_or(u32::MAX)
    }
}

fn with_parameter(kind: Kind, name: &str, parameter: &str) -> Result<Kind> {
    let (key, value) = parameter.split_once('=').unwrap_or(("", parameter));
    match (kind, key.trim()) {
        (Kind::RankBiasedPrecision(_), "p") => match value.trim().parse::<f64>() {
            Ok(p) if p > 0.0 && p < 1.0 => Ok(Kind::RankBiasedPrecision(p)),
            _ => Err(Error::value(format!("p is {value:?}, expected a number between 0 and 1"))),
        },
        (Kind::ExpectedReciprocalRank(_), "max") => match value.trim().parse::<u32>() {
            Ok(grade) if (1..=1000).contains(&grade) => Ok(Kind::ExpectedReciprocalRank(Some(grade))),
            _ => Err(Error::value(format!("max is {value:?}, expected a whole number from 1 to 1000"))),
        },
        (Kind::RankBiasedPrecision(_), _) => Err(Error::value("rbp takes p, as in rbp(p=0.95)")),
        (Kind::ExpectedReciprocalRank(_), _) => Err(Error::value("err takes max, as in err(max=4)@20")),
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
    let near = |(ours, others, ..): &(&'static str, &[&str], Kind, Cutoff)| {
        let least = others.iter().map(|other| distance(&stem, other)).min().unwrap_or(usize::MAX);
        (least.min(distance(&stem, ours)), *ours)
    };
    let nearest = NAMES.iter().map(near).min_by_key(|&(distance, _)| distance);
    let known: Vec<_> = NAMES.iter().map(|(ours, ..)| *ours).collect();
    let known = known.join(", ");
    match nearest {
        Some((distance, name)) if distance <= 2 && distance < stem.len() => {
            Error::value(format!("unknown measure {text:?}; did you mean {name:?}? (known: {known})"))
        }
        _ => Error::value(format!("unknown measure {text:?} (known: {known})")),
    }
}

/// How many letters must be changed, dropped or added to make one word the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for j in 0..b.len() {
            let substituted = diagonal + usize::from(letter != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
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
            ("Rprec_mult", "unknown measure"),
            ("G", "unknown measure \"G\" (known"),
            ("map@0", "at least 1"),
            ("map@x", "at least 1"),
            ("bpref@10", "takes no cut-off"),
            ("err", "needs a cut-off"),
            ("rbp(p=2)", "between 0 and 1"),
            ("map(p=2)", "takes no parameter"),
            ("", "unknown measure"),
            ("@", "unknown measure"),
        ] {
            let error = Measure::parse(text).unwrap_err();
            assert!(error.message().contains(part), "{text}: {error}");
        }
    }
}
