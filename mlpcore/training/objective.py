"""The objective J = L + s of a batch and its gradient.

J = L + s    with the loss L of the data and the penalty s of the weights
"""

from dataclasses import dataclass
from typing import Any

from mlpcore.backends.base import Mode
from mlpcore.backends.bound import Backward, BoundProgram, Tape
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.nn.losses import Loss
from mlpcore.training.penalty import Penalty


@dataclass(frozen=True)
class Objective:
    """The values of one batch and their gradient.

    Attributes
    ----------
    value, loss, penalty : array, shape ()
        J, L and s, on the model's device.
    logits : array, shape (rows, out_features)
        What the loss was taken of.
    gradients : Backward
        The gradient of J by the parameters, and what else was asked for.
    tape : Tape
        What the forward pass recorded.
    """

    value: Any
    loss: Any
    penalty: Any
    logits: Any
    gradients: Backward
    tape: Tape


def objective(
    bound: BoundProgram,
    x: Any,
    t: Any,
    loss: Loss,
    *,
    penalty: Penalty,
    sample_weight: Any = None,
    training: bool = False,
    random: RandomKey | None = None,
    out: Any = None,
    input_gradient: bool = False,
    intermediates: bool = False,
    segments: int | None = None,
) -> Objective:
    """Return J = L + s and its gradient for rows `x` and targets `t` on the backend's device.

    Parameters
    ----------
    bound : BoundProgram
        The network and its parameters.
    x : array, shape (rows, in_features)
        The input.
    t : array
        The targets, already validated.
    loss : Loss
        The data loss L of the logits.
    penalty : Penalty
        What s counts.
    sample_weight : array, shape (rows,), or None
        The weight of each row in L.
    training : bool
        Whether the pass belongs to a training step.
    random : RandomKey or None
        The place in the random stream.
    out : array or None
        A flat gradient to write into.
    input_gradient, intermediates : bool
        Whether to compute the gradient of `x`, and to keep those of each layer's z and a.
    segments : int or None
        In how many groups of stages a training pass goes that computes again what its way back
        needs; None for one that keeps everything.
    """
    mode = Mode.TRAINING if training else Mode.GRADIENT

    def once() -> Objective:
        logits, tape = bound.forward(x, mode, random, segments=segments)
        if tape is None:  # pragma: no cover - only inference has none
            raise RuntimeError("the forward pass was not recorded")
        L, dz = bound.plan(mode).loss(loss, logits, t, sample_weight)
        gradients = bound.backward(
            tape, dz, out=out, input_gradient=input_gradient, intermediates=intermediates
        )
        s = penalty.add(bound, gradients.flat)
        return Objective(L + s, L, s, logits, gradients, tape)

    # A step runs once, since it may draw and count; `update` refuses it if it saw a mixture.
    return once() if training else bound.read(once)
