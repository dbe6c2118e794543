"""JSON files in other wrappings: a record on each line, or packed by Zstandard."""

from __future__ import annotations

import importlib
import json
import os
from typing import Any

from meanap.errors import InputError
from meanap.readers._problems import Problem, Problems
from meanap.readers._reader import Options, Reader, Role, Truth, head
from meanap.readers.coco import Coco
from meanap.readers.sides import Detections

__all__ = ["JsonLines", "Zstandard"]

_COCO = Coco()


class JsonLines(Reader):
    """A COCO annotation or result on each line, as streaming jobs and hubs write them."""

    name = "jsonl"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether the first line is a record by itself."""
        start = head(source).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not start.startswith(b"{") or b"\n" not in start:
            return False
        try:
            record = json.loads(start.partition(b"\n")[0])
        except ValueError:
            return False
        return isinstance(record, dict) and "image_id" in record

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> Truth:
        """The annotations; images and categories are those that they name."""
        return _COCO.ground_truth({"annotations": _records(source, "ground_truth", problems)}, options, problems)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Any:
        """The results."""
        return _COCO.detections(_records(source, "detections", problems), options, problems, truth)


def _records(path: Any, place: str, problems: Problems) -> list[Any]:
    """The records of all lines that are not empty."""
    records = []
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for row, line in enumerate(file):
            if not line.strip():
                continue
            try:
                records.append(json.loads(line))
            except ValueError as error:
                text = f"line {row + 1} is no JSON: {error}"
                problems.add(Problem("broken-line", "error", f"{place}: {os.fsdecode(path)}", text=text))
                problems.leave_out(place)
    return records


class Zstandard(Reader):
    """A COCO file packed by Zstandard (``.json.zst``), where Python or a library can unpack it."""

    name = "zstd"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it begins as such files do, and can be unpacked; otherwise the reader of COCO files says so."""
        return head(source)[:4] == b"\x28\xb5\x2f\xfd" and _library() is not None

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> Truth:
        """The data set."""
        return _COCO.ground_truth(_unpacked(source, "ground_truth"), options, problems)

    def detections(self, source: Any, options: Options, problems: Problems, truth: Truth | None) -> Detections | Any:
        """The results."""
        return _COCO.detections(_unpacked(source, "detections"), options, problems, truth)


def _library() -> Any:
    for name in ("compression.zstd", "zstandard", "pyarrow"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _unpacked(path: Any, place: str) -> Any:
    library = _library()
    try:
        if library.__name__ == "pyarrow":
            with library.input_stream(os.fspath(path), compression="zstd") as file:
                data = file.read()
        else:
            with library.open(path, "rb") as file:
                data = file.read()
        return json.loads(data)
    except RecursionError:
        raise InputError("not JSON that Python can read: it is nested too deeply", _at(place, path)) from None
    except Exception as error:
        # Each library has errors of its own for data that are damaged.
        raise InputError(f"not JSON in a valid Zstandard file: {error}", _at(place, path), code="not-json") from None


def _at(place: str, path: Any) -> str:
    return f"{place}: {os.fsdecode(path)}"
