"""The HTML report of an evaluation: one self-contained file, without network access.

>>> from meanap import report
>>> path = report.write("report.html", "instances.json", "boxes.json", resamples=10)
>>> path.read_text(encoding="utf-8")[:15]
'<!doctype html>'
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from meanap._files import write_text
from meanap._keywords import suggesting
from meanap.errors import InputError
from meanap.protocol import Protocol
from meanap.readers._read_once import read_once

if TYPE_CHECKING:
    from meanap._types import (
        BoxFormat,
        DetectionsInput,
        FormatInput,
        GroundTruthInput,
        NamesInput,
        PathLike,
        PresetName,
        SimilarityName,
    )
    from meanap.detection import Result
    from meanap.readers import Options

__all__ = ["check_options", "write", "write_findings", "write_page", "write_result"]


@suggesting()
@read_once()
def write(
    path: PathLike,
    ground_truth: GroundTruthInput,
    detections: DetectionsInput | Result,
    similarity: SimilarityName = "bbox",
    protocol: PresetName | Protocol = "coco",
    *,
    images: PathLike | None = None,
    versus: DetectionsInput | Result | None = None,
    title: str | None = None,
    score: float | None = None,
    worst: int = 24,
    confidence: float = 0.95,
    resamples: int = 100,
    check: bool = True,
    box_format: BoxFormat = "xyxy",
    format: FormatInput = None,
    names: NamesInput | None = None,
    sizes: Mapping[Any, Sequence[int]] | None = None,
    columns: Mapping[str, str] | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> Path:
    """Evaluate, and write the report to `path`.

    Parameters
    ----------
    path
        The file to write.
    ground_truth
        What `meanap.evaluate` takes.
    detections
        What `meanap.evaluate` takes, or its result.
    similarity, protocol
        As for `meanap.evaluate`; a result has its own.
    box_format, format, names, sizes, columns, on_error
        As for `meanap.evaluate`.
    images
        The folder of the image files that the ground truth names; those with most errors are shown. Requires Pillow:
        ``pip install 'meanap[report]'``. Without a folder objects are drawn to scale on blank.
    versus
        Detections of a baseline to compare with, or their result: differences are `detections` minus `versus`, and
        "better" refers to `detections`.
    title
        Heading; by default the detections' name.
    score
        Score threshold of confusions and drawings; by default the threshold
        with the best F1.
    worst
        How many images to draw, those with most errors first.
    confidence
        Of the intervals.
    resamples
        Bootstrap resamples of images behind each interval.
    check
        Whether to check the files. Then files that cannot be evaluated have a report, too: of the findings alone,
        written before the error is raised.

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
    from meanap.detection import Result, evaluate
    from meanap.readers import Options

    check_options(path, worst, images)
    settings: Any = {
        "box_format": box_format,
        "format": format,
        "names": names,
        "images": images,
        "sizes": sizes,
        "columns": columns,
        "on_error": on_error,
    }
    reading = Options(similarity, **settings)
    if isinstance(detections, Result):
        result = detections
    else:
        try:
            result = evaluate(ground_truth, detections, similarity, protocol, **settings)
        except InputError as error:
            if check:
                # What cannot be checked either has no report.
                with contextlib.suppress(InputError):
                    write_findings(path, error, ground_truth, detections, protocol, reading, title=title)
            raise
    versus_detections = None
    if versus is not None and not isinstance(versus, Result):
        versus_detections = versus
        versus = evaluate(ground_truth, versus, result.similarity, result.protocol, **settings)
    return write_result(
        path,
        result,
        ground_truth=ground_truth,
        detections=None if isinstance(detections, Result) else detections,
        images=images,
        versus=versus,
        versus_detections=versus_detections,
        title=title,
        score=score,
        worst=worst,
        confidence=confidence,
        resamples=resamples,
        check=check,
        reading=dataclasses.replace(reading, similarity=result.similarity),
    )


@read_once()
def write_result(
    path: PathLike,
    result: Result,
    *,
    ground_truth: GroundTruthInput | None = None,
    detections: DetectionsInput | None = None,
    images: PathLike | None = None,
    versus: Result | None = None,
    versus_detections: DetectionsInput | None = None,
    title: str | None = None,
    score: float | None = None,
    worst: int = 24,
    confidence: float = 0.95,
    resamples: int = 100,
    check: bool = True,
    reading: Options | None = None,
) -> Path:
    """Write the report of a result to `path`: what `Result.report` does.

    Parameters
    ----------
    path
        The file to write.
    result
        What the report is about.
    ground_truth, detections
        What was evaluated, which is checked and drawn; by default the files that the result is of. Without them there
        are no findings and no images.
    versus_detections
        What `versus` is of, which is drawn; by default the file that it is of.
    images, versus, title, score, worst, confidence, resamples, check
        As of `write`.
    reading
        How the inputs are read, if not as by default.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ValueError, FileNotFoundError, ImportError
        As `write`.
    """
    from meanap.readers import Options
    from meanap.report.collect import collect
    from meanap.report.page import page

    check_options(path, worst, images)
    known = result.scores.sources or (None, None)
    if versus is not None and versus_detections is None and versus.scores.sources is not None:
        versus_detections = versus.scores.sources[1]
    content = collect(
        result,
        known[0] if ground_truth is None else ground_truth,
        known[1] if detections is None else detections,
        images=None if images is None else Path(images),
        versus=versus,
        versus_detections=versus_detections,
        title=title,
        score=score,
        worst=worst,
        confidence=confidence,
        resamples=resamples,
        check=check,
        reading=Options(result.similarity) if reading is None else reading,
    )
    target = Path(path)
    write_text(target, page(content))
    return target


def write_findings(
    path: PathLike,
    error: InputError,
    ground_truth: GroundTruthInput,
    detections: DetectionsInput,
    protocol: PresetName | Protocol,
    reading: Options,
    *,
    title: str | None = None,
) -> Path:
    """Write the report of input that cannot be evaluated to `path`: the error, and the findings of the check.

    Parameters
    ----------
    path
        The file to write.
    error
        What the evaluation has raised.
    ground_truth, detections, protocol, title
        As of `write`.
    reading
        How the inputs are read.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    InputError
        They cannot be checked.
    """
    from meanap.protocol import get
    from meanap.report.collect import collect_findings
    from meanap.report.page import page

    rules = get(protocol, reading.similarity)
    target = Path(path)
    write_text(target, page(collect_findings(error, ground_truth, detections, rules, reading, title)))
    return target


def write_page(
    path: PathLike,
    page: Callable[..., str],
    result: Any,
    versus: Any,
    title: str | None,
    names: tuple[str, str],
    **options: Any,
) -> Path:
    """Write the report of a result of pixels or of ranked lists to `path`: what their ``report`` does.

    Parameters
    ----------
    path
        The file to write.
    page
        Makes the file of the other arguments.
    result, versus
        The result, and that of a baseline or None.
    title
        Heading; by default the second of `names`.
    names
        What the baseline and the result are called.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    TypeError
        `versus` is not such a result.
    FileNotFoundError
        The folder to write to is not there.
    """
    if versus is not None and type(versus) is not type(result):
        raise TypeError(f"versus: expected a {type(result).__name__}, found a {type(versus).__name__}")
    check_options(path, 0, None)
    target = Path(path)
    write_text(target, page(result, versus, names[1] if title is None else title, names, **options))
    return target


def check_options(path: PathLike, worst: int, images: PathLike | None) -> None:
    """Checks what does not depend on the data, before anything is read.

    Raises
    ------
    ValueError
        `worst` is negative.
    FileNotFoundError, NotADirectoryError
        The folder to write to, or that of the images, is not there.
    ImportError
        There is no Pillow to read images with.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(2, "there is no such folder to write to", str(target.parent))
    if worst < 0:
        raise InputError(f"worst: expected at least 0, found {worst}")
    if images is not None:
        from meanap.report.scenes import pillow

        pillow()
        if not Path(images).is_dir():
            raise NotADirectoryError(20, "there is no such folder of images", str(images))
