//! The members of a file, walked one after the other: which of them become columns.

use super::{Dataset, FileKind};
use crate::error::{copied, copied_text, push};
use crate::json::blocks::{self, BlockPlan};
use crate::json::error::{Halt, NotColumnar, ParseError, Stopped};
use crate::json::id_table::Skipped;
use crate::json::partition::{Bins, ImageElements, Partitioned};
use crate::json::record::Elements;
use crate::json::scanner::{AFTER_NUMBER, After, Scan, Scanner, added};
use crate::json::source::Source;
use crate::json::window::Window;

/// Goes over a file once.
pub(super) struct MemberReader<'a> {
    pub(super) window: Window<'a>,
    pub(super) source: &'a Source,
    pub(super) plan: BlockPlan,
    pub(super) dataset: &'a mut Dataset,
    /// Where records go that are not to be held.
    pub(super) bins: Option<&'a mut Bins>,
}

impl MemberReader<'_> {
    pub(super) fn read(mut self) -> std::result::Result<(), Stopped> {
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
                self.dataset.images_at = Some((bracket, self.window.offset()));
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
