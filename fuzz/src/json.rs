//! COCO JSON: all ways of reading a file agree, and what they read is what a plain parser finds in it.

use std::path::Path;

use meanap::columns::{Areas, CompactDoubles, Geometry, GeometryKind, MaskShape, Masks, Objects};
use meanap::json::{BlockPlan, Dataset, FileKind, Role, Source};
use meanap::{Error, ErrorKind, Result};
use serde::de::Deserialize;
use serde_json::Value;

use crate::hash;

/// Reads an input in several ways and compares.
pub fn check(text: &[u8], kind: FileKind) {
    let whole = read(text, kind, BlockPlan { block: 1 << 40, window: 1 << 20, workers: 1 });
    let expected = describe(&whole);
    let number = hash(text);
    let (block, window) = (1 + number % 257, 2 + (number >> 16) as usize % 200);
    for workers in [1, 3] {
        let other = read(text, kind, BlockPlan { block, window, workers });
        assert_eq!(describe(&other), expected, "block {block}, window {window}, workers {workers}");
    }
    match (whole.as_ref().map_err(Error::kind), plain(text)) {
        (Ok(dataset), Plain::Value(value)) if dataset.fallback.is_none() => compare(dataset, &value),
        (Ok(_), Plain::Invalid(why)) => panic!("read what is not JSON: {why}"),
        (Err(ErrorKind::NotJson(_) | ErrorKind::NotText), Plain::Value(_)) => {
            panic!("refused JSON: {expected}")
        }
        (Err(ErrorKind::WrongFile), Plain::Value(value)) => match kind {
            FileKind::Dataset => assert!(!value.is_object(), "refused an object"),
            FileKind::Results => assert!(!value.is_array(), "refused an array"),
        },
        _ => {}
    }
}

fn read(text: &[u8], kind: FileKind, plan: BlockPlan) -> Result<Dataset> {
    Dataset::read_with(Path::new("x.json"), Source::from(text.to_vec()), kind, plan)
}

/// What the reference parser says.
enum Plain {
    Value(Value),
    Invalid(String),
    /// Python's `json` takes it, `serde_json` does not: `NaN`, infinities, lone surrogates.
    Unknown,
}

fn plain(text: &[u8]) -> Plain {
    let mut parser = serde_json::Deserializer::from_slice(text);
    parser.disable_recursion_limit();
    let parsed = Value::deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    let has = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    match parsed {
        Ok(value) => Plain::Value(value),
        Err(error) => {
            let beyond = [&b"NaN"[..], b"Infinity", b"\\ud", b"\\uD"].into_iter().any(has);
            let large = error.to_string().contains("out of range");
            if beyond || large { Plain::Unknown } else { Plain::Invalid(error.to_string()) }
        }
    }
}

/// All that was read, or why it was not.
fn describe(outcome: &Result<Dataset>) -> String {
    let dataset = match outcome {
        Ok(dataset) => dataset,
        Err(error) => return error.to_string(),
    };
    let Dataset { fallback, first_fields, images, categories, annotations, shared, .. } = dataset;
    let mut text = format!(
        "{fallback:?} {first_fields:?} {:?} {:?} {:?} {} {} {:?} {:?} {:?} {:?} {:?} {} {:?} {:?} {:?} ",
        images.ids,
        images.sizes,
        categories.ids,
        annotations.count,
        annotations.integer_scores,
        (&annotations.image.ids, &annotations.image.first),
        (&annotations.category.ids, &annotations.category.first),
        annotations.unlabelled,
        annotations.segmentation,
        annotations.keypoints,
        annotations.seen,
        (&shared.image, &shared.category),
        (&shared.crowd, shared.bbox.as_ref().map(|boxes| boxes.iter().collect::<Vec<_>>())),
        [&shared.id, &shared.area, &shared.score].map(|column| column.as_ref().map(|reals| bits(reals))),
    );
    let sized = sized();
    for kind in
        [GeometryKind::Boxes, GeometryKind::Masks, GeometryKind::Keypoints, GeometryKind::RotatedBoxes]
    {
        for role in [Role::GroundTruth, Role::Detections] {
            let images = if dataset.kind == FileKind::Results { &sized } else { dataset };
            match dataset.objects(kind, role, images) {
                Ok(Some(objects)) => describe_objects(&objects, &mut text),
                Ok(None) => text.push_str(" none"),
                Err(failure) => text += &failure.to_string(),
            }
        }
    }
    text
}

fn bits(reals: &CompactDoubles) -> Vec<u64> {
    reals.iter().map(f64::to_bits).collect()
}

fn describe_objects(objects: &Objects, text: &mut String) {
    let area: Vec<u64> = match &objects.area {
        Areas::Given(areas) => bits(areas),
        Areas::OfBoxes(boxes) => boxes.iter().map(|[_, _, w, h]| (w * h).to_bits()).collect(),
    };
    let ids: Vec<f64> = (0..objects.len()).map(|index| objects.id.get(index)).collect();
    *text += &format!("{ids:?} {area:?} {:?} {:?}", bits(&objects.score), objects.ignore);
    match &objects.geometry {
        Geometry::Boxes(boxes) => *text += &format!("{:?}", boxes.iter().collect::<Vec<_>>()),
        Geometry::Masks(masks) => (0..masks.len())
            .for_each(|index| *text += &format!("{:?}{:?}", masks.size[index], mask(masks, index))),
        Geometry::Keypoints(poses) => {
            *text += &format!("{} {:?} {:?}", poses.per_object, bits(&poses.points), poses.labelled);
        }
        Geometry::RotatedBoxes(boxes) => *text += &format!("{boxes:?}"),
    }
}

/// A mask as it was given, wherever it lies.
#[derive(Debug, PartialEq)]
enum Given<'a> {
    Rings(Vec<&'a [f64]>),
    Text(&'a [u8]),
    Counts(&'a [u32]),
}

fn mask(masks: &Masks, index: usize) -> Given<'_> {
    match masks.shape[index] {
        MaskShape::Polygons { first, count } => {
            Given::Rings((first..first + count).map(|ring| masks.ring(ring)).collect())
        }
        MaskShape::Compressed { piece, start, len } => Given::Text(masks.text(piece, start, len)),
        MaskShape::Counts { start, len } => {
            Given::Counts(&masks.counts[start as usize..start as usize + len as usize])
        }
    }
}

/// Images with sizes, for results.
fn sized() -> Dataset {
    let images: Vec<String> =
        (0..8).map(|id| format!(r#"{{"id":{id},"height":{},"width":{}}}"#, 4 + id, 9 - id)).collect();
    let text = format!(r#"{{"images":[{}]}}"#, images.join(","));
    Dataset::read_open(Path::new("images.json"), Source::from(text.into_bytes()), FileKind::Dataset)
        .expect("this is a data set")
}

/// Columns against what a plain parser found.
fn compare(dataset: &Dataset, value: &Value) {
    let none = Vec::new();
    let array = |name: &str| value.get(name).map_or(&none, |array| array.as_array().expect("an array"));
    let records = match dataset.kind {
        FileKind::Results => value.as_array().expect("an array"),
        FileKind::Dataset => {
            listed(&dataset.images.ids, array("images"));
            listed(&dataset.categories.ids, array("categories"));
            for (size, image) in dataset.images.sizes.iter().zip(array("images")) {
                let side = |name: &str| image.get(name).and_then(integer).and_then(|n| u32::try_from(n).ok());
                assert_eq!(*size, side("height").zip(side("width")).map(|(h, w)| [h, w]));
            }
            array("annotations")
        }
    };
    let (annotations, shared) = (&dataset.annotations, &dataset.shared);
    assert_eq!(dataset.len(), records.len());
    if records.is_empty() {
        return;
    }
    let field = |name: &'static str| records.iter().map(move |record| record.get(name));
    for (name, codes, ids) in [
        ("image_id", &shared.image, &annotations.image.ids),
        ("category_id", &shared.category, &annotations.category.ids),
    ] {
        let codes = codes.as_ref().expect("every record needs it");
        for (&code, value) in codes.iter().zip(field(name)) {
            assert_eq!(Some(ids[code as usize]), value.and_then(integer), "{name}");
        }
    }
    let results = dataset.kind == FileKind::Results;
    for (name, column) in [("id", &shared.id), ("area", &shared.area), ("score", &shared.score)] {
        // `loadRes` writes ids and areas of results; a data set has no scores for an evaluation to read.
        if results != (name == "score") && column.is_none() {
            continue;
        }
        match column {
            Some(column) => {
                field(name).enumerate().for_each(|(i, value)| same(name, column.get(i), value));
            }
            None => assert!(field(name).any(|value| value.is_none()), "\"{name}\" is lost"),
        }
    }
    match &shared.bbox {
        Some(boxes) => {
            for (sides, value) in boxes.iter().zip(field("bbox")) {
                let given = value.and_then(Value::as_array).expect("a box");
                assert_eq!(given.len(), 4);
                sides.iter().zip(given).for_each(|(&side, value)| same("bbox", side, Some(value)));
            }
        }
        None => assert!(
            field("bbox")
                .any(|value| value.is_none_or(|value| value.as_array().is_none_or(|b| b.len() != 4))),
            "boxes are lost"
        ),
    }
    if let Some(boxes) = &shared.rotated {
        for (index, (obb, bbox)) in field("obb").zip(field("bbox")).enumerate() {
            let (numbers, given) =
                (boxes.get(index), obb.or(bbox).and_then(Value::as_array).expect("a rotated box"));
            assert_eq!(numbers.numbers().len(), given.len());
            numbers.numbers().iter().zip(given).for_each(|(&side, value)| same("bbox", side, Some(value)));
        }
    }
    if let Some(crowd) = &shared.crowd {
        for (&crowd, value) in crowd.iter().zip(field("iscrowd")) {
            let given = match value {
                Some(Value::Bool(flag)) => *flag,
                Some(number) => integer(number).expect("0 or 1") == 1,
                None => panic!("a crowd out of nothing"),
            };
            assert_eq!(crowd, given);
        }
    }
    let sized = sized();
    let (role, images) = if results { (Role::Detections, &sized) } else { (Role::GroundTruth, dataset) };
    if let Ok(Some(objects)) = dataset.objects(GeometryKind::Masks, role, images)
        && let Geometry::Masks(masks) = &objects.geometry
        && field("segmentation").all(|value| value.is_some())
    {
        field("segmentation").flatten().enumerate().for_each(|(i, value)| same_mask(masks, i, value));
    }
    if let Ok(Some(objects)) = dataset.objects(GeometryKind::Keypoints, role, images)
        && let Geometry::Keypoints(poses) = &objects.geometry
    {
        let mut pose = Vec::new();
        for (index, value) in field("keypoints").enumerate() {
            let numbers = value.and_then(Value::as_array).expect("keypoints");
            assert_eq!(numbers.len(), 3 * poses.per_object);
            pose.clear();
            poses.read(index, &mut pose);
            for (point, given) in pose.chunks(2).zip(numbers.chunks(3)) {
                same("keypoints", point[0], Some(&given[0]));
                same("keypoints", point[1], Some(&given[1]));
            }
            if role == Role::GroundTruth {
                let labelled = numbers.chunks(3).map(|given| given[2].as_f64().expect("a number") > 0.0);
                assert!(labelled.eq(poses.labels(index).iter().copied()));
            }
        }
    }
}

fn listed(ids: &[i64], records: &[Value]) {
    assert_eq!(ids.len(), records.len());
    for (&id, record) in ids.iter().zip(records) {
        assert_eq!(Some(id), record.get("id").and_then(integer));
    }
}

/// An integer as Python's `json` makes one: no point and no exponent. `-0` is one, though serde calls it a double.
fn integer(value: &Value) -> Option<i64> {
    let Value::Number(number) = value else { return None };
    match number.as_i64() {
        Some(integer) => Some(integer),
        None => number.as_f64().filter(|&double| double == 0.0 && double.is_sign_negative()).map(|_| 0),
    }
}

/// That a column holds the number that was written.
fn same(name: &str, read: f64, value: Option<&Value>) {
    let Some(Value::Number(number)) = value else { panic!("{name}: {read} out of {value:?}") };
    let given = number.as_f64().expect("a double");
    // The integer -0 is 0.
    let equal = read.to_bits() == given.to_bits() || (read == 0.0 && given == 0.0);
    assert!(equal, "{name}: {read:?} is not {given:?}");
}

fn same_mask(masks: &Masks, index: usize, value: &Value) {
    match (mask(masks, index), value) {
        (Given::Rings(rings), Value::Array(given)) => {
            assert_eq!(rings.len(), given.len());
            for (ring, given) in rings.iter().zip(given) {
                let given = given.as_array().expect("a ring");
                assert_eq!(ring.len(), given.len() / 2 * 2);
                ring.iter().zip(given).for_each(|(&place, value)| same("segmentation", place, Some(value)));
            }
        }
        (Given::Text(text), Value::Object(object)) => {
            assert_eq!(object["counts"].as_str().map(str::as_bytes), Some(text));
        }
        (Given::Counts(counts), Value::Object(object)) => {
            let given = object["counts"].as_array().expect("counts");
            assert!(counts.iter().map(|&count| Some(i64::from(count))).eq(given.iter().map(integer)));
        }
        (read, given) => panic!("{read:?} out of {given}"),
    }
}
