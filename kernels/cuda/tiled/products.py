"""Launching the three products of a layer."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from ..activations import FORMULAS
from ..arrays import aligned, checked, same_shape
from ..compiler import multiprocessors
from ..cplusplus.module import compiled
from .source import THREADS, Product, Variant, tile, tiled_source

_NOTHING = np.uint64(0)
"""The address of an array that there is not."""

_MOST_ACROSS = 65535
"""The most blocks along the second axis of a grid, and along the third."""


def affine(
    x: Any,
    W: Any,
    b: Any = None,
    activation: str = "identity",
    *,
    setting: float = 0.0,
    out: Any = None,
    keep: Any = None,
) -> Any:
    """Return a = f(x Wᵀ + b).

    Works on CuPy's current device and stream.

    Parameters
    ----------
    x : cupy.ndarray, shape (rows, inputs)
        float32 or float64, C-contiguous, as all the others.
    W : cupy.ndarray, shape (outputs, inputs)
        The weights.
    b : cupy.ndarray, shape (outputs,), optional
        The bias.
    activation : str
        A name in `kernels.cuda.activations.FORMULAS`.
    setting : float
        The slope, alpha or omega of an activation that has one.
    out : cupy.ndarray, shape (rows, outputs), optional
        Where a goes; it overlaps no other array.
    keep : cupy.ndarray, shape (rows, outputs), optional
        Where z goes.

    Returns
    -------
    cupy.ndarray, shape (rows, outputs)
        `out`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, an array is not contiguous, or the activation is unknown.
    """
    if activation not in FORMULAS:
        raise ValueError(f"unknown activation {activation!r}")
    rows, inputs = _shape("x", x)
    outputs = _shape("W", W)[0]
    same_shape((outputs, inputs), W=W)
    same_shape((outputs,), b=b)
    sizes = rows, outputs, inputs
    return _run(Product.AFFINE, x, W, sizes, out, b, activation, setting, keep)


def input_gradient(dz: Any, W: Any, out: Any = None) -> Any:
    """Return dx = dz W.

    Parameters
    ----------
    dz : cupy.ndarray, shape (rows, outputs)
        The gradient of z; dtypes and contiguity as in `affine`.
    W : cupy.ndarray, shape (outputs, inputs)
        The weights.
    out : cupy.ndarray, shape (rows, inputs), optional
        Where dx goes; it overlaps no other array.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, or an array is not contiguous.
    """
    rows, outputs = _shape("dz", dz)
    inputs = _shape("W", W)[1]
    same_shape((outputs, inputs), W=W)
    return _run(Product.INPUT_GRADIENT, dz, W, (rows, inputs, outputs), out)


def weight_gradient(dz: Any, x: Any, out: Any = None) -> Any:
    """Return dW = dzᵀ x, the sum over blocks of 64 rows.

    Parameters
    ----------
    dz : cupy.ndarray, shape (rows, outputs)
        The gradient of z; dtypes and contiguity as in `affine`.
    x : cupy.ndarray, shape (rows, inputs)
        The input of the layer.
    out : cupy.ndarray, shape (outputs, inputs), optional
        Where dW goes; it overlaps no other array.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, or an array is not contiguous.
    """
    rows, outputs = _shape("dz", dz)
    inputs = _shape("x", x)[1]
    same_shape((rows, inputs), x=x)
    return _run(Product.WEIGHT_GRADIENT, dz, x, (outputs, inputs, rows), out)


def _shape(name: str, array: Any) -> tuple[int, int]:
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}, expected two axes")
    return array.shape[0], array.shape[1]


def _run(
    product: Product,
    A: Any,
    B: Any,
    sizes: tuple[int, int, int],
    out: Any,
    bias: Any = None,
    activation: str = "identity",
    setting: float = 0.0,
    keep: Any = None,
) -> Any:
    """Compute the M by N numbers of which each has K terms."""
    import cupy

    dtype = A.dtype
    M, N, K = sizes
    out = cupy.empty((M, N), dtype) if out is None else out
    checked(dtype, A=A, B=B, bias=bias, out=out, keep=keep)
    same_shape((M, N), out=out, keep=keep)
    if M == 0 or N == 0:
        return out
    device = cupy.cuda.runtime.getDevice()
    # The shape of a tile changes no bits, so it may follow the batch.
    large = True
    blocks = _blocks(dtype.itemsize, large, M, N)
    if prod(blocks) < multiprocessors(device):
        large = False
        blocks = _blocks(dtype.itemsize, large, M, N)
    per_vector = 16 // dtype.itemsize
    vectors = tuple(aligned(array) and array.shape[1] % per_vector == 0 for array in (A, B))
    flags = bias is not None, keep is not None, blocks[2] > 1
    function = _function(
        device, product, dtype, activation, large, product.block < K, vectors, *flags
    )
    arguments = (
        A,
        B,
        _NOTHING if bias is None else bias,
        out,
        _NOTHING if keep is None else keep,
        *map(np.int64, sizes),
        dtype.type(setting),
    )
    function(blocks, (THREADS,), arguments)
    return out


def _blocks(itemsize: int, large: bool, M: int, N: int) -> tuple[int, int, int]:
    """Return the grid: rows of tiles, and their columns along two axes."""
    rows, columns = tile(itemsize, large)
    across = -(-N // columns)
    deep = -(-across // _MOST_ACROSS)
    return -(-M // rows), -(-across // deep), deep


@cache
def _function(device: int, *variant: Any) -> Any:  # noqa: ARG001
    """Return a kernel as loaded on the current device, whose number is `device`.

    `variant` is what `Variant` is made of: it is looked up at every launch, and made once.
    """
    made = Variant(*variant)
    return compiled(tiled_source(made), made.name)
