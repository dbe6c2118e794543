//! A COCO data set or result file as columns.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::annotations::Annotations;
use super::blocks::{self, BlockPlan};
use super::error::{Fallback, Halt, NotColumnar, ParseError, Stopped, changed};
use super::growth::share;
use super::id_table::{IdTable, Skipped};
use super::objects::Form;
use super::partition::{Bins, ImageElements, Partitioned, RecordList};
use super::record::{Elements, Field};
use super::scanner::{AFTER_NUMBER, After, Scan, Scanner, added};
use super::source::{Piece, Source};
use super::window::Window;
use crate::columns::{Boxes, CompactDoubles, Keypoints, Masks, RotatedBoxes, SharedColumn};
use crate::error::{Error, Result, collect, copied, copied_text, extend, push};

/// What a file is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// An object with `images`, `annotations` and `categories`.
    Dataset,
    /// An array of results: what `loadRes` takes.
    Results,
}

/// The columns of one file, and the open file itself.
///
/// With a `fallback` the columns are empty: the file is valid JSON, but its Python objects say more than columns hold.
#[derive(Debug)]
pub struct Dataset {
    /// The path as it was given.
    pub path: PathBuf,
    /// The open file.
    pub source: Source,
    /// What it was read as.
    pub kind: FileKind,
    /// Why the columns cannot stand for the file.
    pub fallback: Option<Fallback>,
    /// Whether there is a member `images`.
    pub has_images: bool,
    /// Whether there is a member `annotations`.
    pub has_annotations: bool,
    /// Whether there is a member `categories`.
    pub has_categories: bool,
    /// Where the array of categories lies in the file, from its bracket to behind the other one.
    pub categories_at: Option<(u64, u64)>,
    /// The keys of the first annotation.
    pub first_fields: Vec<String>,
    /// The images.
    pub images: IdTable,
    /// The categories.
    pub categories: IdTable,
    /// The annotations, but for the columns below.
    pub annotations: Annotations,
    /// Columns that evaluations share, where they are whole.
    pub shared: SharedColumns,
}

/// Columns that evaluations share, `None` where a record lacks the field.
#[derive(Clone, Debug, Default)]
pub struct SharedColumns {
    /// Image codes.
    pub image: Option<SharedColumn<u32>>,
    /// Category codes.
    pub category: Option<SharedColumn<u32>>,
    /// Ids.
    pub id: Option<Arc<CompactDoubles>>,
    /// Areas.
    pub area: Option<Arc<CompactDoubles>>,
    /// Scores.
    pub score: Option<Arc<CompactDoubles>>,
    /// Boxes.
    pub bbox: Option<Arc<Boxes>>,
    /// Rotated boxes.
    pub rotated: Option<Arc<RotatedBoxes>>,
    /// Crowd flags.
    pub crowd: Option<SharedColumn<bool>>,
    /// Masks of results that have nothing else, and the area of each.
    pub masks: Option<(Arc<Masks>, Arc<CompactDoubles>)>,
    /// Poses of results that have nothing else.
    pub poses: Option<Arc<Keypoints>>,
}

impl Dataset {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not JSON.
    pub fn read(path: &Path, kind: FileKind) -> Result<Dataset> {
        let source = Source::open(path).map_err(|error| Error::io(error).in_file(path))?;
        Self::read_open(path, source, kind)
    }

    /// Reads an open file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not JSON.
    pub fn read_open(path: &Path, source: Source, kind: FileKind) -> Result<Dataset> {
        let plan = BlockPlan::for_file(&source);
        let mut dataset = Self::read_with(path, source, kind, plan)?;
        dataset.source.without_progress();
        Ok(dataset)
    }

    /// Reads an open file by a plan of one's own.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not JSON.
    pub fn read_with(path: &Path, source: Source, kind: FileKind, plan: BlockPlan) -> Result<Dataset> {
        let mut dataset = Dataset::empty(path, source, kind);
        dataset.read_file(plan, None)?;
        dataset.check()?;
        dataset.settle();
        Ok(dataset)
    }

    /// Puts the records of an open file into bins; what is given back has none of them.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not JSON, or the bins cannot be written.
    pub fn partition(path: &Path, source: Source, kind: FileKind, bins: &mut Bins) -> Result<Dataset> {
        let plan = BlockPlan::for_file(&source);
        let mut dataset = Dataset::empty(path, source, kind);
        dataset.read_file(plan, Some(&mut *bins))?;
        bins.finish().map_err(|error| error.in_file(path))?;
        dataset.source.without_progress();
        Ok(dataset)
    }

    /// What is in some of the bins that the records of this file were put into.
    ///
    /// # Errors
    ///
    /// The bins cannot be read.
    pub fn read_bins(&self, bins: &Bins, which: Range<usize>) -> Result<Dataset> {
        let text = |text: &str| Piece::Text(text.as_bytes().to_vec());
        let array = |pieces: &mut Vec<Piece>, table| -> Result<()> {
            push(pieces, text("["))?;
            extend(pieces, bins.text(table, which.clone())?)?;
            push(pieces, text("]"))
        };
        let mut pieces = Vec::new();
        if self.kind == FileKind::Results {
            array(&mut pieces, RecordList::Annotations)?;
        } else {
            // A member that all files may have, so that the others can begin with a comma.
            pieces.push(text("{\"info\":{}"));
            for (there, name, table) in [
                (self.has_images, ",\"images\":", RecordList::Images),
                (self.has_annotations, ",\"annotations\":", RecordList::Annotations),
            ] {
                if there {
                    pieces.push(text(name));
                    array(&mut pieces, table)?;
                }
            }
            if let Some(categories) = self.categories_text()? {
                pieces.push(text(",\"categories\":"));
                pieces.push(Piece::Text(categories));
            }
            pieces.push(text("}"));
        }
        let source = Source::from_pieces(pieces)?;
        let plan = BlockPlan::for_file(&source);
        let mut dataset = Dataset::empty(&self.path, source, self.kind);
        dataset.read_file(plan, None)?;
        // The kind of the records follows from the first one, and from the fields that any of them has.
        dataset.first_fields.clone_from(&self.first_fields);
        dataset.annotations.first_bbox_empty = self.annotations.first_bbox_empty;
        dataset.annotations.seen |= self.annotations.seen;
        dataset.check()?;
        dataset.settle();
        Ok(dataset)
    }

    fn empty(path: &Path, source: Source, kind: FileKind) -> Dataset {
        Dataset {
            path: path.to_owned(),
            source,
            kind,
            fallback: None,
            has_images: false,
            has_annotations: false,
            has_categories: false,
            categories_at: None,
            first_fields: Vec::new(),
            images: IdTable::images(),
            categories: IdTable::categories(),
            annotations: match kind {
                FileKind::Dataset => Annotations::of_dataset(),
                FileKind::Results => Annotations::of_results(),
            },
            shared: SharedColumns::default(),
        }
    }

    /// The text of the array of categories.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn categories_text(&self) -> Result<Option<Vec<u8>>> {
        let Some((start, end)) = self.categories_at else { return Ok(None) };
        self.unchanged()?;
        self.source.read_range(start, end).map(Some).map_err(|error| Error::io(error).in_file(&self.path))
    }

    /// An error if the file has been written to since it was read.
    ///
    /// # Errors
    ///
    /// The file has been written to since.
    pub fn unchanged(&self) -> Result<()> {
        match self.source.unchanged() {
            Ok(true) => Ok(()),
            Ok(false) => Err(changed(&self.path)),
            Err(error) => Err(Error::io(error).in_file(&self.path)),
        }
    }

    /// The number of annotations.
    pub fn len(&self) -> usize {
        self.annotations.count
    }

    /// Whether there is no annotation.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read_file(&mut self, plan: BlockPlan, bins: Option<&mut Bins>) -> Result<()> {
        // The reader borrows the file, what is read goes elsewhere: they part for as long as this takes.
        let source = std::mem::replace(&mut self.source, Source::from(Vec::new()));
        let outcome = match Window::new(&source, plan.window) {
            Ok(window) => Reader { window, source: &source, plan, dataset: self, bins }.read(),
            Err(error) => Err(error.into()),
        };
        let outcome = outcome.map_err(|stopped| stopped.in_file(&self.path, &source));
        self.source = source;
        outcome
    }

    fn give_up(&mut self, why: impl Into<Fallback>) {
        self.fallback.get_or_insert(why.into());
    }

    /// What only the whole file can show.
    fn check(&mut self) -> Result<()> {
        let results = self.kind == FileKind::Results;
        for (list, fallback) in [
            ("images", self.images.fallback),
            ("categories", self.categories.fallback),
            (if results { "" } else { "annotations" }, self.annotations.fallback),
        ] {
            self.fallback = self.fallback.or(fallback.map(|fallback| Fallback { list, ..fallback }));
        }
        if self.fallback.is_some() {
            return Ok(());
        }
        if repeated(self.images.ids.iter().map(|&id| id as u64))? {
            self.give_up(NotColumnar::SameId("images"));
        }
        if self.kind == FileKind::Dataset && repeated(self.annotations.id.iter().map(|id| id.to_bits()))? {
            self.give_up(NotColumnar::SameId("annotations"));
        }
        if results {
            self.check_results();
        }
        Ok(())
    }

    /// The first result says what all of them are; `loadRes` fails on those that are something else.
    fn check_results(&mut self) {
        let columns = &self.annotations;
        let (needed, length) = match self.form() {
            Some(Form::Captions) => return self.give_up(NotColumnar::Captions),
            Some(Form::Boxes) => ("bbox", columns.bbox.len().max(columns.rotated.len())),
            Some(Form::Masks) => ("segmentation", columns.segmentation.len.len()),
            Some(Form::Poses) => ("keypoints", columns.keypoints.len.len()),
            Some(Form::RotatedBoxes) => ("obb", columns.rotated.len()),
            None => ("bbox, segmentation or keypoints", 0),
        };
        if columns.count == 0 {
            self.give_up(NotColumnar::NoResults);
        } else if !columns.whole(length) {
            self.give_up(NotColumnar::NotInAll(needed));
        }
    }

    /// Shares the columns, or drops them.
    fn settle(&mut self) {
        if self.fallback.is_some() {
            // The first record decides for all, whichever thread reads them.
            let (record, empty) = (self.annotations.count, self.annotations.first_bbox_empty);
            self.annotations = Annotations::default();
            self.annotations.count = record;
            self.annotations.first_bbox_empty = empty;
            self.images = IdTable::images();
            self.categories = IdTable::categories();
            return;
        }
        self.annotations.finish();
        let (count, columns) = (self.annotations.count, &mut self.annotations);
        self.shared = SharedColumns {
            image: share(&mut columns.image.codes, count),
            category: share(&mut columns.category.codes, count),
            id: share(&mut columns.id, count),
            area: share(&mut columns.area, count),
            score: share(&mut columns.score, count),
            bbox: share(&mut columns.bbox, count),
            rotated: share(&mut columns.rotated, count),
            crowd: share(&mut columns.crowd, count),
            masks: None,
            poses: None,
        };
        let eager = std::mem::take(&mut columns.eager);
        if eager.decodes(Field::Segmentation) && eager.areas.len() == count {
            self.shared.masks = Some((Arc::new(eager.masks), Arc::new(eager.areas.into())));
        } else if eager.decodes(Field::Keypoints) && count > 0 {
            let boxes = if self.kind == FileKind::Dataset { self.shared.bbox.clone() } else { None };
            self.shared.poses = Some(Arc::new(eager.poses.into_keypoints(boxes.unwrap_or_default())));
        }
    }
}

/// Whether a value comes twice.
fn repeated(values: impl ExactSizeIterator<Item = u64> + Clone) -> Result<bool> {
    if values.clone().is_sorted_by(|a, b| a < b) {
        return Ok(false);
    }
    let mut sorted = collect(values)?;
    sorted.sort_unstable();
    Ok(sorted.windows(2).any(|pair| pair[0] == pair[1]))
}

/// Goes over a file once.
struct Reader<'a> {
    window: Window<'a>,
    source: &'a Source,
    plan: BlockPlan,
    dataset: &'a mut Dataset,
    /// Where records go that are not to be held.
    bins: Option<&'a mut Bins>,
}

impl Reader<'_> {
    fn read(mut self) -> std::result::Result<(), Stopped> {
        let top = self.window.read(|scanner| {
            scanner.space();
            let first = scanner.peek();
            match first {
                b'{' | b'[' => scanner.move_to(scanner.position() + 1),
                _ => scanner.skip()?,
            }
            Ok(first)
        });
        let (top, ended) = match top {
            // A number may end with the file; anywhere else something has to follow it.
            Err(Halt::Text(ParseError::Token { expected: AFTER_NUMBER, .. })) => (b'0', true),
            top => (top?, false),
        };
        match (self.dataset.kind, top) {
            (FileKind::Dataset, b'{') => self.members()?,
            (FileKind::Results, b'[') => self.annotations("")?,
            (kind, _) => {
                // Of another object or array, what has been seen is enough.
                if top != b'{' && top != b'[' && !ended {
                    self.end()?;
                }
                let expected =
                    if kind == FileKind::Dataset { "a JSON object" } else { "a JSON array of results" };
                return Err(Halt::Text(ParseError::Kind { found: name(top), expected }).into());
            }
        }
        self.end()
    }

    /// White space up to the end of the file.
    fn end(&mut self) -> std::result::Result<(), Stopped> {
        loop {
            self.window.read(|scanner| {
                scanner.space();
                if scanner.at_end() { Ok(()) } else { scanner.fault("the end of the file") }
            })?;
            if !self.window.refill()? {
                return Ok(());
            }
        }
    }

    /// The members of the top object, from behind its brace.
    fn members(&mut self) -> std::result::Result<(), Stopped> {
        let mut first = true;
        loop {
            let key = self.window.read(|scanner| {
                if first && scanner.take(b'}') {
                    return Ok(None);
                }
                // What follows a comma may have been beyond the window.
                scanner.space();
                let key = added(copied(scanner.key()?))?;
                scanner.space();
                if scanner.at_end() {
                    scanner.fault("a value")
                } else {
                    Ok(Some((key, scanner.peek() == b'[')))
                }
            })?;
            let Some((key, array)) = key else { return Ok(()) };
            first = false;
            self.member(&key, array)?;
            if self.window.read(|scanner| scanner.after(b'}', "',' or '}'"))? == After::Close {
                return Ok(());
            }
        }
    }

    fn member(&mut self, key: &[u8], array: bool) -> std::result::Result<(), Stopped> {
        if key.contains(&b'\\') {
            self.dataset.give_up(NotColumnar::EscapedKey);
        }
        let dataset = &mut *self.dataset;
        let (present, label) = match key {
            b"images" => (&mut dataset.has_images, "images"),
            b"annotations" => (&mut dataset.has_annotations, "annotations"),
            b"categories" => (&mut dataset.has_categories, "categories"),
            _ => (&mut false, ""),
        };
        let again = std::mem::replace(present, true);
        if again && !label.is_empty() {
            dataset.give_up(NotColumnar::Repeated(label));
        }
        if !array && !label.is_empty() {
            dataset.give_up(NotColumnar::Field { name: label, expected: "an array" });
        }
        if !array {
            let doubtful = self.window.read(|scanner| scanner.skip().map(|()| scanner.doubtful))?;
            if let Some(why) = doubtful {
                self.dataset.give_up(why);
            }
            return Ok(());
        }
        let bracket = self.window.offset();
        self.window.read(|scanner| {
            scanner.move_to(scanner.position() + 1);
            Ok(())
        })?;
        match label {
            "annotations" if !again => self.annotations("annotations"),
            "images" if !again => {
                let mut images = std::mem::take(&mut self.dataset.images);
                let outcome = self.records("images", &mut images);
                self.dataset.images = images;
                outcome
            }
            "categories" if !again => {
                let mut categories = std::mem::take(&mut self.dataset.categories);
                let outcome = self.array("categories", &mut categories);
                self.dataset.categories = categories;
                self.dataset.categories_at = Some((bracket, self.window.offset()));
                outcome
            }
            _ => {
                let mut skipped = Skipped::default();
                self.array("", &mut skipped)?;
                if let Some(fallback) = skipped.fallback {
                    self.dataset.give_up(fallback.why);
                }
                Ok(())
            }
        }
    }

    /// The annotations, from behind the bracket.
    fn annotations(&mut self, label: &'static str) -> std::result::Result<(), Stopped> {
        let start = self.window.offset();
        self.dataset.first_fields = match self.window.read(first_keys) {
            Ok(keys) => keys,
            // An error in the first record occurs again, and is reported with its record, when the array is read.
            Err(Halt::Text(_)) => Vec::new(),
            Err(Halt::Failed(error)) => return Err(error.into()),
        };
        self.window.seek(start, u64::MAX);
        let mut annotations = std::mem::take(&mut self.dataset.annotations);
        // Nothing is decoded eagerly when a file is partitioned.
        if self.bins.is_none() {
            annotations.eager = self.dataset.eager_geometry();
        }
        let outcome = self.records(label, &mut annotations);
        self.dataset.annotations = annotations;
        outcome
    }

    /// The elements of an array of records, held or put into bins.
    fn records<R: ImageElements>(
        &mut self,
        label: &'static str,
        rows: &mut R,
    ) -> std::result::Result<(), Stopped> {
        let Some(bins) = self.bins.take() else { return self.array(label, rows) };
        let mut partitioned = Partitioned::new(std::mem::replace(rows, rows.fresh()), &mut *bins);
        let outcome = self.array(label, &mut partitioned);
        *rows = partitioned.into_rows();
        self.bins = Some(bins);
        outcome
    }

    /// The elements of any array, from behind the bracket.
    fn array<R: Elements>(&mut self, label: &'static str, rows: &mut R) -> std::result::Result<(), Stopped> {
        let empty = self.window.read(|scanner| {
            let empty = scanner.take(b']');
            if scanner.at_end() && !empty { scanner.fault("a value or ']'") } else { Ok(empty) }
        })?;
        if !empty {
            let end = blocks::read(self.source, self.plan, &mut self.window, label, rows)?;
            self.window.seek(end, u64::MAX);
        }
        Ok(())
    }
}

/// The keys of the first element of an array, if it is an object, from behind the bracket.
fn first_keys(scanner: &mut Scanner<'_>) -> Scan<Vec<String>> {
    let mut keys = Vec::new();
    if !scanner.take(b'{') {
        return if scanner.at_end() { scanner.fault("a value or ']'") } else { Ok(keys) };
    }
    if scanner.take(b'}') {
        return Ok(keys);
    }
    loop {
        let key = String::from_utf8_lossy(scanner.key()?);
        added(copied_text(&key).and_then(|key| push(&mut keys, key)))?;
        scanner.skip()?;
        if scanner.after(b'}', "',' or '}'")? == After::Close {
            return Ok(keys);
        }
    }
}

fn name(first: u8) -> &'static str {
    match first {
        b'{' => "an object",
        b'[' => "an array",
        b'"' => "a string",
        b't' => "true",
        b'f' => "false",
        b'n' => "null",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::progress::Progress;

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
            let outcome =
                read(&text, FileKind::Dataset, BlockPlan { block: 1 << 20, window: 32, workers: 1 });
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
        let temporary = |name: &str| {
            let path = std::env::temp_dir().join(format!("meanap-bins-{name}-{}", std::process::id()));
            let file =
                std::fs::File::options().read(true).write(true).create(true).truncate(true).open(&path);
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
                let mut bins = Bins::new(temporary("all"), count, buffer_size).unwrap();
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
        let path = std::env::temp_dir().join(format!("meanap-throughput-{}.json", std::process::id()));
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
}
