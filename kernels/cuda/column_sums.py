"""The gradient of a bias: the sum of dz over the rows, in the canonical order."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import checked, same_shape
from .compiler import KernelSource, blocks_to_stride, launch
from .formulas import Tools

BLOCK = 64
"""The rows of a block of the canonical sum."""


def column_sums(dz: Any, *, out: Any = None) -> Any:
    """Return db, the sum of `dz` over the rows: one launch for up to 64 rows, else two.

    Blocks of 64 rows are ascending chains from zero, and so is the sum of the blocks: the order in
    which the CPU adds, whatever the device.

    Parameters
    ----------
    dz : cupy.ndarray, shape (rows, features)
        float32 or float64, C-contiguous.
    out : cupy.ndarray, shape (features,), optional
        Where db goes.

    Returns
    -------
    cupy.ndarray, shape (features,)
        Zeros where there are no rows.
    """
    import cupy

    rows, features = dz.shape
    out = cupy.empty(features, dz.dtype) if out is None else out
    checked(dz.dtype, dz=dz, out=out)
    same_shape((features,), out=out)
    if rows > BLOCK:
        parts = cupy.empty((-(-rows // BLOCK), features), dz.dtype)
        _launch(dz, parts, rows, features, BLOCK)
        dz, rows = parts, len(parts)
    _launch(dz, out, rows, features, max(rows, 1))
    return out


def _launch(x: Any, sums: Any, rows: int, features: int, block: int) -> None:
    blocks = blocks_to_stride(sums.size)
    numbers = (np.int64(n) for n in (rows, features, block, sums.size))
    launch(block_sums, (), x.dtype, blocks, (x, sums, *numbers))


def block_sums(tools: Tools) -> KernelSource:
    """Write the kernel whose result (i, k) is the sum of column k over the rows of block i."""
    cuda = tools.cuda

    def kernel(x: Any, sums: Any, rows: int, features: int, block: int, n: int) -> None:
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        stride = cuda.gridDim.x * cuda.blockDim.x
        while i < n:  # neighbouring threads read neighbouring columns
            start = i // features * block
            place, end = start * features + i % features, min(start + block, rows) * features
            total = 0.0
            while place < end:
                total += x[place]
                place += features
            sums[i] = total
            i += stride

    return KernelSource(kernel, "real* real* int int int int")
