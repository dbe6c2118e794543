"""The order of an evaluation's steps, which users of the pycocotools API call one by one."""

from __future__ import annotations

__all__ = ["check_step"]


def check_step(done: object, method: str, what: str, steps: str) -> None:
    """Check that the steps before a method have been done.

    Parameters
    ----------
    done
        Whether they have, or what they leave.
    method, what, steps
        The method, what it needs, and the steps that give it, for the error.

    Raises
    ------
    RuntimeError
        They have not.
    """
    if not done:
        raise RuntimeError(f"{method}() needs the {what} of {steps}: run {'them' if ' and ' in steps else 'it'} first")
