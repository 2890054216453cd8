"""The passes in float64 are those of the mathematics, and their bounds hold for other roundings."""

import numpy as np
import pytest

from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.kernels.reference.operation import Scope
from mlpcore.selfcheck.mean_loss import mean_loss
from mlpcore.selfcheck.running_error import Approximate, Exact

RNG = np.random.default_rng(1)
SIZES = (4, 7, 3)
PARAMETERS = {
    "layers.0.weight": RNG.standard_normal((7, 4)),
    "layers.0.bias": RNG.standard_normal(7),
    "layers.1.weight": RNG.standard_normal((3, 7)),
    "layers.1.bias": RNG.standard_normal(3),
}
X, T = RNG.standard_normal((6, 4)), RNG.integers(0, 3, 6)


def loss_of(parameters, x=X):
    exact = Exact(parameters, "tanh", "float64")
    return float(mean_loss("cross_entropy", exact.forward(x), T, "float64")[0].exact)


@pytest.mark.parametrize("name", PARAMETERS)
def test_gradients_are_differences_of_the_loss(name):
    exact = Exact(PARAMETERS, "tanh", "float64")
    _, dz = mean_loss("cross_entropy", exact.forward(X), T, "float64")
    gradients, _ = exact.backward(dz)
    direction = RNG.standard_normal(PARAMETERS[name].shape)
    h = 1e-6
    ends = [loss_of(PARAMETERS | {name: PARAMETERS[name] + s * h * direction}) for s in (1, -1)]
    slope = (ends[0] - ends[1]) / (2 * h)
    assert np.sum(gradients[name].exact * direction) == pytest.approx(slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "sin", "silu"])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_a_pass_in_float32_is_within_its_bounds_and_not_far_below(activation, loss):
    t = T if loss == "cross_entropy" else RNG.standard_normal((6, 3)).astype(np.float32)
    narrow = {name: value.astype(np.float32) for name, value in PARAMETERS.items()}
    x = X.astype(np.float32)
    passes = []
    for dtype in (np.float32, np.float64):
        f = ACTIVATIONS[activation]
        W, b, V, c = (narrow[name].astype(dtype) for name in PARAMETERS)
        z = x.astype(dtype) @ W.T + b
        a = f.forward(np, z)
        y = a @ V.T + c
        if loss == "cross_entropy":
            p = ACTIVATIONS["softmax"].forward(np, y)
            dy = (p - np.eye(3, dtype=dtype)[t]) / dtype(6)
        else:
            dy = 2 * (y - t.astype(dtype)) / dtype(18)
        dz = (dy @ V) * f.derivative(np, z, a)
        passes.append((y, dz.T @ x.astype(dtype), dz @ W))
    exact = Exact(narrow, activation, "float32")
    y = exact.forward(x)
    gradients, dx = exact.backward(mean_loss(loss, y, t, "float32")[1])
    for found, wide, bounded in zip(*passes, (y, gradients["layers.0.weight"], dx), strict=True):
        np.testing.assert_allclose(bounded.exact, wide, rtol=1e-12, atol=1e-14)
        assert np.all(np.abs(found - wide) <= bounded.off)
        assert np.max(bounded.off) < 1e-3 * max(1, np.max(np.abs(wide)))


@pytest.mark.parametrize("name", [n for n, f in ACTIVATIONS.items() if f.scope is Scope.TILE])
def test_no_activation_is_steeper_than_two_or_bends_more(name):
    function = ACTIVATIONS[name]
    z = np.linspace(-12, 12, 240_001)
    settings = dict(function.defaults)
    slope = function.derivative(np, z, function.forward(np, z, **settings), **settings)
    assert np.abs(slope).max() <= 2
    jumps = np.abs(np.diff(slope)) / np.diff(z)
    kinks = np.abs(np.diff(slope)) > 0.01
    assert jumps[~kinks].max() <= 2


def test_size_is_the_magnitude_with_the_error():
    np.testing.assert_array_equal(
        Approximate(np.array([-2.0, 1.0]), np.array([0.5, 0.0])).size, [2.5, 1]
    )
