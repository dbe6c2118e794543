"""The files of a command: opened in one place, evaluated with errors that name the file."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from meanap._keywords import did_you_mean
from meanap.cli.errors import UsageError
from meanap.cli.groups import shows_progress, slices_of
from meanap.errors import InputError

if TYPE_CHECKING:
    from meanap import readers
    from meanap.detection import Result
    from meanap.protocol import Protocol
    from meanap.readers import Role


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """How ground truth and detections are read, as keywords of `meanap.evaluate` and `meanap.check`."""
    from meanap.readers import READERS

    names, format = options.names, options.format or []
    known = dict.fromkeys(reader.name for reader in READERS if not reader.in_memory)
    if len(format) > 2 or not known.keys() >= set(format):
        unknown = next((name for name in format if name not in known), None)
        hint = did_you_mean(unknown, known)
        raise UsageError(f"--format: expected one or two of {', '.join(known)}; found {','.join(format)}{hint}")
    if names is not None and "," in names and not os.path.exists(names):
        names = [name.strip() for name in names.split(",")]
    return {
        "box_format": options.box_format,
        "format": format[0] if len(format) == 1 else format or None,
        "names": names,
        "images": options.images,
    }


def on_error(options: argparse.Namespace) -> Literal["raise", "skip"]:
    """What `--lenient` says, as the argument `on_error` of `meanap.evaluate`."""
    return "skip" if options.lenient else "raise"


def reading(options: argparse.Namespace) -> readers.Options:
    """How the options say that sources are read, as `meanap.readers` takes it."""
    from meanap import readers
    from meanap.readers._whole_body import are_of_whole_body

    return readers.Options(
        options.similarity, on_error=on_error(options), progress=shows_progress(options),
        whole_body=are_of_whole_body(options.sigmas), **settings(options),
    )  # fmt: skip


def opened(
    options: argparse.Namespace, rules: Protocol, role: Role, source: Any, truth: Any = None, *, records: bool = False
) -> Any:
    """Ground truth or detections as `meanap.evaluate` takes them: those of all evaluations are read here.

    `source` is a path, or the content of a file that has been read already. With `records` images are read as records,
    and objects as columns of Python.
    """
    from meanap import readers

    difficulty = rules.reads_difficulty
    asked = dataclasses.replace(reading(options), image_records=records or difficulty, difficulty=difficulty)
    problems = readers.Problems(asked.on_error)
    if role == "ground_truth":
        side: Any = readers.ground_truth(source, asked, problems)
    else:
        side = readers.detections(source, asked, problems, truth)
    problems.tell()
    return side


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
        self._slices = slices_of(options)
        #: What is evaluated, and what detections are read for.
        self.ground_truth: Any = options.ground_truth
        self._read: Any = options.ground_truth
        # An evaluation that leaves out records reads both sides again where it has to.
        self._whole = options.lenient and options.categories is None
        if not self._whole:
            records = options.categories is not None or rules.size != "area" or rules.federated
            with named(options.ground_truth, "ground_truth"), self._in_order():
                self.ground_truth = self._read = self._truth(records)
        if options.categories is not None:
            self._choose(options.categories)
        if rules.zero_id_unmatched:
            _warn_of_ids(self.ground_truth)

    def _truth(self, records: bool) -> Any:
        from meanap.readers._coco_files import TruthFile

        options, path = self.options, self.options.ground_truth
        # Boxes are columns without records of images, but where the protocol reads more of these.
        boxes_alone = options.similarity == "bbox" and self.rules.size == "area" and not self.rules.federated
        if records and boxes_alone and not options.lenient:
            truth = opened(options, self.rules, "ground_truth", path)
            if not isinstance(truth, TruthFile):
                return truth
            if (boxes := truth.boxes()) is not None:
                return boxes
        return opened(options, self.rules, "ground_truth", path, records=records)

    def evaluate(self, path: Path, content: Any = None, errors_at: Sequence[float] = ()) -> Result:
        """The evaluation of a file of detections, or of its `content` if it has been read already.

        `errors_at`: IoU thresholds whose error types are requested later.
        """
        from meanap.detection.evaluation import evaluated, warn_of_no_overlap
        from meanap.detection.regions import IgnoreRegions
        from meanap.detection.scores import Sources

        options = self.options
        found = path if content is None else content
        names = named(options.ground_truth, "ground_truth"), named(path, "detections")
        with self._placed(), names[0], names[1], self._first_of(found):
            if not self._whole:
                found = opened(options, self.rules, "detections", found, self._read, records=self._chosen is not None)
            if self._chosen is not None:
                found = self._of_chosen(found, "detections")
            self._found[path] = found
            asked = reading(options)
            regions = IgnoreRegions(options.ignore_regions)
            result = evaluated(
                self.ground_truth,
                found,
                self.rules,
                asked,
                slices=self._slices,
                regions=regions,
                errors_at=errors_at,
            )
            if content is None:
                warn_of_no_overlap(result, (options.ground_truth, path, asked))
        if not result.scores.detections.any():
            warnings.warn(f"{path}: there are no detections", stacklevel=2)
        result.scores.sources = Sources(options.ground_truth, path, dataclasses.replace(asked, progress=False))
        return result

    def detections(self, path: Path) -> Any:
        """The detections of a file as they were evaluated."""
        return self._found[path]

    def sources(self, path: Path) -> tuple[Any, Any]:
        """The ground truth and the detections of a file that was evaluated, for a report."""
        if self._chosen is None:
            return self.options.ground_truth, path
        return self.ground_truth, self.detections(path)

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
    def _in_order(self) -> Iterator[None]:
        """While the ground truth is read: an error says so if it is the detections."""
        from meanap.detection.inputs import are_swapped

        options = self.options
        others = [getattr(options, name, None) for name in ("detections", "baseline")]
        found = next((path for path in others if path is not None), None)
        with self._first_of(found):
            try:
                yield
            except InputError as error:
                if found is None or not are_swapped(options.ground_truth, found, error, reading(options)):
                    raise
                problem = f"it holds detections, and {found} the ground truth, which comes first: they are swapped"
                raise InputError(problem, str(options.ground_truth), code="swapped-sides") from error

    @contextlib.contextmanager
    def _first_of(self, detections: Any) -> Iterator[None]:
        """While a side is read or evaluated: of several faults the error is the one that `meanap.evaluate` raises."""
        from meanap.detection.evaluation import evaluated

        try:
            yield
        except InputError as error:
            if error.record is None or detections is None or self.options.categories is not None:
                raise
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                asked = dataclasses.replace(reading(self.options), progress=False)
                evaluated(self.options.ground_truth, detections, self.rules, asked)
            raise

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


def names_of(paths: Sequence[Path]) -> list[str]:
    """What files are called: by their names, or with their folders where two have the same."""
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


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


def _warn_of_ids(truth: Any) -> None:
    """Reports ids of annotations that pycocotools takes for more than labels."""
    from meanap.readers import GroundTruth
    from meanap.readers._coco_files import TruthFile

    if not isinstance(truth, (GroundTruth, TruthFile)):
        return
    ids = truth.arrays.get("ids", ()) if isinstance(truth, GroundTruth) else truth.annotation_ids()
    if zeros := sum(id == 0 for id in ids):
        warnings.warn(
            f"ground truth: {zeros} annotations have id 0, which counts as unmatched even where it matches "
            "(as in pycocotools): number annotations from 1",
            stacklevel=2,
        )
    given = [id for id in ids if id is not None]
    if repeated := len(given) - len(set(given)):
        # DIFFERENCE: the reference evaluates the last annotation with an id in the place of each.
        warnings.warn(
            f"ground truth: {repeated} annotations have the id of another: each is evaluated, where pycocotools takes "
            "the last one for all",
            stacklevel=2,
        )
