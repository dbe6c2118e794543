"""The HTML report of an evaluation: one self-contained file, without network access.

>>> from meanap import report
>>> path = report.write("report.html", "instances.json", "boxes.json", resamples=10)
>>> path.read_text(encoding="utf-8")[:15]
'<!doctype html>'
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from meanap._files import write_text
from meanap.errors import InputError
from meanap.protocol import Protocol

if TYPE_CHECKING:
    from meanap._types import CocoDataset, CocoResult, PathLike, PresetName, SimilarityName

__all__ = ["write"]


def write(
    path: PathLike,
    ground_truth: PathLike | CocoDataset | Mapping[str, object],
    detections: PathLike | Sequence[CocoResult | Mapping[str, object]],
    similarity: SimilarityName = "bbox",
    protocol: PresetName | Protocol = "coco",
    *,
    images: PathLike | None = None,
    versus: PathLike | Sequence[CocoResult | Mapping[str, object]] | None = None,
    title: str | None = None,
    score: float | None = None,
    worst: int = 24,
    resamples: int = 100,
    check: bool = True,
) -> Path:
    """Evaluate, and write the report to `path`.

    Parameters
    ----------
    path
        The file to write.
    ground_truth
        A path to a COCO file, or its dictionary.
    detections
        A path to COCO results, or their list of dictionaries.
    similarity, protocol
        As for `meanap.evaluate`.
    images
        The folder of the image files that the ground truth names; those with most errors are shown. Requires Pillow:
        ``pip install 'meanap[report]'``. Without a folder objects are drawn to scale on blank.
    versus
        Detections of a baseline to compare with: differences are `detections` minus `versus`, and "better" refers to
        `detections`.
    title
        Heading; by default the detections' name.
    score
        Score threshold of confusions and drawings; by default the threshold
        with the best F1.
    worst
        How many images to draw, those with most errors first.
    resamples
        Bootstrap resamples of images behind each interval.
    check
        Whether to check the files.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ValueError
        Input that cannot be used; the message names file, record and field.
    TypeError
        Input of another kind.
    FileNotFoundError
        A file, or the folder to write to, is not there.
    ImportError
        `images` is given and there is no Pillow.
    """
    from meanap.report.collect import collect
    from meanap.report.page import page

    for name, value, kinds in (
        ("ground_truth", ground_truth, (str, os.PathLike, Mapping)),
        ("detections", detections, (str, os.PathLike, Sequence)),
        ("versus", versus, (str, os.PathLike, Sequence, type(None))),
    ):
        if not isinstance(value, kinds):
            raise TypeError(f"{name}: expected a path or what a COCO file holds, found a {type(value).__name__}")
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(2, "there is no such folder to write to", str(target.parent))
    if worst < 0:
        raise InputError(f"worst: expected at least 0, found {worst}")
    told = collect(
        ground_truth,
        detections,
        similarity,
        protocol,
        images=None if images is None else Path(images),
        versus=versus,
        title=title,
        score=score,
        worst=worst,
        resamples=resamples,
        check=check,
    )
    write_text(target, page(told))
    return target
