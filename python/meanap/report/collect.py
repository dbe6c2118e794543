"""The content of a report as plain data: numbers, rows and curves from a result, without HTML."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import meanap
from meanap import _core, readers
from meanap.checking import Known, checked
from meanap.protocol.keypoints import sigmas_of
from meanap.report.confusions import Confusions
from meanap.report.images import Images
from meanap.report.settings import ReportInputs, Settings
from meanap.report.slices import slices
from meanap.report.views import OUTCOMES, POINT, TARGETS, Choices, Losses, errors_of, if_matched, points_of, view

if TYPE_CHECKING:
    from meanap.detection import Result
    from meanap.detection.errors import Errors
    from meanap.errors import InputError
    from meanap.protocol import Protocol

__all__ = ["collect", "collect_findings"]

_LABELS = 50


def collect(result: Result, versus: Result | None, inputs: ReportInputs, settings: Settings) -> dict[str, Any]:
    """Everything that the page shows.

    Findings and images are those of `inputs`; without them there are none. What needs matching again is left out of
    the report of a result that cannot (one of a metric object, or that was pickled).

    What takes memory is made, read and freed one after the other: the records of the files for the check, those of the
    images that are drawn, the tables of each IoU threshold.
    """
    confidence, resamples = settings.confidence, settings.resamples
    choices = Choices.of(result, versus, settings.score)
    confusions = Confusions.of(result, versus, choices)
    if versus is not None:
        versus.scores.forget()
    _core.give_back_memory()
    findings = None
    if settings.check and inputs.are_there:
        findings = _findings(inputs, Known(result, confusions.whole))
        _core.give_back_memory()
    iou, score = choices.iou, choices.score
    table = result.per_class
    files = result.scores.sources or inputs
    fields: dict[str, Any] = {
        "title": settings.title or _called(files.detections, "Detections"),
        "ground_truth": _called(files.ground_truth, "a data set in memory"),
        "detections": _called(files.detections, "detections in memory"),
        "versus": None
        if versus is None
        else _called(getattr(versus.scores.sources, "detections", None), "the baseline"),
        "similarity": result.similarity,
        "version": meanap.__version__,
        "facts": {
            "protocol": f"{result.protocol.name}, {result.similarity}",
            "images": f"{len(result.image_ids):,}",
            "categories": f"{len(result.category_ids):,}",
            "objects": f"{int(table['objects'].sum()):,}",
            "detections": f"{int(table['detections'].sum()):,}",
        },
        "iou": iou,
        "score": score,
        "confidence": confidence,
        "resamples": resamples,
        "findings": findings,
    }
    sure = result.interval(confidence=confidence, resamples=resamples)
    compared = None if versus is None else meanap.compare(versus, result, confidence=confidence, resamples=resamples)
    fields["summary"] = _summary(sure, compared)
    fields["classes"] = _classes(result, choices, sure.per_class, compared)
    fields["slices"] = slices(result, compared, confidence, resamples)
    fields["operation"] = _operation(result, versus, choices, confidence, resamples)
    fields["calibration"] = {"error": result.calibration(iou).error}
    order = result.per_image(iou, score=score)
    fields["totals"] = {name: int(order[name].sum()) for name in OUTCOMES}
    images = Images.of(result, versus, inputs, settings, choices, order)
    fields |= _at_each_iou(result, versus, choices, images, confusions)
    fields["choices"] = choices = choices if len(fields["views"]) == len(choices.ious) else choices.first_alone()
    fields |= images.drawn(choices, None if settings.images is None else Path(settings.images))
    return fields


def _at_each_iou(
    result: Result, versus: Result | None, choices: Choices, images: Images, confusions: Confusions
) -> dict[str, Any]:
    """What is shown at each IoU threshold, and of the first of them errors and confusions."""
    fields: dict[str, Any] = {"confusion": confusions.first, "errors": None}
    views: dict[int, dict[str, Any]] = {}
    for index in choices.order():
        iou = choices.ious[index]
        result.scores.forget()
        before = None if versus is None else _losses(versus, iou, images)
        errors = if_matched(result.errors, iou)
        if errors is None and index != choices.first and fields["errors"] is not None:
            # Of a metric object that matches at the first threshold alone.
            views = {choices.first: views[choices.first]}
            break
        of_classes = None
        if errors is not None:
            of_classes = errors_of(result, errors, before, iou)
            if index == choices.first:
                fields["errors"] = _errors(result, errors, before, iou)
        images.add(0, iou, errors)
        if before is None:
            images.add(1, iou, None)
        # Their table is not needed any more, and takes as much memory as the rest.
        errors = None
        views[index] = view(result, versus, choices, index, of_classes, confusions)
        _core.give_back_memory()
    return {**fields, "views": [views[index] for index in sorted(views)]}


def _losses(versus: Result, iou: float, images: Images) -> Losses | None:
    """The losses of a baseline at a threshold; its table is freed before that of the result is made."""
    versus.scores.forget()
    errors = if_matched(versus.errors, iou)
    if errors is None:
        return None
    images.add(1, iou, errors)
    losses = Losses.of(errors)
    versus.scores.forget()
    return losses


def _called(value: Any, otherwise: str) -> str:
    return Path(value).name if isinstance(value, (str, os.PathLike)) else otherwise


def _summary(sure: Any, compared: Any) -> list[dict[str, Any]]:
    rows = [dict(row) for row in sure]
    for row, change in zip(rows, compared or [None] * len(rows), strict=True):
        row["change"] = change
    return rows


def _classes(result: Result, choices: Choices, sure: Any, compared: Any) -> list[dict[str, Any]]:
    bounds = {row["category"]: row for row in sure}
    changes = {} if compared is None else {row["category"]: row for row in compared.per_class}
    best = result.best_f1(choices.iou).per_class
    rows = []
    for row, point in zip(result.per_class, best, strict=True):
        bound = bounds.get(row["category"], {"low": math.nan, "high": math.nan})
        at = result.precision_recall(row["category"], choices.iou).at(choices.score)
        rows.append(
            {
                **row,
                "low": bound["low"],
                "high": bound["high"],
                "precision": at.precision,
                "recall": at.recall,
                "f1": point["f1"],
                "threshold": point["threshold"],
                "change": changes.get(row["category"]),
            }
        )
    return rows


def _operation(
    result: Result, versus: Result | None, choices: Choices, confidence: float, resamples: int
) -> dict[str, Any]:
    """Score thresholds for some targets, and the sensitivity at some rates of false positives."""
    iou, best = choices.iou, result.best_f1(choices.iou).threshold
    targets: list[tuple[str, dict[str, Any]]] = [("highest F1", {"score": best}), *TARGETS]
    found = points_of(result, iou)
    rows = []
    for (target, chosen), point in zip(targets, found, strict=True):
        if math.isnan(best) and "score" in chosen:
            rows.append({"target": target, **dict.fromkeys(POINT, math.nan), "bounds": {}})
            continue
        # Intervals take longer than all the rest: they are computed for the two most common targets.
        if "score" in chosen or chosen.get("precision") == 0.9:
            point = result.operating_point(**chosen, iou=iou, confidence=confidence, resamples=resamples)
        bounds = [] if point.intervals is None else list(point.intervals)
        rows.append(
            {
                "target": target,
                **{name: getattr(point, name) for name in POINT},
                "bounds": {row["number"]: row for row in bounds},
            }
        )
    rates = [_rates(side, iou) for side in (result, versus) if side is not None]
    if versus is not None:
        for row, point in zip(rows, points_of(versus, iou), strict=True):
            row["baseline"] = {name: getattr(point, name) for name in POINT}
    return {"rows": rows, "best": best, "rates": rates}


def _rates(result: Result, iou: float) -> dict[str, float]:
    return {"froc": result.froc(iou=iou).mean, "miss_rate": result.log_average_miss_rate(iou=iou).value}


def _errors(result: Result, found: Errors, versus: Losses | None, iou: float) -> dict[str, Any]:
    optimal = result.lrp(iou)
    rows = [{**row, "baseline": math.nan if versus is None else versus.of_all[row["error"]]} for row in found.table]
    parts = ("lrp", "localisation", "false_positive", "false_negative")
    return {"ap": found.ap, "rows": rows, "lrp": {name: getattr(optimal, name) for name in parts}}


def collect_findings(
    error: InputError,
    ground_truth: Any,
    detections: Any,
    rules: Protocol,
    reading: readers.Options,
    title: str | None,
) -> dict[str, Any]:
    """What the page shows of files that cannot be evaluated: why not, and the findings of the check."""
    found = _checked(ground_truth, detections, rules, reading)
    return {
        "title": title or _called(detections, "Detections"),
        "ground_truth": _called(ground_truth, "a data set in memory"),
        "detections": _called(detections, "detections in memory"),
        "versus": None,
        "version": meanap.__version__,
        "facts": {"protocol": f"{rules.name}, {reading.similarity}"},
        "problem": str(error),
        "findings": {"ok": found.ok, "rows": list(found), "label_errors": [], "left_out": 0},
    }


def _checked(
    ground_truth: Any, detections: Any, rules: Protocol, reading: readers.Options, known: Known | None = None
) -> meanap.Findings:
    sigmas = rules.sigmas if reading.similarity == "keypoints" else None
    options = dataclasses.replace(reading, on_error="raise", image_records=False, progress=False)
    angles = rules.angle, bool(rules.clockwise)
    return checked(ground_truth, detections, reading.similarity, options, sigmas_of(sigmas), angles, known)


def _findings(inputs: ReportInputs, known: Known) -> dict[str, Any]:
    rules, names = known.result.protocol, known.result.names
    found = _checked(inputs.ground_truth, inputs.detections, rules, inputs.reading, known)
    likely = []
    for _, row in zip(range(_LABELS), found.label_errors, strict=False):
        named = {side: names.get(row[side], row[side]) for side in ("category", "truth")}
        likely.append({**row, **named})
    return {
        "ok": found.ok,
        "rows": list(found),
        "label_errors": likely,
        "left_out": len(found.label_errors) - len(likely),
    }
