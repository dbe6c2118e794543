"""XML that holds data only: no document types, no entities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from meanap._files import unpacked
from meanap.errors import InputError

if TYPE_CHECKING:
    from xml.etree import ElementTree

__all__ = ["elements", "parse", "text_of"]

_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def parse(path: str) -> ElementTree.Element:
    """The root element of a file.

    Raises
    ------
    OSError
        The file cannot be read.
    InputError
        It is not XML, or declares entities, which could grow without bound.
    """
    from xml.etree import ElementTree

    with unpacked(path) as file:
        data = file.read()
    if not data.strip():
        raise InputError("the file is empty", path, code="broken-file")
    # In UTF-16 a declaration has other bytes; the parser is given none of these.
    if _DECLARATION.search(data.replace(b"\0", b"")):
        raise InputError("a document type or entities are declared, which are not read", path, code="broken-file")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"not XML: {error}", path, code="broken-file") from None


def elements(path: str) -> Iterator[tuple[ElementTree.Element, int, int]]:
    """The root of a file before it is read, and then the elements in it; their depth, and how many bytes are read.

    What has been given is discarded.

    Raises
    ------
    OSError, InputError
        As for `parse`, which says what is wrong.
    """
    from xml.etree import ElementTree

    events: Any = ElementTree.XMLPullParser(("start", "end"))
    open_elements: list[ElementTree.Element] = []
    seen, done = b"", 0
    try:
        with unpacked(path) as file:
            while data := file.read(_CHUNK):
                # A declaration may lie in two of them.
                seen = seen[-_CHUNK:] + data
                if _DECLARATION.search(seen.replace(b"\0", b"")):
                    raise ValueError("a declaration")
                done += len(data)
                events.feed(data)
                for event, element in events.read_events():
                    if event == "start":
                        if not open_elements:
                            yield element, 0, done
                        open_elements.append(element)
                        continue
                    open_elements.pop()
                    if len(open_elements) == 1:
                        yield element, 1, done
                        open_elements[0].clear()
            events.close()
    except (ElementTree.ParseError, ValueError, LookupError):
        parse(path)
        raise


#: Bytes that are read at a time.
_CHUNK = 1 << 16


def text_of(element: ElementTree.Element, name: str) -> str | None:
    """The text of a child element; None if there is none."""
    child = element.find(name)
    return None if child is None or child.text is None else child.text.strip()
