//! Writes the seed corpora: small good inputs of every form, from which a fuzzer finds its way faster.
//!
//! `cargo run --example seeds` in this folder fills `corpus/`.

use std::path::Path;

use meanap::columns::Key;
use meanap::matching::{Cells, ErrorType, ImageKeys, MatchLog, MatchTable, OutcomeLayout, Pair, Row, Truth};
use meanap::rle::codec;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, inputs) in [
        ("json_dataset", datasets()),
        ("json_results", results()),
        ("rle", masks()),
        ("png_rows", images()),
        ("trec", rankings()),
        ("match_log", logs()),
        ("arrow", streams()),
        ("labels", labels()),
    ] {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        for (number, input) in inputs.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), input)?;
        }
    }
    Ok(())
}

fn labels() -> Vec<Vec<u8>> {
    let mut seeds = texts(&[
        "0 0.5 0.5 0.25 0.1\n1 .1 .2 .3 .4 .9\r\n",
        "3 0.1 0.2 0.3 0.2 0.2 0.6\n3 .1 .2 .3 .2 .2 .6 .1 .3\n",
        "0 .5 .5 1 1 .1 .2 2 0 0 0\n0 .5 .5 1 1 .1 .2 .3 .4 .5 .6 .7\n",
        "\u{feff}word 1 2\n\nother 1e5\nnan nan nan\n",
    ]);
    let tag = |tag: u8, value: u8| [tag, 1, 3, 0, 1, 0, 0, 0, value, 0, 0, 0];
    let tiff = [b"II*\0\x08\0\0\0\x03\0".as_slice(), &tag(0, 7), &tag(1, 5), &tag(18, 6)].concat();
    seeds.extend([
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &[0, 0, 0, 7, 0, 0, 0, 5]].concat(),
        b"GIF89a\x07\0\x05\0".to_vec(),
        [b"BM".as_slice(), &[0; 12], &[40, 0, 0, 0, 7, 0, 0, 0, 5, 0, 0, 0]].concat(),
        [b"RIFF\0\0\0\0WEBPVP8X".as_slice(), &[0; 8], &[6, 0, 0, 4, 0, 0]].concat(),
        [b"\xff\xd8\xff\xe1\0\x38Exif\0\0".as_slice(), &tiff, b"\0\0\xff\xc0\0\x11\x08\0\x05\0\x07"].concat(),
        tiff,
    ]);
    seeds
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

const SEGMENTATIONS: [&str; 4] = [
    "[[1, 2, 3.5, 4, 5e0, 6, 7, 8.25]]",
    "[[1,1,4,1,4,4],[0,0,2,2,3,1,9]]",
    r#"{"size": [4, 5], "counts": "52207"}"#,
    r#"{"counts": [5, 2, 2, 2, 9], "size": [4, 5]}"#,
];

fn datasets() -> Vec<Vec<u8>> {
    let of = |more: &str| {
        let annotation = |id: usize| {
            format!(
                r#"{{"id": {id}, "image_id": {}, "category_id": 1, "area": 2.5, "iscrowd": {}{more}}}"#,
                id % 3,
                id % 2
            )
        };
        let annotations: Vec<String> = (1..7).map(annotation).collect();
        format!(
            r#"{{"info": {{"a": [1, {{"é": null}}]}}, "images": [{{"id": 0, "height": 4, "width": 5, "file_name": "a}}, {{"}},
            {{"id": 1, "height": 40, "width": 50}}, {{"width": 7.5, "id":2}}], "annotations": [{}],
            "categories": [{{"id": 1, "name": "x\u00e9"}}, {{"id": 2, "keypoints": ["nose"]}}], "licenses": []}}"#,
            annotations.join(", ")
        )
        .into_bytes()
    };
    let mut all = vec![of(""), of(r#", "bbox": [1, 2.25, 3e1, -0.5]"#)];
    all.push(of(r#", "bbox": [1,2,3,4], "keypoints": [1, 2, 2, 3.5, 4, 0], "num_keypoints": 1"#));
    all.extend(
        SEGMENTATIONS.iter().map(|mask| of(&format!(r#", "bbox": [0,0,1,1], "segmentation": {mask}"#))),
    );
    all.extend(texts(&[
        "{}",
        r#"{"images": [], "annotations": [], "categories": []}"#,
        "[1]",
        "null",
        "{\"annotations\":[{}]}",
    ]));
    all
}

fn results() -> Vec<Vec<u8>> {
    let of = |more: &str| {
        let result = |id: usize| {
            format!(r#"{{"image_id": {}, "category_id": {}, "score": 0.{id}{more}}}"#, id % 4, id % 3)
        };
        format!("[{}]", (1..9).map(result).collect::<Vec<_>>().join(",\n ")).into_bytes()
    };
    let mut all =
        vec![of(r#", "bbox": [1.5, 2, 30.25, 4e-1]"#), of(r#", "keypoints": [1, 2, 2, 3.5, 4, 0]"#)];
    all.push(of(
        r#", "note": "}, {", "parts": [{"image_id": 7}, {"image_id": 8, "score": 2}], "bbox": [1,2,3,4]"#,
    ));
    all.push(of(r#", "caption": "a \"dog\" \ud83d\ude00""#));
    all.extend(SEGMENTATIONS.iter().map(|mask| of(&format!(r#", "segmentation": {mask}"#))));
    all.extend(texts(&[
        "[]",
        "{}",
        " [ ] ",
        "[{}]",
        "[null]",
        "[{\"image_id\":1e2,\"category_id\":-0,\"bbox\":[]}]",
    ]));
    all
}

fn masks() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for counts in [&[5u32, 2, 2, 2, 9][..], &[0, 40], &[], &[3, 4, 100, 70_000, 5, 1, 1], &[u32::MAX, 0, 7]] {
        let mut text = vec![0, 4, 5];
        codec::write(counts, &mut text).expect("memory");
        all.push(text);
    }
    all.push([&[1, 30, 40][..], &[30, 30, 90, 30, 90, 90, 30, 90]].concat());
    all.push([&[1, 59, 59][..], &(0..50u8).map(|i| i.wrapping_mul(37)).collect::<Vec<u8>>()].concat());
    all.push([&[2, 9, 9][..], &[10, 3, 7, 5, 20, 60, 9, 9, 9, 30, 2, 2, 5, 60]].concat());
    all.push([&[3, 4, 5][..], &[5, 2, 2, 2, 9]].concat());
    all
}

fn images() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for kind in 0..7u8 {
        for stored in [0, 1] {
            for odd in [0, 1, 2, 3, 4, 5, 6, 7] {
                let start = [1, kind, 0, 9, 40, 0, odd, stored, 2];
                let rows = (0..150u8).map(|i| i.wrapping_mul(29) ^ kind);
                let made: Vec<u8> = start.into_iter().chain(rows).collect();
                if odd == 0 {
                    all.push([&[0][..], &meanap_fuzz::png::made(&made[1..])].concat());
                }
                all.push(made);
            }
        }
    }
    // A row that is wider than what inflating looks back at.
    all.push([1, 2, 0, 20, 80, 255, 200, 0, 0, 3, 7, 1, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8].to_vec());
    all
}

fn rankings() -> Vec<Vec<u8>> {
    texts(&[
        "# comment\nq1 0 d1 1\r\n\nq1\t0\td2   -1\nq2 0 d1 2\n\n====\nq1 Q0 d1 1 1.5e-3 tag\nq1 Q0 d3 2 1 tag\nq2 Q0 d1 1 0 t",
        "q 0 a 1\nq 0 b 0\nq 0 c 3\n\n====\nq Q0 a 1 0.5 t\nq Q0 b 1 0.5 t\nq Q0 c 1 0.5 t\nq Q0 d 1 inf t\n",
        "q 0 a 1\n\n====\nq Q0 a 1 0.5 t\nq Q0 a 1 0.7 t\n",
        "q 0 a\n\n====\nq Q0 a 1 nan t\n",
        "q 0 a 9223372036854775807\nq 0 a +1\n\n====\nq 0 b -0 t 1",
    ])
}

fn logs() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (areas, thresholds) in [(1, 1), (2, 3), (4, 10), (1, 70), (0, 0), (31, 0)] {
        let bits = OutcomeLayout { areas, thresholds, samples: false };
        let mut matched = Row::unmatched(0.9, 0, 0, 0, 0);
        let entry = bits.entry();
        if entry > 0 {
            matched.set_matched(0);
        }
        let rows = vec![matched, Row::unmatched(0.5, 0, 1, 1, 1), Row::unmatched(0.4, 1, 2, 0, 0)];
        let truths = vec![
            Truth { image: 0, object: 0, areas: bits.all_areas() },
            Truth { image: 1, object: 1, areas: 1 },
        ];
        let plain = MatchTable::new(
            bits,
            Cells { items: rows, groups: vec![0, 3] },
            Cells { items: truths, groups: vec![0, 2] },
            vec![0b1010; entry],
        );
        let pair = |error, partner| Pair { error, partner, similarity: 0.5 };
        let pairs = vec![
            pair(ErrorType::TruePositive, Some(0)),
            pair(ErrorType::Background, None),
            pair(ErrorType::Localisation, Some(1)),
        ];
        let with_pairs = MatchTable { pairs: Some(pairs), ..plain.clone() };
        for table in [&plain, &with_pairs] {
            for (images, by_category) in [
                (ImageKeys::Given(vec![Key::Number(7), Key::Text("b".into())]), true),
                (ImageKeys::Counted(2), false),
            ] {
                let mut log = MatchLog::new(bits, by_category, table.pairs.is_some());
                all.push(log.to_bytes().expect("there is memory"));
                log.append(table, images, &[Key::Number(3)]).expect("a batch");
                log.label(&[Key::Number(3), Key::Text("é".into())]).expect("memory");
                all.push(log.to_bytes().expect("there is memory"));
            }
        }
    }
    all
}

fn streams() -> Vec<Vec<u8>> {
    // A table of one column of each format, one batch of it, and whatever follows.
    (0..36u8)
        .flat_map(|format| {
            [1u8, 2].map(|batches| {
                let start = [0, 0, format, 0, 0, 0, 0, 1, 1, 1, 1, batches];
                start.into_iter().chain((0..200u8).map(|i| i.wrapping_mul(7) % 120)).collect()
            })
        })
        .collect()
}
