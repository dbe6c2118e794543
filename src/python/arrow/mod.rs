//! Arrow's capsules: tables of other libraries as NumPy columns, and NumPy columns as a table for them.

use pyo3::prelude::*;

mod export;
mod import;

pub(super) use import::ArrowTexts;

/// Adds the classes to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<import::ArrowTable>()?;
    module.add_class::<ArrowTexts>()?;
    module.add_class::<export::ArrowExport>()
}
