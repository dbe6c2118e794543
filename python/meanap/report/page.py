"""The HTML of the report of detections, from the data of `collect`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from meanap.report import slices
from meanap.report.cells import (
    bar,
    called,
    cell,
    count,
    difference,
    judged,
    mark,
    matrix,
    number,
    p_value,
    sign,
    signed,
    span,
    table,
    text,
    whisker,
)
from meanap.report.document import document
from meanap.report.drawing import scene
from meanap.report.views import POINT

__all__ = ["page"]


def page(report: dict[str, Any]) -> str:
    """The whole file."""
    facts = [
        ("file", report["detections"]),
        ("ground truth", report["ground_truth"]),
        *([("baseline", report["versus"])] if report["versus"] else []),
        *report["facts"].items(),
    ]
    if "problem" in report:
        lead = f"<p class=lead><strong class=worse>Not evaluated</strong>: {text(report['problem'])}</p>"
        return document(report["title"], lead, facts, _sections(report))
    lead = _verdict(report)
    return document(report["title"], lead, facts, _sections(report), controls=_choice(report), data=_data(report))


def _data(report: dict[str, Any]) -> dict[str, Any]:
    """What the script draws."""
    choices = report["choices"]
    sides = [(0, entry) for entry in report["scenes"]]
    sides += [(side, entry) for pair in report["changed"] for side, entry in zip((1, 0), pair, strict=True)]
    return {
        "classes": [str(row["name"]) for row in report["classes"]],
        "detections": report["detections"],
        "versus": report["versus"],
        "ious": [float(f"{iou:g}") for iou in choices.ious],
        "first": choices.first,
        "grid": choices.grid.tolist(),
        "images": int(report["facts"]["images"].replace(",", "")),
        "views": report["views"],
        "scenes": [{"side": side, "marks": [_coded(mark) for mark in entry["marks"]]} for side, entry in sides],
    }


def _coded(mark: dict[str, Any]) -> list[Any]:
    """The class, the score (None of an object) and the fates of a mark; of a detection by their first letters."""
    if mark["kind"] == "truth":
        return [mark["class"], None, ["i" if fate == "ignored" else fate for fate in mark["fates"]]]
    return [mark["class"], mark["score"], "".join("-" if fate is None else fate[0] for fate in mark["fates"])]


def _sections(report: dict[str, Any]) -> Iterable[tuple[str, str, str]]:
    """The sections in their order: findings first where the check has failed."""
    findings = ("findings", "Check of the files", _findings(report["findings"]))
    if "problem" in report:
        yield findings
        return
    failed = report["findings"] is not None and not report["findings"]["ok"]
    if failed:
        yield findings
    yield "summary", "Summary", _summary(report)
    if not failed:
        yield findings
    yield "curves", "Curves", _curves(report)
    yield "operation", "Score thresholds", _operation(report)
    yield "classes", "Classes", _classes(report)
    yield "slices", "Slices", slices.section(report)
    yield "errors", "Error types", _errors(report)
    yield "confusion", "Confusion matrix", _confusion(report)
    yield "images", "Images with most errors", _images(report)
    yield "changed", "Images that changed most", _changed(report)


def _verdict(report: dict[str, Any]) -> str:
    """The first number, the verdict on it, and what has moved; then the counts at the score threshold."""
    first = report["summary"][0]
    change = first["change"]
    lead = f"<strong>{called(first['number'])} {number(first['value'])}</strong> {span(first)}"
    if change:
        lead += f", {text(report['versus'])} {number(change['baseline'])}: {judged(change)}"
    totals = report["totals"]
    threshold = "" if math.isinf(report["score"]) else f" with a score of at least {report['score']:.3f}"
    lead += (
        f". Of the detections{threshold}, {totals['true_positives']:,} are true positives and "
        f"{totals['false_positives']:,} false positives; {totals['false_negatives']:,} false negatives "
        f"(IoU {report['iou']:g})."
    )
    moved = "".join(f"<li>{line}</li>" for line in _moved(report)) if change else ""
    return f"<p class=lead>{lead}</p>" + (f"<ul class=moved>{moved}</ul>" if moved else "")


#: Names in one line of what has moved.
_NAMED = 5


def _moved(report: dict[str, Any]) -> Iterable[str]:
    """What decides the verdict: numbers, classes and error types, the greatest differences first."""
    numbers = [(called(row["number"]), row["change"]) for row in report["summary"][1:]]
    classes = [(text(row["name"]), row["change"]) for row in report["classes"] if row["change"]]
    for what, rows in (("Numbers", numbers), ("Classes", classes)):
        for word, way in (("better", 1), ("worse", -1)):
            found = [(name, row["difference"]) for name, row in rows if sign(row) == way]
            found.sort(key=lambda pair: -abs(pair[1]))
            if found:
                listed = ", ".join(f"{name} {signed(change)}" for name, change in found[:_NAMED])
                more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
                yield f"{what} that are significantly {word} ({len(found):,} of {len(rows):,}): {listed}{more}."
    errors = report["errors"] or {"rows": []}
    moved = [(row["error"], row["dap"] - row["baseline"]) for row in errors["rows"]]
    moved = [(name, change) for name, change in moved if abs(change) >= 0.0005]
    if moved:
        moved.sort(key=lambda pair: -abs(pair[1]))
        listed = ", ".join(f"{text(name).replace('_', ' ')} {signed(change)}" for name, change in moved[:_NAMED])
        yield f"AP lost to errors, less is better: {listed}."


# Sections


def _summary(report: dict[str, Any]) -> str:
    head = ["number", "value", "interval", "from 0 to 1"]
    if report["versus"]:
        head += [f"baseline {text(report['versus'])}", "difference", "interval of the difference", "p"]
    rows = []
    for row in report["summary"]:
        cells = [f"<th scope=row>{called(row['number'])}</th>", cell(row["value"]), f"<td class=n>{span(row)}</td>",
                 f"<td>{whisker(row)}</td>"]  # fmt: skip
        if change := row["change"]:
            cells += [
                cell(change["baseline"]), f"<td class=n>{signed(change['difference'])}</td>",
                f"<td class=n>{span(change, signed=True)} {mark(change)}</td>", cell(change["p"], p_value(change["p"])),
            ]  # fmt: skip
        rows.append(cells)
    note = f"Intervals: {report['confidence']:.0%}, from {report['resamples']:,} bootstrap resamples of the images."
    if report["versus"]:
        note += (
            f" Differences are {text(report['detections'])} minus the baseline {text(report['versus'])}, of the same "
            "resamples for both; ▲ better and ▼ worse mark those that are significant."
        )
    return table("Numbers", head, rows, note)


def _findings(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    if not found["rows"]:
        return "<p>No findings.</p>"
    rows = [
        [
            f"<td><code>{text(row['code'])}</code></td><td><span class=level-{text(row['level'])}>{text(row['level'])}"
            f"</span></td><td>{text(str(row['where']).replace('_', ' '))}</td><td class=n>{row['count']:,}</td>",
            *(f"<td>{text(row[name])}</td>" for name in ("message", "example", "remedy")),
        ]
        for row in found["rows"]
    ]
    head = ["code", "level", "in", "count", "message", "example", "remedy"]
    return table("Findings", head, rows, kind="prose", words=7) + _label_errors(found)


def _label_errors(found: dict[str, Any]) -> str:
    """Likely label errors, collapsed."""
    if not found["label_errors"]:
        return ""
    kinds = {"category": "has another class", "place": "has another location", "missing": "is not labelled"}
    rows = [
        [
            f"<td>{text(row['image'])}</td><td>{text(kinds.get(row['kind'], row['kind']))}</td>"
            f"<td>{text(row['category'])}</td><td>{'' if row['truth'] is None else text(row['truth'])}</td>",
            *(cell(row[name]) for name in ("score", "similarity", "trust")),
        ]
        for row in found["label_errors"]
    ]
    head = ["image", "the object", "detected as", "labelled as", "score", "similarity", "trust"]
    left_out = f" The first of {len(rows) + found['left_out']:,}." if found["left_out"] else ""
    caption = f"Likely label errors, the likeliest first.{left_out} Trust: precision of such detections"
    return f"<details><summary>Likely label errors</summary>{table(caption, head, rows, words=4)}</details>"


def _choice(report: dict[str, Any]) -> str:
    """The controls with which class, IoU and score threshold are chosen for the whole page."""
    choices = report["choices"]
    classes = "".join(f"<option value={i}>{text(row['name'])}</option>" for i, row in enumerate(report["classes"]))
    ious = "".join(
        f"<option value={i}{' selected' if i == choices.first else ''}>{iou:g}</option>"
        for i, iou in enumerate(choices.ious)
    )
    step = choices.step(choices.score)
    return (
        f'<form class="controls choice" id=choice aria-label="What is shown"><label>class <select id=class>'
        f"<option value=-1>all</option>{classes}</select></label><label>IoU <select id=iou>{ious}</select></label>"
        f"<label>score ≥ <input id=score type=range min=0 max={len(choices.grid) - 1} value={step}></label>"
        f"<output id=threshold for=score></output><button type=button id=reset hidden>reset</button>"
        "<span class=note id=counts role=status></span></form>"
    )


def _curves(report: dict[str, Any]) -> str:
    return (
        "<p class=note>Move over a curve, or focus it and use the arrow keys.</p>"
        '<div class="charts"><figure><figcaption>Precision over recall</figcaption><div class=chart id=chart-pr></div>'
        "</figure><figure><figcaption>Precision, recall and F1 over the score threshold</figcaption>"
        "<div class=chart id=chart-f1></div></figure><figure><figcaption>Calibration: fraction of true positives "
        "over score (calibration error <span id=calibration-error>"
        f"{number(report['calibration']['error'])}</span>)</figcaption><div class=chart id=chart-cal></div></figure>"
        "</div><noscript><p>Curves need JavaScript; tables do not.</p></noscript>"
    )


def _operation(report: dict[str, Any]) -> str:
    found = report["operation"]
    names = ["score threshold", "precision", "recall", "F1", "false positives per image", "false alarms"]
    rows = []
    for row in found["rows"]:
        cells = [f"<th scope=row>{text(row['target'])}</th>"]
        for name in POINT:
            bound = row["bounds"].get(name)
            moves = bound is not None and bound["low"] < bound["high"]
            sure = f" <small>{span(bound)}</small>" if moves else ""
            cells.append(cell(row[name], number(row[name]) + sure))
        if report["versus"]:
            cells += [cell(row["baseline"][name]) for name in POINT]
        rows.append(cells)
    head = ["target", *names, *([f"baseline {name}" for name in names] if report["versus"] else [])]
    froc, miss_rate = (_beside(found["rates"], name) for name in ("froc", "miss_rate"))
    note = (
        f"<span class=scope>All classes together, IoU {report['iou']:g}.</span> A dash: no threshold reaches the "
        "target. False alarms: the "
        f"fraction of images without objects that have a detection. In brackets: {report['confidence']:.0%} confidence "
        f"intervals. Of all classes together, at IoU {report['iou']:g}: the mean "
        f"sensitivity at 1/8 to 8 false positives per image (FROC) is {froc}; the log-average miss rate, a mean over "
        f"classes, is {miss_rate}."
    )
    if report["versus"]:
        note += " The baseline has thresholds of its own for the same targets."
    return table("Operating points", head, rows, note, id="operation-table")


def _beside(sides: list[dict[str, float]], name: str) -> str:
    """A number in a sentence, the baseline's after it."""
    first, *others = (number(side[name]) for side in sides)
    return first + "".join(f" (baseline {other})" for other in others)


def _classes(report: dict[str, Any]) -> str:
    versus = bool(report["versus"])
    head = ["class", "AP", "interval", "AP50", "AP75", "AR", "objects", "detections", "precision", "recall",
            "best F1", "its score"]  # fmt: skip
    head += ["baseline AP", "difference", "significant"] if versus else []
    rows = []
    # Those with most objects first.
    for index, row in sorted(enumerate(report["classes"]), key=lambda pair: -pair[1]["objects"]):
        cells = [
            f"<th scope=row><button type=button class=link data-class={index}>{text(row['name'])}</button></th>",
            bar(row["ap"]), cell(row["low"], f"<span>{span(row)}</span>"), cell(row["ap50"]), cell(row["ap75"]),
            cell(row["ar"]), count(row["objects"]), count(row["detections"]),
            cell(row["precision"]), cell(row["recall"]), cell(row["f1"]), cell(row["threshold"]),
        ]  # fmt: skip
        if versus and (change := row["change"]):
            cells += [cell(change["baseline"]), difference(change["difference"]),
                      cell(sign(change), mark(change) or "no")]  # fmt: skip
        elif versus:
            cells += [cell(math.nan)] * 3
        rows.append(cells)
    caption = "Classes; select a heading to sort, a name to show its curves"
    note = (
        f"Precision and recall: <span class=scope>IoU {report['iou']:g}{_at_least(report['score'])}</span>. Best F1: "
        "the highest of each class, at a score threshold of its own."
    )
    return table(caption, head, rows, note, id="class-table")


def _at_least(score: float) -> str:
    return "" if math.isinf(score) else f", score at least {score:.3f}"


def _errors(report: dict[str, Any]) -> str:
    errors = report["errors"]
    if errors is None:
        return ""
    most = max((row["dap"] for row in errors["rows"] if not math.isnan(row["dap"])), default=0.0)
    head = ["error", "detections or objects", "AP loss"]
    head += ["baseline AP loss", "difference"] if report["versus"] else []
    rows = []
    for row in errors["rows"]:
        cells = [f"<th scope=row>{text(str(row['error']).replace('_', ' '))}</th>", count(row["count"]),
                 bar(row["dap"], most)]  # fmt: skip
        if report["versus"]:
            cells += [cell(row["baseline"]), difference(row["dap"] - row["baseline"])]
        rows.append(cells)
    note = (
        f"<span class=scope>All classes together, IoU {report['iou']:g}.</span> AP is "
        f"<span>{number(errors['ap'])}</span>; each row is the gain if errors of this type alone were corrected. "
        "Gains do not add up."
    )
    lrp = errors["lrp"]
    note += (
        f" Optimal LRP (0 is perfect) is <span>{number(lrp['lrp'])}</span>: localisation "
        f"<span>{number(lrp['localisation'])}</span>, false positives <span>{number(lrp['false_positive'])}</span>, "
        f"false negatives <span>{number(lrp['false_negative'])}</span>."
    )
    return table("Errors", head, rows, id="error-table") + f"<p class=note id=error-note>{note}</p>"


def _confusion(report: dict[str, Any]) -> str:
    found = report["confusion"]
    if found is None:
        return ""
    lead = (
        f"<p><span class=scope>IoU {report['iou']:g}{_at_least(report['score'])}</span>: "
        f"<span id=confusion-counts>{found['true_positives']:,} true positives, "
        f"{found['misclassified']:,} objects misclassified, {found['false_negatives']:,} false negatives, "
        f"{found['false_positives']:,} false positives</span>. Here detections match objects of any category, "
        "so that the counts are not those of the summary.</p>"
    )
    rows = []
    for row in found["pairs"]:
        cells = [
            f"<td>{text(row['truth'])}</td><td>{text(row['detected'])}</td>", count(row["count"]),
            cell(row["fraction"], format(row["fraction"], ".1%")),
        ]  # fmt: skip
        if report["versus"] and row["baseline"] is not None:
            change = row["count"] - row["baseline"]
            cells += [count(row["baseline"]), cell(change, f"{change:+,}")]
        rows.append(cells)
    heads = ["true class", "predicted class", "objects", "fraction of the class"]
    heads += ["baseline", "difference"] if report["versus"] else []
    pairs = table("Misclassified objects", heads, rows, id="pair-table", words=2)
    caption = "Rows: true class; columns: predicted class; the most confused classes first"
    shown = matrix(caption, found["names"], found["matrix"], id="matrix")
    return f"{lead}{shown}<details open><summary>The largest confusions as a list</summary>{pairs}</details>"


def _images(report: dict[str, Any]) -> str:
    if not report["scenes"]:
        return ""
    figures = "".join(scene(entry, number, text) for number, entry in enumerate(report["scenes"]))
    return (
        f"<p>Those with most errors at IoU {report['iou']:g}{_at_least(report['score'])}. Detections are solid, "
        "true or false positives; objects dashed, matched or false negatives. Hover over one to read its "
        "class and score. When a class is chosen, the images with most of its errors come first.</p>"
        f"{_toggles()}<div class=scenes>{figures}</div>"
    )


def _toggles() -> str:
    """What is drawn in the images; the same in each section with images."""
    boxes = "".join(
        f"<label class={fate}><input type=checkbox data-fate={fate} checked> {text(label)}</label>"
        for fate, label in (
            ("false_negative", "false negatives"),
            ("false_positive", "false positives"),
            ("true_positive", "true positives"),
            ("matched", "matched objects"),
        )
    )
    return f"<form class='controls fates'>{boxes}<span class='note shown' role=status></span></form>"


def _changed(report: dict[str, Any]) -> str:
    """The images whose errors differ most, the baseline beside the candidate."""
    pairs = []
    for index, (before, after) in enumerate(report["changed"]):
        errors = [entry["false_positives"] + entry["false_negatives"] for entry in (before, after)]
        name = text(after["name"] or f"image {after['image']}")
        figures = "".join(
            f"<div><p class=note>{text(who)}</p>{scene(entry, len(report['scenes']) + 2 * index + side, text)}</div>"
            for side, (who, entry) in enumerate(((report["versus"], before), (report["detections"], after)))
        )
        pairs.append(
            f"<div class=change><h3>{name}: <span class=moved-counts>{errors[0]:,} errors, then {errors[1]:,} "
            f"({errors[1] - errors[0]:+,})</span></h3><div class=pair>{figures}</div></div>"
        )
    if not pairs:
        return ""
    note = (
        "Errors are false positives and false negatives, each result at the score threshold of its own best F1, unless "
        "one is chosen: the baseline on the left."
    )
    return f"<p>{note}</p>{_toggles()}{''.join(pairs)}"
