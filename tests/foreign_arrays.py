"""Arrays of other libraries."""

import numpy as np
import pytest

_HAS_FLAGS = tuple(map(int, np.__version__.split(".")[:2])) >= (1, 25)


class OnlyDlpack:
    """An array with DLPack as its only interface."""

    def __init__(self, array):
        self._array = np.array(array)
        if self._array.dtype == bool and not _HAS_FLAGS:
            pytest.skip("NumPy below 1.25 exports no flags by DLPack")

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()
