"""scikit-learn's ranking metrics: of classifiers, of labels, of documents with grades."""

from meanap.compat.sklearn._classification import (
    PrecisionRecallCurve,
    average_precision_score,
    precision_recall_curve,
)
from meanap.compat.sklearn._labels import (
    coverage_error,
    dcg_score,
    label_ranking_average_precision_score,
    label_ranking_loss,
    ndcg_score,
)
from meanap.compat.sklearn._top_k import UndefinedMetricWarning, top_k_accuracy_score

__all__ = [
    "PrecisionRecallCurve",
    "UndefinedMetricWarning",
    "average_precision_score",
    "coverage_error",
    "dcg_score",
    "label_ranking_average_precision_score",
    "label_ranking_loss",
    "ndcg_score",
    "precision_recall_curve",
    "top_k_accuracy_score",
]
