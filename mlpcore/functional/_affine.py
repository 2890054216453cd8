"""The affine map z = x Wᵀ + b."""

import math
from typing import Any, Literal, TypeAlias

import numpy as np

from mlpcore.functional._arrays import A, enter
from mlpcore.kernels.reference.product import product

Layout: TypeAlias = Literal["out_in", "in_out"]
"""Which axis of W counts the outputs: the first, as in PyTorch, or the last, as in Keras."""


@np.errstate(all="ignore")
def affine(x: A, W: A, b: A | None = None, *, layout: Layout = "out_in", out: A | None = None) -> A:
    """Return z = x Wᵀ + b.

    Parameters
    ----------
    x : array, shape (..., in)
        One sample or any number of them.
    W : array, shape (out, in), or (in, out) with ``layout="in_out"``
        The weights.
    b : array, shape (out,), optional
        The bias.
    layout : {"out_in", "in_out"}, default "out_in"
        How `W` is stored; for "in_out" the result is x W + b.
    out : array, shape (..., out), optional
        Where to write the result.

    Returns
    -------
    array, shape (..., out)

    Raises
    ------
    ValueError
        If the shapes do not fit, or `layout` is unknown.
    TypeError
        If the arrays are of different kinds, or one does not hold real numbers.
    """
    frame, (x_, W_, b_) = enter(x=x, W=W, b=b, out=out)
    W_ = out_in(W_, layout)
    check_affine(x_.shape, W_, b_, layout)
    target = frame.target(out, (*x_.shape[:-1], W_.shape[0]))
    z: A = frame.give(affine_map(x_, W_, b_), out, target)
    return z


def affine_map(x: Any, W: Any, b: Any) -> Any:
    """Return x Wᵀ + b as a new array, for checked arrays of one namespace and dtype."""
    z = product(as_rows(x), W)
    if b is not None:
        z += b
    return z.reshape(*x.shape[:-1], W.shape[0])


def as_rows(x: Any) -> Any:
    """Return `x`, shape (..., features), in the shape (rows, features)."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def out_in(W: Any, layout: Layout, name: str = "W") -> Any:
    """Return `W` as (out, in), whichever way it is stored.

    Raises
    ------
    ValueError
        If `layout` is unknown or `W` is no matrix.
    """
    if layout not in ("out_in", "in_out"):
        raise ValueError(f"unknown layout {layout!r}; known are 'out_in' and 'in_out'")
    if W.ndim != 2:
        axes = layout.replace("_", ", ")
        raise ValueError(f"{name} must be a matrix ({axes}), got shape {W.shape}")
    return W if layout == "out_in" else W.T


def check_affine(
    x_shape: tuple[int, ...], W: Any, b: Any, layout: Layout, *, layer: int | None = None
) -> None:
    """Raise ValueError unless x and b fit `W`, shape (out, in); the message names the layer."""
    at = "" if layer is None else f"layer {layer}: "
    stored = W.shape if layout == "out_in" else W.shape[::-1]
    if x_shape[-1:] != (W.shape[1],):
        raise ValueError(
            f"{at}the input has shape {x_shape}, but W of shape {stored} with layout={layout!r} "
            f"takes (..., {W.shape[1]})"
        )
    if b is not None and b.shape != (W.shape[0],):
        raise ValueError(
            f"{at}b has shape {b.shape}, but W of shape {stored} with layout={layout!r} "
            f"takes ({W.shape[0]},)"
        )
