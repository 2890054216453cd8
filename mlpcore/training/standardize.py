"""The statistics of a network that begins with a standardisation."""

from typing import Any

from mlpcore.backends.bound import BoundProgram
from mlpcore.kernels.reference.operations import Standardize


def adapt(bound: BoundProgram, x: Any) -> None:
    """Set mean and scale from the columns of `x`, rows on the backend's device; see `MLP.adapt`.

    The sums run in float64: for a column whose mean is large against its spread, float32 would lose
    the spread.
    """
    first = bound.program.stages[0]
    step = next((s for s in first.before if isinstance(s.operation, Standardize)), None)
    if step is None:
        raise ValueError("the model does not standardise its input; make it with standardize=True")
    if x.shape[0] == 0:
        raise ValueError("cannot take statistics of no rows")
    xp = bound.backend.xp
    wide = x.astype(xp.float64)
    if not bool(xp.all(xp.isfinite(wide))):
        raise ValueError("cannot take statistics of NaN or infinite values")
    low = xp.min(wide, axis=0)
    # The mean of a constant column may be off by a rounding, which would be blown up to 1.
    constant = low == xp.max(wide, axis=0)
    mean = xp.where(constant, low, xp.mean(wide, axis=0))
    deviation = xp.sqrt(xp.mean(xp.square(wide - mean), axis=0))
    scale = xp.where(constant, 1.0, 1.0 / xp.where(constant, 1.0, deviation))
    names = dict(step.state)
    with bound.parameters.guard.writing():
        bound.state.views[names["mean"]][...] = mean
        bound.state.views[names["scale"]][...] = scale
        bound.state.changed()
