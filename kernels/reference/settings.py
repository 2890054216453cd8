"""Numbers that an operation may be made with, checked where it is made."""

import math
from numbers import Real
from typing import Any

LEAST_NORMAL, LARGEST = 2.0**-126, (2.0 - 2.0**-23) * 2.0**127
"""The least and the largest of the positive normal numbers of float32."""


def real(value: Any, name: str) -> float:
    """Return `value` as a float.

    Raises
    ------
    TypeError
        If it is no real number; booleans are none.
    ValueError
        If it is NaN or infinite.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond the floats
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value}")
    return number


def rate(value: Any, name: str) -> float:
    """Return `value` as a float in [0, 1), or raise as `real`, or ValueError."""
    number = real(value, name)
    if not 0 <= number < 1:
        raise ValueError(f"{name} must be in [0, 1), got {value}")
    return number


def share(value: Any, name: str) -> float:
    """Return `value` as a float in [0, 1], or raise as `real`, or ValueError."""
    number = real(value, name)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value}")
    return number


def not_negative(value: Any, name: str) -> float:
    """Return `value` as a float from 0 up, or raise as `real`, or ValueError."""
    number = real(value, name)
    if number < 0:
        raise ValueError(f"{name} must not be negative, got {value}")
    return number


def positive(value: Any, name: str) -> float:
    """Return `value` as a float above 0, or raise as `real`, or ValueError."""
    number = real(value, name)
    if number <= 0:
        raise ValueError(f"{name} must be positive, got {value}")
    return number


def epsilon(value: Any, name: str) -> float:
    """Return `value` as a float that keeps a denominator from zero, or raise as `real`.

    Raises
    ------
    ValueError
        If it is not positive, or so small or large that it is no normal number in float32: zero to
        some processors, or infinite.
    """
    number = positive(value, name)
    if not LEAST_NORMAL <= number <= LARGEST:
        raise ValueError(f"{name} must be a normal number in float32 too, got {value}")
    return number
