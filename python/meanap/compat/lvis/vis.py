"""`LVISVis`, which is not there."""

from __future__ import annotations

from meanap.compat.lvis.lvis import LVIS
from meanap.compat.lvis.results import LVISResults

__all__ = ["LVIS", "LVISResults", "LVISVis"]


class LVISVis:
    """Cannot be created: meanap does not draw with the API of lvis; ``meanap report`` shows images with their objects.

    Raises
    ------
    NotImplementedError
        Always.
    """

    def __init__(self, *args: object, **options: object) -> None:
        raise NotImplementedError(
            "LVISVis: meanap does not draw with the API of lvis; `meanap report ground_truth.json results.json` shows "
            "images with their objects"
        )
