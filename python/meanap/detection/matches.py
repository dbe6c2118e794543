"""`MatchTable`, the match table as NumPy columns, and for table libraries."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrow import export
from meanap.protocol import Protocol

__all__ = ["MatchTable"]


class MatchTable:
    """The match table: one row for each of N evaluated detections, and columns of the G ground truths.

    Detections of one image and category are in order of falling score. Arrays of ids hold integers or strings, as they
    were given.

    Parameters
    ----------
    matches
        The table of the core.
    protocol
        The protocol by which was matched: its T thresholds are the columns of `matched`.
    area
        Name of the area range in which objects and detections are ignored or not.
    """

    def __init__(self, matches: _core.Matches, protocol: Protocol, area: str = "all") -> None:
        self._matches = matches
        self._protocol = protocol
        self.area = area
        self._last: tuple[int, dict[str, np.ndarray]] = -1, {}

    def in_area(self, area: str) -> MatchTable:
        """The same rows in another area range, where others are ignored.

        Raises
        ------
        ValueError
            There is no such area range.
        """
        return MatchTable(self._matches, self._protocol, area)

    @functools.cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        return self._matches.columns(self._protocol.area_index(self.area))

    def at(self, threshold: int) -> dict[str, np.ndarray]:
        """The columns of `positions` without ``rank`` at the threshold of this position.

        ``matched`` and ``ignored`` are ``(N,) bool``. The columns of the last threshold are stored.
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
        """The thresholds of the columns of `matched` and `ignored`."""
        return self._protocol.thresholds

    def positions(self) -> dict[str, np.ndarray]:
        """All columns, with the positions of images and categories instead of their ids."""
        return self._columns

    @property
    def image_id(self) -> np.ndarray:
        """The image id of each detection, ``(N,)``."""
        ids: np.ndarray = self._image_ids[self._columns["image"]]
        return ids

    @property
    def category_id(self) -> np.ndarray:
        """The category id of each detection, ``(N,)``."""
        ids: np.ndarray = self._category_ids[self._columns["category"]]
        return ids

    @property
    def rank(self) -> np.ndarray:
        """The rank of each detection within its image and category, ``(N,)``, from 0."""
        return self._columns["rank"]

    @property
    def score(self) -> np.ndarray:
        """The score of each detection, ``(N,)``."""
        return self._columns["score"]

    @property
    def matched(self) -> np.ndarray:
        """Whether each detection is matched at each threshold, ``(N, T) bool``."""
        return self._columns["matched"]

    @property
    def ignored(self) -> np.ndarray:
        """Whether each detection is ignored at each threshold, ``(N, T) bool``: neither true nor false positive."""
        return self._columns["ignored"]

    @property
    def truth_image_id(self) -> np.ndarray:
        """The image id of each ground truth, ``(G,)``."""
        ids: np.ndarray = self._image_ids[self._columns["truth_image"]]
        return ids

    @property
    def truth_category_id(self) -> np.ndarray:
        """The category id of each ground truth, ``(G,)``."""
        ids: np.ndarray = self._category_ids[self._columns["truth_category"]]
        return ids

    @property
    def truth_wanted(self) -> np.ndarray:
        """Whether each ground truth counts, ``(G,) bool``: it is not ignored."""
        return self._columns["truth_wanted"]

    def to_dict(self) -> dict[str, Any]:
        """The columns of detections by name, with ``matched_50``, ``ignored_50`` and so on for each threshold."""
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
