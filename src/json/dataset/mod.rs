//! A COCO data set or result file as columns.

mod members;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use members::MemberReader;

use crate::columns::{Boxes, CompactDoubles, Keypoints, Masks, RotatedBoxes, SharedColumn};
use crate::error::{Error, Result, collect, extend, push};
use crate::json::annotations::Annotations;
use crate::json::blocks::BlockPlan;
use crate::json::error::{Fallback, NotColumnar, changed};
use crate::json::growth::share;
use crate::json::id_table::IdTable;
use crate::json::objects::Form;
use crate::json::partition::{Bins, RecordList};
use crate::json::record::Field;
use crate::json::source::{Piece, Source};
use crate::json::window::Window;

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
    /// Whether annotations share an id, which is a label alone, unless they are looked up by it.
    pub repeated_ids: bool,
    /// Whether there is a member `images`.
    pub has_images: bool,
    /// Whether there is a member `annotations`.
    pub has_annotations: bool,
    /// Whether there is a member `categories`.
    pub has_categories: bool,
    /// Where the array of images lies in the file, from its bracket to behind the other one.
    pub images_at: Option<(u64, u64)>,
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
            repeated_ids: false,
            has_images: false,
            has_annotations: false,
            has_categories: false,
            images_at: None,
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

    /// The text of the array of images.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn images_text(&self) -> Result<Option<Vec<u8>>> {
        self.images_at.map(|(start, end)| self.text(start, end)).transpose()
    }

    /// The text of the array of categories.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn categories_text(&self) -> Result<Option<Vec<u8>>> {
        self.categories_at.map(|(start, end)| self.text(start, end)).transpose()
    }

    /// Bytes of the file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or has been written to since.
    pub fn text(&self, start: u64, end: u64) -> Result<Vec<u8>> {
        self.unchanged()?;
        self.source.read_range(start, end).map_err(|error| Error::io(error).in_file(&self.path))
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
            Ok(window) => MemberReader { window, source: &source, plan, dataset: self, bins }.read(),
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
            self.give_up(NotColumnar::SameImageId);
        }
        self.repeated_ids =
            self.kind == FileKind::Dataset && repeated(self.annotations.id.iter().map(|id| id.to_bits()))?;
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

#[cfg(test)]
mod tests;
