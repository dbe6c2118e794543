"""`LVISVis`, which is not there."""

from __future__ import annotations

__all__ = ["LVISVis"]


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
