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

pub mod abi;
pub mod column;
pub mod export;
pub mod gather;
pub mod table;
pub mod view;

pub use column::Column;
pub use table::Table;
