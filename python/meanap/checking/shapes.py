"""Checks of boxes and masks on either side: whether they are such, fit the image, and are in the expected format."""

from __future__ import annotations

import numpy as np

from meanap.checking.records import Records

__all__ = ["check_boxes", "check_mask_sizes", "listed", "repeated", "usable"]

#: Annotation tools round, and boxes reach up to the outside of the last pixel.
_PIXEL = 1.0
#: Fewer boxes than this may have any format by coincidence.
_ENOUGH = 4


def usable(records: Records) -> np.ndarray:
    """Which records have a box of some size."""
    boxes = records.boxes
    with np.errstate(invalid="ignore", over="ignore"):
        sized: np.ndarray = _finite(boxes) & (boxes[:, 2] > 0) & (boxes[:, 3] > 0)
    return sized


def _finite(boxes: np.ndarray) -> np.ndarray:
    # If one of four numbers is not finite, neither is their sum; a sum may also overflow.
    finite: np.ndarray = np.isfinite(boxes[:, 0] + boxes[:, 1] + boxes[:, 2] + boxes[:, 3])
    if not finite.all():
        finite[~finite] = np.isfinite(boxes[~finite]).all(axis=1)
    return finite


def check_boxes(records: Records, sizes: np.ndarray) -> bool:
    """Whether they are in the expected format, x, y, width and height in pixels; adds the findings.

    `sizes`: height and width of each record's image ``(N, 2)``, NaN where they are not known.
    """
    boxes = records.boxes
    sized = usable(records)
    left = np.flatnonzero(~sized)
    with np.errstate(invalid="ignore", over="ignore"):
        flat = left[np.isfinite(boxes[left]).all(axis=1) & (boxes[left, 2:] >= 0).all(axis=1)]
    where = records.place
    records.add_rows("empty-box", flat, "bbox", level="warning" if where == "ground_truth" else "note")
    good = np.flatnonzero(sized)
    of_good = boxes if sized.all() else boxes[good]
    sizes = sizes if sized.all() else sizes[good]
    areas = records.areas if sized.all() else records.areas[good]
    x, y, width, height = of_good.T
    image_height, image_width = sizes.T
    if len(good) >= _ENOUGH and of_good.max() <= 1.0 and of_good.min() >= 0.0:
        records.add_rows("normalised-boxes", good, "bbox")
        return False
    beyond = np.maximum.reduce([-x, -y, x + width - image_width, y + height - image_height])
    out = beyond > _PIXEL  # False where the size is not known.
    if records.rotated is None and len(good) >= _ENOUGH and _reads_like_corners(of_good, areas, sizes, out):
        records.add(
            "xyxy-boxes", len(good), records.described(good[np.nanargmax(beyond)] if out.any() else good[0], "bbox")
        )
        return False
    far = np.flatnonzero(out)
    if len(far) and not records.derived_boxes:
        worst = far[np.argmax(beyond[far])]
        size = f"{sizes[worst][1]:g} x {sizes[worst][0]:g}"
        outside = (x >= image_width) | (y >= image_height) | (x + width <= 0) | (y + height <= 0)
        records.add(
            "box-outside-image",
            len(far),
            f"{records.described(good[worst], 'bbox')}, in an image of {size}",
            level="warning" if where == "ground_truth" else "note",
            message=f"boxes reach beyond their image by more than a pixel, {int(outside.sum()):,} of them lie quite "
            "outside it",
        )
    return True


def _reads_like_corners(boxes: np.ndarray, areas: np.ndarray, sizes: np.ndarray, out: np.ndarray) -> bool:
    """Whether boxes make sense as two corners and none as corner and size; `out`: which reach beyond their image."""
    x, y, right, bottom = boxes.T
    height, width = sizes.T
    if not ((right >= x).all() and (bottom >= y).all()):
        return False
    known = ~np.isnan(width)
    if known.any():
        # As corners all fit into the image; as sizes many do not (every other one, if objects may be anywhere).
        fits = (right <= width + _PIXEL) & (bottom <= height + _PIXEL)
        return bool(fits[known].all() and 4 * np.count_nonzero(out) >= np.count_nonzero(known))
    # Without sizes the areas decide: those of objects between the corners, and far less than width times height.
    between, whole = (right - x) * (bottom - y), right * bottom
    with np.errstate(invalid="ignore", over="ignore"):
        return bool((areas <= 1.02 * between + 1).all() and (areas < 0.5 * whole).mean() > 0.5)


def check_mask_sizes(records: Records, sizes: np.ndarray) -> None:
    """Adds the findings about masks that cannot be decoded, or are not of the size of their image ``(N, 2)``."""
    broken = np.flatnonzero(records.broken_masks)
    remedy = "Write run lengths that cover the image." if records.place == "detections" else None
    records.add_rows("broken-mask", broken, remedy=remedy)
    if records.masks is None:
        return
    drawn = records.masks[2]
    known = ~np.isnan(drawn).any(axis=1) & ~np.isnan(sizes).any(axis=1) & (drawn > 0).all(axis=1)
    other = np.flatnonzero(known & (drawn != sizes).any(axis=1))
    example = ""
    if len(other):
        first = other[0]
        example = f"{records.described(first)}: {listed(drawn[first])} for {listed(sizes[first])}"
    records.add("mask-size", len(other), example)


def listed(numbers: np.ndarray) -> str:
    """A box or a size as an example shows it."""
    return "[" + ", ".join(f"{x:g}" for x in numbers) + "]"


def repeated(records: Records, *columns: np.ndarray) -> np.ndarray:
    """Records with the same image, category and box (and other columns) as one before."""
    good = np.flatnonzero(usable(records) & (records.image >= 0) & (records.category >= 0))
    keys = [records.image[good], records.category[good], *records.boxes[good].T, *(c[good] for c in columns)]
    # Equal rows have equal digests.
    digest = np.zeros(len(good), dtype=np.uint64)
    for key in keys:
        words = np.ascontiguousarray(key, dtype=np.float64).view(np.uint64)
        digest = (digest ^ words) * np.uint64(0x9E3779B97F4A7C15)
        digest ^= digest >> np.uint64(29)
    in_order = np.sort(digest)
    more = in_order[1:][in_order[1:] == in_order[:-1]]
    alike = np.flatnonzero(np.isin(digest, more)) if len(more) else np.zeros(0, dtype=np.int64)
    # They come to stand side by side, the first of them first.
    order = alike[np.argsort(digest[alike], kind="stable")]
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for key in keys:
        same &= key[order][1:] == key[order][:-1]
    return np.sort(good[order[1:][same]])
