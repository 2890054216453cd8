"""The L2 penalty of a flat vector of parameters, added to a loss without leaving the device."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import check_ranges, checked, same_shape
from .compiler import THREADS, KernelSource, launch
from .formulas import Tools, fused
from .groups import group_sum
from .sums import CHUNK


def penalized(loss: Any, p: Any, decay: float, decayed: Any) -> tuple[Any, Any]:
    """Return J = L + s and the penalty s = λ/2 ΣW²: two launches, however many weights there are.

    Parameters
    ----------
    loss : cupy.ndarray, shape ()
        The data loss L, in the dtype of `p`.
    p : cupy.ndarray, shape (n,)
        All parameters, float32 or float64, contiguous.
    decay : float
        λ.
    decayed : cupy.ndarray, shape (ranges, 2)
        Beginning and end of each range of `p` that counts, int64.

    Returns
    -------
    J, s : cupy.ndarray, shape ()
        On the device, which nobody waits for.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.
    """
    import cupy

    checked(p.dtype, p=p, loss=loss)
    same_shape((), loss=loss)
    check_ranges(decayed)
    chunks = -(-p.size // CHUNK)
    parts, found = cupy.empty(chunks, p.dtype), cupy.empty(2, p.dtype)
    sizes = np.int64(p.size), np.int64(len(decayed))
    launch(chunk_squares, (), p.dtype, chunks, (p, decayed, parts, *sizes))
    with np.errstate(all="ignore"):  # λ may be too large or too small for float32
        half = p.dtype.type(0.5 * decay)
    launch(objective, (), p.dtype, 1, (loss, parts, found, np.int64(chunks), half))
    return found[0], found[1]


def chunk_squares(tools: Tools) -> KernelSource:
    """Write the kernel whose block b sums the squares of the numbers that count in chunk b."""
    cuda = tools.cuda
    total, add_product = group_sum(tools, THREADS), tools.device(fused)

    def kernel(p: Any, ranges: Any, sums: Any, n: int, count: int) -> None:
        first = cuda.blockIdx.x * CHUNK
        end = min(n, first + CHUNK)
        part = 0.0
        for k in range(count):
            # Where this thread's numbers of the chunk meet the range.
            i = first + cuda.threadIdx.x
            start, stop = ranges[2 * k], min(end, ranges[2 * k + 1])
            if i < start:
                i += (start - i + THREADS - 1) // THREADS * THREADS
            while i < stop:
                part = add_product(p[i], p[i], part)
                i += THREADS
        part = total(part)
        if cuda.threadIdx.x == 0:
            sums[cuda.blockIdx.x] = part

    return KernelSource(kernel, "real* int* real* int int")


def objective(tools: Tools) -> KernelSource:
    """Write the kernel of one block that makes J and s of L and the sums of the chunks."""
    cuda = tools.cuda
    total = group_sum(tools, THREADS)

    def kernel(loss: Any, sums: Any, found: Any, n: int, half: float) -> None:
        i = cuda.threadIdx.x
        part = 0.0
        while i < n:
            part += sums[i]
            i += THREADS
        part = total(part)
        if cuda.threadIdx.x == 0:
            penalty = half * part
            found[0] = loss[0] + penalty
            found[1] = penalty

    return KernelSource(kernel, "real* real* real* int real")
