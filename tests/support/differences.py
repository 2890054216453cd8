"""Central differences: the gradient of a function by its definition."""

from collections.abc import Callable

import numpy as np


def central_differences(f: Callable[[], float], x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Return df/dx by changing one element of the float64 array `x` at a time, in place."""
    gradient = np.empty_like(x)
    for index in np.ndindex(*x.shape):
        kept = x[index]
        h = step * max(1.0, abs(kept))
        x[index] = kept + h
        above = f()
        x[index] = kept - h
        below = f()
        x[index] = kept
        gradient[index] = (above - below) / (2 * h)
    return gradient


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference, relative to the largest magnitude of either array."""
    if np.size(found) == 0:
        return 0.0
    scale = max(np.abs(found).max(), np.abs(expected).max(), 1e-8)
    return float(np.abs(found - expected).max() / scale)
