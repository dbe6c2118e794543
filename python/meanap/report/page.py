"""The page: plain HTML made from what `collect` found, with a style and a script inside it.

Every string of the data goes through `text`; the data for the script is JSON in which no tag can begin; and the page's
own policy lets nothing run but the one script whose hash it names, and nothing be fetched at all.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from meanap._printable import printable
from meanap.detection.comparison import verdict
from meanap.report.drawing import scene

__all__ = ["page"]

_HERE = Path(__file__).parent
#: How names of numbers are spoken of.
_CALLED = {"ap": "AP", "ar": "AR"}


def page(told: dict[str, Any]) -> str:
    """The whole file."""
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    sections = [(id, title, body) for id, title, body in _sections(told) if body]
    nav = "".join(f'<a href="#{id}">{text(title)}</a>' for id, title, _ in sections)
    main = "".join(f'<section id="{id}"><h2>{text(title)}</h2>{body}</section>' for id, title, body in sections)
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{_hash(script)}'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{text(told['title'])}: evaluation</title><style>{style}</style></head>\n<body>"
        f'<a class="skip" href="#summary">Skip to the numbers</a>{_header(told)}'
        f'<nav aria-label="Sections">{nav}</nav>\n<main>{main}</main>\n'
        f"<footer>Made with meanap {text(told['version'])}. This file is complete in itself.</footer>"
        f'<script type="application/json" id="data">{_data(told)}</script><script>{script}</script></body></html>\n'
    )


def text(value: Any) -> str:
    """A string as HTML, in content and in attributes. What cannot be written, or steers what is shown, is escaped."""
    return html.escape(printable(str(value), keep="\n\t"), quote=True)


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _data(told: dict[str, Any]) -> str:
    """What the script draws, as JSON that cannot end the element it stands in."""
    curves = told["curves"]
    data = {
        "classes": [{"name": str(row["name"]), "ap50": _rounded(row["ap50"])} for row in told["classes"]],
        "detections": told["detections"],
        "versus": told["versus"],
        "curves": curves,
        "threshold": _rounded(told["operation"]["best"]),
        "calibration": {"bins": [{k: _rounded(v) for k, v in row.items()} for row in told["calibration"]["bins"]]},
    }
    written = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def _sections(told: dict[str, Any]) -> Iterable[tuple[str, str, str]]:
    yield "summary", "Summary", _summary(told)
    yield "findings", "Check of the files", _findings(told["findings"])
    yield "curves", "Curves", _curves(told)
    yield "operation", "Which score to act on", _operation(told)
    yield "classes", "Classes", _classes(told)
    yield "errors", "Errors and what they cost", _errors(told["errors"])
    yield "confusion", "Confusion matrix", _confusion(told)
    yield "images", "Images with most errors", _images(told)


def _header(told: dict[str, Any]) -> str:
    counts = told["counts"]
    facts = [
        ("detections", told["detections"]),
        ("ground truth", told["ground_truth"]),
        *([("baseline", told["versus"])] if told["versus"] else []),
        ("rules", f"{told['protocol']}, {told['similarity']}"),
        ("images", f"{counts['images']:,}"),
        ("categories", f"{counts['categories']:,}"),
        ("objects to find", f"{counts['objects']:,}"),
        ("detections given", f"{counts['detections']:,}"),
    ]
    listed = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in facts)
    return f"<header><h1>{text(told['title'])}</h1><dl class=facts>{listed}</dl></header>"


# Sections


def _summary(told: dict[str, Any]) -> str:
    first = told["summary"][0]
    change = first["change"]
    lead = f"<strong>{_called(first['number'])} {_number(first['value'])}</strong> {_span(first)}"
    if change:
        lead += f", {text(told['versus'])} {_number(change['baseline'])}: {_judged(change)}"
    totals = told["totals"]
    threshold = "" if math.isinf(told["score"]) else f" with a score of at least {told['score']:.3f}"
    lead += (
        f". Of the detections{threshold}, {totals['true_positives']:,} are true positives and "
        f"{totals['false_positives']:,} false positives; {totals['false_negatives']:,} objects are not found "
        f"(IoU {told['iou']:g})."
    )
    head = ["number", "value", "interval", ""]
    if told["versus"]:
        head += [f"baseline {text(told['versus'])}", "difference", "interval of the difference", "p"]
    rows = []
    for row in told["summary"]:
        cells = [f"<th scope=row>{_called(row['number'])}</th>", _cell(row["value"]), f"<td class=n>{_span(row)}</td>",
                 f"<td>{_whisker(row)}</td>"]  # fmt: skip
        if change := row["change"]:
            cells += [
                _cell(change["baseline"]), f"<td class=n>{_signed(change['difference'])}</td>",
                f"<td class=n>{_span(change, signed=True)} {_mark(change)}</td>", _cell(change["p"]),
            ]  # fmt: skip
        rows.append(f"<tr>{''.join(cells)}</tr>")
    note = f"Intervals: 95%, from {told['resamples']:,} bootstrap resamples of the images."
    if told["versus"]:
        note += (
            f" Differences are {text(told['detections'])} minus the baseline {text(told['versus'])}, of the same "
            "resamples for both; ▲ better and ▼ worse mark those that are significant."
        )
    return f"<p class=lead>{lead}</p>{_table('Numbers', head, rows)}<p class=note>{note}</p>"


def _findings(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    if not found["rows"]:
        return "<p>Nothing strange was found.</p>"
    rows = [
        f"<tr><td><code>{text(row['code'])}</code></td><td><span class=level-{text(row['level'])}>{text(row['level'])}"
        f"</span></td><td>{text(str(row['where']).replace('_', ' '))}</td><td class=n>{row['count']:,}</td>"
        f"<td>{text(row['message'])}</td><td>{text(row['example'])}</td><td>{text(row['remedy'])}</td></tr>"
        for row in found["rows"]
    ]
    head = ["code", "level", "in", "count", "what", "for example", "what to do"]
    return _table("Findings", head, rows, kind="prose", words=7) + _label_errors(found)


def _label_errors(found: dict[str, Any]) -> str:
    """Where the ground truth is likely wrong, folded away."""
    if not found["label_errors"]:
        return ""
    told = {"category": "is another class", "place": "lies elsewhere", "missing": "is not labelled"}
    rows = [
        f"<tr><td>{text(row['image'])}</td><td>{text(told.get(row['kind'], row['kind']))}</td>"
        f"<td>{text(row['category'])}</td><td>{'' if row['truth'] is None else text(row['truth'])}</td>"
        f"{_cell(row['score'])}{_cell(row['similarity'])}{_cell(row['trust'])}</tr>"
        for row in found["label_errors"]
    ]
    head = ["image", "the object", "detected as", "labelled as", "score", "similarity", "trust"]
    left_out = f" The first of {len(rows) + found['left_out']:,}." if found["left_out"] else ""
    caption = f"Likely label errors, the likeliest first.{left_out} Trust: how often such detections are right"
    table = _table(caption, head, rows, sort=True, words=4)
    return f"<details><summary>Likely label errors</summary>{table}</details>"


def _curves(told: dict[str, Any]) -> str:
    options = "".join(f"<option value={i}>{text(row['name'])}</option>" for i, row in enumerate(told["classes"]))
    thresholds = "".join(
        f"<option value={i}{' selected' if t == told['iou'] else ''}>{t:g}</option>"
        for i, t in enumerate(told["curves"]["thresholds"])
    )
    return (
        "<form class=controls><label>class <select id=class><option value=-1>all, mean</option>"
        f"{options}</select></label><label>IoU <select id=iou>{thresholds}</select></label>"
        "<span class=note>Move over a curve, or focus it and use the arrow keys.</span></form>"
        '<div class="charts"><figure><figcaption>Precision over recall</figcaption><div class=chart id=chart-pr></div>'
        "</figure><figure><figcaption>Precision, recall and F1 over score</figcaption><div class=chart id=chart-f1>"
        "</div></figure><figure><figcaption>Calibration: how often a score is right (off by "
        f"{_number(told['calibration']['error'])} on average)</figcaption><div class=chart id=chart-cal></div></figure>"
        "</div><noscript><p>Curves need JavaScript; all tables are there without.</p></noscript>"
    )


def _operation(told: dict[str, Any]) -> str:
    found = told["operation"]
    names = ["threshold", "precision", "recall", "f1", "false_positives_per_image", "false_alarms"]
    rows = []
    for row in found["rows"]:
        cells = []
        for name in names:
            bound = row["bounds"].get(name)
            moves = bound is not None and bound["low"] < bound["high"]
            sure = f" <small>{_span(bound)}</small>" if moves else ""
            cells.append(f"<td class=n>{_number(row[name])}{sure}</td>")
        rows.append(f"<tr><th scope=row>{text(row['wish'])}</th>{''.join(cells)}</tr>")
    head = ["wish", "score from", "precision", "recall", "F1", "false positives an image", "false alarms"]
    note = (
        f"All classes together, IoU {told['iou']:g}. A dash: no score gives that. False alarms: the part of the images "
        "with nothing to find in which something is found. In brackets: 95% intervals of two of the points. On average "
        f"over 1/8 to 8 false positives an image {_number(found['froc'])} of the objects are found (FROC); the "
        f"log-average miss rate, a mean over classes, is {_number(found['miss_rate'])}."
    )
    return _table("Operating points", head, rows) + f"<p class=note>{note}</p>"


def _classes(told: dict[str, Any]) -> str:
    versus = bool(told["versus"])
    head = ["class", "AP", "interval", "AP50", "AP75", "AR", "objects", "detections", "best F1", "from score"]
    head += ["baseline AP", "difference", "significant"] if versus else []
    rows = []
    # Those with most objects first.
    for index, row in sorted(enumerate(told["classes"]), key=lambda pair: -pair[1]["objects"]):
        cells = [
            f"<th scope=row><button type=button class=link data-class={index}>{text(row['name'])}</button></th>",
            _bar(row["ap"]), _cell(row["low"], f"<span>{_span(row)}</span>"), _cell(row["ap50"]), _cell(row["ap75"]),
            _cell(row["ar"]), _count(row["objects"]), _count(row["detections"]), _cell(row["f1"]),
            _cell(row["threshold"]),
        ]  # fmt: skip
        if versus and (change := row["change"]):
            cells += [_cell(change["baseline"]), _cell(change["difference"], _signed(change["difference"])),
                      _cell(_sign(change), _mark(change) or "no")]  # fmt: skip
        elif versus:
            cells += [_cell(math.nan)] * 3
        rows.append(f"<tr>{''.join(cells)}</tr>")
    controls = (
        "<form class=controls><label>filter <input id=filter type=search placeholder='part of a name' "
        "autocomplete=off></label><span id=shown class=note role=status></span></form>"
    )
    return controls + _table(
        "Classes; a heading sorts, a name shows its curves", head, rows, id="class-table", sort=True
    )


def _errors(errors: dict[str, Any]) -> str:
    most = max((row["dap"] for row in errors["rows"] if not math.isnan(row["dap"])), default=0.0)
    rows = [
        f"<tr><th scope=row>{text(str(row['error']).replace('_', ' '))}</th><td class=n>{row['count']:,}</td>"
        f"{_bar(row['dap'], most)}</tr>"
        for row in errors["rows"]
    ]
    note = (
        f"AP at this IoU is {_number(errors['ap'])}; each row is what it would gain if errors of that kind alone were "
        "put right. Gains do not add up."
    )
    lrp = errors["lrp"]
    note += (
        f" Optimal LRP (0 is perfect) is {_number(lrp['lrp'])}: localisation {_number(lrp['localisation'])}, false "
        f"positives {_number(lrp['false_positive'])}, false negatives {_number(lrp['false_negative'])}."
    )
    return _table("Errors", ["error", "detections or objects", "AP it costs"], rows) + f"<p class=note>{note}</p>"


def _confusion(told: dict[str, Any]) -> str:
    found = told["confusion"]
    if found is None:
        return ""
    threshold = "" if math.isinf(told["score"]) else f", score from {told['score']:.3f} on"
    lead = (
        f"<p>IoU {told['iou']:g}{threshold}: {found['true_positives']:,} true positives, "
        f"{found['misclassified']:,} objects misclassified, {found['false_negatives']:,} false negatives, "
        f"{found['false_positives']:,} false positives.</p>"
    )
    rows = [
        f"<tr><td>{text(row['truth'])}</td><td>{text(row['detected'])}</td>{_count(row['count'])}"
        f"{_cell(row['fraction'], format(row['fraction'], '.1%'))}</tr>"
        for row in found["pairs"]
    ]
    heads = ["class of the object", "class detected", "objects", "fraction of the class"]
    pairs = _table("Misclassified objects", heads, rows, sort=True, words=2)
    names = found["names"]
    head = "".join(f"<th scope=col><span>{text(name)}</span></th>" for name in names)
    body = []
    for name, counts in zip(names, found["matrix"], strict=True):
        total = sum(counts) or 1
        cells = "".join(
            f'<td style="--p:{math.sqrt(count / total):.2f}" title="{text(name)} detected as {text(other)}: {count:,} '
            f'of {total:,}"{" class=deep" if count / total > 0.6 else ""}>{count or ""}</td>'
            for other, count in zip(names, counts, strict=True)
        )
        body.append(f"<tr><th scope=row>{text(name)}</th>{cells}</tr>")
    matrix = (
        '<div class=scroll tabindex=0 role=region aria-label="Confusion matrix"><table class=matrix>'
        "<caption>Rows: class of the object; columns: class detected; the most confused classes first</caption>"
        f"<thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
    return f"{lead}{matrix}<details open><summary>The largest confusions as a list</summary>{pairs}</details>"


def _images(told: dict[str, Any]) -> str:
    if not told["scenes"]:
        return ""
    threshold = "" if math.isinf(told["score"]) else f" of score {told['score']:.3f} and above"
    boxes = "".join(
        f"<label class={fate}><input type=checkbox data-fate={fate} checked> {text(label)}</label>"
        for fate, label in (
            ("false_negative", "false negatives"),
            ("false_positive", "false positives"),
            ("true_positive", "true positives"),
            ("matched", "matched objects"),
        )
    )
    figures = "".join(scene(entry, number, text) for number, entry in enumerate(told["scenes"]))
    return (
        f"<p>Detections{threshold}: solid, true or false positives; objects: dashed, matched or false negatives. "
        f"Point at one to read its class and score.</p><form class='controls fates'>{boxes}</form>"
        f"<div class=scenes>{figures}</div>"
    )


# Cells


def _table(
    caption: str, head: list[str], rows: list[str], *, id: str = "", sort: bool = False, kind: str = "", words: int = 1
) -> str:
    """A table whose first `words` columns are words and whose others are numbers. `head` is HTML."""
    cells = ""
    for i, name in enumerate(head):
        side = "" if i < words else " class=n"
        cells += f"<th scope=col{side}>{f'<button type=button>{name}</button>' if sort else name}</th>"
    named = f' id="{id}"' if id else ""
    frame = "scroll tall" if sort and len(rows) > 30 else "scroll"
    kinds = " ".join(filter(None, (kind, "sortable" if sort else "")))
    kinds = f' class="{kinds}"' if kinds else ""
    return (
        f'<div class="{frame}" tabindex=0 role=region aria-label="{caption}"><table{named}{kinds}>'
        f"<caption>{caption}</caption><thead><tr>{cells}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(value: float, shown: str | None = None) -> str:
    """A cell of a number; `data-v` is what it is sorted by."""
    key = "" if math.isnan(value) else f"{value:.6g}"
    return f'<td class=n data-v="{key}">{_number(value) if shown is None else shown}</td>'


def _count(value: int) -> str:
    return f'<td class=n data-v="{value}">{value:,}</td>'


def _bar(value: float, most: float = 1.0) -> str:
    part = 0.0 if math.isnan(value) or most <= 0 else max(0.0, min(1.0, value / most))
    key = "" if math.isnan(value) else f"{value:.6g}"
    return f'<td class="n bar" data-v="{key}" style="--v:{100 * part:.1f}%">{_number(value)}</td>'


def _whisker(row: dict[str, Any]) -> str:
    """The interval as a line from 0 to 1."""
    if math.isnan(row["low"]):
        return ""
    left, width = 100 * row["low"], 100 * (row["high"] - row["low"])
    return (
        f'<span class=whisker aria-hidden=true><i style="left:{left:.1f}%;width:{width:.1f}%"></i>'
        f'<b style="left:{100 * row["value"]:.1f}%"></b></span>'
    )


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:+.3f}"


def _span(row: dict[str, Any], *, signed: bool = False) -> str:
    if math.isnan(row["low"]):
        return "–"
    form = "+.3f" if signed else ".3f"
    return f"[{row['low']:{form}}, {row['high']:{form}}]"


#: What a verdict is sorted by, and its shape.
_SIGNS = {"better": (1.0, "▲"), "worse": (-1.0, "▼"), "no different": (0.0, "")}


def _sign(change: dict[str, Any]) -> float:
    return _SIGNS[verdict(change["low"], change["high"])][0]


def _mark(change: dict[str, Any]) -> str:
    """A sign for a significant difference."""
    word = verdict(change["low"], change["high"])
    shape = _SIGNS[word][1]
    return f"<span class={word}><span aria-hidden=true>{shape}</span> {word}</span>" if shape else ""


def _judged(change: dict[str, Any]) -> str:
    what = _mark(change) or "no significant difference"
    return f"{_signed(change['difference'])} {_span(change, signed=True)}, {what}"


def _called(name: str) -> str:
    """``ap_small`` as "AP small"."""
    first, _, rest = name.partition("_")
    for short, long in _CALLED.items():
        if first.startswith(short):
            first = long + first[len(short) :]
            break
    return text(f"{first} {rest}".strip())
