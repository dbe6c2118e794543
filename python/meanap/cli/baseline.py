"""What a run is compared with: the numbers of an earlier one, or the result of other detections."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from meanap.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from meanap.cli.inputs import Inputs
    from meanap.detection import Result
    from meanap.protocol import Protocol, SummaryRow
    from meanap.statistics import Interval

#: A number, and / with a category or : with a slice.
_NUMBER = re.compile(r"([^/:]*)(?:([/:])(.*))?", re.DOTALL)

#: A row of the summary, a category or None, and a slice or None.
Row: TypeAlias = "tuple[SummaryRow, Any, str | None]"


class Baseline:
    """Numbers of an earlier run, or the result of other detections."""

    def __init__(self, path: Path, result: Result, files: Inputs) -> None:
        from meanap._files import read_json

        self.path = path
        self.numbers: dict[str, tuple[float, np.ndarray | None]] = {}
        self.other: Result | None = None
        if _is_list(path):
            self.other = files.evaluate(path)
            return
        content = read_json(path)
        if isinstance(content, list) or (isinstance(content, dict) and "annotations" in content):
            self.other = files.evaluate(path, content)
            return
        try:
            self._read(content, result)
        except InputError:
            raise
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise InputError("expected the JSON of `meanap eval --json`, or detections", str(path)) from error

    def _read(self, content: Any, result: Result) -> None:
        """Take the numbers that an earlier run has written.

        Raises
        ------
        ValueError
            The run was of other images, or had other options.
        AttributeError, KeyError, TypeError
            The content was not written by an earlier run.
        """
        import numpy as np

        path = self.path
        kept = content.get("intervals", {})
        known = content.get("params", {})
        if "images" in kept and kept["images"] != digest(result.image_ids):
            raise InputError("it is of other images", str(path))
        if "images" in known and known["images"] != len(result.image_ids):
            raise InputError(f"it is of {known['images']} images, this run of {len(result.image_ids)}", str(path))
        self._same(content.get("similarity"), result.similarity, "--similarity")
        self._same(content.get("protocol"), result.protocol.name, "--protocol")
        self._same(known.get("iou_thresholds"), list(result.protocol.thresholds), "--iou-thresholds")
        self._same(known.get("max_detections"), list(result.protocol.max_detections), "--max-dets")
        self._same(known.get("area_ranges"), ranges_of(result.protocol), "--area-ranges")
        chosen = categories_of(result)
        if "categories" in known and sorted(map(str, known["categories"])) != sorted(map(str, chosen)):
            raise InputError("it was made with another --categories", str(path))
        self._same(known.get("use_categories"), result.protocol.by_category, "--no-cats")
        for name, value in content.get("stats", content).items():
            if value is None or isinstance(value, (int, float)):
                self.numbers[spelt(name)] = (math.nan if value is None else float(value), None)
        for row in content.get("per_class") or ():
            for name in ("AP", "AP50", "AP75", "AR"):
                for category in (row["name"], row["id"]):
                    value = math.nan if row[name] is None else row[name]
                    self.numbers[f"{name.lower()}/{category}"] = (value, None)
        for name, interval in kept.get("numbers", {}).items():
            samples = np.array([math.nan if x is None else x for x in interval["samples"]], dtype=np.float64)
            value = math.nan if interval["value"] is None else interval["value"]
            if samples.ndim != 1 or not isinstance(value, (int, float)):
                raise TypeError(name)
            self.numbers[name] = (value, samples)

    def _same(self, there: Any, here: Any, option: str) -> None:
        if there is not None and there != here:
            raise InputError(f"it was made with another {option}: {there} instead of {here}", str(self.path))

    def resample(self, rows: dict[str, Row], confidence: float, resamples: int) -> None:
        """Take the numbers of other detections, from the same resamples of the images."""
        if self.other is not None:
            for name, interval in intervals_of(self.other, rows, confidence, resamples).items():
                self.numbers[name] = interval.value, interval.samples

    def number(self, name: str, resamples: int) -> tuple[float, Any, bool]:
        """The value of a number, its samples, and whether these are of the same resamples of the images."""
        if name not in self.numbers:
            raise InputError(f"there is no {name} in it", str(self.path))
        value, samples = self.numbers[name]
        # The images that a resample draws depend on its place and on the number of images alone.
        return value, samples, samples is not None and len(samples) == resamples


def _is_list(path: Path) -> bool:
    """Whether a file begins as a JSON list, uncompressed: nothing else of it is read."""
    with open(path, "rb") as file:
        return file.read(64).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")


def parts_of(name: str) -> tuple[str, str, str]:
    """The number, the sign behind it, and the category or slice."""
    number, sign, of = _NUMBER.match(name).groups(default="")  # type: ignore[union-attr]
    return number, sign, of


def spelt(name: str) -> str:
    """A number's name as results have it, however pycocotools' table or a person writes it."""
    name, sign, of = parts_of(name.strip())
    name = name.lower().replace("@", "_")
    sizes = {"s": "small", "m": "medium", "l": "large"}
    if len(name) == 3 and name[:2] in ("ap", "ar") and name[2] in sizes:
        name = f"{name[:2]}_{sizes[name[2]]}"
    return f"{name}{sign}{of}"


def intervals_of(result: Result, rows: dict[str, Row], confidence: float, resamples: int) -> dict[str, Interval]:
    """An `Interval` for each name, those of the summary from one pass over the images."""
    from meanap.statistics import Interval

    found = {}
    for slice in dict.fromkeys(slice for _, _, slice in rows.values()):
        of = result if slice is None else result.slices.results[slice]
        whole = {name: row for name, (row, category, at) in rows.items() if category is None and at == slice}
        table = of.interval(list(whole.values()), confidence, resamples) if whole else ()
        for name, at in zip(whole, table, strict=True):
            samples = table.samples[at["number"]]  # type: ignore[union-attr]
            found[name] = Interval(name, at["value"], at["low"], at["high"], confidence, at["error"], samples)
    for name, (row, category, _) in rows.items():
        if category is not None:
            found[name] = result.interval(row, confidence, resamples, category=category)
    return found


def categories_of(result: Result) -> list[Any]:
    """The evaluated categories, also where they are not separated: then -1 stands for all."""
    from meanap._json import plain

    separate = result.protocol.by_category
    ids: list[Any] = plain([id for id in result.scores.table.category_ids if separate or id != -1])
    return ids


def ranges_of(rules: Protocol) -> dict[str, list[float | None]]:
    """The area ranges; None for a bound that is infinite."""
    from meanap._json import plain

    ranges: dict[str, list[float | None]] = plain(rules.area_ranges)
    return ranges


def digest(ids: Iterable[Any]) -> str:
    """The images, in short: the same for the same ids in the same order."""
    import hashlib
    import json

    return hashlib.sha256(json.dumps([str(id) for id in ids]).encode()).hexdigest()[:16]
