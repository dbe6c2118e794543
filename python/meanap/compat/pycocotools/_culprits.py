"""Finds the parameter, or the record and field, that made an evaluation fail.

An error in a calculation does not name the record that the value came from. So after a failure each parameter, and
each field of each annotation, is used again in the ways in which an evaluation uses it: the first one that fails with
the same message is named. A successful evaluation pays nothing for it.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from meanap._arrays import kind_of
from meanap.compat.pycocotools import mask as maskUtils
from meanap.compat.pycocotools._named import EXCEPTIONS, raise_in_words
from meanap.compat.pycocotools.params import MASK_TYPES

_Method = TypeVar("_Method", bound=Callable[..., Any])
Use = Callable[[Any], Any]

_SORTED_IDS: list[Use] = [np.unique, lambda ids: [hash(id) for id in np.unique(ids)]]
# How a method uses parameters.
_PARAMETERS: dict[str, list[tuple[str, list[Use]]]] = {
    "evaluate": [
        ("useSegm", [lambda value: value is None or bool(value == 1)]),
        ("iouType", [lambda value: value in MASK_TYPES]),
        ("imgIds", _SORTED_IDS),
        ("useCats", [bool]),
        ("catIds", [*_SORTED_IDS, len]),
        ("maxDets", [sorted, lambda limits: 1 > sorted(limits)[-1], lambda limits: [][0 : sorted(limits)[-1]]]),
        (
            "areaRng",
            [list, *(lambda ranges, area=area: [area < r[0] or area > r[1] for r in ranges] for area in (1, 1.0))],
        ),
        ("iouThrs", [len, lambda thresholds: [0.5 < min([threshold, 1 - 1e-10]) for threshold in thresholds]]),
        ("kpt_oks_sigmas", [lambda sigmas: (sigmas * 2) ** 2, len]),
    ],
    "accumulate": [
        ("useCats", [lambda value: bool(value == 1), bool]),
        ("iouThrs", [len]),
        ("recThrs", [len]),
        ("catIds", [len, lambda ids: [hash(id) for id in ids]]),
        ("areaRng", [len, lambda ranges: set(map(tuple, ranges))]),
        ("maxDets", [len, set, lambda limits: [[][0:limit] for limit in limits]]),
        ("imgIds", [len, lambda ids: [hash(id) for id in ids]]),
    ],
    "summarize": [
        ("iouType", [lambda value: value == "segm" or value == "bbox"]),
        ("iouThrs", [lambda thresholds: f"{thresholds[0]:0.2f}:{thresholds[-1]:0.2f}"]),
        ("areaRngLbl", [list]),
        ("maxDets", [list, lambda limits: [f"{limits[place]:>3d}" for place in (2, 0, 1)]]),
        ("iouThrs", [lambda thresholds: np.where(thresholds == 0.5)]),
    ],
}
# What a method does before its own.
_STAGES = {"_prepare": "evaluate", "computeIoU": "evaluate", "computeOks": "evaluate", "evaluateImg": "evaluate"}


def naming(method: _Method) -> _Method:
    """A method of an evaluator whose errors name the parameter or record; their class stays the same."""

    @functools.wraps(method)
    def named(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except AttributeError as error:
            if isinstance(error.__cause__, AttributeError):
                raise
            if side := no_data_set(self):
                raise AttributeError(f"{side}: {error}") from error
            raise
        except EXCEPTIONS as error:
            if isinstance(error.__cause__, type(error)):
                # Named already, here or where it happened.
                raise
            stage = _STAGES.get(method.__name__, method.__name__)
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                sentence = next(_culprits(error, self, stage, args), None)
            raise_in_words(error, sentence)

    return named  # type: ignore[return-value]


def _culprits(error: Exception, evaluator: Any, stage: str, arguments: tuple[Any, ...]) -> Iterator[str]:
    """Sentences about what may have raised ``error``, the likeliest first."""
    p = arguments[0] if stage == "accumulate" and arguments and arguments[0] is not None else evaluator.params
    for name, uses in _PARAMETERS[stage]:
        if name == "kpt_oks_sigmas" and p.iouType != "keypoints":
            continue
        for use in uses:
            if hasattr(p, name) and _fails_alike(error, use, getattr(p, name)):
                yield f"params.{name} is {_shown(getattr(p, name))}: {_words(error)}"
    if stage == "accumulate":
        yield from _cells(error, p, evaluator)
    if stage == "evaluate":
        yield from _similarities(error, evaluator)
        for certain in (True, False):
            for side, coco in (("ground truth", evaluator.cocoGt), ("detections", evaluator.cocoDt)):
                yield from _records(error, p, side, coco, certain)
        if p.iouType == "keypoints" and isinstance(error, ValueError):
            yield from _poses(p, evaluator)


def _cells(error: Exception, p: Any, evaluator: Any) -> Iterator[str]:
    """What fails when the results of all images are put together: scores, and `evalImgs` of another evaluation."""
    for annotation in getattr(evaluator.cocoDt, "anns", {}).values():
        if "score" in annotation and _fails_alike(error, lambda score: -np.array([score]), annotation["score"]):
            whose = f"detections: annotation {annotation.get('id')!r} (image {annotation.get('image_id')!r})"
            yield f'{whose}: "score" is {_shown(annotation["score"])}: {_words(error)}'
    done = getattr(evaluator, "_paramsEval", p)
    counts = [len(getattr(done, name)) for name in ("catIds", "areaRng", "imgIds")]
    if not done.useCats:
        counts[0] = 1
    if isinstance(error, IndexError) and len(evaluator.evalImgs) < np.prod(counts):
        yield (
            f"evalImgs has {len(evaluator.evalImgs)} entries, expected {np.prod(counts)}: "
            "{} categories x {} area ranges x {} images".format(*counts)
        )


def _similarities(error: Exception, evaluator: Any) -> Iterator[str]:
    """What an overridden `computeIoU` or `computeOks` has returned."""
    for (image, category), found in evaluator.ious.items():
        shape = tuple(len(getattr(evaluator, side).get((image, category), ())) for side in ("_dts", "_gts"))
        if not all(shape) or (isinstance(found, np.ndarray) and found.ndim == 2 and found.shape[1] == shape[1]):
            continue
        kind = f"an array of shape {found.shape}" if isinstance(found, np.ndarray) else kind_of(found)
        expected = f"an array (detections, ground truths), {shape}"
        key = ", ".join(repr(id.item() if isinstance(id, np.generic) else id) for id in (image, category))
        yield f"ious[{key}] is {kind}, expected {expected}: {_words(error)}"


def without_mask(error: Exception, coco: Any, annotation: Any) -> str:
    """A sentence about an annotation of which no mask can be made."""
    if not isinstance(annotation, dict):
        return f"the annotation is {kind_of(annotation)}, expected a dictionary, such as loadAnns gives"
    whose = f"annotation {annotation.get('id')!r} (image {annotation.get('image_id')!r})"
    return next(_mask(error, coco, annotation, whose, False), f"{whose}: {_words(error)}")


def _records(error: Exception, p: Any, side: str, coco: Any, certain: bool) -> Iterator[str]:
    """What fails of one side; if not ``certain``, in whatever words, of geometries only."""
    dataset = getattr(coco, "dataset", None)
    annotations = dataset.get("annotations") if isinstance(dataset, dict) else None
    uses = list(_fields(p, side))
    for annotation in annotations if isinstance(annotations, list) else ():
        if not isinstance(annotation, dict):
            continue
        whose = f"{side}: annotation {annotation.get('id')!r} (image {annotation.get('image_id')!r})"
        if p.iouType in MASK_TYPES:
            yield from _mask(error, coco, annotation, whose, certain)
        for name, use, geometry in uses:
            alike = _fails_alike if certain else fails_too
            if name in annotation and (certain or geometry) and alike(error, use, annotation[name]):
                yield f'{whose}: "{name}" is {_shown(annotation[name])}: {_words(error)}'


def _fields(p: Any, side: str) -> Iterator[tuple[str, Use, bool]]:
    """What an evaluation does with the fields of annotations, and whether they are its geometry."""
    truth = side == "ground truth"
    if p.useCats:
        yield "category_id", lambda value: value in p.catIds, False
    if truth:
        if p.iouType == "keypoints":
            yield "num_keypoints", lambda value: bool(value == 0), False
        yield "iscrowd", bool, False
        yield "iscrowd", lambda value: np.array([int(value)], dtype=np.uint8), False
    else:
        yield "score", lambda value: [[0][i] for i in np.argsort([-value], kind="mergesort")], False
    if p.iouType == "bbox":
        unit = [[0.0, 0.0, 1.0, 1.0]]
        against_truth: Use = lambda box: maskUtils.iou(unit, [box], [0])  # noqa: E731
        yield "bbox", against_truth if truth else lambda box: maskUtils.iou([box], unit, [0]), True
    elif p.iouType in MASK_TYPES:
        yield "segmentation", lambda mask: maskUtils.iou([mask], [mask], [0]), True
    else:
        if truth:
            yield "keypoints", lambda points: np.count_nonzero(np.array(points)[2::3] > 0), True
            yield "bbox", lambda box: (box[0] - box[2], box[0] + box[2] * 2, box[1] - box[3], box[1] + box[3] * 2), True
            yield "area", lambda area: np.zeros(len(p.kpt_oks_sigmas)) / (area + np.spacing(1)) / 2, False
        yield "keypoints", lambda points: np.array(points)[0::3] ** 2, True
    yield "area", lambda area: [area < bounds[0] or area > bounds[1] for bounds in p.areaRng], False
    yield "id", lambda id: np.zeros(1).__setitem__(0, id), False


def _mask(error: Exception, coco: Any, annotation: dict[str, Any], whose: str, certain: bool) -> Iterator[str]:
    """What fails when an annotation's mask is made."""

    def make(annotation: dict[str, Any]) -> Any:
        return coco.annToRLE(annotation)

    if not (_fails_alike if certain else fails_too)(error, make, annotation):
        return
    id = annotation.get("image_id")
    image = coco.imgs.get(id) if isinstance(coco.imgs, dict) and _hashable(id) else None
    if image is None:
        yield f'{whose}: "image_id" is {_shown(id)}, which "images" does not have'
    elif not isinstance(image, dict):
        yield f"image {id!r} is {kind_of(image)}, expected a dict"
    elif "height" not in image or "width" not in image:
        yield f'image {id!r}: "{"height" if "height" not in image else "width"}" is missing, masks need it'
    elif "segmentation" not in annotation:
        yield f'{whose}: "segmentation" is missing'
    elif _fails_alike(error, lambda size: maskUtils.frPyObjects([[0, 0, 1, 0, 1, 1]], *size), _size(image)):
        yield f'image {id!r}: "height", "width" are {_shown(_size(image))}: {_words(error)}'
    else:
        yield f'{whose}: "segmentation" is {_shown(annotation["segmentation"])}: {_words(error)}'


def _poses(p: Any, evaluator: Any) -> Iterator[str]:
    """Poses of another number of keypoints than there are sigmas."""
    expected = len(p.kpt_oks_sigmas)
    for side, coco in (("ground truth", evaluator.cocoGt), ("detections", evaluator.cocoDt)):
        for annotation in coco.dataset.get("annotations", ()):
            numbers = np.size(annotation.get("keypoints", ()))
            if numbers != 3 * expected:
                whose = f"{side}: annotation {annotation.get('id')!r} (image {annotation.get('image_id')!r})"
                yield (
                    f'{whose}: "keypoints" has {numbers} numbers, expected {3 * expected} (x, y, visibility for each '
                    f"of the {expected} values of params.kpt_oks_sigmas, which is to be set for other poses)"
                )


def no_data_set(evaluator: Any) -> str | None:
    """A sentence about the side that is no data set; None if both are."""
    for name, made in (("cocoGt", "the ground truth as a COCO"), ("cocoDt", "what cocoGt.loadRes gives")):
        coco = getattr(evaluator, name, None)
        if not hasattr(coco, "getAnnIds"):
            return f"{name} is {kind_of(coco)}, expected {made}"
    return None


def incomparable_ids(error: Exception, coco: Any) -> str | None:
    """A sentence about the id that cannot be compared with the one before it, so that ids cannot be sorted."""
    for table in ("images", "categories"):
        ids = [record["id"] for record in getattr(coco, "dataset", {}).get(table, ())]
        for number, (a, b) in enumerate(itertools.pairwise(ids), start=1):
            if fails_too(error, sorted, [a, b]):
                return f'{table}: record {number}: "id" is {_shown(b)} after {_shown(a)}: {_words(error)}'
    return None


def _fails_alike(error: Exception, use: Use, value: Any) -> bool:
    """Whether the use of a value fails as ``error`` did, in the same words."""
    failed = _failure(use, value)
    return type(failed) is type(error) and str(failed) == str(error)


def fails_too(error: Exception, use: Use, value: Any) -> bool:
    """Whether it fails with the same type of exception."""
    return type(_failure(use, value)) is type(error)


def _failure(use: Use, value: Any) -> Exception | None:
    try:
        use(value)
    except Exception as error:
        return error
    return None


def _size(image: dict[str, Any]) -> tuple[Any, Any]:
    return image["height"], image["width"]


def _hashable(value: Any) -> bool:
    return _failure(hash, value) is None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _words(error: Exception) -> str:
    # A KeyError's text is its key's.
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
