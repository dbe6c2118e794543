"""One image with its objects and detections, as SVG."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["scene"]


def scene(entry: dict[str, Any], number: int, text: Callable[[Any], str]) -> str:
    """A figure: the image if there is one, boxes to scale, and a line of counts.

    One that is drawn for some classes alone is hidden until one of these is chosen.
    """
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
    # The most important are drawn last, over the others.
    drawn = list(enumerate(entry["marks"][: entry["drawn"]]))
    marks = "".join(_mark(index, mark, scale, text) for index, mark in reversed(drawn))
    beyond = sum(mark["fate"] != "low" for mark in entry["marks"][entry["drawn"] :])
    left_out = f" {beyond:,} more are not drawn." if beyond else ""
    kind = "" if entry["picture"] else " class=blank"
    shown = '"scene of-class" hidden' if "classes" in entry else "scene"
    return (
        f'<figure class={shown}><svg viewBox="0 0 {width:g} {height:g}" role=img aria-labelledby="scene-{number}"'
        f'{kind} style="--s:{scale / 100:.2f}px">{picture}{marks}</svg>'
        f'<figcaption><span id="scene-{number}"><b>{text(name)}</b> (id {text(entry["image"])}): '
        f"<span class=counts>{counted}.</span>{left_out}</span> "
        f"<button type=button class=enlarge>Enlarge<span class=unseen> {text(name)}</span></button>"
        "</figcaption></figure>"
    )


def _mark(index: int, mark: dict[str, Any], scale: float, text: Callable[[Any], str]) -> str:
    fate = mark["fate"]
    score = f" {mark['score']:.2f}" if "score" in mark else ""
    shapes = ""
    if mark["box"]:
        x, y, width, height = mark["box"]
        shapes += f'<rect x="{x:g}" y="{y:g}" width="{max(width, 0):g}" height="{max(height, 0):g}"/>'
    if mark["path"]:
        shapes += f'<path d="{mark["path"]}"/>'
    if mark["joints"]:
        shapes += "".join(f'<circle cx="{a:g}" cy="{b:g}" r="{scale / 160:.2f}"/>' for a, b in mark["joints"])
    if not shapes:
        return ""
    title = f"{mark['name']}{score}: {fate.replace('_', ' ')}"
    return f'<g class="mark {mark["kind"]} {fate}" data-m={index}><title>{text(title)}</title>{shapes}</g>'
