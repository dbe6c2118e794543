"""Rotated boxes as arrays: their intersection over union and their corners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meanap import _core

if TYPE_CHECKING:
    from meanap._types import AngleUnit, Points, RotatedIouName, Rows

__all__ = ["rotated_corners", "rotated_iou"]


def rotated_iou(
    detections: Rows | Points,
    ground_truths: Rows | Points,
    *,
    angle: AngleUnit = "degrees",
    clockwise: bool = False,
    arithmetic: RotatedIouName = "exact",
) -> np.ndarray:
    """Intersection over union of rotated boxes.

    By default a box and itself give exactly 1, the order of the two sides does not matter, and a value is within 1e-12
    of that of exact arithmetic. A box without area overlaps nothing.

    Parameters
    ----------
    detections, ground_truths : (N, 5), (N, 8) or (N, 4, 2)
        Centre, width, height and angle; or four corners, in any order, of which the convex hull counts.
    angle : {"degrees", "radians"}
    clockwise
        Whether positive angles turn clockwise as one sees them, where y points down.
    arithmetic : {"exact", "detectron2", "mmcv", "polyiou", "probiou"}
        That of another package, for its bits: detectron2's and mmcv's ``box_iou_rotated`` and Ultralytics'
        ``batch_probiou`` in single precision, or DOTA's ``polyiou``.

    Returns
    -------
    (D, G) float64
        From 0 to 1; without boxes on a side an array without entries.

    Raises
    ------
    InputError
        A number is not finite, a width or height is below 0, or a shape is none of those.

    Examples
    --------
    >>> from meanap.detection import rotated_iou
    >>> rotated_iou([[5, 5, 4, 2, 0]], [[5, 5, 2, 4, 90], [5, 5, 4, 2, 90]])
    array([[1.        , 0.33333333]])
    """
    return _core.rotated_iou(detections, ground_truths, angle, clockwise, arithmetic)


def rotated_corners(boxes: Rows | Points, *, angle: AngleUnit = "degrees", clockwise: bool = False) -> np.ndarray:
    """The corners of rotated boxes.

    Parameters
    ----------
    boxes : (N, 5), (N, 8) or (N, 4, 2)
    angle, clockwise
        As for `rotated_iou`.

    Returns
    -------
    (N, 4, 2) float64
        Corners, one after another around the box; those that are given stay as they are.

    Raises
    ------
    InputError
        As for `rotated_iou`.

    Examples
    --------
    >>> from meanap.detection import rotated_corners
    >>> rotated_corners([[5, 5, 4, 2, 90]]).tolist()
    [[[4.0, 7.0], [4.0, 3.0], [6.0, 3.0], [6.0, 7.0]]]
    """
    return _core.corners_of_rotated_boxes(boxes, angle, clockwise)
