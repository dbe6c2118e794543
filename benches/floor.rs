//! Times each stage of an evaluation of two files, beside the least that any program must do for the same work.
//!
//! ```text
//! cargo bench --no-default-features --bench floor -- TRUTH DETECTIONS bbox|segm|keypoints [--rounds N] [--only STAGE]
//! ```
//!
//! Prints a line for each stage: its name, how much work of which unit it is, milliseconds, and milliseconds of the
//! floor. A floor is a tight loop on the same data: bytes copied out of the page cache, numbers converted whose places
//! are known, rows scattered to known places, pairs of boxes compared that lie side by side. Processor time is summed
//! over the threads, so that a busy machine does not count.
//!
//! With `--only STAGE` each stage runs once, but that one twice, and nothing is printed: for counting instructions, as
//! the difference from a run in which none does.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use meanap::columns::{Geometry, GeometryKind, MaskShape, Objects};
use meanap::curve::{self, Selection};
use meanap::evaluate::{Evaluator, Protocol};
use meanap::json::number;
use meanap::json::{Dataset, FileKind, Role, Source, bounding_box};
use meanap::matching::{CellGrid, Greedy, MatchTable, Positions, Row, shared_cells};
use meanap::progress::Progress;
use meanap::rle::codec;
use meanap::simd::{Baseline, Simd};
use meanap::similarity::{self, Parameters, box_iou};

/// Pieces of a file that are read at a time.
const PIECE: usize = 128 << 10;

/// One stage's figures.
struct Figure {
    stage: &'static str,
    work: String,
    ours: f64,
    floor: Option<(f64, &'static str)>,
}

struct Bench {
    rounds: usize,
    only: Option<String>,
    figures: Vec<Figure>,
}

impl Bench {
    /// Runs a stage, once for its result and as often as given for its time.
    fn stage<T>(&mut self, name: &'static str, work: impl FnOnce(&T) -> String, run: impl Fn() -> T) -> T {
        if let Some(only) = &self.only {
            if only == name {
                black_box(run());
            }
            return run();
        }
        let (mut best, mut result) = (f64::INFINITY, run());
        for _ in 0..self.rounds {
            let start = processor_time();
            result = black_box(run());
            best = best.min(processor_time() - start);
        }
        self.figures.push(Figure { stage: name, work: work(&result), ours: best, floor: None });
        result
    }

    /// The least that the stage measured last can be done in.
    fn floor<T>(&mut self, what: &'static str, run: impl Fn() -> T) {
        if self.only.is_some() {
            return;
        }
        let mut best = f64::INFINITY;
        for _ in 0..self.rounds {
            let start = processor_time();
            black_box(run());
            best = best.min(processor_time() - start);
        }
        if let Some(figure) = self.figures.last_mut() {
            figure.floor = Some((best, what));
        }
    }

    fn print(&self) {
        for Figure { stage, work, ours, floor } in &self.figures {
            let (floor, what) = floor.map_or((f64::NAN, ""), |floor| floor);
            println!("{stage}\t{work}\t{:.2}\t{:.2}\t{what}", ours * 1e3, floor * 1e3);
        }
    }
}

/// Seconds of processor time that all threads of this process have had.
fn processor_time() -> f64 {
    // The kernel brings the count of a thread up to date when memory for another is requested, else at ticks.
    std::thread::yield_now();
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of_task = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    let nanoseconds: f64 = tasks.filter_map(of_task).sum();
    if nanoseconds > 0.0 {
        return nanoseconds / 1e9;
    }
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

fn main() {
    let (mut given, mut rounds, mut only) = (Vec::new(), 5, None);
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = arguments.next().and_then(|n| n.parse().ok()).expect("a number of rounds"),
            "--only" => only = arguments.next(),
            _ => given.push(argument),
        }
    }
    let [truth, detections, kind] = &given[..] else {
        // `cargo bench` and `cargo test --benches` call every bench, without files.
        eprintln!("usage: floor TRUTH DETECTIONS bbox|segm|keypoints [--rounds N] [--only STAGE]");
        return;
    };
    let (truth, detections) = (PathBuf::from(truth), PathBuf::from(detections));
    let kind = similarity::SimilarityKind::named(kind).unwrap_or_else(|error| panic!("{error}"));
    let mut bench = Bench { rounds, only, figures: Vec::new() };
    measure(&mut bench, &truth, &detections, kind);
    bench.print();
}

fn measure(bench: &mut Bench, truth: &Path, detections: &Path, kind: &similarity::SimilarityKind) {
    let megabytes = |set: &Dataset| format!("{:.1} MB", set.source.size() as f64 / 1e6);
    let gt_file = bench.stage("read ground truth", megabytes, || read(truth, FileKind::Dataset));
    let poses = kind.geometry == GeometryKind::Keypoints;
    if poses {
        let places = coordinates(&gt_file);
        bench.floor("copy the bytes, convert the coordinates that are labelled", || {
            floor_of_poses(&gt_file, &places)
        });
    } else {
        bench.floor("copy the bytes, convert the numbers of its columns", || floor_of_reading(truth));
    }
    let dt_file = bench.stage("read detections", megabytes, || read(detections, FileKind::Results));
    if poses {
        let places = coordinates(&dt_file);
        bench.floor("copy the bytes, convert the coordinates", || floor_of_poses(&dt_file, &places));
    } else {
        bench.floor("copy the bytes, convert the numbers of its columns", || floor_of_reading(detections));
    }
    let count = |objects: &Objects| format!("{} objects", objects.len());
    let gt = bench
        .stage("geometry of ground truth", count, || objects(&gt_file, kind, Role::GroundTruth, &gt_file));
    bench.floor(GEOMETRY, || floor_of_geometry(&gt_file, &gt));
    let dt =
        bench.stage("geometry of detections", count, || objects(&dt_file, kind, Role::Detections, &gt_file));
    bench.floor(GEOMETRY, || floor_of_geometry(&dt_file, &dt));

    let (images, categories) = (gt_file.images.ids.clone(), gt_file.categories.ids.clone());
    let extent = CellGrid { images: images.len(), categories: categories.len(), by_category: true };
    let positions = |file: &Dataset| Positions {
        of_image: places(&file.annotations.image.ids, &images),
        of_category: places(&file.annotations.category.ids, &categories),
    };
    let (gt_positions, dt_positions) = (positions(&gt_file), positions(&dt_file));
    let protocol = Protocol {
        thresholds: (0..10).map(|i| 0.5 + 0.05 * f64::from(i)).collect(),
        area_ranges: if poses {
            vec![[0.0, 1e10], [1024.0, 9216.0], [9216.0, 1e10]]
        } else {
            vec![[0.0, 1e10], [0.0, 1024.0], [1024.0, 9216.0], [9216.0, 1e10]]
        },
        max_detections: if poses { 20 } else { 100 },
        extent,
        matcher: &Greedy,
        partners: Vec::new(),
    };
    let evaluator =
        Evaluator { detections: dt, ground_truths: gt, protocol, ranks: None, progress: Progress::default() };
    let table = bench.stage("match", compared, || matched(&evaluator, kind, &dt_positions, &gt_positions));
    if kind.geometry == GeometryKind::Keypoints {
        let (pairs, boxes) = around_poses(&evaluator, &table);
        bench.floor(
            "compare the boxes around both poses, an exponential for each keypoint of a match",
            || floor_of_oks(&table, &pairs, &boxes),
        );
    }
    if kind.geometry == GeometryKind::Masks {
        bench
            .floor("read the runs of each detection that is compared", || floor_of_masks(&evaluator, &table));
    }
    if kind.geometry == GeometryKind::Boxes {
        let (rows, pairs) = flat(&evaluator, &table);
        bench.floor("scatter the rows to known places, compare the pairs side by side", || {
            floor_of_matching(&evaluator, &rows, &pairs)
        });
    }
    let selection = Selection {
        groups: (0..categories.len()).collect(),
        areas: (0..evaluator.protocol.area_ranges.len()).collect(),
        max_detections: if poses { vec![20] } else { vec![1, 10, 100] },
        images: None,
        recall_points: (0..=100).map(|i| f64::from(i) / 100.0).collect(),
    };
    let shape = curve::CurveShape {
        categories: categories.len(),
        areas: selection.areas.len(),
        limits: selection.max_detections.len(),
    };
    let rows = |_: &curve::Accumulated| format!("{} rows", table_rows(&table).len());
    let drawn = bench.stage("curves", rows, || {
        curve::accumulate(&table, &selection, shape, &Progress::default())
            .expect("there is memory for the curves")
    });
    bench.floor("read the rows, sort the scores that matched, write the arrays", || {
        floor_of_curves(&table, &drawn)
    });
}

fn read(path: &Path, kind: FileKind) -> Dataset {
    let dataset = Dataset::read(path, kind).unwrap_or_else(|failure| panic!("{failure:?}"));
    assert_eq!(dataset.fallback, None);
    dataset
}

fn objects(file: &Dataset, kind: &similarity::SimilarityKind, role: Role, images: &Dataset) -> Objects {
    file.objects(kind.geometry, role, images).expect("the file can be read").expect("its columns are whole")
}

fn places(ids: &[i64], among: &[i64]) -> Vec<u32> {
    let known: std::collections::HashMap<i64, u32> = among.iter().copied().zip(0..).collect();
    ids.iter().map(|id| known.get(id).copied().unwrap_or(u32::MAX)).collect()
}

fn matched(
    evaluator: &Evaluator,
    kind: &similarity::SimilarityKind,
    dt: &Positions,
    gt: &Positions,
) -> MatchTable {
    let sigmas = [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89];
    let variances = sigmas.map(|thousandths: i32| (f64::from(thousandths) / 500.0).powi(2)).to_vec();
    let parameters = Parameters { variances, ..Parameters::default() };
    let similarity = (kind.compare)(&evaluator.detections, &evaluator.ground_truths, &parameters);
    let similarity = similarity.expect("both sides hold the same");
    evaluator.match_all(&*similarity, dt, gt).expect("both sides compare")
}

fn table_rows(table: &MatchTable) -> &[Row] {
    &table.rows.items
}

fn compared(table: &MatchTable) -> String {
    let rows = table_rows(table).len();
    let pairs = pairs_of(table).count();
    format!("{rows} rows, {pairs} pairs")
}

/// Copies the file piece by piece, and converts as many 16-digit numbers as its columns will hold.
fn floor_of_reading(path: &Path) -> f64 {
    let source = Source::open(path).expect("the file is there");
    let mut piece = vec![0; PIECE + 32];
    let (mut at, mut sum) = (0, 0.0);
    loop {
        let count = source.read_at(at, &mut piece[..PIECE]).expect("the file can be read");
        if count == 0 {
            return sum;
        }
        at += count as u64;
        // In JSON of boxes there is a number for each 24 bytes or so; their places are the floor's to choose.
        sum += convert(&piece, count, 24);
    }
}

/// Converts what digits stand at every `step`-th byte of `text[..count]`, wherever numbers really are.
fn convert(text: &[u8], count: usize, step: usize) -> f64 {
    let at = |place: usize| {
        let (mut position, mut mantissa) = (place, 0);
        let digits = number::digits(text, &mut position, &mut mantissa);
        number::scale(mantissa & ((1 << 53) - 1), -(digits as i32 % 16)).unwrap_or(0.0)
    };
    (0..count.saturating_sub(24)).step_by(step).map(at).sum()
}

/// Where each row came to lie in the table, by object; and the boxes of each pair that is compared.
type Flat = (Vec<u32>, Vec<(u32, u32)>);

fn flat(evaluator: &Evaluator, table: &MatchTable) -> Flat {
    let mut places = vec![u32::MAX; evaluator.detections.len()];
    for (row, place) in table.rows.items.iter().zip(0..) {
        places[row.object as usize] = place;
    }
    (places, pairs_of(table).collect())
}

fn floor_of_matching(evaluator: &Evaluator, places: &[u32], pairs: &[(u32, u32)]) -> usize {
    let (Geometry::Boxes(d), Geometry::Boxes(g)) =
        (&evaluator.detections.geometry, &evaluator.ground_truths.geometry)
    else {
        return 0;
    };
    let mut rows = vec![Row::default(); places.len()];
    for (object, &place) in places.iter().enumerate() {
        if let Some(row) = rows.get_mut(place as usize) {
            *row = Row::unmatched(evaluator.detections.score.get(object), 0, object as u32, 0, 0);
        }
    }
    black_box(&rows);
    // Pairs in the order of the boxes, without waiting for memory.
    let close = |&(a, b): &(u32, u32)| {
        box_iou(&d.get(a as usize % 4096), &g.get(b as usize % 4096), false)
            >= evaluator.protocol.thresholds[0]
    };
    pairs.iter().filter(|pair| close(pair)).count()
}

/// Where a coordinate lies in a file, how many digits stand before its point, and how many behind it.
type Coordinate = (u64, usize, usize);

/// The coordinates of all poses, of ground truth only those that are labelled.
fn coordinates(file: &Dataset) -> Vec<Coordinate> {
    let spans = &file.annotations.keypoints;
    let mut all = Vec::new();
    for (&start, &len) in spans.start.iter().zip(&spans.len) {
        let mut text = vec![0; len as usize];
        file.source.read_at(start, &mut text).expect("the file can be read");
        let text = std::str::from_utf8(&text).expect("digits").trim_matches(['[', ']']);
        let mut at = start + 1;
        let numbers: Vec<(u64, &str)> = text
            .split(',')
            .map(|number| {
                let place = at + (number.len() - number.trim_start().len()) as u64;
                at += number.len() as u64 + 1;
                (place, number.trim())
            })
            .collect();
        for triple in numbers.chunks_exact(3) {
            if file.kind == FileKind::Dataset && triple[2].1 == "0" {
                continue;
            }
            all.extend(triple[..2].iter().map(|(place, number)| {
                let number = number.trim_start_matches('-');
                let whole = number.find('.').unwrap_or(number.len());
                (*place, whole, number.len().saturating_sub(whole + 1))
            }));
        }
    }
    all
}

/// Copies the file piece by piece, and converts the numbers that lie at these places.
fn floor_of_poses(file: &Dataset, places: &[Coordinate]) -> f64 {
    // What a number may need of the pieces before and after its own is copied with it.
    const SPARE: usize = 64;
    let mut piece = vec![0; SPARE + PIECE + SPARE];
    let (mut base, mut next, mut sum) = (0, 0, 0.0);
    loop {
        let count = file.source.read_at(base, &mut piece[SPARE..]).expect("the file can be read");
        if count == 0 {
            return sum;
        }
        while let Some(&(place, whole, fraction)) = places.get(next)
            && place < base + PIECE as u64
        {
            let at = SPARE + (place - base) as usize;
            let first = number::few(piece[at..].first_chunk().expect("eight bytes"), whole.min(7)) as f64;
            let end = at + whole + 1 + fraction;
            let last =
                Baseline::decimal(piece[end - 16..].first_chunk().expect("16 bytes"), fraction.min(16));
            sum += first + last as f64 / number::POWERS_OF_TEN[fraction.min(16)] as f64;
            next += 1;
        }
        base += PIECE as u64;
    }
}

/// The pairs of a cell, and the boxes around all poses: detections, then ground truth.
type Around = (Vec<(u32, u32)>, [Vec<[f64; 4]>; 2]);

fn around_poses(evaluator: &Evaluator, table: &MatchTable) -> Around {
    let boxes = [&evaluator.detections, &evaluator.ground_truths].map(|objects| {
        let Geometry::Keypoints(poses) = &objects.geometry else { return Vec::new() };
        let around = |index| {
            let mut pose = Vec::new();
            poses.read(index, &mut pose);
            bounding_box(&pose).expect("numbers")
        };
        (0..poses.len()).map(around).collect()
    });
    (pairs_of(table).collect(), boxes)
}

fn floor_of_oks(table: &MatchTable, pairs: &[(u32, u32)], [d, g]: &[Vec<[f64; 4]>; 2]) -> f64 {
    let apart = |&&(a, b): &&(u32, u32)| {
        let (a, b) = (&d[a as usize], &g[b as usize]);
        let gap = |axis: usize| {
            let (before, behind) = (a[axis] - b[axis] - b[axis + 2], b[axis] - a[axis] - a[axis + 2]);
            before.max(behind).max(0.0)
        };
        gap(0) * gap(0) + gap(1) * gap(1) > 1000.0
    };
    let far = pairs.iter().filter(apart).count();
    let matched = |row: &&Row| matches!(row.outcome(), meanap::matching::Outcome::Matched(_));
    let rows = table_rows(table).iter().filter(matched);
    far as f64 + rows.flat_map(|row| (0..17).map(|k| (-row.score - f64::from(k)).exp())).sum::<f64>()
}

const GEOMETRY: &str = "copy the bytes once more, walk the runs";

/// Copies what was passed over, and walks its compressed runs. Boxes and poses are read with the records.
fn floor_of_geometry(file: &Dataset, objects: &Objects) -> f64 {
    let spans = match &objects.geometry {
        Geometry::Boxes(_) | Geometry::Keypoints(_) | Geometry::RotatedBoxes(_) => return 0.0,
        Geometry::Masks(_) => &file.annotations.segmentation,
    };
    let mut piece = vec![0; 1 << 20];
    let mut sum = 0.0;
    for (&start, &len) in spans.start.iter().zip(&spans.len) {
        let text = &mut piece[..len as usize + 32];
        let count = file.source.read_at(start, &mut text[..len as usize]).expect("the file can be read");
        sum += text[..count].iter().map(|&byte| u64::from(byte)).sum::<u64>() as f64;
    }
    sum
}

fn pairs_of(table: &MatchTable) -> impl Iterator<Item = (u32, u32)> + '_ {
    (0..table.groups()).flat_map(move |group| {
        let (rows, truths) = (table.rows(group), table.truths(group));
        shared_cells(rows, truths).flat_map(move |cell| {
            rows[cell.detections].iter().flat_map(move |row| {
                truths[cell.ground_truths.clone()].iter().map(move |gt| (row.object, gt.object))
            })
        })
    })
}

/// Reads the runs of each detection that is compared, once.
fn floor_of_masks(evaluator: &Evaluator, table: &MatchTable) -> u64 {
    let Geometry::Masks(masks) = &evaluator.detections.geometry else { return 0 };
    let (mut last, mut sum) = (u32::MAX, 0);
    for (d, _) in pairs_of(table) {
        if let MaskShape::Compressed { piece, start, len } = masks.shape[d as usize]
            && d != last
        {
            let text = masks.text(piece, start, len);
            sum += codec::checked(text).map_or(0, |text| codec::read(text).map(u64::from).sum());
        }
        last = d;
    }
    sum
}

fn floor_of_curves(table: &MatchTable, drawn: &curve::Accumulated) -> usize {
    let rows = table_rows(table);
    let mut keys: Vec<u64> = rows
        .iter()
        .filter(|row| matches!(row.outcome(), meanap::matching::Outcome::Matched(_)))
        .map(|row| row.score.to_bits())
        .collect();
    keys.sort_unstable();
    black_box((drawn.precision.clone(), drawn.scores.clone(), drawn.recall.clone()));
    keys.len()
}
