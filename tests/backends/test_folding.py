"""In prediction batch norms lie inside the products, noise is gone, and nothing goes stale."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.layered import LAYERED, RELU, TANH, network, randomize
from support.promises import of_kernels

from mlpcore.backends.base import Mode
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.folding import fold
from mlpcore.backends.predicting import without_noise
from mlpcore.kernels.reference.operations import (
    BatchNorm,
    Dropout,
    LayerNorm,
    Residual,
    Standardize,
)
from mlpcore.model import MLP
from mlpcore.network import Dense, Network
from mlpcore.program import lower


def made(layers, dtype="float64", device="cpu"):
    return randomize(MLP.from_network(Network(layers), dtype=dtype, device=device, seed=0))


def kinds(program):
    return [
        [step.operation.kind for step in (*stage.before, *stage.after)] for stage in program.stages
    ]


FOLDED = {
    "behind a product": (
        (Dense(4, 6), BatchNorm(), RELU, Dense(6, 3), BatchNorm()),
        [["bias", "activation"], ["bias"]],
    ),
    "behind a product without bias": ((Dense(4, 6, bias=False), BatchNorm()), [["bias"]]),
    "two at once": ((Dense(4, 6), BatchNorm(), BatchNorm(0.3), RELU), [["bias", "activation"]]),
    "before a product": (
        (Dense(4, 6), RELU, BatchNorm(), Dropout(0.5), Dense(6, 3, bias=False)),
        [["bias", "activation"], ["bias"]],
    ),
    "at the input": ((BatchNorm(), Dense(4, 3)), [["standardize", "bias"]]),
    "on both sides": (
        (Dense(4, 6), TANH, BatchNorm(), Dense(6, 3), BatchNorm()),
        [["bias", "activation"], ["bias"]],
    ),
}

NOT_FOLDED = {
    "at the end": (Dense(4, 6), RELU, BatchNorm()),
    "behind a standardisation": (Standardize(), BatchNorm(), Dense(4, 3)),
    "read again": (Dense(4, 4), RELU, BatchNorm(), Dense(4, 4), Residual(), Dense(4, 3)),
    "behind another norm": (Dense(4, 6), LayerNorm(), BatchNorm(), RELU, Dense(6, 3)),
}


@pytest.mark.parametrize(("layers", "expected"), FOLDED.values(), ids=FOLDED)
def test_what_is_left_is_what_the_kernels_fuse(layers, expected):
    program = lower(Network(layers))
    folding = fold(without_noise(program))
    assert kinds(folding.program) == expected
    assert [stage.index for stage in folding.program.stages] == list(range(len(expected)))
    plan = made(layers, "float32")._bound.plan(Mode.INFERENCE)
    if compiled(np.dtype(np.float32), "few", "team") is not None:
        assert len(plan.segments) == 1
        assert made(layers, "float32")._direct is not None


@pytest.mark.parametrize("layers", NOT_FOLDED.values(), ids=NOT_FOLDED)
def test_what_no_product_can_take_in_is_computed_as_it_is(layers):
    assert fold(lower(Network(layers))) is None
    model = made(layers)
    x = np.random.default_rng(0).normal(size=(5, 4))
    np.testing.assert_array_equal(model(x), model.forward(x)[0])


def test_a_network_with_neither_noise_nor_norms_is_predicted_as_it_is():
    program = lower(Network((Standardize(), Dense(4, 6), RELU, Dense(6, 3))))
    assert without_noise(program) is program
    assert fold(program) is None


def test_training_and_its_gradient_keep_every_step():
    bound = made(LAYERED["all"])._bound
    assert bound.plan(Mode.TRAINING).program is bound.program
    assert "batch_norm" in str(kinds(bound.plan(Mode.GRADIENT).program))


@pytest.mark.parametrize("name", LAYERED)
def test_folding_changes_a_prediction_by_roundings_alone(name, device):
    model = randomize(MLP.from_network(network(name), dtype="float64", device=device, seed=0))
    x = np.random.default_rng(1).normal(size=(33, 4))
    z, _ = model.forward(x)
    np.testing.assert_allclose(model(x), z, rtol=0, atol=1e-13 * np.abs(z).max())
    assert not np.isnan(z).any()


@given(
    rows=st.integers(1, 5),
    features=st.integers(1, 300),
    outputs=st.integers(1, 20),
    behind=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_the_error_of_a_folded_product_is_bounded(rows, features, outputs, behind, seed):
    """z is a sum of K terms w'x and b', each factor rounded once more than those of W x + b.

    (N. J. Higham, "Accuracy and stability of numerical algorithms", section 3.1: a sum of K
    products in any order is wrong by at most about K u Σ|w||x|; the four more are the roundings of
    s, w' and b', and the last addition.)
    """
    norm, dense = BatchNorm(), Dense(features, outputs)
    layers = (dense, norm) if behind else (Dense(features, features), RELU, norm, dense)
    model = made(layers, "float32")
    x = np.random.default_rng(seed).normal(size=(rows, features)).astype(np.float32)
    found = model(x).astype(np.float64)
    v = {name: value.astype(np.float64) for name, value in model._bound.values().items()}
    W, b = v[f"layers.{1 - behind}.weight"], v[f"layers.{1 - behind}.bias"]
    s = v["layers.0.norm_scale"] / np.sqrt(v["layers.0.running_variance"] + 1e-5)
    t, mean = v["layers.0.norm_shift"], v["layers.0.running_mean"]
    if behind:
        expected = (x @ W.T + b - mean) * s + t
        size = (np.abs(x) @ np.abs(W).T + np.abs(b) + np.abs(mean)) * s + np.abs(t)
    else:
        z = model.forward(x)[1].layers[0].z
        a = np.maximum(z, 0).astype(np.float64)
        expected = ((a - mean) * s + t) @ W.T + b
        size = ((a + np.abs(mean)) * s + np.abs(t)) @ np.abs(W).T + np.abs(b)
    unit = np.finfo(np.float32).eps / 2
    assert (np.abs(found - expected) <= (features + 4) * unit * size).all()


def test_numbers_far_from_zero_lose_their_mean_before_they_are_multiplied():
    model = made((BatchNorm(), Dense(4, 3)), "float32")
    rng = np.random.default_rng(0)
    values = model._bound.values()
    values["layers.0.running_mean"] = np.full(4, 1e6, np.float32)
    model._bound.assign(values)
    x = (1e6 + rng.normal(size=(50, 4))).astype(np.float32)
    v = {name: value.astype(np.float64) for name, value in values.items()}
    s = v["layers.0.norm_scale"] / np.sqrt(v["layers.0.running_variance"] + 1e-5)
    n = (x - v["layers.0.running_mean"]) * s + v["layers.0.norm_shift"]
    expected = n @ v["layers.0.weight"].T + v["layers.0.bias"]
    # Multiplied first, they would be wrong in the first digit: 1e6 has ulps of 1/16.
    np.testing.assert_allclose(model(x), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def same(model):
    """Assert that the model predicts as a fresh copy of it does."""
    x = np.random.default_rng(2).normal(size=(9, 4)).astype(model.dtype)
    np.testing.assert_array_equal(model(x), model.copy()(x))
    np.testing.assert_array_equal(model(x[0]), model.copy()(x[0]))
    return model(x)


def test_every_way_to_write_is_seen_by_the_next_prediction(device):
    model = made(LAYERED["all"], "float32", device)
    seen = [same(model)]

    def changed():
        seen.append(same(model))
        assert not np.array_equal(seen[-1], seen[-2])

    values = model._bound.values()
    model.set_parameters({n: 2 * values[n] for n in model._bound.parameters.layout.names})
    changed()
    views = model.parameters()
    views["layers.0.norm_scale_2"][...] *= 1.5  # while the views live, anybody may write
    changed()
    views["layers.2.weight"][...] *= 1.5
    changed()
    del views
    same(model)
    x = np.random.default_rng(3).normal(size=(8, 4)).astype(np.float32)
    model.trainer("mse", "sgd", lr=0.01).step(x, np.zeros((8, 3), np.float32))
    changed()
    # The state alone: what the step left, but other running statistics.
    values = model._bound.values()
    name = "layers.0.running_mean_2"
    model._bound.assign({name: values[name] + 1})
    changed()


@of_kernels
def test_a_frozen_predictor_keeps_what_it_folded():
    model = made(LAYERED["batch norm"], "float32")
    x = np.random.default_rng(4).normal(size=(9, 4)).astype(np.float32)
    before, frozen = model(x), model.freeze()
    model.trainer("mse").step(x, np.ones((9, 3), np.float32))
    assert not np.array_equal(model(x), before)
    for rows in (1, 9):
        np.testing.assert_array_equal(frozen(x[:rows]), before[:rows])


def test_compiled_functions_call_a_network_with_folded_norms():
    pytest.importorskip("numba")
    model = made((Dense(4, 6), BatchNorm(), RELU, Dropout(0.5), Dense(6, 3)), "float32")
    if model._direct is None:
        pytest.skip("no compiled kernels here")
    x = np.random.default_rng(5).normal(size=(9, 4)).astype(np.float32)
    y = np.empty((9, 3), np.float32)
    model.freeze().jit_function()(x, y)
    np.testing.assert_array_equal(y, model(x))


def test_looking_at_the_layers_changes_no_bit_and_shows_normalised_values():
    model = made(LAYERED["batch norm behind the activation"], "float32")
    x = np.random.default_rng(6).normal(size=(9, 4)).astype(np.float32)
    before = model(x)
    seen = []
    with model.on_layer(lambda values: seen.append(values.a.copy())):
        np.testing.assert_array_equal(model(x), before)
    np.testing.assert_array_equal(seen[0], model.features(x)[0])
    assert len(seen) == 2


def test_a_prediction_beside_a_writer_sees_one_state():
    model = made(LAYERED["batch norm"], "float32")
    x = np.random.default_rng(7).normal(size=(40, 4)).astype(np.float32)
    values = model._bound.values()
    states = [values, {name: value * 1.25 for name, value in values.items()}]
    expected = []
    for state in states:
        model._bound.assign(state)
        expected.append(model(x).tobytes())
    done, wrong = threading.Event(), []

    def write():
        turn = 0
        while not done.is_set():
            turn = 1 - turn
            model._bound.assign(states[turn])

    def predict():
        while not done.is_set():
            if model(x).tobytes() not in expected:
                wrong.append(1)

    threads = [threading.Thread(target=write), *(threading.Thread(target=predict) for _ in "ab")]
    for thread in threads:
        thread.start()
    done.wait(0.5)
    done.set()
    for thread in threads:
        thread.join(60)
    assert not wrong
