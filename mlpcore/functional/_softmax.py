"""Softmax, log-softmax and log-sum-exp along one axis, right for all finite inputs."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlpcore.functional._arrays import A, enter
from mlpcore.kernels.reference import softmax as reference


def softmax(x: A, axis: int = -1, *, out: A | None = None) -> A:
    """Return exp(x) / Σ exp(x) along an axis.

    Parameters
    ----------
    x : array
        Logits of any shape with at least one axis.
    axis : int, default -1
        The axis along which the result sums to one.
    out : array, optional
        Where to write the result.

    Returns
    -------
    array
        In the shape of `x`.

    Raises
    ------
    ValueError
        If `x` has no such axis.
    """
    return _along_axis(reference.softmax, x, axis, out)


def log_softmax(x: A, axis: int = -1, *, out: A | None = None) -> A:
    """Return x - log Σ exp(x) along an axis, the logarithm of `softmax`.

    Parameters
    ----------
    x : array
        Logits of any shape with at least one axis.
    axis : int, default -1
        The axis that is normalised.
    out : array, optional
        Where to write the result.

    Returns
    -------
    array
        In the shape of `x`.

    Raises
    ------
    ValueError
        If `x` has no such axis.
    """
    return _along_axis(reference.log_softmax, x, axis, out)


@np.errstate(all="ignore")
def logsumexp(x: A, axis: int = -1, *, keepdims: bool = False, out: A | None = None) -> A:
    """Return log Σ exp(x) along an axis.

    Parameters
    ----------
    x : array
        Of any shape with at least one axis.
    axis : int, default -1
        The axis that is summed.
    keepdims : bool, default False
        Whether the axis stays, with length one.
    out : array, optional
        Where to write the result.

    Returns
    -------
    array
        In the shape of `x` without the axis; the sum over an empty axis is 0, its logarithm -inf.

    Raises
    ------
    ValueError
        If `x` has no such axis.
    """
    frame, (z,) = enter(x=x, out=out)
    axis = _axis(z, axis)
    shape = (*z.shape[:axis], *((1,) if keepdims else ()), *z.shape[axis + 1 :])
    target = frame.target(out, shape)
    result = reference.logsumexp(frame.xp, z, axis=axis, keepdims=keepdims)
    given: A = frame.give(result, out, target)
    return given


@np.errstate(all="ignore")
def _along_axis(f: Callable[..., Any], x: A, axis: int, out: A | None) -> A:
    frame, (z,) = enter(x=x, out=out)
    axis = _axis(z, axis)
    target = frame.target(out, z.shape)
    given: A = frame.give(f(frame.xp, z, axis=axis), out, target)
    return given


def _axis(x: Any, axis: int) -> int:
    """Return `axis` counted from the front; raise ValueError if `x` has no such axis."""
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"x of shape {x.shape} has no axis {axis}")
    return axis % int(x.ndim)
