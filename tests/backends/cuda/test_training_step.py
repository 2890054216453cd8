"""A step taken as a whole is the step taken in parts, and both are that of the CPU."""

import os

import cupy
import numpy as np
import pytest

from mlpcore.model import MLP
from mlpcore.optim import AdamW

CLOSE = {"float32": 2e-6, "float64": 1e-14}
OPTIMIZERS = ("sgd", "momentum", "nesterov")
# The kernel of each optimizer has its own tests in both dtypes; at night all are seen in a step.
STEPS = [("float64", name) for name in OPTIMIZERS] + [("float32", "momentum")]
if os.environ.get("HYPOTHESIS_PROFILE") == "nightly":
    STEPS = [(dtype, name) for dtype in CLOSE for name in OPTIMIZERS]


def pair(dtype, activation="tanh"):
    """Return a model on the GPU and the same on the CPU."""
    model = MLP([6, 9, 3], activation, output="softmax", device="cuda", dtype=dtype, seed=0)
    return model, model.to("cpu")


def batch(dtype, rows=70):
    rng = np.random.default_rng(1)
    return rng.normal(size=(rows, 6)).astype(dtype), rng.integers(0, 3, rows)


def same(first, second, dtype):
    for name, value in first._bound.values().items():
        np.testing.assert_allclose(
            value, second._bound.values()[name], rtol=0, atol=100 * CLOSE[dtype], err_msg=name
        )


@pytest.mark.parametrize(("dtype", "optimizer"), STEPS)
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_objective_and_parameters_are_those_of_the_cpu(dtype, optimizer, l2):
    here, there = pair(dtype)
    x, t = batch(dtype)
    first, second = (
        model.trainer("cross_entropy", optimizer, lr=0.1, l2=l2) for model in (here, there)
    )
    for _ in range(3):
        J = first.step(cupy.asarray(x), cupy.asarray(t))
        assert float(J) == pytest.approx(float(second.step(x, t)), rel=50 * CLOSE[dtype])
    same(here, there, dtype)


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_decay_of_the_optimizers_own_takes_from_weights_alone(in_parts):
    here, there = pair("float64")
    x, t = batch("float64")
    rule = AdamW(0.1, weight_decay=0.5)
    first, second = (model.trainer("cross_entropy", rule) for model in (here, there))
    if in_parts:
        first._rule = None
    for _ in range(3):
        first.step(cupy.asarray(x), cupy.asarray(t))
        second.step(x, t)
    same(here, there, "float64")


@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_a_step_that_is_watched_is_the_same_step(l2):
    watched, plain = (MLP([6, 9, 3], device="cuda", dtype="float64", seed=0) for _ in range(2))
    x, _ = batch("float64")
    t = np.ones((70, 3))
    seen = []
    watched._bound.watchers.append(lambda records: seen.append(len(records)))
    losses = [m.trainer("mse", "adam", l2=l2).step(x, t) for m in (watched, plain)]
    assert seen == [2]
    assert float(losses[0]) == float(losses[1])
    assert watched.equals(plain)


LAYERS = {
    "batch norm": {"norm": "batch"},
    "layer norm": {"norm": "layer"},
    "dropout": {"dropout": 0.4},
    "noise": {"input_noise": 0.3},
    "all": {"norm": "batch", "dropout": 0.4, "residual": True},
}


def layered(**layers):
    return MLP([6, 9, 9, 9, 3], "tanh", "softmax", device="cuda", dtype="float64", seed=0, **layers)


@pytest.mark.parametrize(
    ("layers", "watched"),
    [*((layers, False) for layers in LAYERS.values()), (LAYERS["all"], True)],
    ids=[*LAYERS, "all, watched"],
)
def test_with_layers_a_step_at_once_has_the_bits_of_one_in_parts(layers, watched):
    at_once, in_parts = layered(**layers), layered(**layers)
    x, t = map(cupy.asarray, batch("float64"))
    first, second = (m.trainer("cross_entropy", "adam", seed=5) for m in (at_once, in_parts))
    assert first._rule is not None
    second._rule = None
    if watched:
        at_once._bound.watchers.append(lambda records: None)
    for _ in range(3):
        assert float(first.step(x, t)) == float(second.step(x, t))
    assert at_once.equals(in_parts)
    other = layered(**layers).trainer("cross_entropy", "adam", seed=6)
    draws = "dropout" in layers or "input_noise" in layers
    assert (float(other.step(x, t)) != float(layered(**layers).trainer(seed=5).step(x, t))) == draws


def test_a_step_that_fails_leaves_the_running_statistics(monkeypatch):
    model = layered(norm="batch")
    x, t = map(cupy.asarray, batch("float64"))
    trainer = model.trainer("cross_entropy", "adam")
    trainer.step(x, t)
    before = model.copy()

    def out_of_memory(*given, **others):
        raise cupy.cuda.memory.OutOfMemoryError(1, 2)

    monkeypatch.setattr(type(trainer._rule._plan), "backward", out_of_memory)
    with pytest.raises(cupy.cuda.memory.OutOfMemoryError):
        trainer.step(x, t)
    assert model.equals(before)
    assert trainer.steps == 1


def test_one_row_has_no_variance_to_normalise_with():
    model = layered(norm="batch")
    x, t = map(cupy.asarray, batch("float64"))
    before, trainer = model.copy(), model.trainer("cross_entropy", "adam")
    with pytest.raises(ValueError, match="at least 2 rows"):
        trainer.step(x[:1], t[:1])
    assert model.equals(before)


def test_a_loss_of_the_users_own_may_predict_in_the_middle_of_a_step():
    model = MLP([6, 9, 3], device="cuda", dtype="float64", seed=0)
    twin = model.to("cpu")
    x, _ = batch("float64")
    t = np.ones((70, 3))

    def squares(z, t):
        model(x[:2])
        return ((z - t) ** 2).mean(), 2 * (z - t) / z.size

    for _ in range(2):
        found = model.trainer(squares, "sgd", lr=0.1, l2=0.1).step(x, t)
        expected = twin.trainer("mse", "sgd", lr=0.1, l2=0.1).step(x, t)
        assert float(found) == pytest.approx(float(expected), rel=1e-12)
    same(model, twin, "float64")


def test_only_weights_decay():
    model = MLP([6, 9, 3], device="cuda", dtype="float64", seed=0)
    before = model._bound.values()
    x, t = np.zeros((4, 6)), np.zeros((4, 3))  # biases are zero at first, and so is the loss
    J = model.trainer("mse", "sgd", lr=0.5, l2=0.25).step(x, t)
    squares = sum((W**2).sum() for name, W in before.items() if name.endswith("weight"))
    assert float(J) == pytest.approx(0.125 * squares, rel=1e-14)
    for name, value in model._bound.values().items():
        np.testing.assert_allclose(value, before[name] * (1 - 0.5 * 0.25), rtol=1e-15)
