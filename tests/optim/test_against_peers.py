"""Fifty steps of each optimizer beside those of PyTorch and of optax, in float64."""

import numpy as np
import pytest

from mlpcore.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Lion, NAdam, RAdam, RMSprop

N, STEPS = 7, 50
START = np.random.default_rng(0).normal(size=N)
GRADIENTS = np.random.default_rng(1).normal(size=(STEPS, N)) * 10.0 ** np.arange(-3, N - 3)


def ours(optimizer):
    """Return p after each step."""
    p, found = START.copy(), []
    state = {name: np.zeros(N) for name in optimizer.state_names}
    for t in range(STEPS):
        optimizer.update(np, p, GRADIENTS[t], state, t + 1)
        found.append(p.copy())
    return np.array(found)


TORCH = [
    (SGD(0.01), "SGD", {"lr": 0.01}),
    (SGD(0.01, 0.9), "SGD", {"lr": 0.01, "momentum": 0.9}),
    (SGD(0.01, 0.9, nesterov=True), "SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    (Adam(), "Adam", {}),
    (Adam(0.01, 0.8, 0.99, 1e-6), "Adam", {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-6}),
    (AdamW(), "AdamW", {}),
    (AdamW(0.01, weight_decay=0.3), "AdamW", {"lr": 0.01, "weight_decay": 0.3}),
    (NAdam(), "NAdam", {}),
    (
        NAdam(0.01, momentum_decay=0.01, weight_decay=0.3),
        "NAdam",
        {"lr": 0.01, "momentum_decay": 0.01, "weight_decay": 0.3, "decoupled_weight_decay": True},
    ),
    (RAdam(), "RAdam", {}),
    (RAdam(0.01, beta2=0.9), "RAdam", {"lr": 0.01, "betas": (0.9, 0.9)}),
    (
        RAdam(0.01, weight_decay=0.3),
        "RAdam",
        {"lr": 0.01, "weight_decay": 0.3, "decoupled_weight_decay": True},
    ),
    (RMSprop(), "RMSprop", {}),
    (RMSprop(momentum=0.9), "RMSprop", {"momentum": 0.9}),
    (RMSprop(alpha=0.9, centered=True), "RMSprop", {"alpha": 0.9, "centered": True}),
    (RMSprop(momentum=0.5, centered=True), "RMSprop", {"momentum": 0.5, "centered": True}),
    (Adagrad(), "Adagrad", {}),
    (Adagrad(initial=0.1), "Adagrad", {"initial_accumulator_value": 0.1}),
    (Adadelta(), "Adadelta", {}),
    (Adadelta(0.5, 0.95, 1e-3), "Adadelta", {"lr": 0.5, "rho": 0.95, "eps": 1e-3}),
]


@pytest.mark.parametrize(("optimizer", "name", "settings"), TORCH, ids=repr)
def test_every_step_is_pytorchs(optimizer, name, settings):
    torch = pytest.importorskip("torch", reason="PyTorch is the reference here")
    p = torch.tensor(START.copy(), requires_grad=True)
    theirs, found = getattr(torch.optim, name)([p], **settings), []
    for g in GRADIENTS:
        p.grad = torch.tensor(g)
        theirs.step()
        found.append(p.detach().numpy().copy())
    np.testing.assert_allclose(ours(optimizer), found, rtol=0, atol=1e-6)


OPTAX = [
    (Lion(), "lion", {"learning_rate": 1e-4, "weight_decay": 0.0}),
    (
        Lion(0.01, 0.8, 0.95, 0.3),
        "lion",
        {"learning_rate": 0.01, "b1": 0.8, "b2": 0.95, "weight_decay": 0.3},
    ),
    (AdamW(0.01, weight_decay=0.3), "adamw", {"learning_rate": 0.01, "weight_decay": 0.3}),
    (Adam(0.01), "adam", {"learning_rate": 0.01}),
    (Adadelta(0.5), "adadelta", {"learning_rate": 0.5, "rho": 0.9, "eps": 1e-6}),
    (RMSprop(), "rmsprop", {"learning_rate": 0.01, "decay": 0.99, "eps_in_sqrt": False}),
]


@pytest.mark.parametrize(("optimizer", "name", "settings"), OPTAX, ids=repr)
def test_every_step_is_optaxs(optimizer, name, settings):
    optax = pytest.importorskip("optax", reason="optax is the reference here")
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        p = jax.numpy.asarray(START)
        theirs, found = getattr(optax, name)(**settings), []
        state = theirs.init(p)
        for g in GRADIENTS:
            change, state = theirs.update(jax.numpy.asarray(g), state, p)
            p = optax.apply_updates(p, change)
            found.append(np.asarray(p))
        assert p.dtype == np.float64
    np.testing.assert_allclose(ours(optimizer), found, rtol=0, atol=1e-6)
