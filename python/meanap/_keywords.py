"""Errors about keywords and names that there are not: which one was meant."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

__all__ = ["did_you_mean", "is_among", "nearest", "not_there", "suggesting", "unexpected"]

_Arguments = ParamSpec("_Arguments")
_Returned = TypeVar("_Returned")

#: What other tools call an argument; of several the first that a function has.
_OTHERS = {
    "iou_type": ("similarity",),
    "iouType": ("similarity",),
    "iou_thresholds": ("thresholds",),
    "iou_threshold": ("iou", "thresholds"),
    "iou_thr": ("iou", "thresholds"),
    "iou_thrs": ("thresholds",),
    "iouThrs": ("thresholds",),
    "rec_thresholds": ("recall",),
    "recThrs": ("recall",),
    "max_detection_thresholds": ("max_detections",),
    "max_dets": ("max_detections",),
    "maxDets": ("max_detections",),
    "area_rng": ("area_ranges",),
    "areaRng": ("area_ranges",),
    "kpt_oks_sigmas": ("sigmas",),
    "class_names": ("names",),
    "categories": ("names",),
    "class_id": ("category", "category_ids"),
    "labels": ("category_ids",),
    "category_id": ("category_ids",),
    "image_id": ("image_ids",),
    "bbox": ("boxes",),
    "bboxes": ("boxes",),
    "confidences": ("scores",),
    "conf": ("scores", "score"),
    "image_dir": ("images",),
    "image_folder": ("images",),
    "img_dir": ("images",),
    "image_sizes": ("sizes",),
    "bbox_format": ("box_format",),
    "fmt": ("format",),
    "errors": ("on_error",),
    "lenient": ("on_error",),
    "verbose": ("progress",),
    "n_boot": ("resamples",),
    "n_resamples": ("resamples",),
    "n_bootstraps": ("resamples",),
    "n_permutations": ("resamples",),
    "alpha": ("confidence",),
    "preds": ("detections",),
    "predictions": ("detections", "preds"),
    "dt": ("detections",),
    "results": ("detections",),
    "target": ("ground_truth",),
    "targets": ("ground_truth", "target"),
    "gt": ("ground_truth", "target"),
    "annotations": ("ground_truth",),
    "metric": ("measure", "measures"),
    "metrics": ("measures",),
    "judgements": ("qrels",),
    "top_k": ("k",),
}


def unexpected(keyword: str, function: str, known: Iterable[str]) -> TypeError:
    """The error for a keyword that a function does not have, with the argument that was meant, or all that it has."""
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(keyword, names, 1, 0.7)
    meant = next((name for name in (*_OTHERS.get(keyword, ()), *near) if name in names), None)
    hint = f"it takes {', '.join(names)}" if meant is None else f"did you mean {meant!r}?"
    return TypeError(f"{function}: unexpected keyword {keyword!r}; {hint}")


def suggesting(
    more: Callable[[], Iterable[str]] = tuple,
) -> Callable[[Callable[_Arguments, _Returned]], Callable[_Arguments, _Returned]]:
    """Makes a function say which of its arguments was meant; `more` gives what it takes beside its own parameters."""

    def decorate(function: Callable[_Arguments, _Returned]) -> Callable[_Arguments, _Returned]:
        parameters = inspect.signature(function).parameters
        own = [name for name, parameter in parameters.items() if parameter.kind is not parameter.VAR_KEYWORD]
        own_names = frozenset(own)
        free = len(own) < len(parameters)
        called = function.__qualname__.removesuffix(".__init__")

        @functools.wraps(function)
        def checked(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Returned:
            if kwargs and not kwargs.keys() <= own_names:
                known = [*own, *(more() if free else ())]
                for name in kwargs:
                    if name not in known:
                        raise unexpected(name, called, [name for name in known if name != "self"])
            return function(*args, **kwargs)

        return checked

    return decorate


def is_among(given: object, known: Container[str]) -> bool:
    """Whether it is one of these names; anything else than a text is none, a table or a list too."""
    return isinstance(given, str) and given in known


def did_you_mean(given: object, known: Iterable[str], others: Mapping[str, str] | None = None) -> str:
    """The end of a message about a name that is not known: the one that was meant, in any case and spelling.

    Parameters
    ----------
    given
        What was given; only a text is compared.
    known
        The names that there are.
    others
        What other tools say, in lower case, by the names that it stands for.
    """
    meant = nearest(given, known, others)
    return "" if meant is None else f"; did you mean {meant!r}?"


def nearest(given: object, known: Iterable[str], others: Mapping[str, str] | None = None) -> str | None:
    """The name that `did_you_mean` suggests; None without one."""
    if not isinstance(given, str):
        return None
    names = {name.lower(): name for name in known}
    asked = given.lower()
    meant = (others or {}).get(asked) or names.get(asked)
    if meant is None:
        near = difflib.get_close_matches(asked, names, 1)
        meant = names[near[0]] if near else None
    return meant


def not_there(problem: str, given: Any, known: Collection[Any]) -> str:
    """The message about an id or a name that is not there: with the one that was meant, or the first of those there."""
    texts = [str(item) for item in known]
    near = difflib.get_close_matches(str(given), texts, 1, 0.7)
    if near:
        meant = next(item for item in known if str(item) == near[0])
        return f"{problem}; did you mean {meant!r}?"
    listed = ", ".join(repr(item) for item, _ in zip(known, range(10), strict=False))
    return f"{problem}; there are {listed or 'none'}{', …' if len(texts) > 10 else ''}"
