"""MLP: what it is made of, and what makes no model."""

import numpy as np
import pytest
from support.models import model

import mlpcore
from mlpcore import MLP
from mlpcore.network import Dense, Network


def test_the_default_device_is_the_one_that_is_set():
    with mlpcore.use_device("cpu"):
        assert str(model().device) == "cpu"


@pytest.mark.parametrize("dtype", ["float16", "int32", "complex64", "str", np.int64, None])
def test_a_model_is_float32_or_float64(dtype):
    with pytest.raises(TypeError, match="dtype must be float32 or float64"):
        model(dtype=dtype)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"activation": "rleu"}, ValueError, "rleu.*relu"),
        ({"activation": ["relu", "relu", "relu"]}, ValueError, "2 layers take 1 activations"),
        ({"output": "tanh"}, ValueError, "'tanh' is none of identity"),
        ({"initializer": "hee"}, ValueError, "he_normal"),
        ({"sizes": [4]}, ValueError, "at least one layer"),
        ({"sizes": 5}, TypeError, "sizes must be"),
        ({"sizes": None}, TypeError, "sizes must be"),
        ({"activation": ()}, ValueError, "2 layers take 1 activations"),
        ({"activation": None}, TypeError, "an activation is a name"),
        ({"bias": "no"}, TypeError, "bias"),
        ({"initializer": 3}, TypeError, "initializer"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"seed": 0.5}, TypeError, "seed must be a whole number"),
    ],
)
def test_what_makes_no_model_is_refused(changes, error, words):
    with pytest.raises(error, match=words):
        model(**changes)


def test_a_model_of_one_layer_is_an_affine_map():
    net = MLP([3, 2], dtype="float64", seed=0)
    W, b = net.parameters()["layers.0.weight"], net.parameters()["layers.0.bias"]
    b[...] = [1, -1]
    x = np.random.default_rng(8).normal(size=(5, 3))
    np.testing.assert_allclose(net(x), x @ W.T + b, rtol=1e-12)


def test_without_activations_a_network_collapses_to_one_affine_map():
    net = MLP([3, 7, 5, 2], activation="identity", dtype="float64", seed=0)
    for view in net.parameters().values():
        view[...] = np.random.default_rng(9).normal(size=view.shape)
    p = net.parameters()
    W = p["layers.2.weight"] @ p["layers.1.weight"] @ p["layers.0.weight"]
    b = p["layers.2.weight"] @ (p["layers.1.weight"] @ p["layers.0.bias"] + p["layers.1.bias"])
    b = b + p["layers.2.bias"]
    x = np.random.default_rng(10).normal(size=(11, 3))
    np.testing.assert_allclose(net(x), x @ W.T + b, rtol=1e-10, atol=1e-10)


def test_activations_may_differ_by_layer_and_be_a_users_own():
    cube = (lambda z: z**3, lambda z: 3 * z**2)
    net = MLP([3, 4, 4, 2], activation=["tanh", cube], dtype="float64", seed=0)
    p = net.parameters()
    x = np.random.default_rng(11).normal(size=(6, 3))
    a = np.tanh(x @ p["layers.0.weight"].T + p["layers.0.bias"])
    a = (a @ p["layers.1.weight"].T + p["layers.1.bias"]) ** 3
    np.testing.assert_allclose(net(x), a @ p["layers.2.weight"].T, rtol=1e-10, atol=1e-12)


def test_a_model_without_bias_maps_zero_to_zero():
    net = MLP([3, 4, 2], bias=False, seed=0)
    assert net.num_parameters == 3 * 4 + 4 * 2
    assert not net(np.zeros((2, 3))).any()
    _, cache = net.forward(np.ones((2, 3)))
    assert net.backward(cache, np.ones((2, 2))).layers[0].bias is None


def test_the_same_seed_gives_the_same_model_and_another_seed_another():
    assert model(seed=1).equals(model(seed=1))
    assert not model(seed=1).equals(model(seed=2))
    assert not model(seed=None).equals(model(seed=None))


def test_a_layer_starts_alike_whatever_comes_after_it():
    first = MLP([4, 6, 3], seed=0).parameters()["layers.0.weight"]
    second = MLP([4, 6, 9, 2], seed=0).parameters()["layers.0.weight"]
    np.testing.assert_array_equal(first, second)


def test_a_model_is_made_of_any_network():
    net = MLP.from_network(Network((Dense(3, 2, bias=False),)), seed=0)
    assert net.num_parameters == 6
