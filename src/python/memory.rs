//! The memory of a process that is a command.

use pyo3::prelude::*;

use crate::allocator;

/// Adds what this file defines to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(share_one_heap, module)?)?;
    module.add_function(wrap_pyfunction!(give_back_memory, module)?)
}

/// Lets threads that begin afterwards take memory from one heap, as far as the system's allocator can.
#[pyfunction]
fn share_one_heap() {
    allocator::share_one_heap();
}

/// Gives memory that is free back to the system, as far as its allocator can.
#[pyfunction]
fn give_back_memory() {
    allocator::give_back();
}
