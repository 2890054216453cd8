"""Each optimizer's sweep takes the steps of the reference, wherever it is split."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.panels import call, same_bits
from support.written_kernels import DTYPES, ISAS, kernels

from mlpcore.backends.fused_optimizer import fused_optimizer
from mlpcore.kernels.cpu.optimizers import RULES, write_sweep
from mlpcore.optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    NAdam,
    RAdam,
    RMSprop,
)

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no instruction set of ours")

OPTIMIZERS = {
    "sgd": SGD(lr=0.1),
    "sgd_momentum": SGD(lr=0.1, momentum=0.9),
    "sgd_nesterov": SGD(lr=0.1, momentum=0.9, nesterov=True),
    "adam": Adam(lr=0.1),
    "adamw": AdamW(lr=0.03, weight_decay=0.3),
    "nadam": NAdam(lr=0.03, weight_decay=0.3),
    "radam": RAdam(lr=0.03, weight_decay=0.3),
    "rmsprop": RMSprop(lr=0.1),
    "rmsprop_momentum": RMSprop(lr=0.1, momentum=0.9),
    "rmsprop_centered": RMSprop(lr=0.1, centered=True),
    "adagrad": Adagrad(lr=0.1, initial=0.1),
    "adadelta": Adadelta(lr=1.0),
    "lion": Lion(lr=0.03, weight_decay=0.3),
}


def emit(module):
    for rule in RULES.values():
        write_sweep(module, rule)


class Sweep:
    """Steps of one optimizer by its kernel, on vectors that lie amid guard elements."""

    def __init__(self, optimizer, p, isa=None, offset=3):
        self.fused = fused_optimizer(optimizer)
        self.lr = optimizer.lr
        self.kernels = kernels(emit, ISAS[0] if isa is None else isa, p.dtype.type)
        self.n, self.offset, self.step_number = len(p), offset, 0
        self.memory = [np.full(len(p) + 2 * offset, 7, dtype=p.dtype) for _ in range(3)]
        for vector, start in zip(self.memory, (p, 0, 0), strict=True):
            self.inside(vector)[:] = start

    def inside(self, vector):
        return vector[self.offset : self.offset + self.n]

    @property
    def p(self):
        return self.inside(self.memory[0])

    @property
    def states(self):
        return [self.inside(v) for v in self.memory[1 : 1 + len(self.fused.state_names)]]

    def step(self, g, cuts=(), decay=0.0):
        self.step_number += 1
        settings = self.fused.settings(self.step_number, self.lr, self.p.dtype, decay=decay)
        for a, b in itertools.pairwise([0, *cuts, self.n]):
            parts = [self.inside(vector)[a:] for vector in self.memory]
            part = np.ascontiguousarray(g[a:b])
            rest = (*parts[1:], b - a, settings)
            call(self.kernels, self.fused.kernel, parts[0], part, *rest)

    def guards_hold(self):
        edges = [np.r_[v[: self.offset], v[self.offset + self.n :]] for v in self.memory]
        return all((edge == 7).all() for edge in edges)


class Reference:
    """The same steps by `Optimizer.update`."""

    def __init__(self, optimizer, p):
        self.optimizer, self.p, self.step_number = optimizer, p.copy(), 0
        self.state = {name: np.zeros_like(p) for name in optimizer.state_names}

    def step(self, g):
        self.step_number += 1
        self.optimizer.update(np, self.p, g, self.state, self.step_number)


def numbers(n, seed, dtype):
    return np.random.default_rng(seed).normal(size=n).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fifty_steps_are_those_of_the_reference(name, dtype):
    """A step rounds p and each state once, and what is added to them a few times.

    That is on the scale of the largest p there was, at any rate: a step is a difference of two.
    """
    n, steps = 101, 50
    sweep = Sweep(OPTIMIZERS[name], numbers(n, 0, dtype))
    reference = Reference(OPTIMIZERS[name], numbers(n, 0, dtype).astype("float64"))
    largest = np.zeros(3)
    for t in range(steps):
        g = numbers(n, t + 1, dtype)
        sweep.step(g)
        reference.step(g.astype("float64"))
        for i, x in enumerate((reference.p, *reference.state.values())):
            largest[i] = max(largest[i], np.abs(x).max())
    bounds = steps * np.finfo(dtype).eps * largest
    pairs = zip((sweep.p, *sweep.states), (reference.p, *reference.state.values()), strict=True)
    for bound, (ours, theirs) in zip(bounds, pairs, strict=False):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=bound)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_is_at_least_as_accurate_as_the_reference_in_float32(name):
    n = 2000
    sweep = Sweep(OPTIMIZERS[name], numbers(n, 0, "float32"))
    same = Reference(OPTIMIZERS[name], numbers(n, 0, "float32"))
    exact = Reference(OPTIMIZERS[name], numbers(n, 0, "float32").astype("float64"))
    for t in range(20):
        g = numbers(n, t + 1, "float32")
        sweep.step(g)
        same.step(g)
        exact.step(g.astype("float64"))
    ours, theirs = (np.sqrt(np.mean((p - exact.p) ** 2)) for p in (sweep.p, same.p))
    assert ours <= 1.05 * theirs


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_instruction_set_computes_the_same_bits(name, dtype):
    sweeps = [Sweep(OPTIMIZERS[name], numbers(77, 0, dtype), isa) for isa in ISAS]
    for t in range(3):
        for sweep in sweeps:
            sweep.step(numbers(77, t + 1, dtype), decay=0.01)
    for other in sweeps[1:]:
        assert same_bits(sweeps[0].p, other.p)
        for a, b in zip(sweeps[0].states, other.states, strict=True):
            assert same_bits(a, b)


@given(st.integers(0, 150), st.lists(st.integers(0, 150), max_size=3), st.sampled_from(DTYPES))
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_bits_do_not_depend_on_how_the_vector_is_split_and_nothing_beside_it_is_written(
    name, n, cuts, dtype
):
    whole, parts = (Sweep(OPTIMIZERS[name], numbers(n, 0, dtype)) for _ in range(2))
    for t in range(2):
        g = numbers(n, t + 1, dtype)
        whole.step(g, decay=0.1)
        parts.step(g, sorted(min(cut, n) for cut in cuts), decay=0.1)
    assert same_bits(whole.p, parts.p)
    assert all(map(same_bits, whole.states, parts.states))
    assert whole.guards_hold()
    assert parts.guards_hold()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_decay_is_the_gradient_of_an_l2_penalty(name, dtype):
    """A step with g and λ is one with g + λ p, each of λ, λ p and the sum rounded to the dtype."""
    p, g = numbers(50, 0, dtype), numbers(50, 1, dtype)
    decayed, plain = Sweep(OPTIMIZERS[name], p), Sweep(OPTIMIZERS[name], p)
    decayed.step(g, decay=0.1)
    plain.step(g + np.dtype(dtype).type(0.1) * p)
    assert same_bits(decayed.p, plain.p)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_without_decay_an_infinite_parameter_does_not_touch_the_gradient(name, dtype):
    p = np.array([np.inf, -np.inf, 1], dtype=dtype)
    sweep = Sweep(OPTIMIZERS[name].exempt, p)
    sweep.step(np.zeros(3, dtype))
    np.testing.assert_array_equal(sweep.p, p)


def assert_close_beside(a, b, *terms, least):
    """Equal but for a few roundings of what was added up, where it is finite; else just equal."""
    info = np.finfo(a.dtype)
    finite = np.isfinite(b)
    np.testing.assert_array_equal(a[~finite], b[~finite])
    size = np.max(np.abs(np.nan_to_num([b, *terms], posinf=0, neginf=0)), axis=0)
    error = np.abs(a[finite] - b[finite])
    assert (error <= 8 * info.eps * size[finite] + least).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_gradients_of_any_size_do_what_they_do_in_the_reference(name, dtype):
    top, tiny = np.finfo(dtype).max, np.finfo(dtype).tiny
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, top, -top, tiny, tiny / 8, np.sqrt(top) * 2]
    # What is remembered and forgotten in one may be just a normal number in the other.
    forgotten = 4 * np.finfo(dtype).smallest_subnormal if name == "sgd" else 2 * tiny
    moved, optimizer = forgotten, OPTIMIZERS[name]
    if RULES[name].states == ("m", "v"):
        # A step is lr / (1 - β₁) of what is remembered of g, at most, divided by as little as eps.
        moved *= max(1.0, optimizer.lr / (1 - optimizer.beta1) / optimizer.eps)
    first, second = np.array(list(itertools.product(special, special)), dtype).T.copy()
    for start in (1.0, 0.0, -0.0):
        sweep = Sweep(OPTIMIZERS[name], np.full(len(first), start, dtype))
        reference = Reference(OPTIMIZERS[name], sweep.p)
        for g in (first, second):
            before = reference.p.copy()
            sweep.step(g)
            reference.step(g)
            assert_close_beside(sweep.p, reference.p, before, first, second, least=moved)
            for ours, name_ in zip(sweep.states, reference.state, strict=True):
                assert_close_beside(ours, reference.state[name_], first, second, least=forgotten)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_zeros_stay_zeros(name, dtype):
    """As in the holes of the flat buffer between parameters."""
    sweep = Sweep(OPTIMIZERS[name], np.zeros(40, dtype))
    for _ in range(3):
        sweep.step(np.zeros(40, dtype), decay=0.1)
    for vector in (sweep.p, *sweep.states):
        assert not vector.any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "sgd"])
def test_what_is_remembered_of_a_gradient_that_became_zero_ends_as_zero(name, dtype):
    """In its own arithmetic it would stay at some subnormal number for ever."""
    tiny = float(np.finfo(dtype).smallest_normal)
    p, nothing = np.ones(5, dtype), np.zeros(5, dtype)
    optimizer = OPTIMIZERS[name]
    if name == "rmsprop_momentum":  # it remembers quotients by as little as eps
        optimizer = replace(optimizer, eps=1.0)
    sweep, reference = Sweep(optimizer, p), Reference(optimizer, p)
    for taken in (sweep, reference):
        g = np.array([1.5, -1.5, 3, 0, 1], dtype) * np.sqrt(tiny).astype(dtype)
        taken.step(np.where(g == 0, 1, g * np.sqrt(tiny).astype(dtype)).astype(dtype))
        for _ in range(30):
            taken.step(nothing)
    for states in (sweep.states, reference.state.values()):
        for state in states:
            assert (state[:3] == 0).all()
            assert state[3] != 0
            assert (np.abs(state[state != 0]) >= tiny).all()


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "sgd"])
def test_a_nan_is_never_forgotten(name):
    p = np.ones(3, np.float32)
    sweep, reference = Sweep(OPTIMIZERS[name], p), Reference(OPTIMIZERS[name], p)
    for taken in (sweep, reference):
        taken.step(np.array([np.nan, 1, 1], np.float32))
        taken.step(np.zeros(3, np.float32))
    for state in (*sweep.states, *reference.state.values()):
        assert np.isnan(state).tolist() == [True, False, False]


def stepped(optimizer, dtype, steps=8):
    """Return p and the states after some steps."""
    sweep = Sweep(optimizer, numbers(77, 0, dtype))
    for t in range(steps):
        sweep.step(numbers(77, t + 1, dtype))
    return [sweep.p, *sweep.states]


@pytest.mark.parametrize("dtype", DTYPES)
def test_adamw_without_its_decay_takes_adams_steps(dtype):
    adam, adamw = Adam(lr=0.03), AdamW(lr=0.03, weight_decay=0.0)
    assert all(map(same_bits, stepped(adam, dtype), stepped(adamw, dtype)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.decoupled])
def test_a_decay_of_its_own_leaves_what_is_remembered_alone(name, dtype):
    decayed, plain = stepped(OPTIMIZERS[name], dtype), stepped(OPTIMIZERS[name].exempt, dtype)
    assert not same_bits(decayed[0], plain[0])
    assert all(map(same_bits, decayed[1:], plain[1:]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.decoupled])
def test_a_decay_of_its_own_takes_its_share_where_there_is_no_gradient(name, dtype):
    sweep = Sweep(replace(OPTIMIZERS[name], lr=2.0**-5, weight_decay=0.5), numbers(77, 0, dtype))
    before = sweep.p.copy()
    for t in range(3):
        sweep.step(np.zeros(77, dtype))
        rtol = 2 * (t + 1) * np.finfo(dtype).eps
        np.testing.assert_allclose(sweep.p, before * (1 - 2.0**-6) ** (t + 1), rtol=rtol)
