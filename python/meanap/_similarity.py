"""The kinds of similarity, as the registry of the core lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _core
from ._arrays import shown
from ._keywords import did_you_mean, is_among
from .errors import InputError

if TYPE_CHECKING:
    from ._types import OwnSimilarity, SimilarityName

#: What each kind compares: "boxes", "masks", "keypoints", "rotated boxes" or "3D boxes".
GEOMETRY = {name: geometry for name, geometry, _ in _core.similarities()}

#: The names of all kinds.
SIMILARITIES = tuple(GEOMETRY)

#: The parameters of a protocol that only one kind uses, and that kind.
ONLY_OF = {parameter: name for name, _, parameters in _core.similarities() for parameter in parameters}


#: What other tools call a kind, or give in its place.
_OTHERS = {
    **dict.fromkeys(("box", "boxes", "detection", "iou"), "bbox"),
    **dict.fromkeys(("mask", "masks", "segmentation", "seg"), "segm"),
    **dict.fromkeys(("keypoint", "kpt", "pose", "oks"), "keypoints"),
    "boundary_iou": "boundary",
}
#: Names of protocols, which are another argument.
_PROTOCOLS = ("coco", "lvis", "torchmetrics", "ultralytics", "voc2007", "voc2012")


def compares_masks(name: str) -> bool:
    """Whether it compares masks."""
    return GEOMETRY.get(name) == "masks"


def compares_polygons(name: str) -> bool:
    """Whether it compares polygons as they are drawn: their masks have to keep them."""
    return name == "polygon"


def compares_rotated_boxes(name: str) -> bool:
    """Whether it compares rotated boxes of the plane."""
    return GEOMETRY.get(name) == "rotated boxes"


def box_widths(name: str) -> tuple[int, ...]:
    """How many numbers a box that may turn has: five or eight in the plane, seven in space; none of other kinds."""
    return {"rotated boxes": (5, 8), "3D boxes": (7,)}.get(GEOMETRY.get(name, ""), ())


def function_and_name(similarity: Any) -> tuple[OwnSimilarity | None, SimilarityName]:
    """A similarity that is a function, and the name of that whose objects it compares."""
    return (similarity, "bbox") if callable(similarity) else (None, similarity)


def meant_similarity(name: object) -> str:
    """The end of a message about an unknown name: the one that was meant, if it is close to any."""
    if is_among(name, _PROTOCOLS):
        return f"; did you mean protocol={name!r}?"
    return did_you_mean(name, SIMILARITIES, _OTHERS)


def unknown_similarity(name: object, argument: str = "similarity") -> InputError:
    """The error for an unknown name."""
    *others, last = map(repr, SIMILARITIES)
    if callable(name):
        return InputError(
            f"{argument}: a function is for meanap.evaluate and MeanAveragePrecision; expected a name here"
        )
    found = f"found {shown(name)}{meant_similarity(name)}"
    return InputError(f"{argument}: expected {', '.join(others)} or {last}, {found}")
