//! What a name says: measure, parameters, cut-off.

use super::super::conventions::Gain;
use super::registry::{Cutoff, find, plain_name, unknown_measure};
use super::{Measure, MeasureKind};
use crate::error::{Error, Result};

impl Measure {
    /// Reads a name such as `map`, `ndcg@10`, `iprec@0.1`, `rbp(p=0.95)`, `err(max=4)@20`, or another tool's (`P_10`,
    /// `ndcg_cut.10`, `recip_rank`, `nDCG@10`).
    ///
    /// # Errors
    ///
    /// The name is unknown, or its arguments are not what it takes.
    pub fn parse(text: &str) -> Result<Self> {
        // `map@10-l2`, as ranx writes the lowest relevant grade.
        let (body, level_tail) = match text.rsplit_once("-l") {
            Some((body, tail)) if tail.parse::<u32>().is_ok() => (body, Some(tail)),
            _ => (text, None),
        };
        let (head, cutoff) = match body.split_once('@') {
            Some((head, cutoff)) => (head, Some(cutoff)),
            None => (body, None),
        };
        let (name, parameter) = match head.trim().strip_suffix(')').and_then(|head| head.split_once('(')) {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (head.trim(), None),
        };
        // `ndcg_burges@10`, as ranx writes the exponential gain.
        let (name, by_burges) = match name.strip_suffix("_burges") {
            Some(name) => (name, true),
            None => (name, false),
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
        if let ("rbp", Some(tail), None) = (entry.name, cutoff, text.find(['@', '='])) {
            // ranx writes the persistence as others write a cut-off, and its measure weighs by grade.
            let expected = match tail.contains('.') {
                true => format!("expected rbp(p={tail})"),
                false => format!("expected rbp(p=0.{tail}), or rbp@{tail} for a cut-off"),
            };
            return Err(Error::value(expected).at(place()));
        }
        let mut kind = (entry.kind)();
        let (mut relevant, mut gain) = (None, None);
        if let Some(tail) = level_tail {
            relevant = Some(relevance(&mut kind, entry.name, tail).map_err(|error| error.at(place()))?);
        }
        if by_burges {
            gain = Some(formulation(&kind, entry.name, "exp-log2").map_err(|error| error.at(place()))?);
        }
        // trec_eval's `ndcg.1=3,2=9`: no cut-off, but gains.
        let (cutoff, tail_parameters) = match cutoff {
            Some(tail) if tail.contains('=') && !text.contains('@') => (None, Some(tail)),
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
                            Some(relevance(&mut kind, entry.name, value).map_err(|error| error.at(place()))?)
                    }
                    "judged_only" if value == "False" => {}
                    "judged_only" => {
                        let expected = "judged_only is of all measures at once: expected it as an argument, \
                             judged_only=True (--set judged_only=true), and not in a name";
                        return Err(Error::value(expected).at(place()));
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
                        "{}: the cut-off is {digits:?}, expected a whole number from 1 to {}",
                        place(),
                        u32::MAX
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
}

/// A recall or a multiple.
fn level(text: &str) -> Result<f64> {
    match text.trim().parse::<f64>() {
        // -0.0 would have a name of its own.
        Ok(level) if level >= 0.0 && level.is_finite() => Ok(level + 0.0),
        _ => Err(Error::value(format!("the level is {text:?}, expected a number of at least 0"))),
    }
}

/// Whether a measure of this kind adds up gains of grades.
fn adds_gains(kind: &MeasureKind) -> bool {
    matches!(
        kind,
        MeasureKind::Ndcg
            | MeasureKind::Dcg
            | MeasureKind::NdcgAtRelevant
            | MeasureKind::NdcgAtLevels
            | MeasureKind::Gain
    )
}

/// The lowest grade that is relevant to a measure of this kind.
fn relevance(kind: &mut MeasureKind, name: &str, value: &str) -> Result<i64> {
    if *kind == MeasureKind::Retrieved {
        // `NumRet(rel=1)`, as ir_measures writes it.
        *kind = MeasureKind::RelevantRetrieved;
    }
    let other = matches!(
        kind,
        MeasureKind::JudgedRate
            | MeasureKind::UnjudgedRate
            | MeasureKind::RankBiasedResidual(_)
            | MeasureKind::ExpectedReciprocalRank(_)
            | MeasureKind::Compatibility(..)
            | MeasureKind::Cwl(_)
            | MeasureKind::Queries
            | MeasureKind::Text(_)
    );
    if adds_gains(kind) || other {
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
    if !adds_gains(kind) {
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

/// As Python writes it.
fn truth(key: &str, value: &str) -> Result<bool> {
    match value.trim() {
        "True" | "true" => Ok(true),
        "False" | "false" => Ok(false),
        _ => Err(Error::value(format!("{key} is {value:?}, expected True or False"))),
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
        (MeasureKind::Compatibility(p, _), "normalize") => {
            truth(key, value).map(|normalize| MeasureKind::Compatibility(p, normalize))
        }
        // ir_measures' `SetP(relative=True)`.
        (kind @ MeasureKind::Precision, "relative") => {
            truth(key, value).map(|relative| if relative { MeasureKind::RelativePrecision } else { kind })
        }
        (MeasureKind::Diversity(diversity), key) => {
            diversity.with(name, key, value).map(MeasureKind::Diversity)
        }
        (MeasureKind::Cwl(cwl), key) => cwl.with(name, key, value).map(MeasureKind::Cwl),
        // ir_measures calls it beta, and passes it to trec_eval without squaring it.
        (MeasureKind::F(_), "x" | "beta") => match value.trim().parse::<f64>() {
            Ok(x) if x >= 0.0 && x.is_finite() => Ok(MeasureKind::F(x)),
            _ => Err(Error::value(format!("{key} is {value:?}, expected a number of at least 0"))),
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
