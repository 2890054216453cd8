"""Numbers that an argument may be, checked before any work."""

import math
import operator
from typing import Any


def whole_number(value: Any, name: str, least: int) -> int:
    """Return `value` as an int of at least `least`.

    Raises
    ------
    TypeError
        If it is no whole number; booleans are none.
    ValueError
        If it is smaller.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return number


def real_number(value: Any, name: str) -> float:
    """Return `value` as a finite float.

    Raises
    ------
    TypeError
        If it is no real number.
    ValueError
        If it is NaN or infinite.
    """
    if isinstance(value, str | bytes | bool) or str(getattr(value, "dtype", "")) == "bool":
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return number


def positive(value: Any, name: str) -> float:
    """Return `value` as a finite float above 0, or raise as `real_number`, or ValueError."""
    number = real_number(value, name)
    if number <= 0:
        raise ValueError(f"{name} must be positive, got {value!r}")
    return number


def not_negative(value: Any, name: str) -> float:
    """Return `value` as a finite float from 0 up, or raise as `real_number`, or ValueError."""
    number = real_number(value, name)
    if number < 0:
        raise ValueError(f"{name} must not be negative, got {value!r}")
    return number
