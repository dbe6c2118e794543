"""Mean average precision and related metrics, with a Rust core."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from meanap._core import __version__
from meanap._on_access import on_access

if TYPE_CHECKING:
    from meanap import checking as checking
    from meanap import coco as coco
    from meanap import compat as compat
    from meanap import detection as detection
    from meanap import distributed as distributed
    from meanap import generate as generate
    from meanap import plot as plot
    from meanap import protocol as protocol
    from meanap import ranking as ranking
    from meanap import readers as readers
    from meanap import report as report
    from meanap import segmentation as segmentation
    from meanap.checking import Findings, check
    from meanap.compat._standin import (
        as_faster_coco_eval,
        as_pycocotools,
        init_as_faster_coco_eval,
        init_as_pycocotools,
    )
    from meanap.compat.ml_metrics import apk, mapk
    from meanap.compat.pycocotools import COCO, COCOeval, Params, mask
    from meanap.conversion import convert, describe
    from meanap.detection import (
        Comparison,
        Detections,
        Difference,
        GroundTruth,
        MeanAveragePrecision,
        Result,
        compare,
        evaluate,
        explain_difference,
    )
    from meanap.errors import InputError
    from meanap.table import Table

__all__ = [
    "COCO",
    "COCOeval",
    "Comparison",
    "Detections",
    "Difference",
    "Findings",
    "GroundTruth",
    "InputError",
    "MeanAveragePrecision",
    "Params",
    "Result",
    "Table",
    "__version__",
    "apk",
    "as_faster_coco_eval",
    "as_pycocotools",
    "check",
    "compare",
    "convert",
    "describe",
    "evaluate",
    "explain_difference",
    "init_as_faster_coco_eval",
    "init_as_pycocotools",
    "mapk",
    "mask",
]

# Each public name and its module, which is imported on first access.
_HOMES = {
    "COCO": "meanap.compat.pycocotools",
    "COCOeval": "meanap.compat.pycocotools",
    "Params": "meanap.compat.pycocotools",
    "mask": "meanap.compat.pycocotools",
    "apk": "meanap.compat.ml_metrics",
    "mapk": "meanap.compat.ml_metrics",
    "as_faster_coco_eval": "meanap.compat._standin",
    "as_pycocotools": "meanap.compat._standin",
    "init_as_faster_coco_eval": "meanap.compat._standin",
    "init_as_pycocotools": "meanap.compat._standin",
    "Comparison": "meanap.detection",
    "Detections": "meanap.detection",
    "Difference": "meanap.detection",
    "GroundTruth": "meanap.detection",
    "MeanAveragePrecision": "meanap.detection",
    "Result": "meanap.detection",
    "compare": "meanap.detection",
    "evaluate": "meanap.detection",
    "Table": "meanap.table",
    "Findings": "meanap.checking",
    "InputError": "meanap.errors",
    "check": "meanap.checking",
    "convert": "meanap.conversion",
    "describe": "meanap.conversion",
    "explain_difference": "meanap.detection",
}
# Packages that are imported on first access.
_PACKAGES = (
    "checking",
    "coco",
    "compat",
    "detection",
    "distributed",
    "generate",
    "plot",
    "protocol",
    "ranking",
    "readers",
    "report",
    "segmentation",
)


if not TYPE_CHECKING:  # A type checker that saw it would accept any name.
    _attribute = on_access("meanap", _HOMES)

    def __getattr__(name: str) -> Any:
        if name in _PACKAGES:
            try:
                return importlib.import_module(f"meanap.{name}")
            except ImportError as problem:
                # A package whose requirement is not installed counts as missing, so `hasattr`, `help` and `inspect` do
                # not fail; `import` raises ImportError.
                raise AttributeError(f"module 'meanap' has no attribute {name!r}: {problem}") from problem
        return _attribute(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
