"""Measures over pixels: semantic and panoptic segmentation."""

from meanap._core import read_labels, read_segment_ids
from meanap.segmentation.semantic import SemanticResult, SemanticSegmentation

__all__ = [
    "SemanticResult",
    "SemanticSegmentation",
    "read_labels",
    "read_segment_ids",
]
