"""Every mean average precision from one Rust core."""

import importlib

from meanap._core import __version__
from meanap.coco import mask

__all__ = ["__version__", "apk", "mapk", "mask", "ranking"]

# Imported when somebody asks for them: who evaluates detections needs none of it.
_LAZY = {"apk": "meanap.ranking", "mapk": "meanap.ranking", "ranking": None}


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    source = _LAZY[name]
    module = importlib.import_module(source or f"meanap.{name}")
    found = getattr(module, name) if source else module
    globals()[name] = found
    return found


def __dir__():
    return sorted({*globals(), *_LAZY})
