"""Layer normalisation of the rows of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import checked, same_shape
from ..column_sums import BLOCK
from ..compiler import THREADS, Factory, blocks_to_stride
from ..compiler import launch as launch_kernel
from ..groups import group_size, groups_of_block
from .gradient_sums import gradient_sums, sum_blocks
from .layer_kernels import row_gradient, row_normalized


def layer_norm_forward(x: Any, scale: Any, shift: Any, *, eps: float) -> tuple[Any, Any, Any]:
    """Return y = scale · (x - μ) · i + shift with i = 1 / √(σ² + ε), and each row's μ and i.

    One launch; the bits of a row depend on nothing else.

    Parameters
    ----------
    x : cupy.ndarray, shape (rows, features)
        float32 or float64, C-contiguous.
    scale, shift : cupy.ndarray, shape (features,)
        γ and β.
    eps : float
        ε.

    Returns
    -------
    y : cupy.ndarray, shape (rows, features)
        The result.
    mean, inverse : cupy.ndarray, shape (rows,)
        μ and i, for `layer_norm_backward`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.
    """
    import cupy

    rows, features = x.shape
    checked(x.dtype, x=x, scale=scale, shift=shift)
    same_shape((features,), scale=scale, shift=shift)
    y, (mean, inverse) = cupy.empty_like(x), cupy.empty((2, rows), x.dtype)
    _launch(row_normalized, x, (x, y, scale, shift, mean, inverse), (x.dtype.type(eps),))
    return y, mean, inverse


def layer_norm_backward(
    x: Any, dy: Any, scale: Any, mean: Any, inverse: Any, *, dscale: Any, dshift: Any
) -> Any:
    """Write dscale and dshift and return dx: two launches for up to 64 rows, else three.

    Parameters
    ----------
    x, dy : cupy.ndarray, shape (rows, features)
        What went forward, and the gradient of what came out.
    scale : cupy.ndarray, shape (features,)
        γ.
    mean, inverse : cupy.ndarray, shape (rows,)
        What `layer_norm_forward` returned.
    dscale, dshift : cupy.ndarray, shape (features,)
        Where the gradients of γ and β go.

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
    columns = {"scale": scale, "dscale": dscale, "dshift": dshift}
    checked(x.dtype, x=x, dy=dy, mean=mean, inverse=inverse, **columns)
    same_shape(x.shape, dy=dy)
    same_shape((rows,), mean=mean, inverse=inverse)
    same_shape((features,), **columns)
    if rows <= BLOCK:
        gradient_sums(x, dy, mean, inverse, shifts=dshift, scales=dscale, by_row=True)
    else:
        shifts, scales = cupy.empty((2, -(-rows // BLOCK), features), x.dtype)
        gradient_sums(x, dy, mean, inverse, shifts=shifts, scales=scales, by_row=True)
        sum_blocks(shifts, scales, dshift=dshift, dscale=dscale)
    dx = cupy.empty_like(x)
    _launch(row_gradient, x, (x, dy, dx, scale, mean, inverse), ())
    return dx


def _launch(factory: Factory, x: Any, arrays: tuple[Any, ...], numbers: tuple[Any, ...]) -> None:
    rows, features = x.shape
    size = group_size(features)
    blocks = blocks_to_stride(-(-rows // groups_of_block(size)) * THREADS)
    sizes = np.int64(rows), np.int64(features)
    launch_kernel(factory, (size,), x.dtype, blocks, (*arrays, *sizes, *numbers))
