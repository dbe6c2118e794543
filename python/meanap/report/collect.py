"""The content of a report as plain data: numbers, rows and curves from a result, without HTML."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import meanap
from meanap import readers
from meanap.detection.operating import best_threshold
from meanap.plot._curves import recall_grid
from meanap.report.scenes import scenes

if TYPE_CHECKING:
    from meanap.detection import Result
    from meanap.detection.errors import Errors
    from meanap.errors import InputError
    from meanap.protocol import Protocol
    from meanap.table import Table

__all__ = ["collect", "collect_findings"]

_PAIRS = 100
_MATRIX = 20
_LABELS = 50
#: Images that are drawn for two results.
_CHANGED = 8
_OUTCOMES = ("true_positives", "false_positives", "false_negatives")
#: Scores at which precision and recall are shown.
_STEPS = 100


def collect(
    result: Result,
    ground_truth: Any,
    detections: Any,
    *,
    images: Path | None,
    versus: Result | None,
    versus_detections: Any,
    title: str | None,
    score: float | None,
    worst: int,
    confidence: float,
    resamples: int,
    check: bool,
    reading: readers.Options,
) -> dict[str, Any]:
    """Everything that the page shows.

    Findings and images are those of `ground_truth` and `detections`; without them there are none.
    """
    there = ground_truth is not None and detections is not None
    # First, as its memory is free again before the curves of the result are made.
    findings = _findings(ground_truth, detections, result, reading) if check and there else None
    iou = 0.5 if 0.5 in result.protocol.thresholds else result.protocol.thresholds[0]
    best = result.best_f1(iou)
    score_of_versus = score
    if score is None:
        score = best_threshold(result.scores, iou)
    table = result.per_class
    files = result.scores.sources or (ground_truth, detections)
    told: dict[str, Any] = {
        "title": title or _called(files[1], "Detections"),
        "ground_truth": _called(files[0], "a data set in memory"),
        "detections": _called(files[1], "detections in memory"),
        "versus": None if versus is None else _called((versus.scores.sources or (None, None))[1], "the baseline"),
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
    told["summary"] = _summary(sure, compared)
    told["classes"] = _classes(result, best, sure.per_class, compared)
    told["curves"] = _curves(result, versus, iou)
    told["operation"] = _operation(result, best.threshold, iou, confidence, resamples)
    told["calibration"] = _calibration(result, iou)
    told["confusion"] = _confusion(result, iou, score)
    errors = result.errors(iou)
    told["errors"] = _errors(result, errors, versus, iou)
    order = result.per_image(iou, score=score)
    told["totals"] = {name: int(order[name].sum()) for name in _OUTCOMES}
    rows = [row for row, _ in zip(order, range(worst), strict=False)]
    sides = (ground_truth, detections, reading)
    told["scenes"] = scenes(result, *sides, rows, score, errors.pairs, images) if there else []
    told["changed"] = []
    if versus is not None and versus_detections is not None and there:
        if score_of_versus is None:
            score_of_versus = best_threshold(versus.scores, iou)
        before, after = _changed(versus.per_image(iou, score=score_of_versus), order, min(worst, _CHANGED))
        others = (ground_truth, versus_detections, reading)
        told["changed"] = list(
            zip(
                scenes(versus, *others, before, score_of_versus, versus.errors(iou).pairs, images),
                scenes(result, *sides, after, score, errors.pairs, images),
                strict=True,
            )
        )
    return told


def _changed(before: Table, after: Table, most: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of the images whose errors differ most between two results, from tables of all images."""
    first, second = ({row["image"]: row for row in table} for table in (before, after))

    def errors(row: dict[str, Any]) -> int:
        count: int = row["false_positives"] + row["false_negatives"]
        return count

    moved = [(id, abs(errors(row) - errors(first[id]))) for id, row in second.items() if id in first]
    chosen = [id for id, difference in sorted(moved, key=lambda pair: -pair[1])[:most] if difference]
    return [first[id] for id in chosen], [second[id] for id in chosen]


def _called(value: Any, otherwise: str) -> str:
    return Path(value).name if isinstance(value, (str, os.PathLike)) else otherwise


def _summary(sure: Any, compared: Any) -> list[dict[str, Any]]:
    rows = [dict(row) for row in sure]
    for row, change in zip(rows, compared or [None] * len(rows), strict=True):
        row["change"] = change
    return rows


def _classes(result: Result, best: Any, sure: Any, compared: Any) -> list[dict[str, Any]]:
    bounds = {row["category"]: row for row in sure}
    changes = {} if compared is None else {row["category"]: row for row in compared.per_class}
    rows = []
    for row, point in zip(result.per_class, best.per_class, strict=True):
        bound = bounds.get(row["category"], {"low": math.nan, "high": math.nan})
        rows.append(
            {
                **row,
                "low": bound["low"],
                "high": bound["high"],
                "f1": point["f1"],
                "threshold": point["threshold"],
                "change": changes.get(row["category"]),
            }
        )
    return rows


def _curves(result: Result, other: Result | None, iou: float) -> dict[str, Any]:
    """Precision in thousandths at 101 recalls: the mean of the classes at each threshold, and each class at one."""

    def mean(of: Result, threshold: float) -> list[int]:
        if np.array_equal(of.scores.recall_points, np.linspace(0.0, 1.0, 101)):
            t, area = of.protocol.threshold_index(threshold), of.protocol.area_index("all")
            heights = of.precision[t, :, :, area, -1]
            there = ~np.isnan(heights).all(axis=0)
            return _thousandths(heights[:, there].mean(axis=1)) if there.any() else []
        curves = [of.precision_recall(id, threshold) for id in of.category_ids]
        lines = [recall_grid(curve) for curve in curves if curve.objects]
        return _thousandths(np.mean(lines, axis=0)) if lines else []

    thresholds = [float(t) for t in result.protocol.thresholds]
    classes, scores = [], []
    everything = result.precision_recall(None, iou)
    low, high = (float(everything.score.min()), float(everything.score.max())) if len(everything.score) else (0.0, 1.0)
    grid = np.linspace(min(low, 0.0), max(high, 1.0) if high <= 1 else high, _STEPS + 1)
    by_score = [_by_score(everything, grid)]
    for id in result.category_ids:
        curve = result.precision_recall(id, iou)
        classes.append(_thousandths(recall_grid(curve)) if curve.objects else [])
        scores.append(_scores_at_recalls(curve))
        by_score.append(_by_score(curve, grid))
    return {
        "iou": iou,
        "thresholds": thresholds,
        "all": [mean(result, threshold) for threshold in thresholds],
        "other": None if other is None else [mean(other, threshold) for threshold in thresholds],
        "classes": classes,
        "scores": scores,
        "grid": [round(x, 4) for x in grid.tolist()],
        "by_score": by_score,
    }


def _thousandths(values: np.ndarray) -> list[int]:
    whole: list[int] = np.rint(1000 * values).astype(int).tolist()
    return whole


def _scores_at_recalls(curve: Any) -> list[float]:
    if not curve.objects or not len(curve.score):
        return []
    at = np.searchsorted(curve.recall, np.linspace(0.0, 1.0, 101))
    return [round(x, 3) for x in curve.score[at[at < len(curve.score)]].tolist()]


def _by_score(curve: Any, grid: np.ndarray) -> list[list[int | None]]:
    """Precision and recall of what has at least each score; None where nothing has."""
    if not len(curve.score) or not curve.objects:
        return [[], []]
    # Scores fall: as many are at least x as are not below it.
    count = np.searchsorted(-curve.score, -grid, side="right")
    at = np.maximum(count - 1, 0)
    precision, recall = _thousandths(curve.precision[at]), _thousandths(curve.recall[at])
    defined = count > 0
    return [
        [value if there else None for value, there in zip(precision, defined.tolist(), strict=True)],
        [value if there else 0 for value, there in zip(recall, defined.tolist(), strict=True)],
    ]


def _operation(result: Result, best: float, iou: float, confidence: float, resamples: int) -> dict[str, Any]:
    """Score thresholds for some targets, and the sensitivity at some rates of false positives."""
    targets: list[tuple[str, dict[str, Any]]] = []
    if not math.isnan(best):
        targets.append(("highest F1", {"score": best}))
    for wanted in (0.5, 0.75, 0.9, 0.95):
        targets.append((f"precision of at least {wanted:.0%}", {"precision": wanted}))
    for wanted in (0.5, 0.75, 0.9):
        targets.append((f"recall of at least {wanted:.0%}", {"recall": wanted}))
    for rate in (1.0, 0.1):
        targets.append((f"at most {rate:g} false positives per image", {"false_positives_per_image": rate}))
    rows = []
    for target, chosen in targets:
        # Intervals take longer than all the rest: they are computed for the two most common targets.
        sure = resamples if "score" in chosen or chosen.get("precision") == 0.9 else 0
        point = result.operating_point(**chosen, iou=iou, confidence=confidence, resamples=sure)
        numbers = ("threshold", "precision", "recall", "f1", "false_positives_per_image", "false_alarms")
        bounds = [] if point.intervals is None else list(point.intervals)
        rows.append(
            {
                "target": target,
                **{name: getattr(point, name) for name in numbers},
                "bounds": {row["number"]: row for row in bounds},
            }
        )
    found, missed = result.froc(iou=iou), result.log_average_miss_rate(iou=iou)
    return {"rows": rows, "best": best, "froc": found.mean, "miss_rate": missed.value}


def _calibration(result: Result, iou: float) -> dict[str, Any]:
    found = result.calibration(iou)
    return {"error": found.error, "bins": [row for row in found.bins if row["detections"]]}


def _confusion(result: Result, iou: float, score: float) -> dict[str, Any] | None:
    if not result.protocol.by_category:
        return None
    found = result.confusion(iou, score)
    matrix, names = found.condensed(_MATRIX)
    pairs = found.pairs(background=False)
    return {
        **{name: getattr(found, name) for name in ("misclassified", *_OUTCOMES)},
        "names": names,
        "matrix": matrix.tolist(),
        "pairs": [row for row, _ in zip(pairs, range(_PAIRS), strict=False)],
    }


def _errors(result: Result, found: Errors, versus: Result | None, iou: float) -> dict[str, Any]:
    optimal, other = result.lrp(iou), None if versus is None else versus.errors(iou)
    rows = [{**row, "baseline": math.nan if other is None else other[row["error"]]} for row in found.table]
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


def _checked(ground_truth: Any, detections: Any, rules: Protocol, reading: readers.Options) -> meanap.Findings:
    return meanap.check(
        ground_truth,
        detections,
        reading.similarity,
        sigmas=rules.sigmas if reading.similarity == "keypoints" else None,
        angle=rules.angle,
        clockwise=bool(rules.clockwise),
        box_format=reading.box_format,
        format=reading.format,
        names=reading.names,
        images=reading.images,
        sizes=reading.sizes,
        columns=reading.columns,
    )


def _findings(ground_truth: Any, detections: Any, result: Result, reading: readers.Options) -> dict[str, Any]:
    found = _checked(ground_truth, detections, result.protocol, reading)
    likely, names = [], result.names
    for _, row in zip(range(_LABELS), found.label_errors, strict=False):
        named = {side: names.get(row[side], row[side]) for side in ("category", "truth")}
        likely.append({**row, **named})
    return {
        "ok": found.ok,
        "rows": list(found),
        "label_errors": likely,
        "left_out": len(found.label_errors) - len(likely),
    }
