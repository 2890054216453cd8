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

    def unavailable(self, spec: Spec) -> str | None:
        """Return a reason for activations not written out here, and for GELU without SciPy."""
        if spec.activation not in _ACTIVATIONS:
            return f"written for {', '.join(_ACTIVATIONS)}, not {spec.activation}"
        if spec.activation == "gelu" and importlib.util.find_spec("scipy") is None:
            return "NumPy has no erf, and SciPy is not installed"
        return None

    def prepare(self, spec: Spec, parameters: Parameters) -> Inference:
        """Return the forward pass."""
        f = _ACTIVATIONS[spec.activation].f
        *hidden, (W_last, b_last) = parameters

        def forward(x: Array) -> Array:
            a = x
            for W, b in hidden:
                a = f(a @ W.T + b)
            return a @ W_last.T + b_last

        return forward

    def prepare_training(self, spec: Spec, parameters: Parameters) -> Training:
        """Return forward, cross-entropy, backward and SGD in one function."""
        f, derivative = _ACTIVATIONS[spec.activation]
        lr = parameters[0][0].dtype.type(spec.learning_rate)
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
            for i in range(last, -1, -1):
                W, b = parameters[i]
                dW, db = dz.T @ a[i], dz.sum(axis=0)
                if i:
                    dz = derivative(zs[i - 1], a[i], dz @ W)
                W -= lr * dW
                b -= lr * db
            return float(loss)

        return step
