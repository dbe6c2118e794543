"""The two implementations, and subclasses of them that override what users override."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Tool:
    """One implementation of pycocotools' names."""

    name: str
    COCO: type
    COCOeval: type
    Params: type
    mask: ModuleType


def reference() -> Tool:
    """pycocotools itself."""
    from pycocotools import coco, cocoeval, mask

    return Tool("pycocotools", coco.COCO, cocoeval.COCOeval, cocoeval.Params, mask)


def meanap() -> Tool:
    """The package under test."""
    from meanap.compat.pycocotools import coco, cocoeval, mask

    return Tool("meanap", coco.COCO, cocoeval.COCOeval, cocoeval.Params, mask)


def with_hooks(base: type, names: tuple[str, ...]) -> type:
    """A subclass of `base` with the hooks that belong to it, or `base` itself if none does."""
    own = {name: HOOKS[name] for name in names if hasattr(base, HOOKS[name][0])}
    if not own:
        return base
    made = type(base)("Hooked" + base.__name__, (base,), {})
    for method, wrap in own.values():
        setattr(made, method, wrap(getattr(made, method)))
    return made


def _pass_through(method: Callable[..., Any]) -> Callable[..., Any]:
    def passed(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **kwargs)

    return passed


def _after(change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def wrap(method: Callable[..., Any]) -> Callable[..., Any]:
        def changed(self: Any, *args: Any, **kwargs: Any) -> Any:
            return change(self, method(self, *args, **kwargs))

        return changed

    return wrap


def _lower(_self: Any, ious: Any) -> Any:
    return ious if len(ious) == 0 else ious * 0.75


def _all_large(_self: Any, cell: Any) -> Any:
    if cell is not None:
        cell["gtIgnore"] = np.zeros_like(cell["gtIgnore"])
    return cell


def _drop_some(self: Any, _none: Any) -> None:
    for key in list(self._gts)[::2]:
        self._gts[key] = self._gts[key][1:]
    for key in list(self._dts)[::3]:
        self._dts[key] = self._dts[key][:-1]


def _ignore_some(self: Any, _none: Any) -> None:
    for cell in list(self._gts.values()):
        for annotation in cell[::2]:
            annotation["ignore"] = 1


def _without_last(_self: Any, found: list[Any]) -> list[Any]:
    return found[:-1]


def _looking(method: Callable[..., Any]) -> Callable[..., Any]:
    """`createIndex` as SAM 3 has it: reads the attributes, before and after."""

    def look(self: Any) -> list[Any]:
        return [sorted(vars(self)), list(self.imgs), list(self.anns), list(self.cats), dict(self.imgToAnns)]

    def looking(self: Any) -> None:
        before = look(self)
        method(self)
        self.looks = [before, look(self)]

    return looking


def _own_index(method: Callable[..., Any]) -> Callable[..., Any]:
    """`createIndex` that fills what the constructor has made."""

    def own(self: Any) -> None:
        for image in self.dataset.get("images", []):
            self.imgs[image["id"]] = image
        for category in self.dataset.get("categories", []):
            self.cats[category["id"]] = category
        for annotation in self.dataset.get("annotations", []):
            self.anns[annotation["id"]] = annotation
            self.imgToAnns[annotation["image_id"]].append(annotation)

    return own


HOOKS: dict[str, tuple[str, Callable[..., Any]]] = {
    "evaluateImg": ("evaluateImg", _pass_through),
    "computeIoU": ("computeIoU", _pass_through),
    "computeOks": ("computeOks", _pass_through),
    "_prepare": ("_prepare", _pass_through),
    "evaluate": ("evaluate", _pass_through),
    "accumulate": ("accumulate", _pass_through),
    "summarize": ("summarize", _pass_through),
    "getAnnIds": ("getAnnIds", _pass_through),
    "loadAnns": ("loadAnns", _pass_through),
    "annToRLE": ("annToRLE", _pass_through),
    "createIndex": ("createIndex", _pass_through),
    "createIndex looks": ("createIndex", _looking),
    "createIndex of its own": ("createIndex", _own_index),
    "computeIoU lowers": ("computeIoU", _after(_lower)),
    "computeOks lowers": ("computeOks", _after(_lower)),
    "evaluateImg ignores nothing": ("evaluateImg", _after(_all_large)),
    "_prepare drops some": ("_prepare", _after(_drop_some)),
    "_prepare ignores some": ("_prepare", _after(_ignore_some)),
    "getAnnIds drops one": ("getAnnIds", _after(_without_last)),
}
PASS_THROUGH = tuple(name for name, (_, wrap) in HOOKS.items() if wrap is _pass_through)
