//! trec_eval's measures as pytrec_eval requests them: nicknames, families of cut-offs, and the names of the values.
//!
//! ```text
//! {"official", "ndcg_cut_5,10"}  ->  map, gm_map, P_5, P_10, …, ndcg_cut_5, ndcg_cut_10
//! ```

use std::collections::BTreeMap;

use crate::error::{Error, Result};

use super::measure::{ELEVEN, Measure};

/// What follows a measure's name.
enum MeasureParameters {
    /// Nothing.
    None,
    /// Ranks, a value for each; these by default.
    Ranks(&'static [u32]),
    /// Numbers, a value for each; these by default.
    Levels(&'static [f64]),
    /// Numbers of a single value.
    Numbers,
    /// Gains of grades, of a single value.
    Gains,
}

use MeasureParameters::{Gains, Levels, None as No, Numbers, Ranks};

const NINE: MeasureParameters = Ranks(&[5, 10, 15, 20, 30, 100, 200, 500, 1000]);
const MULTIPLES: [f64; 10] = [0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0];

/// trec_eval's measures in its order; each is a measure of the registry under its own name.
const MEASURES: &[(&str, MeasureParameters)] = &[
    ("runid", No),
    ("num_q", No),
    ("num_ret", No),
    ("num_rel", No),
    ("num_rel_ret", No),
    ("map", No),
    ("gm_map", No),
    ("Rprec", No),
    ("bpref", No),
    ("recip_rank", No),
    ("iprec_at_recall", Levels(&ELEVEN)),
    ("P", NINE),
    ("relstring", Numbers),
    ("recall", NINE),
    ("infAP", No),
    ("gm_bpref", No),
    ("Rprec_mult", Levels(&MULTIPLES)),
    ("utility", Numbers),
    ("11pt_avg", Numbers),
    ("binG", No),
    ("G", Gains),
    ("ndcg", Gains),
    ("ndcg_rel", Gains),
    ("Rndcg", Gains),
    ("ndcg_cut", NINE),
    ("map_cut", NINE),
    ("relative_P", NINE),
    ("success", Ranks(&[1, 5, 10])),
    ("set_P", No),
    ("set_relative_P", No),
    ("set_recall", No),
    ("set_map", No),
    ("set_F", Numbers),
    ("num_nonrel_judged_ret", No),
];

/// Names for several measures.
const NICKNAMES: &[(&str, &[&str])] = &[
    (
        "official",
        &[
            "runid",
            "num_q",
            "num_ret",
            "num_rel",
            "num_rel_ret",
            "map",
            "gm_map",
            "Rprec",
            "bpref",
            "recip_rank",
            "iprec_at_recall",
            "P",
        ],
    ),
    (
        "set",
        &[
            "runid",
            "num_q",
            "num_ret",
            "num_rel",
            "num_rel_ret",
            "utility",
            "set_P",
            "set_recall",
            "set_relative_P",
            "set_map",
            "set_F",
        ],
    ),
];

/// The nickname of all.
const ALL: &str = "all_trec";

/// The names of all measures, and those of the nicknames with what they stand for.
pub fn known() -> (Vec<&'static str>, Vec<(&'static str, Vec<&'static str>)>) {
    let measures: Vec<_> = MEASURES.iter().map(|&(name, _)| name).collect();
    let nicknames = NICKNAMES.iter().map(|&(name, members)| (name, members.to_vec()));
    (measures.clone(), nicknames.chain([(ALL, measures)]).collect())
}

/// The values that these names ask for: the key of each in pytrec_eval's dictionaries, and its measure. A name that is
/// none of trec_eval's is a measure of ours, under that name.
///
/// # Errors
///
/// A name is unknown, or its parameters are none of the measure's.
pub fn expand(asked: &[String]) -> Result<Vec<(String, Measure)>> {
    // The requested parameters of each of trec_eval's measures: none for its defaults.
    let mut parameters: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let mut ours: Vec<&str> = Vec::new();
    let place = |name: &str| MEASURES.iter().position(|&(known, _)| known == name);
    for name in asked {
        if name == ALL {
            for place in 0..MEASURES.len() {
                parameters.entry(place).or_default();
            }
        } else if let Some((_, members)) = NICKNAMES.iter().find(|(nickname, _)| nickname == name) {
            for place in members.iter().filter_map(|name| place(name)) {
                parameters.entry(place).or_default();
            }
        } else if let Some(place) = place(name) {
            parameters.entry(place).or_default();
        } else if let Some((place, tail)) = with_tail(name) {
            parameters.entry(place).or_default().extend(tail.split(','));
        } else {
            ours.push(name);
        }
    }
    let mut values: Vec<(String, Measure)> = Vec::new();
    for (place, mut given) in parameters {
        // As in pytrec_eval: sorted as text, whatever the order in which they were requested.
        given.sort_unstable();
        given.dedup();
        add(&mut values, &MEASURES[place], &given)?;
    }
    for name in ours {
        values.push((name.to_owned(), Measure::parse(name)?));
    }
    let mut seen = std::collections::HashSet::new();
    values.retain(|(key, _)| seen.insert(key.clone()));
    Ok(values)
}

/// A measure with parameters after its name, as `P_5`, `ndcg_cut.5,10` and `set_F_0.5`.
///
/// As in pytrec_eval, numbers after a measure that takes none change nothing: `map_5` is `map`.
///
/// DIFFERENCE: pytrec_eval drops what follows the last number (`P_5_10` is its `P_5`); here it is an error. Numbers after
/// a measure that takes gains end its process; `ndcg_5` is our measure of that name.
fn with_tail(name: &str) -> Option<(usize, &str)> {
    MEASURES.iter().enumerate().find_map(|(place, (known, parameters))| {
        let tail = name.strip_prefix(known)?.strip_prefix(['_', '.'])?;
        let takes = match parameters {
            MeasureParameters::None => tail.split(',').all(|number| number.parse::<f64>().is_ok()),
            Gains => tail.contains('='),
            _ => true,
        };
        (takes && tail.starts_with(|c: char| c.is_ascii_digit())).then_some((place, tail))
    })
}

fn add(
    values: &mut Vec<(String, Measure)>,
    (name, parameters): &(&str, MeasureParameters),
    given: &[&str],
) -> Result<()> {
    let invalid = |text: &str, expected: &str| {
        Err(Error::value(format!("measure \"{name}_{text}\": {text:?} is given, expected {expected}")))
    };
    match parameters {
        MeasureParameters::None => values.push(((*name).to_owned(), Measure::parse(name)?)),
        Ranks(defaults) => {
            let mut ranks = Vec::new();
            for text in given {
                // As in trec_eval, the fraction of a number is dropped.
                let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
                match (whole.parse::<u32>(), fraction.parse::<u64>()) {
                    (Ok(rank), Ok(_)) if rank >= 1 => ranks.push(rank),
                    _ => {
                        return invalid(
                            text,
                            &format!("a whole number from 1 to {} as the cut-off", u32::MAX),
                        );
                    }
                }
            }
            if given.is_empty() {
                ranks.extend_from_slice(defaults);
            }
            ranks.sort_unstable();
            for rank in ranks {
                values.push((format!("{name}_{rank}"), Measure::parse(&format!("{name}@{rank}"))?));
            }
        }
        Levels(defaults) => {
            let mut levels = Vec::new();
            for text in given {
                match text.trim().parse::<f64>() {
                    Ok(level) if level >= 0.0 && level.is_finite() => levels.push(level),
                    _ => return invalid(text, "a number of at least 0"),
                }
            }
            if given.is_empty() {
                levels.extend_from_slice(defaults);
            }
            levels.sort_unstable_by(f64::total_cmp);
            for level in levels {
                values.push((format!("{name}_{level:.2}"), Measure::parse(&format!("{name}@{level}"))?));
            }
        }
        Gains => {
            let gains = if given.is_empty() { String::new() } else { format!("({})", given.join(",")) };
            values.push(((*name).to_owned(), Measure::parse(&format!("{name}{gains}"))?));
        }
        Numbers => {
            let measure = match (*name, given) {
                // Its text is no value, however long.
                ("relstring", _) | (_, []) => Measure::parse(name)?,
                // Of several weights trec_eval takes the first.
                ("set_F", [first, ..]) => Measure::parse(&format!("f(x={first})"))?,
                _ => Measure::parse(&format!("{name}({})", given.join(",")))?,
            };
            values.push(((*name).to_owned(), measure));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(asked: &[&str]) -> Vec<String> {
        let asked: Vec<String> = asked.iter().map(|&name| name.to_owned()).collect();
        expand(&asked).unwrap().into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn families_and_lists() {
        assert_eq!(keys(&["P_10,5", "P", "P.7"]), ["P_5", "P_7", "P_10"]);
        assert_eq!(keys(&["success"]), ["success_1", "success_5", "success_10"]);
        assert_eq!(keys(&["iprec_at_recall_0.1,0.15"]), ["iprec_at_recall_0.10", "iprec_at_recall_0.15"]);
        assert_eq!(keys(&["set_F_0.5", "ndcg_5", "ndcg@3"]), ["set_F", "ndcg_5", "ndcg@3"]);
        assert_eq!(keys(&["map_5", "set_P.3,4"]), ["map", "set_P"]);
        assert_eq!(keys(&["success_1.0", "P_5.9"]), ["P_5", "success_1"]);
        assert_eq!(keys(&["ndcg.1=3,2=9.0", "Rndcg_2=1"]), ["ndcg", "Rndcg"]);
        assert_eq!(keys(&["set"]).len(), 11);
        assert_eq!(keys(&["all_trec"]).len(), 26 + 5 * 9 + 3 + 11 + 10);
    }

    #[test]
    fn every_measure_is_in_the_registry_under_its_own_name() {
        for (name, measure) in expand(&[ALL.to_owned()]).unwrap() {
            assert_eq!(Measure::parse(&measure.name()).unwrap(), measure, "{name}");
        }
    }

    #[test]
    fn parameters_that_are_none() {
        for (name, part) in [
            ("P_0", "expected a whole number from 1 to 4294967295"),
            ("P_5.x", "expected a whole number"),
            ("P_5_10", "expected a whole number"),
            ("P_4294967296", "expected a whole number from 1 to 4294967295"),
            ("P_", "unknown measure"),
            ("bpref_5x", "the cut-off is \"5x\""),
            ("ndcg_cut_5,x", "expected a whole number"),
            ("iprec_at_recall_0.1,x", "expected a number of at least 0"),
            ("utility_1,2", "expected four numbers"),
            ("ndcg_rel_3", "takes no cut-off"),
            ("all_prefs", "preferences"),
            ("qrels_jg", "of several judges"),
            ("map_avgjg", "of several judges"),
            ("ndcg.1=3,2", "takes no parameter"),
            ("treceval", "unknown measure"),
        ] {
            let error = expand(&[name.to_owned()]).unwrap_err();
            assert!(error.to_string().contains(part), "{name}: {error}");
        }
    }
}
