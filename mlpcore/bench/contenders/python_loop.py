"""One neuron after the other in plain Python, to show what vectorising gives."""

from collections.abc import Callable
from math import erf, exp, log, pi, sqrt, tanh
from typing import NamedTuple

import numpy as np

from mlpcore.bench.contender import Contender, Inference, Training
from mlpcore.bench.spec import Array, Parameters, Spec

Vector = list[float]


class _Activation(NamedTuple):
    f: Callable[[float], float]
    derivative: Callable[[float, float], float]
    """f'(z) from z and a"""


def _sigmoid(z: float) -> float:
    return 1 / (1 + exp(-z)) if z >= 0 else exp(z) / (1 + exp(z))


def _phi(z: float) -> float:
    return 0.5 * (1 + erf(z * sqrt(0.5)))


_ACTIVATIONS = {
    "identity": _Activation(lambda z: z, lambda _z, _a: 1.0),
    "relu": _Activation(lambda z: max(z, 0.0), lambda z, _a: float(z > 0)),
    "tanh": _Activation(tanh, lambda _z, a: 1 - a * a),
    "sigmoid": _Activation(_sigmoid, lambda _z, a: a * (1 - a)),
    "gelu": _Activation(
        lambda z: z * _phi(z), lambda z, _a: _phi(z) + z * exp(-0.5 * z * z) / sqrt(2 * pi)
    ),
}


class PythonLoop(Contender):
    """Lists and loops: a sample, a layer, a neuron, an input at a time.

    Python's floats are float64 whatever the dtype asked for.
    """

    name = "python_loop"
    call_limit_s = 0.5
    activations = tuple(_ACTIVATIONS)

    def unavailable(self, spec: Spec) -> str | None:
        """Return a reason also for other optimizers than SGD."""
        if spec.mode == "training" and spec.optimizer != "sgd":
            return f"written for sgd, not {spec.optimizer}"
        return super().unavailable(spec)

    def prepare(self, spec: Spec, parameters: Parameters, batch_size: int) -> Inference:  # noqa: ARG002
        """Return the forward pass."""
        layers, f = _as_lists(parameters), _ACTIVATIONS[spec.activation].f

        def forward(x: Array) -> Array:
            return np.array([_propagate(sample, layers, f)[0][-1] for sample in x.tolist()])

        return forward

    def prepare_training(self, spec: Spec, parameters: Parameters, batch_size: int) -> Training:  # noqa: ARG002
        """Return the step: gradients of each sample added up, then SGD on every weight."""
        layers, activation = _as_lists(parameters), _ACTIVATIONS[spec.activation]

        def step(x: Array, t: Array) -> float:
            gradients = [([[0.0] * len(W[0]) for _ in W], [0.0] * len(b)) for W, b in layers]
            loss = 0.0
            for sample, target in zip(x.tolist(), t.tolist(), strict=True):
                loss += _add_gradient(sample, target, layers, activation, gradients)
            scale = spec.learning_rate / len(x)
            for (W, b), (dW, db) in zip(layers, gradients, strict=True):
                for neuron in range(len(b)):
                    b[neuron] -= scale * db[neuron]
                    W[neuron] = [
                        w - scale * dw for w, dw in zip(W[neuron], dW[neuron], strict=True)
                    ]
            return loss / len(x)

        return step


Layers = list[tuple[list[Vector], Vector]]


def _as_lists(parameters: Parameters) -> Layers:
    return [(W.tolist(), b.tolist()) for W, b in parameters]


def _propagate(
    sample: Vector, layers: Layers, f: Callable[[float], float]
) -> tuple[list[Vector], list[Vector]]:
    """Return the sample and the output of each layer, and each layer's pre-activations."""
    outputs, before = [sample], []
    for i, (W, b) in enumerate(layers):
        a = outputs[-1]
        z = []
        for weights, bias in zip(W, b, strict=True):
            total = bias
            for w, value in zip(weights, a, strict=True):
                total += w * value
            z.append(total)
        before.append(z)
        outputs.append([f(value) for value in z] if i < len(layers) - 1 else z)
    return outputs, before


def _add_gradient(
    sample: Vector, target: int, layers: Layers, activation: _Activation, gradients: Layers
) -> float:
    """Add the gradient of one sample's cross-entropy to `gradients` and return its loss."""
    a, z = _propagate(sample, layers, activation.f)
    top = max(z[-1])
    exps = [exp(value - top) for value in z[-1]]
    total = sum(exps)
    dz = [e / total for e in exps]
    dz[target] -= 1
    for i in range(len(layers) - 1, -1, -1):
        W, _ = layers[i]
        dW, db = gradients[i]
        for neuron, d in enumerate(dz):
            db[neuron] += d
            row = dW[neuron]
            for k, value in enumerate(a[i]):
                row[k] += d * value
        if i:
            da = [0.0] * len(a[i])
            for weights, d in zip(W, dz, strict=True):
                for k, w in enumerate(weights):
                    da[k] += d * w
            dz = [
                d * activation.derivative(before, after)
                for d, before, after in zip(da, z[i - 1], a[i], strict=True)
            ]
    return log(total) + top - z[-1][target]
