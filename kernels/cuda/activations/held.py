"""Numbers held within bounds; NaN passes."""

from __future__ import annotations


def above(z: float, low: float) -> float:
    """Return the larger of `z` and `low`, or NaN for NaN."""
    return low if z < low else z


def below(z: float, high: float) -> float:
    """Return the smaller of `z` and `high`, or NaN for NaN."""
    return high if z > high else z


def held(z: float, bound: float) -> float:
    """Return `z` held within ±`bound`, or NaN for NaN."""
    return below(above(z, -bound), bound)
