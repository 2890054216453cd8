"""The gradients of scale and shift: sums of dy · n and of dy over the rows, in canonical order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..column_sums import BLOCK
from ..compiler import KernelSource, blocks_to_stride, launch
from ..formulas import Tools, fused


def gradient_sums(
    x: Any, dy: Any, mean: Any, inverse: Any, *, shifts: Any, scales: Any, by_row: bool
) -> None:
    """Write Σ dy and Σ dy · n over each block of 64 rows, with n = (x - μ) · i: one launch.

    Parameters
    ----------
    x, dy : cupy.ndarray, shape (rows, features)
        float32 or float64, C-contiguous.
    mean, inverse : cupy.ndarray
        μ and i, of each row or of each column.
    shifts, scales : cupy.ndarray
        Where the sums go, one row of them for each block.
    by_row : bool
        Whether μ and i are those of rows.
    """
    n = shifts.size
    numbers = map(np.int64, (*x.shape, n))
    launch(
        gradients_of_blocks,
        (by_row,),
        x.dtype,
        blocks_to_stride(n),
        (x, dy, mean, inverse, shifts, scales, *numbers),
    )


def sum_blocks(shifts: Any, scales: Any, *, dshift: Any, dscale: Any) -> None:
    """Write the sums of the blocks, ascending: one launch.

    Parameters
    ----------
    shifts, scales : cupy.ndarray, shape (blocks, features)
        What `gradient_sums` has written.
    dshift, dscale : cupy.ndarray, shape (features,)
        Where their sums go; zeros of no blocks.
    """
    blocks, features = shifts.shape
    arrays = shifts, scales, dshift, dscale
    numbers = np.int64(blocks), np.int64(features)
    launch(both_sums, (), shifts.dtype, blocks_to_stride(features), (*arrays, *numbers))


def gradients_of_blocks(tools: Tools, by_row: bool) -> KernelSource:
    """Write the kernel whose results (b, k) are those of column k in block b."""
    cuda = tools.cuda
    add_product = tools.device(fused)

    def kernel(
        x: Any, dy: Any, mean: Any, inverse: Any, shifts: Any, scales: Any, rows: int,
        features: int, n: int,
    ) -> None:  # fmt: skip
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        while i < n:
            k, first = i % features, i // features * BLOCK
            dbeta, dgamma = 0.0, 0.0
            for row in range(first, min(first + BLOCK, rows)):
                whose, place = row if by_row else k, row * features + k
                g = dy[place]
                dbeta += g
                dgamma = add_product((x[place] - mean[whose]) * inverse[whose], g, dgamma)
            shifts[i], scales[i] = dbeta, dgamma
            i += cuda.gridDim.x * cuda.blockDim.x

    return KernelSource(kernel, "real* " * 6 + "int int int")


def both_sums(tools: Tools) -> KernelSource:
    """Write the kernel that adds the blocks of a column."""
    cuda = tools.cuda

    def kernel(
        shifts: Any, scales: Any, dshift: Any, dscale: Any, blocks: int, features: int
    ) -> None:
        k = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        while k < features:
            dbeta, dgamma = 0.0, 0.0
            for b in range(blocks):
                dbeta += shifts[b * features + k]
                dgamma += scales[b * features + k]
            dshift[k], dscale[k] = dbeta, dgamma
            k += cuda.gridDim.x * cuda.blockDim.x

    return KernelSource(kernel, "real* real* real* real* int int")
