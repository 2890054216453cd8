"""The sum of a vector in an order that its length alone decides."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import checked
from .compiler import THREADS, KernelSource, launch
from .formulas import Tools
from .groups import group_sum

CHUNK = 64 * THREADS
"""The numbers that one block adds."""


def sum_of(x: Any) -> Any:
    """Return the sum of a vector, 0-d on the device; nobody waits for it.

    Each block adds a chunk of `CHUNK` numbers, and so on with the sums of the chunks: one launch
    for up to `CHUNK` numbers, two for up to `CHUNK` squared.

    Parameters
    ----------
    x : cupy.ndarray, shape (n,)
        float32 or float64, contiguous.

    Returns
    -------
    cupy.ndarray, shape ()
        The sum, 0 of no numbers.
    """
    import cupy

    checked(x.dtype, x=x)
    if x.size == 0:
        return cupy.zeros((), x.dtype)
    while True:
        chunks = -(-x.size // CHUNK)
        sums = cupy.empty(chunks, x.dtype)
        launch(chunk_sums, (), x.dtype, chunks, (x, sums, np.int64(x.size)))
        if chunks == 1:
            return sums.reshape(())
        x = sums


def chunk_sums(tools: Tools) -> KernelSource:
    """Write the kernel whose block b writes the sum of chunk b."""
    cuda = tools.cuda
    total = group_sum(tools, THREADS)

    def kernel(x: Any, sums: Any, n: int) -> None:
        i = cuda.blockIdx.x * CHUNK + cuda.threadIdx.x
        end = min(n, (cuda.blockIdx.x + 1) * CHUNK)
        part = 0.0
        while i < end:
            part += x[i]
            i += THREADS
        part = total(part)
        if cuda.threadIdx.x == 0:
            sums[cuda.blockIdx.x] = part

    return KernelSource(kernel, "real* real* int")
