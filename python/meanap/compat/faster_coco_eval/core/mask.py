"""Run-length masks: pycocotools' functions, and faster-coco-eval's for boundaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap.compat.pycocotools import mask as _pycocotools
from meanap.compat.pycocotools.mask import area, decode, merge, toBbox

if TYPE_CHECKING:
    from meanap.compat.pycocotools._mask import Rle

__all__ = [
    "area",
    "calculateRleForAllAnnotations",
    "decode",
    "encode",
    "frPyObjects",
    "iou",
    "merge",
    "opencv_available",
    "rleToBoundary",
    "rleToBoundaryCV",
    "segmToRle",
    "toBbox",
]

# Both of faster-coco-eval's implementations of boundaries are the one here.
opencv_available = True


def encode(bimask: np.ndarray) -> Any:
    """Run lengths of one mask ``(h, w)`` or of several ``(h, w, n)``, in any memory order.

    Examples
    --------
    >>> import numpy as np
    >>> encode(np.array([[0, 1], [1, 1]], dtype=np.uint8))
    {'size': [2, 2], 'counts': b'13'}
    """
    return _pycocotools.encode(np.asfortranarray(bimask, dtype=np.uint8))


def iou(dt: Any, gt: Any, iscrowd: Sequence[int]) -> Any:
    """IoU of masks or of boxes ``(x, y, width, height)``, ``(D, G) float64``; ``[]`` if a side is empty.

    Parameters
    ----------
    dt, gt
        Run lengths, or boxes.
    iscrowd
        For each of `gt` whether it is a crowd, of which the area of `dt` is the union.
    """
    return _pycocotools.iou(dt, gt, iscrowd)


def frPyObjects(objs: Any, h: int, w: int) -> Any:
    """Run lengths of polygons, boxes or uncompressed run lengths.

    Parameters
    ----------
    objs
        One of them, or a list.
    h, w
        Size of the mask in pixels.
    """
    return _pycocotools.frPyObjects(objs, h, w)


def segmToRle(segm: Any, w: int, h: int) -> Rle:
    """Run lengths of a segmentation; note that the width comes first.

    Parameters
    ----------
    segm
        A list of polygons, or a dictionary of run lengths, compressed or not.
    w, h
        Size of the mask in pixels.

    Examples
    --------
    >>> segmToRle([[1, 1, 3, 1, 3, 3, 1, 3]], 5, 4)
    {'size': [4, 5], 'counts': b'52207'}
    """
    if isinstance(segm, list):
        rings = [segm] if segm and not isinstance(segm[0], (list, tuple, np.ndarray)) else segm
        return merge(frPyObjects(rings, h, w))
    if isinstance(segm["counts"], list):
        rle: Rle = frPyObjects(segm, h, w)
        return rle
    return dict(segm)


def rleToBoundary(rle: Rle, dilation_ratio: float = 0.02, backend: str = "mask_api") -> Rle:
    """Run lengths of the boundary of a mask: the mask without its erosion.

    Parameters
    ----------
    rle
        A mask.
    dilation_ratio
        Width of the boundary as a fraction of the image diagonal; at least a pixel.
    backend
        faster-coco-eval's choice between two implementations; here there is one.

    Examples
    --------
    >>> import numpy as np
    >>> boundary = rleToBoundary(encode(np.ones((3, 3), dtype=np.uint8)))
    >>> decode(boundary)
    array([[1, 1, 1],
           [1, 0, 1],
           [1, 1, 1]], dtype=uint8)
    """
    mask = decode(rle)
    height, width = mask.shape
    reach = max(1, round(dilation_ratio * float(np.sqrt(height**2 + width**2))))
    # Pixels whose square of neighbours is foreground, what lies outside the image being background: by sums over
    # rectangles of the padded mask.
    sums = np.zeros((height + 2 * reach + 1, width + 2 * reach + 1), dtype=np.int64)
    sums[1:, 1:] = np.pad(mask, reach).cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    side = 2 * reach + 1
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    boundary: Rle = encode(mask & (inside < side * side))
    return boundary


def rleToBoundaryCV(rle: Rle, dilation_ratio: float = 0.02) -> Rle:
    """`rleToBoundary`, for which faster-coco-eval needs OpenCV."""
    return rleToBoundary(rle, dilation_ratio)


def calculateRleForAllAnnotations(
    anns: Iterable[dict[str, Any]],
    img_sizes: Mapping[Any, tuple[int, int]],
    compute_rle: bool,
    compute_boundary: bool,
    boundary_dilation_ratio: float,
    boundary_cpu_count: int,
) -> None:
    """Puts masks (`rle`) and their boundaries (`boundary`) into annotations.

    Parameters
    ----------
    anns
        Annotations with `segmentation` and `image_id`.
    img_sizes
        Height and width by image id.
    compute_rle, compute_boundary
        What is wanted.
    boundary_dilation_ratio
        Width of the boundary as a fraction of the image diagonal.
    boundary_cpu_count
        Ignored.
    """
    if not compute_rle:
        return
    for annotation in anns:
        height, width = img_sizes[annotation["image_id"]]
        annotation["rle"] = segmToRle(annotation["segmentation"], width, height)
        if compute_boundary:
            annotation["boundary"] = rleToBoundary(annotation["rle"], boundary_dilation_ratio)
