"""Types of numbers on the command line, whose errors name the expected range."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from typing import TypeVar

from meanap.errors import InputError

T = TypeVar("T")

__all__ = [
    "count",
    "finite",
    "fraction",
    "inside",
    "parts",
    "ranges",
    "rising_counts",
    "sigmas",
    "thresholds",
    "whole",
    "words",
]


def _kind(read: Callable[[str], T], good: Callable[[T], bool], expected: str) -> Callable[[str], T]:
    """A type of argument: `read` makes a number of the text, and `good` says whether it is one of these."""

    def parse(text: str) -> T:
        try:
            number = read(text)
        except ValueError:
            number = None
        if number is None or not good(number):
            raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}")
        return number

    return parse


def _list(read: Callable[[str], T]) -> Callable[[str], list[T]]:
    return lambda text: [read(part) for part in text.split(",")]


fraction: Callable[[str], float] = _kind(float, lambda number: 0 <= number <= 1, "a number from 0 to 1")
inside: Callable[[str], float] = _kind(float, lambda number: 0 < number < 1, "a number between 0 and 1")
finite: Callable[[str], float] = _kind(float, math.isfinite, "a number")
count: Callable[[str], int] = _kind(int, lambda number: 1 <= number < 2**31, "a whole number of at least 1")
whole: Callable[[str], int] = _kind(int, lambda number: number >= 0, "a whole number of at least 0")
thresholds: Callable[[str], list[float]] = _kind(
    _list(float), lambda some: all(0 <= x <= 1 for x in some), "numbers from 0 to 1, between commas"
)
rising_counts: Callable[[str], list[int]] = _kind(
    _list(int),
    lambda some: min(some) >= 1 and some == sorted(set(some)),
    "rising whole numbers of at least 1, between commas",
)


def sigmas(text: str) -> tuple[float, ...]:
    """A number above 0 for each keypoint, or those of a set by its name or its number of keypoints."""
    from meanap.protocol.keypoints import KEYPOINT_SETS, sigmas_of

    if text in KEYPOINT_SETS or (text.isdecimal() and int(text) > 1):
        try:
            named: tuple[float, ...] = sigmas_of(int(text) if text.isdecimal() else text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error).removeprefix("sigmas: ")) from error
        return named
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(0 < sigma < math.inf for sigma in found):
        known = ", ".join(KEYPOINT_SETS)
        expected = f"a number above 0 for each keypoint, between commas, or one of {known}"
        raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}")
    return found


def ranges(text: str) -> dict[str, tuple[float, float]]:
    """Area ranges by name."""
    found: dict[str, tuple[float, float]] = {}
    for part in text.split(","):
        try:
            name, low, high = part.split(":")
            bounds = float(low), float(high)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{part!r}: expected NAME:LOW:HIGH, as small:0:1024") from None
        if not bounds[0] <= bounds[1]:
            raise argparse.ArgumentTypeError(f"{part!r}: expected a least and a greatest area")
        if name in found:
            raise argparse.ArgumentTypeError(f"{part!r}: expected each name once")
        found[name] = bounds
    return found


def parts(text: str) -> list[str]:
    r"""What stands between commas; a comma within it is written ``\,``."""
    return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", text)]


def words(text: str) -> list[str]:
    """Words between commas."""
    found = [word.strip() for word in parts(text)]
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r}: expected words, between commas")
    return found
