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

    /// The names of the columns; none if this is one column. The fields of a struct are columns by themselves:
    /// `box.x` and `box.y` in place of `box`.
    ///
    /// # Errors
    ///
    /// Structs are nested too deep.
    pub fn names(&self) -> Result<Option<Vec<String>>> {
        if self.schema.format() != STRUCT {
            return Ok(None);
        }
        Ok(Some(self.fields()?.into_iter().map(|field| field.name).collect()))
    }

    /// All columns.
    fn fields(&self) -> Result<Vec<Field<'_>>> {
        let mut fields = Vec::new();
        let within = Field { name: String::new(), path: Vec::new(), schema: &self.schema };
        within.flatten(&mut fields)?;
        Ok(fields)
    }

    /// The column in this place.
    ///
    /// # Errors
    ///
    /// There is no such column, it has a null, or its type cannot be read.
    pub fn column(&self, i: usize) -> Result<Column<'_>> {
        let field = self.fields()?.into_iter().nth(i);
        let Field { path, schema, .. } =
            field.ok_or_else(|| Error::value(format!("there is no column {i}")))?;
        let mut pieces = self.views()?;
        for at in path {
            no_nulls(&pieces, &rows)?;
            for piece in &mut pieces {
                *piece = piece.field(at)?;
            }
        }
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

/// Arrow's format of a struct.
const STRUCT: &str = "+s";

/// Most structs within structs.
const DEEPEST: usize = 16;

/// A column, or a struct of columns.
struct Field<'a> {
    name: String,
    /// Its position in the table, or that of a struct and then its own in it.
    path: Vec<usize>,
    schema: &'a ArrowSchema,
}

impl<'a> Field<'a> {
    /// Adds the columns that this is.
    fn flatten(self, fields: &mut Vec<Field<'a>>) -> Result<()> {
        if self.schema.format() != STRUCT {
            return push(fields, self);
        }
        if self.path.len() > DEEPEST {
            return Err(Error::wrong_type(format!("structs are nested more than {DEEPEST} deep")));
        }
        for (at, schema) in self.schema.children().enumerate() {
            let own = schema.name();
            let name = if self.path.is_empty() { own.into_owned() } else { format!("{}.{own}", self.name) };
            let path = self.path.iter().copied().chain([at]).collect();
            Field { name, path, schema }.flatten(fields)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::{Column, Numbers};
    use super::super::export::{Buffer, Exported};
    use super::*;

    fn numbers(name: &str, values: Vec<f64>) -> Exported {
        Exported::values(name, "g", values.len(), Buffer::new(values)).unwrap()
    }

    #[test]
    fn fields_of_structs_are_columns() {
        let sides = vec![numbers("x", vec![1.0, 2.0]), numbers("y", vec![3.0, 4.0])];
        let corner = Exported::table(2, sides).unwrap();
        let table = Exported::table(2, vec![numbers("score", vec![0.5, 0.25]), corner]).unwrap();
        let table = Table::read(table.stream()).unwrap();
        assert_eq!(table.names().unwrap().unwrap(), ["score", ".x", ".y"]);
        let values = Numbers::F64(vec![3.0, 4.0].into());
        assert_eq!(table.column(2).unwrap(), Column::Numbers { values, shape: vec![2] });
        assert!(table.column(3).is_err());
    }

    #[test]
    fn structs_that_are_nested_too_deep_are_refused() {
        let mut within = numbers("x", vec![1.0]);
        for _ in 0..DEEPEST + 2 {
            within = Exported::table(1, vec![within]).unwrap();
        }
        let table = Table::read(within.stream()).unwrap();
        assert!(table.names().unwrap_err().to_string().contains("nested more than"));
    }
}
