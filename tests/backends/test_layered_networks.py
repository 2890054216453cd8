"""Networks with dropout, norms, noise and residuals: gradients, state and bits, on any device."""

import os

import numpy as np
import pytest
from support.differences import central_differences, relative_error
from support.layered import LAYERED, network, randomize
from support.promises import of_kernels

from mlpcore.backends.base import Mode
from mlpcore.backends.composed import compose
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.kernels.reference.operations import Activation, BatchNorm, Dropout
from mlpcore.model import MLP
from mlpcore.network import Dense, Network

MODES = {"prediction": Mode.GRADIENT, "training": Mode.TRAINING}
KEY = RandomKey(seed=7, step=11)
BOUND = {"float32": 5e-5, "float64": 1e-11}

ON_CPU = os.environ.get("MLPCORE_TEST_DEVICE", "cpu") == "cpu"
NIGHT = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
# In double precision a GPU compiles every kernel again; "all" has all of them.
PAIRS = [(name, dtype) for name in LAYERED for dtype in BOUND]
if not (ON_CPU or NIGHT):
    PAIRS = [(name, "float32") for name in LAYERED] + [("all", "float64")]


def by_reference(model, mode):
    """Let the reference compute all of a model on the CPU, and return its program."""
    bound = model._bound
    plan = compose(bound.program, (), np, bound.dtype, mode, 1024)
    bound.plan = lambda mode: plan
    return bound


def passed(bound, mode, x, dz):
    """Return logits, gradients by name, dx and the state that the pass leaves, on the host."""
    host, xp = bound.backend.to_host, bound.backend.xp
    with bound.backend.active():
        z, tape = bound.forward(xp.asarray(x), mode, KEY if mode is Mode.TRAINING else None)
        found = bound.backward(tape, xp.asarray(dz))
        state = {f"state {name}": host(view) for name, view in tape.run.state.items()}
        named = bound.parameters.layout.views(host(found.flat))
        return {"z": host(z), "dx": host(found.dx)} | named | state


def batch(model, rows=7):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, 4)).astype(model.dtype)
    return x, rng.normal(size=(rows, model._bound.program.out_features)).astype(model.dtype)


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("name", LAYERED)
def test_gradients_are_central_differences(name, mode):
    model = randomize(MLP.from_network(network(name), dtype="float64", device="cpu", seed=0))
    bound, (x, dz) = by_reference(model, mode), batch(model)
    found = passed(bound, mode, x, dz)

    def scalar():
        return float((passed(bound, mode, x, dz)["z"] * dz).sum())

    assert relative_error(found["dx"], central_differences(scalar, x)) < 1e-6
    # As one vector: the gradient of a bias before a batch norm is zero, relative to nothing.
    views = bound.parameters.views
    expected = np.concatenate(
        [central_differences(scalar, view).ravel() for view in views.values()]
    )
    together = np.concatenate([found[name].ravel() for name in views])
    assert relative_error(together, expected) < 1e-6


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize(("name", "dtype"), PAIRS)
def test_every_device_computes_what_the_reference_does(name, dtype, mode, device):
    def made(device):
        model = MLP.from_network(network(name), dtype=dtype, device=device, seed=0)
        return randomize(model)

    model = made(device)
    x, dz = batch(model, 70)
    found = passed(model._bound, mode, x, dz)
    expected = passed(by_reference(made("cpu"), mode), mode, x, dz)
    assert found.keys() == expected.keys()
    scale = max(np.abs(value).max() for value in expected.values())
    for name, value in expected.items():
        np.testing.assert_allclose(
            found[name], value, rtol=0, atol=BOUND[dtype] * scale, err_msg=name
        )


@of_kernels
@pytest.mark.parametrize("name", LAYERED)
def test_a_row_is_predicted_alike_in_every_batch(name):
    model = randomize(MLP.from_network(network(name), device="cpu", seed=0))
    x, _ = batch(model, 1500)  # more than prediction carries through the layers at once
    whole = model(x)
    for part in (slice(0, 1), slice(1499, 1500), slice(3, 10), slice(500, 1100)):
        np.testing.assert_array_equal(model(x[part]), whole[part])
    for threads in (1, 2):
        model.num_threads = threads
        np.testing.assert_array_equal(model(x), whole)
        np.testing.assert_array_equal(model.predict(x, batch_size=97), whole)


@of_kernels
def test_a_row_drops_the_same_whatever_comes_after_it_in_the_batch():
    layers = (Dense(4, 6), Activation("relu"), Dropout(0.5), Dense(6, 3))
    bound = MLP.from_network(Network(layers), device="cpu", seed=0)._bound
    x, _ = batch(MLP.from_network(Network(layers), device="cpu"), 200)
    whole = bound.forward(x, Mode.TRAINING, KEY)[0]
    for rows in (1, 9, 130):
        np.testing.assert_array_equal(bound.forward(x[:rows], Mode.TRAINING, KEY)[0], whole[:rows])


@pytest.mark.parametrize("name", LAYERED)
def test_a_seeded_step_gives_the_same_bits_on_any_number_of_threads(name):
    def stepped(threads):
        model = MLP.from_network(network(name), device="cpu", seed=0, num_threads=threads)
        trainer = model.trainer("mse", "adam", seed=3)
        x, t = batch(model, 70)
        for _ in range(3):
            trainer.step(x, t)
        return model

    assert stepped(1).equals(stepped(2))


def test_training_moves_the_running_statistics_and_nothing_else_does(device):
    network = Network((Dense(4, 5), BatchNorm(momentum=0.2), Activation("relu"), Dense(5, 3)))
    model = MLP.from_network(network, dtype="float64", device=device, seed=0)
    x, t = batch(model, 50)
    before = model._bound.values()
    z = x @ before["layers.0.weight"].T
    model(x)
    model.value_and_grad(x, t, "mse")
    model.evaluate(x, t, loss="mse")
    for name in ("running_mean", "running_variance"):
        np.testing.assert_array_equal(
            model._bound.values()[f"layers.0.{name}"], before[f"layers.0.{name}"]
        )
    model.trainer("mse", "sgd").step(x, t)
    after = model._bound.values()
    np.testing.assert_allclose(after["layers.0.running_mean"], 0.2 * z.mean(axis=0), rtol=1e-10)
    variance = 0.8 + 0.2 * z.var(axis=0, ddof=1)
    np.testing.assert_allclose(after["layers.0.running_variance"], variance, rtol=1e-10)


def test_a_batch_of_one_row_cannot_train_a_batch_norm_and_changes_nothing(device):
    model = MLP([4, 5, 3], norm="batch", device=device, seed=0)
    before, (x, t) = model.copy(), batch(model, 1)
    with pytest.raises(ValueError, match="at least 2 rows, for the variance of a batch; got 1"):
        model.trainer("mse").step(x, t)
    assert model.equals(before)
    assert model(x).shape == (1, 3)
    model.value_and_grad(x, t, "mse")  # of the prediction, whose variances are the running ones
