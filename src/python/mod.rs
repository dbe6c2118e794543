//! The PyO3 bindings: convert, release the GIL, call, wrap. No other module uses PyO3.

use std::path::{Path, PathBuf};

use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyOSError, PyRuntimeError};
use pyo3::prelude::*;

use crate::error::{Error, ErrorKind, Position, RowNumber};

mod raised {
    //! The classes of `meanap.errors`.
    pyo3::import_exception!(meanap.errors, InputError);
    pyo3::import_exception!(meanap.errors, InputTypeError);
    pyo3::import_exception!(meanap.errors, MissingFieldError);
    pyo3::import_exception!(meanap.errors, NestingError);
}

impl From<Error> for PyErr {
    fn from(error: Error) -> PyErr {
        match error.kind() {
            ErrorKind::Value | ErrorKind::NotJson(_) | ErrorKind::NotText | ErrorKind::WrongFile => {
                raised::InputError::new_err(arguments(&error))
            }
            ErrorKind::Type => raised::InputTypeError::new_err(arguments(&error)),
            ErrorKind::Missing => raised::MissingFieldError::new_err(arguments(&error)),
            ErrorKind::OutOfMemory | ErrorKind::Io(std::io::ErrorKind::OutOfMemory) => {
                PyMemoryError::new_err(error.to_string())
            }
            ErrorKind::Changed => PyRuntimeError::new_err(error.to_string()),
            ErrorKind::Cancelled => PyKeyboardInterrupt::new_err(error.to_string()),
            ErrorKind::Io(kind) => match PyErr::from(std::io::Error::new(kind, error.to_string())) {
                error if Python::attach(|py| error.is_instance_of::<PyOSError>(py)) => error,
                _ => PyOSError::new_err(error.to_string()),
            },
            ErrorKind::System(number) => Python::attach(|py| {
                let place = error.place();
                let name = place.and_then(|place| place.file.clone().map(PathBuf::into_os_string));
                // With a number, OSError finds the class itself: FileNotFoundError and its kin.
                let reason =
                    py.import("os").and_then(|os| Ok(os.call_method1("strerror", (number,))?.unbind()));
                reason.map_or_else(|error| error, |reason| PyOSError::new_err((number, reason, name)))
            }),
        }
    }
}

/// The arguments of an `InputError`: problem, source, record, field, found, expected, code, what a row is called, its
/// name, and the position in a text.
type InputErrorArguments = (
    Option<String>,
    Option<String>,
    Option<u64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<&'static str>,
    &'static str,
    Option<String>,
    Option<(u64, u64, u64)>,
);

fn arguments(error: &Error) -> InputErrorArguments {
    let problem = Some(error.problem().to_owned()).filter(|problem| !problem.is_empty());
    let place = error.place().cloned().unwrap_or_default();
    let (record, unit) = match place.row {
        Some(RowNumber::Record(number)) => (Some(number), "record"),
        Some(RowNumber::Row(number)) => (Some(number), "row"),
        Some(RowNumber::Line(number)) => (Some(number), "line"),
        None => (None, "record"),
    };
    let (code, position) = match error.kind() {
        ErrorKind::NotJson(Position { line, column, character }) => {
            (Some("not-json"), Some((line, column, character)))
        }
        ErrorKind::NotText => (Some("not-text"), None),
        ErrorKind::WrongFile => (Some("wrong-kind-of-file"), None),
        _ => (error.code(), None),
    };
    (problem, place.source, record, place.field, place.found, place.expected, code, unit, None, position)
}

/// A JSON file that Python cannot read because of its nesting.
fn nested_too_deeply(path: &Path) -> PyErr {
    let problem = "not JSON that Python can read: it is nested too deeply";
    let none = None::<&str>;
    let source = path.display().to_string();
    raised::NestingError::new_err((problem, source, none, none, none, none, "nested-too-deeply"))
}

/// A value of the caller's that cannot be used.
fn bad_value(problem: impl Into<String>) -> PyErr {
    Error::value(problem).into()
}

/// What a value is, as messages say it: `None`, `a list`, `an int`.
fn kind_of(value: &Bound<'_, PyAny>) -> String {
    if value.is_none() {
        return "None".to_owned();
    }
    let name = value.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string());
    let article = if name.starts_with(['A', 'E', 'I', 'O', 'a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}

mod annotation_flags;
mod annotation_index;
mod arrays;
mod arrow;
mod batch;
mod dataset;
mod direct;
mod eval_imgs;
mod evaluate;
mod extract;
mod index;
mod interruptible;
mod items;
mod labels;
mod log;
mod mask;
mod matches;
mod memory;
mod number;
mod numpy_exp;
mod objects;
mod objects_from_arrays;
mod once;
mod order;
mod own_similarity;
mod partition;
mod parts;
mod pixels;
mod plain_columns;
mod positions;
mod ranking;
mod record;
mod rotated;
mod segmentation;

pub(crate) use objects::{CodeIds, PyObjects};

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
    module.add_function(wrap_pyfunction!(dataset::kind_of_file, module)?)?;
    partition::register(module)?;
    module.add_function(wrap_pyfunction!(order::descending_order, module)?)?;
    positions::register(module)?;
    plain_columns::register(module)?;
    module.add_class::<evaluate::Evaluation>()?;
    module.add_function(wrap_pyfunction!(evaluate::evaluate, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate::similarities, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate::match_cell, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate::curves, module)?)?;
    pixels::register(module)?;
    mask::register(module)?;
    ranking::register(module)?;
    rotated::register(module)?;
    arrow::register(module)?;
    index::register(module)?;
    labels::register(module)?;
    annotation_index::register(module)?;
    annotation_flags::register(module)?;
    extract::register(module)?;
    module.add_class::<log::PyMatchLog>()?;
    matches::register(module)?;
    module.add_function(wrap_pyfunction!(objects_from_arrays::objects_from_arrays, module)?)?;
    memory::register(module)?;
    // Created by PyO3; declared in the stub.
    module.delattr("__all__")?;
    Ok(())
}
