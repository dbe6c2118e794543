"""Metrics over ranked lists, such as MAP, with each tool's conventions.

- `apk`, `mapk`, `apk_values`: average precision at k of recommendation lists (ml_metrics' numbers).
- `evaluate`, `RelevanceEvaluator`, `RankingResult`: measures of runs against relevance judgements (trec_eval's).
- `parse_run`, `parse_qrel`, `supported_measures`, `supported_nicknames`, `compute_aggregated_measure`: the rest of
  pytrec_eval.
- `Conventions`, `PRESETS`, `get`: what tools disagree on; `explain_difference` computes the contribution of each,
  `tie_range` what ties leave open.
- `compare`: paired tests between runs.
- `AveragePrecisionAtK`: streaming, dense scores (TensorFlow's).
- `average_precision_score`, `precision_recall_curve`: classifiers (scikit-learn's).
"""

from meanap.ranking.classification import (
    PrecisionRecallCurve,
    average_precision_score,
    precision_recall_curve,
)
from meanap.ranking.comparison import Comparison, compare
from meanap.ranking.conventions import PRESETS, Conventions, get
from meanap.ranking.evaluation import Interval, RankingResult, RelevanceEvaluator, evaluate
from meanap.ranking.explain import Explanation, Share, TieRange, explain_difference, tie_range
from meanap.ranking.lists import apk, apk_values, mapk
from meanap.ranking.streaming import AveragePrecisionAtK
from meanap.ranking.trec_eval import (
    compute_aggregated_measure,
    parse_qrel,
    parse_run,
    supported_measures,
    supported_nicknames,
)

__all__ = [
    "PRESETS",
    "AveragePrecisionAtK",
    "Comparison",
    "Conventions",
    "Explanation",
    "Interval",
    "PrecisionRecallCurve",
    "RankingResult",
    "RelevanceEvaluator",
    "Share",
    "TieRange",
    "apk",
    "apk_values",
    "average_precision_score",
    "compare",
    "compute_aggregated_measure",
    "evaluate",
    "explain_difference",
    "get",
    "mapk",
    "parse_qrel",
    "parse_run",
    "precision_recall_curve",
    "supported_measures",
    "supported_nicknames",
    "tie_range",
]
