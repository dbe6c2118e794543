"""Sets of keypoints: the sigma of each, and which of them a skeleton connects.

Sources: COCO and pycocotools; crowdposetools; Halpe-FullBody's halpecocotools (136) and MMPose (26); COCO-WholeBody, of
whose 133 keypoints those of the head, hands and feet are sets of their own; MMPose for AP-10K. MMPose 1.3 has them all,
and the limbs; the outlines of `face68` are those of iBUG's 68 points.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from meanap.errors import InputError

__all__ = ["KEYPOINT_SETS", "KEYPOINT_SIGMAS", "KeypointSet", "drawn_limbs", "keypoint_set", "sigmas_of"]

Limbs = tuple[tuple[int, int], ...]


class KeypointSet(NamedTuple):
    """Keypoints of a kind of object."""

    #: Sigma of each, as for `Protocol.sigmas`.
    sigmas: tuple[float, ...]
    #: Pairs of keypoints that are connected, counted from 0.
    skeleton: Limbs


def _chains(*chains: Iterable[int]) -> Limbs:
    """The pairs that follow one another."""
    listed = map(list, chains)
    return tuple(pair for chain in listed for pair in zip(chain, chain[1:], strict=False))


def _moved(limbs: Limbs, by: int) -> Limbs:
    return tuple((a + by, b + by) for a, b in limbs)


_HEAD = _chains((5, 3, 1, 0, 2, 4, 6), (1, 2))
_ARMS = _chains((5, 7, 9), (6, 8, 10))
_LEGS = _chains((11, 13, 15), (12, 14, 16))
_COCO = (*_HEAD, *_ARMS, *_LEGS, *_chains((5, 6, 12, 11, 5)))
_SPINE = (*_chains((17, 18, 19), (5, 18, 6), (11, 19, 12)), *_chains((1, 0, 2, 4, 6), (1, 3, 5), (1, 2)))
_HALPE = (*_SPINE, *_ARMS, *_LEGS, *_chains((15, 20), (15, 22), (15, 24), (16, 21), (16, 23), (16, 25)))
_HAND = _chains(*((0, *range(first, first + 4)) for first in range(1, 21, 4)))
_FACE = _chains(
    range(17), range(17, 22), range(22, 27), range(27, 31), range(31, 36), (*range(36, 42), 36), (*range(42, 48), 42),
    (*range(48, 60), 48), (*range(60, 68), 60),
)  # fmt: skip

#: COCO's. They are tenths that are divided, a second rounding, as in pycocotools.
KEYPOINT_SIGMAS: tuple[float, ...] = tuple(
    (
        np.array([0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89])
        / 10.0
    ).tolist()
)
_FOOT_SIGMAS = (0.068, 0.066, 0.066, 0.092, 0.094, 0.094)
_FACE_SIGMAS = (
    0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037, 0.038, 0.043, 0.041,
    0.045, 0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015, 0.009, 0.007, 0.007, 0.007, 0.012,
    0.009, 0.008, 0.016, 0.010, 0.017, 0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034,
    0.008, 0.008, 0.009, 0.008, 0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008,
    0.008, 0.008, 0.010, 0.008,
)  # fmt: skip
_HAND_SIGMAS = (
    0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022, 0.026, 0.017, 0.021, 0.021,
    0.032, 0.020, 0.019, 0.022, 0.031,
)  # fmt: skip
#: As tenths that are divided, as crowdposetools has them.
_CROWDPOSE_SIGMAS = tuple(
    (np.array([0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89, 0.79, 0.79]) / 10.0).tolist()
)
_AP10K_SIGMAS = (
    0.025, 0.025, 0.026, 0.035, 0.035, 0.079, 0.072, 0.062, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089, 0.107, 0.087,
    0.089,
)  # fmt: skip

#: All sets by name. Of those with equally many keypoints the first one is found by their number.
KEYPOINT_SETS: dict[str, KeypointSet] = {
    "coco": KeypointSet(KEYPOINT_SIGMAS, _COCO),
    "crowdpose": KeypointSet(
        _CROWDPOSE_SIGMAS, _chains((10, 8, 6, 0, 2, 4), (11, 9, 7, 1, 3, 5), (6, 7), (0, 1), (12, 13, 1), (13, 0))
    ),
    "halpe26": KeypointSet((*KEYPOINT_SIGMAS, 0.026, 0.026, 0.066, *[0.079] * 6), _HALPE),
    "halpe136": KeypointSet(
        (*KEYPOINT_SIGMAS, *[0.08] * 3, *[0.089] * 6, *[0.015] * 110),
        (
            *_HALPE,
            *_chains(*((9, *range(first, first + 4)) for first in range(95, 115, 4))),
            *_chains(*((10, *range(first, first + 4)) for first in range(116, 136, 4))),
        ),
    ),
    "wholebody": KeypointSet(
        (*KEYPOINT_SIGMAS, *_FOOT_SIGMAS, *_FACE_SIGMAS, *_HAND_SIGMAS, *_HAND_SIGMAS),
        (
            *_COCO,
            *_chains((15, 17), (15, 18), (15, 19), (16, 20), (16, 21), (16, 22)),
            *_moved(_HAND, 91),
            *_moved(_HAND, 112),
        ),
    ),
    "foot": KeypointSet(_FOOT_SIGMAS, ()),
    "face68": KeypointSet(_FACE_SIGMAS, _FACE),
    "hand21": KeypointSet(_HAND_SIGMAS, _HAND),
    "ap10k": KeypointSet(
        _AP10K_SIGMAS,
        _chains((1, 0, 2, 1), (2, 3, 4), (3, 5, 6, 7), (3, 8, 9, 10), (4, 11, 12, 13), (4, 14, 15, 16)),
    ),
}


#: Where the keypoints of `face68` begin in sets whose skeletons have no limbs of it.
_FACES = {"wholebody": 23, "halpe136": 26}


def drawn_limbs(count: int, skeleton: Sequence[Sequence[int]] = (), named: int | None = None) -> list[tuple[int, int]]:
    """The pairs of so many keypoints that a drawing connects, counted from 0.

    Those of `skeleton`, if a file has one; it may be of the first `named` keypoints alone, as files of poses of the
    whole body list the limbs of the body. All others are those of the set of so many keypoints, with the
    outlines of `face68`.
    """
    own = [(a, b) for a, b in skeleton]
    if own and (named is None or named >= count):
        return own
    name, of_set = next(((name, one) for name, one in KEYPOINT_SETS.items() if len(one.sigmas) == count), ("", None))
    if of_set is None:
        return own
    known = (*of_set.skeleton, *(_moved(_FACE, _FACES[name]) if name in _FACES else ()))
    return [*own, *(limb for limb in known if not own or max(limb) >= (named or 0))]


def keypoint_set(which: str | int) -> KeypointSet:
    """The set of that name, or the first of so many keypoints.

    Parameters
    ----------
    which
        A name among `KEYPOINT_SETS`, or a number of keypoints.

    Raises
    ------
    InputError
        There is none.

    Examples
    --------
    >>> from meanap.protocol.keypoints import keypoint_set
    >>> keypoint_set(14) == keypoint_set("crowdpose")
    True
    """
    found = KEYPOINT_SETS.get(which) if isinstance(which, str) else None
    if not isinstance(which, str):
        found = next((one for one in KEYPOINT_SETS.values() if len(one.sigmas) == which), None)
    if found is None:
        known = ", ".join(f"{name!r} ({len(one.sigmas)})" for name, one in KEYPOINT_SETS.items())
        raise InputError(f"sigmas: expected a number for each keypoint, or one of {known}, found {which!r}")
    return found


def sigmas_of(value: Any) -> Any:
    """The sigmas of a set that is given by its name or by its number of keypoints; anything else as it is.

    Raises
    ------
    InputError
        There is no such set.
    """
    if isinstance(value, str) or (isinstance(value, (int, np.integer)) and not isinstance(value, bool)):
        return keypoint_set(value if isinstance(value, str) else int(value)).sigmas
    return value
