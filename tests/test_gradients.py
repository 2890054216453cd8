"""Backward propagation is the derivative of forward propagation, for any network."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.differences import central_differences, relative_error

from mlpcore import MLP
from mlpcore.kernels.reference.activations import ACTIVATIONS

# Differences mean nothing across a kink or a jump of the derivative.
SMOOTH = sorted(
    set(ACTIVATIONS)
    - {"relu", "leaky_relu", "hard_sigmoid", "hard_swish", "selu", "elu", "celu", "softsign"}
)
LOSSES = [
    ("cross_entropy", "softmax"),
    ("cross_entropy", "log_softmax"),
    ("binary_cross_entropy", "sigmoid"),
    ("nll", "identity"),
    ("mse", "identity"),
    ("mae", "identity"),
    ("huber", "identity"),
    ("poisson", "identity"),
]
H = 1e-5
EPS = np.finfo(float).eps


def spread(model, rng):
    for view in model.parameters().values():
        view[...] = rng.normal(scale=0.7, size=view.shape)


def derivative(f, x):
    """Return df/dx to O(h⁴): the differences D over h and 2h have errors of c h² and 4 c h²."""
    return (4 * central_differences(f, x, H) - central_differences(f, x, 2 * H)) / 3


def assert_gradients(f, found, arrays, rounding):
    """Each of `found` is the derivative of f by an array, to 1e-6 of the largest element.

    And to what the differences themselves lose: f is computed to ±δ, `rounding`, so that D is off
    by up to 2 δ / 2h and their combination by (4 + 1/2) / 3 δ / h, whatever the gradient's size.
    """
    expected = np.concatenate([derivative(f, array).ravel() for array in arrays])
    found = np.concatenate([np.ravel(g) for g in found])
    largest = max(np.abs(found).max(), np.abs(expected).max())
    assert np.abs(found - expected).max() <= 1e-6 * largest + 1.5 * rounding / H


def forward_rounding(cache, grads, parameters):
    """Return, to first order, how far rounding in the forward pass moves what `grads` are of.

    A sum of n products and a bias is off by at most (n + 1) ε times the sum of their magnitudes (N.
    J. Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1), an activation by a
    few ε of the larger of |z|, in its row, and |a|; dz and da say what becomes of that.
    """
    total, a = 0.0, cache.x
    for i, (layer, gradient) in enumerate(zip(cache.layers, grads.layers, strict=True)):
        W, b = parameters[f"layers.{i}.weight"], parameters.get(f"layers.{i}.bias", 0.0)
        products = np.abs(a) @ np.abs(W).T + np.abs(b)
        total += (W.shape[1] + 1) * np.sum(np.abs(gradient.dz) * products)
        a = layer.a
        size = np.maximum(np.abs(a), np.abs(layer.z).max(axis=1, keepdims=True))
        total += 4 * np.sum(np.abs(gradient.dz if gradient.da is None else gradient.da) * size)
    return EPS * total


def check_backward(model, x, dz):
    """The gradients are those of Σ z dz."""
    z, cache = model.forward(x)
    grads = model.backward(cache, dz, intermediates=True)

    def scalar():
        return float((model.forward(x, cache=False) * dz).sum())

    views = model.parameters()
    rounding = forward_rounding(cache, grads, views) + z.size * EPS * np.abs(z * dz).sum()
    assert_gradients(scalar, [grads.input], [x], rounding)
    assert_gradients(scalar, [grads[name] for name in views], views.values(), rounding)


def check_objective(model, x, t, loss, **settings):
    """The gradients are those of J."""
    J, grads = model.value_and_grad(x, t, loss, input_gradient=True, intermediates=True, **settings)

    def objective():
        return float(model.value_and_grad(x, t, loss, **settings)[0])

    views = model.parameters()
    z, cache = model.forward(x)
    # All terms of J are positive, and none comes of numbers that are larger than z.
    own = (z.size + grads.flat.size + 4) * EPS * (float(J) + np.abs(z).max())
    rounding = forward_rounding(cache, grads, views) + own
    assert_gradients(objective, [grads.input], [x], rounding)
    for name, view in views.items():
        assert_gradients(objective, [grads[name]], [view], rounding)


def targets(loss, z, rng):
    """Return random targets, which keep z away from the kinks at |z - t| = 0 and huber's at 1."""
    rows, width = z.shape
    if loss in ("cross_entropy", "nll"):
        return rng.integers(0, width, rows)
    if loss == "binary_cross_entropy":
        return rng.random(z.shape)
    if loss == "poisson":
        return rng.poisson(2, z.shape).astype(float)
    distance = rng.uniform(0.2, 0.8, z.shape) + rng.integers(0, 2, z.shape)
    return z + distance * rng.choice([-1, 1], z.shape)


architectures = given(
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=5),
    rows=st.integers(1, 5),
    bias=st.booleans(),
    seed=st.integers(0, 1000),
    data=st.data(),
)


@architectures
def test_random_architectures(sizes, rows, bias, seed, data):
    layers = len(sizes) - 1
    names = data.draw(st.lists(st.sampled_from(SMOOTH), min_size=layers - 1, max_size=layers))
    rng = np.random.default_rng(seed)
    model = MLP(sizes, activation=names, bias=bias, dtype="float64", seed=0)
    spread(model, rng)
    check_backward(model, rng.normal(size=(rows, sizes[0])), rng.normal(size=(rows, sizes[-1])))


@architectures
def test_random_objectives(sizes, rows, bias, seed, data):
    loss, output = data.draw(st.sampled_from(LOSSES))
    hidden = len(sizes) - 2
    names = data.draw(st.lists(st.sampled_from(SMOOTH), min_size=hidden, max_size=hidden))
    names += ["log_softmax"] * (loss == "nll")  # which takes log-probabilities
    rng = np.random.default_rng(seed)
    model = MLP(sizes, activation=names, output=output, bias=bias, dtype="float64", seed=0)
    spread(model, rng)
    x = rng.normal(size=(rows, sizes[0]))
    check_objective(
        model,
        x,
        targets(loss, model.forward(x, cache=False), rng),
        loss,
        l2=data.draw(st.sampled_from([0.0, 0.2])),
        sample_weight=rng.uniform(0.5, 2, rows) if data.draw(st.booleans()) else None,
    )


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_every_activation_inside_a_network(name):
    rng = np.random.default_rng(0)
    model = MLP([3, 5, 4, 2], activation=name, dtype="float64", seed=1)
    spread(model, rng)
    check_backward(model, rng.normal(size=(4, 3)), rng.normal(size=(4, 2)))


@pytest.mark.parametrize(("loss", "output"), LOSSES)
@pytest.mark.parametrize("l2", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_objective_of_every_loss(loss, output, l2, weighted):
    rng = np.random.default_rng(2)
    names = ["tanh", "log_softmax"] if loss == "nll" else ["tanh"]
    model = MLP([3, 5, 4], activation=names, output=output, dtype="float64", seed=3)
    spread(model, rng)
    x = rng.normal(size=(6, 3))
    t = targets(loss, model.forward(x, cache=False), rng)
    weights = rng.uniform(0.5, 2, 6) if weighted else None
    check_objective(model, x, t, loss, l2=l2, sample_weight=weights)


def test_intermediate_gradients_are_those_of_each_layers_z_and_a():
    rng = np.random.default_rng(4)
    model = MLP([3, 5, 4, 2], activation="tanh", dtype="float64", seed=5)
    x, dz = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    _, cache = model.forward(x)
    grads = model.backward(cache, dz, intermediates=True)
    W = [layer for name, layer in model.parameters().items() if name.endswith("weight")]
    np.testing.assert_array_equal(grads.layers[2].dz, dz)
    for layer in (1, 0):
        da = grads.layers[layer + 1].dz @ W[layer + 1]
        np.testing.assert_allclose(grads.layers[layer].da, da, rtol=1e-10)
        slope = 1 - cache.layers[layer].a ** 2
        np.testing.assert_allclose(grads.layers[layer].dz, da * slope, rtol=1e-10)
        a = x if layer == 0 else cache.layers[layer - 1].a
        np.testing.assert_allclose(
            grads.layers[layer].weight, grads.layers[layer].dz.T @ a, rtol=1e-9, atol=1e-12
        )
    np.testing.assert_allclose(grads.input, grads.layers[0].dz @ W[0], rtol=1e-10)


def test_a_loss_of_a_users_own():
    def quartic(z, t):
        return ((z - t) ** 4).mean(), 4 * (z - t) ** 3 / z.size

    rng = np.random.default_rng(6)
    model = MLP([3, 4, 2], activation="tanh", dtype="float64", seed=7)
    x, t = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    _, grads = model.value_and_grad(x, t, quartic)

    def objective():
        return float(model.value_and_grad(x, t, quartic)[0])

    for name, view in model.parameters().items():
        assert relative_error(grads[name], central_differences(objective, view)) < 1e-6, name
