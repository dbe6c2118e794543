//! Times what masks cost: rasterising, writing, reading, comparing, on the objects of two files.
//!
//! `meanap generate` makes the files; then
//! `cargo bench --no-default-features --bench masks -- instances.json masks.json`

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use meanap::columns::{Geometry, GeometryKind, MaskShape, Masks, Objects};
use meanap::json::{Dataset, FileKind, Role};
use meanap::rle::{Foreground, Rasterizer, codec};
use meanap::similarity::{self, Parameters};

const ROUNDS: usize = 60;

/// Nanoseconds that this thread has had a processor for, where the system reports it: others may be busy on it too.
fn processor_time(start: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let told = told.and_then(|text| text.split_whitespace().next()?.parse().ok());
    told.unwrap_or_else(|| start.elapsed().as_secs_f64() * 1e9)
}

/// Runs `work` many times and prints the mean time for each of the `count` things that it says it did.
///
/// The mean, not the best: the system counts processor time by the tick, which is longer than a round.
fn time(name: &str, unit: &str, mut work: impl FnMut() -> usize) {
    let clock = Instant::now();
    let start = processor_time(clock);
    let count: usize = (0..ROUNDS).map(|_| work()).sum();
    let mean = (processor_time(clock) - start) / count as f64;
    println!("{name:>12} {mean:10.2} ns a {unit} ({})", count / ROUNDS);
}

fn masks(objects: &Objects) -> &Masks {
    match &objects.geometry {
        Geometry::Masks(masks) => masks,
        _ => panic!("the files hold masks"),
    }
}

fn polygons(masks: &Masks) -> Vec<([u64; 2], &[f64])> {
    let rings = |(shape, size): (&MaskShape, &[u32; 2])| match *shape {
        MaskShape::Polygons { first, count } => {
            (first..first + count).map(|ring| (size.map(u64::from), masks.ring(ring))).collect()
        }
        _ => vec![],
    };
    masks.shape.iter().zip(&masks.size).flat_map(rings).collect()
}

fn texts(masks: &Masks) -> Vec<([u64; 2], &[u8])> {
    let text = |(shape, size): (&MaskShape, &[u32; 2])| match *shape {
        MaskShape::Compressed { piece, start, len } => {
            Some((size.map(u64::from), masks.text(piece, start, len)))
        }
        _ => None,
    };
    masks.shape.iter().zip(&masks.size).filter_map(text).collect()
}

fn main() {
    let files: Vec<PathBuf> =
        std::env::args().skip(1).filter(|a| !a.starts_with("--")).map(PathBuf::from).collect();
    let [truths, detections] = &files[..] else {
        println!("usage: cargo bench --no-default-features --bench masks -- instances.json masks.json");
        return;
    };
    let truths = Dataset::read(truths, FileKind::Dataset).expect("instances.json can be read");
    let detections = Dataset::read(detections, FileKind::Results).expect("masks.json can be read");
    let gt = truths
        .objects(GeometryKind::Masks, Role::GroundTruth, &truths)
        .expect("polygons")
        .expect("plain objects");
    let dt = detections
        .objects(GeometryKind::Masks, Role::Detections, &truths)
        .expect("masks")
        .expect("plain objects");

    let rings = polygons(masks(&gt));
    let mut rasterizer = Rasterizer::default();
    let mut counts = Vec::new();
    let corners: usize = rings.iter().map(|(_, ring)| ring.len() / 2).sum();
    println!("{} polygons of {:.1} corners", rings.len(), corners as f64 / rings.len() as f64);
    time("rasterise", "polygon", || {
        for &([h, w], ring) in &rings {
            rasterizer.polygon(ring, h, w, &mut counts).expect("an ordinary polygon");
        }
        rings.len()
    });
    let texts = texts(masks(&dt));
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    println!("{} texts of {:.1} bytes", texts.len(), bytes as f64 / texts.len() as f64);
    let mut all = Vec::new();
    time("read", "byte", || {
        all.clear();
        for &(_, text) in &texts {
            all.extend(codec::read(codec::checked(text).expect("an ordinary text")));
        }
        bytes
    });
    let mut text = Vec::new();
    time("write", "count", || {
        text.clear();
        codec::write(&all, &mut text).expect("memory");
        std::hint::black_box(&text);
        all.len()
    });
    let mut foreground = Foreground::default();
    time("foreground", "byte", || {
        for &(size, text) in &texts {
            foreground.clear();
            foreground.push_text(size, text).expect("an ordinary text");
        }
        bytes
    });
    let cells = cells(&truths, &gt, &detections, &dt);
    let kind = similarity::SimilarityKind::named("segm").expect("a kind of similarity");
    let iou = (kind.compare)(&dt, &gt, &Parameters::default()).expect("masks on both sides");
    let mut compare = iou.comparer();
    let mut values = Vec::new();
    for floor in [f64::NEG_INFINITY, 0.5] {
        println!("{} cells, values exact from {floor}", cells.len());
        time("compare", "pair", || {
            let mut pairs = 0;
            for [d, g] in &cells {
                values.clear();
                values.resize(d.len() * g.len(), 0.0);
                compare(d, g, floor, &mut values).expect("ordinary masks");
                pairs += values.len();
            }
            pairs
        });
    }
}

/// Detections and ground truths of one category in one image, where there are both.
fn cells(truths: &Dataset, gt: &Objects, detections: &Dataset, dt: &Objects) -> Vec<[Vec<u32>; 2]> {
    let mut cells: HashMap<[i64; 2], [Vec<u32>; 2]> = HashMap::new();
    for (side, (dataset, objects)) in [(detections, dt), (truths, gt)].into_iter().enumerate() {
        let (images, categories) = (&dataset.annotations.image.ids, &dataset.annotations.category.ids);
        for (index, (&image, &category)) in objects.image.iter().zip(objects.category.iter()).enumerate() {
            let key = [images[image as usize], categories[category as usize]];
            cells.entry(key).or_default()[side].push(index as u32);
        }
    }
    let mut cells: Vec<_> = cells.into_iter().filter(|(_, [d, g])| !d.is_empty() && !g.is_empty()).collect();
    cells.sort_unstable();
    cells.into_iter().map(|(_, cell)| cell).collect()
}
