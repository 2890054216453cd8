"""The products of a layer: z = x Wᵀ + b, dx = dz W, dW = dzᵀ x, and the bias gradient db = Σ dz."""

from mlpcore.selfcheck.bounds import Bounds
from mlpcore.selfcheck.fallbacks import note_refused_products
from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place, host_parameters

_QUICK = ((1, 1, 1), (3, 5, 2), (33, 17, 65), (130, 64, 32))
_MORE = ((1, 784, 10), (2, 1, 300), (64, 257, 1), (65, 256, 256), (1025, 33, 129), (300, 1031, 67))
"""Rows, inputs and outputs of a layer."""


def check(place: Place, findings: Findings) -> None:
    """Check layers without an activation, of odd shapes."""
    bounds = Bounds(place.dtype)
    for rows, inputs, outputs in _QUICK if place.quick else _QUICK + _MORE:
        model = place.model([inputs, outputs])
        x, dz = place.random(rows, inputs), place.random(rows, outputs)
        parameters = host_parameters(model)
        W, b = parameters["layers.0.weight"], parameters["layers.0.bias"]
        note_refused_products(place, findings, x, W, b)
        z, cache = model.forward(x)
        grads = model.backward(cache, dz)
        shape = f"of {rows} x {inputs} -> {outputs}"
        findings.within(f"z {shape}", z, *bounds.product(x, W.T, b))
        findings.within(f"dx {shape}", grads.input, *bounds.product(dz, W))
        findings.within(f"dW {shape}", grads.layers[0].weight, *bounds.product(dz.T, x))
        findings.within(f"db {shape}", grads.layers[0].bias, *bounds.rows_sum(dz))
