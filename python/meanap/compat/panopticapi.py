"""panopticapi's `pq_compute`: panoptic quality of two COCO panoptic JSON files."""

from __future__ import annotations

import logging
import os
from typing import Any

import numpy as np

from meanap.segmentation.panoptic import PanopticQuality, PanopticResult

__all__ = ["as_panopticapi", "pq_compute"]

logger: logging.Logger = logging.getLogger("meanap")

Path_ = str | os.PathLike[str]


def pq_compute(
    gt_json_file: Path_, pred_json_file: Path_, gt_folder: Path_ | None = None, pred_folder: Path_ | None = None
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
