"""Settings that are numbers or flags: what is none, or out of range, is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from meanap.errors import InputError

__all__ = ["flag", "number", "repetitions", "whole"]

#: The greatest number that the core takes.
_MOST = 2**63 - 1


def whole(value: Any, name: str, least: int = 0, most: int = _MOST) -> int:
    """A whole number.

    Raises
    ------
    ValueError
        It is something else, or not from `least` to `most`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= value <= most:
        bound = f"of at least {least}" if most >= _MOST else f"from {least} to {most}"
        raise InputError(f"{name}: expected a whole number {bound}, found {value!r}")
    return int(value)


#: More resamples do not move a bound of an interval, but would take hours, and memory for each number of each.
_MOST_REPETITIONS = 10_000_000


def repetitions(value: Any, name: str, least: int = 1) -> int:
    """How often something is drawn at random, or how many parts it has.

    Raises
    ------
    ValueError
        It is no whole number, or not from `least` to ten million.
    """
    return whole(value, name, least, _MOST_REPETITIONS)


def number(value: Any, name: str) -> float:
    """A number.

    Raises
    ------
    ValueError
        It is something else, or NaN.
    """
    is_real = isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.complexfloating))
    if not is_real or value != value:
        raise InputError(f"{name}: expected a number, found {value!r}")
    return float(value)


def flag(value: Any, name: str) -> bool:
    """True or False.

    Raises
    ------
    ValueError
        It is something else, such as a text, which Python would take for True.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name}: expected True or False, found {value!r}")
    return bool(value)
