"""Everything that a model will need, asked for once before it is needed."""

from collections.abc import Sequence
from typing import Any

from mlpcore.backends.base import Mode
from mlpcore.backends.bound import BoundProgram
from mlpcore.backends.layout import Layout
from mlpcore.backends.parameters import ParameterBuffer
from mlpcore.backends.spans import Span
from mlpcore.kernels.reference.losses import LOSSES
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.kernels.reference.operations import Activation
from mlpcore.nn.losses import Loss
from mlpcore.optim import Optimizer
from mlpcore.program import Parameter


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
        rule = bound.step_rule(loss, optimizer, 0.0)
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
            # Steps with options go in parts, also where others are taken at once.
            _pass_of_a_step(bound, count)
            _losses(bound, loss, logits)
            if rule is not None:
                for inputs in (rule.prepare(x, t, None) for t in _targets(bound, logits)):
                    if inputs is not None:
                        rule.load(inputs)
        _update(bound, optimizer)
        backend.sum_of_squares(backend.zeros(1, bound.dtype))  # for a penalty
        backend.synchronize()


def _targets(bound: BoundProgram, z: Any) -> list[Any]:
    """Return targets of each kind for the logits `z`: labels, and values in their shape."""
    xp = bound.backend.xp
    return [xp.zeros(z.shape[:1], dtype=xp.int64), xp.zeros_like(z)]


def _pass_of_a_step(bound: BoundProgram, rows: int) -> None:
    """Go forward and back as in training, where dropout and noise draw and batches are measured.

    What that does to the state is forgotten.
    """
    rows = max(rows, bound.program.least_rows(training=True))
    x = bound.backend.xp.zeros((rows, bound.program.in_features), dtype=bound.dtype)
    logits, tape = bound.forward(x, Mode.TRAINING, RandomKey(seed=0, step=1), watched=False)
    assert tape is not None  # only inference has none
    bound.backward(tape, logits)


def _losses(bound: BoundProgram, loss: Loss, z: Any) -> None:
    """Take the loss of the logits `z`, one of the library's own, for each kind of targets."""
    if loss.custom is not None:
        return
    function = LOSSES[loss.name]
    labels, values = _targets(bound, z)
    fitting = (
        (labels, function.expects == "classes"),
        (values, function.expects != "classes" or function.soft_labels),
    )
    for t, fits in fitting:
        if fits:
            bound.plan(Mode.TRAINING).loss(loss, z, t, None)


def _update(bound: BoundProgram, optimizer: Optimizer) -> None:
    """Let the optimizer step on parameters of no model: one that decays, and one that does not."""
    backend, dtype = bound.backend, bound.dtype
    layout = Layout.of((Parameter("weight", (1,)), Parameter("bias", (1,))), dtype.itemsize)
    flat, gradient, *vectors = (
        backend.zeros(layout.length, dtype) for _ in range(2 + len(optimizer.state_names))
    )
    middle = layout.slots["bias"].start
    spans = Span(0, middle), Span(middle, layout.length, decays=False)
    moments = dict(zip(optimizer.state_names, vectors, strict=True))
    parameters = ParameterBuffer(flat, layout, backend)
    plan = bound.plan(Mode.TRAINING)
    plan.update(parameters, optimizer, gradient, moments, 1, None, spans)
