"""The statistics of a network that begins with a standardisation."""

from typing import Any

import numpy as np

from mlpcore.backends.bound import BoundProgram
from mlpcore.kernels.reference.operations import Standardize


def adapt(bound: BoundProgram, x: Any) -> None:
    """Set mean and scale from the columns of `x`, rows on the backend's device; see `MLP.adapt`.

    Both are finite for whatever finite `x`.  A column counts as constant, and gets the scale 1, if
    all its values are the same or 1 / deviation is more than the model's dtype can hold.
    """
    first = bound.program.stages[0]
    step = next((s for s in first.before if isinstance(s.operation, Standardize)), None)
    if step is None:
        raise ValueError("the model does not standardise its input; make it with standardize=True")
    if x.shape[0] == 0:
        raise ValueError("cannot take statistics of no rows")
    xp = bound.backend.xp
    if not bool(xp.all(xp.isfinite(x))):
        raise ValueError("cannot take statistics of NaN or infinite values")
    mean, deviation = _moments(xp, x)
    varies = deviation >= np.finfo(bound.dtype).smallest_normal
    scale = xp.where(varies, 1.0 / xp.where(varies, deviation, 1.0), 1.0)
    names = dict(step.state)
    with bound.writing():
        bound.state.views[names["mean"]][...] = mean
        bound.state.views[names["scale"]][...] = scale


def _moments(xp: Any, x: Any) -> tuple[Any, Any]:
    """Return mean and standard deviation of each column of `x`, in float64.

    The sums run in float64: for a column whose mean is large against its spread, float32 would lose
    the spread.  Each column is first divided by a power of two that brings it into [-1, 1], which
    rounds nothing and keeps sums and squares from overflowing and from vanishing.
    """
    x = x.astype(xp.float64)
    low, high = xp.min(x, axis=0), xp.max(x, axis=0)
    _, exponent = xp.frexp(xp.maximum(xp.abs(low), xp.abs(high)))
    x = xp.ldexp(x, -exponent)
    # Rounding may carry a mean out of the column's range: that of a constant column would then
    # have a deviation, which the scale would blow up to 1.
    mean = xp.clip(xp.mean(x, axis=0), xp.ldexp(low, -exponent), xp.ldexp(high, -exponent))
    deviation = xp.sqrt(xp.mean(xp.square(x - mean), axis=0))
    return xp.ldexp(mean, exponent), xp.ldexp(deviation, exponent)
