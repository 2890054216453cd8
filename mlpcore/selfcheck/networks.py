"""Whole networks: prediction, the forward pass, the loss and the backward pass."""

from typing import Any

import numpy as np

from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.selfcheck.bounds import Bounds
from mlpcore.selfcheck.fallbacks import note_missing_kernels, note_refused_products
from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.mean_loss import mean_loss
from mlpcore.selfcheck.place import Place, host_parameters
from mlpcore.selfcheck.running_error import Approximate, Exact

CASES: tuple[tuple[tuple[int, ...], str, str], ...] = (
    ((5, 3), "relu", "identity"),
    ((1, 1), "tanh", "identity"),
    ((1, 4, 1), "tanh", "identity"),
    ((13, 17, 11), "relu", "softmax"),
    ((33, 64, 65, 10), "gelu", "softmax"),
    ((3, 129, 5), "sin", "identity"),
    ((32, 64, 64, 64, 4), "silu", "softmax"),
    ((100, 256, 10), "gelu_tanh", "softmax"),
)
"""Widths, the activation of hidden layers, and what follows the logits."""


def check(
    place: Place, findings: Findings, *, sizes: tuple[int, ...], activation: str, output: str
) -> None:
    """Check batches of one row, of odd numbers of rows and of many."""
    note_missing_kernels(place, findings)
    model = place.model(sizes, activation, output=output)
    _compare(place, findings, model, activation, (1, 33) if place.quick else (1, 2, 33, 1025))


def check_without_biases(place: Place, findings: Findings) -> None:
    """Check a network whose layers have no bias."""
    model = place.model((9, 31, 4), "tanh", output="softmax", bias=False)
    _compare(place, findings, model, "tanh", (1, 33))


def check_empty(place: Place, findings: Findings) -> None:
    """Check that a batch of no rows gives results of no rows, and gradients that are zero."""
    model = place.model((4, 3, 2), "relu", output="softmax")
    x = np.empty((0, 4), place.dtype)
    z, cache = model.forward(x)
    grads = model.backward(cache, z)
    findings.same_bits("the prediction", model(x), np.empty((0, 2), place.dtype))
    findings.same_bits("dx", grads.input, np.empty((0, 4), place.dtype))
    findings.same_bits("the gradients", grads.flat, np.zeros_like(grads.flat))


def _compare(
    place: Place, findings: Findings, model: Any, activation: str, batches: tuple[int, ...]
) -> None:
    network = model.network
    parameters = host_parameters(model)
    softmax = network.output.name == "softmax"
    loss = "cross_entropy" if softmax else "mse"
    for rows in batches:
        x = place.random(rows, network.in_features)
        t = targets(place, loss, rows, network.widths[-1])
        exact = Exact(parameters, activation, place.dtype)
        z = exact.forward(x)
        for i, layer in enumerate(exact.layers):
            W, b = parameters[f"layers.{i}.weight"], parameters.get(f"layers.{i}.bias")
            note_refused_products(place, findings, layer.x.exact.astype(place.dtype), W, b)
        value, dz = mean_loss(loss, z, t, place.dtype)
        exact_grads, dx = exact.backward(dz)

        found_z, cache = model.forward(x)
        findings.within(f"logits of {rows} rows", found_z, z.exact, z.off)
        for i, layer in enumerate(exact.layers):
            name = f"z of layer {i}, {rows} rows"
            findings.within(name, cache.layers[i].z, layer.z.exact, layer.z.off)
        predicted = _softmax(place, z) if softmax else z
        findings.within(f"prediction of {rows} rows", model(x), predicted.exact, predicted.off)
        found, grads = model.value_and_grad(x, t, loss=loss, input_gradient=True)
        findings.within(f"loss of {rows} rows", found, value.exact, value.off)
        findings.within(f"dx of {rows} rows", grads.input, dx.exact, dx.off)
        for name, gradient in exact_grads.items():
            findings.within(f"d {name}, {rows} rows", grads[name], gradient.exact, gradient.off)


def targets(place: Place, loss: str, rows: int, width: int) -> Any:
    """Return labels for a cross-entropy, numbers for a squared error."""
    if loss == "cross_entropy":
        return place.labels(rows, width)
    return place.random(rows, width, seed=4)


def _softmax(place: Place, z: Approximate) -> Approximate:
    """Return the shares of logits that are known so far; see `mean_loss`."""
    p = ACTIVATIONS["softmax"].forward(np, z.exact)
    bounds, worst = Bounds(place.dtype), z.off.max(axis=1, keepdims=True)
    off = p * (np.expm1(2 * worst) + bounds.exponentials(z.exact)) + bounds.tiny
    return Approximate(p, off)
