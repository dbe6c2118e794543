"""Checks of detections, alone and against the ground truth."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from meanap._counts import counts_of
from meanap.checking.confused import Confused
from meanap.checking.frames import check_frames
from meanap.checking.ground_truth import check_references, named
from meanap.checking.records import Records, present
from meanap.checking.shapes import check_boxes, check_mask_sizes, repeated, usable

__all__ = ["check_detections", "check_together"]

#: Fewer than this can have any pattern by coincidence.
_ENOUGH = 20


def check_detections(found: Records, truth: Records) -> None:
    """Adds the findings about the detections themselves."""
    if not found.readable:
        return
    if not len(found):
        found.add("no-detections", 1, "")
        return
    check_references(found, truth)
    sizes = truth.sizes_in(found)
    check_boxes(found, sizes)
    check_mask_sizes(found, sizes)
    _check_scores(found)
    same = repeated(found, found.scores)
    found.add_rows("duplicate-detection", same, "bbox", "score")
    _check_counts(found)


def _check_scores(found: Records) -> None:
    # Those that are no numbers have been found where they were read.
    scores = found.scores[~np.isnan(found.scores)]
    if len(scores) < 2:
        return
    low, high = float(scores.min()), float(scores.max())
    outside = np.flatnonzero((found.scores < 0) | (found.scores > 1))
    found.add_rows(
        "score-range",
        outside,
        "score",
        message=f"scores are not between 0 and 1 but between {low:g} and {high:g}",
    )
    if low == high:
        found.add("constant-scores", len(scores), f"all are {low:g}")
        return
    _check_rounding(found, scores)
    if low >= 0.05 and len(scores) >= 5 * _ENOUGH and high <= 1:
        found.add(
            "cut-scores",
            1,
            "",
            message=f"no score is below {low:.3g}: detections below it were cut off, which lowers AP",
        )


def _check_rounding(found: Records, scores: np.ndarray) -> None:
    """Adds the finding of scores with few decimals, of which most are equal to another."""
    if len(scores) < 5 * _ENOUGH:
        return
    digits = next(
        (digits for digits in (1, 2, 3) if _rounded(scores[:_ENOUGH], digits) and _rounded(scores, digits)), None
    )
    if digits is None:
        return
    distinct = len(np.unique(scores))
    tied = len(scores) - distinct
    if distinct <= 1001 and 2 * tied > len(scores):
        found.add(
            "rounded-scores",
            tied,
            f"{found.described(np.flatnonzero(~np.isnan(found.scores))[0], 'score')}",
            message=(
                f"scores are rounded to {digits} decimals: {distinct:,} different ones for "
                f"{len(scores):,} detections, and the order of equal ones is arbitrary"
            ),
        )


def _rounded(scores: np.ndarray, digits: int) -> bool:
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = scores * 10**digits
        return bool((np.abs(scaled - np.round(scaled)) < 1e-6).all())


def _check_counts(found: Records) -> None:
    there = (found.image >= 0) & (found.category >= 0)
    cell = found.image[there] * np.int64(max(len(found.category_ids), 1)) + found.category[there]
    # Half as many bytes are sorted in half the time.
    in_order = np.sort(cell.astype(np.int32) if len(cell) and cell.max() < 2**31 else cell)
    starts = np.flatnonzero(np.diff(in_order, prepend=-1))
    counts = np.diff(starts, append=len(in_order))
    over = counts > 100
    example = ""
    if over.any():
        image, category = divmod(int(in_order[starts[over][0]]), max(len(found.category_ids), 1))
        of = found.called(found.category_ids[category])
        example = f"image {found.image_ids[image]!r} has {counts[over][0]} of category {of}"
    found.add("too-many-detections", int((counts[over] - 100).sum()), example)


def check_together(found: Records, truth: Records, confused: Callable[[], Confused | None]) -> None:
    """Adds the findings about detections and ground truth together. `confused` gives the confusion of categories."""
    if not (found.readable and truth.readable and len(found) and len(truth)):
        return
    _check_copies(found, truth)
    check_frames(found, truth)
    if not _check_permutation(found, truth, confused):
        _check_offset(found, truth, confused)
    wanted = ~truth.crowd
    of_codes = counts_of(truth.category[wanted & (truth.category >= 0)]).tolist()
    objects = Counter({id: count for id, count in zip(truth.category_ids, of_codes, strict=False) if count})
    never = sorted(set(objects) - set(found.category_ids), key=lambda id: -objects[id])
    found.add(
        "never-predicted",
        len(never),
        f"category {named(truth, never[0])}, with {objects[never[0]]:,} objects" if never else "",
    )
    held = {truth.image_ids[code] for code in present(truth.image[wanted]).tolist()}
    seen = set(found.image_ids)
    silent = [id for id in truth.image_ids if id in held and id not in seen]
    found.add(
        "image-without-detections",
        len(silent),
        f"image {silent[0]!r}" if silent else "",
        level="warning" if 5 * len(silent) >= len(held) else "note",
        message=f"of {len(held):,} images with objects have no detection",
    )


def _check_copies(found: Records, truth: Records) -> None:
    """Detections whose boxes are those of the ground truth, to the last digit."""
    objects = np.flatnonzero(usable(truth))
    rows = np.flatnonzero(usable(found))
    least = max(3, 0.1 * min(len(objects), len(rows)))
    # Detections of one side are written in single precision as often as not.
    with np.errstate(over="ignore", invalid="ignore"):
        known, said = truth.boxes[objects].astype(np.float32), found.boxes[rows].astype(np.float32)
    corners, of_known = _corners(said), _corners(known)
    possible = _among(corners, of_known)
    objects, known = (column[_among(of_known, corners[possible])] for column in (objects, known))
    boxes = set(zip(_ids(truth.image_ids, truth.image[objects]), map(tuple, known.tolist()), strict=True))
    rows, said = rows[possible], said[possible]
    here = zip(rows.tolist(), _ids(found.image_ids, found.image[rows]), map(tuple, said.tolist()), strict=True)
    copied = [row for row, image, box in here if image is not None and (image, box) in boxes]
    if len(copied) >= least:
        found.add_rows("copied-ground-truth", copied, "bbox")


def _corners(boxes: np.ndarray) -> np.ndarray:
    """The first two numbers of each box as one word; equal ones are the same."""
    # -0.0 becomes 0.0.
    words: np.ndarray = np.ascontiguousarray(boxes[:, :2] + np.float32(0)).view(np.uint64).ravel()
    return words


def _among(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which of many words are among some others, as places."""
    there = np.zeros(1 << 20, dtype=bool)
    there[_bucket(known)] = True
    places = np.flatnonzero(there[_bucket(values)])
    possible, in_order = values[places], np.sort(known)
    after = np.searchsorted(in_order, possible)
    found: np.ndarray = places[in_order[np.minimum(after, len(in_order) - 1)] == possible]
    return found


def _bucket(words: np.ndarray) -> np.ndarray:
    bucket: np.ndarray = (words * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(44)
    return bucket


def _ids(known: list[Any], codes: np.ndarray) -> list[Any]:
    return [known[code] if code >= 0 else None for code in codes.tolist()]


def _check_permutation(found: Records, truth: Records, confused: Callable[[], Confused | None]) -> bool:
    """Whether some categories stand for one another: most detections of each lie on objects of the next."""
    pairs = confused() if len(truth.categories or truth.category_ids) > 1 else None
    if pairs is None:
        return False
    ids, total, own = pairs.categories, pairs.totals(), pairs.agreeing()
    meant, most = pairs.largest()
    moved = (total >= 5) & (most >= 0.6 * total) & (own <= 0.2 * total)
    moved &= meant != np.arange(len(ids))
    # Only what is closed: a detector that takes cats for dogs does not take dogs for cats.
    while moved.any() and not moved[meant[moved]].all():
        moved &= moved[meant]
    rows = np.flatnonzero(moved)
    if len(rows) < 2 or len(set(meant[rows].tolist())) < len(rows):
        return False
    swaps = ", ".join(f"{ids[k]!r} for {ids[meant[k]]!r}" for k in rows[:4].tolist())
    agree, now = int(most[rows].sum()), int(own[rows].sum())
    found.add(
        "category-permutation",
        agree,
        f"detections of category {named(truth, ids[rows[0]])} lie on objects of {named(truth, ids[meant[rows[0]]])}",
        message=(
            f"categories stand for one another ({swaps}{', …' if len(rows) > 4 else ''}): {agree:,} of "
            f"{int(total[rows].sum()):,} detections on objects agree then, {now:,} as they are"
        ),
    )
    other = copy.copy(found)
    swapped = {ids[k]: ids[meant[k]] for k in rows.tolist()}
    other.category_ids = [swapped.get(id, id) for id in found.category_ids]
    found.mended["category-permutation"] = other
    return True


def _check_offset(found: Records, truth: Records, confused: Callable[[], Confused | None]) -> None:
    """Whether detections would agree with the objects where they lie if their categories were counted otherwise."""
    ids = [id for id in {*truth.category_ids, *found.category_ids, *(truth.categories or ())} if isinstance(id, int)]
    if len(truth.categories or truth.category_ids) < 2 or not ids:
        return
    confused_pairs = confused()
    if confused_pairs is None:
        return
    known = confused_pairs.categories
    truths, detected = confused_pairs.truth.tolist(), confused_pairs.detected.tolist()
    counts = {
        (known[a], known[b]): count for a, b, count in zip(truths, detected, confused_pairs.count.tolist(), strict=True)
    }
    pairs = sum(counts.values())
    listed = sorted(id for id in (truth.categories or truth.category_ids) if isinstance(id, int))

    def agreement(meant: Callable[[int], Any]) -> int:
        return sum(counts.get((meant(id), id), 0) for id in found.category_ids if isinstance(id, int))

    def nth(start: int) -> Callable[[int], Any]:
        return lambda id: listed[id - start] if 0 <= id - start < len(listed) else None

    readings: list[tuple[str, str, Callable[[int], Any]]] = [
        ("one too low", "Add 1 to each category id.", lambda id: id + 1),
        ("one too high", "Subtract 1 from each category id.", lambda id: id - 1),
        ("places in the list of categories, from 0", "Look each up in the list of categories.", nth(0)),
        ("places in the list of categories, from 1", "Look each up in the list of categories.", nth(1)),
    ]
    now = agreement(lambda id: id)
    best = max(readings, key=lambda reading: agreement(reading[2]))
    most = agreement(best[2])
    if pairs >= 5 and most > 2 * now and 2 * most > pairs:
        row = int(np.flatnonzero(found.category >= 0)[0])
        found.add(
            "category-offset",
            most,
            found.described(row),
            message=f"category ids are {best[0]}: {most:,} of {pairs:,} detections on objects agree then, "
            f"{now:,} as they are",
            remedy=best[1],
        )
        other = copy.copy(found)
        other.category_ids = [best[2](id) if isinstance(id, int) else id for id in found.category_ids]
        found.mended["category-offset"] = other
