"""Whole training steps: the objective before the step, and every parameter after it.

In its first step each optimizer moves a parameter by an increasing function of its gradient: by
η g, by η (1 + μ) g, by η g / (|g| + ε), by η sign(g), and so on.  So a gradient that is known to
lie between two numbers leaves the parameter between two numbers.
"""

import numpy as np

from mlpcore.optim import optimizer as named_optimizer
from mlpcore.selfcheck.bounds import Bounds
from mlpcore.selfcheck.fallbacks import note_missing_kernels
from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.mean_loss import mean_loss
from mlpcore.selfcheck.networks import targets
from mlpcore.selfcheck.place import Place, host_parameters, wide
from mlpcore.selfcheck.running_error import Exact

_NETWORKS = (((6, 5, 3), "tanh", "softmax"), ((17, 64, 33, 10), "relu", "softmax"))
_MORE = (((1, 1), "tanh", "identity"), ((32, 128, 1), "gelu", "identity"))
_RATE = 0.05


def check(place: Place, findings: Findings, *, optimizer: str) -> None:
    """Check the first step of networks on batches of one row, of few and of many."""
    note_missing_kernels(place, findings)
    bounds, rule = Bounds(place.dtype), named_optimizer(optimizer, lr=_RATE)
    for sizes, activation, output in _NETWORKS if place.quick else _NETWORKS + _MORE:
        loss = "cross_entropy" if output == "softmax" else "mse"
        for rows in (1, 33) if place.quick else (1, 7, 33, 515):
            model = place.model(sizes, activation, output=output)
            before = host_parameters(model)
            x, t = place.random(rows, sizes[0]), targets(place, loss, rows, sizes[-1])
            exact = Exact(before, activation, place.dtype)
            value, dz = mean_loss(loss, exact.forward(x), t, place.dtype)
            gradients, _ = exact.backward(dz)

            found = model.trainer(loss, rule).step(x, t)
            after = host_parameters(model)
            findings.within(f"objective of {rows} rows", float(found), value.exact, value.off)
            for name, g in gradients.items():
                own = rule if name.endswith("weight") else rule.exempt
                low, middle, high = (
                    _stepped(own, wide(before[name]), g.exact + share * g.off)
                    for share in (1.0, 0.0, -1.0)
                )
                terms = np.abs(before[name]) + np.abs(middle - before[name]) + 2 * _RATE
                off = np.maximum(high - middle, middle - low) + bounds.gamma(16) * terms
                findings.within(f"{name} after a step of {rows} rows", after[name], middle, off)


def _stepped(rule: object, p: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Return the parameters after a first step along `g`, in float64."""
    after = p.ravel().copy()
    names = rule.state_names  # type: ignore[attr-defined]
    state = {name: np.zeros_like(after) for name in names}
    rule.update(np, after, g.ravel().copy(), state, 1)  # type: ignore[attr-defined]
    return after.reshape(p.shape)


def check_learning(place: Place, findings: Findings) -> None:
    """Check that `fit` learns to tell on which side of a plane points lie."""
    x = place.random(512, 5)
    t = (x[:, 0] + x[:, 1] > 0).astype(np.int64)
    model = place.model((5, 16, 2), "relu", output="softmax")
    losses = model.fit(x, t, epochs=4, batch_size=32, lr=0.02, progress=False)["loss"]
    findings.require(
        losses[-1] < 0.6 * losses[0], f"the loss went from {losses[0]:.4g} to {losses[-1]:.4g} only"
    )
    accuracy = model.evaluate(x, t)["accuracy"]
    findings.require(accuracy > 0.9, f"the accuracy is {accuracy:.3f}, expected above 0.9")
