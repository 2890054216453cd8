"""Backward propagation is the derivative of forward propagation, for any network."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.differences import central_differences, relative_error

from mlpcore import MLP
from mlpcore.kernels.reference.activations import ACTIVATIONS

# Central differences mean nothing across a kink or a jump of the derivative.
SMOOTH = sorted(
    set(ACTIVATIONS)
    - {"relu", "leaky_relu", "hard_sigmoid", "hard_swish", "selu", "elu", "celu", "softsign"}
)


def spread(model, rng):
    for view in model.parameters().values():
        view[...] = rng.normal(scale=0.7, size=view.shape)


def check(model, x, dz):
    _, cache = model.forward(x)
    grads = model.backward(cache, dz)

    def scalar():
        return float((model.forward(x, cache=False) * dz).sum())

    assert relative_error(grads.input, central_differences(scalar, x)) < 1e-6
    views = model.parameters()
    expected = np.concatenate([central_differences(scalar, v).ravel() for v in views.values()])
    found = np.concatenate([grads[name].ravel() for name in views])
    assert relative_error(found, expected) < 1e-6


@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=5),
    st.integers(1, 5),
    st.booleans(),
    st.data(),
)
def test_random_architectures(sizes, rows, bias, data):
    names = data.draw(
        st.lists(st.sampled_from(SMOOTH), min_size=len(sizes) - 2, max_size=len(sizes) - 1)
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    model = MLP(sizes, activation=names, bias=bias, dtype="float64", seed=0)
    spread(model, rng)
    check(model, rng.normal(size=(rows, sizes[0])), rng.normal(size=(rows, sizes[-1])))


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_every_activation_inside_a_network(name):
    rng = np.random.default_rng(0)
    model = MLP([3, 5, 4, 2], activation=name, dtype="float64", seed=1)
    spread(model, rng)
    check(model, rng.normal(size=(4, 3)), rng.normal(size=(4, 2)))


@pytest.mark.parametrize(
    ("loss", "output"),
    [
        ("cross_entropy", "softmax"),
        ("cross_entropy", "log_softmax"),
        ("binary_cross_entropy", "sigmoid"),
        ("mse", "identity"),
        ("mae", "identity"),
        ("huber", "identity"),
    ],
)
@pytest.mark.parametrize("l2", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_objective_of_every_loss(loss, output, l2, weighted):
    rng = np.random.default_rng(2)
    model = MLP([3, 5, 4], activation="tanh", output=output, dtype="float64", seed=3)
    spread(model, rng)
    x = rng.normal(size=(6, 3))
    t = {"cross_entropy": rng.integers(0, 4, 6), "binary_cross_entropy": rng.random((6, 4))}.get(
        loss, rng.normal(size=(6, 4))
    )
    weights = rng.uniform(0.5, 2, 6) if weighted else None

    def objective():
        return float(model.value_and_grad(x, t, loss, l2=l2, sample_weight=weights)[0])

    _, grads = model.value_and_grad(x, t, loss, l2=l2, sample_weight=weights, input_gradient=True)
    assert relative_error(grads.input, central_differences(objective, x)) < 1e-6
    for name, view in model.parameters().items():
        assert relative_error(grads[name], central_differences(objective, view)) < 1e-6, name


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
