//! TREC files: tables hold what the lines say, and measures are what sorting a list gives.
#![no_main]

use std::collections::{BTreeMap, HashSet};

use libfuzzer_sys::fuzz_target;
use meanap::progress::Progress;
use meanap::ranking::conventions::{Conventions, Duplicates, Ties};
use meanap::ranking::evaluate::evaluate;
use meanap::ranking::ids::{IdSlice, Ids, Texts};
use meanap::ranking::measure::Measure;
use meanap::ranking::plan::Plan;
use meanap::ranking::qrels::{Documents, Groups, Qrels};
use meanap::ranking::run::{Run, Scores};
use meanap::ranking::trec::{Names, read_qrels, read_run};
use meanap::threads;

/// What separates the two files in an input.
const BETWEEN: &[u8] = b"\n====\n";

const MEASURES: [&str; 12] = [
    "map",
    "map@3",
    "p@5",
    "recall",
    "rr",
    "ndcg",
    "ndcg@2",
    "rprec",
    "bpref",
    "infap",
    "rbp(p=0.5)",
    "num_ret",
];

fuzz_target!(|data: &[u8]| {
    let at = data.windows(BETWEEN.len()).position(|window| window == BETWEEN);
    let (qrels, run) = match at {
        Some(at) => (&data[..at], &data[at + BETWEEN.len()..]),
        None => (data, data),
    };
    threads::run(|| both(qrels, run));
});

type Line<V> = (String, String, V);

/// The lines of a file, read the plain way; the number of the first bad one.
fn plain<V>(
    text: &[u8],
    fields: usize,
    value: usize,
    parse: fn(&str) -> Option<V>,
) -> Result<Vec<Line<V>>, usize> {
    let mut lines = Vec::new();
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = std::str::from_utf8(line).map_err(|_| number + 1)?;
        let found: Vec<&str> =
            line.split([' ', '\t', '\r', '\x0c']).filter(|field| !field.is_empty()).collect();
        if found.is_empty() || found[0].starts_with('#') {
            continue;
        }
        let parsed = (found.len() == fields).then(|| parse(found[value])).flatten();
        lines.push((
            found[0].to_owned(),
            found[2.min(found.len() - 1)].to_owned(),
            parsed.ok_or(number + 1)?,
        ));
    }
    Ok(lines)
}

/// Whether a text is what trec_eval itself reads: other separators, encodings and line ends are read too, but not plainly.
fn is_plain(text: &[u8]) -> bool {
    let strange = |byte: &u8| matches!(byte, 0 | b'\t' | b'\r' | b',' | b';' | b'|' | b'"');
    text.is_ascii() && text.contains(&b'\n') && !text.iter().any(strange)
}

fn both(qrels: &[u8], run: &[u8]) {
    let judged = plain(qrels, 4, 3, |field| field.parse::<i64>().ok());
    let listed = plain(run, 6, 4, |field| field.parse::<f64>().ok().filter(|score| !score.is_nan()));
    let (read, scored) = (
        read_qrels("q", qrels, &Names::default(), &Progress::default()),
        read_run("r", run, &Names::default(), &Progress::default()),
    );
    if let (true, Ok(lines)) = (is_plain(qrels), &judged) {
        let table = read.expect("qrels of the plainest form");
        same(&table.queries, &table.documents, &table.values, lines);
    }
    if let (true, Ok(lines)) = (is_plain(run), &listed) {
        let table = scored.expect("a run of the plainest form");
        same(&table.queries, &table.documents, &table.values, lines);
    }
    if let (Ok(judged), Ok(listed)) = (judged, listed) {
        measure(&judged, &listed);
    }
}

fn same<V: PartialEq + std::fmt::Debug>(queries: &Texts, documents: &Texts, values: &[V], lines: &[Line<V>]) {
    assert_eq!(values.len(), lines.len());
    for (row, (query, document, value)) in lines.iter().enumerate() {
        assert_eq!((queries.id(row).0, documents.id(row).0), (query.as_bytes(), document.as_bytes()));
        assert_eq!(&values[row], value);
    }
}

fn texts(of: impl Iterator<Item = impl AsRef<str>>) -> Texts<'static> {
    let mut texts = Texts::new();
    of.for_each(|text| texts.push(text.as_ref().as_bytes()).expect("memory"));
    texts
}

/// Average precision, reciprocal rank and what was retrieved, of each query that both files have.
fn measure(judged: &[Line<i64>], listed: &[Line<f64>]) {
    let mut by_query: BTreeMap<&str, Vec<(&str, i64)>> = BTreeMap::new();
    for (query, document, grade) in judged {
        by_query.entry(query).or_default().push((document, *grade));
    }
    let differ = |judgements: &Vec<(&str, i64)>| {
        judgements.iter().map(|(document, _)| document).collect::<HashSet<_>>().len() == judgements.len()
    };
    if !by_query.values().all(differ) {
        return;
    }
    let rows = || by_query.values().flatten();
    let mut offsets = vec![0];
    by_query.values().for_each(|judgements| offsets.push(offsets[offsets.len() - 1] + judgements.len()));
    let documents = Documents::Texts(texts(rows().map(|(document, _)| document)));
    let grades = rows().map(|(_, grade)| *grade).collect();
    let Ok(qrels) = Qrels::new(documents, offsets, grades, false, &Progress::default()) else { return };
    let queries = texts(listed.iter().map(|(query, ..)| query));
    let groups = Groups::new(IdSlice::Texts(&queries), &Progress::default()).expect("few rows");
    let documents = texts(listed.iter().map(|(_, document, _)| document));
    let scores: Vec<f64> = listed.iter().map(|line| line.2).collect();
    let (column, values) = (IdSlice::Texts(&documents), Scores::F64(&scores));
    let run = Run { documents: column, scores: values, groups: &groups, source: None };
    let pairs: Vec<(Option<usize>, usize)> = (0..groups.len())
        .filter_map(|group| {
            let query = &listed[groups.first[group]].0;
            Some((Some(group), by_query.keys().position(|known| known == query)?))
        })
        .collect();
    let all = || MEASURES.map(|name| Measure::parse(name).expect("a measure"));
    for ties in [Ties::Expected, Ties::Grouped, Ties::Optimistic, Ties::Pessimistic, Ties::Stable] {
        for duplicates in [Duplicates::First, Duplicates::Last, Duplicates::Once] {
            let conventions = Conventions { ties, duplicates, ..Conventions::default() };
            let measures =
                all().into_iter().filter(|measure| ties != Ties::Grouped || measure.name() != "map@3");
            let plan = Plan::new(measures.collect(), conventions).expect("defined");
            if let Ok(values) = evaluate(&qrels, &run, &pairs, &plan, &Progress::default()) {
                let wide = plan.measures.len();
                for (i, value) in values.iter().enumerate() {
                    let most = if i % wide == wide - 1 { f64::INFINITY } else { 1.0 + 1e-9 };
                    let name = plan.measures[i % wide].name();
                    assert!((0.0..=most).contains(value), "{name} is {value} with {ties:?}, {duplicates:?}");
                }
            }
        }
    }
    let plan = Plan::new(all().to_vec(), Conventions::default()).expect("defined");
    let twice = pairs.iter().any(|pair| {
        let query = &listed[groups.first[pair.0.expect("a group")]].0;
        let list: Vec<_> = listed.iter().filter(|line| line.0 == *query).map(|line| &line.1).collect();
        list.iter().collect::<HashSet<_>>().len() < list.len()
    });
    let values = match evaluate(&qrels, &run, &pairs, &plan, &Progress::default()) {
        Ok(values) => values,
        Err((_, error)) => {
            assert!(twice, "{error}");
            return;
        }
    };
    assert!(!twice);
    for (&(group, query), values) in pairs.iter().zip(values.chunks(MEASURES.len())) {
        let name = &listed[groups.first[group.expect("a group")]].0;
        let mut list: Vec<(f64, &str)> =
            listed.iter().filter(|line| line.0 == *name).map(|line| (line.2, &*line.1)).collect();
        list.sort_by(|a, b| b.0.partial_cmp(&a.0).expect("no NaN").then(b.1.cmp(a.1)));
        let grades: BTreeMap<&str, i64> =
            by_query.values().nth(query).expect("a query").iter().copied().collect();
        let relevant = grades.values().filter(|&&grade| grade >= 1).count();
        let (mut found, mut sum, mut first) = (0, 0.0, 0.0);
        for (rank, (_, document)) in list.iter().enumerate() {
            if grades.get(document).is_some_and(|&grade| grade >= 1) {
                found += 1;
                sum += f64::from(found) / (rank + 1) as f64;
                first = f64::max(first, 1.0 / (rank + 1) as f64);
            }
        }
        let map = if relevant == 0 { 0.0 } else { sum / relevant as f64 };
        assert_eq!((values[0], values[4], values[11]), (map, first, list.len() as f64));
    }
}
