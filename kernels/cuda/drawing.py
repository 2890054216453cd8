"""One launch over the elements of a batch, of which four draw the words of one counter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import aligned, checked, same_shape
from .compiler import blocks_to_stride, launch
from .philox import place_in_stream

if TYPE_CHECKING:
    from collections.abc import Callable


def launch_drawing(
    kernel: Callable[..., Any],
    x: Any,
    out: Any,
    numbers: tuple[int, ...],
    last: Any,
    *,
    seed: int,
    step: int,
    layer: int,
    first_row: int,
) -> Any:
    """Launch ``kernel(x, out, rows, columns, *numbers, *where, last)`` and return `out`.

    Parameters
    ----------
    kernel : callable
        Writes the kernel; its one option says whether all four columns lie in one line.
    x : cupy.ndarray, shape (rows, columns)
        float32 or float64, C-contiguous.
    out : cupy.ndarray or None
        Where the result goes, in the shape of `x`; it may be `x`, and None is a new array.
    numbers : tuple of int
        What else the kernel is told in whole numbers.
    last : NumPy scalar
        Its last argument.
    seed, step, layer, first_row : int
        What it draws, as for `philox.place_in_stream`.

    Raises
    ------
    ValueError
        If a number is out of its range, or a shape does not fit.
    """
    import cupy

    rows, columns = x.shape
    where = place_in_stream(rows, seed=seed, step=step, layer=layer, first_row=first_row)
    out = cupy.empty_like(x) if out is None else out
    checked(x.dtype, x=x, out=out)
    same_shape(x.shape, out=out)
    in_line = columns % 4 == 0 and aligned(x, out)
    words = map(np.int64, (rows, columns, *numbers, *where))
    blocks = blocks_to_stride(rows * -(-columns // 4))
    launch(kernel, (in_line,), x.dtype, blocks, (x, out, *words, last))
    return out
