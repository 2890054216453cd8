"""Where a caller wants a prediction: an array of his own, looked at before any work is done."""

from typing import Any

import numpy as np

from mlpcore.backends.arrays import CUPY, NUMPY, bring_in, kind_of, namespace_of

_MOST_WORK = 10_000
"""Steps after which it is no longer asked whether arrays that interleave have a byte in common."""


def out_rows(out: Any, x: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return `out` as rows that a result can be written to: a view of it, shape (rows, outputs).

    Parameters
    ----------
    out : array
        Where the result goes.
    x : array
        The input that it is computed from.
    shape : tuple of int
        The shape of the result, (..., outputs).
    dtype : numpy.dtype
        Its dtype.

    Raises
    ------
    TypeError
        If `out` is not a NumPy array, or on a GPU a CuPy array, of the dtype.
    ValueError
        If it has another shape, cannot be written, does not hold row after row of contiguous
        numbers, or shares memory with `x`.
    """
    given = kind_of(x)
    kind = CUPY if given.on_gpu else NUMPY
    is_array = isinstance(out, np.ndarray) and not hasattr(out, "filled")  # a masked one has that
    if not is_array if kind == NUMPY else kind_of(out) != CUPY:
        raise TypeError(f"out must be a {kind} array, where x is; got {type(out).__name__}")
    if out.dtype != dtype:
        raise TypeError(f"out must be of the model's dtype, {dtype}; got {out.dtype}")
    if tuple(out.shape) != shape:
        raise ValueError(f"out must have the shape of the result, {shape}; got {tuple(out.shape)}")
    rows = _rows_of_numpy(out) if kind == NUMPY else _rows_of_cupy(out)
    if rows is None:
        raise ValueError(
            "out must hold row after row of contiguous, aligned numbers, as C-contiguous arrays "
            f"do; got an array with strides of {tuple(out.strides)} bytes"
        )
    if kind == NUMPY and not out.flags.writeable:
        raise ValueError("out is read-only")
    if _overlap(namespace_of(kind), bring_in(x, given), out):
        raise ValueError("out shares memory with x, which is still read when results are written")
    return rows


def _rows_of_cupy(out: Any) -> Any:
    """Return a view of `out` with one leading axis, or None unless it is contiguous."""
    return out.reshape(-1, out.shape[-1]) if out.flags.c_contiguous else None


def _rows_of_numpy(out: Any) -> Any:
    """Return a view of `out` with one leading axis, or None if it has no rows as they must be."""
    width, size = out.shape[-1], out.itemsize
    count = out.size // max(width, 1)
    try:
        rows = np.asarray(out).reshape(count, width, copy=False)
    except ValueError:  # no view has them one after the other
        return None
    if not out.size:
        return rows
    between, within = rows.strides
    if not out.flags.aligned or (within != size and width > 1):
        return None
    if count > 1 and (between < width * size or between % size):
        return None
    return rows


def _overlap(xp: Any, x: Any, out: Any) -> bool:
    """Return whether `x` and `out` have memory in common."""
    if xp is not np or not np.may_share_memory(x, out):
        return bool(xp.may_share_memory(x, out))
    shares_memory: Any = np.shares_memory  # whose annotations know two numbers for max_work
    try:
        return bool(shares_memory(x, out, max_work=_MOST_WORK))
    except np.exceptions.TooHardError:
        return True
