"""Safe printing of text of unknown origin: names of categories and files, ids of queries."""

from __future__ import annotations

import unicodedata

__all__ = ["printable", "on_one_line"]


def printable(text: str, keep: str = "") -> str:
    r"""The text with what steers a terminal, or hides and turns text, as escapes; characters of `keep` stay.

    Control characters (C0, DEL, C1), characters that set a direction, separators of lines, and lone surrogates.

    >>> printable("\x1b[31mcat\u202e")
    '\\x1b[31mcat\\u202e'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter in keep or not _steers(letter) else _escape(letter) for letter in text)


def on_one_line(text: object) -> str:
    """The text on one line, with single spaces for white space."""
    return printable(" ".join(str(text).split()))


#: Directional characters are in the category of format characters, as joiners are, which emoji and many scripts need.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def _steers(letter: str) -> bool:
    return letter in _DIRECTIONS or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")


def _escape(letter: str) -> str:
    return letter.encode("ascii", "backslashreplace").decode("ascii") if ord(letter) > 127 else f"\\x{ord(letter):02x}"
