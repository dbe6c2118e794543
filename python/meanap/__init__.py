"""Every mean average precision from one Rust core."""

from meanap._core import __version__
from meanap.coco import mask

__all__ = ["__version__", "mask"]
