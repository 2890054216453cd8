r"""Normal noise that is drawn where it is added.

By the transform of Box and Muller, as in `kernels.reference.normal_numbers`: words w of a counter
make :math:`u = (w_0 + 1/2) / 2^{32}` and :math:`v = w_1 / 2^{32}`, and

.. math::
    \sqrt{-2 \ln u}\,\cos 2\pi v \qquad \sqrt{-2 \ln u}\,\sin 2\pi v

are two numbers of N(0, 1).
"""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import numpy as np

from .compiler import KernelSource
from .drawing import launch_drawing
from .formulas import Tools, cosine_pi, sine_pi
from .philox import philox
from .quads import quad_access


def add_noise(
    x: Any,
    std: float,
    *,
    seed: int,
    step: int,
    layer: int,
    first_row: int = 0,
    out: Any = None,
) -> Any:
    """Return x + std · ξ with ξ of N(0, 1): one launch, no noise stored.

    The noise is computed in float64 and rounded to the dtype of x before it is added.  In float64
    it may differ from the reference's by a few roundings.

    Parameters
    ----------
    x : cupy.ndarray, shape (rows, columns)
        float32 or float64, C-contiguous.
    std : float
        The standard deviation, from 0 up.
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
    if not std >= 0:
        raise ValueError(f"std must be at least 0, got {std}")
    where = {"seed": seed, "step": step, "layer": layer, "first_row": first_row}
    return launch_drawing(noisy, x, out, (), np.float64(std), **where)


def normal_pair(w0: int, w1: int) -> tuple[float, float]:
    """Return two numbers of N(0, 1) for two random words."""
    radius = sqrt(-2.0 * log((w0 + 0.5) * 2.0**-32))
    half_turns = w1 * 2.0**-31
    return radius * cosine_pi(half_turns), radius * sine_pi(half_turns)


def noisy(tools: Tools, in_line: bool) -> KernelSource:
    """Write the kernel: four columns of a row at a time, for which one counter gives the words."""
    cuda, real = tools.cuda, tools.real
    load, store = quad_access(tools, in_line)
    words = tools.device(philox)
    pair = Tools(np.dtype(np.float64)).device(normal_pair)

    def kernel(
        x: Any, y: Any, rows: int, columns: int, first_row: int, k0: int, k1: int, step: int,
        layer: int, std: float,
    ) -> None:  # fmt: skip
        quads = (columns + 3) // 4
        item = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        while item < rows * quads:
            row, quad = item // quads, item % quads
            w0, w1, w2, w3 = words(quad, first_row + row, step, layer, k0, k1)
            n0, n1 = pair(w0, w1)
            n2, n3 = pair(w2, w3)
            i, end = row * columns + 4 * quad, (row + 1) * columns
            x0, x1, x2, x3 = load(x, i, end)
            y0, y1 = x0 + real(std * n0), x1 + real(std * n1)
            y2, y3 = x2 + real(std * n2), x3 + real(std * n3)
            store(y, i, end, (y0, y1, y2, y3))
            item += cuda.gridDim.x * cuda.blockDim.x

    return KernelSource(kernel, "real* real*" + " int" * 7 + " double")
