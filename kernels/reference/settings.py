"""Numbers that an operation may be made with, checked where it is made."""

import math
from numbers import Real
from typing import Any


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
        raise ValueError(f"{name} must be finite, got {value!r}")
    return number


def rate(value: Any, name: str) -> float:
    """Return `value` as a float in [0, 1), or raise as `real`, or ValueError."""
    number = real(value, name)
    if not 0 <= number < 1:
        raise ValueError(f"{name} must be in [0, 1), got {value!r}")
    return number


def share(value: Any, name: str) -> float:
    """Return `value` as a float in [0, 1], or raise as `real`, or ValueError."""
    number = real(value, name)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value!r}")
    return number


def not_negative(value: Any, name: str) -> float:
    """Return `value` as a float from 0 up, or raise as `real`, or ValueError."""
    number = real(value, name)
    if number < 0:
        raise ValueError(f"{name} must not be negative, got {value!r}")
    return number


def positive(value: Any, name: str) -> float:
    """Return `value` as a float above 0, or raise as `real`, or ValueError."""
    number = real(value, name)
    if number <= 0:
        raise ValueError(f"{name} must be positive, got {value!r}")
    return number
