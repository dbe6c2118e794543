//! The PyO3 bindings: convert, release the GIL, call, wrap. No other module uses PyO3.

use pyo3::exceptions::{
    PyKeyError, PyKeyboardInterrupt, PyMemoryError, PyOSError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;

use crate::error::{Error, ErrorKind};

impl From<Error> for PyErr {
    fn from(error: Error) -> PyErr {
        let message = error.message().to_owned();
        match error.kind() {
            ErrorKind::Value => PyValueError::new_err(message),
            ErrorKind::Type => PyTypeError::new_err(message),
            ErrorKind::Missing => PyKeyError::new_err(message),
            ErrorKind::OutOfMemory | ErrorKind::Io(std::io::ErrorKind::OutOfMemory) => {
                PyMemoryError::new_err(message)
            }
            ErrorKind::Cancelled => PyKeyboardInterrupt::new_err(message),
            ErrorKind::Io(kind) => match PyErr::from(std::io::Error::new(kind, message.clone())) {
                error if Python::attach(|py| error.is_instance_of::<PyOSError>(py)) => error,
                _ => PyOSError::new_err(message),
            },
        }
    }
}

mod apart;
mod arrays;
mod arrow;
mod batch;
mod dataset;
mod eval_imgs;
mod evaluate;
mod extract;
mod index;
mod items;
mod listed;
mod log;
mod marks;
mod mask;
mod matches;
mod number;
mod numpy_exp;
mod objects;
mod once;
mod parts;
mod pixels;
mod places;
mod plain;
mod ranking;
mod record;
mod segmentation;
mod watched;

pub use objects::{CodeIds, PyObjects};

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    crate::threads::prepare();
    once::register(module)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<PyObjects>()?;
    module.add_class::<dataset::PyDataset>()?;
    module.add_function(wrap_pyfunction!(dataset::read_dataset, module)?)?;
    module.add_function(wrap_pyfunction!(dataset::read_results, module)?)?;
    module.add_function(wrap_pyfunction!(dataset::read_text, module)?)?;
    apart::register(module)?;
    places::register(module)?;
    plain::register(module)?;
    module.add_class::<evaluate::Evaluation>()?;
    module.add_function(wrap_pyfunction!(evaluate::evaluate, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate::similarities, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate::match_cell, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate::curves, module)?)?;
    pixels::register(module)?;
    mask::register(module)?;
    ranking::register(module)?;
    arrow::register(module)?;
    index::register(module)?;
    listed::register(module)?;
    marks::register(module)?;
    extract::register(module)?;
    log::register(module)?;
    // Created by PyO3; declared in the stub.
    module.delattr("__all__")?;
    Ok(())
}
