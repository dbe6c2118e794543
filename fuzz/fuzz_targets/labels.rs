//! Label files and image headers: lines are read as plain splitting and parsing read them, and no header makes a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meanap::columns::GeometryKind;
use meanap::labels::yolo::{Confidence, YoloLayout, YoloObjects};
use meanap::labels::{image, table};

fuzz_target!(|data: &[u8]| {
    if let Ok(size) = image::size_of_bytes(data) {
        assert!(size[0] > 0 && size[1] > 0);
    }
    for confidence in [None, Some(Confidence::Last), Some(Confidence::Second)] {
        for (geometry, keypoints) in [
            (GeometryKind::Boxes, None),
            (GeometryKind::Masks, None),
            (GeometryKind::Keypoints, Some([2, 3])),
            (GeometryKind::Keypoints, Some([3, 2])),
        ] {
            yolo(data, YoloLayout { geometry, confidence, keypoints });
        }
    }
    words(data);
});

/// The lines that hold something, without a byte order mark.
fn lines(data: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let lines = data.split(|&byte| byte == b'\n').enumerate();
    lines.map(|(number, line)| (number + 1, line.trim_ascii())).filter(|(_, line)| !line.is_empty())
}

fn numbers(line: &[u8]) -> Option<Vec<f64>> {
    let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words
        .map(|word| std::str::from_utf8(word).ok()?.parse::<f64>().ok().filter(|number| number.is_finite()))
        .collect()
}

fn yolo(data: &[u8], layout: YoloLayout) {
    let mut rows = YoloObjects::default();
    rows.read(0, data, [480, 640], layout, &mut Vec::new()).expect("memory");
    let count = rows.file.len();
    assert_eq!(rows.line.len(), count);
    assert_eq!(rows.class.len(), count);
    assert_eq!(rows.boxes.len(), count);
    assert_eq!(rows.score.len(), if layout.confidence.is_some() { count } else { 0 });
    assert_eq!(rows.ends.len(), if layout.geometry == GeometryKind::Boxes { 0 } else { count });
    assert_eq!(rows.ends.last().copied().unwrap_or(0) as usize, rows.points.len());
    assert_eq!(count as u64 + rows.left_out, lines(data).count() as u64);
    if layout.geometry != GeometryKind::Boxes || layout.confidence == Some(Confidence::Second) {
        return;
    }
    for (row, &line) in rows.line.iter().enumerate() {
        let (_, text) = lines(data).find(|&(number, _)| number == line as usize).expect("the line");
        let mut found = numbers(text).expect("numbers");
        if layout.confidence.is_some() {
            assert_eq!(rows.score[row], found.pop().expect("a confidence"));
        }
        assert_eq!(f64::from(rows.class[row]), found[0]);
        if let [_, x, y, width, height] = found[..] {
            let plain =
                [(x - width / 2.0) * 640.0, (y - height / 2.0) * 480.0, width * 640.0, height * 480.0];
            assert_eq!(rows.boxes[row], plain);
        }
    }
}

fn words(data: &[u8]) {
    let columns =
        [("word", true), ("a", false), ("b", false)].map(|(name, is_word)| (name.to_owned(), is_word));
    let layout = table::LineLayout { columns: columns.to_vec(), optional: 1, skipped: Vec::new() };
    let mut rows = table::LineObjects::default();
    rows.read(0, data, &layout).expect("memory");
    let plain: Vec<(usize, Vec<u8>, Vec<f64>)> = lines(data)
        .filter_map(|(number, line)| {
            let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let first = words.next()?.to_vec();
            let rest = numbers(&words.collect::<Vec<_>>().join(&b' '))?;
            (1..=2).contains(&rest.len()).then_some((number, first, rest))
        })
        .collect();
    assert_eq!(rows.line, plain.iter().map(|(number, ..)| *number as u32).collect::<Vec<_>>());
    for (row, (_, word, rest)) in plain.iter().enumerate() {
        assert_eq!(rows.texts[rows.words[row] as usize], String::from_utf8_lossy(word));
        assert_eq!(rows.numbers[2 * row..][..rest.len()], rest[..]);
    }
}
