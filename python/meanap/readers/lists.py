"""Lists of one dictionary for each image, as training loops have them: torchmetrics' and torchvision's shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from meanap._arrays import shown
from meanap.errors import InputError
from meanap.readers._per_image import PerImage, is_there
from meanap.readers._reader import Role

__all__ = ["Lists"]


class Lists(PerImage):
    """Each dictionary has ``boxes``, ``masks`` or ``keypoints``, ``labels``, and ``scores`` if it is of detections.

    Images are called by their ``image_id`` where all dictionaries have one, else by their position.
    """

    name = "list"
    has_ids = True

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first dictionary has labels, or all are empty; an empty list is ground truth without images."""
        if isinstance(source, (list, tuple)) and not any(map(is_there, source)):
            return role == "ground_truth" or bool(source)
        return super().sniff(source, role)

    def is_item(self, item: Any, role: Role) -> bool:
        """Whether it is a dictionary of columns, which may lack labels; with ``category_id`` it is a COCO result."""
        if not isinstance(item, Mapping) or "category_id" in item or "image_ids" in item:
            return False
        if "labels" not in item and not ("boxes" in item and ("scores" in item or role == "ground_truth")):
            return False
        # Of many images they are columns of a table.
        id = item.get("image_id")
        return not isinstance(id, (list, tuple)) and math.prod(getattr(id, "shape", ())) == 1

    def dictionary(self, item: Any, role: Role, where: str) -> Mapping[str, Any]:
        """The dictionary itself."""
        if not isinstance(item, Mapping):
            raise InputError(None, where, found=f"is {shown(item)}", expected="a dictionary with labels")
        if "bboxes" in item and "boxes" not in item:  # As MMDetection calls them.
            return {**{name: value for name, value in item.items() if name != "bboxes"}, "boxes": item["bboxes"]}
        return item
