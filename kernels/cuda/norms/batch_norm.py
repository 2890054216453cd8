"""Batch normalisation of the rows of a matrix, by the batch or by running statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import checked, same_shape
from ..column_sums import BLOCK
from ..compiler import blocks_to_stride, launch
from .batch_kernels import batch_gradient, block_moments, normalized
from .gradient_sums import gradient_sums

_LEAST_SHARE = 16


def batch_norm_forward(
    x: Any,
    scale: Any,
    shift: Any,
    running_mean: Any,
    running_variance: Any,
    *,
    eps: float,
    momentum: float | None = None,
) -> tuple[Any, Any, Any]:
    """Return y = scale · (x - μ) · i + shift with i = 1 / √(σ² + ε), and μ and i of each column.

    Two launches in training; one with the running statistics.

    Parameters
    ----------
    x : cupy.ndarray, shape (rows, features)
        float32 or float64, C-contiguous.
    scale, shift : cupy.ndarray, shape (features,)
        γ and β.
    running_mean, running_variance : cupy.ndarray, shape (features,)
        Without `momentum` they are μ and σ².
    eps : float
        ε.
    momentum : float, optional
        In training: μ and σ² are those of the batch, and each running statistic r becomes
        (1 - momentum) r + momentum times that of the batch, with σ² · rows / (rows - 1).

    Returns
    -------
    y : cupy.ndarray, shape (rows, features)
        The result.
    mean, inverse : cupy.ndarray, shape (features,)
        μ and i, for `batch_norm_backward`.

    Raises
    ------
    TypeError
        If dtypes do not fit.
    ValueError
        If shapes do not fit, or there are fewer than two rows in training.
    """
    import cupy

    rows, features = x.shape
    columns = {
        "scale": scale, "shift": shift, "running_mean": running_mean,
        "running_variance": running_variance,
    }  # fmt: skip
    checked(x.dtype, x=x, **columns)
    same_shape((features,), **columns)
    training = momentum is not None
    if training and rows < 2:
        raise ValueError(f"the variance of a batch needs two rows or more, got {rows}")
    y, mean, inverse = cupy.empty_like(x), cupy.empty_like(scale), cupy.empty_like(scale)
    parts = mean, mean, mean  # any address, where they are not read
    if training:
        blocks = -(-rows // BLOCK)
        parts, n = tuple(cupy.empty((3, blocks, features), x.dtype)), blocks * features
        numbers = map(np.int64, (rows, features, n))
        launch(block_moments, (), x.dtype, blocks_to_stride(n), (x, *parts, *numbers))
    kept = momentum if momentum is not None else 0.0
    share, items = _shares(rows, features)
    reals = map(x.dtype.type, (eps, 1 - kept, kept, rows / (rows - 1) if training else 1.0))
    launch(
        normalized,
        (training,),
        x.dtype,
        blocks_to_stride(items),
        (
            x, y, scale, shift, *parts, running_mean, running_variance, mean, inverse,
            *map(np.int64, (rows, features, share, items)), *reals,
        ),
    )  # fmt: skip
    return y, mean, inverse


def batch_norm_backward(
    x: Any,
    dy: Any,
    scale: Any,
    mean: Any,
    inverse: Any,
    *,
    dscale: Any,
    dshift: Any,
    training: bool,
) -> Any:
    """Write dscale and dshift and return dx: two launches.

    Parameters
    ----------
    x, dy : cupy.ndarray, shape (rows, features)
        What went forward, and the gradient of what came out.
    scale : cupy.ndarray, shape (features,)
        γ.
    mean, inverse : cupy.ndarray, shape (features,)
        What `batch_norm_forward` returned.
    dscale, dshift : cupy.ndarray, shape (features,)
        Where the gradients of γ and β go.
    training : bool
        Whether μ and σ² were those of the batch, which move with every x.

    Returns
    -------
    cupy.ndarray, shape (rows, features)
        dx.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.
    """
    import cupy

    rows, features = x.shape
    columns = {
        "scale": scale, "mean": mean, "inverse": inverse, "dscale": dscale, "dshift": dshift
    }  # fmt: skip
    checked(x.dtype, x=x, dy=dy, **columns)
    same_shape(x.shape, dy=dy)
    same_shape((features,), **columns)
    dx = cupy.empty_like(x)
    shifts, scales = cupy.empty((2, -(-rows // BLOCK), features), x.dtype)
    gradient_sums(x, dy, mean, inverse, shifts=shifts, scales=scales, by_row=False)
    share, items = _shares(rows, features)
    launch(
        batch_gradient,
        (training,),
        x.dtype,
        blocks_to_stride(items),
        (
            x, dy, dx, scale, mean, inverse, shifts, scales, dscale, dshift,
            *map(np.int64, (rows, features, share, items)),
        ),
    )  # fmt: skip
    return dx


def _shares(rows: int, features: int) -> tuple[int, int]:
    """Return how many rows of a column a thread takes, and how many threads have work.

    Each adds up what the blocks of 64 rows have left; its share is so large that this is the
    smaller part of its work.  Without rows there is still one that writes a column's numbers.
    """
    share = max(_LEAST_SHARE, 4 * -(-rows // BLOCK))
    return share, features * max(1, -(-rows // share))
