//! What is read does not depend on how reading is shared out.

use super::*;
use crate::error::ErrorKind;
use crate::progress::Progress;
use crate::test_files::temporary;

fn read(text: &str, kind: FileKind, plan: BlockPlan) -> Result<Dataset> {
    Dataset::read_with(Path::new("x.json"), Source::from(text.as_bytes().to_vec()), kind, plan)
}

fn whole(text: &str, kind: FileKind) -> Result<Dataset> {
    read(text, kind, BlockPlan { block: 1 << 40, window: 1 << 20, workers: 1 })
}

/// All that was read, and how reading failed.
fn story(outcome: &Result<Dataset>) -> String {
    match outcome {
        Ok(dataset) => {
            let Dataset { fallback, first_fields, images, categories, annotations, shared, .. } = dataset;
            let (image, category) = (&annotations.image, &annotations.category);
            format!(
                "{fallback:?} {first_fields:?} {:?} {:?} {:?} {} {} {:?} {:?} {:?} {:?} {:?} {:?} {shared:?}",
                images.ids,
                images.sizes,
                categories.ids,
                annotations.count,
                annotations.integer_scores,
                (&image.ids, &image.first),
                (&category.ids, &category.first),
                annotations.unlabelled,
                annotations.segmentation,
                annotations.keypoints,
                annotations.seen,
            )
        }
        Err(error) => error.to_string(),
    }
}

fn results(count: usize) -> String {
    let record = |i: usize| {
        // Strings and nested arrays that look like the border of two records.
        let extra = match i % 7 {
            0 => r#", "note": "x}, {\"image_id\": 1, ""#,
            1 => r#", "note": "}, {", "parts": [{"image_id": 7}, {"image_id": 8, "score": 2}]"#,
            2 => r#", "segmentation": {"size": [1, 2], "counts": "ab\\"}"#,
            3 => ", \"keypoints\": [1, 2, 2] ",
            _ => "",
        };
        let space = ["", " ", "\n  ", "\t \r\n"][i % 4];
        format!(
            r#"{{"image_id": {}, "category_id": {}, "bbox": [{}.5, {i}, 3.25, 1e1], "score": 0.{i}{extra}}}{space}"#,
            i / 3 * 17 % 11,
            i * i % 5,
            i * 31 % 640,
        )
    };
    let records: Vec<String> = (0..count).map(record).collect();
    format!(" [{} ] \n", records.join(", "))
}

fn dataset(count: usize) -> String {
    let images: Vec<String> = (0..count)
        .map(|i| format!(r#"{{"id": {}, "height": {i}, "width": 1{i}, "file_name": "é}}, {{"}}"#, i * 7))
        .collect();
    let annotations: Vec<String> = (0..count)
        .map(|i| {
            format!(
                r#"{{"id":{i}, "image_id": {}, "category_id": 1, "area": {i}.0, "iscrowd": {}, "bbox": [1,2,3,{i}],
                "segmentation": [[{i}, 2, 3.5, 4, 5, 6]], "num_keypoints": {}}}"#,
                i * 7,
                i % 2,
                i % 3
            )
        })
        .collect();
    format!(
        r#"{{"info": {{"a": [1, {{}}]}}, "images": [{}], "annotations":[{}] , "licenses": [1, "x"], "categories": [{{"id": 1}}]}}"#,
        images.join(","),
        annotations.join(",\n")
    )
}

const PLANS: [(u64, usize, usize); 8] = [
    (64, 16, 1),
    (64, 16, 4),
    (1, 8, 3),
    (100, 1000, 2),
    (333, 64, 5),
    (1000, 50, 4),
    (5000, 4000, 2),
    (17, 2, 2),
];

fn same_for_all_plans(text: &str, kind: FileKind) {
    let expected = story(&whole(text, kind));
    for (block, window, workers) in PLANS {
        let outcome = read(text, kind, BlockPlan { block, window, workers });
        assert_eq!(story(&outcome), expected, "block {block}, window {window}, workers {workers}");
    }
}

#[test]
fn the_window_may_end_behind_a_comma() {
    for length in 0..100 {
        let text = format!(r#"{{"info": "{}", "images": [], "categories": []}}"#, "x".repeat(length));
        let outcome = read(&text, FileKind::Dataset, BlockPlan { block: 1 << 20, window: 32, workers: 1 });
        assert_eq!(story(&outcome), story(&whole(&text, FileKind::Dataset)), "{length}");
    }
}

#[test]
fn blocks_and_workers_change_nothing() {
    for count in [0, 1, 2, 3, 50] {
        same_for_all_plans(&results(count), FileKind::Results);
        same_for_all_plans(&dataset(count), FileKind::Dataset);
    }
    let read = whole(&results(50), FileKind::Results).unwrap();
    assert_eq!((read.len(), read.fallback), (50, None));
    let read = whole(&dataset(50), FileKind::Dataset).unwrap();
    assert_eq!((read.len(), read.images.count, read.fallback), (50, 50, None));
}

/// Each block seems to begin with a record that does not end before the file does.
#[test]
fn wrong_guesses_cost_no_more_than_their_blocks() {
    let (depth, block) = (100_000, 4096);
    let text = format!("[{}1{}]", r#"{"image_id":[{"image_id":1},"#.repeat(depth), "]}".repeat(depth));
    let progress = Progress::new();
    let source = Source::from(text.clone().into_bytes()).with_progress(progress.clone());
    let plan = BlockPlan { block, window: 1024, workers: 3 };
    let outcome = Dataset::read_with(Path::new("x.json"), source, FileKind::Results, plan);
    assert!(outcome.unwrap().fallback.is_some());
    assert!(progress.done() < 40 * text.len() as u64, "{} of {}", progress.done(), text.len());
}

#[test]
fn bins_hold_all_records_and_read_as_files() {
    let unnamed = |name: &str| {
        let path = temporary(name);
        let file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let file = file.unwrap();
        std::fs::remove_file(&path).unwrap();
        file
    };
    for (text, kind) in [
        (results(200), FileKind::Results),
        (dataset(50), FileKind::Dataset),
        (results(40).replace("\"image_id\": 6", "\"image_id\": \"6\""), FileKind::Results),
        ("[]".to_owned(), FileKind::Results),
        ("{\"annotations\": []}".to_owned(), FileKind::Dataset),
    ] {
        let all = whole(&text, kind).unwrap();
        for (count, buffer_size) in [(1, 1 << 20), (5, 1), (5, 1000)] {
            let mut bins = Bins::new(unnamed("all"), count, buffer_size).unwrap();
            let source = Source::from(text.clone().into_bytes());
            let head = Dataset::partition(Path::new("x.json"), source, kind, &mut bins).unwrap();
            assert_eq!((head.len(), head.images.count), (all.len(), all.images.count));
            let parts: Vec<Dataset> =
                (0..count).map(|bin| head.read_bins(&bins, bin..bin + 1).unwrap()).collect();
            assert_eq!(parts.iter().map(Dataset::len).sum::<usize>(), all.len());
            for (table, length) in
                [(RecordList::Annotations, all.len()), (RecordList::Images, all.images.count)]
            {
                let numbers = |bin| bins.records(table, bin..bin + 1).unwrap();
                let mut records: Vec<u64> = (0..count).flat_map(numbers).collect();
                records.sort_unstable();
                assert!(records.into_iter().eq(0..length as u64));
            }
            let one = head.read_bins(&bins, 0..count).unwrap();
            assert_eq!((one.len(), &one.first_fields), (all.len(), &all.first_fields));
            if count == 1 {
                // All but where things lie.
                assert_eq!(
                    format!("{:?} {:?} {:?} {:?}", one.fallback, one.images, one.categories, one.shared),
                    format!("{:?} {:?} {:?} {:?}", all.fallback, all.images, all.categories, all.shared),
                );
            }
        }
    }
}

#[test]
fn troubles_and_faults_are_the_same_for_all_plans() {
    let text = results(30);
    for (from, to) in [
        ("\"bbox\": [620.5", "\"bbox\": [\"620.5\""),
        ("\"image_id\": 6", "\"image_id\": \"6\""),
        ("0.17", "0.17x"),
        ("0.17", "017"),
        ("\"keypoints\": [1, 2, 2] ", "\"keypoints\": [1, 2, 2}"),
        ("\"score\": 0.20", "\"image_id\": 3"),
        ("\"score\": 0.20", "\"score\": null"),
    ] {
        assert!(text.contains(from), "{from}");
        same_for_all_plans(&text.replace(from, to), FileKind::Results);
    }
}

#[test]
fn a_file_that_ends_before_a_key_is_reported_alike_by_all_plans() {
    for spaces in [0, 1, 30, 60, 200] {
        let blank = "\t".repeat(spaces);
        for text in [
            format!("[{{{blank}"),
            format!("[{{\"score\": 1}},{{{blank}"),
            format!("[{{\"score\": 1,{blank}"),
        ] {
            same_for_all_plans(&text, FileKind::Results);
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    for (text, kind) in [(results(8), FileKind::Results), (dataset(4), FileKind::Dataset)] {
        let text = text.trim_end();
        for end in 0..text.len() {
            let Some(cut) = text.get(..end) else { continue };
            let expected = whole(cut, kind);
            let Some(ErrorKind::NotJson(position)) = expected.as_ref().err().map(Error::kind) else {
                panic!("{cut:?}: {}", story(&expected))
            };
            assert!(position.character <= cut.chars().count() as u64);
            let outcome = read(cut, kind, BlockPlan { block: 50, window: 8, workers: 2 });
            assert_eq!(story(&outcome), story(&expected), "{cut:?}");
        }
    }
}

/// `cargo test --release --no-default-features throughput -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, best without company"]
fn throughput() {
    use std::time::Instant;
    let path = temporary("throughput");
    let record = |i: u64| {
        let number = |salt: u64| (i * 7919 + salt * 104_729) % 64_000;
        format!(
            r#"{{"image_id": {}, "category_id": {}, "bbox": [{}, {}, {}, {}], "score": {:?}}}"#,
            i / 86 * 116 + 139,
            i * i % 90 + 1,
            number(1) as f64 / 100.0,
            number(2) as f64 / 100.0,
            number(3) as f64 / 100.0,
            number(4) as f64 / 100.0,
            f64::from(number(5) as f32 / 64_000.0),
        )
    };
    let text = format!("[{}]", (0..430_000).map(record).collect::<Vec<_>>().join(", "));
    std::fs::write(&path, &text).unwrap();
    let megabytes = text.len() as f64 / 1e6;
    let best = |work: &dyn Fn()| {
        let seconds = |_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        };
        megabytes / (0..9).map(seconds).fold(f64::INFINITY, f64::min)
    };
    let plain = best(&|| {
        let (source, mut buffer) = (Source::open(&path).unwrap(), vec![0; 1 << 17]);
        let mut done = 0;
        while let count @ 1.. = source.read_at(done, &mut buffer).unwrap() {
            done += count as u64;
        }
    });
    println!("{megabytes:.0} MB; the bytes alone: {plain:.0} MB/s");
    for workers in [1, 2, 4, 8, 16] {
        let speed = best(&|| {
            let source = Source::open(&path).unwrap();
            let plan = BlockPlan { workers, ..BlockPlan::for_file(&source) };
            let dataset = Dataset::read_with(&path, source, FileKind::Results, plan).unwrap();
            assert_eq!((dataset.len(), dataset.fallback), (430_000, None));
        });
        println!("workers {workers}: {speed:.0} MB/s");
    }
    std::fs::remove_file(&path).unwrap();
}
