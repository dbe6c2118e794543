"""CityPersons: COCO's data sets whose images have ``im_name`` and whose annotations ``vis_ratio``.

What has a true ``ignore`` is a crowd region, which detections may match many times, as in CityPersons' evaluation.
Results are COCO's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from meanap._arrays import shown
from meanap.readers._coco_records import coco_ground_truth
from meanap.readers._coco_rows import listed
from meanap.readers._collected import finite
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, head, is_path, json_of
from meanap.readers.sides import GroundTruth

__all__ = ["CityPersons"]

_NAME, _VISIBLE = "im_name", "vis_ratio"


class CityPersons(Reader):
    """A JSON file, or its dictionary."""

    name = "citypersons"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first image is named as there."""
        if role == "detections":
            return False
        if isinstance(source, Mapping):
            images = source.get("images")
            first = images[0] if isinstance(images, list) and images else None
            return isinstance(first, Mapping) and _NAME in first and "annotations" in source
        return is_path(source) and f'"{_NAME}"'.encode() in head(source)

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects, with the part of each that is visible."""
        data = json_of(source)
        images, annotations = (listed(data, name, "ground_truth") for name in ("images", "annotations"))
        truth = coco_ground_truth(
            {
                **data,
                "images": [_with(image, "file_name", _NAME) for image in images],
                "annotations": [_with(record, "iscrowd", "ignore", 0) for record in annotations],
            },
            options.similarity,
            problems,
        )
        visible = np.ones(len(annotations))
        for row, record in enumerate(annotations):
            value = record.get(_VISIBLE, 1.0) if isinstance(record, Mapping) else 1.0
            part = finite(value)
            if part is None:
                found = f"is {shown(value)}"
                problems.add(Problem("not-a-number", "error", "ground_truth", row, _VISIBLE, found, "a number"))
            else:
                visible[row] = part
        truth.arrays["visibility"] = visible if truth.numbers is None else visible[truth.numbers]
        return truth


def _with(record: Any, name: str, own: str, default: Any = None) -> Any:
    """A record with the value of its own field under COCO's name."""
    return {**record, name: record.get(own, default)} if isinstance(record, Mapping) else record
