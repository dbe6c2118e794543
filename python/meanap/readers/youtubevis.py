"""YouTube-VIS: COCO's records of videos, with a list of masks for each object, one for each frame or None.

``{"videos": […], "annotations": [{"video_id": …, "category_id": …, "segmentations": [mask, None], "areas": […]}]}``,
and results ``[{"video_id": …, "category_id": …, "score": …, "segmentations": […]}]``. Image ids are those of videos.
A track is one mask, that of its frames next to each other, and its area the mean of those of its masks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import as_id, shown
from meanap._similarity import compares_masks
from meanap.errors import InputError
from meanap.readers._coco_rows import listed, names_of
from meanap.readers._collected import finite
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, is_path, json_of, start_of
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["YoutubeVis"]

_VIDEO, _MASKS = "video_id", "segmentations"


class YoutubeVis(Reader):
    """A JSON file, its dictionary, or a list of results."""

    name = "youtubevis"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether there are videos, or results of videos with masks."""
        if role == "ground_truth":
            if isinstance(source, Mapping):
                return "videos" in source and "annotations" in source and "images" not in source
            start = start_of(source)
            return start.startswith(b"{") and b'"videos"' in start and b'"images"' not in start
        if isinstance(source, list):
            first = source[0] if source else None
            return isinstance(first, Mapping) and {_VIDEO, _MASKS} <= first.keys()
        start = start_of(source)
        return start.startswith(b"[") and f'"{_VIDEO}"'.encode() in start and f'"{_MASKS}"'.encode() in start

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The tracks of all videos."""
        place = _checked(source, "ground_truth", options)
        data = json_of(source)
        sizes = {}
        for number, video in enumerate(listed(data, "videos", "ground_truth")):
            id, size = _video(video)
            if id is None or size is None:
                found, expected = f"is {shown(video)}", "id, height and width"
                raise InputError(None, f"{place}: videos", number, found=found, expected=expected)
            sizes[id] = size
        tracks = _Tracks(f"{place}: annotations", sizes, problems)
        tracks.read(listed(data, "annotations", "ground_truth"), scored=False)
        truth = GroundTruth(
            tracks.videos,
            tracks.categories,
            masks=tracks.masks,
            area=np.array(tracks.areas, dtype=np.float64),
            crowd=np.array(tracks.crowd, dtype=bool),
            images=list(sizes),
            categories=names_of(listed(data, "categories", "ground_truth")),
        )
        truth.image_records = [{"id": id, "height": size[0], "width": size[1]} for id, size in sizes.items()]
        return truth

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections:
        """The tracks that were found."""
        place = _checked(source, "detections", options)
        results = json_of(source)
        if not isinstance(results, list):
            expected = "a list of results"
            raise InputError(source=place, found=f"is {shown(results)}", expected=expected, code="wrong-kind-of-file")
        known: dict[Any, tuple[int, int] | None] | None = None
        if truth is not None and truth.images is not None:
            said = truth.image_records if isinstance(truth, GroundTruth) else ()
            known = dict.fromkeys(truth.images) | dict(map(_video, said))
        tracks = _Tracks(place, known, problems)
        tracks.read(results, scored=True)
        scores, areas = (np.array(column, dtype=np.float64) for column in (tracks.scores, tracks.areas))
        found = Detections(tracks.videos, tracks.categories, scores, masks=tracks.masks, area=areas)
        found.any_score = True
        return found


def _checked(source: Any, role: Role, options: Options) -> str:
    """What the source is called in errors."""
    place = str(source) if is_path(source) else role
    if not compares_masks(options.similarity):
        problem = f"format 'youtubevis' has masks only, expected similarity 'segm', found {options.similarity!r}"
        raise InputError(problem, place, code="wrong-geometry")
    return place


def _video(record: Any) -> tuple[Any, tuple[int, int] | None]:
    """Id, and height and width."""
    if not isinstance(record, Mapping):
        return None, None
    height, width = finite(record.get("height")), finite(record.get("width"))
    return as_id(record.get("id")), None if height is None or width is None else (int(height), int(width))


class _Tracks:
    """Tracks that are added one by one."""

    def __init__(self, place: str, sizes: Mapping[Any, tuple[int, int] | None] | None, problems: Problems) -> None:
        self._place, self._sizes, self._problems = place, sizes, problems
        self.videos: list[Any] = []
        self.categories: list[Any] = []
        self.masks: list[Any] = []
        self.areas: list[float] = []
        self.scores: list[float] = []
        self.crowd: list[bool] = []

    def read(self, records: Sequence[Any], scored: bool) -> None:
        """Adds the tracks of all records that can be used."""
        for number, record in enumerate(records):
            fault = self._add(record if isinstance(record, Mapping) else {}, scored)
            if fault is not None:
                code, field, found, expected = fault
                self._problems.reject(Problem(code, "error", self._place, number, field, found, expected))

    def _add(self, record: Mapping[str, Any], scored: bool) -> tuple[str, str, str, str] | None:
        """Adds a track; or says what is wrong: code, field, what was found and what was expected."""
        video, category = as_id(record.get(_VIDEO)), as_id(record.get("category_id"))
        score = finite(record.get("score")) if scored else 0.0
        frames = record.get(_MASKS)
        if video is None or (self._sizes is not None and video not in self._sizes):
            found, expected = f"is {shown(record.get(_VIDEO))}", "a video of the ground truth"
            return "unknown-image", _VIDEO, found, expected
        if category is None:
            return "missing-field", "category_id", f"is {shown(record.get('category_id'))}", "an id"
        if score is None:
            return "bad-score", "score", f"is {shown(record.get('score'))}", "a number"
        if not isinstance(frames, list):
            return "broken-mask", _MASKS, f"is {shown(frames)}", "a list with a mask or None for each frame"
        size = None if self._sizes is None else self._sizes[video]
        try:
            mask, areas = _joined(frames, size)
        except (InputError, TypeError, ValueError, OverflowError, LookupError) as error:
            return "broken-mask", _MASKS, f"cannot be read: {error}", "masks of the size of the video"
        given = record.get("areas") if not scored else None
        if isinstance(given, list):
            areas = [number for number in map(finite, given) if number]
        self.videos.append(video)
        self.categories.append(category)
        self.masks.append(mask)
        self.areas.append(float(np.mean(areas)) if areas else 0.0)
        self.scores.append(score)
        self.crowd.append(bool(record.get("iscrowd", 0)))
        return None


def _joined(frames: list[Any], size: tuple[int, int] | None) -> tuple[Any, list[float]]:
    """The masks of frames next to each other, and the areas of those that are not empty."""
    places = [place for place, frame in enumerate(frames) if frame]
    masks = [_run_lengths(frames[place], size) for place in places]
    if size is None:
        height, width = masks[0]["size"] if masks else (0, 0)
        size = int(height), int(width)
    areas = [float(area) for area in _core.mask_area(masks).tolist() if area] if masks else []
    return _core.mask_beside(masks, places, len(frames), size), areas


def _run_lengths(mask: Any, size: tuple[int, int] | None) -> Any:
    """A mask as run lengths: polygons, and counts that are numbers, are of the size of the video."""
    if isinstance(mask, list):
        if size is None:
            raise ValueError("polygons need the size of the video, which the ground truth has")
        return _core.mask_merge(_core.mask_from_polygons(mask, *size), 0)
    if isinstance(mask, Mapping) and isinstance(mask.get("counts"), list):
        return _core.mask_from_counts([dict(mask)], *mask["size"])[0]
    return mask
