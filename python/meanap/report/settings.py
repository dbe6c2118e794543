"""The settings of a report, and what it is of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from meanap.errors import InputError

if TYPE_CHECKING:
    from meanap._types import PathLike
    from meanap.readers import Options

__all__ = ["ReportInputs", "Settings", "check_target"]


@dataclass(frozen=True)
class Settings:
    """How a report is made: the options of `meanap.report.write`, which describes them.

    Raises
    ------
    ValueError
        `worst` is negative.
    NotADirectoryError
        There is no such folder of images.
    ImportError
        There is no Pillow to read images with.
    """

    images: PathLike | None = None
    title: str | None = None
    score: float | None = None
    worst: int = 24
    confidence: float = 0.95
    resamples: int = 100
    check: bool = True

    def __post_init__(self) -> None:
        if self.worst < 0:
            raise InputError(f"worst: expected at least 0, found {self.worst}")
        if self.images is not None:
            from meanap.report.scenes import pillow

            pillow()
            if not Path(self.images).is_dir():
                raise NotADirectoryError(20, "there is no such folder of images", str(self.images))


class ReportInputs(NamedTuple):
    """What is checked and drawn, and how it is read; None where it is not at hand."""

    ground_truth: Any
    detections: Any
    versus: Any
    reading: Options

    @property
    def are_there(self) -> bool:
        """Whether the result's own inputs are at hand."""
        return self.ground_truth is not None and self.detections is not None


def check_target(path: PathLike) -> None:
    """Checks the folder to write to, before anything is read.

    Raises
    ------
    FileNotFoundError
        It is not there.
    """
    folder = Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(2, "there is no such folder to write to", str(folder))
