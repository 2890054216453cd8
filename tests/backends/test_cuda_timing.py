"""How times are taken and what follows from them, with clocks that tell what they are told."""

import pytest

from mlpcore.backends.cuda.choices import Choice
from mlpcore.backends.cuda.timing import MARGIN, TURN_SECONDS, best, interleaved, mean

LT, TILED, NARROW = Choice.CUBLASLT, Choice.TILED, Choice.NARROW


def test_the_mean_over_batches_is_geometric():
    assert mean({1: 2.0, 100: 8.0}) == pytest.approx(4.0)


def test_the_fastest_over_all_batches_is_best():
    times = {LT: {1: 4.0, 100: 4.0}, TILED: {1: 1.0, 100: 9.0}}
    assert best(times, LT) is TILED  # three on average
    assert best({LT: times[LT], TILED: {1: 1.0, 100: 25.0}}, TILED) is LT


@pytest.mark.parametrize("usual", [LT, TILED])
def test_the_usual_choice_stays_unless_it_is_slower_beyond_the_margin(usual):
    other = TILED if usual is LT else LT
    within, beyond = 1 + 0.9 * MARGIN, 1 + 1.1 * MARGIN
    assert best({usual: {1: within}, other: {1: 1.0}}, usual) is usual
    assert best({usual: {1: beyond}, other: {1: 1.0}}, usual) is other


def test_of_what_could_not_be_timed_nothing_is_best():
    assert best({LT: {1: 3.0}, TILED: {1: 2.0}}, NARROW) is TILED


def test_everybody_begins_a_round_in_turn_and_the_median_counts():
    order = []
    seconds = {"a": iter([1.0, 5.0, 9.0, 7.0]), "b": iter([1.0, 2.0, 2.0, 90.0])}

    def clock(work, calls):
        assert calls == 1  # a second is long enough for a turn
        name = work()
        order.append(name)
        return next(seconds[name])

    found = interleaved({LT: lambda: "a", TILED: lambda: "b"}, 3, clock)
    assert found == {LT: 7.0, TILED: 2.0}
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"


def test_short_work_is_called_often_enough_for_a_turn():
    asked = []

    def clock(work, calls):
        asked.append(calls)
        return calls * TURN_SECONDS / 20

    assert interleaved({LT: lambda: None}, 2, clock) == {LT: pytest.approx(TURN_SECONDS / 20)}
    assert asked[0] == 1
    assert set(asked[1:]) <= {20, 21}


def test_a_clock_that_stands_still_is_no_error():
    found = interleaved({LT: lambda: None, TILED: lambda: None}, 1, lambda work, calls: 0.0)
    assert min(found.values()) > 0


def test_nothing_takes_no_time():
    assert interleaved({}, 3, lambda work, calls: 1.0) == {}
