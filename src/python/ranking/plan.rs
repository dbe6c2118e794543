//! Measures and conventions by name.

use std::sync::Arc;

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

use crate::error::collect;
use crate::ranking::conventions::{
    Conventions, Divisor, Duplicates, Gain, RecallRounding, Ties, single_named,
};
use crate::ranking::measure::Measure;
use crate::ranking::plan::Plan;
use crate::ranking::subtopics::Subtopics;
use crate::ranking::trec_eval;

/// The measures and conventions of an evaluation, checked.
#[pyclass(frozen, module = "meanap._core", name = "RankingPlan")]
pub(super) struct PyPlan {
    /// What the core takes.
    pub plan: Plan,
}

#[pymethods]
impl PyPlan {
    #[new]
    #[pyo3(signature = (
        measures, *, divisor, ties, score_dtype, duplicates, gain, relevance_level, graded_below_level,
        positive_scores_only, judged_only, compensated, recall_rounding, subtopics=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one call")]
    fn new(
        measures: Vec<String>,
        divisor: &str,
        ties: &str,
        score_dtype: &str,
        duplicates: &str,
        gain: &str,
        relevance_level: i64,
        graded_below_level: bool,
        positive_scores_only: bool,
        judged_only: bool,
        compensated: bool,
        recall_rounding: &str,
        subtopics: Option<[PyReadonlyArray1<i64>; 3]>,
    ) -> PyResult<Self> {
        let measures = measures.iter().map(|name| Measure::parse(name)).collect::<Result<_, _>>()?;
        let conventions = Conventions {
            divisor: Divisor::named(divisor)?,
            ties: Ties::named(ties)?,
            single: single_named(score_dtype)?,
            duplicates: Duplicates::named(duplicates)?,
            gain: Gain::named(gain)?,
            level: relevance_level,
            graded_below_level,
            positive_scores_only,
            judged_only,
            compensated,
            recall_rounding: RecallRounding::named(recall_rounding)?,
        };
        let mut plan = Plan::new(measures, conventions)?;
        if let Some([offsets, codes, grades]) = subtopics {
            let offsets = collect(offsets.as_slice()?.iter().map(|&offset| offset as usize))?;
            let pairs = codes.as_slice()?.iter().zip(grades.as_slice()?);
            let about = collect(pairs.map(|(&code, &grade)| (code as u32, grade)))?;
            plan.subtopics = Some(Arc::new(Subtopics::new(offsets, about)?));
        }
        Ok(PyPlan { plan })
    }

    /// The geometric mean has to be taken of which measures: their values are logarithms.
    #[getter]
    fn logarithms(&self) -> Vec<bool> {
        self.plan.measures.iter().map(Measure::is_logarithm).collect()
    }

    /// Which measures need judgements by subtopic.
    #[getter]
    fn by_subtopic(&self) -> Vec<bool> {
        self.plan.measures.iter().map(Measure::is_by_subtopic).collect()
    }

    /// The measures' names as we write them.
    #[getter]
    fn measures(&self) -> Vec<String> {
        self.plan.measures.iter().map(Measure::name).collect()
    }
}

/// The values that pytrec_eval's names ask for: the key of each, and the measure's name as we write it.
#[pyfunction]
pub(super) fn expand_measures(asked: Vec<String>) -> PyResult<Vec<(String, String)>> {
    Ok(trec_eval::expand(&asked)?.into_iter().map(|(key, measure)| (key, measure.name())).collect())
}

/// The names of trec_eval's measures, and those of its nicknames with what they stand for.
#[pyfunction]
pub(super) fn trec_eval_measures() -> (Vec<&'static str>, Vec<(&'static str, Vec<&'static str>)>) {
    trec_eval::known()
}
