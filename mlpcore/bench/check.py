r"""Whether a contender computes what it is timed for, against the same mathematics in float64.

Nothing is timed before its results have been compared: the logits in inference, and in training
the losses of three steps in a row, which show whether gradients, update and what the optimizer
remembers were right.

The tolerances belong to sums of up to some thousand rounded terms through a few layers, whose
error is some hundred times the dtype's :math:`\epsilon`.  A wrong formula errs by the order of one,
and products in a narrower type than asked for by more than is allowed as well (TF32 by 1e-3 of the
largest logit, bfloat16 by 1e-2).
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from mlpcore.bench.contender import Inference, Training
from mlpcore.bench.spec import Array, Parameters, Spec
from mlpcore.kernels.reference.activations import ACTIVATIONS

LOGIT_TOLERANCE = 2000
"""Permitted error of a logit, in epsilons of the largest logit: 2.4e-4 of it in float32."""

LOSS_TOLERANCE = 100
"""Permitted error of a loss, in epsilons of the first loss and of one: 1.2e-5 in float32."""

CHECKED_STEPS = 3
"""Losses that are compared in training: the last one also shows what two steps remembered."""

CHECKED_ROWS = 512
"""Rows of a batch that are compared in inference at most, spread from the first to the last."""


class WrongResultError(Exception):
    """A contender returned something else than the network's output or loss."""


class InferenceCheck:
    """The true logits of some rows of `x`.

    Parameters
    ----------
    spec, parameters
        The network.
    x : ndarray of shape (batch, in)
        The batch that will be timed.
    """

    def __init__(self, spec: Spec, parameters: Parameters, x: Array) -> None:
        self._spec, self._x = spec, x
        self._rows = np.unique(
            np.linspace(0, len(x) - 1, min(len(x), CHECKED_ROWS)).round().astype(int)
        )
        self._expected = _forward(spec, _widened(parameters), x[self._rows].astype(np.float64))[-1][
            1
        ]

    def __call__(self, forward: Inference) -> None:
        """Call `forward` on the whole batch; raise WrongResultError if a logit is off."""
        result = np.asarray(forward(self._x))
        shape = len(self._x), self._spec.layers[-1]
        if result.shape != shape:
            raise WrongResultError(f"expected logits of shape {shape}, got {result.shape}")
        scale = float(np.abs(self._expected).max())
        error = np.abs(result[self._rows].astype(np.float64) - self._expected)
        _compare(float(np.max(error)), LOGIT_TOLERANCE * self._spec.epsilon * scale, "a logit")


class TrainingCheck:
    """The true losses of the first steps of the optimizer on the batch `x` with classes `t`.

    Parameters
    ----------
    spec, parameters
        The network and its parameters before the first step.
    x : ndarray of shape (batch, in)
        The batch that will be timed.
    t : ndarray of shape (batch,)
        Its classes.
    """

    def __init__(self, spec: Spec, parameters: Parameters, x: Array, t: Array) -> None:
        self._spec, self._x, self._t = spec, x, t
        wide, x = _widened(parameters), x.astype(np.float64)
        update = _optimizer(spec)
        self._expected = [_step(spec, wide, x, t, update) for _ in range(CHECKED_STEPS)]

    def __call__(self, step: Training) -> None:
        """Take the steps; raise WrongResultError if a loss is off."""
        tolerance = LOSS_TOLERANCE * self._spec.epsilon * max(1.0, *self._expected)
        for count, expected in enumerate(self._expected):
            after = f" after {count} steps of {self._spec.optimizer}" if count else ""
            error = abs(float(step(self._x, self._t)) - expected)
            _compare(error, tolerance, f"the loss{after}")


def _compare(error: float, tolerance: float, what: str) -> None:
    if not error <= tolerance:  # also for NaN
        raise WrongResultError(f"{what} is off by {error:.3g}; at most {tolerance:.3g} is rounding")


def _widened(parameters: Parameters) -> list[tuple[Array, Array]]:
    return [(W.astype(np.float64), b.astype(np.float64)) for W, b in parameters]


def _forward(
    spec: Spec, parameters: list[tuple[Array, Array]], x: Array
) -> list[tuple[Array, Array]]:
    """Return z and a of each layer, the input as the first a."""
    f = ACTIVATIONS[spec.activation].forward
    record = [(x, x)]
    for i, (W, b) in enumerate(parameters):
        z = record[-1][1] @ W.T + b
        record.append((z, f(np, z) if i < len(parameters) - 1 else z))
    return record


def _loss(z: Array, t: Array) -> tuple[float, Array]:
    """Return the mean of -log softmax(z)[t] over the rows, and its gradient dz."""
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(t))
    dz = np.exp(log_p)
    dz[rows, t] -= 1
    return float(-log_p[rows, t].mean()), dz / len(t)


Update: TypeAlias = Callable[[list[Array], list[Array]], None]
"""Changes parameters in place, given their gradients in the same order."""


def _step(
    spec: Spec, parameters: list[tuple[Array, Array]], x: Array, t: Array, update: Update
) -> float:
    """Take one step in place and return the loss before it."""
    backward: Any = ACTIVATIONS[spec.activation].backward
    record = _forward(spec, parameters, x)
    loss, dz = _loss(record[-1][0], t)
    gradients: list[Array] = []
    for i in range(len(parameters) - 1, -1, -1):
        z, a = record[i]
        gradients += [dz.sum(axis=0), dz.T @ a]
        if i:
            dz = backward(np, z, a, dz @ parameters[i][0])
    update([p for layer in parameters for p in layer], gradients[::-1])
    return loss


def _optimizer(spec: Spec) -> Update:
    """Return SGD, or Adam as in algorithm 1 of arXiv:1412.6980."""
    m: dict[int, Any] = defaultdict(float)
    v: dict[int, Any] = defaultdict(float)
    steps = 0

    def sgd(parameters: list[Array], gradients: list[Array]) -> None:
        for p, dp in zip(parameters, gradients, strict=True):
            p -= spec.learning_rate * dp

    def adam(parameters: list[Array], gradients: list[Array]) -> None:
        nonlocal steps
        steps += 1
        for i, (p, dp) in enumerate(zip(parameters, gradients, strict=True)):
            m[i] = 0.9 * m[i] + 0.1 * dp
            v[i] = 0.999 * v[i] + 0.001 * dp * dp
            corrected = m[i] / (1 - 0.9**steps), v[i] / (1 - 0.999**steps)
            p -= spec.learning_rate * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)

    return sgd if spec.optimizer == "sgd" else adam
