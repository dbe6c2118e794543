"""Run-length masks: pycocotools' module ``mask``, by name.

A mask of height ``h`` and width ``w`` is a dictionary ``{"size": [h, w], "counts": text}``. The text
(``bytes`` or ``str``) holds the lengths of background and foreground runs in turn, down the columns, left to
right.

==============  =================================================
`encode`        arrays of pixels to masks
`decode`        masks to arrays of pixels
`frPyObjects`   polygons, boxes, uncompressed run lengths to masks
`merge`         union or intersection
`iou`           intersection over union
`area`          foreground pixels
`toBbox`        bounding boxes
==============  =================================================

Every function takes one mask where it makes sense, or a list. Results are the reference's, to the last bit;
where the reference would hang, crash or read memory that is not its own, there is a ``ValueError``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from meanap._arrays import kind_of
from meanap.compat.pycocotools import _mask
from meanap.compat.pycocotools._mask import Rle, frPyObjects, iou, merge
from meanap.compat.pycocotools._named import EXCEPTIONS, raise_in_words

__all__ = ["area", "decode", "encode", "frPyObjects", "iou", "merge", "toBbox"]

__author__ = "tsungyi"


def _no_mask(masks: Any) -> str | None:
    """A sentence about the first that is no mask."""
    for place, one in enumerate(masks if type(masks) is list else [masks]):
        whose = f"mask {place}" if type(masks) is list else "the mask"
        if not isinstance(one, Mapping):
            made = "frPyObjects makes one of polygons or boxes"
            return f'{whose} is {kind_of(one)}, expected a dictionary of "size" and "counts": {made}'
        for name in ("size", "counts"):
            if name not in one:
                return f'{whose}: "{name}" is missing'
        if not isinstance(one["counts"], str | bytes):
            kind = type(one["counts"]).__name__
            return f'{whose}: "counts": expected bytes or str, found {kind}: frPyObjects compresses a list of numbers'
    return None


def encode(bimask: np.ndarray) -> Any:
    """Run lengths of one mask or many.

    Parameters
    ----------
    bimask
        pixels ``(h, w)`` or ``(h, w, n)``, ``uint8`` or ``bool``, in Fortran order. 0 is background. Adjacent
        pixels with different non-zero values form separate runs, as in the reference.

    Returns
    -------
    Any
        ``{"size": [h, w], "counts": bytes}``; a list of ``n`` such for three dimensions. (For another number of
        dimensions ``None``, as in the reference.)

    Raises
    ------
    ValueError
        another dtype, or an array that is not in Fortran order.

    Examples
    --------
    >>> import numpy as np
    >>> from meanap import mask
    >>> mask.encode(np.asfortranarray([[0, 1], [1, 1]], dtype=np.uint8))
    {'size': [2, 2], 'counts': b'13'}
    """
    if not hasattr(bimask, "shape"):
        raise AttributeError(f"bimask is {kind_of(bimask)}, expected an array (h, w) or (h, w, n)")
    if len(bimask.shape) == 3:
        return _mask.encode(bimask)
    if len(bimask.shape) == 2:
        h, w = bimask.shape
        return _mask.encode(bimask.reshape((h, w, 1), order="F"))[0]
    return None


def decode(rleObjs: Rle | list[Rle]) -> np.ndarray:
    """Pixels of one mask or many.

    Parameters
    ----------
    rleObjs
        a mask, or a list of masks of one size (that of the first).

    Returns
    -------
    np.ndarray
        ``(h, w) uint8`` for one mask, ``(h, w, n) uint8`` for a list, in Fortran order; 1 is foreground. Pixels that
        the run lengths do not reach are 0 (in the reference they are uninitialised memory).

    Raises
    ------
    ValueError
        an empty list; more run lengths than pixels; run lengths that are cut off.
    OverflowError, MemoryError
        a size that no memory holds.

    Examples
    --------
    >>> from meanap import mask
    >>> mask.decode({"size": [2, 2], "counts": "13"})
    array([[0, 1],
           [1, 1]], dtype=uint8)
    """
    try:
        if type(rleObjs) is list:
            return _mask.decode(rleObjs)
        return _mask.decode([rleObjs])[:, :, 0]  # type: ignore[list-item]
    except EXCEPTIONS as error:
        raise_in_words(error, _no_mask(rleObjs))


def area(rleObjs: Rle | list[Rle]) -> Any:
    """Foreground pixels of one mask or many.

    Parameters
    ----------
    rleObjs
        a mask, or a list of masks.

    Returns
    -------
    Any
        ``numpy.uint32`` for one mask, ``(n,) uint32`` for a list.

    Raises
    ------
    ValueError
        run lengths that are cut off.

    Examples
    --------
    >>> from meanap import mask
    >>> int(mask.area({"size": [2, 2], "counts": "13"}))
    3
    """
    try:
        if type(rleObjs) is list:
            return _mask.area(rleObjs)
        return _mask.area([rleObjs])[0]  # type: ignore[list-item]
    except EXCEPTIONS as error:
        raise_in_words(error, _no_mask(rleObjs))


def toBbox(rleObjs: Rle | list[Rle]) -> np.ndarray:
    """Smallest boxes around the foreground of one mask or many.

    Parameters
    ----------
    rleObjs
        a mask, or a list of masks.

    Returns
    -------
    np.ndarray
        ``x, y, width, height`` in whole pixels: ``(4,) float64`` for one mask, ``(n, 4) float64`` for a list. All zeros
        for a mask of one run.

    Raises
    ------
    ValueError
        run lengths that are cut off; foreground in a mask of height 0 (there the reference crashes).

    Examples
    --------
    >>> from meanap import mask
    >>> mask.toBbox({"size": [4, 5], "counts": "52207"})
    array([1., 1., 2., 2.])
    """
    try:
        if type(rleObjs) is list:
            return _mask.toBbox(rleObjs)
        box: np.ndarray = _mask.toBbox([rleObjs])[0]  # type: ignore[list-item]
        return box
    except EXCEPTIONS as error:
        raise_in_words(error, _no_mask(rleObjs))
