"""What the launchers ask of arrays before they pass their addresses on."""

from __future__ import annotations

from typing import Any

import numpy as np


def checked(dtype: Any, **arrays: Any) -> None:
    """Raise unless the arrays that are given are contiguous and of one dtype.

    Parameters
    ----------
    dtype : dtype
        What the arrays must have; float32 or float64.
    **arrays : cupy.ndarray or None
        Arrays by the names that messages give them.

    Raises
    ------
    TypeError
        For an array of another dtype.
    ValueError
        For one that is not C-contiguous.
    """
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"kernels compute in float32 or float64, got {dtype}")
    for name, array in arrays.items():
        if array is None:
            continue
        if array.dtype != dtype:
            raise TypeError(f"{name} has dtype {array.dtype}, expected {dtype}")
        if not array.flags.c_contiguous:
            raise ValueError(f"{name} of shape {array.shape} is not C-contiguous")


def aligned(*arrays: Any) -> bool:
    """Whether every array begins at a multiple of 16 bytes."""
    return all(array.data.ptr % 16 == 0 for array in arrays)


def same_shape(shape: tuple[int, ...], **arrays: Any) -> None:
    """Raise ValueError unless the arrays that are given have this shape."""
    for name, array in arrays.items():
        if array is not None and array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, expected {shape}")


def check_ranges(ranges: Any) -> None:
    """Raise ValueError unless an array holds ranges of a vector: int64, shape (n, 2)."""
    if ranges.dtype != np.int64 or ranges.shape[1:] != (2,):
        raise ValueError(f"ranges are int64 of shape (n, 2), got {ranges.dtype} {ranges.shape}")
