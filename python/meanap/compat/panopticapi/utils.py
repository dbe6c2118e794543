"""panopticapi's conversions between segment ids and the colours of PNG files."""

from __future__ import annotations

import functools
import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from meanap._files import write_text

__all__ = ["IdGenerator", "get_traceback", "id2rgb", "rgb2id", "save_json"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
# How far a colour of an instance is from that of its category, in each channel.
_REACH = 30


class IdGenerator:
    """New segment ids of categories, with colours near those of the categories.

    Parameters
    ----------
    categories
        Category id to a dictionary with ``isthing`` (1 or 0) and ``color`` (red, green, blue).

    Examples
    --------
    >>> generator = IdGenerator({7: {"isthing": 0, "color": [255, 0, 1]}})
    >>> generator.get_id_and_color(7)
    (65791, [255, 0, 1])
    """

    def __init__(self, categories: Mapping[Any, Mapping[str, Any]]) -> None:
        self.categories = categories
        self.taken_colors: set[Any] = {0}
        for category in categories.values():
            if category["isthing"] == 0:
                self.taken_colors.add(tuple(category["color"]))

    def get_color(self, cat_id: Any) -> Any:
        """The colour of stuff; of things the category's own colour at first, then random ones near it, each once."""
        category = self.categories[cat_id]
        if category["isthing"] == 0:
            return category["color"]
        base = category["color"]
        color: Any = tuple(base)
        while color in self.taken_colors:
            moved = base + np.random.randint(low=-_REACH, high=_REACH + 1, size=3)
            color = tuple(np.maximum(0, np.minimum(255, moved)))
        self.taken_colors.add(color)
        return color

    def get_id(self, cat_id: Any) -> int:
        """The id of a colour as `get_color` gives it."""
        return int(rgb2id(self.get_color(cat_id)))

    def get_id_and_color(self, cat_id: Any) -> tuple[int, Any]:
        """Both of them."""
        color = self.get_color(cat_id)
        return int(rgb2id(color)), color


def rgb2id(color: np.ndarray | Sequence[int]) -> Any:
    """The segment id of a colour, or the ids ``(H, W)`` of pixels ``(H, W, 3)``: red + 256 green + 65536 blue.

    Examples
    --------
    >>> rgb2id([1, 1, 0])
    257
    """
    if isinstance(color, np.ndarray) and color.ndim == 3:
        if color.dtype == np.uint8:
            color = color.astype(np.int32)
        return color[:, :, 0] + 256 * color[:, :, 1] + 256 * 256 * color[:, :, 2]
    return int(color[0] + 256 * color[1] + 256 * 256 * color[2])


def id2rgb(id_map: np.ndarray | int) -> Any:
    """The colour of a segment id, or pixels ``(..., 3) uint8`` of an array of ids.

    Examples
    --------
    >>> id2rgb(257)
    [1, 1, 0]
    """
    channels = [id_map // 256**i % 256 for i in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8) if isinstance(id_map, np.ndarray) else channels


def save_json(d: object, file: str) -> None:
    """Writes a file with the JSON text of `d`."""
    write_text(file, json.dumps(d))


def get_traceback(f: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Makes a function print the traceback of its exceptions, for processes that do not show them."""

    @functools.wraps(f)
    def printing(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        try:
            return f(*args, **kwargs)
        except Exception:
            print("Caught exception in worker thread:")
            traceback.print_exc()
            raise

    return printing
