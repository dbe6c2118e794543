"""The files of a command: opened in one place, evaluated with errors that name the file."""

from __future__ import annotations

import argparse
import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from meanap.cli.errors import UsageError
from meanap.cli.groups import shows_progress
from meanap.errors import InputError

if TYPE_CHECKING:
    from meanap.detection import Result
    from meanap.protocol import Protocol
    from meanap.readers._reader import Truth

Role: TypeAlias = Literal["ground_truth", "detections"]


def opened(
    options: argparse.Namespace,
    path: Path,
    role: Role,
    truth: Truth | None = None,
    *,
    content: Any = None,
    records: bool = False,
) -> Any:
    """A file or folder of a command, as `meanap.evaluate` takes it: all commands read ground truth and detections here.

    `content` is that of a file that has been read already. With `records` images are read as records, and objects as
    columns of Python.
    """
    from meanap import readers

    settings = readers.Options(
        options.similarity or "bbox",
        names=None if role == "detections" else names_of(options.names),
        progress=shows_progress(options),
        image_records=records,
    )
    source = path if content is None else content
    with named(path, role):
        if role == "ground_truth":
            return readers.ground_truth(source, settings)
        return readers.detections(source, settings, None, truth)


def names_of(text: str | None) -> Any:
    """The names of categories that `--names` gives: a path, or names between commas."""
    if text is None or os.path.exists(text) or "," not in text:
        return text
    return [name.strip() for name in text.split(",")]


class Inputs:
    """The ground truth of a command, which is read once, and evaluations of detections against it."""

    def __init__(self, options: argparse.Namespace, rules: Protocol) -> None:
        self.options = options
        self.rules = rules
        #: The categories to evaluate; None for all.
        self._chosen: list[Any] | None = None
        #: The rows of each side among those of its file, where only some are evaluated.
        self._rows: dict[Role, list[int]] = {}
        self._found: dict[Path, Any] = {}
        records = options.categories is not None or rules.size != "area" or rules.federated
        self.ground_truth = opened(options, options.ground_truth, "ground_truth", records=records)
        if options.categories is not None:
            self._choose(options.categories)
        if rules.zero_id_unmatched:
            _warn_of_ids(self.ground_truth)

    def evaluate(self, path: Path, content: Any = None) -> Result:
        """The evaluation of a file of detections, or of its `content` if it has been read already."""
        import meanap

        options = self.options
        chosen = self._chosen is not None
        found = opened(options, path, "detections", self.ground_truth, content=content, records=chosen)
        if chosen:
            self._found[path] = found = self._of_chosen(found, "detections")
        with self._placed(), named(options.ground_truth, "ground_truth"), named(path, "detections"):
            result = meanap.evaluate(
                self.ground_truth, found, options.similarity, self.rules, progress=shows_progress(options)
            )
        if not result.scores.detections.any():
            warnings.warn(f"{path}: there are no detections", stacklevel=2)
        result.scores.sources = options.ground_truth, path
        return result

    def sources(self, path: Path) -> tuple[Any, Any]:
        """The ground truth and the detections of a file that was evaluated, for a report."""
        if self._chosen is None:
            return self.options.ground_truth, path
        return self.ground_truth, self._found[path]

    def _choose(self, words: list[str]) -> None:
        """Restricts the ground truth to categories by name or id."""
        truth = self.ground_truth
        ids = list(dict.fromkeys(truth.category_ids)) if truth.categories is None else truth.categories
        known = {str(id): id for id in ids}
        known |= {truth.names[id]: id for id in ids if id in truth.names}
        for word in words:
            if word not in known:
                raise UsageError(f"--categories: no category {word!r} in {self.options.ground_truth}")
        chosen = {known[word] for word in words}
        self._chosen = [id for id in ids if id in chosen]
        self.ground_truth = self._of_chosen(truth, "ground_truth")
        self.ground_truth.categories = self._chosen

    def _of_chosen(self, side: Any, role: Role) -> Any:
        """The objects of the chosen categories."""
        import numpy as np

        known = set(self._chosen or ())
        ids = side.category_ids.tolist() if isinstance(side.category_ids, np.ndarray) else side.category_ids
        rows = np.flatnonzero(np.fromiter((id in known for id in ids), bool, len(ids)))
        self._rows[role] = rows.tolist()
        return side.take(rows)

    @contextlib.contextmanager
    def _placed(self) -> Iterator[None]:
        """While some of the records are evaluated: an error is of a record of the whole file."""
        try:
            yield
        except InputError as error:
            if error.code == "number-of-keypoints":
                raise error.replace(expected=f"{error.expected} (--sigmas gives others)") from error
            role: Role = "ground_truth" if error.source == str(self.options.ground_truth) else "detections"
            if error.record is None or role not in self._rows:
                raise
            raise error.replace(record=self._rows[role][error.record]) from error


@contextlib.contextmanager
def about(path: Path) -> Iterator[None]:
    """While a file is read: an error that is not said of the file is."""
    try:
        yield
    except InputError as error:
        if error.source is not None and str(path) in error.source.split(": "):
            raise
        raise error.at(path) from error


@contextlib.contextmanager
def named(path: Path, role: Role) -> Iterator[None]:
    """While a file is used: an error of this argument is said of the file."""
    try:
        yield
    except InputError as error:
        source = error.source or ""
        if source != role and not source.startswith(f"{role}: "):
            raise
        within = source.removeprefix(role).removeprefix(": ")
        if within != str(path) and not within.startswith(f"{path}: "):
            within = f"{path}: {within}" if within else str(path)
        raise error.replace(source=within) from error


def _warn_of_ids(truth: Truth) -> None:
    """Reports ids of annotations that pycocotools takes for more than labels."""
    from meanap.readers import GroundTruth

    ids = truth.arrays.get("ids", ()) if isinstance(truth, GroundTruth) else truth.annotation_ids()
    if zeros := sum(id == 0 for id in ids):
        warnings.warn(
            f"ground truth: {zeros} annotations have id 0, which counts as unmatched even where it matches "
            "(as in pycocotools): number annotations from 1",
            stacklevel=2,
        )
