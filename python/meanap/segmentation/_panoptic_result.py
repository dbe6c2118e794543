"""The measures of panoptic segmentation, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from meanap._printable import on_one_line
from meanap.segmentation._result import PixelResult, percent
from meanap.segmentation._segments import as_json
from meanap.table import Table

_NAMES = ("pq", "sq", "rq")


@dataclass(frozen=True)
class PanopticResult(PixelResult):
    """Measures of panoptic segmentation. NaN: a category that neither side has; means leave it out.

    Attributes
    ----------
    categories
        As they were given.
    is_thing
        ``(K,) bool``.
    pq, sq, rq
        ``(K,)``, panoptic, segmentation and recognition quality, 0 to 1.
    true_positives, false_positives, false_negatives
        ``(K,) int64``, segments.
    images
        Pairs of maps matched.
    skipped
        What was left out, and why.
    """

    categories: list[dict[str, Any]] = field(repr=False)
    is_thing: np.ndarray = field(repr=False)
    pq: np.ndarray
    sq: np.ndarray
    rq: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray
    images: int
    skipped: list[str] = field(repr=False)

    @property
    def all(self) -> dict[str, Any]:
        """Means ``pq``, ``sq``, ``rq`` over the ``n`` categories that either side has."""
        return self._means(None)

    @property
    def things(self) -> dict[str, Any]:
        """The same means over the categories that have instances."""
        return self._means(True)

    @property
    def stuff(self) -> dict[str, Any]:
        """The same means over the categories without instances."""
        return self._means(False)

    def _means(self, things: bool | None) -> dict[str, Any]:
        # One after the other, as panopticapi adds, to the last bit.
        sums = {"pq": 0.0, "sq": 0.0, "rq": 0.0}
        n = 0
        for k, is_thing in enumerate(self.is_thing.tolist()):
            if np.isnan(self.pq[k]) or (things is not None and is_thing != things):
                continue
            n += 1
            for name in sums:
                sums[name] += float(getattr(self, name)[k])
        # DIFFERENCE: panopticapi divides by zero where no category is left.
        return {name: total / n if n else float("nan") for name, total in sums.items()} | {"n": n}

    @property
    def summary(self) -> Table:
        """The means over all categories, over things and over stuff, and of how many categories (``n``)."""
        groups = {"all": self.all, "things": self.things, "stuff": self.stuff}
        columns = {name: [row[name] for row in groups.values()] for name in (*_NAMES, "n")}
        return Table({"group": list(groups), **columns})

    @property
    def per_category(self) -> Table:
        """A row for each category: id and name, ``pq``, ``sq``, ``rq``, and the numbers of segments."""
        counts = ("true_positives", "false_positives", "false_negatives")
        return Table(
            {
                "category": [category["id"] for category in self.categories],
                "name": [str(category.get("name", category["id"])) for category in self.categories],
                **{name: np.asarray(getattr(self, name)) for name in (*_NAMES, *counts)},
            }
        )

    def _fields(self) -> dict[str, Any]:
        columns = (*_NAMES, "true_positives", "false_positives", "false_negatives")
        return {
            **{group: getattr(self, group) for group in ("all", "things", "stuff")},
            "per_category": [
                {**as_json(category), **{name: getattr(self, name)[k] for name in columns}}
                for k, category in enumerate(self.categories)
            ],
        }

    def _page(self, versus: PanopticResult | None, title: str, names: tuple[str, str]) -> str:
        from meanap.report.segments import page

        return page(self, versus, title, names)

    def __str__(self) -> str:
        """The means as a table."""
        lines = [f"{'':10s}| {'PQ':>5s}  {'SQ':>5s}  {'RQ':>5s} {'N':>5s}", "-" * 38]
        for name, means in (("All", self.all), ("Things", self.things), ("Stuff", self.stuff)):
            pq, sq, rq = (f"{100 * means[each]:5.1f}" if means["n"] else f"{'-':>5s}" for each in _NAMES)
            lines.append(f"{name:10s}| {pq}  {sq}  {rq} {means['n']:5d}")
        return "\n".join([*lines, *self._lines_of_skipped()])

    def per_category_table(self) -> str:
        """A row for each category."""
        names = [on_one_line(category.get("name", category["id"])) for category in self.categories]
        width = max(8, *map(len, names))
        lines = [f"{'category':<{width}}      PQ      SQ      RQ      TP      FP      FN"]
        for k, name in enumerate(names):
            shares = "".join(f"{percent(getattr(self, each)[k]):>8}" for each in _NAMES)
            counts = (self.true_positives[k], self.false_positives[k], self.false_negatives[k])
            lines.append(f"{name:<{width}}{shares}" + "".join(f"{count:>8}" for count in counts))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return Table(self.summary.columns, f"panoptic quality, {self.images:,} images")._repr_html_()
