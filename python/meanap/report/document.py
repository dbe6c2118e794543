"""A report as one HTML file: head, sections, style and script, without network access.

Every string of the data goes through `cells.text`; the data for the script is JSON in which no tag can begin; and the
content security policy of the file allows only the script with its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import meanap
from meanap.report.cells import text

__all__ = ["document"]

_HERE = Path(__file__).parent
#: The end of every script: from here on the page can be used.
_READY = 'document.documentElement.dataset.ready = "true";\n'


def document(
    title: str,
    lead: str,
    facts: Iterable[tuple[str, Any]],
    sections: Iterable[tuple[str, str, str]],
    *,
    controls: str = "",
    data: Mapping[str, Any] | None = None,
) -> str:
    """The whole file.

    Parameters
    ----------
    title
        The heading.
    lead
        The verdict below it, as HTML.
    facts
        Names and values of what the report is of.
    sections
        The id, the heading and the HTML of each section; those without content are left out.
    controls
        What stands below the links to the sections, as HTML.
    data
        What ``page.js`` draws; without it tables alone have a script.
    """
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    scripts = ["tables.js"] if data is None else ["tables.js", "page.js"]
    script = "".join((_HERE / name).read_text(encoding="utf-8") for name in scripts) + _READY
    there = [(id, name, body) for id, name, body in sections if body]
    nav = "".join(f'<a href="#{id}">{text(name)}</a>' for id, name, _ in there)
    main = "".join(f'<section id="{id}"><h2>{text(name)}</h2>{body}</section>' for id, name, body in there)
    listed = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in facts)
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{_hash(script)}'"
    embedded = "" if data is None else f'<script type="application/json" id="data">{_json(data)}</script>'
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{text(title)}: evaluation</title><style>{style}</style></head>\n<body>"
        f'<a class="skip" href="#{there[0][0]}">Skip to the numbers</a>'
        f"<header><h1>{text(title)}</h1>{lead}<dl class=facts>{listed}</dl></header>"
        f'<div class=top><nav aria-label="Sections">{nav}</nav>{controls}</div>\n<main>{main}</main>\n'
        f"<footer>Made with meanap {text(meanap.__version__)}. This file is self-contained.</footer>"
        f"{embedded}<script>{script}</script></body></html>\n"
    )


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _json(data: Mapping[str, Any]) -> str:
    """JSON that cannot close its script element."""
    written = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
