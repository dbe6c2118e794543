"""Measures over pixels: semantic and panoptic segmentation."""

from meanap._core import read_labels, read_segment_ids
from meanap.segmentation.panoptic import PanopticQuality, PanopticResult, pq_compute
from meanap.segmentation.semantic import SemanticResult, SemanticSegmentation

__all__ = [
    "PanopticQuality",
    "PanopticResult",
    "SemanticResult",
    "SemanticSegmentation",
    "pq_compute",
    "read_labels",
    "read_segment_ids",
]
