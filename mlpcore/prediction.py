"""A prediction for an input of any kind: brought to the device, computed, given back."""

from typing import Any

from mlpcore.backends.arrays import kind_of
from mlpcore.backends.base import DirectPrediction
from mlpcore.backends.bound import BoundProgram
from mlpcore.batch import take
from mlpcore.batch_out import out_rows
from mlpcore.kernels.reference.operations import Activation


def predict(
    bound: BoundProgram, direct: DirectPrediction | None, output: Activation, x: Any, out: Any
) -> Any:
    """Return the prediction for `x`, in its form, or in `out`.

    Parameters
    ----------
    bound : BoundProgram
        The program and its parameters.
    direct : DirectPrediction or None
        What predicts without a pass through the plan, if the backend has it.
    output : Activation
        What is applied to the logits.
    x : array, shape (..., features)
        The input, of any kind.
    out : array, shape (..., out), or None
        Where the result goes.

    Raises
    ------
    TypeError, ValueError
        If `x` or `out` does not fit; see `take` and `out_rows`.
    """
    backend, program = bound.backend, bound.program
    with backend.active():
        batch = take(backend, x, program.in_features, bound.dtype)
        place = None
        if out is not None:
            place = out_rows(out, x, (*batch.lead, program.out_features), bound.dtype)
        if direct is None or bound.watchers:
            logits, _ = bound.forward(batch.rows)
            y = output.function.forward(backend.xp, logits, **dict(output.settings))
        if direct is not None:
            y = direct.rows(batch.rows, place)
        if place is None:
            return batch.give(backend, y)
        if y is not place:
            place[...] = backend.deliver(y, kind_of(place))
        return out
