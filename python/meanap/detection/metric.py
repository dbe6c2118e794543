"""`MeanAveragePrecision`: the metric object for training loops, which stores match-table rows."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from meanap import _core
from meanap._arrays import as_number, in_order, kind_of
from meanap._keywords import is_among, suggesting, unexpected
from meanap._progress import Progress
from meanap._settings import flag, number
from meanap._similarity import SIMILARITIES, function_and_name, unknown_similarity
from meanap.detection.errors import BACKGROUND
from meanap.detection.federated import CATEGORY_LISTS
from meanap.detection.image_fields import KnownFields
from meanap.detection.match_log import new_log, scores_between
from meanap.detection.regions import LEAST, IgnoreRegions
from meanap.detection.result import Result
from meanap.detection.scores import MatchScores, Scores
from meanap.detection.slices import wanted_fields
from meanap.errors import InputError
from meanap.metric import Metric
from meanap.protocol import Protocol, SummaryRow
from meanap.protocol._changes import with_changes
from meanap.readers import batch_of, fields_of_records, ids_of, in_words_of_records, sizes_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from meanap._types import (
        AverageName,
        BatchRegionsInput,
        BoxFormat,
        DetectionBatch,
        OwnSimilarity,
        PresetName,
        ProtocolOptions,
        SimilarityName,
        SlicesInput,
        TargetBatch,
    )

__all__ = ["MeanAveragePrecision"]


def _have_scores(batch: Any) -> bool:
    """Whether all dictionaries of a batch have scores."""
    items = list(batch) if isinstance(batch, (list, tuple)) else []
    return bool(items) and all(isinstance(item, dict) and "scores" in item for item in items)


_Method = TypeVar("_Method", bound=Callable[..., Any])


def _alone(method: _Method) -> _Method:
    """A method that reads or changes the logs: threads that share a metric wait for each other."""

    @functools.wraps(method)
    def locked(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            return method(self, *args, **kwargs)

    return locked  # type: ignore[return-value]


class MeanAveragePrecision(Metric):
    """Mean average precision over batches, under torchmetrics' names.

    Each batch is matched when it is added, and only its rows of the match table are stored, about 25 bytes per
    detection: neither boxes nor masks. Results do not depend on how images are divided into batches. With ``image_id``
    in the targets they depend neither on the order of the images nor on their distribution over ranks, and an image
    that occurs twice counts once.

    Parameters
    ----------
    similarity : str, callable or a tuple
        What is compared, as for `meanap.evaluate`; `iou_type` is another name for it. With several, the names of the
        numbers begin with ``bbox_`` and so on. A state does not hold a function: a metric that was restored from one
        returns numbers, and refuses further batches.
    box_format : {"xyxy", "xywh", "cxcywh"}
    protocol : str or Protocol
        A preset of `meanap.protocol`, or one's own. The default is ``"coco"``, as for `meanap.evaluate`: with the same
        protocol both give the same numbers, which are pycocotools' to the last bit. ``"torchmetrics"`` has that
        library's thresholds, COCO's in single precision: an IoU of exactly 0.55 does not reach the second of them.
    iou_thresholds, rec_thresholds, max_detection_thresholds : sequences of numbers, optional
        The protocol's ``thresholds``, ``recall`` and ``max_detections``, under torchmetrics' names.
    class_metrics : bool
        Whether `compute` returns ``map_per_class`` and ``mar_100_per_class``.
    extended_summary : bool
        Whether `compute` returns ``precision``, ``recall`` and ``scores``.
    average : {"macro", "micro"}
        ``"micro"`` ignores classes, as in torchmetrics: a detection may match an object of any class.
    score_range
        Lowest and highest score allowed; None allows any number.
    confusion : float, optional
        An IoU, at which the matches that ``result().confusion()`` needs are stored too.
    errors : float, optional
        An IoU, at which the matches that ``result().errors()`` and ``result().lrp()`` need are stored too.
    slices : str or sequence of str, optional
        Names of fields of the targets, such as ``"weather"``: ``result().slices`` has a slice for each of their values,
        and `compute` returns the summaries of these under names such as ``"weather=rain/map"``. Each target then needs
        an ``image_id``.
    ignore_regions : str, optional
        The name of a field of the targets with a list of polygons for each image: a detection in these that matches
        nothing is no false positive, as for `meanap.evaluate`.
    sync_on_compute : bool
        Whether `compute` and `result` gather the batches of all ranks, if ``torch.distributed`` is initialised with
        more than one rank. Then every rank has to call them. After `sync` they do not gather again.
    **changes
        Other fields of the protocol to replace.

    Raises
    ------
    ValueError
        An argument has a value that cannot be used, or a field of the protocol is given twice.
    TypeError
        There is no such argument.

    Examples
    --------
    >>> import numpy as np
    >>> from meanap import MeanAveragePrecision
    >>> metric = MeanAveragePrecision()
    >>> preds = [{"boxes": np.array([[258.0, 41, 606, 285]]), "scores": np.array([0.536]), "labels": np.array([0])}]
    >>> targets = [{"boxes": np.array([[214.0, 41, 562, 285]]), "labels": np.array([0])}]
    >>> metric.update(preds, targets)
    >>> round(metric.compute()["map"], 4)
    0.6
    """

    def __init__(
        self,
        similarity: SimilarityName | Sequence[SimilarityName] | OwnSimilarity = "bbox",
        box_format: BoxFormat = "xyxy",
        protocol: PresetName | Protocol = "coco",
        *,
        iou_type: SimilarityName | Sequence[SimilarityName] | None = None,
        iou_thresholds: Sequence[float] | None = None,
        rec_thresholds: Sequence[float] | None = None,
        max_detection_thresholds: Sequence[int] | None = None,
        class_metrics: bool = False,
        extended_summary: bool = False,
        average: AverageName = "macro",
        backend: str | None = None,
        score_range: tuple[float, float] | None = (0.0, 1.0),
        confusion: float | None = None,
        errors: float | None = None,
        slices: str | Sequence[str] | None = None,
        ignore_regions: str | None = None,
        sync_on_compute: bool = True,
        **changes: Unpack[ProtocolOptions],
    ) -> None:
        # torchmetrics has a choice between two backends; here there is one.
        if backend not in (None, "pycocotools", "faster_coco_eval"):
            raise InputError(f"backend: expected 'pycocotools' or 'faster_coco_eval', found {backend!r}")
        if iou_type is not None and similarity not in ("bbox", iou_type):
            raise ValueError(f"iou_type: another name for similarity; found {iou_type!r} and {similarity!r}")
        function, similarity = function_and_name(similarity)
        self.function: OwnSimilarity | None = function
        self._function_name: str | None = None if self.function is None else _name_of(self.function)
        self.similarities: tuple[SimilarityName, ...] = _kinds(similarity if iou_type is None else iou_type)
        for name, iou in (("confusion", confusion), ("errors", errors)):
            value = as_number(iou)
            if iou is not None and (value is None or not 0 <= value <= 1):
                raise InputError(f"{name}: expected an IoU from 0 to 1, found {iou!r}")
        if average not in ("macro", "micro"):
            raise ValueError(f"average: expected 'macro' or 'micro', found {average!r}")
        self.box_format = box_format
        self.class_metrics: bool = flag(class_metrics, "class_metrics")
        self.extended_summary: bool = flag(extended_summary, "extended_summary")
        self.average = average
        self.score_range: tuple[float, float] | None = scores_between(score_range)
        self.confusion: float | None = None if confusion is None else float(confusion)
        self.errors: float | None = None if errors is None else float(errors)
        self.slices: list[str] = wanted_fields(slices)
        if not isinstance(ignore_regions, (str, type(None))):
            expected = "the name of a field of the targets; update(ignore_regions=...) takes polygons"
            found = f"found {kind_of(ignore_regions)}"
            raise InputError(source="ignore_regions", found=found, expected=expected)
        self.ignore_regions: str | None = ignore_regions
        self.sync_on_compute: bool = flag(sync_on_compute, "sync_on_compute")
        fields = _fields_of_protocol(
            dict(changes),
            {
                "thresholds": iou_thresholds,
                "recall": rec_thresholds,
                "max_detections": _rising(max_detection_thresholds),
            },
        )
        self.protocols: dict[SimilarityName, Protocol] = {
            kind: with_changes(protocol, kind, fields, self.similarities) for kind in self.similarities
        }
        self._lock = threading.RLock()
        self._logs = self._new_logs()
        self._fields = self._new_fields()

    def _new_fields(self) -> KnownFields:
        # The rows of the summary name the same fields for all similarities.
        return KnownFields(next(iter(self.protocols.values())), self.slices)

    def _new_logs(self) -> dict[tuple[str, bool | str], _core.MatchLog]:
        logs: dict[tuple[str, bool | str], _core.MatchLog] = {}
        for kind, rules in self.protocols.items():
            overall = rules.by_category and self.average == "macro"
            # With average="micro" the numbers of single classes are of a match log of their own.
            by_class = overall or bool(self.class_metrics and rules.by_category)
            for by_category in sorted({overall, by_class}):
                logs[kind, by_category] = self._new_log(rules.replace(by_category=by_category), kind)
            if self.confusion is not None:
                logs[kind, "confusion"] = self._new_log(rules, kind, confusion=self.confusion)
            if self.errors is not None:
                logs[kind, "errors"] = self._new_log(
                    rules.replace(by_category=overall), kind, errors=_recorded_errors(self.errors)
                )
        return logs

    def _new_log(self, rules: Protocol, kind: SimilarityName, **analysis: Any) -> _core.MatchLog:
        return new_log(rules, kind, self.box_format, self.score_range, function=self.function, **analysis)

    # Batches

    @suggesting()
    def update(
        self,
        preds: DetectionBatch,
        target: TargetBatch,
        *,
        ignore_regions: BatchRegionsInput | None = None,
        progress: bool | Callable[[int, int], object] = False,
    ) -> None:
        """Match a batch of images and store the rows.

        Parameters
        ----------
        preds : list of dict
            One for each image: ``boxes`` ``(N, 4)`` (or ``masks`` ``(N, H, W)``, ``keypoints`` ``(N, K, 3)``),
            ``scores`` ``(N,)``, ``labels`` ``(N,)``. Rotated boxes are ``(N, 5)`` or ``(N, 8)``, 3D boxes ``(N, 7)``.
            Arrays of any library. Also arrays ``(N, 6)`` of boxes, scores and labels (of rotated boxes ``(N, 7)``, of
            3D boxes ``(N, 9)``), and with boxes as ``"xyxy"`` `supervision.Detections` or Ultralytics' `Results`.
        target : list of dict
            One for each image, in the same order: ``boxes``, ``labels``, and if there are any ``iscrowd``, ``ignore``,
            ``area``, ``num_keypoints`` ``(N,)``, ``image_id`` (an integer or string), ``image_size`` (height, width).
            Also arrays ``(N, 5)`` of boxes and labels, and the targets of image processors of `transformers`.
        ignore_regions
            Regions in which a detection that matches nothing is no false positive: a list with the polygons of each
            image in order, or a mapping of image id to polygons. By default those of the field that the metric was
            made with, if any.
        progress
            True shows the progress of work that takes more than a second on standard error. A function is called with
            ``(done, total)``, numbers of detections, counted once for each similarity and analysis. Ctrl-C, or an error
            that the function raises, stops the work.

        Raises
        ------
        ValueError
            Something in the batch cannot be used; the message names argument, row and value. No image of the batch is
            added.
        """
        try:
            if progress is not False:
                with Progress(progress, 1, "matching") as steps:
                    self._update(preds, target, ignore_regions, steps)
            else:
                self._update(preds, target, ignore_regions)
        except InputError as error:
            if error.found != "is missing" or not _have_scores(target) or _have_scores(preds):
                raise _of_arguments(error) from None
            raise InputError("preds and target are swapped: preds come first", code="swapped-sides") from error

    @_alone
    def _update(self, preds: Any, target: Any, regions: Any, steps: Progress | None = None) -> None:
        if self._function_name is not None and self.function is None:
            name = self._function_name
            raise InputError(f"similarity: a state does not hold the function {name!r}: make the metric with it")
        self._synced = None
        preds = batch_of(preds, "detections", self.box_format, self.similarities[0])
        target = batch_of(target, "ground_truth", self.box_format, self.similarities[0])
        self._check_labelled(target)
        fields = self._fields_of(target) if self._fields.needed else None
        regions = self.ignore_regions if regions is None else regions
        where: dict[str, Any] = {"names": ("preds", "target")}
        if regions is not None:
            where |= {"regions": IgnoreRegions.of_batch(regions, list(target), "target"), "least": LEAST}
        try:
            self._match(preds, target, steps, where)
        except InputError as error:
            items = preds if (error.source or "").startswith("preds") else target
            items = items if isinstance(items, (list, tuple)) else []
            raise in_words_of_records(error, items, self.similarities[0], self.box_format) from None
        if fields is not None:
            self._fields.add(fields)

    def _fields_of(self, target: Any) -> KnownFields:
        """The fields of a batch."""
        fields = self._new_fields()
        items = [item for item in target if isinstance(item, Mapping)] if isinstance(target, (list, tuple)) else []
        ids = ids_of(items, "ground_truth")
        if ids is not None:
            fields.take(fields_of_records(ids, items), sizes_of(ids, items))
        elif items and self.slices:
            raise InputError(None, "target", 0, "image_id", f"is missing, which slices of {self.slices[0]!r} need")
        return fields

    def _check_labelled(self, target: Any) -> None:
        """Refuses LVIS's ``neg_category_ids`` and ``not_exhaustive_category_ids``, which `meanap.evaluate` uses."""
        if not any(rules.federated for rules in self.protocols.values()) or not isinstance(target, (list, tuple)):
            return
        for row, item in enumerate(target):
            name = next((name for name in CATEGORY_LISTS if isinstance(item, Mapping) and name in item), None)
            if name is not None:
                found = "is there, which metric objects do not use: meanap.evaluate does, federated=False does without"
                raise InputError(None, "target", row, name, found)

    def _match(self, preds: Any, target: Any, steps: Progress | None, where: dict[str, Any]) -> None:
        if len(self._logs) == 1:
            for log in self._logs.values():
                log.update(preds, target, progress=None if steps is None else steps.at, **where)
            return
        parts = {}
        for done, (key, log) in enumerate(self._logs.items()):
            parts[key] = log.empty()
            at = None if steps is None else steps.part(done, len(self._logs))
            parts[key].update(preds, target, progress=at, **where)
        for key, log in self._logs.items():
            log.merge(parts[key])

    def __call__(
        self, preds: DetectionBatch, target: TargetBatch, *, ignore_regions: BatchRegionsInput | None = None
    ) -> dict[str, Any]:
        """Add a batch, and return the numbers of this batch alone, without those of other ranks."""
        batch = self._empty()
        batch.update(preds, target, ignore_regions=ignore_regions)
        self.merge(batch)
        return batch._numbers()

    forward = __call__

    def to(self, *where: object, **how: object) -> MeanAveragePrecision:
        """The metric itself: it has no device. For compatibility with torchmetrics."""
        return self

    cpu = to
    cuda = to

    @_alone
    def _clear(self) -> None:
        self._logs = {key: log.empty() for key, log in self._logs.items()}
        self._fields = self._new_fields()

    def _empty(self) -> MeanAveragePrecision:
        twin = copy.copy(self)
        twin.reset()
        return twin

    @_alone
    def __len__(self) -> int:
        """How many images were added; after `sync`, on all ranks."""
        return next(iter(self._visible()._logs.values())).images

    @property
    @_alone
    def nbytes(self) -> int:
        """How many bytes of memory the stored rows take, with those that `sync` gathered."""
        own = sum(log.nbytes for log in self._logs.values())
        return own + (0 if self._synced is None else self._synced.nbytes)

    # Numbers

    def result(self, similarity: SimilarityName | None = None, *, slices: SlicesInput | None = None) -> Result:
        """The result of all batches so far: curves, tables, intervals.

        With several ranks of ``torch.distributed``, the result of the batches of all ranks, as for `compute`.

        Parameters
        ----------
        similarity
            One of the metric's similarities; by default the first.
        slices
            As for `meanap.evaluate`; by default the values of the fields that the metric was made with. Other fields of
            the targets are not stored. An image's id is its ``image_id`` if all targets have one, else its position.

        Raises
        ------
        ValueError
            There is no such similarity or image, or categories are text on one side and integers on the other.
        """
        kind = self.similarities[0] if similarity is None else similarity
        if kind not in self.similarities:
            raise ValueError(f"similarity: expected one of {', '.join(map(repr, self.similarities))}, found {kind!r}")
        result = Result(self._of_all_ranks()._overall(kind))
        wanted = self.slices if slices is None else slices
        return result.sliced(wanted) if len(self) and (slices is not None or wanted) else result

    def _overall(self, kind: SimilarityName) -> MatchScores:
        return self._scores(kind, self.protocols[kind].by_category and self.average == "macro")

    @_alone
    def _scores(self, kind: SimilarityName, by_category: bool) -> MatchScores:
        rules = self.protocols[kind].replace(by_category=by_category)
        confusions = None if self.confusion is None else self._recorded_confusions(kind)
        errors = None if self.errors is None else self._recorded_error_table(kind, _recorded_errors(self.errors))
        table = self._logs[kind, by_category].table()
        scores = MatchScores(table, rules, kind, image_fields=self._fields.values, confusions=confusions, errors=errors)
        scores.check_category_ids("preds", "target")
        return scores

    def _recorded_confusions(self, kind: str) -> Callable[[Sequence[float]], Iterator[_core.Matches]]:
        matches = self._logs[kind, "confusion"].table()

        def confusions(ious: Sequence[float]) -> Iterator[_core.Matches]:
            for iou in ious:
                if iou != self.confusion:
                    raise ValueError(f"confusion: the metric recorded matches at IoU {self.confusion}, not at {iou}")
                yield matches

        return confusions

    def _recorded_error_table(self, kind: str, recorded: tuple[float, float, str]) -> Callable[..., _core.Matches]:
        matches = self._logs[kind, "errors"].table()

        def errors(iou: float, background: float, area: str, _least: Sequence[float] | None = None) -> _core.Matches:
            if (iou, background, area) != recorded:
                raise ValueError(f"errors: the metric recorded errors at IoU, background and area {recorded}")
            return matches

        return errors

    def compute(self) -> dict[str, Any]:
        """The numbers of all batches so far, under torchmetrics' names.

        If ``torch.distributed`` is initialised with several ranks, all of them have to call it: their batches are
        gathered as by `sync`, unless it was called since the last batch or `sync_on_compute` is False.

        Returns
        -------
        dict
            Floats, and arrays ``(K,)`` for numbers of each class; an undefined number is -1. With `slices` also the
            summary of each slice: ``"weather=rain/map"`` is its ``"map"``.
        """
        return self._of_all_ranks()._numbers()

    def _numbers(self) -> dict[str, Any]:
        numbers = self._numbers_of_all()
        if self.slices and len(self):
            for kind in self.similarities:
                for name, part in Result(self._overall(kind)).sliced(self.slices).slices.results.items():
                    numbers |= {f"{name}/{key}": value for key, value in self._summary(kind, part.scores).items()}
        return numbers

    def _summary(self, kind: SimilarityName, scores: Scores) -> dict[str, float]:
        """The numbers of the summary under torchmetrics' names."""
        prefix = "" if len(self.similarities) == 1 else f"{kind}_"
        rules = scores.protocol
        names = {prefix + _torchmetrics_name(row, rules.max_detections[-1]): row for row in rules.summary}
        return {name: _or_minus_one(scores.number(row)) for name, row in names.items()}

    def _numbers_of_all(self) -> dict[str, Any]:
        numbers: dict[str, Any] = {}
        for kind in self.similarities:
            prefix = "" if len(self.similarities) == 1 else f"{kind}_"
            scores = self._overall(kind)
            largest = scores.protocol.max_detections[-1]
            numbers |= self._summary(kind, scores)
            for threshold in (0.5, 0.75):
                numbers.setdefault(f"{prefix}map_{100 * threshold:.0f}", -1.0)
            if self.extended_summary:
                for name, values in zip(("precision", "recall", "scores"), scores.curves, strict=True):
                    numbers[prefix + name] = values
            per_class = {"map_per_class": SummaryRow("ap"), f"mar_{largest}_per_class": SummaryRow("ar", "recall")}
            numbers.update({prefix + name: -1.0 for name in per_class})
            if self.class_metrics and (kind, True) in self._logs:
                of_classes = self._scores(kind, True)
                for name, row in per_class.items():
                    numbers[prefix + name] = _or_minus_one(of_classes.by_class(row))
        numbers["classes"] = self._classes()
        return numbers

    @_alone
    def _classes(self) -> np.ndarray:
        ids = in_order({id for log in self._logs.values() for id in log.seen})
        return np.array(ids, dtype=None if ids else np.int64)

    # Copies, ranks, bytes

    @_alone
    def _add(self, other: MeanAveragePrecision) -> None:
        # The logs count an image with an `image_id` once.
        for key, log in self._logs.items():
            log.merge(other._logs[key].copy() if other is self else other._logs[key])
        self._fields.add(other._fields)

    def _settings(self) -> dict[str, Any]:
        return {
            "similarities": list(self.similarities),
            "box_format": self.box_format,
            "class_metrics": self.class_metrics,
            "extended_summary": self.extended_summary,
            "average": self.average,
            "confusion": self.confusion,
            "errors": self.errors,
            "slices": self.slices,
            "ignore_regions": self.ignore_regions,
            "function": self._function_name,
            "score_range": None if self.score_range is None else list(self.score_range),
            "protocols": {
                kind: json.loads(json.dumps(dataclasses.asdict(rules))) for kind, rules in self.protocols.items()
            },
        }

    @classmethod
    def _made_with(cls, settings: dict[str, Any], options: dict[str, Any]) -> MeanAveragePrecision:
        metric = cls.__new__(cls)
        metric.similarities = tuple(settings["similarities"])
        for name in ("box_format", "class_metrics", "extended_summary", "average", "confusion", "errors"):
            setattr(metric, name, settings[name])
        metric.slices = settings["slices"]
        metric.ignore_regions = settings["ignore_regions"]
        metric.function, metric._function_name = None, settings["function"]
        scores = settings["score_range"]
        metric.score_range = None if scores is None else tuple(scores)
        metric.protocols = {kind: _protocol(settings["protocols"][kind]) for kind in metric.similarities}
        metric.sync_on_compute = options["sync_on_compute"]
        metric._lock = threading.RLock()
        metric._logs = metric._new_logs()
        metric._fields = metric._new_fields()
        return metric

    @_alone
    def _dump(self) -> list[bytes]:
        return [*(log.to_bytes() for log in self._logs.values()), self._fields.to_bytes()]

    def _load(self, parts: Sequence[bytes]) -> None:
        *logs, fields = parts
        for log, part in zip(self._logs.values(), logs, strict=True):
            log.restore(part)
        self._fields.restore(fields)

    def __getstate__(self) -> dict[str, Any]:
        return {"state": self.state()}

    def __setstate__(self, held: dict[str, Any]) -> None:
        self.__dict__.update(type(self).from_state(held["state"]).__dict__)

    @_alone
    def __copy__(self) -> MeanAveragePrecision:
        twin = self.__class__.__new__(self.__class__)
        twin.__dict__.update(self.__dict__)
        twin._lock = threading.RLock()
        twin._logs = {key: log.copy() for key, log in self._logs.items()}
        twin._fields = self._new_fields()
        twin._fields.add(self._fields)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> MeanAveragePrecision:
        return self.__copy__()

    def __repr__(self) -> str:
        kinds = ", ".join(map(repr, self.similarities))
        protocol = next(iter(self.protocols.values())).name
        return f"MeanAveragePrecision({kinds}, protocol={protocol!r}, {len(self)} images)"


#: What `update` calls the sides that readers know.
_ARGUMENTS = {"detections": "preds", "ground_truth": "target"}


def _of_arguments(error: InputError) -> InputError:
    """An error of a reader about a side, said of the argument of `update`."""
    source = error.source or ""
    side = next((side for side in _ARGUMENTS if source.startswith(side)), None)
    return error if side is None else error.replace(source=_ARGUMENTS[side] + source.removeprefix(side))


def _kinds(similarity: Any) -> tuple[SimilarityName, ...]:
    """The similarities of a metric, from one name or several."""
    kinds = tuple(similarity) if isinstance(similarity, (list, tuple, set, frozenset)) else (similarity,)
    for kind in kinds:
        if not is_among(kind, SIMILARITIES):
            raise unknown_similarity(kind)
    if not kinds:
        raise ValueError(f"similarity: expected some of {', '.join(map(repr, SIMILARITIES))}, found none")
    if len(set(kinds)) < len(kinds):
        raise ValueError(f"similarity: {similarity!r} names one twice")
    return kinds


def _fields_of_protocol(changes: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The fields of the protocol to replace: those given by their names, and by torchmetrics' (None for no change)."""
    for name in changes:
        if name not in Protocol.__dataclass_fields__:
            own = [name for name in inspect.signature(MeanAveragePrecision).parameters if name != "changes"]
            raise unexpected(name, "MeanAveragePrecision", [*own, *Protocol.__dataclass_fields__])
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name in changes:
            raise TypeError(f"{name}: given twice, also under torchmetrics' name")
    return {**changes, **given}


def _name_of(function: Any) -> str:
    """Module and name of a function, for errors."""
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def _recorded_errors(iou: float) -> tuple[float, float, str]:
    """The error types that a metric stores: IoU threshold, threshold of the background, area range."""
    return iou, min(BACKGROUND, iou), "all"


def _protocol(fields: dict[str, Any]) -> Protocol:
    """A protocol from its fields as JSON holds them, with lists for tuples."""

    def tuples(value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    fields = {name: tuples(value) for name, value in fields.items()}
    fields["summary"] = tuple(
        SummaryRow(**{name: tuples(value) for name, value in row.items()}) for row in fields["summary"]
    )
    fields["area_ranges"] = {name: tuple(limits) for name, limits in fields["area_ranges"].items()}
    return Protocol(**fields)


def _torchmetrics_name(row: SummaryRow, largest: int) -> str:
    name = "m" + row.name
    for threshold in ("50", "75"):
        if name in (f"map{threshold}", f"mar{threshold}"):
            return f"{name[:3]}_{threshold}"
    return f"mar_{largest}" if name == "mar" else name


def _or_minus_one(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.where(np.isnan(value), -1.0, value)
    return -1.0 if math.isnan(value) else value


def _rising(limits: Any) -> Any:
    """The limits, sorted: torchmetrics takes them in any order."""
    if isinstance(limits, str):
        raise InputError(f"max_detections: expected numbers, found {limits!r}")
    if not np.iterable(limits):
        return limits
    return sorted(limits, key=lambda limit: number(limit, "max_detections"))
