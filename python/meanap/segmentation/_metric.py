"""Base classes of the metric objects over pixels: images counted, images left out, settings of label maps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._keywords import suggesting
from meanap._settings import flag
from meanap.errors import InputError
from meanap.metric import Metric
from meanap.segmentation import _inputs

if TYPE_CHECKING:
    from typing_extensions import Self


class PixelMetric(Metric):
    """A metric object over images, of which some may be left out.

    Attributes
    ----------
    strict : bool
        Whether an image that cannot be used is an error.
    """

    strict: bool
    #: How many images this metric's own batches have, without those that were left out.
    _images: int
    #: For each image of this metric's own batches that was left out, a sentence that says which and why.
    _left_out: list[str]

    @property
    def images(self) -> int:
        """Images seen, of all ranks after `sync`."""
        return self._visible()._images

    @property
    def skipped(self) -> list[str]:
        """For each image left out, a sentence that says which and why."""
        return self._visible()._left_out

    def __len__(self) -> int:
        return self.images

    @property
    def _seen(self) -> int:
        """The number of the next image, for errors: images that were left out count too."""
        return self._images + len(self._left_out)

    def _refuse(self, error: Exception, images: int = 1) -> None:
        """Raise `error` with `strict`; without it, list so many images as left out because of it."""
        if self.strict:
            raise error from None
        self._left_out += [sentence(error)] * images

    def _clear(self) -> None:
        self._images = 0
        self._left_out = []

    def _add(self, other: Any) -> None:
        self._images += other._images
        self._left_out += other._left_out

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), "strict": self.strict}

    def _dump_seen(self) -> bytes:
        """The images counted and left out as bytes, the last part of each state."""
        return json.dumps([self._images, self._left_out]).encode()

    def _load_seen(self, part: bytes) -> None:
        """Take what `_dump_seen` gave.

        Raises
        ------
        ValueError
            The bytes do not hold a number of images and a list of texts.
        """
        images, left_out = json.loads(part)
        if not isinstance(images, int) or images < 0 or not all(isinstance(text, str) for text in left_out):
            raise InputError(f"expected a number of images and texts, found {images!r} and {type(left_out).__name__}")
        self._images, self._left_out = images, list(left_out)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={_short(value)}" for name, value in self._settings().items())
        return f"{type(self).__name__}({settings}, {len(self)} images)"


class LabelMetric(PixelMetric):
    """A metric object over label maps.

    Parameters
    ----------
    classes
        The number of classes, or their names.
    ignore_index
        Pixels whose target has this label are left out; None leaves out none.
    reduce_zero_label
        Whether pixels with target label 0 are left out too, and classes are numbered from 1 in the target.
    strict
        Whether an image that cannot be used is an error.
    sync_on_compute
        As for `meanap.metric.Metric`.
    """

    @suggesting()
    def __init__(
        self,
        classes: int | list[str] | tuple[str, ...],
        ignore_index: int | None,
        reduce_zero_label: bool,
        strict: bool,
        sync_on_compute: bool,
    ) -> None:
        self.classes: list[str] = _inputs.class_names(classes)
        self.ignore_index: int | None = None if ignore_index is None else _inputs.index(ignore_index, "ignore_index")
        self.reduce_zero_label: bool = flag(reduce_zero_label, "reduce_zero_label")
        self.strict: bool = flag(strict, "strict")
        self.sync_on_compute: bool = flag(sync_on_compute, "sync_on_compute")
        self.reset()

    def _rules(self) -> tuple[int, int | None, bool, float | None]:
        """The settings as the core takes them; the last is the width of boundaries."""
        return len(self.classes), self.ignore_index, self.reduce_zero_label, None

    def _settings(self) -> dict[str, Any]:
        return {
            "classes": self.classes,
            "ignore_index": self.ignore_index,
            "reduce_zero_label": self.reduce_zero_label,
        }

    @classmethod
    def _made_with(cls, settings: dict[str, Any], options: dict[str, Any]) -> Self:
        return cls(**settings, **options)


def sentence(error: Exception) -> str:
    """What an error says; ``str`` of a KeyError would quote it."""
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


def _short(value: Any) -> str:
    return f"[{len(value)}]" if isinstance(value, list) and len(value) > 4 else repr(value)


def like(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """An array of a state, if it has the shape and the dtype that this metric counts with.

    Raises
    ------
    ValueError
        It has others.
    """
    if found.shape != expected.shape or found.dtype != expected.dtype:
        wanted = f"{expected.dtype} of shape {expected.shape}"
        raise InputError(f"expected {wanted}, found {found.dtype} of shape {found.shape}")
    return found
