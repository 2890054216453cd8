"""Arrays of either kind come in and go out as the same kind, with the same numbers."""

from typing import Any

import numpy as np

from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place


def check(place: Place, findings: Findings) -> None:
    """Check arrays of this device beside those of the host, lists, rows in steps and columns."""
    model = place.model((6, 20, 3), "tanh", output="softmax")
    x, t = place.random(64, 6), place.labels(64, 3)
    expected = model(x)
    findings.require(type(expected) is np.ndarray, f"NumPy gave {type(expected).__name__}")
    findings.same_bits("rows in steps", model(x[::2]), model(x[::2].copy()))
    findings.same_bits("columns", model(np.asfortranarray(x)), expected)
    findings.same_bits("a leading shape", model(x.reshape(4, 16, 6)), expected.reshape(4, 16, 3))
    findings.same_bits("float64", model(x.astype(np.float64)), expected)
    if not place.on_gpu:
        return
    with place.active():
        xp = place.backend.xp
        there = model(xp.asarray(x))
        findings.require(isinstance(there, xp.ndarray), f"CuPy gave {type(there).__name__}")
        findings.same_bits("CuPy", there.get(), expected)
        strided = xp.asarray(np.repeat(x, 2, axis=1))[:, ::2]
        findings.same_bits("CuPy, columns in steps", model(strided).get(), expected)
        value, grads = model.value_and_grad(xp.asarray(x), xp.asarray(t), loss="cross_entropy")
        host_value, host_grads = model.value_and_grad(x, t, loss="cross_entropy")
        findings.require(value.ndim == 0, "the loss is no 0-d array")
        findings.same_bits("the loss", _host(value), _host(host_value))
        findings.same_bits("the gradient", _host(grads.flat), _host(host_grads.flat))


def _host(array: Any) -> Any:
    return array.get() if hasattr(array, "get") else np.asarray(array)
