"""One image with its objects and detections, as SVG."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from meanap._printable import printable

__all__ = ["scene"]

#: Letters of a name in a label; the title that is shown over a mark has them all.
_LONGEST = 24


def scene(entry: dict[str, Any], number: int, text: Callable[[Any], str]) -> str:
    """A figure: the image if there is one, boxes to scale, and a line of counts."""
    width, height = entry["width"], entry["height"]
    scale = max(width, height)
    name = entry["name"] or f"image {entry['image']}"
    counts = ("false positives", "false negatives", "true positives")
    counted = ", ".join(f"{entry[name.replace(' ', '_')]:,} {name}" for name in counts)
    picture = ""
    if entry["picture"]:
        picture = (
            f'<image href="{text(entry["picture"])}" width="{width:g}" height="{height:g}" preserveAspectRatio="none"/>'
        )
    labels = _Labels(width, height, scale)
    # The most important get their labels first, and are drawn last, over the others.
    marks = "".join(reversed([_mark(mark, scale, text, labels) for mark in entry["marks"]]))
    left_out = f" {entry['left_out']:,} more are not drawn." if entry["left_out"] else ""
    kind = "" if entry["picture"] else " class=blank"
    return (
        f'<figure class=scene><svg viewBox="0 0 {width:g} {height:g}" role=img aria-labelledby="scene-{number}"'
        f'{kind} style="--s:{scale / 100:.2f}px">{picture}{marks}</svg>'
        f'<figcaption id="scene-{number}"><b>{text(name)}</b> (id {text(entry["image"])}): {counted}.{left_out}'
        "</figcaption></figure>"
    )


class _Labels:
    """Places for the labels of one image: within it, and none over another."""

    #: The width of a letter and the height of a line, as fractions of the font's size.
    _LETTER, _LINE = 0.56, 1.15

    def __init__(self, width: float, height: float, scale: float) -> None:
        self.width, self.height = width, height
        self.size = scale / 40
        self._taken: list[tuple[float, float, float, float]] = []

    def place(self, label: str, box: tuple[float, float, float, float]) -> tuple[float, float] | None:
        """Left end and base line of a label at a box: above it, within, below or beside it; None if all are taken."""
        left, top, width, height = box
        long, line = self._LETTER * self.size * len(label), self._LINE * self.size
        gap = self.size / 4
        x = min(max(left, 0.0), max(self.width - long, 0.0))
        bases = (top - gap, top + line, top + height + line, top + height - gap)
        beside = (left + width + gap, top + line), (left - gap - long, top + line)
        for at, base in (*((x, base) for base in bases), *beside):
            there = (at, base - line + gap, at + long, base + gap)
            inside = at >= 0 and there[1] >= 0 and there[2] <= max(self.width, x + long) and base <= self.height
            if inside and not any(
                there[0] < right and first < there[2] and there[1] < low and high < there[3]
                for first, high, right, low in self._taken
            ):
                self._taken.append(there)
                return at, base
        return None


def _mark(mark: dict[str, Any], scale: float, text: Callable[[Any], str], labels: _Labels) -> str:
    fate = mark["fate"]
    score = f" {mark['score']:.2f}" if "score" in mark else ""
    shapes = ""
    x = y = width = height = 0.0
    if mark["box"]:
        x, y, width, height = mark["box"]
        shapes += f'<rect x="{x:g}" y="{y:g}" width="{max(width, 0):g}" height="{max(height, 0):g}"/>'
    if mark["path"]:
        shapes += f'<path d="{mark["path"]}"/>'
        if not mark["box"]:
            x, y = (float(part) for part in mark["path"][1:].split("L")[0].split("Z")[0].split()[:2])
    if mark["joints"]:
        shapes += "".join(f'<circle cx="{a:g}" cy="{b:g}" r="{scale / 160:.2f}"/>' for a, b in mark["joints"])
    if not shapes:
        return ""
    label = ""
    if fate in ("false_negative", "false_positive"):
        name = printable(str(mark["name"]))
        shown = (name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…") + score
        if place := labels.place(shown, (x, y, width, height)):
            label = f'<text x="{place[0]:.1f}" y="{place[1]:.1f}" font-size="{labels.size:.2f}">{text(shown)}</text>'
    title = f"{mark['name']}{score}: {fate.replace('_', ' ')}"
    return f'<g class="mark {mark["kind"]} {fate}"><title>{text(title)}</title>{shapes}{label}</g>'
