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


def contiguous_rows(x: Any) -> Any:
    """Return `x`, or a copy of it, with each row contiguous and rows not overlapping."""
    itemsize = x.itemsize
    fits = (
        x.flags.aligned
        and (x.strides[1] == itemsize or x.shape[1] == 1)
        and x.strides[0] >= x.shape[1] * itemsize
        and x.strides[0] % itemsize == 0
    )
    return x if fits or x.flags.c_contiguous else np.ascontiguousarray(x)
