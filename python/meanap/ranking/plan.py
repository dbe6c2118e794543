"""The plan of an evaluation: measures by name, under conventions, as the core takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from meanap import _core
from meanap._arrays import shown
from meanap.errors import InputError, InputTypeError
from meanap.ranking.conventions import Conventions

__all__ = ["are_by_subtopic", "check_measures", "names_of", "planned", "texts_of"]

#: Where the subtopics of each row begin, ``(N + 1,)``, the subtopics, and the grade of the row's document for each.
Table: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]

#: trec_eval's names for several measures, and its lists of parameters: ``ndcg_cut.5,10``.
_NICKNAMES = {name for name, _ in _core.trec_eval_measures()[1]}
_PARAMETERS = re.compile(r"\w+[._]\d[\d.,=]*")


def texts_of(measures: Any) -> list[str]:
    """The texts that name measures, of which one may be given alone.

    Raises
    ------
    InputTypeError
        They are not texts.
    """
    texts: list[Any] = (
        [measures]
        if isinstance(measures, (str, bytes))
        else list(measures)
        if isinstance(measures, Iterable)
        else [measures]
    )
    for text in texts:
        if not isinstance(text, str):
            raise InputTypeError(f"measures: expected the name of a measure, or a list of names, found {shown(text)}")
    return texts


def names_of(measures: Any) -> list[str]:
    """The names of measures: those that a nickname or a list of parameters of trec_eval's stands for one by one.

    Raises
    ------
    InputTypeError
        They are not texts.
    InputError
        Several measures are in one text.
    """
    names: list[str] = []
    for text in texts_of(measures):
        listed = "," in re.sub(r"\(.*?\)", "", text)
        if listed and not _PARAMETERS.fullmatch(text):
            raise InputError(f'measure "{text}": several measures are a list of their names (-m for each)')
        if listed or text in _NICKNAMES:
            names += [name for _, name in _core.expand_measures([text])]
        else:
            names.append(text)
    return names


def planned(measures: list[str], conventions: Conventions, subtopics: Table | None = None) -> Any:
    """The core's plan of these measures under these conventions; with a table of what grades stand for."""
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
        subtopics=subtopics,
    )


def are_by_subtopic(measures: list[str]) -> bool:
    """Whether these measures need judgements by subtopic; a `ValueError` if only some of them do."""
    plan = planned(measures, Conventions())
    if any(plan.by_subtopic) and not all(plan.by_subtopic):
        pairs = list(zip(plan.measures, plan.by_subtopic, strict=True))
        named = next(name for name, needs in pairs if needs)
        other = next(name for name, needs in pairs if not needs)
        raise InputError(f"{named} needs judgements by subtopic and {other} does not: they are measured one at a time")
    return any(plan.by_subtopic)


def check_measures(measures: list[str], conventions: Conventions, subtopics: Table | None = None) -> Any:
    """The core's plan of these measures; a `ValueError` if one is unknown, stands twice or does not go with them."""
    plan = planned(measures, conventions, subtopics)
    for name, by_subtopic in zip(plan.measures, plan.by_subtopic, strict=True):
        if by_subtopic and subtopics is None:
            raise InputError(f"{name} needs judgements by subtopic: meanap.ranking.evaluate_diversity takes them")
        if subtopics is not None and not by_subtopic:
            raise InputError(f"{name} is no measure of subtopics: meanap.ranking.evaluate has it")
    if len(set(plan.measures)) != len(plan.measures):
        raise InputError(f"a measure is named twice: {', '.join(plan.measures)}")
    return plan
