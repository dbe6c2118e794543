"""A report within a notebook."""

from __future__ import annotations

import html

__all__ = ["Inline"]


class Inline:
    """A report that a notebook shows within its page: what ``show`` of a result returns.

    A notebook shows the last value of a cell; elsewhere in a cell pass it to ``display``. The report runs in a frame of
    its own, which cannot reach the notebook.

    Attributes
    ----------
    html : str
        The file that ``report`` writes.
    height : int
        Height of the frame in pixels.
    """

    def __init__(self, html: str, height: int) -> None:
        self.html: str = html
        self.height: int = height

    def __repr__(self) -> str:
        return f"Inline(a report of {len(self.html):,} characters, which notebooks show)"

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="Report" sandbox="allow-scripts" srcdoc="{html.escape(self.html, quote=True)}" '
            f'style="width:100%;height:{self.height:d}px;border:0"></iframe>'
        )
