"""Timing calls that take turns, so that whatever else the machine does meets all of them alike."""

import gc
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Clock: TypeAlias = Callable[[], int]
"""Returns nanoseconds from an arbitrary start."""

MAX_ROUNDS, MIN_ROUNDS = 50, 11
"""With fewer than 10 rounds the quartiles of two runs that differ by nothing but noise are apart in
more than one case of twenty."""
BLOCK_S = 0.01
"""How long a turn lasts at least, where the calls are shorter: long for a clock, short for a core
whose speed changes within a second."""
_MAX_CALLS = 100_000
_WARM_UP_CALLS = 2
_WARM_UP_SHARE = 0.05
_REFRESH_S, _LONG_S = 0.001, 0.1
"""How long calls before a turn last, and what needs none: caches are filled in a tenth of that."""


@dataclass(frozen=True)
class Timing:
    """The durations of one contender's calls.

    Attributes
    ----------
    rounds : tuple of ndarray
        Nanoseconds of each call of each round, warm-up not among them.
    gauge : tuple of float
        For each round the mean of the gauge's readings right before and right after it; () if
        there was no gauge.
    cores : tuple of float
        For each round the processor time of the whole process over the time that passed.
    """

    rounds: tuple[Any, ...]
    gauge: tuple[float, ...] = ()
    cores: tuple[float, ...] = ()

    @property
    def round_s(self) -> Any:
        """The mean time of a call in each round, in seconds."""
        return np.array([calls.mean() for calls in self.rounds]) * 1e-9

    @property
    def median_s(self) -> float:
        """The median over the rounds of the mean time of a call, in seconds."""
        return float(np.median(self.round_s))

    def percentile_s(self, percent: float) -> float:
        """Return the time that `percent` of all calls stay below, in seconds."""
        return float(np.percentile(np.concatenate(self.rounds), percent)) * 1e-9


class Measurement:
    """Calls that are timed in rounds, in each of which every one of them has its turn.

    A turn is of as many repetitions as fill its share of `seconds`, at least one.  There are 50
    rounds, fewer where a turn would be shorter than 10 ms, and down to 11 where the slowest call
    fills more than its share alone.  They may be taken in parts, with something else in between:
    a machine that others share is faster and slower by turns of seconds.

    The order of turns is drawn anew for each round.  Before a turn the process settles and the
    gauge is read; then calls of a millisecond, or one that is not very long, uncounted, bring back
    what the others have driven out of the caches.  The garbage collector rests meanwhile.

    Parameters
    ----------
    calls : mapping of str to callable
        What is timed, by name.  Each is warmed up now, uncounted.
    seconds : float
        How long each of them is measured in all.
    gauge : callable, optional
        Returns how fast the machine is at this moment.
    between : mapping of str to callable, optional
        What also has a turn in every round but keeps its own time.
    settle : callable, optional
        Returns when the threads of whoever was called before have come to rest.
    seed : int
        Of the order of turns.
    clock : callable, optional
        Returns nanoseconds.
    """

    def __init__(
        self,
        calls: Mapping[str, Callable[[], object]],
        seconds: float,
        *,
        gauge: Callable[[], float] | None = None,
        between: Mapping[str, Callable[[], object]] | None = None,
        settle: Callable[[], object] = lambda: None,
        seed: int = 0,
        clock: Clock = time.perf_counter_ns,
    ) -> None:
        gc.collect()
        with _collector_off():
            estimates = {name: _warm_up(call, seconds, clock) for name, call in calls.items()}
        fitting = int(seconds / max([BLOCK_S, *estimates.values()]))
        self._rounds = min(MAX_ROUNDS, max(MIN_ROUNDS, fitting)) if calls else 0
        self._turns = {
            name: _Turns(call, estimates[name], seconds / self._rounds, clock)
            for name, call in calls.items()
        }
        self._gauge, self._settle = gauge, settle
        self._between = between or {}
        self._order = [*self._turns, *self._between]
        self._rng = random.Random(seed)
        self._readings: list[float] = []

    def take(self, part: int = 0, parts: int = 1) -> None:
        """Take the rounds of `part`, counted from 0, of `parts` that have almost equally many."""
        first, last = (self._rounds * end // parts for end in (part, part + 1))
        if first == last:
            return
        with _collector_off():
            for _ in range(first, last):
                self._rng.shuffle(self._order)
                for name in self._order:
                    if name in self._between:
                        self._between[name]()
                        continue
                    self._pause()
                    self._turns[name].take(len(self._readings))
            self._pause()

    def timings(self) -> dict[str, Timing]:
        """Return the durations of the rounds that were taken, by name."""
        return {name: one.timing(self._readings) for name, one in self._turns.items()}

    def _pause(self) -> None:
        self._settle()
        if self._gauge is not None:
            self._readings.append(self._gauge())


class _Turns:
    """One contender's turns: how many calls, and what they took."""

    def __init__(
        self, call: Callable[[], object], estimate_s: float, share_s: float, clock: Clock
    ) -> None:
        self._call, self._clock = call, clock
        self._repeats = min(_MAX_CALLS, max(1, int(share_s / estimate_s)))
        wanted = max(1, round(_REFRESH_S / estimate_s)) if estimate_s < _LONG_S else 0
        self._refreshing = min(self._repeats, wanted)
        self._rounds: list[Any] = []
        self._cores: list[float] = []
        self._readings: list[int] = []

    def take(self, readings: int) -> None:
        """Take a turn, after so many readings of the gauge."""
        for _ in range(self._refreshing):
            self._call()
        used, start = time.process_time(), time.perf_counter()
        self._rounds.append(_repeat(self._call, self._repeats, self._clock))
        used, passed = time.process_time() - used, time.perf_counter() - start
        self._cores.append(used / passed)
        self._readings.append(readings)

    def timing(self, readings: list[float]) -> Timing:
        """Return all turns, each with the readings on either side of it."""
        near = [(readings[i - 1] + readings[i]) / 2 for i in self._readings] if readings else []
        return Timing(tuple(self._rounds), tuple(near), tuple(self._cores))


def _warm_up(call: Callable[[], object], seconds: float, clock: Clock) -> float:
    """Call until caches are filled and code is compiled; return the shortest call in seconds."""
    shortest = float("inf")
    spent = count = 0
    while count < _WARM_UP_CALLS or (spent < seconds * _WARM_UP_SHARE * 1e9 and count < _MAX_CALLS):
        start = clock()
        call()
        taken = clock() - start
        spent += taken
        count += 1
        shortest = min(shortest, max(taken, 1))
    return shortest * 1e-9


def _repeat(call: Callable[[], object], count: int, clock: Clock) -> Any:
    """Return the nanoseconds of each of `count` calls."""
    taken = np.empty(count, np.int64)
    for i in range(count):
        start = clock()
        call()
        taken[i] = clock() - start
    return taken


@contextmanager
def _collector_off() -> Iterator[None]:
    """Keep the garbage collector from working on its own before the end."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
