"""Dropout whose mask is drawn where it is used, and again in the backward pass."""

from __future__ import annotations

from typing import Any

from ..reference.philox import threshold
from .compiler import KernelSource
from .drawing import launch_drawing
from .formulas import Tools
from .philox import philox
from .quads import quad_access


def dropout(
    x: Any,
    rate: float,
    *,
    seed: int,
    step: int,
    layer: int,
    first_row: int = 0,
    out: Any = None,
) -> Any:
    """Return x / (1 - rate) where an element is kept, and 0 elsewhere: one launch, no mask stored.

    The bits are those of `kernels.reference.philox.dropout`.  Applied to dy under the same numbers,
    it returns dx.

    Parameters
    ----------
    x : cupy.ndarray, shape (rows, columns)
        float32 or float64, C-contiguous.
    rate : float
        The share that is dropped, in [0, 1).
    seed, step, layer, first_row : int
        What it draws, as for `philox.place_in_stream`.
    out : cupy.ndarray, optional
        Where the result goes, in the shape of `x`; it may be `x`.

    Returns
    -------
    cupy.ndarray
        In the shape and dtype of `x`.

    Raises
    ------
    ValueError
        If a number is out of its range, or a shape does not fit.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate must be in [0, 1), got {rate}")
    scale = x.dtype.type(1.0 / (1.0 - rate))
    where = {"seed": seed, "step": step, "layer": layer, "first_row": first_row}
    return launch_drawing(masked, x, out, (threshold(rate),), scale, **where)


def masked(tools: Tools, in_line: bool) -> KernelSource:
    """Write the kernel: four columns of a row at a time, for which one counter gives the words."""
    cuda = tools.cuda
    load, store = quad_access(tools, in_line)
    words = tools.device(philox)

    def kernel(
        x: Any, y: Any, rows: int, columns: int, least: int, first_row: int, k0: int, k1: int,
        step: int, layer: int, scale: float,
    ) -> None:  # fmt: skip
        quads = (columns + 3) // 4
        item = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        while item < rows * quads:
            row, quad = item // quads, item % quads
            w0, w1, w2, w3 = words(quad, first_row + row, step, layer, k0, k1)
            i, end = row * columns + 4 * quad, (row + 1) * columns
            x0, x1, x2, x3 = load(x, i, end)
            y0 = x0 * scale if w0 >= least else 0.0
            y1 = x1 * scale if w1 >= least else 0.0
            y2 = x2 * scale if w2 >= least else 0.0
            y3 = x3 * scale if w3 >= least else 0.0
            store(y, i, end, (y0, y1, y2, y3))
            item += cuda.gridDim.x * cuda.blockDim.x

    return KernelSource(kernel, "real* real*" + " int" * 8 + " real")
