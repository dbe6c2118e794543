//! The columns of an imported stream.

use super::abi::{ArrowArray, ArrowArrayStream, ArrowSchema};
use super::column::Column;
use super::gather::{gather, no_nulls, not_too_deep, rows};
use super::view::View;
use crate::error::{Error, Result, push, with_capacity};

/// Everything that a stream gave: a table, or one column if its type is not a struct.
#[derive(Debug)]
pub struct Table {
    // Before the schema: what frees a batch may read its type.
    batches: Vec<ArrowArray>,
    schema: ArrowSchema,
    /// How many rows there are.
    pub len: usize,
}

impl Table {
    /// Reads a stream to its end.
    ///
    /// # Errors
    ///
    /// The stream reports an error, or its data is broken.
    pub fn read(mut stream: ArrowArrayStream) -> Result<Self> {
        let schema = stream.schema()?;
        let mut batches = Vec::new();
        while let Some(batch) = stream.next_batch()? {
            push(&mut batches, batch)?;
        }
        Self::new(schema, batches)
    }

    /// One batch, or several of one type.
    ///
    /// # Errors
    ///
    /// The data is broken.
    pub fn new(schema: ArrowSchema, batches: Vec<ArrowArray>) -> Result<Self> {
        let mut len = 0_usize;
        for batch in &batches {
            let more = View::new(&schema, batch)?.len;
            len = len.checked_add(more).ok_or_else(|| Error::value("broken Arrow data: too many rows"))?;
        }
        Ok(Table { batches, schema, len })
    }

    /// The names of the columns; none if this is one column.
    pub fn names(&self) -> Option<Vec<String>> {
        let names = || self.schema.children().map(|child| child.name().into_owned()).collect();
        (self.schema.format() == "+s").then(names)
    }

    /// The column in this place.
    ///
    /// # Errors
    ///
    /// There is no such column, it has a null, or its type cannot be read.
    pub fn column(&self, i: usize) -> Result<Column<'_>> {
        let whole = self.views()?;
        no_nulls(&whole, &rows)?;
        let mut pieces = with_capacity(whole.len())?;
        for view in &whole {
            pieces.push(view.field(i)?);
        }
        let schema = self.schema.children().nth(i);
        let schema = schema.ok_or_else(|| Error::value(format!("there is no column {i}")))?;
        not_too_deep(schema)?;
        gather(schema, &pieces, &rows)
    }

    /// The values, if this is one column.
    ///
    /// # Errors
    ///
    /// The values have a null, or a type that cannot be read.
    pub fn values(&self) -> Result<Column<'_>> {
        not_too_deep(&self.schema)?;
        gather(&self.schema, &self.views()?, &rows)
    }

    fn views(&self) -> Result<Vec<View<'_>>> {
        let mut views = with_capacity(self.batches.len())?;
        for batch in &self.batches {
            views.push(View::new(&self.schema, batch)?);
        }
        Ok(views)
    }
}
