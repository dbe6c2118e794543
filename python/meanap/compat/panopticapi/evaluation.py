"""panopticapi's `pq_compute`, panoptic quality of two COCO panoptic JSON files, and its counts `PQStat`."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap.compat.panopticapi.utils import get_traceback, rgb2id
from meanap.segmentation.panoptic import PanopticQuality, PanopticResult

if TYPE_CHECKING:
    from meanap._types import PathLike

__all__ = ["OFFSET", "VOID", "PQStat", "PQStatCat", "as_panopticapi", "get_traceback", "pq_compute", "rgb2id"]

logger: logging.Logger = logging.getLogger("meanap")

#: A pair of segment ids as one number: that of the ground truth times this, plus that of the prediction.
OFFSET = 256 * 256 * 256
#: The id of pixels without a segment.
VOID = 0


def pq_compute(
    gt_json_file: PathLike,
    pred_json_file: PathLike,
    gt_folder: PathLike | None = None,
    pred_folder: PathLike | None = None,
) -> dict[str, Any]:
    """Panoptic quality of two COCO panoptic JSON files, by panopticapi's name and with its result.

    Prints the table to ``sys.stdout``. Arguments and errors are those of ``PanopticQuality.update_files``.

    Returns
    -------
    dict[str, Any]
        ``{"All": {"pq", "sq", "rq", "n"}, "per_class": {category id: {"pq", "sq", "rq"}}, "Things": …, "Stuff": …}``,
        fractions of one.
    """
    metric = PanopticQuality.of_file(gt_json_file)
    logger.info("evaluating panoptic segmentation: %s, %s", gt_json_file, pred_json_file)
    metric.update_files(pred_json_file, gt_json_file, pred_folder, gt_folder)
    result = metric.compute()
    print(result)
    return as_panopticapi(result)


def as_panopticapi(result: PanopticResult) -> dict[str, Any]:
    """The dictionary that `pq_compute` gives, of a result: a category that neither side has is 0 there."""
    names = ("pq", "sq", "rq")
    per_class = {
        category["id"]: {name: 0.0 if np.isnan(result.pq[k]) else float(getattr(result, name)[k]) for name in names}
        for k, category in enumerate(result.categories)
    }
    return {"All": result.all, "per_class": per_class, "Things": result.things, "Stuff": result.stuff}


class PQStatCat:
    """Counts of a category.

    Attributes
    ----------
    iou
        The sum of the IoU of its matches.
    tp, fp, fn
        True positives, false positives, false negatives.
    """

    def __init__(self) -> None:
        self.iou: float = 0.0
        self.tp: int = 0
        self.fp: int = 0
        self.fn: int = 0

    def __iadd__(self, pq_stat_cat: PQStatCat) -> PQStatCat:
        self.iou += pq_stat_cat.iou
        self.tp += pq_stat_cat.tp
        self.fp += pq_stat_cat.fp
        self.fn += pq_stat_cat.fn
        return self


class PQStat:
    """Counts of all categories: ``stat[category id]`` is a `PQStatCat`, and ``+=`` adds those of other images.

    Examples
    --------
    >>> stat = PQStat()
    >>> stat[7].tp, stat[7].iou, stat[7].fp = 1, 0.75, 1
    >>> stat.pq_average({7: {"isthing": 1}}, isthing=None)
    ({'pq': 0.5, 'sq': 0.75, 'rq': 0.6666666666666666, 'n': 1}, {7: {'pq': 0.5, 'sq': 0.75, 'rq': 0.6666666666666666}})
    """

    def __init__(self) -> None:
        self.pq_per_cat: defaultdict[Any, PQStatCat] = defaultdict(PQStatCat)

    def __getitem__(self, i: Any) -> PQStatCat:
        return self.pq_per_cat[i]

    def __iadd__(self, pq_stat: PQStat) -> PQStat:
        for category, counts in pq_stat.pq_per_cat.items():
            self.pq_per_cat[category] += counts
        return self

    def pq_average(
        self, categories: Mapping[Any, Mapping[str, Any]], isthing: bool | None
    ) -> tuple[dict[str, Any], dict[Any, dict[str, float]]]:
        """Means ``pq``, ``sq``, ``rq`` over the ``n`` categories that either side has, and the numbers of each.

        Parameters
        ----------
        categories
            Category id to a dictionary with ``isthing``, 1 or 0.
        isthing
            Whether only things count, or only stuff; None for both.

        Raises
        ------
        ZeroDivisionError
            No category has counts.
        """
        names = ("pq", "sq", "rq")
        per_class: dict[Any, dict[str, float]] = {}
        sums, n = dict.fromkeys(names, 0.0), 0
        for id, category in categories.items():
            if isthing is not None and isthing != (category["isthing"] == 1):
                continue
            counts = self.pq_per_cat[id]
            weight = counts.tp + 0.5 * counts.fp + 0.5 * counts.fn
            if weight == 0:
                per_class[id] = dict.fromkeys(names, 0.0)
                continue
            n += 1
            values = (counts.iou / weight, counts.iou / counts.tp if counts.tp else 0, counts.tp / weight)
            per_class[id] = dict(zip(names, values, strict=True))
            for name in names:
                sums[name] += per_class[id][name]
        return {**{name: total / n for name, total in sums.items()}, "n": n}, per_class
