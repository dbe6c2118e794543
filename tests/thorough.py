"""How much the long tests try: all of it before a release, a part of it otherwise."""

import os
from collections.abc import Sequence

#: Set by ``make release-check``.
THOROUGH = os.environ.get("MEANAP_THOROUGH") == "1"


def some(values: Sequence, every: int, first: int = 0) -> Sequence:
    """All values if the tests are to be thorough; otherwise one of so many, and the last one."""
    if THOROUGH:
        return values
    last = len(values) - 1
    return [value for index, value in enumerate(values) if index % every == first % every or index == last]
