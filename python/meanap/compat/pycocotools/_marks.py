"""The fields that the reference's evaluation writes into the annotations that it loads.

``ignore`` in those of the ground truth, and ``_ignore``, of the last area range, in those that were matched. Where
masks are compared, compressed run lengths in place of polygons and plain run lengths, on both sides. Dictionaries that
exist get them when they are evaluated, those of lazy attributes when they are created.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from meanap import _core
from meanap.compat.pycocotools._index import collector_paused
from meanap.compat.pycocotools.params import MASK_TYPES

if TYPE_CHECKING:
    from meanap.compat.pycocotools._sources import Ids


class Marks:
    """Those of one evaluation on one side.

    Parameters
    ----------
    p
        The parameters that were evaluated.
    role
        "ground_truth" or "detections".
    images
        The images that were evaluated.
    categories
        The categories.
    """

    def __init__(self, p: Any, role: str, images: Ids, categories: Ids) -> None:
        self.masks: bool = p.iouType in MASK_TYPES
        self._images, self._categories = images.kept(), categories.kept()
        self._how: dict[str, Any] = {"by_category": bool(p.useCats)}
        if role == "ground_truth":
            last = list(p.areaRng)[-1]
            self._how.update(area_range=(float(last[0]), float(last[1])), keypoints=p.iouType == "keypoints")

    def __bool__(self) -> bool:
        return self.masks or "area_range" in self._how

    def __deepcopy__(self, memo: dict[int, Any]) -> Marks:
        # Never changed.
        return self

    @property
    def key(self) -> Hashable:
        """Of changes with equal keys only the last ones have an effect."""
        return (self.masks, self._images.key, self._categories.key, *self._how.items())

    def leave(self, annotations: list[Any], images: dict[Any, Any] | None, loaded: bool = False) -> None:
        """Writes the fields into dictionaries.

        Parameters
        ----------
        annotations
            Those that the evaluation loaded, or all among which it looked for them.
        images
            The image dictionaries by id, which masks need.
        loaded
            Whether they are those that it loaded.
        """
        with collector_paused():
            _core.mark_annotations(
                annotations,
                self._images.index,
                self._categories.index,
                loaded=loaded,
                image_records=images if self.masks else None,
                **self._how,
            )


class Pending:
    """Changes that wait for dictionaries to be created."""

    def __init__(self) -> None:
        self._marks: dict[Hashable, Marks] = {}

    def add(self, marks: Marks) -> None:
        """Adds those of one more evaluation."""
        key = marks.key
        self._marks.pop(key, None)
        self._marks[key] = marks

    def leave(self, attributes: dict[str, Any]) -> None:
        """Writes the fields into the annotations of a data set that has just been created, evaluation by evaluation."""
        if not self._marks:
            return
        annotations, by_id = attributes["dataset"].get("annotations", []), attributes["anns"]
        if len(by_id) != len(annotations):
            # A repeated id belongs to its last annotation.
            annotations = [by_id[annotation["id"]] for annotation in annotations]
        for marks in self._marks.values():
            marks.leave(annotations, attributes["imgs"])
        self._marks = {}
