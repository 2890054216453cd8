"""cuBLASLt's fused products, each against the same thing computed unfused.

The unfused way is z = x Wᵀ + b in float64 and then the reference.  How exact the tanh-GELU of
cuBLASLt is, is not documented: it gets the tolerance that NVIDIA's own tests of nvmath-python have
in float32, 2e-5 of |z|.
"""

from typing import Any

import numpy as np

from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.selfcheck.bounds import Bounds
from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place, wide

FORWARD = ("NONE", "BIAS", "RELU_BIAS", "RELU_AUX_BIAS", "GELU_BIAS", "GELU_AUX_BIAS")
BACKWARD = ("DRELU", "DRELU_BGRAD", "DGELU", "DGELU_BGRAD")

_GELU_ERROR = {"float32": 2e-5, "float64": 1e-13}
_STEEPEST = 1.13
"""The largest slope of the tanh-GELU, and of ReLU."""

_SHAPES = ((33, 17, 40), (64, 64, 64), (7, 129, 5), (1, 16, 9))
"""Rows, inputs, outputs."""


def check_forward(place: Place, findings: Findings, *, name: str) -> None:
    """Check a product with what follows it."""
    from mlpcore.kernels.cuda.cublaslt import Epilogue, Refused, affine, empty_auxiliary

    epilogue, bounds = Epilogue[name], Bounds(place.dtype)
    for rows, inputs, outputs in _SHAPES:
        x, W, b = _layer(place, rows, inputs, outputs)
        added = b if epilogue.adds_bias else None
        z, off = bounds.product(x, W.T, added)
        with place.active():
            xp = place.backend.xp
            out = xp.full((rows, outputs), xp.nan, place.dtype)
            aux = empty_auxiliary(epilogue, rows, outputs, place.dtype)
            given = None if added is None else xp.asarray(added)
            try:
                affine(xp.asarray(x), xp.asarray(W), given, out, epilogue, aux)
            except Refused as refusal:
                _refused(findings, refusal)
                continue
            found = out.get()
            kept = aux.get() if epilogue.has_input else None
        exact, slack = _activated(name, place.dtype, z, off)
        findings.within(f"{name} of {rows} x {inputs} -> {outputs}", found, exact, slack)
        if kept is not None:
            findings.within(f"z that {name} keeps", kept[:, :outputs], z, off)


def check_backward(place: Place, findings: Findings, *, name: str) -> None:
    """Check dz = (dz_next W_next) f'(z), and its sums over the rows, after a forward product."""
    from mlpcore.kernels.cuda.cublaslt import (
        Epilogue,
        Refused,
        affine,
        empty_auxiliary,
        input_gradient,
    )

    epilogue, bounds = Epilogue[name], Bounds(place.dtype)
    activation = "relu" if epilogue.has_mask else "gelu_tanh"
    forward = Epilogue.RELU_AUX_BIAS if epilogue.has_mask else Epilogue.GELU_AUX_BIAS
    for rows, inputs, outputs in _SHAPES:
        x, W, b = _layer(place, rows, inputs, outputs)
        next_W, next_dz = place.random(11, outputs, seed=8), place.random(rows, 11, seed=9)
        with place.active():
            xp = place.backend.xp
            aux = empty_auxiliary(forward, rows, outputs, place.dtype)
            a, dz = xp.empty((2, rows, outputs), place.dtype)
            db = xp.empty(outputs, place.dtype) if epilogue.sums_bias_gradient else None
            try:
                affine(xp.asarray(x), xp.asarray(W), xp.asarray(b), a, forward, aux)
                W_there, dz_there = xp.asarray(next_W), xp.asarray(next_dz)
                input_gradient(dz_there, W_there, dz, epilogue, aux, db)
            except Refused as refusal:
                _refused(findings, refusal)
                continue
            found, sums = dz.get(), None if db is None else db.get()
        z, z_off = bounds.product(x, W.T, b)
        da, da_off = bounds.product(next_dz, next_W)
        function = ACTIVATIONS[activation]
        assert function.derivative is not None
        slope = function.derivative(np, z, function.forward(np, z))
        if epilogue.has_mask:  # on either side of the kink where z is as near as its error
            slope_off: Any = np.where(np.abs(z) <= z_off, 1.0, 0.0)
        else:  # |f''| < 1.13
            slope_off = _STEEPEST * z_off + _GELU_ERROR[place.dtype] * (1 + np.abs(z))
        exact = da * slope
        off = _STEEPEST * da_off + (np.abs(da) + da_off) * (slope_off + bounds.gamma(4))
        findings.within(f"{name} of {rows} x {inputs} -> {outputs}", found, exact, off)
        if sums is not None:
            total, rounding = bounds.rows_sum(found)
            findings.within(f"db of {name}", sums, total, rounding + off.sum(axis=0))


def check_weight_gradient(place: Place, findings: Findings) -> None:
    """Check dW = dzᵀ x with the bias gradient in the same kernel."""
    from mlpcore.kernels.cuda.cublaslt import Refused, weight_gradient

    bounds = Bounds(place.dtype)
    for rows, inputs, outputs in _SHAPES:
        x, dz = place.random(rows, inputs), place.random(rows, outputs)
        with place.active():
            xp = place.backend.xp
            dW, db = xp.empty((outputs, inputs), place.dtype), xp.empty(outputs, place.dtype)
            try:
                weight_gradient(xp.asarray(dz), xp.asarray(x), dW, db)
            except Refused as refusal:
                _refused(findings, refusal)
                continue
            found, sums = dW.get(), db.get()
        findings.within("dW", found, *bounds.product(dz.T, x))
        findings.within("db", sums, *bounds.rows_sum(dz))


def _layer(place: Place, rows: int, inputs: int, outputs: int) -> tuple[Any, Any, Any]:
    x, W = place.random(rows, inputs), place.random(outputs, inputs)
    return x, W, place.random(outputs)


def _activated(name: str, dtype: str, z: Any, off: Any) -> tuple[Any, Any]:
    """Return f(z) of the epilogue in float64, and its bound for a z that is `off`."""
    if "RELU" in name:
        return np.maximum(z, 0), off
    if "GELU" in name:
        slack = _STEEPEST * off + _GELU_ERROR[dtype] * np.abs(wide(z))
        return ACTIVATIONS["gelu_tanh"].forward(np, z), slack
    return z, off


def _refused(findings: Findings, refusal: Exception) -> None:
    """Count a refusal as an answer: whoever asked computes it unfused."""
    findings.require(True, "")
    findings.fell_back(str(refusal))
