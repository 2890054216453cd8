"""Activations, losses and updates on whole arrays: those of the reference, in the engine's bits."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

import mlpcore.backends.cpu.arithmetic as module
from mlpcore import MLP
from mlpcore.backends.arithmetic import REFERENCE
from mlpcore.backends.base import Mode
from mlpcore.backends.cpu.arithmetic import CompiledArithmetic
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.kernels.reference.operation import Call
from mlpcore.kernels.reference.operations import Activation
from mlpcore.nn.losses import loss
from mlpcore.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Lion, NAdam, RAdam, RMSprop

pytestmark = pytest.mark.skipif(
    compiled("float32", "few", "team") is None, reason="there are no compiled kernels"
)

OPTIMIZERS = {
    "sgd": SGD(0.1),
    "momentum": SGD(0.1, momentum=0.9),
    "nesterov": SGD(0.1, momentum=0.9, nesterov=True),
    "adam": Adam(0.01),
    "adamw": AdamW(0.01, weight_decay=0.3),
    "nadam": NAdam(0.01, weight_decay=0.3),
    "radam": RAdam(0.01, weight_decay=0.3),
    "rmsprop": RMSprop(0.01),
    "rmsprop_momentum": RMSprop(0.01, momentum=0.9),
    "rmsprop_centered": RMSprop(0.01, centered=True),
    "adagrad": Adagrad(0.01),
    "adadelta": Adadelta(),
    "lion": Lion(0.01, weight_decay=0.3),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_an_activation_of_the_table_is_that_of_the_reference(name, dtype):
    rng = np.random.default_rng(0)
    z, da = (rng.normal(scale=3, size=(9, 7)).astype(dtype).T for _ in range(2))
    found, expected = [], []
    for arithmetic, results in ((CompiledArithmetic(dtype), found), (REFERENCE, expected)):
        call = Call(np, saved={})
        results.append(arithmetic.apply(Activation(name), call, z))
        results.append(arithmetic.differentiate(Activation(name), call, da))
    bound = 1e-5 if dtype == "float32" else 1e-12
    for f, e in zip(found, expected, strict=True):
        assert f.dtype == e.dtype
        np.testing.assert_allclose(f, e, rtol=bound, atol=bound)


def test_the_settings_of_an_activation_reach_its_kernel():
    arithmetic, z = CompiledArithmetic("float32"), np.array([[-2.0, 3.0]], "f")
    leaky = Activation("leaky_relu", (("slope", 0.5),))
    assert arithmetic.apply(leaky, Call(np), z).tolist() == [[-1.0, 3.0]]
    assert arithmetic.apply(Activation("leaky_relu", (("slope", 0.25),)), Call(np), z)[0, 0] == -0.5


def test_a_gradient_that_does_not_fit_its_activation_is_refused():
    arithmetic, call = CompiledArithmetic("float32"), Call(np, saved={})
    arithmetic.apply(Activation("tanh"), call, np.zeros((4, 3), "f"))
    with pytest.raises(ValueError, match="broadcast"):
        arithmetic.differentiate(Activation("tanh"), call, np.zeros((4, 2), "f"))


LOSSES = {
    "cross_entropy": (loss("cross_entropy"), lambda rng, n: rng.integers(0, 5, n)),
    "smoothed": (loss("cross_entropy", label_smoothing=0.1), lambda rng, n: rng.integers(0, 5, n)),
    "weighted classes": (
        loss("cross_entropy", class_weight=[1, 2, 3, 4, 5], ignore_index=2),
        lambda rng, n: rng.integers(0, 5, n),
    ),
    "distributions": (loss("cross_entropy"), lambda rng, n: np.full((n, 5), 0.2, "f")),
    "mse": (loss("mse"), lambda rng, n: rng.normal(size=(n, 5)).astype("f")),
    "huber": (loss("huber"), lambda rng, n: rng.normal(size=(n, 5)).astype("f")),
    "poisson": (loss("poisson"), lambda rng, n: rng.poisson(2, (n, 5)).astype("f")),
    "bce": (loss("binary_cross_entropy"), lambda rng, n: rng.random((n, 5)).astype("f")),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("rows", [1, 5, 300, 700])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_rows_is_that_of_the_reference(name, rows, weighted):
    rng = np.random.default_rng(1)
    chosen, targets = LOSSES[name]
    z, t = rng.normal(size=(rows, 5)).astype("f"), targets(rng, rows)
    weight = rng.random(rows).astype("f") if weighted else None
    L, dz = CompiledArithmetic("float32").loss(np, chosen, z, t, weight)
    expected, expected_dz = REFERENCE.loss(np, chosen, z, t, weight)
    assert L.dtype == dz.dtype == np.float32
    assert L.shape == ()
    np.testing.assert_allclose(L, expected, rtol=1e-5)
    np.testing.assert_allclose(dz, expected_dz, rtol=1e-4, atol=1e-6)


def test_rows_of_a_loss_are_read_however_they_lie():
    rng = np.random.default_rng(2)
    arithmetic, chosen = CompiledArithmetic("float32"), loss("mse")
    z, t = rng.normal(size=(2, 300, 5)).astype("f")
    L, dz = arithmetic.loss(np, chosen, z, t, None)
    for lie in (np.asfortranarray, lambda a: np.hstack([a, a])[:, :5]):
        again, dz_again = arithmetic.loss(np, chosen, lie(z), lie(t), None)
        assert again == L
        assert np.array_equal(dz_again, dz)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_an_update_is_that_of_the_reference_and_takes_place_in_place(optimizer, dtype):
    rng = np.random.default_rng(3)
    p, g = (rng.normal(size=1003).astype(dtype) for _ in range(2))
    results = []
    for arithmetic in (CompiledArithmetic(dtype), REFERENCE):
        own, moments = p.copy(), {name: np.zeros_like(p) for name in optimizer.state_names}
        for step in (1, 2, 3):
            arithmetic.update(np, optimizer, own, g, moments, step, None if step == 1 else 0.05)
        results.append([own, *moments.values()])
    bound = 1e-5 if dtype == "float32" else 1e-13
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, rtol=bound, atol=bound)
    assert not np.array_equal(results[0][0], p)


def test_a_vector_that_the_kernel_cannot_read_is_left_to_the_optimizer():
    p, g = np.zeros(20, "f"), np.ones(40, "f")[::2]
    CompiledArithmetic("float32").update(np, SGD(0.5), p, g, {}, 1, None)
    assert p.tolist() == [-0.5] * 20


@dataclass(frozen=True)
class Backwards(SGD):
    """A user's own: what its parent's kernel does is not what it does."""

    def update(self, xp, p, g, state, step, lr=None):
        p += self.lr * g


def test_an_optimizer_of_a_users_own_takes_its_own_steps():
    p, g = np.zeros(20, "f"), np.ones(20, "f")
    CompiledArithmetic("float32").update(np, Backwards(0.5), p, g, {}, 1, None)
    assert p.tolist() == [0.5] * 20


def model_and_trainer(optimizer, l2=0.0):
    model = MLP([30, 40, 20, 5], activation="gelu", seed=0, device="cpu")
    return model, model.trainer(loss="mse", optimizer=optimizer, l2=l2)


def in_parts(trainer):
    """Let `trainer` take its steps in parts, as with a loss of a user's own."""
    assert trainer._rule is not None
    trainer._rule = None
    return trainer


def taken(trainer, model, x, t):
    """Return the parameters after three steps, and the objective before each."""
    values = [trainer.step(x, t) for _ in range(3)]
    return model._bound.parameters.flat.copy(), values


@pytest.mark.parametrize("rows", [1, 20, 150])
@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_step_in_parts_has_the_bits_of_a_step_at_once(optimizer, l2, rows):
    rng = np.random.default_rng(4)
    x, t = rng.normal(size=(rows, 30)).astype("f"), rng.normal(size=(rows, 5)).astype("f")
    model, whole = model_and_trainer(optimizer, l2)
    at_once, values = taken(whole, model, x, t)
    other, parts = model_and_trainer(optimizer, l2)
    apart, again = taken(in_parts(parts), other, x, t)
    assert np.array_equal(apart, at_once)
    assert np.array_equal(again, values)


@pytest.mark.parametrize("name", ["adamw", "nadam", "radam", "lion"])
def test_weights_decay_and_biases_do_not(name):
    """In both ways to take a step; without a gradient only the decay moves anything."""
    optimizer = replace(OPTIMIZERS[name], lr=2.0**-5, weight_decay=0.5)
    for parts in (False, True):
        model, trainer = model_and_trainer(optimizer)
        for name_, view in model.parameters().items():
            view[...] = 1.0
            if name_.endswith("bias"):
                view[...] = -100.0  # gelu and its slope are 0 there
        named = {name_: view.copy() for name_, view in model.parameters().items()}
        trainer = in_parts(trainer) if parts else trainer
        x = np.zeros((4, 30), "f")
        trainer.step(x, model(x))
        for name_, view in model.parameters().items():
            share = 1 - 2.0**-6 if name_.endswith("weight") else 1
            np.testing.assert_allclose(view, share * named[name_], rtol=1e-6)


@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_a_watched_step_has_the_bits_of_one_that_nobody_watches(l2):
    rng = np.random.default_rng(5)
    x, t = rng.normal(size=(20, 30)).astype("f"), rng.normal(size=(20, 5)).astype("f")
    model, trainer = model_and_trainer(SGD(0.1), l2)
    alone, values = taken(trainer, model, x, t)
    other, trainer = model_and_trainer(SGD(0.1), l2)
    seen = []
    other.on_layer(seen.append)
    watched, again = taken(trainer, other, x, t)
    assert seen
    assert np.array_equal(watched, alone)
    assert np.array_equal(again, values)


@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_value_and_grad_and_update_are_a_step(optimizer, l2):
    rng = np.random.default_rng(6)
    x, t = rng.normal(size=(50, 30)).astype("f"), rng.normal(size=(50, 5)).astype("f")
    model, trainer = model_and_trainer(optimizer, l2)
    other, _ = model_and_trainer(optimizer)
    value, grads = other.value_and_grad(x, t, loss="mse", l2=l2)
    bound = other._bound
    flat = bound.parameters.flat
    moments = {name: np.zeros_like(flat) for name in optimizer.state_names}
    with bound.writing():
        plan = bound.plan(Mode.TRAINING)
        plan.update(bound.parameters, optimizer, grads.flat, moments, 1, None)
    assert np.array_equal(trainer.step(x, t), value)
    assert np.array_equal(flat, model._bound.parameters.flat)


def test_without_kernels_the_reference_computes(monkeypatch):
    monkeypatch.setattr(module, "elementwise", lambda *_: None)
    monkeypatch.setattr(module.fused_loss, "fused_loss", lambda *_, **__: None)
    monkeypatch.setattr(module.flat_update, "flat_update", lambda *_: False)
    arithmetic, z = CompiledArithmetic("float64"), np.array([[0.5, -1.0]])
    assert np.array_equal(arithmetic.apply(Activation("tanh"), Call(np), z), np.tanh(z))
    assert arithmetic.loss(np, loss("mse"), z, z + 1, None)[0] == 1
    p = np.zeros(2)
    arithmetic.update(np, SGD(0.5), p, np.ones(2), {}, 1, None)
    assert p.tolist() == [-0.5, -0.5]
