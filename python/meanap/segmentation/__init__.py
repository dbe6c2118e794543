"""Measures over pixels: semantic and panoptic segmentation."""

from meanap._core import read_labels, read_segment_ids
from meanap.segmentation.panoptic import PanopticQuality, PanopticResult
from meanap.segmentation.pixel_scores import PixelAveragePrecision, PixelPrecisionResult
from meanap.segmentation.regions import RegionAveragePrecision, RegionResult
from meanap.segmentation.semantic import SemanticResult, SemanticSegmentation

__all__ = [
    "PanopticQuality",
    "PanopticResult",
    "PixelAveragePrecision",
    "PixelPrecisionResult",
    "RegionAveragePrecision",
    "RegionResult",
    "SemanticResult",
    "SemanticSegmentation",
    "read_labels",
    "read_segment_ids",
]
