"""What an array of activations looks like in a few numbers."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Statistics:
    """The range, mean, spread and special values of an array.

    `min`, `max`, `mean` and `std` are those of the finite elements, computed in float64, and None
    where there are none; so none of them is ever NaN or infinite.

    Attributes
    ----------
    min, max : float or None
        The range.
    mean : float or None
        The arithmetic mean.
    std : float or None
        The standard deviation √(Σ (x - mean)² / n).
    sparsity : float or None
        The share of exact zeros (of either sign) among all elements; None where there are no
        elements.
    nan, inf : int
        How many elements are NaN, and how many are infinite.
    """

    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    sparsity: float | None
    nan: int
    inf: int

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the numbers by name."""
        return asdict(self)


def statistics(array: np.ndarray[Any, Any]) -> Statistics:
    """Return the statistics of `array`, a NumPy array of floating-point numbers in any shape."""
    finite = array[np.isfinite(array)].astype(np.float64)
    nan = int(np.count_nonzero(np.isnan(array)))
    inf = array.size - finite.size - nan
    zeros = array.size - int(np.count_nonzero(array))
    sparsity = zeros / array.size if array.size else None
    if not finite.size:
        return Statistics(None, None, None, None, sparsity, nan, inf)
    low, high = float(finite.min()), float(finite.max())
    # A power of two takes the largest magnitude to [1/2, 1), so that no sum or square overflows.
    # What that shifts below the smallest float is too small beside the largest to be seen.
    exponent = int(np.frexp(max(-low, high))[1])
    scaled = np.ldexp(finite, -exponent)
    bottom, top = float(np.ldexp(low, -exponent)), float(np.ldexp(high, -exponent))
    # Rounding must not carry the mean out of the range, nor the deviation past half its width.
    mean = min(max(float(scaled.mean()), bottom), top)
    std = min(float(np.sqrt(np.mean((scaled - mean) ** 2))), (top - bottom) / 2)
    return Statistics(
        low,
        high,
        float(np.ldexp(mean, exponent)),
        float(np.ldexp(std, exponent)),
        sparsity,
        nan,
        inf,
    )
