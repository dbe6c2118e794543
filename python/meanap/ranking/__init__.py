"""Metrics over ranked lists, such as MAP, with each tool's conventions.

- `evaluate`, `RankingResult`: measures of runs against relevance judgements.
- `evaluate_diversity`: measures of runs against judgements by subtopic.
- `rbo`: rank-biased overlap of two runs, without judgements.
- `apk_values`: average precision at k of recommendation lists.
- `Conventions`, `PRESETS`, `get`: what tools disagree on; `explain_difference` computes the contribution of each,
  `tie_range` what ties leave open.
- `compare`: paired tests between runs.
- `AveragePrecisionAtK`: streaming, dense scores.

Names of other packages are in `meanap.compat` and can be imported from here too: `apk`, `mapk` (ml_metrics);
`RelevanceEvaluator`, `parse_run`, `parse_qrel`, `supported_measures`, `supported_nicknames`,
`compute_aggregated_measure` (pytrec_eval); `average_precision_score`, `precision_recall_curve` (scikit-learn).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meanap._on_access import on_access
from meanap.ranking.comparison import compare
from meanap.ranking.conventions import PRESETS, Conventions, get
from meanap.ranking.diversity import evaluate_diversity
from meanap.ranking.evaluation import evaluate
from meanap.ranking.explain import TieRange, explain_difference, tie_range
from meanap.ranking.lists import apk_values
from meanap.ranking.overlap import rbo
from meanap.ranking.result import RankingResult
from meanap.ranking.streaming import AveragePrecisionAtK

if TYPE_CHECKING:
    from meanap.compat.ml_metrics import apk, mapk
    from meanap.compat.pytrec_eval import (
        RelevanceEvaluator,
        compute_aggregated_measure,
        parse_qrel,
        parse_run,
        supported_measures,
        supported_nicknames,
    )
    from meanap.compat.sklearn import PrecisionRecallCurve, average_precision_score, precision_recall_curve

__all__ = [
    "PRESETS",
    "AveragePrecisionAtK",
    "Conventions",
    "PrecisionRecallCurve",
    "RankingResult",
    "RelevanceEvaluator",
    "TieRange",
    "apk",
    "apk_values",
    "average_precision_score",
    "compare",
    "compute_aggregated_measure",
    "evaluate",
    "evaluate_diversity",
    "explain_difference",
    "get",
    "mapk",
    "parse_qrel",
    "parse_run",
    "precision_recall_curve",
    "rbo",
    "supported_measures",
    "supported_nicknames",
    "tie_range",
]

# The names of other packages and their modules, which are imported on first access.
_COMPAT = {
    "PrecisionRecallCurve": "meanap.compat.sklearn",
    "RelevanceEvaluator": "meanap.compat.pytrec_eval",
    "apk": "meanap.compat.ml_metrics",
    "average_precision_score": "meanap.compat.sklearn",
    "compute_aggregated_measure": "meanap.compat.pytrec_eval",
    "mapk": "meanap.compat.ml_metrics",
    "parse_qrel": "meanap.compat.pytrec_eval",
    "parse_run": "meanap.compat.pytrec_eval",
    "precision_recall_curve": "meanap.compat.sklearn",
    "supported_measures": "meanap.compat.pytrec_eval",
    "supported_nicknames": "meanap.compat.pytrec_eval",
}


if not TYPE_CHECKING:  # A type checker that saw it would accept any name.
    __getattr__ = on_access("meanap.ranking", _COMPAT)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
