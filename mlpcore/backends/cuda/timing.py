"""Times on a GPU: those of several ways to do one thing, and which of them is best."""

import math
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from mlpcore.backends.cuda.candidates import Work
from mlpcore.backends.cuda.choices import Choice

MARGIN = 0.05
"""By how much something must be faster than the default to take its place: beyond noise."""

TURN_SECONDS = 2e-3
"""How long a turn is at least, so that waiting for its end does not count."""

_MOST_CALLS = 200
_SHORTEST = 1e-9  # the logarithm wants more than 0

Clock = Callable[[Work, int], float]
"""Returns the seconds that so many calls of some work take together."""

Times = Mapping[int, float]
"""Seconds a call by batch."""


def gpu_clock(xp: Any) -> Clock:
    """Return the clock of the current device: the time between two events on CuPy's stream."""
    start, end = xp.cuda.Event(), xp.cuda.Event()

    def clock(work: Work, calls: int) -> float:
        start.record()
        for _ in range(calls):
            work()
        end.record()
        end.synchronize()
        return float(xp.cuda.get_elapsed_time(start, end)) / 1e3

    return clock


def interleaved(works: Mapping[Choice, Work], rounds: int, clock: Clock) -> dict[Choice, float]:
    """Return the median of the seconds a call of each, who begin the rounds in turn."""
    calls = {choice: _calls(work, clock) for choice, work in works.items()}
    seconds: dict[Choice, list[float]] = {choice: [] for choice in works}
    order = list(works)
    for number in range(rounds):
        first = number % max(len(order), 1)
        for choice in order[first:] + order[:first]:
            taken = clock(works[choice], calls[choice]) / calls[choice]
            seconds[choice].append(max(taken, _SHORTEST))
    return {choice: median(found) for choice, found in seconds.items()}


def _calls(work: Work, clock: Clock) -> int:
    """Return how many calls make a turn long enough, after one that compiles."""
    work()
    return max(1, min(_MOST_CALLS, math.ceil(TURN_SECONDS / max(clock(work, 1), _SHORTEST))))


def mean(times: Times) -> float:
    """Return the geometric mean over the batches, of which each counts the same."""
    return math.exp(math.fsum(map(math.log, times.values())) / len(times))


def best(times: Mapping[Choice, Times], usual: Choice) -> Choice:
    """Return the fastest, or the usual one unless the fastest beats it by more than `MARGIN`."""
    means = {choice: mean(of) for choice, of in times.items()}
    fastest = min(means, key=lambda choice: means[choice])
    if usual in means and means[usual] <= (1 + MARGIN) * means[fastest]:
        return usual
    return fastest
