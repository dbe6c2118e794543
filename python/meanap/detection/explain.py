"""Why two numbers of the same detections differ: the contribution of each setting, changed one at a time."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from meanap import readers
from meanap._keywords import suggesting
from meanap.detection.evaluation import evaluated
from meanap.detection.result import Result
from meanap.detection.scores import NUMBERS
from meanap.protocol import Protocol
from meanap.protocol._changes import with_changes
from meanap.readers._coco_files import DetectionFile, TruthFile
from meanap.statistics import Difference

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from meanap._types import (
        BoxFormat,
        DetectionsInput,
        GroundTruthInput,
        PresetName,
        ReadingOptions,
        SimilarityName,
    )

__all__ = ["FACTORS", "Factor", "explain_difference"]

#: Presets of tools whose results depend on annotation ids.
_BY_ID = ("coco", "lvis")
_TIES = ("given", "least", "expected", "greatest")


@dataclass(frozen=True)
class _Settings:
    """The settings of one side: a protocol, and options that are not part of a protocol."""

    name: str
    rules: Protocol
    similarity: SimilarityName
    box_format: BoxFormat
    score_range: tuple[float, float] | None
    ties: str

    def differing(self, other: _Settings) -> tuple[str, ...]:
        """The fields on which two differ, but for their names."""
        return tuple(name for name in (*_OPTIONS, *_FIELDS) if _value(self, name) != _value(other, name))


#: Options of a side beside the fields of the protocol.
_OPTIONS = ("similarity", "box_format", "score_range", "ties")
#: The protocol's fields that affect a number; the others define its name and which numbers are shown.
_FIELDS = tuple(field.name for field in dataclasses.fields(Protocol) if field.name not in ("name", "summary"))


def _value(settings: _Settings, name: str) -> Any:
    return getattr(settings if name in _OPTIONS else settings.rules, name)


@suggesting(lambda: ("format", "names", "images", "sizes", "columns", "on_error"))
def explain_difference(
    ground_truth: GroundTruthInput,
    detections: DetectionsInput,
    baseline: PresetName | Protocol | Mapping[str, object],
    candidate: PresetName | Protocol | Mapping[str, object],
    similarity: SimilarityName = "bbox",
    number: Literal["ap", "ap50", "ap75", "ar"] = "ap",
    *,
    order: Sequence[str] | None = None,
    box_format: BoxFormat = "xyxy",
    score_range: tuple[float, float] | None = (0.0, 1.0),
    **reading: Unpack[ReadingOptions],
) -> Difference:
    """Why two tools give different numbers for the same detections.

    The input is evaluated as by `baseline`; then one factor after the other is changed to its value for `candidate`,
    and the change of the number is recorded. A factor's contribution depends on those changed before it, so the order
    matters: by default that of `FACTORS`.

    Parameters
    ----------
    ground_truth, detections, similarity, box_format, score_range
        As for `meanap.evaluate`, for both sides.
    baseline, candidate
        A protocol or its name; or a dictionary of options: ``protocol`` ("coco" by default), fields of the protocol,
        ``similarity``, ``box_format``, ``score_range`` in place of those above, and ``ties``: equal scores as they
        are ``"given"``, or the ``"least"``, ``"expected"`` or ``"greatest"`` number that their order can make. "coco"
        and "lvis" treat annotation ids as their tools do, unless ``zero_id_unmatched`` is False: an object whose id is
        0 is never found, and of annotations with the same id the last stands for all.
    number : {"ap", "ap50", "ap75", "ar"}
    order : sequence of str
        Names of factors to change first.
    **reading
        ``format``, ``names``, ``images``, ``sizes``, ``columns``, ``on_error``, as for `meanap.evaluate`.

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
    if number not in NUMBERS:
        raise ValueError(f"number: expected one of {', '.join(map(repr, NUMBERS))}, found {number!r}")
    shared = {"similarity": similarity, "box_format": box_format, "score_range": score_range}
    first, second = _settings(baseline, "baseline", shared), _settings(candidate, "candidate", shared)
    names = [factor.name for factor in FACTORS]
    for name in order or ():
        if name not in names:
            raise ValueError(f"order: no factor {name!r}; there are {', '.join(map(repr, names))}")
    ground_truth = readers.repeatable(ground_truth, "ground_truth")
    detections = readers.repeatable(detections, "detections")
    scene = _Scene(ground_truth, detections, reading)
    if not any(scene.odd_ids(settings.similarity) for settings in (first, second)):
        first, second = (replace(s, rules=replace(s.rules, zero_id_unmatched=False)) for s in (first, second))

    def value(settings: _Settings, result: Result) -> float:
        if settings.ties != "given":
            return float(getattr(result.ties(NUMBERS[number]), settings.ties))
        return result.number(NUMBERS[number])

    results = scene.result(first, number), scene.result(second, number)
    start, end = value(first, results[0]), value(second, results[1])
    for settings, number_of in ((first, start), (second, end)):
        if math.isnan(number_of):
            raise ValueError(f"{settings.name} has no {number!r} for this input")
    rows: list[tuple[str, str, str, str, float, float]] = []
    now, reached = first, start
    for factor in sorted(FACTORS, key=lambda factor: [*(order or ()), *names].index(factor.name)):
        then = factor.changed(now, second)
        fields = now.differing(then)
        if not fields:
            continue
        # The last step is not evaluated again: its value is the candidate's own.
        after = value(then, scene.result(then, number)) if then.differing(second) else end
        rows.append((factor.name, ", ".join(fields), factor.text(now), factor.text(then), after, after - reached))
        now, reached = then, after
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    return Difference(
        {
            **{name: list(columns[i]) for i, name in enumerate(("factor", "fields", "baseline", "candidate"))},
            "value": np.array(columns[4], dtype=np.float64),
            "change": np.array(columns[5], dtype=np.float64),
        },
        number,
        (first.name, second.name),
        (start, end),
        functools.partial(_tie_ranges, results, number),
    )


def _tie_ranges(results: Sequence[Result], number: str, orders: int, seed: int) -> list[tuple[float, float, float]]:
    found = [result.ties(NUMBERS[number], orders=orders, seed=seed) for result in results]
    return [(ties.least, ties.expected, ties.greatest) for ties in found]


def _settings(side: Any, place: str, shared: Mapping[str, Any]) -> _Settings:
    options = dict(side) if isinstance(side, Mapping) else {"protocol": side}
    base = options.pop("protocol", "coco")
    own = {name: options.pop(name, value) for name, value in {**shared, "ties": "given"}.items()}
    if own["ties"] not in _TIES:
        raise ValueError(f"{place}: ties: expected one of {', '.join(map(repr, _TIES))}, found {own['ties']!r}")
    if isinstance(own["score_range"], list):
        own["score_range"] = tuple(own["score_range"])
    rules = with_changes(base, own["similarity"], options)
    by_id = options.get("zero_id_unmatched", rules.zero_id_unmatched or rules.name in _BY_ID)
    name = "options" if isinstance(side, Mapping) and set(side) - {"protocol"} else rules.name
    if "all" not in rules.area_ranges:
        raise ValueError(f'{place}: area_ranges: "all" is missing')
    # Only the number itself is used, in all area ranges.
    alone: dict[str, Any] = {"area_ranges": {"all": rules.area_ranges["all"]}, "summary": (), "name": ""}
    return _Settings(name, rules.replace(**alone, zero_id_unmatched=by_id), **own)


class _Scene:
    """The input, read once for each similarity."""

    def __init__(self, ground_truth: Any, detections: Any, reading: Mapping[str, Any]) -> None:
        self._given = ground_truth, detections
        self._reading = reading
        self._read: dict[str, tuple[Any, Any, Any, bool]] = {}

    def odd_ids(self, similarity: SimilarityName) -> bool:
        """Whether ids affect the result: one is 0, or repeated."""
        return self._of(similarity)[3]

    def _of(self, similarity: SimilarityName) -> tuple[Any, Any, Any, bool]:
        """Ground truth, the same with duplicates identified by id, detections, and whether ids are unusual."""
        if similarity not in self._read:
            self._read[similarity] = self._load(similarity)
        return self._read[similarity]

    def _load(self, similarity: SimilarityName) -> tuple[Any, Any, Any, bool]:
        ground_truth, detections = self._given
        truth = by_id = ground_truth
        odd = False
        kind, of_found = self._format(ground_truth, "ground_truth"), self._format(detections, "detections")
        if kind == "coco":
            file = TruthFile(ground_truth, similarity)
            if of_found == "coco":
                detections = DetectionFile(detections, similarity, file)
            truth = by_id = file
            odd = file.columns is not None and 0 in file.annotation_ids()
            ground_truth = file.load() if file.columns is None or file.repeated_ids else None
        if isinstance(ground_truth, Mapping) and "annotations" in ground_truth:
            truth = by_id = ground_truth
            annotations = ground_truth["annotations"]
            ids = [annotation.get("id") for annotation in annotations]
            if None not in ids and (0 in ids or len(set(ids)) < len(ids)):
                odd = True
                last = dict(zip(ids, annotations, strict=True))
                by_id = {**ground_truth, "annotations": [last[id] for id in ids]}
        return truth, by_id, detections, odd

    def _format(self, source: Any, role: readers.Role) -> str | None:
        """The format of a path; None for what is in memory."""
        if not isinstance(source, (str, os.PathLike)):
            return None
        return readers.reader_of(source, role, self._reading.get("format")).name

    def result(self, settings: _Settings, number: str) -> Result:
        """The result of one side."""
        truth, by_id, detections, _ = self._of(settings.similarity)
        rules = settings.rules.replace(name=settings.name, summary=(NUMBERS[number],))
        options = readers.Options(settings.similarity, settings.box_format, **self._reading)
        truth = by_id if rules.zero_id_unmatched else truth
        return evaluated(truth, detections, rules, options, score_range=settings.score_range)


# Factors


class Factor(NamedTuple):
    """What can differ between two sides: its name, the fields that it changes together, and how a setting reads."""

    name: str
    fields: tuple[str, ...]
    text: Callable[[_Settings], str]
    #: From what is so far, and what the candidate does, to what is next; None where that is the candidate's fields.
    change: Callable[[_Settings, _Settings], _Settings] | None = None

    def changed(self, now: _Settings, end: _Settings) -> _Settings:
        """What is next: with this factor as it is for the candidate."""
        return _with(now, end, self.fields) if self.change is None else self.change(now, end)


def _with(now: _Settings, end: _Settings, names: Sequence[str]) -> _Settings:
    """One side with some fields of the other."""
    options = {name: getattr(end, name) for name in names if name in _OPTIONS}
    fields = {name: getattr(end.rules, name) for name in names if name not in _OPTIONS}
    return replace(now, **options, rules=replace(now.rules, **fields))


def _similarity(now: _Settings, end: _Settings) -> _Settings:
    # Keypoints cannot be compared without a sigma for each.
    return _with(now, end, ("similarity", "sigmas") if now.rules.sigmas is None else ("similarity",))


def _nearest(values: Any, others: Any) -> Any:
    """Values, formatted like the others where they are equal but for rounding."""
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
    groups = {"thresholds": settings.rules.thresholds, "recall": settings.rules.recall}
    # Numbers that are the same in both precisions, such as 0.5, are left out.
    lists = {name: [x for x in group if x * 1024 % 1] for name, group in groups.items() if not isinstance(group, str)}
    lists = {name: group for name, group in lists.items() if group}
    single = [name for name, group in lists.items() if all(float(np.float32(x)) == x for x in group)]
    if len(single) == len(lists):
        return "single precision" if single else "double precision"
    return f"{' and '.join(single)} in single precision" if single else "double precision"


def _limits(settings: _Settings) -> str:
    limit, whole = settings.rules.max_detections[-1], settings.rules.max_per_image
    of = "an image" if settings.rules.limit_per_image else "a category"
    parts = [f"{limit} of {of}" if limit < 2**31 - 1 else "", f"{whole} in all" if whole else ""]
    return ", ".join(filter(None, parts)) or "no limit"


def _edges(settings: _Settings) -> str:
    return "far edge of the last pixel" if settings.rules.inclusive_boxes else "as given"


def _range(settings: _Settings) -> str:
    return "any" if settings.score_range is None else "{:g} to {:g}".format(*settings.score_range)


def _objects(settings: _Settings) -> str:
    rules = settings.rules
    least, most = rules.area_ranges["all"]
    crowds = "match many times" if rules.match_crowds else "are ignored"
    return f"crowds {crowds}, {rules.size} {f'from {least:g} ' if least > 0 else ''}up to {most:g}"


def _shown(name: str) -> Callable[[_Settings], str]:
    return lambda settings: str(_value(settings, name))


#: Fields that are changed together, or that read better in other words.
_NAMED = (
    Factor("similarity", ("similarity",), _shown("similarity"), _similarity),
    Factor("box format", ("box_format",), _shown("box_format")),
    Factor("score range", ("score_range",), _range),
    Factor("ids", ("zero_id_unmatched",), lambda s: "0 is unmatched" if s.rules.zero_id_unmatched else "are labels"),
    Factor("ties", ("ties",), _shown("ties")),
    Factor("rounding", ("thresholds", "recall"), _precision, _round),
    Factor("thresholds", ("thresholds",), lambda s: _numbers(s.rules.thresholds)),
    Factor("box edges", ("inclusive_boxes",), _edges),
    Factor("matching order", ("matcher",), _shown("matcher")),
    Factor("crowd and ignored objects", ("match_crowds", "area_ranges", "size"), _objects),
    Factor("unlabelled categories", ("federated",), lambda s: "left out" if s.rules.federated else "count"),
    Factor("maximum detections", ("max_detections", "max_per_image", "limit_per_image"), _limits),
    Factor("categories", ("by_category",), lambda s: "separate" if s.rules.by_category else "all one"),
    Factor("interpolation", ("recall",), lambda s: _numbers(s.rules.recall)),
    Factor("mean", ("average",), _shown("average")),
    Factor("keypoint sigmas", ("sigmas",), lambda s: "none" if s.rules.sigmas is None else _numbers(s.rules.sigmas)),
)
_COVERED = {field for factor in _NAMED for field in factor.fields}

#: In the order in which they are changed. A field that none of the above changes is a factor by its own name.
FACTORS: tuple[Factor, ...] = (
    *_NAMED,
    *(Factor(name.replace("_", " "), (name,), _shown(name)) for name in _FIELDS if name not in _COVERED),
)
