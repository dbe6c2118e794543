use super::super::ids::{Ids, Texts};
use super::text::MARK;
use super::*;

fn names() -> Names {
    let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Names { query: list(&["query_id"]), document: list(&["corpus_id"]), value: list(&["relevance", "score"]) }
}

fn qrels(text: &[u8]) -> Result<TrecTable<i64>> {
    read_qrels("q", text, &names(), &Progress::default())
}

fn run(text: &[u8]) -> Result<TrecTable<f64>> {
    read_run("r", text, &names(), &Progress::default())
}

fn rows(table: &TrecTable<i64>) -> Vec<(String, String, i64, usize)> {
    let text = |texts: &Texts, row| String::from_utf8(texts.id(row).0.to_vec()).unwrap();
    (0..table.values.len())
        .map(|row| {
            let (query, document) = (text(&table.queries, row), text(&table.documents, row));
            (query, document, table.values[row], table.lines.of(row))
        })
        .collect()
}

#[test]
fn a_file() {
    let text = b"# comment\nq1 0 d1 1\r\n\nq1\t0\td2   -1\n \t\nq2 0 d1 2";
    let table = qrels(text).unwrap();
    assert_eq!(table.values, [1, -1, 2]);
    assert_eq!(table.queries.id(2).0, b"q2");
    assert_eq!(table.documents.id(1).0, b"d2");
    assert_eq!([0, 1, 2].map(|row| table.lines.of(row)), [2, 4, 6]);
    assert_eq!(run(b"q1 Q0 d1 1 1.5e-3 tag\n").unwrap().values, [1.5e-3]);
    assert!(run(b"").unwrap().values.is_empty());
}

#[test]
fn lines_of_a_file_in_several_parts() {
    let mut text = b"\n\n".to_vec();
    for _ in 0..150_000 {
        text.extend_from_slice(b"q1 0 d 1\n#\n");
    }
    let table = qrels(&text).unwrap();
    assert!((0..150_000).all(|row| table.lines.of(row) == 3 + 2 * row));
}

#[test]
fn the_line_is_named_in_a_long_file() {
    let mut text = b"q1 0 d 1\n".repeat(300_000);
    text.extend_from_slice(b"q1 0 d\n");
    let error = read_qrels("judged.txt", &text, &names(), &Progress::default()).err().unwrap();
    let expected = "judged.txt: line 300001 has 3 fields, expected 4 (query iteration document grade)";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn the_same_text_in_every_encoding() {
    let text = "q 0 caf\u{e9} 1\nq 0 d\u{1F600} 2\n";
    let expected = rows(&qrels(text.as_bytes()).unwrap());
    let marked: Vec<u8> = [MARK, text.as_bytes()].concat();
    let little: Vec<u8> =
        "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> =
        "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    for encoded in [marked, little, big] {
        let table = qrels(&encoded).unwrap();
        assert_eq!(rows(&table), expected);
        assert_eq!(table.latin1, None);
    }
    let joined: Vec<u8> = [MARK, b"a 0 d 1\r\n", MARK, b"b 0 d 1\r\n"].concat();
    assert_eq!(qrels(&joined).unwrap().queries.id(1).0, b"b");
    assert_eq!(qrels(b"a 0 d 1\rb 0 d 2\r").unwrap().values, [1, 2]);
}

#[test]
fn what_is_not_utf_8_is_latin_1() {
    let table = qrels(b"q 0 d 1\nq 0 caf\xe9 1\nq 0 \xc3\xa9 1\n").unwrap();
    assert_eq!(table.latin1, Some(Latin1 { line: 2, byte: 0xe9 }));
    assert_eq!(table.documents.id(1).0, "caf\u{e9}".as_bytes());
    assert_eq!(table.documents.id(2).0, "\u{e9}".as_bytes());
}

#[test]
fn a_header_names_the_columns() {
    let expected = [("q1", "d 1", 2, 2), ("q2", "d2", 0, 3)];
    let expected = expected.map(|(q, d, g, line)| (q.to_owned(), d.to_owned(), g, line));
    for text in [
        "query-id\tcorpus-id\tscore\nq1\td 1\t2\nq2\td2\t0\n",
        "Query_ID,score,corpus id\r\nq1,2.0,d 1\r\nq2,0,d2\r\n",
        "score;x;query-id;corpus-id\n2;;q1;\"d 1\"\n0;;q2;d2",
        "\u{FEFF}\"query-id\",\"corpus-id\",\"other\",\"score\"\n\"q1\",\"d 1\",\"a,\"\"b\",2\nq2,d2,,0",
    ] {
        assert_eq!(rows(&qrels(text.as_bytes()).unwrap()), expected, "{text}");
    }
    let both = qrels(b"query-id\tcorpus-id\tscore\trelevance\nq\td\t9\t1\n").unwrap();
    assert_eq!(both.values, [1], "the first of the names goes first");
    let error = qrels(b"query-id\tcorpus-id\tscore\nq\td\n").err().unwrap();
    assert_eq!(error.to_string(), "q: line 2 has 2 fields, expected 3 as the header has");
}

#[test]
fn what_cannot_be_read() {
    for (line, part) in [
        ("q Q0 d 1 high tag", "r: line 1: \"score\" is \"high\", expected a number"),
        ("q Q0 d 1 nan tag", "r: line 1: \"score\" is NaN, expected a number"),
        ("q Q0 d 1 1", "has 5 fields, expected 6"),
        ("q Q0 d\0 1 1 t", "line 1: expected UTF-8 text, or UTF-16 with a byte order mark, found a NUL byte"),
    ] {
        let error = run(line.as_bytes()).err().unwrap();
        assert!(error.to_string().contains(part), "{error}");
    }
    for (text, part) in [
        (&b"q 0 d 1.5"[..], "\"grade\" is 1.5, expected a whole number"),
        (b"q 0 d 1 2", "has 5 fields, expected 4"),
        (b"q\x00 \x000\x00", "NUL byte"),
        (b"\xff\xfeq", "odd number of bytes"),
        (b"\xff\xfe\x00\xd8", "not valid UTF-16"),
        (b"\xff\xfe\0\0q\0\0\0", "UTF-32"),
    ] {
        let error = qrels(text).err().unwrap();
        assert!(error.to_string().contains(part), "{error}");
    }
    // trec_eval does not read what follows the tag.
    assert_eq!(run(b"q Q0 d 1 2 tag a note").unwrap().values, [2.0]);
}

#[test]
fn a_line_of_any_length_is_an_error_and_no_copy() {
    let mut text = b"q 0 d ".to_vec();
    text.resize(1 << 20, b'x');
    assert!(qrels(&text).err().unwrap().to_string().len() < 200);
    let progress = Progress::new();
    progress.cancel();
    let stopped = read_qrels("q", b"q 0 d 1", &names(), &progress).err().unwrap();
    assert_eq!(stopped.kind(), crate::error::ErrorKind::Cancelled);
}
