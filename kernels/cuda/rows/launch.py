"""Softmax and its relatives over the last axis of an array."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..arrays import checked, same_shape
from ..compiler import THREADS, Factory, blocks_to_stride
from ..compiler import launch as launch_kernel
from ..groups import group_size, groups_of_block
from . import softmax as kernels

_FORWARD = {"softmax": kernels.softmax, "log_softmax": kernels.log_softmax}
_BACKWARD = {"softmax": kernels.softmax_product, "log_softmax": kernels.log_softmax_product}


def rows_forward(name: str, z: Any, *, out: Any = None) -> Any:
    """Return softmax or log-softmax of `z` over the last axis: one launch.

    Parameters
    ----------
    name : {"softmax", "log_softmax"}
        Which.
    z : cupy.ndarray, shape (..., length)
        float32 or float64, C-contiguous.
    out : cupy.ndarray, optional
        Where the result goes, in the shape of `z`; it may be `z`.

    Returns
    -------
    cupy.ndarray
        In the shape and dtype of `z`.
    """
    import cupy

    out = cupy.empty_like(z) if out is None else out
    checked(z.dtype, z=z, out=out)
    same_shape(z.shape, out=out)
    _launch(_FORWARD[name], z, (z, out))
    return out


def rows_backward(name: str, a: Any, da: Any, *, out: Any = None) -> Any:
    """Return dz for the gradient `da` of a = softmax(z) or log_softmax(z): one launch.

    Parameters
    ----------
    name : {"softmax", "log_softmax"}
        Which.
    a, da : cupy.ndarray, shape (..., length)
        The result of the forward pass and its gradient, C-contiguous and of one dtype.
    out : cupy.ndarray, optional
        Where dz goes, in the shape of `a`; it may be `a` or `da`.

    Returns
    -------
    cupy.ndarray
        In the shape and dtype of `a`.
    """
    import cupy

    out = cupy.empty_like(a) if out is None else out
    checked(a.dtype, a=a, da=da, out=out)
    same_shape(a.shape, da=da, out=out)
    _launch(_BACKWARD[name], a, (a, da, out))
    return out


def logsumexp(z: Any) -> Any:
    """Return log Σ exp(z) over the last axis of `z`, shape ``z.shape[:-1]``: one launch.

    Parameters
    ----------
    z : cupy.ndarray, shape (..., length)
        float32 or float64, C-contiguous.

    Returns
    -------
    cupy.ndarray
        -inf for rows of no numbers.
    """
    import cupy

    checked(z.dtype, z=z)
    result = cupy.empty(z.shape[:-1], z.dtype)
    _launch(kernels.logsumexp, z, (z, result))
    return result


def _launch(factory: Factory, z: Any, arrays: tuple[Any, ...]) -> None:
    rows, length = prod(z.shape[:-1]), z.shape[-1]
    size = group_size(length)
    blocks = blocks_to_stride(-(-rows // groups_of_block(size)) * THREADS)
    numbers = (np.int64(rows), np.int64(length))
    launch_kernel(factory, (size,), z.dtype, blocks, (*arrays, *numbers))
