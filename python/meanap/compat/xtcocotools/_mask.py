"""xtcocotools' compiled module, which is pycocotools' by another name."""

from meanap.compat.pycocotools._mask import (
    Masks,
    RLEs,
    area,
    decode,
    encode,
    frBbox,
    frPoly,
    frPyObjects,
    frUncompressedRLE,
    iou,
    merge,
    toBbox,
)

__all__ = [
    "Masks",
    "RLEs",
    "area",
    "decode",
    "encode",
    "frBbox",
    "frPoly",
    "frPyObjects",
    "frUncompressedRLE",
    "iou",
    "merge",
    "toBbox",
]
