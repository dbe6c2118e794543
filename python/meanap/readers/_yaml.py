"""The few keys of a YOLO ``data.yaml``, without a YAML library.

Understood are plain and quoted words, lists and mappings in brackets or one entry a line, and comments. Keys that are
not wanted are passed over, whatever they hold.
"""

from __future__ import annotations

import re
from typing import Any

from meanap.errors import InputError

__all__ = ["parse"]

_KEY = re.compile(r"""(?P<key>"[^"]*"|'[^']*'|[^\s#\[\]{},"'][^#\[\]{},]*?)\s*:(?:\s+(?P<rest>.*))?$""")
_TOKEN = re.compile(
    r"""\s*(?:(?P<mark>[\[\]{},])|"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^']|'')*)'|(?P<plain>[^\[\]{},]+))"""
)
#: Of an entry of a mapping, in which a quoted word follows a plain one.
_PART = re.compile(_TOKEN.pattern.replace("(?P<plain>[^\\[\\]{},]+)", "(?P<plain>[^\\[\\]{},\"']+)"))
_BARE = re.compile(r"[&*!|>%@`]")


def parse(text: str, wanted: frozenset[str], source: str) -> dict[str, Any]:
    """The wanted keys of the document: words, lists of words, or mappings of words to words.

    Raises
    ------
    InputError
        The value of a wanted key is not understood; the message names the line.
    """
    lines = [(number, line.rstrip()) for number, line in enumerate(text.splitlines(), 1)]
    found: dict[str, Any] = {}
    at = 0
    while at < len(lines):
        number, line = lines[at]
        at += 1
        match = None if line[:1] in ("", " ", "\t", "#", "-") else _KEY.match(line)
        if match is None or (key := _word(match["key"])) not in wanted:
            continue
        start, inner = at, []
        # An entry of a list may stand as far left as its key.
        while at < len(lines) and (lines[at][1][:1] in ("", " ", "\t", "#") or re.match(r"-\s", lines[at][1])):
            inner.append(lines[at])
            at += 1
        if key in found:
            raise _problem(source, number, key, "is there twice")
        rest = _without_comment(match["rest"] or "")
        if rest[:1] in ("[", "{"):
            # Brackets may be closed on a later line, at any indentation.
            at = start
            while rest.count(rest[0]) > rest.count("]" if rest[0] == "[" else "}") and at < len(lines):
                rest += " " + _without_comment(lines[at][1].strip())
                at += 1
            found[key] = _flow(rest, source, number, key)
        elif rest:
            found[key] = _scalar(rest, source, number, key)
        else:
            found[key] = _block(inner, source, key)
    return found


def _block(lines: list[tuple[int, str]], source: str, key: str) -> Any:
    """A list or a mapping with an entry on each line; None if there is none."""
    entries = [(number, _without_comment(line)) for number, line in lines]
    entries = [(number, line) for number, line in entries if line.strip()]
    if not entries:
        return None
    indents = {len(line) - len(line.lstrip()) for _, line in entries}
    if len(indents) > 1:
        raise _problem(source, entries[0][0], key, "is nested")
    if all(re.match(r"\s*-\s", line) for _, line in entries):
        return [_scalar(line.strip()[1:].strip(), source, number, key) for number, line in entries]
    mapping = {}
    for number, line in entries:
        match = _KEY.match(line.strip())
        if match is None or not match["rest"]:
            raise _problem(source, number, key, f"has the line {line.strip()!r}")
        mapping[_word(match["key"])] = _scalar(match["rest"], source, number, key)
    return mapping


def _flow(text: str, source: str, number: int, key: str) -> Any:
    """A list or a mapping in brackets."""
    opening, closing = text[0], "]" if text[0] == "[" else "}"
    words: list[str] = []
    at, needed = 1, True
    while True:
        match = (_TOKEN if opening == "[" else _PART).match(text, at)
        if match is None or match["mark"] in ("[", "{"):
            raise _problem(source, number, key, "is nested or not closed")
        at = match.end()
        if match["mark"] == closing:
            break
        if match["mark"] is not None:
            if needed or match["mark"] != ",":
                raise _problem(source, number, key, f"has an unexpected {match['mark']!r}")
            needed = True
        elif needed or opening == "{":
            # In a mapping a quoted word is part of an entry.
            part = match[0].strip()
            words = [*words, part] if needed else [*words[:-1], f"{words[-1]} {part}"]
            needed = False
        else:
            raise _problem(source, number, key, f"has an unexpected {match[0].strip()!r}")
    if text[at:].strip():
        raise _problem(source, number, key, f"is followed by {text[at:].strip()!r}")
    if opening == "[":
        return [_scalar(word, source, number, key) for word in words]
    mapping = {}
    for word in words:
        entry = re.match(r"""("[^"]*"|'[^']*'|[^:]+?)\s*:\s*(.+)$""", word)
        if entry is None:
            raise _problem(source, number, key, f"has the entry {word!r}")
        mapping[_word(entry[1])] = _scalar(entry[2], source, number, key)
    return mapping


def _scalar(text: str, source: str, number: int, key: str) -> str:
    if _BARE.match(text) or (text[:1] in "\"'" and (len(text) < 2 or text[-1] != text[0])) or re.match(r"-\s", text):
        raise _problem(source, number, key, f"has the value {text!r}")
    return _word(text)


def _word(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _without_comment(line: str) -> str:
    """The line up to a number sign that begins it or stands behind a space, outside quotation marks."""
    quoted = ""
    for at, letter in enumerate(line):
        if quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "\"'" and (at == 0 or line[at - 1] in " \t[{,:"):
            quoted = letter
        elif letter == "#" and (at == 0 or line[at - 1] in " \t"):
            return line[:at].rstrip()
    return line.rstrip()


def _problem(source: str, number: int, key: str, found: str) -> InputError:
    expected = "a word, a list of words, or a mapping of words to words"
    return InputError(None, source, number, key, found, expected, code="broken-file", unit="line")
