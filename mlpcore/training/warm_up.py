"""Everything that a model will need, asked for once before it is needed."""

from collections.abc import Sequence
from typing import Any

from mlpcore.backends.base import Mode
from mlpcore.backends.bound import BoundProgram
from mlpcore.kernels.reference.operations import Activation
from mlpcore.nn.losses import Loss
from mlpcore.optim import Optimizer


def warm_up(
    bound: BoundProgram, output: Activation, rows: Sequence[int], loss: Loss, optimizer: Optimizer
) -> None:
    """Predict and differentiate rows of zeros, and load what training steps need.

    Parameters
    ----------
    bound : BoundProgram
        The program and its parameters, which stay as they are.
    output : Activation
        What prediction applies to the logits.
    rows : sequence of int
        The batch sizes.
    loss : Loss
        What training will minimise.
    optimizer : Optimizer
        By which rule.
    """
    backend, program = bound.backend, bound.program
    xp = backend.xp
    with backend.active():
        direct = bound.direct(output)
        for count in rows:
            x = xp.zeros((count, program.in_features), dtype=bound.dtype)
            if direct is not None:
                direct.rows(x)
            logits, tape = bound.forward(x, Mode.GRADIENT, watched=False)
            if direct is None:
                bound.forward(x, watched=False)
                output.function.forward(xp, logits, **dict(output.settings))
            if tape is not None:
                bound.backward(tape, logits)
            _warm_up_step(bound, logits, x, loss, optimizer)
        backend.synchronize()


def _warm_up_step(bound: BoundProgram, z: Any, x: Any, loss: Loss, optimizer: Optimizer) -> None:
    """Load what a step on the batch `x` with the logits `z` needs besides the gradient."""
    xp, labels = bound.backend.xp, x.shape[:1]
    targets = [xp.zeros(labels, dtype=xp.int64), xp.zeros_like(z)]
    rule = bound.step_rule(loss, optimizer, 0.0)
    if rule is not None:
        for inputs in (rule.prepare(x, t, None) for t in targets):
            if inputs is not None:
                rule.load(inputs)
        return
    if loss.custom is None:
        loss(xp, z, targets[0 if loss.expects == "classes" else 1])
    parameter, gradient = bound.backend.zeros(1, bound.dtype), bound.backend.zeros(1, bound.dtype)
    moments = {name: bound.backend.zeros(1, bound.dtype) for name in optimizer.state_names}
    optimizer.update(xp, parameter, gradient, moments, 1, None)
