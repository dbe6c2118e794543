//! Import and export of columns through the Arrow C data interface.
//!
//! The interface is three C structures that Arrow's makers promise never to change
//! (<https://arrow.apache.org/docs/format/CDataInterface.html> and `CStreamInterface.html`). They are all that is
//! needed to take a table from Polars, pandas, pyarrow or DuckDB without a copy and without any of them, so there is
//! no Arrow library beneath this: the smallest one is larger than this module.
//!
//! ```text
//! abi        the three structures and who frees them; with `view`, the only unsafe code
//! view       one array of a batch as slices
//! column     a column as plain arrays: numbers, flags, texts, lists
//! gather     the pieces of a column, one from each batch, as one
//! table      what a stream gave, column by column
//! export     our columns as a stream that others read
//! ```
//!
//! ```
//! use meanap::arrow::{Buffer, Column, Exported, Numbers, Table};
//!
//! let scores = Exported::values("score", "g", 2, Buffer::new(vec![0.5, 0.25]))?;
//! let table = Table::read(Exported::table(2, vec![scores])?.stream())?;
//! let values = Numbers::F64(vec![0.5, 0.25].into());
//! assert_eq!(table.column(0)?, Column::Numbers { values, shape: vec![2] });
//! # Ok::<(), meanap::Error>(())
//! ```

mod abi;
mod column;
mod export;
mod gather;
mod table;
mod view;

pub use abi::{ArrowArray, ArrowArrayStream, ArrowSchema};
pub use column::{Column, Numbers, Texts};
pub use export::{Buffer, Exported};
pub use table::Table;
