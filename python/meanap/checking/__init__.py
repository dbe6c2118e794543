"""Validation of ground truth and detections: problems that make a score incorrect or misleading.

>>> import meanap
>>> truth = {
...     "images": [{"id": 1, "height": 100, "width": 100}],
...     "categories": [{"id": 1, "name": "cat"}],
...     "annotations": [{"id": 0, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "area": 81, "iscrowd": 0}],
... }
>>> findings = meanap.check(truth)
>>> findings.ok, findings["code"]
(False, ['zero-id'])
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from meanap import _similarity
from meanap._keywords import is_among, suggesting
from meanap.checking.confused import Confused
from meanap.checking.detections import check_detections, check_together
from meanap.checking.findings import Finding, Findings
from meanap.checking.ground_truth import check_ground_truth
from meanap.checking.labels import label_errors, scored
from meanap.checking.overlap import add_ap
from meanap.checking.poses import check_poses
from meanap.checking.reading import read_detections, read_ground_truth
from meanap.detection.inputs import check_order
from meanap.errors import InputError
from meanap.protocol.keypoints import sigmas_of
from meanap.readers import Options, repeatable
from meanap.readers._read_once import read_once
from meanap.readers._whole_body import are_of_whole_body

if TYPE_CHECKING:
    import numpy as np

    from meanap._types import (
        AngleUnit,
        BoxFormat,
        DetectionsInput,
        FormatInput,
        GroundTruthInput,
        ImagesInput,
        KeypointSetName,
        NamesInput,
        SimilarityName,
    )
    from meanap.detection.confusion import Confusion
    from meanap.detection.result import Result

__all__ = ["Finding", "Findings", "Known", "check", "checked"]


class Known(NamedTuple):
    """What is known of files that are checked."""

    #: An evaluation of them.
    result: Result
    #: The confusion of all its detections at an IoU of 0.5.
    confusion: Confusion | None


@suggesting()
def check(
    ground_truth: GroundTruthInput,
    detections: DetectionsInput | None = None,
    similarity: SimilarityName | None = None,
    *,
    sigmas: Sequence[float] | np.ndarray | KeypointSetName | int | None = None,
    angle: AngleUnit = "degrees",
    clockwise: bool = False,
    box_format: BoxFormat = "xyxy",
    format: FormatInput = None,
    names: NamesInput | None = None,
    images: ImagesInput | None = None,
    sizes: Mapping[Any, Sequence[int]] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Findings:
    """Find problems in the files that make a score incorrect or misleading.

    Parameters
    ----------
    ground_truth, detections
        What `meanap.evaluate` takes; boxes, masks or keypoints. A COCO data set with a score in each annotation counts
        as its annotations.
    similarity : str, optional
        What will be compared, as for `meanap.evaluate`: records without it are a finding. By default what the records
        have.
    sigmas : (K,), optional
        The spread of each keypoint, where they are not COCO's 17; or a set of keypoints, as for `meanap.evaluate`.
    angle, clockwise
        How the angles of rotated boxes are given, as for `meanap.protocol.Protocol`.
    box_format, format, names, images, sizes, columns
        As for `meanap.evaluate`.

    Returns
    -------
    Findings
        A table with a row for each fault: code, level, count, example, remedy. A file that cannot be read is a finding
        too.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    TypeError
        The arguments are none of these.
    ValueError
        There is no such similarity.
    """
    if similarity is not None and not is_among(similarity, _similarity.SIMILARITIES):
        raise _similarity.unknown_similarity(similarity)
    kind: SimilarityName = "bbox" if similarity is None else similarity
    options = Options(kind, box_format, format, names, images, sizes, columns)
    with read_once():
        return checked(ground_truth, detections, similarity, options, sigmas_of(sigmas), (angle, clockwise))


def checked(
    ground_truth: Any,
    detections: Any,
    similarity: SimilarityName | None,
    options: Options,
    sigmas: Sequence[float] | np.ndarray | None,
    angles: tuple[AngleUnit, bool],
    known: Known | None = None,
) -> Findings:
    """What `check` does with settings as they are used; `known` is what is known of these files, if anything is."""
    options = dataclasses.replace(options, whole_body=are_of_whole_body(sigmas))
    ground_truth, detections = repeatable(ground_truth, "ground_truth"), repeatable(detections, "detections")
    try:
        truth = read_ground_truth(ground_truth, options, similarity, angles)
    except InputError as error:
        if detections is not None:
            check_order(ground_truth, detections, error, options)
        raise
    check_ground_truth(truth)
    if detections is None:
        check_poses(truth, None, sigmas)
        return Findings(truth.findings)
    found = read_detections(detections, truth, options, similarity)
    check_detections(found, truth)
    check_poses(truth, found, sigmas)
    result = functools.cache(lambda: scored(found, truth, None if known is None else known.result))

    @functools.cache
    def confused() -> Confused | None:
        made = result()
        if known is not None and made is known.result and known.confusion is not None:
            return Confused.of_matrix(known.confusion)
        return None if made is None else Confused.of(made)

    check_together(found, truth, confused)
    add_ap(found, truth)
    findings = [*truth.findings, *found.findings]
    # If either side is invalid as a whole, single labels cannot be judged.
    judged = None if any(finding.level == "error" for finding in findings) else result()
    if judged is None:
        return Findings(findings)
    likely = label_errors(found, judged)
    if len(likely):
        first = likely[0]
        example = (
            f"image {first['image']!r}: {first['kind']}, category "
            f"{judged.names.get(first['category'], first['category'])!r}, score {first['score']:.3f}"
        )
        message = "confident detections disagree with the ground truth (see label_errors)"
        remedy = "Review them in this order: the ground truth is likely incorrect."
        findings.append(Finding("label-errors", "note", "ground_truth", len(likely), message, example, remedy))
    return Findings(findings, likely, judged.names)
