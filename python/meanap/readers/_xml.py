"""XML that holds data only: no document types, no entities."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from meanap.errors import InputError

if TYPE_CHECKING:
    from xml.etree import ElementTree

__all__ = ["parse", "text_of"]

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

    with open(path, "rb") as file:
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


def text_of(element: ElementTree.Element, name: str) -> str | None:
    """The text of a child element; None if there is none."""
    child = element.find(name)
    return None if child is None or child.text is None else child.text.strip()
