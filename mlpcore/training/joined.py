"""The arrays of several batches as one."""

from collections.abc import Sequence
from typing import Any


def joined(xp: Any, parts: Sequence[Any], name: str) -> Any:
    """Return arrays of rows one below the other.

    Parameters
    ----------
    xp : namespace
        The namespace of the arrays.
    parts : sequence of array, shape (rows, ...)
        At least one.
    name : str
        What to call them in an error.

    Raises
    ------
    ValueError
        If their rows are of different shapes.
    """
    if len(parts) == 1:
        return parts[0]
    shapes = [part.shape for part in parts]
    other = next((shape for shape in shapes if shape[1:] != shapes[0][1:]), None)
    if other is not None:
        raise ValueError(
            f"{name} of all batches are looked at together, and must be alike; got the shapes "
            f"{shapes[0]} and {other}"
        )
    return xp.concatenate(parts)
