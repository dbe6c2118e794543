"""Data sets and detections as files of every format that can be read."""

from __future__ import annotations

from meanap.writers import yolo

__all__ = ["WRITERS"]

#: The modules that write a format, by its name: each has `ground_truth` and `detections`.
WRITERS = {"yolo": yolo}
