//! The bindings of the measures over ranked lists.

use pyo3::prelude::*;

mod classification;
mod columns;
mod dense;
mod evaluate;
mod integers;
mod lists;
mod overlap;
mod plan;
mod qrels;
mod statistics;

/// Adds what `meanap.ranking` is made of.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<plan::PyPlan>()?;
    module.add_class::<qrels::PyQrels>()?;
    module.add_class::<qrels::PyRun>()?;
    module.add_function(wrap_pyfunction!(plan::expand_measures, module)?)?;
    module.add_function(wrap_pyfunction!(plan::trec_eval_measures, module)?)?;
    module.add_function(wrap_pyfunction!(lists::apk_of_lists, module)?)?;
    module.add_function(wrap_pyfunction!(lists::apk_of_arrays, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate::evaluate_run, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate::evaluate_dicts, module)?)?;
    module.add_function(wrap_pyfunction!(overlap::rank_biased_overlap, module)?)?;
    module.add_function(wrap_pyfunction!(dense::dense_average_precision, module)?)?;
    module.add_function(wrap_pyfunction!(dense::dense_mean, module)?)?;
    module.add_function(wrap_pyfunction!(classification::average_precision, module)?)?;
    module.add_function(wrap_pyfunction!(classification::average_precision_of_columns, module)?)?;
    module.add_function(wrap_pyfunction!(classification::precision_recall, module)?)?;
    module.add_function(wrap_pyfunction!(statistics::bootstrap_means, module)?)?;
    module.add_function(wrap_pyfunction!(statistics::randomisation_test, module)?)?;
    module.add_function(wrap_pyfunction!(statistics::paired_t_test, module)?)?;
    module.add_function(wrap_pyfunction!(statistics::holm, module)?)?;
    Ok(())
}
