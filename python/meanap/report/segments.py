"""The report of panoptic segmentation: PQ, split into segmentation and recognition quality, by category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meanap.errors import InputError
from meanap.report.cells import bar, cell, count, difference, moved, moves, number, signed, skipped, table, text
from meanap.report.document import document

if TYPE_CHECKING:
    from meanap.segmentation import PanopticResult

__all__ = ["page"]

_PARTS = {"pq": "PQ", "sq": "SQ", "rq": "RQ"}
_GROUPS = ("all", "things", "stuff")


def page(result: PanopticResult, versus: PanopticResult | None, title: str, names: tuple[str, str]) -> str:
    """The whole file; `names` are those of the baseline and of the result."""
    if versus is not None and _ids(versus) != _ids(result):
        raise InputError(f"versus: it has other categories: {len(_ids(versus))}, expected these {len(_ids(result))}")
    sections = [
        ("summary", "Summary", _summary(result, versus)),
        ("categories", "Categories", _categories(result, versus)),
        ("skipped", "Skipped", skipped(result.skipped)),
    ]
    things = int(result.is_thing.sum())
    facts = [
        ("result", names[1]),
        *([("baseline", names[0])] if versus else []),
        ("images", f"{result.images:,}"),
        ("things", f"{things:,} categories"),
        ("stuff", f"{len(result.categories) - things:,} categories"),
        ("segments", f"{int((result.true_positives + result.false_negatives).sum()):,}"),
    ]
    return document(title, _lead(result, versus, names), facts, sections)


def _ids(result: PanopticResult) -> list[object]:
    return [category["id"] for category in result.categories]


def _lead(result: PanopticResult, versus: PanopticResult | None, names: tuple[str, str]) -> str:
    whole = result.all
    lead = f"<strong>PQ {number(whole['pq'])}</strong>"
    parts = f"SQ {number(whole['sq'])}, RQ {number(whole['rq'])}"
    groups = ", ".join(f"{group} {number(getattr(result, group)['pq'])}" for group in ("things", "stuff"))
    if versus is None:
        return f"<p class=lead>{lead} ({parts}): {groups}.</p>"
    before = versus.all
    lead += f", {text(names[0])} {number(before['pq'])}: {moved(whole['pq'] - before['pq'])}."
    parts = (
        "<li>Segmentation (SQ, the IoU of matched segments) "
        f"{signed(whole['sq'] - before['sq'])}, recognition (RQ, the F1 of segments) "
        f"{signed(whole['rq'] - before['rq'])}.</li>"
    )
    return f"<p class=lead>{lead}</p><ul class=moved>{parts}{moves('PQ of categories', _changes(result, versus))}</ul>"


def _changes(result: PanopticResult, versus: PanopticResult) -> list[tuple[str, float]]:
    names = result.per_category["name"]
    return list(zip(names, (result.pq - versus.pq).tolist(), strict=True))


def _summary(result: PanopticResult, versus: PanopticResult | None) -> str:
    rows = []
    for group in _GROUPS:
        means = getattr(result, group)
        cells = [
            f"<th scope=row>{group}</th>",
            bar(means["pq"]),
            cell(means["sq"]),
            cell(means["rq"]),
            count(means["n"]),
        ]
        if versus is not None:
            before = getattr(versus, group)
            for part in _PARTS:
                cells += [cell(before[part]), difference(means[part] - before[part])]
        rows.append(cells)
    head = ["categories", *_PARTS.values(), "number"]
    if versus is not None:
        head += [name for part in _PARTS.values() for name in (f"baseline {part}", "difference")]
    note = (
        "Means over the categories that either side has. PQ = SQ × RQ for each category, not for the means. Segments "
        "of all images are counted together, so there are no intervals."
    )
    return table("Means", head, rows, note)


def _categories(result: PanopticResult, versus: PanopticResult | None) -> str:
    rows = []
    listed = list(result.per_category)
    changes = None if versus is None else list(zip(versus.pq.tolist(), _changes(result, versus), strict=True))
    # Those with most segments first.
    for k in sorted(range(len(listed)), key=lambda k: -(listed[k]["true_positives"] + listed[k]["false_negatives"])):
        row = listed[k]
        cells = [
            f"<th scope=row>{text(row['name'])}</th>",
            f"<td>{'thing' if result.is_thing[k] else 'stuff'}</td>",
            bar(row["pq"]), cell(row["sq"]), cell(row["rq"]), count(row["true_positives"]),
            count(row["false_positives"]), count(row["false_negatives"]),
        ]  # fmt: skip
        if changes is not None:
            before, (_, change) = changes[k]
            cells += [cell(before), difference(change)]
        rows.append(cells)
    head = ["category", "kind", *_PARTS.values(), "true positives", "false positives", "false negatives"]
    head += ["baseline PQ", "difference"] if versus is not None else []
    return table("Categories; select a heading to sort", head, rows, words=2)
