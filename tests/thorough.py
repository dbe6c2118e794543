"""How much the long tests try: all of it before a release, a part of it otherwise."""

import os
from collections.abc import Iterable

#: Set by ``make release-check``.
THOROUGH = os.environ.get("MEANAP_THOROUGH") == "1"


def some(values: Iterable, every: int, first: int = 0) -> list:
    """All values if the tests are to be thorough; otherwise one of so many, and the last one."""
    values = list(values)
    if THOROUGH:
        return values
    last = len(values) - 1
    return [value for index, value in enumerate(values) if index % every == first % every or index == last]
