"""The match table as NumPy columns, and as Arrow."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrow import export
from meanap.protocol import Protocol

__all__ = ["MatchTable"]


class MatchTable:
    """One row for each evaluated detection, best score of an image's category first; and the ground truths.

    Columns of ``N`` detections: ``image_id``, ``category_id``, ``rank`` (within its image and category), ``score``,
    ``matched`` and ``ignored`` ``(N, T)``. Columns of ``G`` ground truths: ``truth_image_id``, ``truth_category_id``,
    ``truth_wanted`` (to be found: not ignored).
    """

    def __init__(self, matches: _core.Matches, protocol: Protocol, area: str = "all") -> None:
        self._matches = matches
        self._protocol = protocol
        self.area = area
        self._last: tuple[int, dict[str, np.ndarray]] = -1, {}

    def in_area(self, area: str) -> MatchTable:
        """The same rows as they count in another area range."""
        return MatchTable(self._matches, self._protocol, area)

    @functools.cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        return self._matches.columns(self._protocol.area_index(self.area))

    def at(self, threshold: int) -> dict[str, np.ndarray]:
        """The columns of `positions` at one threshold, by its position: ``matched`` and ``ignored`` are ``(N,)``.

        Those of the last threshold are stored.
        """
        if self._last[0] != threshold:
            self._last = -1, {}
            columns = self._matches.columns(self._protocol.area_index(self.area), threshold)
            del columns["rank"]
            self._last = threshold, columns
        return self._last[1]

    @functools.cached_property
    def _image_ids(self) -> np.ndarray:
        return _array(self._matches.image_ids)

    @functools.cached_property
    def _category_ids(self) -> np.ndarray:
        return _array(self._matches.category_ids)

    def __len__(self) -> int:
        return len(self._columns["score"])

    def __repr__(self) -> str:
        truths = len(self._columns["truth_image"])
        return f"MatchTable({len(self)} detections, {truths} ground truths, area={self.area!r})"

    @property
    def thresholds(self) -> tuple[float, ...]:
        """What the columns of `matched` stand for."""
        return self._protocol.thresholds

    def positions(self) -> dict[str, np.ndarray]:
        """All columns, with positions of images and categories in the place of ids."""
        return self._columns

    @property
    def image_id(self) -> np.ndarray:
        """The image of each detection, ``(N,)``."""
        ids: np.ndarray = self._image_ids[self._columns["image"]]
        return ids

    @property
    def category_id(self) -> np.ndarray:
        """Its category, ``(N,)``."""
        ids: np.ndarray = self._category_ids[self._columns["category"]]
        return ids

    @property
    def rank(self) -> np.ndarray:
        """Its rank within its image and category, ``(N,)``."""
        return self._columns["rank"]

    @property
    def score(self) -> np.ndarray:
        """Its score, ``(N,)``."""
        return self._columns["score"]

    @property
    def matched(self) -> np.ndarray:
        """Whether it matched, ``(N, T)`` bool."""
        return self._columns["matched"]

    @property
    def ignored(self) -> np.ndarray:
        """Whether it does not count, ``(N, T)`` bool."""
        return self._columns["ignored"]

    @property
    def truth_image_id(self) -> np.ndarray:
        """The image of each object, ``(G,)``."""
        ids: np.ndarray = self._image_ids[self._columns["truth_image"]]
        return ids

    @property
    def truth_category_id(self) -> np.ndarray:
        """Its category, ``(G,)``."""
        ids: np.ndarray = self._category_ids[self._columns["truth_category"]]
        return ids

    @property
    def truth_wanted(self) -> np.ndarray:
        """Whether it is to be found, ``(G,)`` bool."""
        return self._columns["truth_wanted"]

    def to_dict(self) -> dict[str, Any]:
        """The detections' columns, flat: ``matched_50`` and the like for each threshold."""
        columns: dict[str, Any] = {name: getattr(self, name) for name in ("image_id", "category_id", "rank", "score")}
        for t, threshold in enumerate(self.thresholds):
            suffix = f"{100 * threshold:g}"
            columns[f"matched_{suffix}"] = self.matched[:, t]
            columns[f"ignored_{suffix}"] = self.ignored[:, t]
        return columns

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The columns of `to_dict` for Polars, pandas, pyarrow and DuckDB: ``polars.DataFrame(result.matches)``."""
        return export(self.to_dict()).__arrow_c_stream__(requested_schema)


def _array(ids: list[Any]) -> np.ndarray:
    return np.array(ids) if ids else np.zeros(0, dtype=np.int64)
