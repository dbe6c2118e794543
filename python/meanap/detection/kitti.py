"""KITTI's average orientation similarity (AOS).

Source: ``evaluate_object`` of KITTI's development kit and its ports to Python: the AP of boxes in the image, where a
true positive counts (1 + cos d) / 2 if its observation angle (``alpha``) differs by d.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import readers
from meanap.detection.inputs import Checking, arranged
from meanap.detection.match_log import new_log
from meanap.errors import InputError
from meanap.protocol import get
from meanap.readers.sides import Detections, GroundTruth, plain_ids
from meanap.table import Table

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["kitti_orientation"]

#: The angle of objects and detections that have none.
_NONE = -10.0


def kitti_orientation(ground_truth: Any, detections: Any, protocol: Literal["kitti", "kitti-r11"] = "kitti") -> Table:
    """KITTI's average orientation similarity of each class at each level.

    Parameters
    ----------
    ground_truth, detections : path
        Folders of KITTI's text files, whose lines have ``alpha``.
    protocol : {"kitti", "kitti-r11"}
        Over 40 recalls, or over eleven.

    Returns
    -------
    Table
        A row for each class of KITTI: ``category``, ``easy``, ``moderate`` and ``hard``; NaN without objects.

    Raises
    ------
    ValueError
        Input that cannot be used, of another format, or an ``alpha`` of -10, which says that there is none.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from meanap.detection import kitti_orientation
    >>> folder, box = Path(tempfile.mkdtemp()), "10 10 90 70 1.5 1.7 4.2 0 1.6 20 0"
    >>> for side, line in (("labels", f"Car 0 0 0.0 {box}"), ("results", f"Car -1 -1 1.5708 {box} 0.9")):
    ...     (folder / side).mkdir()
    ...     _ = (folder / side / "000001.txt").write_text(line)
    >>> found = kitti_orientation(folder / "labels", folder / "results", "kitti-r11")
    >>> print(f"{found.row(category='Car')['hard'] * 11:.3f}")
    0.500
    """
    rules = get(protocol)
    assert isinstance(rules.recall, str)
    options = readers.Options(difficulty=rules.reads_difficulty)
    problems = readers.Problems("raise")
    truth = readers.ground_truth(ground_truth, options, problems)
    of_truths = _angles(truth, "ground_truth")
    found = readers.detections(detections, options, problems, truth)
    angles = of_truths, _angles(found, "detections")
    _, columns = arranged(truth, found, Checking(rules, options, None, problems))
    problems.tell()
    log = new_log(rules, options.similarity, options.box_format, None)
    values, categories = log.orientation(*columns, truth.images, angles, rules.recall)
    ranges = list(rules.area_ranges)
    table: dict[str | None, dict[str, float]] = {}
    for row in rules.summary:
        place = ranges.index(row.area), rules.thresholds.index(row.threshold)
        value = values[categories.index(row.category)][place] if row.category in categories else -1.0
        table.setdefault(row.category, {})[row.area] = np.nan if value < 0 else float(value)
    levels = {level: np.array([numbers[level] for numbers in table.values()]) for level in ranges[1:]}
    return Table({"category": list(table), **levels}, "Average orientation similarity")


def _angles(side: Any, place: str) -> np.ndarray:
    """The angle of each object that counts, in radians ``(N,)``.

    Raises
    ------
    InputError
        There is none.
    """
    if not isinstance(side, (GroundTruth, Detections)) or "alpha" not in side.arrays:
        raise InputError("it is not in KITTI's format, which has orientations", place)
    angles: np.ndarray = side.arrays["alpha"]
    without = (angles == _NONE) & ~np.asarray(side.arrays.get("iscrowd", np.zeros(len(angles), dtype=bool)))
    if without.any():
        image = plain_ids(side.image_ids)[int(np.flatnonzero(without)[0])]
        found = "is -10, which says that there is none"
        raise InputError(None, f"{place}: {image}.txt", field="alpha", found=found, expected="an angle in radians")
    return angles
