"""Arrays as the kernels read them."""

from typing import Any

import numpy as np


def ready(x: Any, dtype: np.dtype[Any]) -> Any:
    """Return `x`, or a copy of it, as an aligned C-contiguous array of `dtype`.

    `numpy.require` with the usual case, in which nothing is to be done, first: it takes longer than
    a kernel does for a small array.
    """
    if type(x) is np.ndarray and x.dtype == dtype:
        flags = x.flags
        if flags.c_contiguous and flags.aligned:
            return x
    return np.require(x, dtype, ["C", "ALIGNED", "ENSUREARRAY"])
