r"""Layers between products as they train: norms, dropout and noise, forward and backward.

Each stands behind a product with the identity, so that what it reads is exact.  A normalised number
is :math:`n = d\,i` with :math:`d = x - \mu` and :math:`i = 1 / \sqrt{\sigma^2 + \varepsilon}`.  If
μ is off by :math:`e_\mu`, and σ² by :math:`e_{\sigma^2}`, then to first order n is off by

.. math::
    e_n = i\,e_\mu + |n|\,\frac{e_{\sigma^2}}{2(\sigma^2 + \varepsilon)}

and by the roundings of the formula.  The bounds here are twice that, for what is of second order.
"""

from typing import Any, NamedTuple

import numpy as np

from mlpcore.backends.base import Mode
from mlpcore.kernels.reference.normal_numbers import normal_numbers
from mlpcore.kernels.reference.normalization import normalize, normalize_backward
from mlpcore.kernels.reference.operation import Operation, RandomKey
from mlpcore.kernels.reference.operations import BatchNorm, Dropout, GaussianNoise, LayerNorm
from mlpcore.kernels.reference.philox import random_words, threshold
from mlpcore.model import MLP
from mlpcore.network import Dense, Network
from mlpcore.selfcheck.bounds import FUNCTION_ROUNDINGS, Bounds
from mlpcore.selfcheck.fallbacks import note_missing_kernels
from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place, wide

CASES: tuple[Operation, ...] = (BatchNorm(), LayerNorm(), Dropout(0.3), GaussianNoise(0.5))

_DRAWN = {"seed": 11, "step": 3, "layer": 1}
"""What layers draw: the operation is the second of the network, after the bias of the product."""


class _Passed(NamedTuple):
    """What a layer made of x and dy, in host memory."""

    x: Any
    y: Any
    dy: Any
    dx: Any
    parameters: dict[str, Any]
    gradients: dict[str, Any]
    state: dict[str, Any]


def check(place: Place, findings: Findings, *, operation: Operation) -> None:
    """Check a layer on batches of few rows and of several blocks, of few features and of many."""
    note_missing_kernels(place, findings)
    bounds = Bounds(place.dtype)
    for rows, width in ((2, 5), (33, 16), (150, 7), (3, 1030)) if not place.quick else ((70, 13),):
        passed = _pass(place, operation, rows, width)
        if isinstance(operation, BatchNorm | LayerNorm):
            _compare_norm(findings, bounds, operation, passed)
        elif isinstance(operation, Dropout):
            _compare_dropout(findings, bounds, operation.rate, passed)
        elif isinstance(operation, GaussianNoise):
            _compare_noise(findings, bounds, operation.std, passed)


def _pass(place: Place, operation: Operation, rows: int, width: int) -> _Passed:
    network = Network((Dense(width, width), operation))
    model = MLP.from_network(network, dtype=place.dtype, device=place.device, seed=0)
    values = {"layers.0.weight": np.eye(width), "layers.0.bias": np.zeros(width)}
    if isinstance(operation, BatchNorm | LayerNorm):
        values |= {f"layers.0.{name}": place.random(width, seed=i) for i, name in enumerate(_NORM)}
    model.set_parameters(values)
    x = place.random(rows, width, scale=3.0) + place.random(width)
    dy = place.random(rows, width, seed=4)
    bound, xp = model._bound, place.backend.xp
    with place.active():
        y, tape = bound.forward(
            xp.asarray(x), Mode.TRAINING, RandomKey(_DRAWN["seed"], _DRAWN["step"])
        )
        assert tape is not None  # of a training pass
        found = bound.backward(tape, xp.asarray(dy))
        host = place.backend.to_host
        views = bound.parameters.layout.views(host(found.flat))
        state = {name: wide(host(value)) for name, value in tape.run.state.items()}
        y, dx = host(y), host(found.dx)
    return _Passed(wide(x), y, wide(dy), dx, values, views, state)


_NORM = ("norm_scale", "norm_shift")


def _compare_norm(
    findings: Findings, bounds: Bounds, operation: BatchNorm | LayerNorm, passed: _Passed
) -> None:
    x, dy, axis = passed.x, passed.dy, 0 if isinstance(operation, BatchNorm) else 1
    scale, shift = (wide(passed.parameters[f"layers.0.{name}"]) for name in _NORM)
    count, gamma = x.shape[axis], bounds.gamma

    def mean(numbers: Any) -> Any:
        return numbers.mean(axis=axis, keepdims=True)

    exact = normalize(np, x, axis, operation.eps)
    n, i = exact.normal, exact.inverse
    d, variance = x - exact.mean, exact.variance
    off_mean = gamma(count + 1) * mean(np.abs(x))
    off_d = off_mean + gamma(1) * np.abs(d)
    off_variance = 2 * mean(np.abs(d) * off_d) + gamma(count + 3) * variance
    off_i = off_variance * i**2 / 2 + gamma(4)  # relative
    off_n = 2 * (i * off_d + np.abs(n) * off_i)
    size = np.abs(n * scale) + np.abs(shift)
    findings.within("y", passed.y, n * scale + shift, off_n * np.abs(scale) + gamma(4) * size)

    dn = dy * scale
    dx = normalize_backward(np, n, i, dn, axis)
    along, size_along = mean(dn * n), mean(np.abs(dn * n))
    off_along = mean(np.abs(dn) * off_n) + gamma(count + 4) * size_along
    off_inner = gamma(count + 2) * mean(np.abs(dn)) + off_n * np.abs(along) + np.abs(n) * off_along
    size = np.abs(dn) + mean(np.abs(dn)) + np.abs(n) * size_along
    off = 2 * i * (off_inner + (off_i + gamma(8)) * size)
    findings.within("dx", passed.dx, dx, off)

    dscale, off_scale = bounds.rows_sum(dy * n)
    off_scale += 2 * (np.abs(dy) * off_n).sum(axis=0) + gamma(4) * np.abs(dy * n).sum(axis=0)
    findings.within("dscale", passed.gradients["layers.0.norm_scale"], dscale, off_scale)
    findings.within("dshift", passed.gradients["layers.0.norm_shift"], *bounds.rows_sum(dy))

    if isinstance(operation, BatchNorm):
        share, bessel = operation.momentum, count / (count - 1)
        taken = (exact.mean[0], off_mean[0], 0.0), (variance[0] * bessel, off_variance[0] * 2, 1.0)
        for name, (now, off_now, before) in zip(
            ("running_mean", "running_variance"), taken, strict=True
        ):
            after = (1 - share) * before + share * now
            off = 2 * share * off_now + gamma(6) * (before + share * np.abs(now))
            findings.within(name, passed.state[f"layers.0.{name}"], after, off)


def _compare_dropout(findings: Findings, bounds: Bounds, rate: float, passed: _Passed) -> None:
    words = random_words(np, *passed.x.shape, **_DRAWN)
    factors = np.where(words >= threshold(rate), 1 / (1 - rate), 0.0)
    for name, found, given in (("y", passed.y, passed.x), ("dx", passed.dx, passed.dy)):
        exact = given * factors
        findings.within(name, found, exact, bounds.gamma(3) * np.abs(exact))


def _compare_noise(findings: Findings, bounds: Bounds, std: float, passed: _Passed) -> None:
    noise = std * normal_numbers(np, *passed.x.shape, **_DRAWN)
    exact = passed.x + noise
    off = bounds.gamma(1) * (np.abs(exact) + np.abs(noise))
    # Logarithm, root, sine and cosine are computed in float64, whatever the dtype.
    off += FUNCTION_ROUNDINGS * np.finfo(np.float64).eps * std * 7
    findings.within("y", passed.y, exact, off)
    findings.within("dx", passed.dx, passed.dy, 0.0)
