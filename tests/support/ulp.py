"""Errors in units in the last place."""

import numpy as np


def ulps(result, exact):
    """Return |result - exact| in units of the last place of `exact` in the dtype of `result`.

    `exact` has more digits than `result`.  The unit is that of the smallest subnormal number below
    the normal range.  Two NaN, and two values that round to the same, are 0 apart where no finite
    difference tells more; a NaN or an infinity against anything else is infinitely far.
    """
    info = np.finfo(result.dtype)
    _, exponent = np.frexp(exact)
    unit = np.ldexp(exact.dtype.type(1), np.maximum(exponent - 1, info.minexp) - info.nmant)
    with np.errstate(all="ignore"):
        rounded = exact.astype(result.dtype)
        error = np.abs(result.astype(exact.dtype) - exact) / unit
    same = (result == rounded) | (np.isnan(result) & np.isnan(exact))
    return np.where(np.isfinite(error), error, np.where(same, 0.0, np.inf)).astype(np.float64)
