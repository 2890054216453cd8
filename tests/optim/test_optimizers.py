"""Optimizers as a user names them: settings, state, and the step that they take."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore.kernels.reference.optimizers import adam, sgd, sgd_momentum
from mlpcore.optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
    names,
    optimizer,
)

EXAMPLES = [
    SGD(),
    SGD(0.1, 0.9),
    SGD(0.1, 0.9, nesterov=True),
    Adam(),
    Adam(0.01, 0.8, 0.99, 1e-6),
    AdamW(weight_decay=0.1),
    NAdam(weight_decay=0.1),
    RAdam(weight_decay=0.1),
    RMSprop(),
    RMSprop(momentum=0.9),
    RMSprop(centered=True),
    RMSprop(momentum=0.9, centered=True),
    Adagrad(initial=0.1),
    Adadelta(),
    Lion(weight_decay=0.1),
]
DECOUPLED = [example for example in EXAMPLES if example.exempt is not example]


def take(opt, steps, dtype=np.float64, lr=None):
    """Take `steps` steps of `opt` from ones under a varying gradient; return p and the state."""
    p = np.ones(5, dtype)
    state = {name: np.zeros(5, dtype) for name in opt.state_names}
    for t in range(1, steps + 1):
        opt.update(np, p, np.cos(t * np.arange(5)).astype(dtype), state, t, lr)
    return p, state


def test_names_and_their_meaning():
    assert names()[:4] == ("sgd", "momentum", "nesterov", "adam")
    assert names()[4:] == (*("adamw", "nadam", "radam", "rmsprop", "adagrad", "adadelta", "lion"),)
    assert optimizer("sgd") == SGD(lr=1e-2, momentum=0.0, nesterov=False)
    assert optimizer("momentum") == SGD(momentum=0.9)
    assert optimizer("nesterov") == SGD(momentum=0.9, nesterov=True)
    assert optimizer("adam") == Adam(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8)


def test_settings_replace_the_defaults():
    assert optimizer("nesterov", lr=0.5) == SGD(0.5, 0.9, nesterov=True)
    assert optimizer("adam", beta1=0.5, eps=1e-4) == Adam(beta1=0.5, eps=1e-4)
    assert optimizer(Adam(0.1), lr=0.2) == Adam(0.2)


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_an_optimizer_is_itself_and_comes_back_from_json(example):
    assert optimizer(example) == example
    config = json.loads(json.dumps(example.config()))
    assert optimizer(config.pop("kind"), **config) == example


def test_numpy_numbers_become_pythons():
    opt = optimizer("adam", lr=np.float32(0.5), beta1=np.float64(0.5), eps=1)
    assert [type(v) for v in (opt.lr, opt.beta1, opt.eps)] == [float] * 3
    assert type(SGD(lr=1).lr) is float


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        *(("sgd", {"lr": lr}, "lr must be positive") for lr in (0, -1.0, np.nan, np.inf)),
        ("adam", {"lr": 0.0}, "lr must be positive and finite, got 0"),
        *(("sgd", {"momentum": m}, "momentum must be at least 0") for m in (-0.1, 1.0, np.nan)),
        *(("adam", {"beta1": b}, "beta1 must be at least 0 and below 1") for b in (-1, 1, np.nan)),
        ("adam", {"beta2": 1.0}, "beta2 must be"),
        *(("adam", {"eps": e}, "eps must be") for e in (0.0, -1e-8, 1e-40, np.nan, np.inf)),
        *(("adamw", {"weight_decay": d}, "weight_decay must be") for d in (-1e-3, np.nan, np.inf)),
        ("nadam", {"momentum_decay": -1.0}, "momentum_decay must be finite and at least 0"),
        ("radam", {"beta2": 1.0}, "beta2 must be"),
        ("rmsprop", {"alpha": 1.0}, "alpha must be"),
        ("rmsprop", {"momentum": -0.1}, "momentum must be"),
        ("adagrad", {"initial": -0.1}, "initial must be finite and at least 0"),
        ("adadelta", {"eps": 0.0}, r"eps must be finite and at least 2\*\*-126"),
        ("lion", {"beta1": 1.0}, "beta1 must be"),
        ("sgd", {"nesterov": True}, "nesterov needs a momentum"),
        ("nesterov", {"momentum": 0.0}, "nesterov needs a momentum"),
        ("sdg", {}, "unknown optimizer 'sdg'; known are sgd, .*; did you mean 'sgd'"),
    ],
)
def test_bad_values_are_refused(name, settings, message):
    with pytest.raises(ValueError, match=message):
        optimizer(name, **settings)


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        ("adam", {"momentum": 0.9}, "'adam' has no setting 'momentum'; it has: lr, beta1"),
        ("sgd", {"lr": "fast"}, "lr of 'sgd' must be a number, got 'fast'"),
        ("sgd", {"lr": True}, "must be a number"),
        ("momentum", {"nesterov": 1}, "nesterov must be True or False"),
        ("rmsprop", {"centered": 1}, "centered must be True or False"),
        (None, {}, "a name or an Optimizer, got NoneType"),
        (SGD, {}, "a name or an Optimizer, got the class SGD: make one of it"),
    ],
)
def test_bad_types_are_refused(spec, settings, message):
    with pytest.raises(TypeError, match=message):
        optimizer(spec, **settings)


def test_state_is_named_for_the_formula():
    assert SGD().state_names == ()
    assert SGD(momentum=0.5).state_names == ("v",)
    assert Adam().state_names == ("m", "v")
    assert all(make().state_names == ("m", "v") for make in (AdamW, NAdam, RAdam))
    assert RMSprop().state_names == Adagrad().state_names == ("v",)
    assert RMSprop(momentum=0.5).state_names == ("v", "b")
    assert RMSprop(centered=True).state_names == ("v", "m")
    assert RMSprop(momentum=0.5, centered=True).state_names == ("v", "m", "b")
    assert Adadelta().state_names == ("v", "u")
    assert Lion().state_names == ("m",)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("example", EXAMPLES[:5], ids=repr)
def test_update_is_the_kernel_with_the_optimizers_settings(example, dtype):
    p, state = take(example, 6, dtype)
    q = np.ones(5, dtype)
    a, b = np.zeros(5, dtype), np.zeros(5, dtype)
    for t in range(1, 7):
        g = np.cos(t * np.arange(5)).astype(dtype)
        match example:
            case Adam(lr, b1, b2, eps):
                adam(np, q, g, a, b, lr=lr, beta1=b1, beta2=b2, eps=eps, step=t)
            case SGD(lr, mu, nesterov) if mu:
                sgd_momentum(q, g, a, lr=lr, momentum=mu, nesterov=nesterov)
            case SGD(lr):
                sgd(q, g, lr=lr)
    assert p.dtype == dtype
    np.testing.assert_array_equal(p, q)
    for values, kernel in zip(state.values(), (a, b), strict=False):
        np.testing.assert_array_equal(values, kernel)


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_a_learning_rate_for_one_step_takes_the_place_of_the_optimizers_own(example):
    quick = optimizer(example, lr=0.3)
    np.testing.assert_array_equal(take(example, 4, lr=0.3)[0], take(quick, 4)[0])
    # A NumPy number from a schedule must not widen float32.
    single, _ = take(example, 2, np.float32, lr=np.float64(0.3))
    np.testing.assert_array_equal(single, take(quick, 2, np.float32)[0])
    np.testing.assert_array_equal(take(example, 3, lr=0.0)[0], 1.0)


@pytest.mark.parametrize("handling", ["warn", "raise"])
@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_no_gradient_warns_or_stops_a_step_half_way(example, handling):
    """Whatever NumPy is set to do: 1e25² overflows float32, and 1e-30² underflows."""
    g = np.array([1e25, -1e38, 1e-30, np.inf, np.nan], np.float32)
    found = []
    for each in ("ignore", handling):
        p = np.ones(5, np.float32)
        state = {name: np.full(5, 1e-30, np.float32) for name in example.state_names}
        with np.errstate(all=each):
            for t in (1, 2):
                example.update(np, p, g, state, t, lr=100.0)
        found.append([p, *state.values()])
    for quiet, loud in zip(*found, strict=True):
        np.testing.assert_array_equal(loud, quiet)


@pytest.mark.parametrize("counting", [Adam(), AdamW(), NAdam(), RAdam()], ids=repr)
def test_bias_correction_counts_steps_from_one(counting):
    with pytest.raises(ValueError, match="counted from 1, got 0"):
        counting.update(np, np.ones(1), np.ones(1), {"m": np.zeros(1), "v": np.zeros(1)}, 0)


def test_optimizers_are_frozen_and_hashable():
    with pytest.raises(AttributeError):
        Adam().lr = 1.0
    assert len({SGD(), SGD(), Adam()}) == 2


def test_an_optimizer_of_ones_own_is_one_class():
    class SignDescent(Optimizer):
        kind = "sign"

        def update(self, xp, p, g, state, step, lr=None):
            p -= (self.lr if lr is None else lr) * xp.sign(g)

    p = np.zeros(2)
    assert SignDescent(0.5).state_names == ()
    optimizer(SignDescent(0.5)).update(np, p, np.array([3.0, -2.0]), {}, 1)
    np.testing.assert_array_equal(p, [-0.5, 0.5])


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_steps_go_on_from_what_was_remembered(example):
    """What an optimizer is after step t lies in p, its state and t alone."""
    whole, _ = take(example, 9)
    p = np.ones(5)
    state = {name: np.zeros(5) for name in example.state_names}
    for t in range(1, 10):
        again = optimizer(example.config().pop("kind"), **_settings(example))
        kept = {name: vector.copy() for name, vector in state.items()}
        again.update(np, p, np.cos(t * np.arange(5)), kept, t)
        state = kept
    np.testing.assert_array_equal(p, whole)


def _settings(example):
    return {name: value for name, value in example.config().items() if name != "kind"}


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_a_vector_may_be_stepped_in_parts(example):
    whole, _ = take(example, 4)
    parts = [np.ones(2), np.ones(3)]
    states = [{name: np.zeros(len(p)) for name in example.state_names} for p in parts]
    for t in range(1, 5):
        g = np.cos(t * np.arange(5))
        for p, part, state in zip(parts, (g[:2], g[2:]), states, strict=True):
            example.update(np, p, part, state, t)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_what_is_exempt_from_decay_is_stepped_by_the_same_without_it(example):
    exempt = example.exempt
    assert exempt.exempt is exempt
    assert exempt.state_names == example.state_names
    if "weight_decay" in _settings(example):
        assert exempt == optimizer(example, weight_decay=0.0)
    else:
        assert exempt is example


@pytest.mark.parametrize("example", DECOUPLED, ids=repr)
def test_a_decay_of_its_own_is_a_share_of_p_beside_the_step(example):
    """p - η (d + λ p), with the d of the same optimizer without λ."""
    p, state = np.linspace(-2, 2, 5), {name: np.zeros(5) for name in example.state_names}
    q, kept = p.copy(), {name: np.zeros(5) for name in example.state_names}
    for t in range(1, 8):
        before, g = p.copy(), np.cos(t * np.arange(5))
        q[:] = p
        example.update(np, p, g, state, t)
        example.exempt.update(np, q, g, kept, t)
        shrunk = q - example.lr * example.weight_decay * before
        np.testing.assert_allclose(p, shrunk, rtol=0, atol=1e-15)


ADAM_LIKE = [Adam(eps=2.0**-126), AdamW(eps=2.0**-126), NAdam(eps=2.0**-126)]
ADAM_LIKE += [RMSprop(eps=2.0**-126, momentum=0.5), Adagrad(eps=2.0**-126)]


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(ADAM_LIKE), st.integers(-40, 40), st.integers(0, 2**32 - 1))
def test_steps_do_not_see_the_scale_of_the_gradient(example, power, seed):
    """Powers of two scale exactly, so that with a negligible ε the bits are the same."""
    g = np.random.default_rng(seed).normal(size=(6, 5))
    ends = []
    for scale in (1.0, 2.0**power):
        p, state = np.ones(5), {name: np.zeros(5) for name in example.state_names}
        for t in range(1, 7):
            example.update(np, p, scale * g[t - 1], state, t)
        ends.append(p)
    np.testing.assert_array_equal(*ends)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.99), st.floats(0, 0.99))
def test_lion_moves_by_the_learning_rate_or_not_at_all(seed, beta1, beta2):
    rng = np.random.default_rng(seed)
    lion = Lion(2.0**-7, beta1, beta2)
    p, state = np.zeros(8), {"m": np.zeros(8)}
    for t in range(1, 6):
        before, g = p.copy(), rng.normal(size=8) * (np.arange(8) > 0)
        lion.update(np, p, g, state, t)
        np.testing.assert_array_equal(np.abs(p - before), [0.0, *[2.0**-7] * 7])
        if t == 1:
            np.testing.assert_array_equal(p, -lion.lr * np.sign(g))
