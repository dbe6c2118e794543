"""ActivityNet: segments of time in videos, as JSON or the dictionaries that it holds.

Ground truth is ``{"database": {video: {"subset": …, "annotations": [{"label": …, "segment": [start, end]}]}}}``, and
results are ``{"results": {video: [{"label": …, "score": …, "segment": [start, end]}]}}``; times are in seconds. Image
ids are those of the videos, category ids the labels. A segment is a box from start to end that is 1 high. Of ground
truth with several subsets the videos of ``validation`` are evaluated, as by default in the kit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from meanap._arrays import shown
from meanap.errors import InputError
from meanap.readers._collected import finite
from meanap.readers._known_ids import CategoryIds
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, ends, is_path, json_of, start_of
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["ActivityNet"]

_FIELDS = {"ground_truth": "database", "detections": "results"}
_SUBSET = "validation"


class ActivityNet(Reader):
    """A JSON file, or its dictionary."""

    name = "activitynet"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it has videos with segments."""
        if isinstance(source, Mapping):
            videos = source.get(_FIELDS[role])
            return isinstance(videos, Mapping) and not {"annotations", "images"} & source.keys()
        if not is_path(source) or not ends(source, ".json"):
            return False
        start = start_of(source)
        if role == "detections":
            return b'"results"' in start and b'"segment"' in start
        begins = re.match(rb'\s*\{\s*"(?:database|taxonomy|version)"', start)
        return bool(begins) and (b'"database"' in start or b'"parentName"' in start)

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The segments of the evaluated videos."""
        place, videos = _videos(source, "ground_truth", options)
        subsets = {_subset(video) for video in videos.values()}
        if len(subsets) > 1:
            if _SUBSET not in subsets:
                named = ", ".join(sorted(map(repr, subsets)))
                expected = f"one subset, or {_SUBSET!r} among them"
                raise InputError(None, place, found=f"has videos of the subsets {named}", expected=expected)
            videos = {name: video for name, video in videos.items() if _subset(video) == _SUBSET}
        lists = {name: _listed(video, name, place) for name, video in videos.items()}
        rows = list(_rows(lists, place, problems, scored=False))
        return GroundTruth(
            [row[0] for row in rows], [row[1] for row in rows], _boxes([row[3] for row in rows]), images=list(videos)
        )

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The segments that were found."""
        place, videos = _videos(source, "detections", options)
        known = None if truth is None or truth.images is None else set(truth.images)
        lists: dict[str, list[Any]] = {}
        for name, found in videos.items():
            if known is not None and name not in known:
                text = f"is {name!r}, which is not in the ground truth"
                problems.reject(Problem("unknown-image", "error", place, None, "video", text, None))
            elif not isinstance(found, list):
                raise InputError(None, f"{place}: {name}", found=f"is {shown(found)}", expected="a list of segments")
            else:
                lists[name] = found
        rows = list(_rows(lists, place, problems, scored=True))
        categories = CategoryIds(truth)
        labels = [categories.of(row[1]) for row in rows]
        scores = np.array([row[2] for row in rows], dtype=np.float64)
        found = Detections([row[0] for row in rows], labels, scores, _boxes([row[3] for row in rows]))
        found.any_score = True
        return found


def _videos(source: Any, role: Role, options: Options) -> tuple[str, Mapping[str, Any]]:
    """What the source is called in errors, and its videos."""
    place = os.fspath(source) if is_path(source) else role
    if options.similarity not in ("temporal", "bbox"):
        problem = (
            f"format 'activitynet' has segments only, expected similarity 'temporal', found {options.similarity!r}"
        )
        raise InputError(problem, place, code="wrong-geometry")
    data = json_of(source)
    field = _FIELDS[role]
    videos = data.get(field) if isinstance(data, Mapping) else None
    if not isinstance(videos, Mapping):
        raise InputError(f'there is no "{field}" that is a dictionary by video', place, code="wrong-kind-of-file")
    return place, videos


def _subset(video: Any) -> str:
    return str(video.get("subset", "")).lower() if isinstance(video, Mapping) else ""


def _listed(video: Any, name: str, place: str) -> list[Any]:
    annotations = video.get("annotations") if isinstance(video, Mapping) else None
    if not isinstance(annotations, list):
        found, expected = f"is {shown(annotations)}", "a list of segments"
        raise InputError(None, f"{place}: {name}", field="annotations", found=found, expected=expected)
    return annotations


def _rows(
    videos: Mapping[str, list[Any]], place: str, problems: Problems, scored: bool
) -> Iterator[tuple[str, str, float, list[float]]]:
    """Video, label, score, start and end of each segment that can be used."""
    for video, records in videos.items():
        for number, record in enumerate(records):
            where = f"{place}: {video}"

            def wrong(
                code: str, field: str, value: Any, expected: str, where: str = where, number: int = number
            ) -> None:
                problems.reject(Problem(code, "error", where, number, field, f"is {shown(value)}", expected), place)

            label = record.get("label") if isinstance(record, Mapping) else None
            if not isinstance(label, str):
                wrong("missing-field", "label", label, "a text")
                continue
            segment = record.get("segment")
            ends = [finite(end) for end in segment] if isinstance(segment, (list, tuple)) else []
            if len(ends) != 2 or ends[0] is None or ends[1] is None or ends[1] < ends[0]:
                wrong("malformed-box", "segment", segment, "start and end, which is not before it")
                continue
            score = finite(record.get("score")) if scored else 0.0
            if score is None:
                wrong("bad-score", "score", record.get("score"), "a number")
                continue
            yield video, label, score, [ends[0], ends[1]]


def _boxes(segments: list[list[float]]) -> np.ndarray:
    """Corners ``(N, 4)``."""
    ends = np.array(segments, dtype=np.float64).reshape(-1, 2)
    return np.stack([ends[:, 0], np.zeros(len(ends)), ends[:, 1], np.ones(len(ends))], axis=1)
