"""`Curves` and `PreviewResults`, the plots of faster-coco-eval, with evaluations of meanap.

The plots are those of the installed faster-coco-eval: its modules are imported from their folder, as submodules of this
package. `meanap.plot` draws without it.
"""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

__all__ = ["Curves", "PreviewResults"]

try:
    __path__.append(str(distribution("faster-coco-eval").locate_file("faster_coco_eval/extra")))
except PackageNotFoundError as problem:
    raise ImportError(
        "the plots of faster_coco_eval.extra are those of faster-coco-eval, which is not installed: "
        "pip install faster-coco-eval plotly; meanap.plot draws without it"
    ) from problem

Curves: Any = importlib.import_module(f"{__name__}.curves").Curves
PreviewResults: Any = importlib.import_module(f"{__name__}.display").PreviewResults
