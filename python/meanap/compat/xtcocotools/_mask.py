"""xtcocotools' compiled module, which is pycocotools' by another name."""

from meanap.compat.pycocotools._mask import *  # noqa: F403
from meanap.compat.pycocotools._mask import __all__ as __all__
