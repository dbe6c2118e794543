"""The report of semantic segmentation: classes, and which pixels are predicted as another class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from meanap.detection.confusion import Confusion
from meanap.errors import InputError
from meanap.report.cells import bar, cell, count, difference, matrix, moved, moves, number, skipped, table, text
from meanap.report.document import document

if TYPE_CHECKING:
    from meanap.segmentation import SemanticResult

__all__ = ["page"]

#: The means by name, and what they are called.
_MEANS = {
    "mean_iou": "mean IoU",
    "mean_accuracy": "mean accuracy",
    "mean_precision": "mean precision",
    "mean_dice": "mean Dice",
    "mean_boundary_iou": "mean boundary IoU",
    "pixel_accuracy": "pixel accuracy",
    "frequency_weighted_iou": "frequency-weighted IoU",
}
#: The numbers of a class.
_NUMBERS = {
    "iou": "IoU",
    "accuracy": "accuracy",
    "precision": "precision",
    "dice": "Dice",
    "boundary_iou": "boundary IoU",
}
#: Classes of the matrix, and confusions that are listed.
_MATRIX, _PAIRS = 20, 100


def page(result: SemanticResult, versus: SemanticResult | None, title: str, names: tuple[str, str]) -> str:
    """The whole file; `names` are those of the baseline and of the result."""
    if versus is not None and versus.classes != result.classes:
        raise InputError(f"versus: it has other classes: {len(versus.classes)}, expected these {len(result.classes)}")
    sections = [
        ("summary", "Summary", _summary(result, versus, names)),
        ("classes", "Classes", _classes(result, versus)),
        ("confusion", "Confusion matrix", _confusion(result, versus, names)),
        ("skipped", "Skipped", skipped(result.skipped)),
    ]
    pixels = int(result.confusion_matrix.sum() + result.unclassified.sum())
    facts = [
        ("result", names[1]),
        *([("baseline", names[0])] if versus else []),
        ("images", f"{result.images:,}"),
        ("classes", f"{len(result.classes):,}"),
        ("pixels", f"{pixels:,}"),
    ]
    return document(title, _lead(result, versus, names), facts, sections)


def _lead(result: SemanticResult, versus: SemanticResult | None, names: tuple[str, str]) -> str:
    lead = f"<strong>mean IoU {number(result.mean_iou)}</strong>"
    if versus is None:
        order = [k for k in np.argsort(result.iou, kind="stable") if not math.isnan(result.iou[k])]
        worst = ", ".join(f"{text(result.classes[k])} {number(result.iou[k])}" for k in order[:3])
        lead += f", pixel accuracy {number(result.pixel_accuracy)}." + (f" Lowest IoU: {worst}." if worst else "")
        return f"<p class=lead>{lead}</p>"
    lead += f", {text(names[0])} {number(versus.mean_iou)}: {moved(result.mean_iou - versus.mean_iou)}."
    lines = moves("IoU of classes", list(zip(result.classes, (result.iou - versus.iou).tolist(), strict=True)))
    return f"<p class=lead>{lead}</p><ul class=moved>{lines}</ul>"


def _summary(result: SemanticResult, versus: SemanticResult | None, names: tuple[str, str]) -> str:
    rows = []
    for key, called in _MEANS.items():
        value = getattr(result, key)
        if key == "mean_boundary_iou" and result.boundary_iou is None:
            continue
        cells = [f"<th scope=row>{called}</th>", bar(value)]
        if versus is not None:
            other = getattr(versus, key)
            cells += [cell(other), difference(value - other)]
        rows.append(cells)
    head = ["number", "value", *([f"baseline {text(names[0])}", "difference"] if versus else [])]
    note = "All pixels of all images are counted together, not averaged over images, so there are no intervals."
    return table("Numbers", head, rows, note)


def _classes(result: SemanticResult, versus: SemanticResult | None) -> str:
    shown = {key: called for key, called in _NUMBERS.items() if getattr(result, key) is not None}
    pixels = result.confusion_matrix.sum(axis=1) + result.unclassified
    rows = []
    # Those with most pixels first.
    for k in np.argsort(-pixels, kind="stable").tolist():
        values = [float(getattr(result, key)[k]) for key in shown]
        cells = [f"<th scope=row>{text(result.classes[k])}</th>", bar(values[0]), *map(cell, values[1:])]
        cells.append(count(int(pixels[k])))
        if versus is not None:
            before = float(versus.iou[k])
            cells += [cell(before), difference(values[0] - before)]
        rows.append(cells)
    head = ["class", *shown.values(), "pixels", *(["baseline IoU", "difference"] if versus else [])]
    return table("Classes; select a heading to sort", head, rows)


def _confusion(result: SemanticResult, versus: SemanticResult | None, names: tuple[str, str]) -> str:
    found = _matrix_of(result)
    counts, shown = found.condensed(_MATRIX)
    if not counts[:, -1].any():
        counts, shown = counts[:-1, :-1], shown[:-1]
    caption = "Per cent of the pixels of each class (row) by predicted class (column); the most confused classes first"
    whole = matrix(caption, shown, counts.tolist(), shares=True)
    before: dict[tuple[str, str], float] = {}
    if versus is not None:
        before = {(row["truth"], row["detected"]): row["fraction"] for row in _matrix_of(versus).pairs()}
    rows = []
    for row, _ in zip(found.pairs(), range(_PAIRS), strict=False):
        cells = [f"<td>{text(row['truth'])}</td><td>{text(row['detected'])}</td>", count(row["count"])]
        cells.append(cell(row["fraction"], f"{row['fraction']:.1%}"))
        if versus is not None:
            other = before.get((row["truth"], row["detected"]), 0.0)
            change = row["fraction"] - other
            cells += [cell(other, f"{other:.1%}"), cell(change, f"{100 * change:+.1f}")]
        rows.append(cells)
    head = ["true class", "predicted class", "pixels", "fraction of the class"]
    head += [f"of {text(names[0])}", "difference in points"] if versus else []
    return f"{whole}{table('The largest confusions', head, rows, words=2)}"


def _matrix_of(result: SemanticResult) -> Confusion:
    """The confusion matrix with a last row and column for pixels whose prediction is no class."""
    k = len(result.classes)
    counts = np.zeros((k + 1, k + 1), dtype=np.int64)
    counts[:k, :k], counts[:k, k] = result.confusion_matrix, result.unclassified
    return Confusion(counts, list(range(k)), [*result.classes, "no class"], math.nan, math.nan)
