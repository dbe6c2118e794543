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

from meanap._arrays import kind_of
from meanap._files import write_text
from meanap._keywords import suggesting
from meanap.errors import InputError
from meanap.protocol import Protocol
from meanap.readers._read_once import read_once
from meanap.report.settings import ReportInputs, Settings, check_target

if TYPE_CHECKING:
    from meanap._types import (
        BoxFormat,
        DetectionsInput,
        FormatInput,
        GroundTruthInput,
        KeypointSetName,
        NamesInput,
        Numbers,
        PathLike,
        PresetName,
        SimilarityName,
        SlicesInput,
    )
    from meanap.detection import Result
    from meanap.readers import Options

__all__ = ["page_of", "save", "write", "write_findings"]


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
    slices: SlicesInput | None = None,
    sigmas: Numbers | KeypointSetName | int | None = None,
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
    box_format, format, names, sizes, columns, on_error, slices
        As for `meanap.evaluate`; a result has its own slices.
    sigmas
        Of keypoints: the name of a set, their number, or the sigma of each; by default as the protocol has them.
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
        How many images to draw, those with most errors first. Up to 16 more, and not more than this, are drawn for
        single classes: they are shown when their class is chosen.
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
    from meanap.detection import Result
    from meanap.detection.evaluation import evaluated, warn_of_no_overlap
    from meanap.protocol._changes import with_changes
    from meanap.readers import Options, repeatable
    from meanap.report.views import IOUS

    check_target(path)
    rules = with_changes(protocol, similarity, {} if sigmas is None else {"sigmas": sigmas})
    settings = Settings(images, title, score, worst, confidence, resamples, check)
    reading = Options(similarity, box_format, format, names, images, sizes, columns, on_error=on_error)
    ground_truth = repeatable(ground_truth, "ground_truth")
    detections, versus = repeatable(detections, "detections"), repeatable(versus, "versus")
    if isinstance(detections, Result):
        result, found = detections, None
    else:
        found = detections
        try:
            result = evaluated(ground_truth, detections, rules, reading, slices=slices, errors_at=IOUS)
        except InputError as error:
            if check:
                # What cannot be checked either has no report.
                with contextlib.suppress(InputError):
                    write_findings(path, error, ground_truth, detections, rules, reading, title=title)
            raise
        warn_of_no_overlap(result, (ground_truth, detections, reading))
    reading = dataclasses.replace(reading, similarity=result.similarity)
    before = None
    if versus is not None and not isinstance(versus, Result):
        before = versus
        versus = evaluated(ground_truth, before, result.protocol, reading, errors_at=IOUS)
        warn_of_no_overlap(versus, (ground_truth, before, reading))
    inputs = ReportInputs(ground_truth, found, before, reading)
    return save(path, lambda: page_of(result, versus, inputs, settings))


@read_once()
def page_of(result: Result, versus: Result | None, inputs: ReportInputs | None, settings: Settings) -> str:
    """The report of a result.

    Parameters
    ----------
    result
        What the report is about.
    versus
        The result of a baseline.
    inputs
        What was evaluated, which is checked and drawn. What is missing is taken from the files that the results are
        of; without these there are no findings and no images.
    settings
        How the report is made.

    Returns
    -------
    str
        The file.

    Raises
    ------
    ValueError, FileNotFoundError
        As `write`.
    """
    from meanap.readers import Options
    from meanap.report.collect import collect
    from meanap.report.page import page

    files, others = result.scores.sources, None if versus is None else versus.scores.sources
    if inputs is None:
        inputs = ReportInputs(None, None, None, Options(result.similarity) if files is None else files.reading)
    known = ReportInputs(
        files.ground_truth if files is not None and inputs.ground_truth is None else inputs.ground_truth,
        files.detections if files is not None and inputs.detections is None else inputs.detections,
        others.detections if others is not None and inputs.versus is None else inputs.versus,
        inputs.reading,
    )
    return page(collect(result, versus, known, settings))


def check_versus(result: object, versus: object) -> None:
    """Check that a baseline is a result of the same kind.

    Raises
    ------
    TypeError
        It is something else; None is no baseline.
    """
    if versus is not None and type(versus) is not type(result):
        raise TypeError(f"versus: expected {kind_of(result)}, found {kind_of(versus)}")


def save(path: PathLike, make: Callable[[], str]) -> Path:
    """Write what `make` returns to `path`.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    FileNotFoundError
        The folder to write to is not there; then nothing is made.
    """
    check_target(path)
    target = Path(path)
    write_text(target, make())
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
        As for `write`.
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
    return save(path, lambda: page(collect_findings(error, ground_truth, detections, rules, reading, title)))
