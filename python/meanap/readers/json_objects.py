"""JSON files of what programs hold in memory: an item for each image, records by image, or columns."""

from __future__ import annotations

import re
from typing import Any

from meanap._files import read_json
from meanap.errors import InputError
from meanap.readers._problems import Problems
from meanap.readers._reader import LISTS, Holder, Reader, Role, start_of
from meanap.readers.arrays import ImageArrays
from meanap.readers.coco import Coco
from meanap.readers.groups import RECORD_LISTS, Groups
from meanap.readers.lists import Lists
from meanap.readers.oriented import Oriented
from meanap.readers.tables import Tables

__all__ = ["JsonObjects"]

#: The readers of what files hold.
_READERS = (ImageArrays(), Lists(), Oriented(), Tables(), Groups())
_COCO = Coco()
#: Fields of COCO's data sets and results.
_OF_COCO = (b'"annotations"', b'"images"', b'"categories"', b'"category_id"', b'"bbox"')
#: A list of records, or their columns, within a dictionary of an image.
_OF_ITEMS = re.compile(rf'"({"|".join(RECORD_LISTS)})"\s*:\s*[\[{{]'.encode())


class JsonObjects(Holder):
    """A file that holds what another reader takes in memory."""

    name = "json"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it begins with an item of an image, or is by image or by column, and not as COCO's files do."""
        start = start_of(source)
        if start[:1] == b"[":
            if b'"image_id"' in start and _OF_ITEMS.search(start):
                return True
            if LISTS.match(start):
                return True
            items = any(name in start for name in (b'"boxes"', b'"labels"', b'"bboxes"', b'"masks"'))
            return items and not any(name in start for name in _OF_COCO)
        opening = re.match(rb'\{\s*("(?:[^"\\]|\\.)*")\s*:\s*[\[{]', start)
        return opening is not None and not any(name in start for name in _OF_COCO[:3])

    def held(self, source: Any, role: Role, problems: Problems) -> tuple[Reader, Any]:
        """The content of the file."""
        value = _content(source)
        for reader in _READERS:
            if reader.sniff(value, role):
                return reader, value
        if isinstance(value, list) and role == "detections":
            return _COCO, value
        there = f"an object with {', '.join(map(repr, list(value)[:8]))}" if isinstance(value, dict) else "an array"
        expected = "a COCO data set" if role == "ground_truth" else "COCO results"
        expected += ", an item for each image, records by image, or columns"
        place = f"{role}: {source}"
        raise InputError(None, place, found=there, expected=expected, code="wrong-kind-of-file")


def _content(path: Any) -> Any:
    """The content of a file, by numbers where all keys are such: JSON's keys are texts."""
    value = read_json(path)
    if isinstance(value, dict) and value and all(key.isdecimal() and str(int(key)) == key for key in value):
        return {int(key): item for key, item in value.items()}
    return value
