"""Errors about keywords that a function does not have: which one was meant."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

__all__ = ["suggesting", "unexpected"]

_Arguments = ParamSpec("_Arguments")
_Returned = TypeVar("_Returned")

#: What other tools call an argument.
_OTHERS = {
    "iou_type": "similarity",
    "iouType": "similarity",
    "iou_thresholds": "thresholds",
    "iou_thrs": "thresholds",
    "iouThrs": "thresholds",
    "rec_thresholds": "recall",
    "recThrs": "recall",
    "max_detection_thresholds": "max_detections",
    "max_dets": "max_detections",
    "maxDets": "max_detections",
    "area_rng": "area_ranges",
    "areaRng": "area_ranges",
    "kpt_oks_sigmas": "sigmas",
    "class_names": "names",
    "categories": "names",
    "image_dir": "images",
    "image_folder": "images",
    "img_dir": "images",
    "image_sizes": "sizes",
    "bbox_format": "box_format",
    "fmt": "format",
    "errors": "on_error",
    "lenient": "on_error",
    "verbose": "progress",
    "n_boot": "resamples",
    "alpha": "confidence",
    "preds": "detections",
    "predictions": "detections",
    "dt": "detections",
    "results": "detections",
    "target": "ground_truth",
    "targets": "ground_truth",
    "gt": "ground_truth",
    "annotations": "ground_truth",
}


def unexpected(keyword: str, function: str, known: Iterable[str]) -> TypeError:
    """The error for a keyword that a function does not have, with the argument that was meant, or all that it has."""
    names = list(dict.fromkeys(known))
    meant = _OTHERS.get(keyword)
    if meant not in names:
        meant = next(iter(difflib.get_close_matches(keyword, names, 1, 0.7)), None)
    hint = f"it takes {', '.join(names)}" if meant is None else f"did you mean {meant!r}?"
    return TypeError(f"{function}: unexpected keyword {keyword!r}; {hint}")


def suggesting(
    more: Callable[[], Iterable[str]] = tuple,
) -> Callable[[Callable[_Arguments, _Returned]], Callable[_Arguments, _Returned]]:
    """Makes a function say which of its arguments was meant; `more` gives what it takes beside its own parameters."""

    def decorate(function: Callable[_Arguments, _Returned]) -> Callable[_Arguments, _Returned]:
        parameters = inspect.signature(function).parameters
        own = [name for name, parameter in parameters.items() if parameter.kind is not parameter.VAR_KEYWORD]
        free = len(own) < len(parameters)

        @functools.wraps(function)
        def checked(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Returned:
            strange = kwargs.keys() - own
            if strange:
                known = [*own, *(more() if free else ())]
                for name in kwargs:
                    if name not in known:
                        raise unexpected(name, function.__name__, known)
            return function(*args, **kwargs)

        return checked

    return decorate
