//! The bytes of a match log: they are rejected, or all methods of the log work.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use meanap::curve::{CurveShape, Selection, accumulate};
use meanap::matching::{MatchLog, MatchTable};
use meanap::progress::Progress;

fuzz_target!(|data: &[u8]| {
    let Ok(log) = MatchLog::from_bytes(data) else { return };
    let bytes = log.to_bytes().expect("there is memory");
    let again = MatchLog::from_bytes(&bytes).expect("what is written is read");
    assert_eq!(again.to_bytes().expect("there is memory"), bytes);
    let (table, legend) = log.table(&Progress::default()).expect("memory for so few");
    assert_eq!(legend.images.len(), log.images());
    let columns = log.columns().expect("there is memory");
    // Ranks that do not rise in their cell leave the order of equal scores undefined; the curves assert that they do.
    let mut last = BTreeMap::new();
    let cells = columns.image.iter().zip(&columns.category).zip(&columns.rank);
    let rising = cells.fold(true, |rising, ((&image, &category), &rank)| {
        let category = if log.by_category() { category } else { 0 };
        rising & last.insert((image, category), rank).is_none_or(|before| before < rank)
    });
    if rising {
        draw(&table);
    }
    if let Ok(restored) = MatchLog::from_columns(log.bits(), log.by_category(), columns.clone()) {
        let restored = restored.columns().expect("there is memory");
        assert_eq!((restored.image, restored.outcomes), (columns.image, columns.outcomes));
    }
    let mut merged = log.clone();
    if merged.merge(&again).is_ok() {
        if rising {
            draw(&merged.table(&Progress::default()).expect("memory for so few").0);
        }
        MatchLog::from_bytes(&merged.to_bytes().expect("there is memory")).expect("what is written is read");
    }
});

/// Curves of all that is there, if that is not too much.
fn draw(table: &MatchTable) {
    let bits = table.bits;
    if bits.thresholds > 200 || table.groups() > 1000 {
        return;
    }
    let selection = Selection {
        groups: (0..table.groups()).collect(),
        areas: (0..bits.areas).collect(),
        max_detections: vec![1, 100],
        images: None,
        recall_points: vec![0.0, 0.5, 1.0],
    };
    let shape = CurveShape { categories: table.groups(), areas: bits.areas, limits: 2 };
    // Bytes may hold more true positives than ground truths, so a recall may be anything.
    let drawn = accumulate(table, &selection, shape, &Progress::default()).expect("curves of so few groups fit in memory");
    assert!(drawn.precision.iter().all(|value| *value == -1.0 || (0.0..=1.0).contains(value)));
}
