"""Steps of optimizers on the device: the bits of fused arithmetic, and the reference's numbers."""

import cupy
import numpy as np
import pytest

from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.fused_optimizer import fused_optimizer
from mlpcore.kernels.cuda.optimizers import adam, sgd, sgd_momentum
from mlpcore.kernels.cuda.optimizers.sweep import sweep
from mlpcore.kernels.reference import optimizers as reference
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
    optimizer,
)

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
each_dtype = pytest.mark.parametrize("dtype", [F32, F64], ids=str)
STEPS = {
    "sgd": (sgd, lambda p, g, **k: reference.sgd(p, g, **k), 0, {"lr": 0.1}),
    "momentum": (sgd_momentum, reference.sgd_momentum, 1, {"lr": 0.1, "momentum": 0.9}),
    "nesterov": (
        sgd_momentum,
        reference.sgd_momentum,
        1,
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    ),
    "adam": (
        adam,
        lambda *vectors, **k: reference.adam(np, *vectors, **k),
        2,
        {"lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8},
    ),
}


def vectors_of(states, n, dtype, seed=0):
    """Return parameters, a gradient and zeros to remember."""
    rng = np.random.default_rng(seed)
    p, g = rng.normal(size=(2, n)).astype(dtype)
    return [p, g, *(np.zeros(n, dtype) for _ in range(states))]


@each_dtype
@pytest.mark.parametrize("name", STEPS)
def test_three_steps_are_those_of_the_reference(name, dtype):
    step, exact_step, states, settings = STEPS[name]
    vectors = vectors_of(states, 1003, dtype)
    wide = [x.astype(F64) for x in vectors]
    there = [cupy.asarray(x) for x in vectors]
    for t in (1, 2, 3):
        now = settings | ({"step": t} if name == "adam" else {})
        step(*there, **now)
        exact_step(*wide, **now)
    np.testing.assert_array_equal(there[1].get(), vectors[1])  # the gradient is only read
    eps = np.finfo(dtype).eps
    for got, exact in zip(there, wide, strict=True):
        # Each step rounds each of its numbers a few times; none cancels below its terms' size.
        size = np.abs(exact) + np.abs(vectors[0]) * (got is there[0]) + 3
        assert (np.abs(got.get() - exact) <= 12 * eps * size).all()


def test_what_is_remembered_and_subnormal_is_forgotten():
    tiny = np.finfo(F32).tiny
    v = np.array([tiny, -tiny, tiny / 2, -tiny / 4, 0, np.nan, 1, 2 * tiny], F32)
    p, g = cupy.zeros(8, F32), cupy.zeros(8, F32)
    there = cupy.asarray(v)
    sgd_momentum(p, g, there, lr=0.1, momentum=0.5)
    np.testing.assert_array_equal(there.get(), [0, 0, 0, 0, 0, np.nan, 0.5, tiny])


@each_dtype
def test_plain_descent_rounds_once(dtype):
    p, g = vectors_of(0, 4099, dtype)
    there = cupy.asarray(p)
    sgd(there, cupy.asarray(g), lr=0.1)
    exact = p.astype(np.longdouble) - np.longdouble(dtype.type(0.1)) * g
    if dtype == F32:  # a long double holds the exact sum of a float and a product of two
        np.testing.assert_array_equal(there.get(), exact.astype(F32))
    assert (np.abs(there.get() - exact) <= 0.5001 * np.spacing(np.abs(there.get()))).all()


RULES_WITH_SETTINGS = [
    SGD(0.01),
    SGD(0.01, 0.9),
    SGD(0.01, 0.9, nesterov=True),
    Adam(0.01),
    AdamW(0.01, weight_decay=0.1),
    NAdam(0.01, weight_decay=0.1),
    RAdam(0.01, weight_decay=0.1),
    RMSprop(0.01),
    RMSprop(0.01, momentum=0.9),
    RMSprop(0.01, centered=True),
    Adagrad(0.01, initial=0.1),
    Adadelta(),
    Lion(0.01, weight_decay=0.1),
]


def step_on_the_cpu(rule, vectors, step, decay):
    """Take one step with the CPU's kernel, which adds the gradient of the penalty itself."""
    known = fused_optimizer(rule)
    unit = f"update.{known.kernel}"
    library = compiled(vectors[0].dtype, unit)
    if library is None:
        pytest.skip("this machine has no fused multiply-add")
    settings = known.settings(step, rule.lr, vectors[0].dtype, decay=decay)
    places = [x.ctypes.data for x in vectors] + [0] * (4 - len(vectors))
    sweep_there = library.kernels(unit).function(known.kernel)
    sweep_there(*places, vectors[0].size, settings.ctypes.data)


@pytest.mark.parametrize(
    ("rule", "dtype"),
    [*((rule, F32) for rule in RULES_WITH_SETTINGS), (RULES_WITH_SETTINGS[-1], F64)],
    ids=str,
)
def test_every_rule_has_the_bits_of_the_cpus_kernel(rule, dtype):
    """With a penalty and with a decay of its own; the kernels of float64 are of the same text."""
    fused = fused_optimizer(rule)
    vectors = vectors_of(len(rule.state_names), 515, dtype)
    top, tiny = np.finfo(dtype).max, np.finfo(dtype).tiny
    vectors[1][:7] = [0, -0.0, np.inf, -np.inf, np.nan, top, tiny]
    p, g, *states = (cupy.asarray(x) for x in vectors)
    for t in range(1, 8):  # RAdam's second mean counts from the sixth
        sweep(fused.kernel, p, g, tuple(states), fused.numbers(t, rule.lr), decay=0.3)
        step_on_the_cpu(rule, vectors, t, 0.3)
    for got, expected in zip((p, g, *states), vectors, strict=True):
        np.testing.assert_array_equal(got.get(), expected)
        is_number = ~np.isnan(expected)
        assert (np.signbit(got.get()) == np.signbit(expected))[is_number].all()


@each_dtype
@pytest.mark.parametrize("name", STEPS)
def test_a_step_with_a_penalty_has_the_bits_of_the_cpus_kernel(name, dtype):
    step, _, states, settings = STEPS[name]
    vectors = vectors_of(states, 515, dtype)
    there = [cupy.asarray(x) for x in vectors]
    rule = optimizer("adam" if name == "adam" else "sgd", **{"lr": 0.1} | settings)
    for t in (1, 2, 3):
        now = settings | ({"step": t} if name == "adam" else {})
        step(*there, **now, decay=0.3, decayed=cupy.asarray([[0, 515]]))
        step_on_the_cpu(rule, vectors, t, 0.3)
    for got, expected in zip(there, vectors, strict=True):
        np.testing.assert_array_equal(got.get(), expected)


@pytest.mark.parametrize("rule", [AdamW(0.01, weight_decay=0.1)], ids=repr)
def test_a_decay_of_its_own_counts_in_the_ranges_alone(rule):
    fused = fused_optimizer(rule)
    p, g, *states = vectors_of(len(rule.state_names), 64, F32)
    inside = np.zeros(64, bool)
    inside[0:12] = inside[32:48] = True
    ends = []
    for made, ranges in ((rule, [[0, 12], [32, 48]]), (rule, [[0, 64]]), (rule.exempt, None)):
        there = cupy.asarray(p)
        decayed = None if ranges is None else cupy.asarray(np.array(ranges))
        numbers = fused_optimizer(made).numbers(1, rule.lr)
        kept = tuple(cupy.asarray(x) for x in states)
        sweep(fused.kernel, there, cupy.asarray(g), kept, numbers, decayed=decayed)
        ends.append(there.get())
    np.testing.assert_array_equal(ends[0], np.where(inside, ends[1], ends[2]))
    assert (ends[1] != ends[2]).all()


def test_only_the_ranges_that_decay_do(double):
    p, g = vectors_of(0, 64, F32)
    ranges = np.array([[0, 10], [32, 48]])
    p[10:12] = g[10:12] = 0  # the holes after the first range
    decays = np.zeros(64, bool)
    decays[0:10] = decays[32:48] = True
    with double.exact_bounds():
        there = cupy.asarray(p)
        sgd(there, cupy.asarray(g), lr=1.0, decay=0.5, decayed=cupy.asarray(ranges))
    expected = p - (g + np.where(decays, np.float32(0.5) * p, np.float32(0)))
    np.testing.assert_allclose(there.get(), expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(there.get()[~decays], (p - g)[~decays])


def test_a_huge_gradient_ends_no_step_half_way():
    p, g, m, v = vectors_of(2, 8, F32)
    g[:] = 3e38  # its square is infinite, and the step 0
    there = [cupy.asarray(x) for x in (p, g, m, v)]
    adam(*there, lr=0.01, beta1=0.9, beta2=0.99, eps=1e-8, step=1)
    np.testing.assert_array_equal(there[0].get(), p)
    assert np.isinf(there[3].get()).all()


@pytest.mark.parametrize("start", [0, 1])
def test_vectors_that_are_not_aligned_and_few_threads(start, double, monkeypatch):
    monkeypatch.setattr("mlpcore.kernels.cuda.compiler._BLOCKS_OF_MULTIPROCESSOR", 0.01)
    p, g = vectors_of(0, 3001, F32)
    for order in ("reverse", "random"):
        with double.exact_bounds(), double.order(order):
            base = cupy.zeros(3001 + start, F32)
            there = base[start:]
            there[...] = cupy.asarray(p)
            sgd(there, cupy.asarray(g), lr=1.0)
            np.testing.assert_array_equal(there.get(), p - g)


def test_one_launch(double):
    vectors = [cupy.asarray(x) for x in vectors_of(2, 100, F32)]
    settings = STEPS["adam"][3]
    adam(*vectors, **settings, step=1)
    double.reset_counters()
    adam(*vectors, **settings, step=2)
    assert sum(double.counters.launches.values()) == 1
    assert double.counters.host_to_device == double.counters.synchronisations == 0


def test_what_does_not_fit_is_refused():
    p = cupy.zeros(3, F32)
    with pytest.raises(ValueError, match="adam has 2 states and 7 numbers, got 1 and 1"):
        sweep("adam", p, p, (p,), (0.1,))
    with pytest.raises(ValueError, match="steps are counted from 1"):
        adam(p, p, p, p, lr=1, beta1=0, beta2=0, eps=1, step=0)
    with pytest.raises(ValueError, match=r"g has shape \(2,\), expected \(3,\)"):
        sgd(p, p[:2], lr=1)
