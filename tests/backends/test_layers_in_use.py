"""Layers as people use them: settings, files of an earlier version, and what is refused and why."""

import numpy as np
import pytest
from support.promises import of_kernels

from mlpcore import MLP
from mlpcore.backends.base import Mode
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.kernels.reference.operations import (
    Activation,
    BatchNorm,
    Dropout,
    GaussianNoise,
    LayerNorm,
    Residual,
    Standardize,
)
from mlpcore.network import Dense, Network

RELU = Activation("relu")


def made(*layers):
    return MLP.from_network(Network(layers), device="cpu", seed=0)


def numbers(rows, columns, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


@pytest.mark.parametrize("norm", [BatchNorm, LayerNorm])
@pytest.mark.parametrize("eps", [2.0**-127, 1e-60, 2.0**128])
def test_an_eps_that_float32_does_not_have_is_refused(norm, eps):
    with pytest.raises(ValueError, match="must be a normal number in float32 too"):
        norm(eps=eps)


@pytest.mark.parametrize("norm", [BatchNorm(eps=2.0**-126), LayerNorm(eps=2.0**-126)])
def test_with_the_least_eps_what_is_constant_is_normalised_to_zero(norm, device):
    model = MLP.from_network(Network((norm, Dense(3, 2))), device=device, seed=0)
    x = np.full((4, 3), 5, np.float32)
    loss = model.trainer("mse", "sgd", lr=0.1).step(x, np.ones((4, 2), np.float32))
    # z is the bias, which is zero at first; a mean of ones may be rounded.
    assert float(loss) == pytest.approx(1, rel=1e-6)
    assert np.isfinite(model(x)).all()


@pytest.mark.parametrize("name", ["standardize", "residual"])
@pytest.mark.parametrize("value", ["no", 1, None])
def test_what_is_either_true_or_false_is_nothing_else(name, value):
    with pytest.raises(TypeError, match=f"{name} must be True or False, got {value!r}"):
        MLP([4, 5, 5, 3], **{name: value})


def test_numpys_truths_are_truths():
    given = MLP([4, 5, 5, 3], residual=np.True_, standardize=np.False_)
    assert given.network == MLP([4, 5, 5, 3], residual=True).network


@pytest.mark.parametrize(
    ("layers", "others"),
    [
        ((Dense(4, 4), LayerNorm(), RELU, Dense(4, 4), Residual()), "not layer_norm, residual"),
        ((Standardize(), BatchNorm(), Dense(4, 3)), "not batch_norm"),
        ((Dense(4, 4), RELU, Activation("tanh")), "in no other order"),
    ],
)
def test_a_predictor_says_what_keeps_it_from_being_a_function(layers, others):
    if compiled("float32", "few", "team") is None:
        pytest.skip("no compiled kernels here")
    with pytest.raises(RuntimeError, match=f"products, .*, but {others}$"):
        made(*layers).freeze().jit_function()


BEFORE_LAYERS = {
    "schema": 1,
    "layers": [
        {"kind": "standardize"},
        {
            "kind": "dense",
            "in_features": 6,
            "out_features": 9,
            "bias": True,
            "initializer": "auto",
        },
        {"kind": "activation", "name": "gelu", "settings": {}},
        {
            "kind": "dense",
            "in_features": 9,
            "out_features": 4,
            "bias": True,
            "initializer": "auto",
        },
    ],
    "output": {"kind": "activation", "name": "softmax", "settings": {}},
}
"""A network as it was written when standardisation was the only layer beside the activations."""


def test_the_description_of_an_earlier_version_is_read_and_written_as_it_was():
    network = Network.from_config(BEFORE_LAYERS)
    assert network == MLP([6, 9, 4], "gelu", "softmax", standardize=True).network
    assert network.config() == BEFORE_LAYERS


@of_kernels
@pytest.mark.parametrize("operation", [Dropout(0.5), GaussianNoise(0.3)], ids=str)
def test_a_part_of_a_batch_draws_what_the_whole_batch_does(operation):
    bound = made(Dense(4, 6), RELU, operation, Dense(6, 3))._bound
    x, key = numbers(300, 4), RandomKey(seed=2**64 - 1, step=3)
    whole, _ = bound.forward(x, Mode.TRAINING, key)
    for start in (1, 64, 299):
        part, _ = bound.forward(x[start:], Mode.TRAINING, RandomKey(key.seed, key.step, row=start))
        np.testing.assert_array_equal(part, whole[start:])


@pytest.mark.parametrize("rate", [1 - 2.0**-34, 1 - 2.0**-53])
def test_a_rate_that_rounds_to_1_drops_everything_whatever_its_factor(rate, device):
    layers = (Dense(4, 6), RELU, Dropout(rate), Dense(6, 3))
    model = MLP.from_network(Network(layers), device=device, seed=0)
    x = np.full((9, 4), 1e30, np.float32)
    loss = model.trainer("mse", "sgd", lr=0.1).step(x, np.ones((9, 3), np.float32))
    # z is the bias, which is zero at first; a mean of ones may be rounded.
    assert float(loss) == pytest.approx(1, rel=1e-6)


def test_a_row_with_nan_stays_alone_in_prediction_and_behind_layer_norms():
    model = made(LayerNorm(), Dense(4, 6), BatchNorm(), RELU, Dense(6, 6), LayerNorm(), Residual())
    x = numbers(70, 4)
    expected, expected_z = model(x), model.forward(x)[0]
    x[[3, 40, 69], [0, 1, 2]] = np.nan, np.inf, -np.inf
    others = np.delete(np.arange(70), [3, 40, 69])
    np.testing.assert_array_equal(model(x)[others], expected[others])
    np.testing.assert_array_equal(model.forward(x)[0][others], expected_z[others])
    assert np.isnan(model(x)[[3, 40, 69]]).all()


def test_a_view_that_outlives_its_siblings_is_written_to_and_seen():
    model = MLP([4, 6, 6, 3], norm="batch", residual=True, device="cpu", seed=0)
    x = numbers(9, 4)
    frozen, before = model.freeze(), model(x)
    shift = model.parameters()["layers.1.norm_shift"]
    for _ in range(3):
        shift += 1
        for rows in (1, 9):
            np.testing.assert_array_equal(model(x[:rows]), model.copy()(x[:rows]))
    shift += 1
    del shift
    np.testing.assert_array_equal(model(x), model.copy()(x))
    np.testing.assert_array_equal(frozen(x), before)
    assert not np.array_equal(model(x), before)
