"""pycocotools' compiled module ``_mask``, by name: the functions that take lists.

:mod:`meanap.compat.pycocotools.mask` is the public API; code that imports ``pycocotools._mask`` finds its functions
here. Each takes exactly the forms of input that the reference takes, in the order in which it looks for them.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from meanap import _core
from meanap._arrays import kind_of
from meanap._core import RLEs

__all__ = [
    "PYTHON_VERSION",
    "Masks",
    "RLEs",
    "area",
    "decode",
    "encode",
    "frBbox",
    "frPoly",
    "frPyObjects",
    "frUncompressedRLE",
    "iou",
    "merge",
    "np",
    "sys",
    "toBbox",
]

# Names that programs look up in pycocotools.
__author__ = "tsungyi"
PYTHON_VERSION = sys.version_info[0]

Rle = dict[str, Any]


class Masks:
    """Memory for ``n`` masks of height ``h`` and width ``w``, all background; ``numpy.asarray`` gives the pixels.

    Parameters
    ----------
    h, w, n
        whole numbers; floats are cut.

    Raises
    ------
    TypeError
        something that is no number.
    OverflowError
        a negative number.
    MemoryError
        more than there is memory for.

    Examples
    --------
    >>> import numpy as np
    >>> from meanap.compat.pycocotools import _mask
    >>> np.asarray(_mask.Masks(4, 5, 2)).shape
    (4, 5, 2)
    """

    def __init__(self, h: float, w: float, n: float) -> None:
        sizes = [int(size) if isinstance(size, float) else operator.index(size) for size in (h, w, n)]
        for name, size in zip(("h", "w", "n"), sizes, strict=True):
            if size < 0:
                raise OverflowError(f"{name} is {size}, expected a number that is not negative")
        self._pixels = np.zeros(sizes, dtype=np.uint8, order="F")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The pixels, ``(h, w, n) uint8`` in Fortran order."""
        return self._pixels.copy(order="F") if copy else self._pixels


def _toString(Rs: RLEs) -> list[Rle]:
    """The run-length dictionaries of decoded masks."""
    return _core.mask_to_string(Rs)


def _frString(rleObjs: Iterable[Rle]) -> RLEs:
    """Decoded masks, opaque, of run-length dictionaries."""
    return _core.mask_from_string(rleObjs)


def encode(mask: np.ndarray) -> list[Rle]:
    """Run-length dictionaries of masks ``(h, w, n)``, ``uint8`` or ``bool``, in Fortran order."""
    return _core.mask_encode(mask)


def decode(rleObjs: Sequence[Rle]) -> np.ndarray:
    """Masks ``(h, w, n) uint8`` in Fortran order of a list of run-length dictionaries."""
    return _core.mask_decode(rleObjs)


def merge(rleObjs: Iterable[Rle], intersect: int = 0) -> Rle:
    """Union of masks, or their intersection, as a run-length dictionary.

    Parameters
    ----------
    rleObjs
        run-length dictionaries of one size. None gives a mask of 0 x 0 pixels, one is returned.
    intersect
        0 for the union, another number for the intersection.

    Returns
    -------
    Rle
        ``{"size": [h, w], "counts": bytes}``. If the sizes differ, ``{"size": [0, 0], "counts": b""}``.

    Raises
    ------
    ValueError
        run lengths that are cut off, absent, or add up to different totals (there the reference crashes or never
        returns).

    Examples
    --------
    >>> from meanap import mask
    >>> left, right = {"size": [1, 4], "counts": b"022"}, {"size": [1, 4], "counts": b"121"}
    >>> mask.merge([left, right])
    {'size': [1, 4], 'counts': b'031'}
    >>> mask.merge([left, right], intersect=True)
    {'size': [1, 4], 'counts': b'112'}
    """
    return _core.mask_merge(rleObjs, intersect)


def area(rleObjs: Iterable[Rle]) -> np.ndarray:
    """Numbers of foreground pixels ``(n,) uint32``."""
    return _core.mask_area(rleObjs)


def toBbox(rleObjs: Iterable[Rle]) -> np.ndarray:
    """Bounding boxes ``x, y, width, height``, ``(n, 4) float64``."""
    return _core.mask_to_bbox(rleObjs)


def iou(dt: Any, gt: Any, pyiscrowd: Sequence[int]) -> np.ndarray | list[Any]:
    """Intersection over union of every detection with every ground truth, masks or boxes.

    With a crowd, a detection may lie anywhere in it: the intersection is divided by the detection's own area.

    Parameters
    ----------
    dt
        D detections: a list of run-length dictionaries, an array ``(D, 4)`` of boxes ``x, y, width, height``, or a list
        of such boxes (each a list or an array).
    gt
        G ground truths, of the same kind.
    pyiscrowd
        for each ground truth, whether it is a crowd.

    Returns
    -------
    np.ndarray | list[Any]
        ``(D, G) float64`` in Fortran order, from 0 to 1; -1 where the boxes around two masks overlap but the masks
        differ in size. An empty list if there is no detection or no ground truth.

    Raises
    ------
    AssertionError
        ``pyiscrowd`` is not as long as ``gt``.
    TypeError, ValueError
        input of another form; run lengths that are cut off or add up to different totals (there the reference crashes
        or never returns).

    Notes
    -----
    As in the reference, boxes are read in the order in which they lie in memory: an array in Fortran order is misread.
    ``numpy.ascontiguousarray`` fixes it.

    Examples
    --------
    >>> from meanap import mask
    >>> mask.iou([[0, 0, 2, 2]], [[0, 0, 2, 4], [1, 1, 2, 2]], [0, 1])
    array([[0.5 , 0.25]])
    """
    crowd = np.array(pyiscrowd, dtype=np.uint8)
    if crowd.ndim != 1:
        raise ValueError(f"pyiscrowd: expected a flat list, found {crowd.ndim} dimensions")
    dt, gt = _comparable(dt, "dt"), _comparable(gt, "gt")
    if len(pyiscrowd) != len(gt):
        raise AssertionError(f"pyiscrowd has {len(pyiscrowd)} entries for {len(gt)} ground truths")
    if len(dt) == 0 or len(gt) == 0:
        return []
    if type(dt) is not type(gt):
        raise TypeError("dt and gt: expected masks on both sides, or boxes on both sides")
    if isinstance(dt, np.ndarray):
        return _core.mask_box_iou(_in_memory_order(dt, "dt"), _in_memory_order(gt, "gt"), crowd)
    return _core.mask_iou(dt, gt, crowd)


def _comparable(objects: Any, name: str) -> Any:
    """Boxes as an array of doubles, masks decoded, an empty list as it is."""
    if len(objects) == 0:
        return objects
    if type(objects) is np.ndarray:
        if objects.ndim == 1:
            # As in the reference; the result has one column.
            objects = objects.reshape((objects[0], 1))
        if objects.ndim != 2 or objects.shape[1] != 4:
            raise ValueError(f"{name}: expected boxes of shape (n, 4), found {objects.shape}")
        return objects.astype(np.double)
    if type(objects) is not list:
        raise TypeError(f"{name}: expected a list or a numpy.ndarray, found {type(objects).__name__}")
    if all([len(one) == 4 and type(one) in (list, np.ndarray) for one in objects]):
        return np.array(objects, dtype=np.double)
    if all(type(one) is dict for one in objects):
        return _core.MaskForeground(objects)
    raise TypeError(f"{name}: expected a list of boxes (4 numbers each) or of run-length dictionaries")


def _in_memory_order(boxes: np.ndarray, name: str) -> np.ndarray:
    """Rows of four numbers as they follow each other in memory: Fortran order is misread on purpose."""
    if boxes.ndim != 2:
        raise ValueError(f"{name}: expected boxes of shape (n, 4), found {boxes.shape}")
    return boxes.ravel(order="K").reshape(-1, 4)


def frBbox(bb: np.ndarray, h: float, w: float) -> list[Rle]:
    """Masks ``h`` x ``w`` of boxes ``x, y, width, height``: an array ``(n, 4) float64``."""
    if not isinstance(bb, np.ndarray):
        raise TypeError(f"bb: expected a numpy.ndarray, found {type(bb).__name__}")
    if bb.ndim != 2:
        raise ValueError(f"bb: expected 2 dimensions, found {bb.ndim}")
    if bb.dtype != np.double:
        raise ValueError(f"bb: expected dtype float64, found {bb.dtype}")
    return _core.mask_from_boxes(_first_in_memory(bb), h, w)


def _first_in_memory(boxes: np.ndarray) -> np.ndarray:
    """As many rows of four numbers as ``boxes`` has, read on from where its memory begins, strides or not.

    DIFFERENCE: the reference reads on beyond the array's memory where it is too short; here that is an error.
    """
    n = boxes.shape[0]
    if boxes.flags.c_contiguous and boxes.shape[1] == 4:
        return boxes
    if n == 0:
        return np.empty((0, 4))
    item, row = boxes.itemsize, 4 * boxes.itemsize
    span = item + sum((length - 1) * step for length, step in zip(boxes.shape, boxes.strides, strict=True))
    if min(boxes.strides) < 0 or 0 in boxes.shape or span < n * row:
        raise ValueError(f"bb: expected shape (n, 4), found {boxes.shape} with strides {boxes.strides}")
    rows: np.ndarray = np.lib.stride_tricks.as_strided(boxes, (n, 4), (row, item)).copy()
    return rows


def frPoly(poly: Iterable[Sequence[float]], h: float, w: float) -> list[Rle]:
    """Masks ``h`` x ``w`` of polygons ``x, y, x, y, …``."""
    return _core.mask_from_polygons(poly, h, w)


def frUncompressedRLE(ucRles: Sequence[Rle], h: float, w: float) -> list[Rle]:
    """Run-length dictionaries with text for ``counts``, of some with numbers (no use of ``h``, ``w``)."""
    return _core.mask_from_counts(ucRles, h, w)


def frPyObjects(pyobj: Any, h: float, w: float) -> Any:
    """Run-length dictionaries of polygons, boxes, or uncompressed run lengths.

    Parameters
    ----------
    pyobj
        a list of polygons (``[x, y, x, y, …]``, six numbers or more in the first); an array ``(n, 4) float64`` of boxes
        ``x, y, width, height``; a dictionary ``{"size": [h, w], "counts": [numbers]}``, or a list of them.
    h, w
        size of the masks in pixels (a dictionary has its own).

    Returns
    -------
    Any
        ``{"size": [h, w], "counts": bytes}`` for a dictionary, else a list of such.

    Raises
    ------
    IndexError
        an empty list.
    TypeError
        a list of boxes, a first polygon of four numbers, a single flat polygon, anything else.
    ValueError
        coordinates that are NaN, infinite or too far away (there the reference's result is undefined, and it may never
        return).

    Examples
    --------
    >>> from meanap import mask
    >>> mask.frPyObjects([[1, 1, 3, 1, 3, 3, 1, 3]], 4, 5)
    [{'size': [4, 5], 'counts': b'52207'}]
    >>> mask.frPyObjects({"size": [4, 5], "counts": [5, 2, 2, 2, 9]}, 4, 5)
    {'size': [4, 5], 'counts': b'52207'}
    """
    if type(pyobj) is np.ndarray:
        return frBbox(pyobj, h, w)
    if type(pyobj) is list:
        # As in the reference, the first element decides what the list holds. (Boxes in a list get their TypeError.)
        if not pyobj:
            raise IndexError("an empty list, expected polygons, or dictionaries of plain run lengths")
        first: Any = pyobj[0]
        if not hasattr(first, "__len__"):
            raise TypeError(f"the list begins with {kind_of(first)}, expected polygons [[x, y, x, y, ...], ...]")
        if len(first) == 4:
            return frBbox(pyobj, h, w)  # type: ignore[arg-type]
        if len(first) > 4:
            return frPoly(pyobj, h, w)
        if _is_uncompressed(first):
            return frUncompressedRLE(pyobj, h, w)
        if len(pyobj) == 4:
            return frBbox([pyobj], h, w)[0]  # type: ignore[arg-type]
        if len(pyobj) > 4:
            return frPoly([pyobj], h, w)[0]
    elif _is_uncompressed(pyobj):
        return frUncompressedRLE([pyobj], h, w)[0]
    raise TypeError(f"expected polygons, an array of boxes or plain run lengths, found another {type(pyobj).__name__}")


def _is_uncompressed(one: Any) -> bool:
    return type(one) is dict and "counts" in one and "size" in one
