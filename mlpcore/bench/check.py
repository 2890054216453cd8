r"""Whether a contender computes what it is timed for, against the same mathematics in float64.

Nothing is timed before its results have been compared: the logits in inference, and in training the
losses of two steps in a row, of which the second shows whether the first one's gradients and update
were right.

The tolerances belong to sums of up to some thousand rounded terms through a few layers, whose
error is some hundred times the dtype's :math:`\epsilon`.  A wrong formula errs by the order of one,
and products in a narrower type than asked for by more than is allowed as well (TF32 by 1e-3 of the
largest logit, bfloat16 by 1e-2).
"""

from typing import Any

import numpy as np

from mlpcore.bench.contender import Inference, Training
from mlpcore.bench.spec import Array, Parameters, Spec
from mlpcore.kernels.reference.activations import ACTIVATIONS

LOGIT_TOLERANCE = 2000
"""Permitted error of a logit, in epsilons of the largest logit: 2.4e-4 of it in float32."""

LOSS_TOLERANCE = 100
"""Permitted error of a loss, in epsilons of the first loss and of one: 1.2e-5 in float32."""

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
    """The true losses of two steps of SGD on the batch `x` with classes `t`.

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
        self._expected = _step(spec, wide, x, t), _loss(_forward(spec, wide, x)[-1][1], t)[0]

    def __call__(self, step: Training) -> None:
        """Take two steps; raise WrongResultError if a loss is off."""
        first = float(step(self._x, self._t))
        second = float(step(self._x, self._t))
        tolerance = LOSS_TOLERANCE * self._spec.epsilon * max(1.0, self._expected[0])
        _compare(abs(first - self._expected[0]), tolerance, "the loss")
        _compare(abs(second - self._expected[1]), tolerance, "the loss after one step of SGD")


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


def _step(spec: Spec, parameters: list[tuple[Array, Array]], x: Array, t: Array) -> float:
    """Take one step of SGD in place and return the loss before it."""
    backward: Any = ACTIVATIONS[spec.activation].backward
    record = _forward(spec, parameters, x)
    loss, dz = _loss(record[-1][0], t)
    for i in range(len(parameters) - 1, -1, -1):
        W, b = parameters[i]
        z, a = record[i]
        dW, db = dz.T @ a, dz.sum(axis=0)
        if i:
            dz = backward(np, z, a, dz @ W)
        W -= spec.learning_rate * dW
        b -= spec.learning_rate * db
    return loss
