"""Conventions on which tools disagree, each as an argument; a preset sets them as one tool does."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from meanap._types import (
        ConventionChanges,
        ConventionName,
        Divisor,
        DuplicateRule,
        EmptyRule,
        Gain,
        MissingRule,
        NegativeRule,
        RecallRounding,
        ScoreType,
        TieOrder,
    )

from meanap._keywords import did_you_mean
from meanap._settings import whole
from meanap.errors import InputError


@dataclass(frozen=True)
class Conventions:
    """The conventions of an evaluation; the defaults are trec_eval's, with scores in double precision.

    Attributes
    ----------
    divisor
        What average precision divides by: ``"relevant"`` (all relevant documents), ``"min(relevant, k)"``, ``"found"``
        (the relevant documents within the cut-off).
    ties
        The order of equal scores: ``"document-descending"``, ``"document-ascending"`` (text bytewise, integers as
        numbers), ``"stable"`` (as they came), ``"optimistic"``, ``"pessimistic"`` (the greatest and the least value
        that any order gives), ``"expected"`` (the mean over all orders), ``"grouped"`` (scikit-learn's: a tie is one
        step for ``map``; the mean over all orders for the others).
    score_dtype
        ``"float64"``, or ``"float32"``: scores are rounded before they are compared.
    empty
        What a query without a relevant document gives: ``"zero"``, ``"one"``, ``"nan"``, ``"skip"`` (left out and
        listed), ``"error"``.
    missing
        What a query gives that one side lacks: ``"skip"`` (only queries of both sides count), ``"zero"`` (a judged
        query without an answer counts as an empty list), ``"error"``.
    duplicates
        What a document gives that a list names twice: ``"error"``, ``"first"`` or ``"last"`` (that one counts, the
        others are as if not there), ``"once"`` (each takes a place, the best placed counts), ``"all"`` (each counts).
    negative
        The meaning of a negative grade: ``"unjudged"`` (pooled but not judged, as in trec_eval), ``"error"``.
    gain
        The gain of a grade in nDCG: ``"linear"`` or ``"exponential"`` (2^grade - 1).
    relevance_level
        The lowest grade that is relevant, at least 1.
    graded_below_level
        Whether nDCG gives a gain to positive grades below `relevance_level`.
    positive_scores_only
        Whether ``map``, ``p``, ``recall``, ``f1`` and ``rr`` take a relevant document whose score is 0 or less as not
        relevant.
    judged_only
        Whether documents without a judgement (or with a negative grade) are taken out of the lists before they are
        ranked, as trec_eval's ``-J`` does.
    compensated
        Whether the precisions of a query are added with Kahan's compensation, as pandas does.
    recall_rounding
        How many relevant documents a recall is in ``iprec`` and ``11pt_avg``: ``"up"`` (trec_eval 9: 0.9 is added and
        the rest dropped), ``"nearest"`` (trec_eval 10).
    """

    divisor: Divisor = "relevant"
    ties: TieOrder = "document-descending"
    score_dtype: ScoreType = "float64"
    empty: EmptyRule = "zero"
    missing: MissingRule = "skip"
    duplicates: DuplicateRule = "error"
    negative: NegativeRule = "unjudged"
    gain: Gain = "linear"
    relevance_level: int = 1
    graded_below_level: bool = True
    positive_scores_only: bool = False
    judged_only: bool = False
    compensated: bool = False
    recall_rounding: RecallRounding = "up"

    def __post_init__(self) -> None:
        for name, known in _KNOWN.items():
            if getattr(self, name) not in known:
                listed = ", ".join(map(repr, known))
                raise InputError(f"{name} is {getattr(self, name)!r}, expected one of {listed}")
        whole(self.relevance_level, "relevance_level", 1)
        for name in _FLAGS:
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise InputError(f"{name} is {getattr(self, name)!r}, expected True or False")

    def replace(self, **changes: Unpack[ConventionChanges]) -> Conventions:
        """A copy with some conventions changed; an unknown name raises TypeError, which suggests the nearest one."""
        return dataclasses.replace(self, **_checked(changes))

    def differing(self, other: Conventions) -> tuple[str, ...]:
        """The names of the conventions on which two differ."""
        return tuple(name for name in SETTINGS if getattr(self, name) != getattr(other, name))


_KNOWN = {
    "divisor": ("relevant", "min(relevant, k)", "found"),
    "ties": (
        "document-descending",
        "document-ascending",
        "stable",
        "optimistic",
        "pessimistic",
        "expected",
        "grouped",
    ),
    "score_dtype": ("float64", "float32"),
    "empty": ("zero", "one", "nan", "skip", "error"),
    "missing": ("skip", "zero", "error"),
    "duplicates": ("error", "first", "last", "once", "all"),
    "negative": ("unjudged", "error"),
    "gain": ("linear", "exponential"),
    "recall_rounding": ("up", "nearest"),
}

_FLAGS = ("graded_below_level", "positive_scores_only", "judged_only", "compensated")

SETTINGS = tuple(field.name for field in dataclasses.fields(Conventions))

PRESETS: dict[ConventionName, Conventions] = {
    "trec_eval": Conventions(score_dtype="float32"),
    "trec_eval-10": Conventions(recall_rounding="nearest"),
    "ml_metrics": Conventions(
        divisor="min(relevant, k)", ties="stable", missing="error", duplicates="once", negative="error"
    ),
    "ranx": Conventions(ties="stable", missing="error", duplicates="last", graded_below_level=False),
    "sklearn": Conventions(ties="grouped", missing="error", negative="error"),
    "torchmetrics": Conventions(
        divisor="found",
        ties="stable",
        score_dtype="float32",
        missing="error",
        negative="error",
        positive_scores_only=True,
    ),
    "tensorflow": Conventions(
        divisor="min(relevant, k)",
        ties="document-ascending",
        score_dtype="float32",
        empty="nan",
        missing="error",
        negative="error",
    ),
    "recommenders": Conventions(divisor="min(relevant, k)", ties="stable", duplicates="all", compensated=True),
}
"""The conventions of each tool, by name."""


def get(name: ConventionName) -> Conventions:
    """The conventions of a tool, by name.

    Raises
    ------
    ValueError
        No such preset; the message lists them.

    Examples
    --------
    >>> get("torchmetrics").divisor
    'found'
    """
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}, expected one of {', '.join(PRESETS)}")
    return PRESETS[name]


def resolve(protocol: ConventionName | Conventions | None, changes: ConventionChanges) -> Conventions:
    """Conventions from a preset's name, from others, or trec_eval's by default; with some of them changed."""
    if protocol is None:
        base = PRESETS["trec_eval"]
    elif isinstance(protocol, Conventions):
        base = protocol
    else:
        base = get(protocol)
    return base.replace(**changes) if changes else base


def _checked(changes: ConventionChanges) -> ConventionChanges:
    for name in changes:
        if name not in SETTINGS:
            hint = did_you_mean(name, SETTINGS) or f" (known: {', '.join(SETTINGS)})"
            raise TypeError(f"unknown convention {name!r}{hint}")
    return changes
