"""Parquet: a row for each object, with the column names that are read again. It needs pyarrow or Polars."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from meanap import _arrow
from meanap._arrays import as_numpy
from meanap._files import replacing
from meanap.errors import MissingPackageError
from meanap.readers.sides import Detections, GroundTruth
from meanap.writers._columns import areas_of, boxes_of

__all__ = ["detections", "ground_truth"]

_BOXES = {
    "xyxy": ("x1", "y1", "x2", "y2"),
    "xywh": ("x", "y", "width", "height"),
    "cxcywh": ("cx", "cy", "width", "height"),
}
_COLUMNS = {"scores": "score", "iscrowd": "iscrowd", "ignore": "ignore"}


def ground_truth(path: Path, truth: GroundTruth, images: bool = False) -> Path:
    """Write the objects; images without objects and names of categories are not in a table."""
    del images
    return _write(path, truth)


def detections(path: Path, found: Detections, truth: GroundTruth) -> Path:
    """Write the detections."""
    del truth
    return _write(path, found)


def _write(path: Path, side: GroundTruth | Detections) -> Path:
    columns: dict[str, Any] = {"image_id": side.image_ids, "category_id": side.category_ids}
    boxes = as_numpy(side.arrays["boxes"]).reshape(-1, 4) if "boxes" in side.arrays else boxes_of(side)
    for at, name in enumerate(_BOXES[side.box_format]):
        columns[name] = boxes[:, at].astype("float64")
    for name, written in _COLUMNS.items():
        if name in side.arrays:
            columns[written] = as_numpy(side.arrays[name])
    if (areas := areas_of(side)) is not None:
        columns["area"] = areas
    table = _arrow.export(columns)
    for library in ("pyarrow", "polars"):
        try:
            module = importlib.import_module(library)
        except ImportError:
            continue
        with replacing(path) as file:
            if library == "polars":
                module.DataFrame(table).write_parquet(file.buffer)
            else:
                importlib.import_module("pyarrow.parquet").write_table(module.table(table), file.buffer)
        return path
    raise MissingPackageError("Parquet files are written by pyarrow or polars: pip install pyarrow")
