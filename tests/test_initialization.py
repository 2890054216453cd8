"""How a network begins: each weight and bias by what comes before its layer and what follows it.

Bounds on moments are five standard errors of the estimate, and every draw has a seed.
"""

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.kernels.reference.operations import Activation, Bias
from mlpcore.network import Dense, Network
from mlpcore.nn.activations import activation, gain

RECTIFIERS = ("relu", "gelu", "silu", "mish", "hard_swish", "elu")


def mlp(sizes, spec, **settings):
    return MLP(sizes, activation=spec, device="cpu", dtype="float64", **{"seed": 0, **settings})


def weights(model):
    return [v for name, v in model.parameters().items() if name.endswith("weight")]


def biases(model):
    return [v for name, v in model.parameters().items() if name.endswith("bias")]


def assert_normal(w, std):
    """The second moment of n normal numbers has the standard error σ² √(2 / n)."""
    assert abs(np.mean(w * w) / std**2 - 1) < 5 * np.sqrt(2 / w.size)
    assert abs(np.mean(w**4) / std**4 - 3) < 5 * np.sqrt(96 / w.size)  # E[x⁸] - E[x⁴]² = 105 - 9


def assert_uniform(w, bound):
    """The largest of n falls below (1 - ε) of the bound with probability (1 - ε)ⁿ."""
    assert bound * (1 - 20 / w.size) < np.abs(w).max() <= bound
    assert abs(3 * np.mean(w * w) / bound**2 - 1) < 5 * np.sqrt((9 / 5 - 1) / w.size)


def glorot(w):
    return np.sqrt(6 / sum(w.shape))


@pytest.mark.parametrize("name", [*RECTIFIERS, "leaky_relu", "celu", "softplus", "gelu_tanh"])
def test_a_rectifiers_weights_are_hes_with_the_gain_of_the_layer_before(name):
    first, second, third, last = weights(mlp([90, 100, 110, 120, 70], name))
    assert_normal(first, 1 / np.sqrt(90))  # the raw input has the gain 1
    assert_normal(second, gain(name) / np.sqrt(100))
    assert_normal(third, gain(name) / np.sqrt(110))
    assert_uniform(last, glorot(last))  # no rectifier follows it


@pytest.mark.parametrize("name", ["identity", "tanh", "sigmoid", "hard_sigmoid", "softsign"])
def test_a_saturating_functions_weights_are_glorots(name):
    for w in weights(mlp([90, 100, 110, 70], name)):
        assert_uniform(w, glorot(w))


def test_selus_weights_are_lecuns():
    *hidden, last = weights(mlp([90, 100, 110, 70], "selu"))
    for w in hidden:
        assert_normal(w, 1 / np.sqrt(w.shape[1]))
    assert_uniform(last, glorot(last))


def test_a_mixed_network_follows_the_initializer_and_precedes_the_gain():
    """What follows chooses the formula; what comes before chooses the gain in it."""
    w = weights(mlp([90, 100, 110, 120, 130], ["silu", "tanh", "relu", "gelu"]))
    assert_normal(w[0], 1 / np.sqrt(90))
    assert_uniform(w[1], glorot(w[1]))
    assert_normal(w[2], gain("tanh") / np.sqrt(110))
    assert_normal(w[3], gain("relu") / np.sqrt(120))


def test_the_gain_has_the_settings_of_the_activation():
    slope = activation("leaky_relu", slope=0.9)
    _, w, _ = weights(mlp([10, 200, 200, 3], slope))
    assert_normal(w, np.sqrt(2 / (1 + 0.9**2) / 200))


def test_a_layer_without_an_activation_has_the_gain_1():
    network = Network((Dense(50, 100), Dense(100, 200), Activation("relu"), Dense(200, 100)))
    _, w, _ = weights(MLP.from_network(network, dtype="float64", device="cpu", seed=0))
    assert_normal(w, 1 / np.sqrt(100))


@pytest.mark.parametrize("name", ["he_normal", "he_uniform", "orthogonal"])
def test_a_named_initializer_has_the_gain_of_the_layer_before_in_every_layer(name):
    """Also in the last, and in front of any function: the mean square is g² / fan_in for all."""
    for w, g in zip(
        weights(mlp([300, 200, 150, 100], ["relu", "tanh"], initializer=name)),
        (1, gain("relu"), gain("tanh")),
        strict=True,
    ):
        # (For rows that are orthogonal, and no longer than 1, it is so exactly.)
        assert np.mean(w * w) * w.shape[1] == pytest.approx(g * g, rel=5 * np.sqrt(2 / w.size))


@pytest.mark.parametrize("omega", [1.0, 30.0])
def test_a_siren_begins_as_its_authors_network(omega):
    first, second, third, last = weights(mlp([2, 128, 128, 128, 3], activation("sin", omega=omega)))
    assert_uniform(first, 30 / 2 / omega)
    assert_uniform(second, np.sqrt(6 / 128) / omega)
    assert_uniform(third, np.sqrt(6 / 128) / omega)
    assert_uniform(last, glorot(last))


@pytest.mark.parametrize("omega", [1.0, 30.0])
def test_a_sirens_biases_are_its_phases(omega):
    first, second, last = biases(mlp([2, 1000, 2000, 3], activation("sin", omega=omega)))
    assert_uniform(first, 30 / np.sqrt(2) / omega)
    assert_uniform(second, 30 / np.sqrt(1000) / omega)
    np.testing.assert_array_equal(last, 0)
    assert abs(np.corrcoef(first, second[:1000])[0, 1]) < 5 / np.sqrt(1000)


def test_a_siren_does_not_begin_as_an_odd_function():
    """Without biases f(-x) = -f(x), and half of all functions would be far away."""
    x = np.linspace(-1, 1, 101)[:, None]
    y = mlp([1, 64, 64, 1], "sin")(x)
    odd, even = (y - y[::-1]) / 2, (y + y[::-1]) / 2
    assert 0.2 < np.linalg.norm(even) / np.linalg.norm(odd) < 5
    y = mlp([1, 64, 64, 1], "sin", bias=False)(x)
    np.testing.assert_allclose(y, -y[::-1], atol=1e-12)


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"sin"}))
def test_all_other_biases_are_zero(name):
    for b in biases(mlp([3, 4, 5], [name, "identity"])):
        np.testing.assert_array_equal(b, 0)


def test_a_bias_of_its_own_after_the_sine_is_zero():
    """It is no phase of the sine before it."""
    network = Network((Dense(2, 5, bias=False), Activation("sin"), Bias(), Dense(5, 1)))
    model = MLP.from_network(network, dtype="float64", device="cpu", seed=0)
    for b in biases(model):
        np.testing.assert_array_equal(b, 0)


def test_a_seed_gives_the_same_network_and_another_seed_another_one():
    first, again, other = (mlp([2, 20, 20, 1], "sin", seed=seed) for seed in (3, 3, 4))
    assert first.equals(again)
    for mine, theirs in zip(
        weights(first) + biases(first)[:-1], weights(other) + biases(other)[:-1], strict=True
    ):
        assert not np.any(mine == theirs)


def test_a_layer_begins_alike_whatever_comes_after_it():
    for short, long in zip(
        list(mlp([4, 8, 6, 2], "sin").parameters().values())[:4],
        list(mlp([4, 8, 6, 9, 9, 2], "sin").parameters().values())[:4],
        strict=True,
    ):
        np.testing.assert_array_equal(short, long)


@pytest.mark.parametrize("name", RECTIFIERS)
def test_ten_layers_keep_the_second_moment_of_a_normal_input(name):
    """E[z²] = 1 is where gain² E[f(z)²] = E[z²], and it should still be of that size in depth.

    Not more: the widths are finite, so that log E[z²] takes a random step of the size of √(5 / 256)
    in each layer, and what grows faster than linearly repels from 1 (by 1.22 a layer for hard
    swish, the most).  Ten layers without their gains would leave 2⁻⁹ of it under a ReLU, and the
    gain of a rectifier for the raw input makes it about 30 and 80 under SiLU and hard swish.
    """
    moments = []
    for seed in range(8):
        model = mlp([256] * 12, name, seed=seed)
        _, cache = model.forward(np.random.default_rng(seed).normal(size=(32, 256)))
        moments.append([np.mean(layer.z**2) for layer in cache.layers[:10]])
    means = np.mean(moments, axis=0)
    assert means[0] == pytest.approx(1, rel=0.02)
    assert means.min() > 0.3
    assert means.max() < 4
