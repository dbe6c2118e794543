//! Images and categories as columns.

use super::annotations::integer;
use super::error::{Fallback, NotColumnar};
use super::record::{Elements, Field, KeyOrder, fields};
use super::scanner::{Scan, Scanner};
use crate::error::{Result, append, push};

/// The `images` or `categories` of a data set.
#[derive(Clone, Debug, Default)]
pub struct IdTable {
    /// Whether height and width are wanted.
    sized: bool,
    /// The number of records.
    pub count: usize,
    /// What the columns cannot hold; nothing more is collected from there on.
    pub fallback: Option<Fallback>,
    /// `id`.
    pub ids: Vec<i64>,
    /// `height` and `width` where both are integers above zero that fit; empty for categories.
    pub sizes: Vec<Option<[u32; 2]>>,
    pending: (i64, Option<[u32; 2]>),
    refused: Option<NotColumnar>,
}

impl IdTable {
    /// Columns for images.
    pub fn images() -> Self {
        IdTable { sized: true, ..Self::default() }
    }

    /// Columns for categories.
    pub fn categories() -> Self {
        Self::default()
    }

    /// The id of the record that was parsed last, if there is one.
    pub fn id(&self) -> Option<i64> {
        self.refused.is_none().then_some(self.pending.0)
    }
}

impl Elements for IdTable {
    fn fresh(&self) -> Self {
        IdTable { sized: self.sized, ..Self::default() }
    }

    fn parse(&mut self, scanner: &mut Scanner<'_>, order: &mut KeyOrder) -> Scan<()> {
        let sizes = Field::Height.bit() | Field::Width.bit();
        let wanted = Field::Id.bit() | if self.sized { sizes } else { 0 };
        let (mut id, mut height, mut width) = (0, None, None);
        let present = fields(scanner, order, wanted, |scanner, field| {
            let side = match field {
                Field::Height => &mut height,
                Field::Width => &mut width,
                _ => return integer(scanner, &mut id),
            };
            // Who needs the size of an image finds out that there is none that could be used.
            let start = scanner.position();
            *side = scanner.integer()?.and_then(|value| u32::try_from(value).ok().filter(|&side| side > 0));
            if side.is_none() {
                scanner.move_to(start);
                scanner.skip()?;
            }
            Ok(Ok(()))
        })?;
        match present {
            Ok(present) if present & Field::Id.bit() != 0 => {
                self.pending = (id, height.zip(width).map(|(height, width)| [height, width]));
            }
            Ok(_) => self.refused = Some(NotColumnar::Missing(Field::Id.name())),
            Err(why) => self.refused = Some(why),
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        match self.refused.take() {
            Some(why) => {
                self.fallback.get_or_insert(Fallback::in_record(self.count, why));
            }
            None if self.fallback.is_none() => {
                push(&mut self.ids, self.pending.0)?;
                if self.sized {
                    push(&mut self.sizes, self.pending.1)?;
                }
            }
            None => {}
        }
        self.count += 1;
        Ok(())
    }

    fn count(&self) -> usize {
        self.count
    }

    fn append(&mut self, part: &mut Self) -> Result<()> {
        if self.fallback.is_none() {
            self.fallback = part.fallback.map(|fallback| fallback.behind(self.count));
            append(&mut self.ids, &mut part.ids)?;
            append(&mut self.sizes, &mut part.sizes)?;
        }
        self.count += part.count;
        *part = self.fresh();
        Ok(())
    }

    fn reserve(&mut self, _count: usize) -> Result<()> {
        Ok(())
    }
}

/// Elements that are not needed: read, and discarded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Skipped {
    count: usize,
    /// The first element that Python might refuse.
    pub fallback: Option<Fallback>,
    refused: Option<NotColumnar>,
}

impl Elements for Skipped {
    fn fresh(&self) -> Self {
        Self::default()
    }

    fn parse(&mut self, scanner: &mut Scanner<'_>, _shape: &mut KeyOrder) -> Scan<()> {
        scanner.skip()?;
        self.refused = scanner.doubtful;
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        if let Some(why) = self.refused.take() {
            self.fallback.get_or_insert(Fallback::in_record(self.count, why));
        }
        self.count += 1;
        Ok(())
    }

    fn count(&self) -> usize {
        self.count
    }

    fn append(&mut self, part: &mut Self) -> Result<()> {
        if self.fallback.is_none() {
            self.fallback = part.fallback.map(|fallback| fallback.behind(self.count));
        }
        self.count += part.count;
        *part = Self::default();
        Ok(())
    }

    fn reserve(&mut self, _count: usize) -> Result<()> {
        Ok(())
    }
}
