"""Which lists of dictionaries are batches that need no reader."""

from __future__ import annotations

from typing import Any

__all__ = ["are_plain"]

#: Keys by which dictionaries are those of another reader, or with which they are not taken as they are.
_STRANGE = frozenset(
    (
        "annotations",
        "bboxes",
        "category_id",
        "class_labels",
        "image_ids",
        "predictions",
        "segmentation",
        "segments_info",
    )
)


def are_plain(source: Any) -> bool:
    """Whether it is a list of dictionaries with labels that `Lists` takes as they are, and no other reader takes.

    Most batches are such: this is found out in less time than readers take one after another.
    """
    if type(source) is not list or not source:
        return False
    for item in source:
        if type(item) is not dict or "labels" not in item or not _STRANGE.isdisjoint(item):
            return False
    return type(source[0].get("image_id", 0)) in (int, str)
