"""NumPy as one writes it by hand: a line for a layer, and nothing tuned."""

import importlib
import importlib.util
from collections.abc import Callable
from math import pi, sqrt
from typing import Any, NamedTuple

import numpy as np

from mlpcore.bench.contender import Contender, Inference, Training
from mlpcore.bench.spec import Array, Parameters, Spec


class _Activation(NamedTuple):
    f: Callable[[Array], Array]
    """a = f(z)"""
    dz: Callable[[Array, Array, Array], Array]
    """dz = da f'(z), from z, a and da"""


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def _phi(z: Array) -> Array:
    erf: Any = importlib.import_module("scipy.special").erf
    phi: Array = 0.5 * (1 + erf(z * z.dtype.type(sqrt(0.5))))
    return phi


def _normal_density(z: Array) -> Array:
    density: Array = np.exp(-0.5 * z * z) * z.dtype.type(1 / sqrt(2 * pi))
    return density


_ACTIVATIONS = {
    "identity": _Activation(lambda z: z, lambda _z, _a, da: da),
    "relu": _Activation(lambda z: np.maximum(z, 0), lambda z, _a, da: da * (z > 0)),
    "tanh": _Activation(np.tanh, lambda _z, a, da: da * (1 - a * a)),
    "sigmoid": _Activation(_sigmoid, lambda _z, a, da: da * a * (1 - a)),
    "gelu": _Activation(
        lambda z: z * _phi(z), lambda z, _a, da: da * (_phi(z) + z * _normal_density(z))
    ),
}


class NumPy(Contender):
    """x @ W.T + b and the activation, layer by layer."""

    name = "numpy"
    distributions = ("numpy",)

    activations = tuple(_ACTIVATIONS)

    def unavailable(self, spec: Spec) -> str | None:
        """Return a reason also for GELU without SciPy."""
        if spec.activation == "gelu" and importlib.util.find_spec("scipy") is None:
            return "NumPy has no erf, and SciPy is not installed"
        return super().unavailable(spec)

    def prepare(self, spec: Spec, parameters: Parameters, batch_size: int) -> Inference:  # noqa: ARG002
        """Return the forward pass."""
        f = _ACTIVATIONS[spec.activation].f
        *hidden, (W_last, b_last) = parameters

        def forward(x: Array) -> Array:
            a = x
            for W, b in hidden:
                a = f(a @ W.T + b)
            return a @ W_last.T + b_last

        return forward

    def prepare_training(self, spec: Spec, parameters: Parameters, batch_size: int) -> Training:  # noqa: ARG002
        """Return forward, cross-entropy, backward and the update in one function."""
        f, derivative = _ACTIVATIONS[spec.activation]
        update = _update(spec, parameters)
        last = len(parameters) - 1

        def step(x: Array, t: Array) -> float:
            a, zs = [x], []
            for i, (W, b) in enumerate(parameters):
                zs.append(a[-1] @ W.T + b)
                a.append(f(zs[-1]) if i < last else zs[-1])
            rows = np.arange(len(x))
            shifted = zs[-1] - zs[-1].max(axis=1, keepdims=True)
            exp = np.exp(shifted)
            total = exp.sum(axis=1, keepdims=True)
            loss = np.mean(np.log(total[:, 0]) - shifted[rows, t])
            dz = exp / total
            dz[rows, t] -= 1
            dz /= len(x)
            gradients = []
            for i in range(last, -1, -1):
                W, b = parameters[i]
                dW, db = dz.T @ a[i], dz.sum(axis=0)
                if i:
                    dz = derivative(zs[i - 1], a[i], dz @ W)
                gradients += [db, dW]
            update(gradients[::-1])
            return float(loss)

        return step


def _update(spec: Spec, parameters: Parameters) -> Callable[[list[Array]], None]:
    """Return what updates all W and b in place from dW and db, in that order layer by layer."""
    flat = [array for layer in parameters for array in layer]
    number = flat[0].dtype.type
    lr = number(spec.learning_rate)

    def sgd(gradients: list[Array]) -> None:
        for p, dp in zip(flat, gradients, strict=True):
            p -= lr * dp

    beta1, beta2, epsilon = number(0.9), number(0.999), number(1e-8)
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in flat]
    steps = 0

    def adam(gradients: list[Array]) -> None:
        nonlocal steps
        steps += 1
        rate, scale = number(lr / (1 - 0.9**steps)), number(1 / sqrt(1 - 0.999**steps))
        for p, dp, (m, v) in zip(flat, gradients, moments, strict=True):
            m += (1 - beta1) * (dp - m)
            v += (1 - beta2) * (dp * dp - v)
            p -= rate * m / (np.sqrt(v) * scale + epsilon)

    return sgd if spec.optimizer == "sgd" else adam
