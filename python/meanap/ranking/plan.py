"""The plan of an evaluation: measures by name, under conventions, as the core takes them."""

from __future__ import annotations

from typing import Any

from meanap import _core
from meanap.errors import InputError
from meanap.ranking.conventions import Conventions

__all__ = ["check_measures", "planned"]


def planned(measures: list[str], conventions: Conventions) -> Any:
    """The core's plan of these measures under these conventions."""
    return _core.RankingPlan(
        measures,
        divisor=conventions.divisor,
        ties=conventions.ties,
        score_dtype=conventions.score_dtype,
        duplicates=conventions.duplicates,
        gain=conventions.gain,
        relevance_level=conventions.relevance_level,
        graded_below_level=conventions.graded_below_level,
        positive_scores_only=conventions.positive_scores_only,
        judged_only=conventions.judged_only,
        compensated=conventions.compensated,
        recall_rounding=conventions.recall_rounding,
    )


def check_measures(measures: list[str], conventions: Conventions) -> Any:
    """The core's plan of these measures; a `ValueError` if one is unknown, stands twice or does not go with them."""
    plan = planned(measures, conventions)
    if len(set(plan.measures)) != len(plan.measures):
        raise InputError(f"a measure is named twice: {', '.join(plan.measures)}")
    return plan
