"""A protocol with changes, as the keywords of `meanap.evaluate` give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap import _similarity
from meanap._keywords import is_among, unexpected
from meanap.errors import InputError
from meanap.protocol import Protocol, get

if TYPE_CHECKING:
    from meanap._types import PresetName, SimilarityName

__all__ = ["with_changes"]

#: Fields that are sequences of numbers, and the type of these.
_SEQUENCES = {"thresholds": float, "recall": float, "max_detections": int, "sigmas": float}


def with_changes(
    name: PresetName | Protocol,
    similarity: SimilarityName,
    changes: Mapping[str, Any],
    among: Sequence[str] | None = None,
) -> Protocol:
    """A protocol with some of its fields replaced.

    Parameters
    ----------
    name
        A preset, or a protocol.
    similarity
        What is compared.
    changes
        Values of fields by their names. Sequences may be of any kind, and a single number stands for a sequence of one.
    among
        Where the same changes are made for several similarities, all of these: a field that one of them uses is
        accepted for each.

    Raises
    ------
    InputError
        There is no such preset, similarity or field, or a value cannot be used.
    """
    if not is_among(similarity, _similarity.SIMILARITIES):
        raise _similarity.unknown_similarity(similarity)
    rules = get(name, similarity)
    known = set(Protocol.__dataclass_fields__)
    for field, value in changes.items():
        if field not in known:
            raise unexpected(field, "protocol", sorted(known))
        only = _similarity.ONLY_OF.get(field)
        # None and False change nothing.
        if only is not None and not (value is None or value is False) and only not in (among or (similarity,)):
            raise InputError(f"{field}: only similarity {only!r} uses it, found similarity {similarity!r}")
        named = field in ("recall", "sigmas") and isinstance(value, str)
        named |= field == "sigmas" and (value is None or isinstance(value, (int, np.integer)))
        if field in _SEQUENCES and not named:
            given = tuple(value) if np.iterable(value) else (value,)
            if any(isinstance(x, (str, bytes, bool, np.bool_)) for x in given):
                raise InputError(f"{field}: expected numbers, found {value!r}")
            try:
                numbers = tuple(_SEQUENCES[field](x) for x in given)
            except (OverflowError, TypeError, ValueError):
                raise InputError(f"{field}: expected numbers, found {value!r}") from None
            # Limits that are not whole are left for the protocol to refuse.
            value = numbers if field != "max_detections" or numbers == given else given
        rules = rules.replace(**{field: value})
    return rules
