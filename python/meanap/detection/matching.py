"""Matching of an input: once for the match table, and again for analyses that need other matches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _core
from meanap.detection.match_inputs import EvaluationSettings, MatchInput
from meanap.detection.match_log import new_log

if TYPE_CHECKING:
    from meanap.protocol import Protocol

__all__ = ["Matching"]


class Matching:
    """Matches ground truth and detections.

    Attributes
    ----------
    table : Matches
        The match table of the protocol.
    """

    def __init__(self, sides: MatchInput, settings: EvaluationSettings) -> None:
        self._sides = sides
        self._settings = settings
        self._rules: Protocol = settings.rules
        wanted = [any(math.isclose(iou, other) for other in settings.errors_at) for iou in self._rules.thresholds]
        self.table: _core.Matches = self._matched(partners=np.flatnonzero(wanted).tolist())

    def _new_log(self, rules: Protocol, score_range: tuple[float, float] | None, **analysis: Any) -> _core.MatchLog:
        options = self._settings.options
        return new_log(rules, options.similarity, options.box_format, score_range, **analysis)

    def _matched(
        self,
        known: tuple[_core.Matches, int, int] | None = None,
        least: Sequence[float] | None = None,
        **analysis: Any,
    ) -> _core.Matches:
        """The table of the protocol or of an analysis; `known` and `least` as for `MatchInput.match_at_once`."""
        sides = self._sides
        log = self._new_log(self._rules, sides.score_range, function=self._settings.function, **analysis)
        if sides.categories is not None:
            log.declare(sides.categories)
        if sides.match_at_once is not None:
            return sides.match_at_once(log, known=known, least=None if least is None else list(least))
        sides.append_to(log)
        return log.table()

    def confusions(self, ious: Sequence[float]) -> Iterator[_core.Matches]:
        """The table of a confusion matrix at each threshold; boxes are matched once for all of them where possible."""
        known = None
        if len(ious) > 1 and self._sides.match_at_once is not None:
            known = self._matched(without_categories=ious)
        for t, iou in enumerate(ious):
            yield self._matched(None if known is None else (known, 0, t), confusion=iou)

    def errors(self, iou: float, background: float, area: str, least: Sequence[float] | None = None) -> _core.Matches:
        """The table of error types, as for `Scores.error_table`; an evaluated threshold is not matched again."""
        known = None
        if iou in self._rules.thresholds:
            known = self.table, list(self._rules.area_ranges).index(area), self._rules.thresholds.index(iou)
        return self._matched(known, least, errors=(iou, background, area))

    @property
    def counts_jaccard(self) -> bool:
        """Whether `jaccard` can be called: all images are in memory."""
        return self._sides.call_with_columns is not None

    def jaccard(self, iou: float, scores: list[float]) -> list[np.ndarray]:
        """Matched pairs, objects and detections, as for `Scores.jaccard_counts`."""
        if self._sides.call_with_columns is None:
            raise RuntimeError("not all images are in memory")
        log = self._new_log(self._rules.replace(thresholds=(iou,)), None)
        counts: list[np.ndarray] = self._sides.call_with_columns(
            lambda truth, found, images, **_: log.jaccard(truth, found, images, scores)
        )
        return counts
