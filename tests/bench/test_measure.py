"""Turns, warm-up and statistics, on a clock that moves only when a call says so."""

import gc
import time
from itertools import groupby

import numpy as np
import pytest

from mlpcore.bench.measure import BLOCK_S, MAX_ROUNDS, MIN_ROUNDS, Measurement, Timing


def measure(calls, seconds, **options):
    """Return the timings of all rounds at once."""
    measurement = Measurement(calls, seconds, **options)
    measurement.take()
    return measurement.timings()


class World:
    """A clock in nanoseconds, and calls that take stated times and write down who was called."""

    def __init__(self):
        self.now = 0
        self.log = []

    def clock(self):
        return self.now

    def call(self, name, *durations):
        """Return a call that takes each of `durations` in turn, and the last one ever after."""
        waiting = list(durations)

        def run():
            self.log.append(name)
            self.now += waiting.pop(0) if len(waiting) > 1 else waiting[0]

        return run


@pytest.fixture
def world():
    return World()


def turns(log, names):
    """Return the log of timed calls as rounds of (name, calls) turns."""
    groups = [(name, len(list(calls))) for name, calls in groupby(log)]
    return [groups[i : i + len(names)] for i in range(0, len(groups), len(names))]


REFRESHING = 1
"""Calls of a millisecond that come before the timed ones of a turn."""


def test_every_contender_has_one_turn_in_every_round(world):
    markers = {name: world.call(name, 1_000_000) for name in "abc"}
    # a gauge in between ends each turn, also where the same name would follow itself
    measure(markers, 0.2, between={"|": lambda: world.log.append("|")}, clock=world.clock)
    turn = 10 + REFRESHING
    length = 3 * turn + 1
    timed = "".join(world.log)[-20 * length :]
    rounds = [timed[i : i + length] for i in range(0, len(timed), length)]
    assert len(rounds) == 20
    for one in rounds:
        assert sorted(one) == sorted("a" * turn + "b" * turn + "c" * turn + "|")
        assert len([*groupby(one)]) == 4, "a turn is not interrupted"


def test_the_order_of_turns_differs_from_round_to_round(world):
    calls = {name: world.call(name, 1_000_000) for name in "abcd"}
    measure(calls, 0.2, between={"|": lambda: None}, clock=world.clock)
    length = 4 * (10 + REFRESHING)
    timed = "".join(world.log)[-20 * length :]
    orders = {
        tuple(name for name, _ in groupby(timed[i : i + length]))
        for i in range(0, len(timed), length)
    }
    assert len(orders) > 5


def test_before_each_turn_the_process_settles_and_the_gauge_is_read(world):
    """And once more at the end, so that each turn has a reading on either side."""
    log = []
    readings = iter(range(100))

    def gauge():
        log.append("gauge")
        return float(next(readings))

    calls = {"a": lambda: log.append("call") or world.call("a", 20_000_000)()}
    timing = measure(
        calls, 0.1, gauge=gauge, settle=lambda: log.append("settle"), clock=world.clock
    )["a"]
    assert log[-3:] == ["call", "settle", "gauge"]
    assert log.count("settle") == log.count("gauge") == 1 + len(timing.rounds)
    assert [name for name, _ in groupby(log)][1:4] == ["settle", "gauge", "call"]
    assert timing.gauge == tuple(i + 0.5 for i in range(MIN_ROUNDS))


@pytest.mark.parametrize("parts", [1, 2, 5, 7, 100])
def test_rounds_in_parts_are_those_of_one_go(world, parts):
    """With a reading of the gauge after each part, too."""
    readings = iter(range(100))
    options = {"gauge": lambda: float(next(readings)), "clock": world.clock}
    measurement = Measurement({"a": world.call("a", 20_000_000)}, 0.6, **options)
    rounds, near, reading = [], [], 0
    for part in range(parts):
        before = len(measurement.timings()["a"].rounds)
        measurement.take(part, parts)
        rounds.append(len(measurement.timings()["a"].rounds) - before)
        near += [reading + i + 0.5 for i in range(rounds[-1])]
        reading += rounds[-1] + 1 if rounds[-1] else 0
    assert sum(rounds) == 30
    assert max(rounds) - min(rounds) <= 1
    assert list(measurement.timings()["a"].gauge) == near


@pytest.mark.parametrize(("call_s", "uncounted"), [(0.0001, 10), (0.03, 1), (0.2, 0)])
def test_caches_are_filled_before_a_turn_unless_that_is_nothing_beside_a_call(
    world, call_s, uncounted
):
    readings = iter([0.0] * 100)

    def gauge():
        world.log.append("|")
        return next(readings)

    timing = measure({"a": world.call("a", call_s * 1e9)}, 0.5, gauge=gauge, clock=world.clock)
    turns_taken = "".join(world.log).split("|")[1:-1]
    counted = [len(calls) for calls in timing["a"].rounds]
    assert [len(turn) for turn in turns_taken] == [uncounted + count for count in counted]


def test_without_a_gauge_there_are_no_readings(world):
    timing = measure({"a": world.call("a", 1000)}, 1e-4, clock=world.clock)["a"]
    assert timing.gauge == ()


def test_a_call_that_computes_keeps_one_core_and_one_that_sleeps_none():
    def compute():
        end = time.thread_time() + 0.01
        while time.thread_time() < end:
            pass

    timings = measure({"compute": compute, "sleep": lambda: time.sleep(0.01)}, 0.05)
    assert np.median(timings["sleep"].cores) < 0.5 < 1.5 > np.median(timings["compute"].cores)
    assert np.median(timings["compute"].cores) > np.median(timings["sleep"].cores)


def test_a_seed_fixes_the_order():
    logs = []
    for seed in (3, 3, 4):
        world = World()
        measure({n: world.call(n, 1000) for n in "abc"}, 1e-4, seed=seed, clock=world.clock)
        logs.append(world.log)
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]


def test_the_budget_is_shared_among_the_rounds(world):
    """A second of calls of 1 ms: 20 rounds of 50; of 50 ms: 20 rounds of 1."""
    calls = {"fast": world.call("fast", 1_000_000), "slow": world.call("slow", 50_000_000)}
    timings = measure(calls, 1.0, clock=world.clock)
    assert [len(r) for r in timings["fast"].rounds] == [50] * 20
    assert [len(r) for r in timings["slow"].rounds] == [1] * 20


def test_a_turn_of_short_calls_lasts_ten_milliseconds_and_there_are_fifty_at_most(world):
    for seconds, rounds in ((0.2, 20), (5.0, MAX_ROUNDS)):
        timing = measure({"a": world.call("a", 100_000)}, seconds, clock=world.clock)["a"]
        assert len(timing.rounds) == rounds
        assert all(calls.sum() * 1e-9 >= 0.99 * BLOCK_S for calls in timing.rounds)


def test_a_call_longer_than_the_budget_still_has_the_least_number_of_rounds(world):
    timing = measure({"slow": world.call("slow", 3_000_000_000)}, 1.0, clock=world.clock)["slow"]
    assert [len(r) for r in timing.rounds] == [1] * MIN_ROUNDS
    assert timing.median_s == pytest.approx(3.0)


def test_warming_up_is_not_counted(world):
    """A compilation of a second before calls of a microsecond leaves no trace."""
    compiled = world.call("compiled", 1_000_000_000, 1000)
    timing = measure({"compiled": compiled}, 0.001, clock=world.clock)["compiled"]
    assert timing.median_s == timing.percentile_s(100) == pytest.approx(1e-6)
    assert sum(len(r) for r in timing.rounds) == pytest.approx(1000, rel=0.01)


def test_a_call_too_short_for_the_clock_is_no_division_by_zero(world):
    timing = measure({"nothing": world.call("nothing", 0)}, 1e-4, clock=world.clock)["nothing"]
    assert timing.median_s == 0


def test_the_collector_rests_while_timing_and_works_again_after():
    seen = []
    assert gc.isenabled()
    measure({"look": lambda: seen.append(gc.isenabled())}, 1e-4)
    assert not any(seen)
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        measure({"nothing": lambda: None}, 1e-5)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_collector_works_again_after_an_error():
    def fail():
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        measure({"fail": fail}, 1e-4)
    assert gc.isenabled()


def test_nothing_to_time_is_no_timing():
    assert measure({}, 1.0) == {}


def test_the_median_is_over_rounds_and_the_percentiles_over_calls():
    """Means of the rounds: 2, 4 and 30 ns; half of the calls stay below 4 ns."""
    rounds = [np.array(r, np.int64) for r in ([1, 3], [4, 4], [4, 5, 81])]
    timing = Timing(tuple(rounds))
    assert timing.median_s == pytest.approx(4e-9)
    assert timing.percentile_s(50) == pytest.approx(4e-9)
    assert timing.percentile_s(100) == pytest.approx(81e-9)
