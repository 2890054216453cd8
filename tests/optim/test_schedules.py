"""Schedules are the formulas that they are named for, and plain values."""

import json
import math
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore.optim.schedules import (
    constant,
    cosine,
    exponential,
    from_config,
    joined,
    linear,
    multi_step,
    one_cycle,
    polynomial,
    scaled,
    step_decay,
    warmup,
)

EXAMPLES = [
    constant(),
    constant(0.5),
    step_decay(3),
    step_decay(1, 0.9),
    multi_step([2, 5, 6], 0.5),
    multi_step([]),
    exponential(0.9),
    exponential(0.5, every=10),
    linear(7),
    linear(5, 0.2, 1.5),
    polynomial(9),
    polynomial(9, 0.5, 0.1),
    warmup(4),
    warmup(0),
    warmup(4, 0.0),
    cosine(11),
    cosine(70, restarts=2, growth=2, end=0.01),
    cosine(20, warmup=5, restarts=3, growth=0.5),
    one_cycle(30),
    one_cycle(17, rise=0.5, start=0.1, end=0.0, shape="linear"),
    joined(warmup(3), constant(), cosine(8), at=[3, 6]),
    scaled(warmup(3), step_decay(2), constant(0.5)),
    joined(scaled(constant(2.0), exponential(0.5)), constant(0.1), at=[4]),
]
each_example = pytest.mark.parametrize("schedule", EXAMPLES, ids=repr)


def curve(schedule, steps):
    return [schedule(step) for step in range(steps)]


@each_example
def test_a_schedule_comes_back_from_json_from_pickle_and_from_its_repr(schedule):
    assert from_config(json.loads(json.dumps(schedule.config()))) == schedule
    assert eval(repr(schedule)) == schedule
    again = pickle.loads(pickle.dumps(schedule))
    assert again == schedule
    assert hash(again) == hash(schedule)
    assert curve(again, 80) == curve(schedule, 80)


@each_example
def test_a_factor_is_a_float_from_zero_up(schedule):
    for factor in [*curve(schedule, 100), schedule(10**9)]:
        assert type(factor) is float
        assert 0 <= factor < math.inf


def test_formulas():
    assert curve(step_decay(2, 0.5), 6) == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert curve(multi_step([1, 3], 0.5), 5) == [1, 0.5, 0.5, 0.25, 0.25]
    assert curve(exponential(0.25, every=2), 4) == [1, 0.5, 0.25, 0.125]
    assert curve(linear(4), 6) == [1, 0.75, 0.5, 0.25, 0, 0]
    assert curve(polynomial(4, 2), 6) == [1, 0.5625, 0.25, 0.0625, 0, 0]
    assert curve(warmup(3), 5) == [0.25, 0.5, 0.75, 1, 1]
    assert curve(warmup(2, 0.0), 4) == [0, 0.5, 1, 1]
    assert curve(joined(constant(3.0), linear(2), at=[2]), 5) == [3, 3, 1, 0.5, 0]
    assert curve(scaled(linear(4), step_decay(2, 0.5)), 4) == [1, 0.75, 0.25, 0.125]


def test_a_cosine_begins_at_1_passes_the_middle_and_ends_where_it_is_told():
    schedule = cosine(10, end=0.2)
    assert schedule(0) == 1
    assert schedule(5) == pytest.approx(0.6, rel=1e-15)
    assert schedule(10) == schedule(1000) == 0.2


def test_cycles_grow_and_each_begins_at_1():
    schedule = cosine(70, restarts=2, growth=2)
    assert [step for step in range(70) if schedule(step) == 1] == [0, 10, 30]
    assert schedule(20) == pytest.approx(0.5)
    assert schedule(50) == pytest.approx(0.5)
    assert schedule(70) == 0


def test_one_cycle_rises_to_the_full_rate_once():
    schedule = one_cycle(100, rise=0.25)
    found = curve(schedule, 100)
    assert found[0] == pytest.approx(1 / 25)
    assert found[24] == max(found) == 1
    assert found[-1] == 4e-6
    assert found[:25] == sorted(found[:25])
    assert found[24:] == sorted(found[24:], reverse=True)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 20), st.integers(0, 6), st.floats(0.5, 2.0), st.integers(0, 300))
def test_a_cosine_stays_between_its_end_and_1_and_only_restarts_rise(warm, restarts, growth, more):
    steps = warm + 200 + more
    found = curve(cosine(steps, warmup=warm, end=0.1, restarts=restarts, growth=growth), steps + 1)
    assert all(0.1 <= factor <= 1 for factor in found[warm:])
    rises = [b for a, b in zip(found[warm:], found[warm + 1 :], strict=False) if b > a]
    assert rises == [1] * restarts
    assert found[:warm] == sorted(found[:warm])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(EXAMPLES), min_size=1, max_size=4), st.integers(0, 100))
def test_scaled_is_the_product(parts, step):
    product = math.prod(part(step) for part in parts)
    assert scaled(*parts)(step) == product


def test_functions_of_ones_own_are_parts_but_have_no_config():
    def half(step):
        return 0.5

    schedule = scaled(half, linear(4))
    assert schedule(2) == 0.25
    with pytest.raises(TypeError, match="is no schedule of the library"):
        schedule.config()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: constant(-1), ValueError, "factor must not be negative"),
        (lambda: step_decay(0), ValueError, "every must be at least 1"),
        (lambda: step_decay(2, 0), ValueError, "factor must be positive"),
        (lambda: multi_step([3, 3]), ValueError, "milestones must ascend"),
        (lambda: exponential(1.1), ValueError, "decay must be at most 1"),
        (lambda: linear(0), ValueError, "steps must be at least 1"),
        (lambda: polynomial(3, 0), ValueError, "power must be positive"),
        (lambda: warmup(-1), ValueError, "steps must be at least 0"),
        (lambda: warmup(3, 1.5), ValueError, "start must be at most 1"),
        (lambda: cosine(5.5), TypeError, "steps must be a whole number"),
        (lambda: cosine(5, warmup=5), ValueError, "leave none for each of 1 cycles"),
        (lambda: cosine(5, restarts=5), ValueError, "leave none for each of 6 cycles"),
        (lambda: cosine(20, restarts=5, growth=9), ValueError, "a cycle has no step"),
        (lambda: one_cycle(10, rise=1), ValueError, "rise must be above 0 and below 1"),
        (lambda: one_cycle(10, shape="cosin"), ValueError, "did you mean 'cosine'"),
        (lambda: joined(constant(), at=[3]), ValueError, "join at one step less"),
        (lambda: joined(at=[]), ValueError, "join at one step less"),
        (lambda: joined(*[constant()] * 3, at=[3, 3]), ValueError, "must ascend"),
        (lambda: scaled(), ValueError, "at least one"),
        (lambda: scaled(0.5), TypeError, "a function of the number of the step"),
        (lambda: from_config({"kind": "cosin"}), ValueError, "did you mean 'cosine'"),
        (lambda: from_config(3), TypeError, "a mapping with its kind"),
    ],
)
def test_what_makes_no_sense_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def torchs(make, steps):
    """Return the factors of a scheduler of PyTorch."""
    torch = pytest.importorskip("torch", reason="PyTorch is the reference here")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedulers = make(torch.optim.lr_scheduler, optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedulers.step()
    return found


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (step_decay(7, 0.5), lambda s, o: s.StepLR(o, 7, 0.5)),
        (multi_step([5, 20], 0.3), lambda s, o: s.MultiStepLR(o, [5, 20], 0.3)),
        (exponential(0.95), lambda s, o: s.ExponentialLR(o, 0.95)),
        (polynomial(40, 2.0), lambda s, o: s.PolynomialLR(o, 40, 2.0)),
        (linear(30, 0.2, 0.9), lambda s, o: s.LinearLR(o, 0.2, 0.9, 30)),
        (warmup(10, 0.25), lambda s, o: s.LinearLR(o, 0.25, 1.0, 10)),
        (cosine(60, end=0.1), lambda s, o: s.CosineAnnealingLR(o, 60, 0.1)),
        (
            cosine(70, restarts=2, growth=2, end=0.1),
            lambda s, o: s.CosineAnnealingWarmRestarts(o, 10, 2, 0.1),
        ),
        (one_cycle(60), lambda s, o: s.OneCycleLR(o, 1.0, 60)),
        (
            one_cycle(60, rise=0.4, start=0.1, end=1e-3, shape="linear"),
            lambda s, o: s.OneCycleLR(
                *(o, 1.0, 60),
                pct_start=0.4,
                anneal_strategy="linear",
                div_factor=10,
                final_div_factor=100,
            ),
        ),
        (
            joined(warmup(10, 0.25), cosine(40), at=[10]),
            lambda s, o: s.SequentialLR(
                o, [s.LinearLR(o, 0.25, 1.0, 10), s.CosineAnnealingLR(o, 40)], [10]
            ),
        ),
        (
            scaled(step_decay(7, 0.5), exponential(0.9)),
            lambda s, o: s.ChainedScheduler([s.StepLR(o, 7, 0.5), s.ExponentialLR(o, 0.9)]),
        ),
    ],
    ids=lambda value: repr(value) if not callable(value) or hasattr(value, "kind") else "",
)
def test_a_run_has_the_rates_of_pytorchs_schedulers(schedule, make):
    steps = 50 if schedule.kind == "joined" else 60
    assert curve(schedule, steps) == pytest.approx(torchs(make, steps), rel=1e-9, abs=1e-12)
