"""Arrays of other libraries."""

import numpy as np


class OnlyDlpack:
    """An array with DLPack as its only interface."""

    def __init__(self, array):
        self._array = np.array(array)

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()
