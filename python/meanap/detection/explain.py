"""Why two numbers of the same detections differ: one factor changed at a time, until one number is the other."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from meanap.detection.evaluation import evaluate, settled
from meanap.detection.files import DetectionFile, TruthFile
from meanap.detection.result import Result
from meanap.detection.table import Table
from meanap.protocol import Protocol, SummaryRow

__all__ = ["FACTORS", "Difference", "explain_difference"]

#: Numbers that every protocol can have.
_NUMBERS = {
    "ap": SummaryRow("ap"),
    "ap50": SummaryRow("ap50", threshold=0.5),
    "ap75": SummaryRow("ap75", threshold=0.75),
    "ar": SummaryRow("ar", "recall"),
}
#: Presets of tools that know annotations by their ids.
_BY_ID = ("coco", "lvis")
_TIES = ("given", "least", "expected", "greatest")


@dataclass(frozen=True)
class _Settings:
    """What one side does: a protocol, and what no protocol says."""

    name: str
    rules: Protocol
    ties: str


class Difference(Table):
    """One row for each factor on which the two sides differ, in the order in which they were changed.

    Columns: ``factor``; ``before`` and ``after``, what it is for a and for b; ``value``, the number once this factor
    and those above are as for b; ``change``, what it added. The changes add up to ``difference``, and the last
    ``value`` is ``b``.

    Attributes
    ----------
    number : str
        Which number.
    a, b, difference : float
        It for either side, and b - a.
    """

    number: str
    names: tuple[str, str]
    a: float
    b: float
    _ends: tuple[Callable[[], Result], Callable[[], Result]]

    @property
    def difference(self) -> float:
        return self.b - self.a

    def ties(self, orders: int = 100, seed: int = 0) -> Table:
        """The least, the expected and the greatest that the order of equal scores makes of either number: ``side``,
        ``value``, ``least``, ``expected``, ``greatest``. Tools that sort without keeping equal scores in order end up
        anywhere between."""
        row = _NUMBERS[self.number]
        ties = [end().ties(row, orders=orders, seed=seed) for end in self._ends]
        return Table(
            {
                "side": list(self.names),
                "value": np.array([self.a, self.b]),
                **{name: np.array([getattr(t, name) for t in ties]) for name in ("least", "expected", "greatest")},
            }
        )

    def __repr__(self) -> str:
        first, second = self.names
        lines = [f"{self.number}: {self.a:.4f} ({first}) -> {self.b:.4f} ({second}), {self.difference:+.4f}"]
        for row in self:
            lines.append(f"  {row['change']:+.4f}  {row['factor']}: {row['before']} -> {row['after']}")
        return "\n".join(lines)


def explain_difference(
    ground_truth: Any,
    detections: Any,
    a: str | Protocol | Mapping[str, Any],
    b: str | Protocol | Mapping[str, Any],
    similarity: str = "bbox",
    number: str = "ap",
    *,
    order: Sequence[str] | None = None,
    box_format: str = "xyxy",
    score_range: tuple[float, float] | None = (0.0, 1.0),
) -> Difference:
    """Why two tools give different numbers for the same detections.

    The input is scored as `a` does; then one factor after the other is changed to what it is for `b`, and what each
    adds is written down. A factor's part depends on those that were changed before it, so the order matters and is
    told: ids, ties, rounding, thresholds, box edges, matching order, crowd and ignored objects, unlabelled categories,
    maximum detections, categories, interpolation, mean, keypoint spreads; or another that is given.

    Parameters
    ----------
    ground_truth, detections, similarity, box_format, score_range
        As for `meanap.evaluate`.
    a, b : str, Protocol or mapping
        Presets (``"coco"``, ``"ultralytics"``, ``"torchmetrics"``, ``"voc2012"``, ``"lvis"``, …), protocols, or
        options: fields of the protocol to replace, with ``"protocol"`` for where to begin (``"coco"`` by default), and
        ``"ties"``, ``"given"``, or ``"least"``, ``"expected"``, ``"greatest"`` over the orders of equal scores.
        ``"coco"`` and ``"lvis"`` treat annotation ids as their tools do, unless ``"reference_ids"`` is False: an object
        whose id is 0 is never found, and of annotations with the same id the last stands for all.
    number : {"ap", "ap50", "ap75", "ar"}
    order : sequence of str
        Names of factors to change first.

    Returns
    -------
    Difference
        A table; its changes add up to the whole difference.

    Raises
    ------
    ValueError
        Input that cannot be used, an unknown option, or a number that one side does not have.

    >>> import meanap
    >>> truth = [{"boxes": [[0, 0, 10, 10], [50, 0, 60, 10]], "labels": [1, 1]}]
    >>> found = [{"boxes": [[0, 0, 10, 10], [50, 0, 57, 10]], "labels": [1, 1], "scores": [0.9, 0.8]}]
    >>> meanap.explain_difference(truth, found, "coco", {"thresholds": [0.5]})
    ap: 0.7525 (coco) -> 1.0000 (options), +0.2475
      +0.2475  thresholds: 10 from 0.5 to 0.95 -> 0.5
    """
    if number not in _NUMBERS:
        raise ValueError(f"number: expected one of {', '.join(map(repr, _NUMBERS))}, found {number!r}")
    first, second = _settings(a, "a", similarity), _settings(b, "b", similarity)
    names = [name for name, *_ in FACTORS]
    for name in order or ():
        if name not in names:
            raise ValueError(f"order: no factor {name!r}; there are {', '.join(map(repr, names))}")
    scene = _Scene(ground_truth, detections, similarity, box_format, score_range)
    if not scene.odd_ids:
        first, second = (replace(s, rules=replace(s.rules, reference_ids=False)) for s in (first, second))

    def value(settings: _Settings) -> float:
        found = scene.result(settings, number).number(_NUMBERS[number])
        if settings.ties != "given":
            found = getattr(scene.result(settings, number).ties(_NUMBERS[number]), settings.ties)
        return found

    start, end = value(first), value(second)
    for settings, number_of in ((first, start), (second, end)):
        if math.isnan(number_of):
            raise ValueError(f"{settings.name} has no {number!r} for this input")
    rows: list[tuple[str, str, str, float, float]] = []
    now, reached = first, start
    for name in sorted(names, key=lambda name: [*(order or ()), *names].index(name)):
        _, change, text = next(factor for factor in FACTORS if factor[0] == name)
        then = change(now, second)
        if _same(then, now):
            continue
        # What has come all the way is not scored again: the last value is b's own.
        after = end if _same(then, second) else value(then)
        rows.append((name, text(now), text(then), after, after - reached))
        now, reached = then, after
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), (), ()]
    difference = Difference(
        {
            "factor": list(columns[0]),
            "before": list(columns[1]),
            "after": list(columns[2]),
            "value": np.array(columns[3], dtype=np.float64),
            "change": np.array(columns[4], dtype=np.float64),
        }
    )
    difference.number, difference.names = number, (first.name, second.name)
    difference.a, difference.b = start, end
    difference._ends = (lambda: scene.result(first, number), lambda: scene.result(second, number))
    return difference


def _settings(side: Any, place: str, similarity: str) -> _Settings:
    options = dict(side) if isinstance(side, Mapping) else {"protocol": side}
    base = options.pop("protocol", "coco")
    ties = options.pop("ties", "given")
    if ties not in _TIES:
        raise ValueError(f"{place}: ties: expected one of {', '.join(map(repr, _TIES))}, found {ties!r}")
    rules = settled(base, similarity, options)
    by_id = options.get("reference_ids", rules.reference_ids or rules.name in _BY_ID)
    name = "options" if isinstance(side, Mapping) and set(side) - {"protocol"} else rules.name
    if "all" not in rules.area_ranges:
        raise ValueError(f'{place}: area_ranges: "all" is missing')
    # Nothing but the number itself is looked at, in all sizes.
    alone = {"area_ranges": {"all": rules.area_ranges["all"]}, "summary": (), "name": ""}
    return _Settings(name, rules.replace(**alone, reference_ids=by_id), ties)


def _same(a: _Settings, b: _Settings) -> bool:
    return (a.rules, a.ties) == (b.rules, b.ties)


class _Scene:
    """The input, read once."""

    def __init__(
        self,
        ground_truth: Any,
        detections: Any,
        similarity: str,
        box_format: str,
        score_range: tuple[float, float] | None,
    ) -> None:
        self.options: dict[str, Any] = {"box_format": box_format, "score_range": score_range}
        self.similarity = similarity
        self.truth = self.truth_by_id = ground_truth
        self.detections = detections
        self._held: tuple[_Settings, Result] | None = None
        #: Whether ids decide about anything: one is 0, or comes twice.
        self.odd_ids = False
        if isinstance(ground_truth, (str, os.PathLike)):
            file = TruthFile(ground_truth, similarity)
            if isinstance(detections, (str, os.PathLike)):
                self.detections = DetectionFile(detections, similarity, file)
            self.truth = self.truth_by_id = file
            self.odd_ids = file.columns is not None and 0 in file.annotation_ids()
            ground_truth = file.load() if file.columns is None else None
        if isinstance(ground_truth, Mapping) and "annotations" in ground_truth:
            self.truth = self.truth_by_id = ground_truth
            annotations = ground_truth["annotations"]
            ids = [annotation.get("id") for annotation in annotations]
            if None not in ids and (0 in ids or len(set(ids)) < len(ids)):
                self.odd_ids = True
                last = dict(zip(ids, annotations, strict=True))
                self.truth_by_id = {**ground_truth, "annotations": [last[id] for id in ids]}

    def result(self, settings: _Settings, number: str) -> Result:
        if self._held is None or self._held[0] != settings:
            rules = settings.rules.replace(name=settings.name, summary=(_NUMBERS[number],))
            truth = self.truth_by_id if rules.reference_ids else self.truth
            self._held = (settings, evaluate(truth, self.detections, self.similarity, rules, **self.options))
        return self._held[1]


# Factors: each takes what is so far, and what b does, and gives what is next


def _field(*fields: str) -> Callable[[_Settings, _Settings], _Settings]:
    def change(now: _Settings, end: _Settings) -> _Settings:
        return replace(now, rules=replace(now.rules, **{field: getattr(end.rules, field) for field in fields}))

    return change


def _nearest(values: Any, others: Any) -> Any:
    """Values, spelt as the others are where they are the same but for rounding."""
    if isinstance(values, str) or isinstance(others, str):
        return values
    spelt = {round(other, 6): other for other in others}
    return tuple(spelt.get(round(value, 6), value) for value in values)


def _round(now: _Settings, end: _Settings) -> _Settings:
    fields = ("thresholds", "recall")
    spelt = {field: _nearest(getattr(now.rules, field), getattr(end.rules, field)) for field in fields}
    return replace(now, rules=replace(now.rules, **spelt))


def _numbers(values: Any) -> str:
    if isinstance(values, str):
        return values
    if len(values) < 4:
        return ", ".join(f"{value:g}" for value in values)
    return f"{len(values)} from {values[0]:g} to {values[-1]:g}"


def _precision(settings: _Settings) -> str:
    values = [v for v in (settings.rules.thresholds, settings.rules.recall) if not isinstance(v, str)]
    single = all(float(np.float32(x)) == x for group in values for x in group)
    return "single precision" if single else "double precision"


def _limits(settings: _Settings) -> str:
    limit, whole = settings.rules.max_detections[-1], settings.rules.max_per_image
    told = [f"{limit} of a category" if limit < 2**31 - 1 else "", f"{whole} in all" if whole else ""]
    return ", ".join(filter(None, told)) or "no limit"


#: In the order in which they are changed: name, the change, and how a setting reads.
FACTORS: tuple[tuple[str, Callable[[_Settings, _Settings], _Settings], Callable[[_Settings], str]], ...] = (
    ("ids", _field("reference_ids"), lambda s: "decide" if s.rules.reference_ids else "are names"),
    ("ties", lambda now, end: replace(now, ties=end.ties), lambda s: s.ties),
    ("rounding", _round, _precision),
    ("thresholds", _field("thresholds"), lambda s: _numbers(s.rules.thresholds)),
    ("box edges", _field("pixels"), lambda s: "far edge of the last pixel" if s.rules.pixels else "as given"),
    ("matching order", _field("matcher"), lambda s: s.rules.matcher),
    (
        "crowd and ignored objects",
        _field("crowds", "area_ranges", "size"),
        lambda s: (
            f"crowds {'match many times' if s.rules.crowds else 'are ignored'}, "
            f"{s.rules.size} up to {s.rules.area_ranges['all'][1]:g}"
        ),
    ),
    (
        "unlabelled categories",
        _field("federated"),
        lambda s: "left out" if s.rules.federated else "count",
    ),
    ("maximum detections", _field("max_detections", "max_per_image"), _limits),
    ("categories", _field("by_category"), lambda s: "apart" if s.rules.by_category else "all one"),
    ("interpolation", _field("recall"), lambda s: _numbers(s.rules.recall)),
    ("mean", _field("average"), lambda s: s.rules.average),
    ("keypoint spreads", _field("sigmas"), lambda s: "none" if s.rules.sigmas is None else f"{len(s.rules.sigmas)}"),
)
