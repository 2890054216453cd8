"""The objective J = L + s of a batch and its gradient.

    J = L + s,    s = λ/2 Σ W²    over all weights; biases are exempt

(I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning" (2016), section 7.1.1.)
"""

import math
from dataclasses import dataclass
from typing import Any

from mlpcore.backends.base import Mode
from mlpcore.backends.bound import Backward, BoundProgram
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.nn.losses import Loss


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
    """

    value: Any
    loss: Any
    penalty: Any
    logits: Any
    gradients: Backward


def objective(
    bound: BoundProgram,
    x: Any,
    t: Any,
    loss: Loss,
    *,
    l2: float = 0.0,
    sample_weight: Any = None,
    training: bool = False,
    random: RandomKey | None = None,
    out: Any = None,
    input_gradient: bool = False,
    intermediates: bool = False,
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
    l2 : float
        λ, the factor of the penalty.
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
    """
    xp = bound.backend.xp
    mode = Mode.TRAINING if training else Mode.GRADIENT
    logits, tape = bound.forward(x, mode, random)
    if tape is None:  # pragma: no cover - only inference has none
        raise RuntimeError("the forward pass was not recorded")
    L, dz = loss(xp, logits, t, sample_weight)
    gradients = bound.backward(
        tape, dz, out=out, input_gradient=input_gradient, intermediates=intermediates
    )
    s = xp.zeros((), dtype=bound.dtype)
    if l2:
        views = bound.parameters.views
        slots = bound.parameters.layout.slots
        for parameter in bound.program.parameters:
            if parameter.decays:
                W = views[parameter.name]
                s = s + xp.sum(W * W)
                dW = slots[parameter.name].view(gradients.flat)
                dW += l2 * W
        s = (0.5 * l2) * s
    return Objective(L + s, L, s, logits, gradients)


def penalty_factor(l2: float) -> float:
    """Return λ as a number, or raise ValueError if it is negative or not finite."""
    if not (l2 >= 0 and math.isfinite(l2)):
        raise ValueError(f"l2 must be finite and not negative, got {l2!r}")
    return float(l2)
